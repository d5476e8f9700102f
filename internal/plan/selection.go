package plan

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"starferry/internal/change"
)

// Selection is a statement that names its source tables by patterns: CREATE DATABASE
// … AS DATABASE, or CREATE TABLE … AS TABLE with a pattern. Which tables these are is
// known when the source was asked: Plan.Resolve.
type Selection struct {
	Database Pattern   // of source databases
	Include  []Pattern // of tables; none: all
	Exclude  []Pattern
	// Whole: a statement of a database, whose targets are named as their sources are.
	Whole bool
	// Renames give targets of Whole other names; the first that matches counts.
	Renames []Rename
	// Merged: tables of several databases, or of several names, go into one target: into
	// that of the template, or each into the one of its own name (Whole).
	Merged bool
	// Template is the route of every table but for its names; its own are for people.
	Template Route
}

// Match tells whether the selection has a table; fold as the source's server compares
// names of tables.
func (s *Selection) Match(name change.Name, fold bool) bool {
	matches := func(p Pattern) bool { return p.Match(name.Table, fold) }
	switch {
	case !s.Database.Match(name.Database, fold) || slices.ContainsFunc(s.Exclude, matches):
		return false
	case len(s.Include) > 0 && !slices.ContainsFunc(s.Include, matches):
		return false
	case isSystem(name.Database):
		return false
	}
	return !isWorkTable(name.Table) || s.names(name, fold)
}

// names tells whether the table is written out.
func (s *Selection) names(name change.Name, fold bool) bool {
	return slices.ContainsFunc(s.Include, func(p Pattern) bool { return p.Names(name.Table, fold) })
}

// Route is the route of a table of the selection.
func (s *Selection) Route(name change.Name, fold bool) Route {
	r := s.Template
	r.Source, r.Merged, r.ByPattern = name, s.Merged, !s.names(name, fold)
	if s.Whole {
		r.Target.Table = s.renamed(name.Table, fold)
	}
	return r
}

// Rename gives the tables that a pattern matches a name, in which $1 is what the first
// group of the pattern matched.
type Rename struct {
	From Pattern
	To   string
}

func (s *Selection) renamed(table string, fold bool) string {
	for _, r := range s.Renames {
		from := r.From.exact
		if fold {
			from = r.From.folded
		}
		if groups := from.FindStringSubmatchIndex(table); groups != nil {
			return string(from.ExpandString(nil, r.To, table, groups))
		}
	}
	return table
}

func isSystem(database string) bool {
	return slices.Contains([]string{"mysql", "information_schema", "performance_schema", "sys"}, strings.ToLower(database))
}

// workTable are the names that gh-ost, pt-online-schema-change and the servers themselves
// give to the tables they work with.
var workTable = regexp.MustCompile(`^(_.+_(gho|ghc|del)|_+.+_(new|old)|#sql.*)$`)

func isWorkTable(name string) bool { return workTable.MatchString(strings.ToLower(name)) }

// RoutesOf are the routes of the selections that a table of the source is in.
func (p *Plan) RoutesOf(name change.Name, fold bool) (routes []Route) {
	for i := range p.Selections {
		if s := &p.Selections[i]; s.Match(name, fold) {
			routes = append(routes, s.Route(name, fold))
		}
	}
	return routes
}

// sortNames puts names in order, each once.
func sortNames(names []change.Name) []change.Name {
	names = slices.Clone(names)
	slices.SortFunc(names, func(a, b change.Name) int {
		return cmp.Or(cmp.Compare(a.Database, b.Database), cmp.Compare(a.Table, b.Table))
	})
	return slices.Compact(names)
}
