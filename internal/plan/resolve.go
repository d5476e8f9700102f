package plan

import (
	"fmt"
	"slices"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/script"
)

// side is the source or the target of a statement, for what is said about it.
type side struct {
	name  string // "source", "target"
	kind  kind
	where Scope
	write string // how to write the name out
	what  string // that is named
}

var (
	sourceSide = side{"source", kindMySQL, InOptions, "AS TABLE mysql_catalog.database.table", "table"}
	targetSide = side{"target", kindStarRocks, InWith, "CREATE TABLE starrocks_catalog.database.table", "table"}
)

// resolve finds the catalog and the full name of a table. The identifier of the
// statement goes before 'table-name' and, where it names a database,
// 'database-name': what one reads in the statement is what happens. Nil when the
// catalog is not known; a finding says why.
func (c *compiler) resolve(path script.Path, written *layer, s side) (*catalog, change.Name) {
	if len(path.Parts) == 0 || !isSet(path) {
		return nil, change.Name{}
	}
	cat := c.catalogAt(path, 3, s)
	if cat == nil || cat.kind == kindUnknown {
		return nil, change.Name{}
	}
	if cat.kind != s.kind {
		c.wrongKind(cat, path, s)
		return nil, change.Name{}
	}
	if s.where == InWith && slices.ContainsFunc(path.Parts, isPattern) {
		c.error(CodePattern, path.At, fmt.Sprintf("%s is not a name: only a source is chosen by patterns", path), "name the table.")
		return nil, change.Name{}
	}
	name := change.Name{Table: path.Last().Name, Database: c.databaseOf(path, cat, written)}
	if name.Database == "" {
		c.error(CodeNoDatabase, path.At, fmt.Sprintf("nothing says in which database %s is", path), fmt.Sprintf("write %s.", c.writeOut(s)))
		return nil, change.Name{}
	}
	c.compareNames(path, written, name, s)
	return cat, name
}

func (c *compiler) wrongKind(cat *catalog, path script.Path, s side) {
	c.error(CodeCatalogKind, path.At, fmt.Sprintf("catalog '%s' is a %s catalog: it cannot be the %s", cat.name, cat.kind, s.name),
		fmt.Sprintf("name a %s of a %s catalog: %s.", s.what, s.kind, c.writeOut(s)))
}

// writeOut is how to write a name of a side out, with its catalog where there is only one.
func (c *compiler) writeOut(s side) string {
	name := ""
	for _, cat := range c.catalogs {
		switch {
		case cat.kind != s.kind:
		case name != "":
			return s.write
		default:
			name = cat.name
		}
	}
	if name == "" {
		return s.write
	}
	return strings.Replace(s.write, string(s.kind)+"_catalog", name, 1)
}

// catalogAt finds the catalog of a path, which names it when it has so many parts.
func (c *compiler) catalogAt(path script.Path, parts int, s side) *catalog {
	if len(path.Parts) == parts {
		return c.lookup(path.Parts[0])
	}
	if c.current == nil && !c.lost {
		c.error(CodeNoDatabase, path.At, fmt.Sprintf("there is no current catalog to look for %s in", path),
			fmt.Sprintf("write USE CATALOG before it, or %s.", c.writeOut(s)))
	}
	return c.current
}

// databaseOf finds the database: in the statement, in its options, from USE, from
// the catalog.
func (c *compiler) databaseOf(path script.Path, cat *catalog, written *layer) string {
	if n := len(path.Parts); n >= 2 {
		return path.Parts[n-2].Name
	}
	if b := written.get("database-name"); b != nil && b.value != "" {
		return b.value
	}
	if c.database != "" {
		return c.database
	}
	return cat.database
}

// compareNames warns where an option names another table or database than the
// statement does.
func (c *compiler) compareNames(path script.Path, written *layer, name change.Name, s side) {
	c.compareName("database-name", "database", name.Database, path, written, s)
	c.compareName("table-name", "table", name.Table, path, written, s)
}

func (c *compiler) compareName(key, what, used string, path script.Path, written *layer, s side) {
	b := written.get(key)
	if b == nil || b.value == used {
		return
	}
	c.findings = append(c.findings, diag.Finding{
		Code: CodeNamesDiffer, Severity: diag.Warning, File: c.file, Span: b.text.At,
		Message: fmt.Sprintf("the %s %s is '%s', as the statement says; '%s' = '%s' is not used", s.name, what, used, key, b.value),
		Label:   "the statement names " + strings.TrimSpace(path.String()),
		Fix:     fmt.Sprintf("remove '%s', or write '%s' there.", key, used),
	})
}

// isSet tells a name without a variable that has no value; a finding says of one that has.
func isSet(path script.Path) bool {
	return !slices.ContainsFunc(path.Parts, func(part script.Ident) bool { return part.Unset })
}
