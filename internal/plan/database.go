package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"starferry/internal/change"
	"starferry/internal/script"
)

// createDatabase makes a selection of CREATE DATABASE … AS DATABASE.
func (c *compiler) createDatabase(st *script.CreateDatabaseAs) {
	with := c.bind(st.With, InWith, "WITH")
	hint := c.bind(st.Hint, InOptions, "OPTIONS")
	if st.Comment != nil {
		c.warn(CodeNoComment, st.Comment.At, "the comment is not carried to the target database", "write it there: ALTER DATABASE … .")
	}
	if !st.IfNotExists && !st.IsBroken() {
		c.info(CodeNoIfNotExists, st.Name.At, "IF NOT EXISTS is left out, but the statement means it: a database that exists is kept, and so are its tables",
			"write CREATE DATABASE IF NOT EXISTS.")
	}
	c.inForce, c.late = &layer{origin: "SET", list: slices.Clone(c.settings.list)}, nil

	sinkCatalog, target := c.resolveDatabase(st.Name, with, targetSide)
	sourceCatalog, source := c.resolveDatabase(st.Source, hint, sourceSide)
	include, included := c.patterns(st.Including)
	exclude, excluded := c.patterns(st.Excluding)
	if sinkCatalog == nil || sourceCatalog == nil || !included || !excluded {
		return
	}
	selected, ok := c.namePattern(st.Source.Last())
	if !ok {
		return
	}
	s := &Selection{Database: selected, Include: include, Exclude: exclude, Whole: true, Merged: isPattern(st.Source.Last()), Renames: c.renames(st.Renames)}
	// What is said of one table is said of each.
	each := &script.CreateTableAs{Node: st.Node, Name: st.Name, With: st.With, Source: st.Source, Hint: st.Hint}
	c.take(each, s, layers{with, sinkCatalog.options}, layers{hint, sourceCatalog.options},
		change.Name{Database: source, Table: "*"}, change.Name{Database: target, Table: "*"})
}

// resolveDatabase finds the catalog and the name of a database, as resolve does for a
// table.
func (c *compiler) resolveDatabase(path script.Path, written *layer, s side) (*catalog, string) {
	if len(path.Parts) == 0 || !isSet(path) {
		return nil, ""
	}
	s.what = "database"
	s.write = strings.ReplaceAll(strings.TrimSuffix(s.write, ".table"), "TABLE", "DATABASE")
	name := path.Last().Name
	if s.where == InWith && isPattern(path.Last()) {
		c.error(CodePattern, path.At, fmt.Sprintf("%s is not a name: only a source is chosen by patterns", path), "name the database.")
		return nil, ""
	}
	cat := c.catalogAt(path, 2, s)
	if cat == nil || cat.kind == kindUnknown {
		return nil, ""
	}
	if cat.kind != s.kind {
		c.wrongKind(cat, path, s)
		return nil, ""
	}
	c.compareName("database-name", "database", name, path, written, s)
	if b := written.get("table-name"); b != nil {
		c.info(CodeNoEffect, b.text.Key.At, "'table-name' has no effect in a statement of a database: INCLUDING TABLE chooses tables, and each keeps its name", "")
	}
	return cat, name
}

func (c *compiler) patterns(list []script.Text) (patterns []Pattern, ok bool) {
	ok = true
	for _, text := range list {
		if text.Unset {
			ok = false
			continue
		}
		p, good := c.pattern(text.Value, text.At)
		patterns, ok = append(patterns, p), ok && good
	}
	return patterns, ok
}

// group is a reference to a group of a pattern.
var group = regexp.MustCompile(`\$(?:(\d+)|\{(\w+)\}|(.?))`)

func (c *compiler) renames(list []script.Rename) (renames []Rename) {
	for _, r := range list {
		from, ok := c.pattern(r.From.Value, r.From.At)
		if !ok {
			continue
		}
		if r.To.Value == "" {
			c.error(CodePattern, r.To.At, "a table's name is not empty", "write the name, for example 'ods_$1'.")
			continue
		}
		// $1_x would be the group named 1_x.
		to := group.ReplaceAllStringFunc(r.To.Value, func(found string) string {
			if n := strings.TrimPrefix(found, "$"); n != "" && strings.Trim(n, "0123456789") == "" {
				if number, err := strconv.Atoi(n); err == nil && number <= from.exact.NumSubexp() {
					return "${" + n + "}"
				}
			}
			c.error(CodePattern, r.To.At, fmt.Sprintf("'%s' has %s, and the pattern '%s' has no such group", r.To.Value, found, r.From.Value),
				"write $1 for what the first pair of parentheses of the pattern matches: RENAME TABLE '(.*)' TO 'ods_$1'.")
			return ""
		})
		renames = append(renames, Rename{from, to})
	}
	return renames
}

// isPattern tells a name that is a regular expression.
func isPattern(name script.Ident) bool { return name.Quoted && strings.ContainsAny(name.Name, meta) }

// namePattern is the pattern that the name of a source's database or table is.
func (c *compiler) namePattern(name script.Ident) (Pattern, bool) {
	if !isPattern(name) {
		return literal(name.Name, name.At), true
	}
	return c.pattern(name.Name, name.At)
}

// selectionOf is what CREATE TABLE … AS TABLE selects when it has a pattern for its
// source; nil when it has none.
func (c *compiler) selectionOf(st *script.CreateTableAs, source change.Name) (s *Selection, ok bool) {
	if !slices.ContainsFunc(st.Source.Parts, isPattern) {
		return nil, true
	}
	table, ok := c.namePattern(st.Source.Last())
	database := script.Ident{Name: source.Database, At: st.Source.At}
	if n := len(st.Source.Parts); n >= 2 {
		database = st.Source.Parts[n-2]
	}
	in, fine := c.namePattern(database)
	return &Selection{Database: in, Include: []Pattern{table}, Merged: true}, ok && fine
}

// takeSelections moves the routes that are templates to their selections.
func (c *compiler) takeSelections() {
	var routes []Route
	for i, r := range c.plan.Routes {
		if s := c.selections[i]; s != nil {
			s.Template = r
			c.plan.Selections = append(c.plan.Selections, *s)
		} else {
			routes = append(routes, r)
		}
	}
	c.plan.Routes = routes
}
