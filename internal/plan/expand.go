package plan

import (
	"fmt"
	"slices"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// Resolve returns the routes of the plan for a source that has these tables: first those
// of statements that name their table, then those of the selections, each by name. views are
// for what is said of a statement that names one. fold as the source's server compares names
// of tables.
func (p *Plan) Resolve(tables, views []change.Name, fold bool) ([]Route, []diag.Finding) {
	e := &expansion{plan: p, tables: sortNames(tables), views: views, fold: fold, filled: map[change.Name]filled{}}
	for _, r := range p.Routes {
		e.add(nil, r)
	}
	for i := range p.Selections {
		e.selection(&p.Selections[i])
	}
	e.countInside()
	diag.Sort(e.findings)
	return e.routes, e.findings
}

// expansion is the work of Resolve.
type expansion struct {
	plan     *Plan
	tables   []change.Name
	views    []change.Name
	fold     bool
	routes   []Route
	filled   map[change.Name]filled
	findings []diag.Finding
}

// filled is what a target table is filled from first.
type filled struct {
	by    *Selection // nil for a statement of one table
	route Route
	said  bool
}

func (e *expansion) report(severity diag.Severity, code diag.Code, r *Route, at diag.Span, message, fix string) {
	e.findings = append(e.findings, diag.Finding{Code: code, Severity: severity, Message: message, Fix: fix, File: r.File, Span: at})
}

func (e *expansion) selection(s *Selection) {
	var found []change.Name
	for _, name := range e.tables {
		if s.Match(name, e.fold) {
			found = append(found, name)
		}
	}
	e.sayUnmatched(s, found)
	for _, name := range found {
		e.add(s, s.Route(name, e.fold))
	}
}

// add takes a route, unless its target is filled already: by another statement, or, where
// nothing is merged, by another table.
func (e *expansion) add(s *Selection, r Route) {
	first, taken := e.filled[r.Target]
	switch {
	case !taken:
		e.filled[r.Target] = filled{by: s, route: r}
	case s != nil && s.Merged && first.by == s:
	default:
		if !first.said {
			e.sayTaken(&r, &first.route, s != nil && first.by == s)
			first.said = true
			e.filled[r.Target] = first
		}
		return
	}
	if len(r.Target.Table) > 1024 || strings.ContainsRune(r.Target.Table, 0) {
		e.report(diag.Error, CodeTargetName, &r, head(&r), fmt.Sprintf("StarRocks has no table names like that of %s", r.Source), "leave it out with EXCLUDING TABLE.")
		return
	}
	e.routes = append(e.routes, r)
}

// head is where a statement begins.
func head(r *Route) diag.Span {
	return diag.Span{Start: r.Span.Start, End: min(r.Span.Start+len("CREATE"), r.Span.End)}
}

// sayTaken says that a target is filled already, by another table of the same statement or
// by another statement.
func (e *expansion) sayTaken(r, first *Route, same bool) {
	line, _ := first.File.Position(first.Span.Start)
	if same {
		e.report(diag.Error, CodeTargetTwice, r, head(r), fmt.Sprintf("%s and %s would both go into target table %s", first.Source, r.Source, r.Target),
			fmt.Sprintf("have RENAME TABLE give them names of their own: $1 is what the first group of the pattern matches; or leave one out: EXCLUDING TABLE '%s'.", r.Source.Table))
		return
	}
	e.report(diag.Error, CodeTargetTwice, r, head(r),
		fmt.Sprintf("target table %s is filled from %s already, by the statement on line %d: %s cannot go there too", r.Target, first.Source, line, r.Source),
		fmt.Sprintf("leave it out of one of the two: EXCLUDING TABLE '%s'; or send it into another database.", r.Source.Table))
}

// sayUnmatched says which patterns have found nothing. A name that is not there yet is
// waited for, if new tables are followed.
func (e *expansion) sayUnmatched(s *Selection, found []change.Name) {
	var others, beside []string
	for _, name := range e.tables {
		switch {
		case isSystem(name.Database):
		case s.Database.Match(name.Database, e.fold):
			beside = append(beside, name.Table)
		default:
			others = append(others, name.Database)
		}
	}
	if len(beside) == 0 {
		fix := "name what is there; 'SHOW DATABASES' at the source lists what the user sees."
		if near := diag.Nearest(s.Database.Text, others); near != "" && s.Database.IsName() {
			fix = fmt.Sprintf("did you mean %s? Else: %s", near, fix)
		} else if meant := likeShell(s.Database.Text); meant != "" {
			fix = fmt.Sprintf("did you mean `%s`? Else: %s", meant, fix)
		}
		e.report(diag.Error, CodeNoMatch, &s.Template, s.Database.At, fmt.Sprintf("no database '%s' with tables is at the source, or none that this user may read", s.Database.Text), fix)
		return
	}
	severity, then := diag.Error, "name what is there."
	if e.plan.Settings.FollowNew {
		severity, then = diag.Warning, "look at the name; if it is right, nothing: a table that is created later is followed from then on."
	}
	for _, p := range s.Include {
		if slices.ContainsFunc(found, func(name change.Name) bool { return p.Match(name.Table, e.fold) }) {
			continue
		}
		if e.sayView(s, p) {
			continue
		}
		why, fix := fmt.Sprintf("'%s' matches no table", p.Text), then
		if slices.ContainsFunc(beside, func(table string) bool { return p.Match(table, e.fold) }) {
			why += " that is not excluded"
		} else if near := diag.Nearest(p.Text, beside); near != "" && p.IsName() {
			fix = fmt.Sprintf("did you mean '%s'? Else: %s", near, then)
		} else if meant := likeShell(p.Text); meant != "" {
			fix = fmt.Sprintf("did you mean '%s'? Else: %s", meant, then)
		}
		e.report(severity, CodeNoMatch, &s.Template, p.At, why, fix)
	}
	for _, p := range s.Exclude {
		if !slices.ContainsFunc(beside, func(table string) bool { return p.Match(table, e.fold) }) {
			e.report(diag.Warning, CodeNoMatch, &s.Template, p.At, fmt.Sprintf("'%s' excludes no table", p.Text), "look at the name; if it is right, nothing.")
		}
	}
	if len(s.Include) == 0 && len(found) == 0 {
		e.report(severity, CodeNoMatch, &s.Template, s.Database.At, "the statement selects no table", then)
	}
}

// sayView says of a pattern that has found no table that it matches views. One that is written
// out is meant.
func (e *expansion) sayView(s *Selection, p Pattern) bool {
	isOne := func(name change.Name) bool {
		return s.Database.Match(name.Database, e.fold) && p.Match(name.Table, e.fold)
	}
	if !slices.ContainsFunc(e.views, isOne) {
		return false
	}
	const why, fix = "views have no rows of their own in the binary log, so nothing tells when what they show changes", "name the tables that it reads, and make the view in StarRocks."
	if p.IsName() {
		e.report(diag.Error, CodeNoMatch, &s.Template, p.At, fmt.Sprintf("'%s' is a view: %s", p.Text, why), fix)
		return true
	}
	e.report(diag.Warning, CodeNoMatch, &s.Template, p.At, fmt.Sprintf("'%s' matches views only: %s", p.Text, why), fix)
	return true
}

// FitsInside refuses routes that are added to the filled targets where a transaction would
// have too many tables.
func (p *Plan) FitsInside(filled map[change.Name]change.Name, routes []Route) error {
	if !p.Settings.PositionInside {
		return nil
	}
	for _, r := range routes {
		tables := map[change.Name]bool{r.Target: true}
		for target := range filled {
			if target.Database == r.Target.Database {
				tables[target] = true
			}
		}
		if len(tables) > insideTables {
			message, fix := tooManyInside(r.Target.Database)
			return &diag.Problem{Code: CodeTooManyTables, Message: message, Fix: fix}
		}
	}
	return nil
}

// countInside refuses more tables of a database than one transaction takes.
func (e *expansion) countInside() {
	if !e.plan.Settings.PositionInside {
		return
	}
	tables := map[string]map[string]bool{}
	for i := range e.routes {
		r := &e.routes[i]
		in := tables[r.Target.Database]
		if in == nil {
			in = map[string]bool{}
			tables[r.Target.Database] = in
		}
		if in[r.Target.Table] = true; len(in) == insideTables+1 {
			message, fix := tooManyInside(r.Target.Database)
			e.report(diag.Error, CodeTooManyTables, r, head(r), message, fix)
		}
	}
}
