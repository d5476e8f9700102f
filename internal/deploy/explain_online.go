package deploy

import (
	"context"
	"fmt"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/mysql"
	"starferry/internal/plan"
	"starferry/internal/starrocks"
)

// onlooker looks at what is there, as a start does, and changes nothing.
type onlooker struct {
	source    *mysql.Servers
	target    *starrocks.Client
	estimates map[change.Name]uint64
	targets   int // that would be filled
	missing   int
	skipped   leftOut // what a start would leave out
	problems  []error // what it would refuse
}

func (o *onlooker) begin(ctx context.Context, p *plan.Plan) (err error) {
	o.estimates, err = o.source.Estimates(ctx, sources(p.Routes))
	return err
}

// inTheLog looks for the place to begin at.
func (e *explainer) inTheLog(ctx context.Context) {
	if e.plan.Source.Startup.Copies() {
		return
	}
	c, changes, err := placed(ctx, e.plan, e.online.source, e.plan.Source.Startup)
	switch {
	case err != nil:
		e.online.problems = append(e.online.problems, err)
	case len(changes.Altered) > 0 && e.plan.Source.Startup.Mode != plan.Latest:
		e.online.problems = append(e.online.problems, alteredProblem(c.Position, &changes))
	default:
		e.line("Begins", "at %s; %d tables were created behind that place and are copied", c.Position, len(changes.Created))
	}
}

// atTheCluster asks whether the cluster delivers as the script wants.
func (e *explainer) atTheCluster(ctx context.Context, out *printer) {
	_, open, err := delivery(ctx, e.plan, e.online.target, out)
	if err != nil {
		e.online.problems = append(e.online.problems, err)
		return
	}
	if e.plan.Delivery == plan.ExactlyOnce && open < e.plan.Settings.MaxOpenTransactions && !e.plan.Settings.PositionInside {
		e.line("Warning", "StarRocks lets fewer transactions run at once: an epoch ends when %d of ours are open, not %d", open, e.plan.Settings.MaxOpenTransactions)
	}
}

// refused takes what keeps a target from being filled. True: a start leaves all out that
// would go there.
func (o *onlooker) refused(routes []plan.Route, group []int, err error) bool {
	left := true
	for n, i := range group {
		cause := err
		if n > 0 {
			cause = asFirst(err, routes[group[0]])
		}
		if !o.skipped.leave(routes[i], cause) {
			o.problems, left = append(o.problems, cause), false
		}
	}
	return left
}

// atTheTarget says what a start would find in place of a target table.
func (e *explainer) atTheTarget(ctx context.Context, spec starrocks.TableSpec, group []int) {
	r := e.plan.Routes[group[0]]
	say := func(format string, a ...any) { fmt.Fprintf(e.w, "\n  At the target: %s\n", fmt.Sprintf(format, a...)) }
	rows, n := "", uint64(0)
	for _, i := range group {
		n += e.online.estimates[e.plan.Routes[i].Source]
	}
	if n > 0 {
		rows = fmt.Sprintf(", ~%s rows are to be copied", Grouped(n))
	}
	found, exists, err := e.online.target.Inspect(ctx, spec)
	if p := diag.Find(err); p != nil && p.Code == starrocks.CodeNoDatabase && e.createsDatabase(r.Target.Database) {
		exists, err = false, nil
	}
	switch {
	case err != nil && e.online.refused(e.plan.Routes, group, err):
		say("run would leave the table out: %s%s", strings.ReplaceAll(err.Error(), "\n", "\n  "), inWords(diag.Find(err)))
		return
	case err != nil:
		say("run would refuse to start, see below")
		return
	}
	e.online.targets++
	switch {
	case !exists:
		e.online.missing++
		say("the table is missing%s", rows)
		e.statement("to create it", found.Mapping)
		return
	case found.Rows > 0:
		say("the table is there, as it would be created, and holds %s rows: they are kept, and rows that %s does not have stay there for good%s", Grouped(uint64(found.Rows)), r.Source, rows)
	default:
		say("the table is there, as it would be created, and is empty%s", rows)
	}
	for _, note := range found.Notes[len(found.Mapping.Notes):] {
		fmt.Fprintf(e.w, "  Note: %s\n", note)
	}
}

// inWords is the remedy of a problem below what is said of it.
func inWords(p *diag.Problem) string {
	if p == nil || p.Fix == "" {
		return ""
	}
	return "\n   = To fix: " + strings.ReplaceAll(p.Fix, "\n", "\n     ")
}

// createsDatabase tells that a statement of the script makes the database.
func (e *explainer) createsDatabase(name string) bool {
	for i := range e.plan.Selections {
		if s := &e.plan.Selections[i]; s.Whole && s.Template.Target.Database == name {
			return true
		}
	}
	return false
}

// verdict is the last line.
func (e *explainer) verdict(good bool) {
	fmt.Fprintln(e.w)
	if out := len(e.online.skipped.routes); out > 0 {
		e.line("Left out", "%d of the tables that patterns select, and the others are followed", out)
	}
	if !good {
		e.line("Verdict", "run would refuse to start")
		return
	}
	e.line("Verdict", "run would start: of %d target tables %d would be created", e.online.targets, e.online.missing)
}
