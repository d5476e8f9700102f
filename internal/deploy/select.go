package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
	"starferry/internal/mysql"
	"starferry/internal/plan"
	"starferry/internal/starrocks"
)

// resolve gives a plan the routes of its selections: of the tables that the source has, and
// of those that the checkpoint knows, whose end may be in the log only.
func resolve(ctx context.Context, p *plan.Plan, source *mysql.Servers, restored *checkpoint.Checkpoint) (resolved *plan.Plan, warnings []string, err error) {
	if len(p.Selections) == 0 {
		return p, nil, nil
	}
	names, views, err := source.Tables(ctx, databasesOf(p))
	if err == nil && len(names) == 0 { // for what may have been meant
		names, views, err = source.Tables(ctx, nil)
	}
	if err != nil {
		return nil, nil, err
	}
	if restored != nil {
		for i := range restored.Tables {
			if t := &restored.Tables[i]; t.ShadowOf == (change.Name{}) {
				names = append(names, t.Name)
			}
		}
	}
	routes, findings := p.Resolve(names, views, source.Server().FoldsNames)
	var problems []error
	for _, f := range findings {
		line, column := f.File.Position(f.Span.Start)
		text := fmt.Sprintf("%s:%d:%d: %s", f.File.Name, line, column, f.Message)
		if f.Severity == diag.Error {
			problems = append(problems, &diag.Problem{Code: f.Code, Message: text, Fix: f.Fix})
			continue
		}
		warnings = append(warnings, fmt.Sprintf("%s\n   = To fix: %s", text, f.Fix))
	}
	if len(problems) == 0 && len(routes) == 0 {
		problems = append(problems, &diag.Problem{Code: codeNothingSelected, Message: "the statements select no table of the source",
			Fix: "look at the names, or create the first table: those that come later are followed from then on."})
	}
	copied := *p
	copied.Routes = routes
	return &copied, warnings, diag.Join(problems...)
}

// selected resolves a plan that is to run and makes its databases ready. A table is among
// those that the source has now, or comes behind the place from.
func selected(ctx context.Context, p *plan.Plan, at ends, restored *checkpoint.Checkpoint, out *printer) (resolved *plan.Plan, from change.Position, err error) {
	if len(p.Selections) == 0 {
		return p, from, nil
	}
	if err := at.source.Check(ctx, nil); err != nil {
		return nil, from, err
	}
	if from, err = at.source.Start(ctx); err != nil {
		return nil, from, err
	}
	resolved, warnings, err := resolve(ctx, p, at.source, restored)
	for _, warning := range warnings {
		out.say("warning: " + warning)
	}
	if err != nil {
		return nil, from, err
	}
	return resolved, from, readyDatabases(ctx, p, at.target, out)
}

// databasesOf are the source databases of the selections, none when one is a pattern.
func databasesOf(p *plan.Plan) (databases []string) {
	for i := range p.Selections {
		if !p.Selections[i].Database.IsName() {
			return nil
		}
		databases = append(databases, p.Selections[i].Database.Text)
	}
	return databases
}

// readyDatabases creates the target databases of statements of a database.
func readyDatabases(ctx context.Context, p *plan.Plan, target *starrocks.Client, out *printer) error {
	var problems []error
	var ready []string
	for i := range p.Selections {
		name := p.Selections[i].Template.Target.Database
		if !p.Selections[i].Whole || slices.Contains(ready, name) {
			continue
		}
		ready = append(ready, name)
		created, err := target.CreateDatabase(ctx, name)
		problems = append(problems, err)
		if created {
			out.say("created StarRocks database " + name)
		}
	}
	return diag.Join(problems...)
}

// leftOut are tables that a pattern selects and that cannot be followed: they do not keep
// the others from it.
type leftOut struct {
	routes []plan.Route
	why    []error
}

// leave notes a table, if it may be left out.
func (l *leftOut) leave(r plan.Route, err error) bool {
	if !r.ByPattern || err == nil || diag.IsTransient(err) || diag.Find(err) == nil {
		return false
	}
	l.routes, l.why = append(l.routes, r), append(l.why, err)
	return true
}

// text is one finding for all of them.
func (l *leftOut) text() string {
	if len(l.routes) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d selected tables are left out, the others are followed:", len(l.routes))
	for i, r := range l.routes {
		fmt.Fprintf(&b, "\n   - %s: %s", r.Source, strings.ReplaceAll(l.why[i].Error(), "\n", "\n     "))
		if p := diag.Find(l.why[i]); p != nil && p.Fix != "" {
			fmt.Fprintf(&b, "\n     %s", p.Fix)
		}
	}
	b.WriteString("\n   = To fix: mend them, or leave them out with EXCLUDING TABLE; a table that gets a primary key is followed from then on.")
	return b.String()
}

// without are the routes that are not left out.
func (l *leftOut) without(routes []plan.Route) (rest []plan.Route) {
	for _, r := range routes {
		if !slices.ContainsFunc(l.routes, func(out plan.Route) bool { return out.Source == r.Source && out.Target == r.Target }) {
			rest = append(rest, r)
		}
	}
	return rest
}
