package deploy

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/mysql"
	"starferry/internal/plan"
	"starferry/internal/starrocks"
)

// Explain prints what Run would do: where rows come from and go to, every column
// with its types, the DDL that will run, and the options in force. It asks the
// servers and changes nothing. With online it also looks at the targets as they are, and its
// error is what Run would refuse to start with.
func Explain(ctx context.Context, p *plan.Plan, online bool, w io.Writer) error {
	out := newPrinter(Options{Out: io.Discard}, p.Name)
	defer out.close(nil)
	source, target, err := connect(ctx, p, explainServerID, nil, out)
	if err != nil {
		return err
	}
	defer source.Close()
	defer target.Close()
	resolved, warnings, err := resolve(ctx, p, source, nil)
	e := &explainer{w: w, plan: resolved}
	if err != nil {
		e.warn(warnings)
		return err
	}
	p = resolved
	checkErr := source.Check(ctx, sources(p.Routes))
	var skipped leftOut
	tables, err := describe(ctx, source, p.Routes, &skipped)
	if err := diag.Join(checkErr, err); err != nil {
		e.warn(warnings)
		return err
	}
	p.Routes = skipped.without(p.Routes)
	if text := skipped.text(); text != "" {
		warnings = append(warnings, text)
	}
	cascades, err := source.Cascades(ctx, sources(p.Routes))
	if err != nil {
		return err
	}
	if online {
		e.online = &onlooker{source: source, target: target}
		if err := e.online.begin(ctx, p); err != nil {
			return err
		}
	}
	e.head(source.Server(), target)
	e.delivery()
	e.selections()
	e.warn(warnings)
	for _, c := range cascades {
		e.line("Warning", "%s", cascadeMeaning(c, sources(p.Routes), p.Settings.MendCascades))
	}
	if online {
		e.inTheLog(ctx)
		e.atTheCluster(ctx, out)
	}
	problems := e.routes(ctx, target, tables)
	e.options()
	if online {
		problems = append(problems, e.online.problems...)
		if len(e.online.skipped.routes) == len(p.Routes) {
			problems = append(problems, e.online.skipped.why...)
		}
		e.verdict(diag.Join(problems...) == nil)
	}
	return diag.Join(problems...)
}

// routes shows each target and what flows into it.
func (e *explainer) routes(ctx context.Context, target *starrocks.Client, tables map[change.Name]*change.Table) (problems []error) {
	for _, group := range sameTarget(e.plan.Routes) {
		r := e.plan.Routes[group[0]]
		spec := tableSpec(r, tables[r.Source])
		for _, i := range group[1:] {
			spec.Shards = append(spec.Shards, tables[e.plan.Routes[i].Source])
		}
		err := checkFilters(e.plan.Routes, group, tables)
		var mapping starrocks.Mapping
		if err == nil {
			mapping, err = starrocks.Map(spec, target.Version())
		}
		switch {
		case err == nil:
			e.route(r, mapping, len(group))
			if e.online != nil {
				e.atTheTarget(ctx, spec, group)
			}
		case e.online != nil:
			e.online.refused(e.plan.Routes, group, err)
		default:
			problems = append(problems, err)
		}
	}
	return problems
}

// explainServerID is never sent: explain opens no stream, and looks into the log as nobody.
const explainServerID = 1 << 24

type explainer struct {
	w    io.Writer
	plan *plan.Plan
	// online looks at the targets as they are; nil when nobody asked.
	online *onlooker
}

func (e *explainer) line(key, format string, a ...any) {
	fmt.Fprintf(e.w, "%-11s %s\n", key, fmt.Sprintf(format, a...))
}

func (e *explainer) warn(warnings []string) {
	for _, warning := range warnings {
		e.line("Warning", "%s", warning)
	}
}

func (e *explainer) head(server mysql.ServerInfo, target *starrocks.Client) {
	p := e.plan
	e.line("Deployment", "%s   %s", p.Name, p.Delivery)
	encrypted := "not encrypted"
	if server.Encrypted {
		encrypted = "TLS"
	}
	e.line("Source", "mysql %s:%d   %s %s, %s   %s", p.Source.Host, p.Source.Port, server.Flavor, server.Version, encrypted, startupMeaning(p.Source.Startup))
	for _, host := range p.Source.Failover {
		e.line("", "or %s:%d, when it cannot be reached and the other has everything that was delivered", host.Name, host.Port)
	}
	e.line("Copy", "woven into the binlog by low barrier %q: %s", server.Barrier, barrierMeaning(server.Barrier))
	e.line("Target", "starrocks %s   %s, load via %s", strings.Join(p.Target.Query, ","), target.Version(), strings.Join(p.Target.Load, ","))
}

// selections says what is chosen by patterns.
func (e *explainer) selections() {
	for i := range e.plan.Selections {
		s := &e.plan.Selections[i]
		tables := 0
		for _, r := range e.plan.Routes {
			if r.File == s.Template.File && r.Span == s.Template.Span {
				tables++
			}
		}
		then := "tables that are created later are followed too"
		if !e.plan.Settings.FollowNew {
			then = "tables that are created later are followed after the next start"
		}
		e.line("Selected", "%d tables of %s -> %s   %s", tables, s.Template.Source, s.Template.Target, then)
	}
}

func barrierMeaning(name string) string {
	switch name {
	case "gtid":
		return "each page waits until everything delivered counts as executed (exact)"
	case "consistent snapshot":
		return "each page is read at an exact binlog position (exact)"
	case "lock":
		return "each page first takes and releases LOCK TABLES … READ (exact)"
	}
	return "the server has no GTIDs: the first page takes and releases LOCK TABLES … READ, or waits for the window where it may not; later pages are safe for commits that hang less than the window (SET 'snapshot.barrier' = 'lock' is exact)"
}

func (e *explainer) route(r plan.Route, m starrocks.Mapping, sources int) {
	flush := fmt.Sprintf("flush every %s or", r.Flush.Interval)
	if e.plan.Delivery == plan.ExactlyOnce {
		flush = "loads of up to"
	}
	from := r.Source.String()
	if sources > 1 {
		from = fmt.Sprintf("%s and %d more, merged", r.Source, sources-1)
	}
	fmt.Fprintf(e.w, "\n%s -> %s   (%s mode, %s %d MB)\n\n", from, r.Target, r.Mode, flush, r.Flush.MaxBytes>>20)
	e.line("  Schema", "%s", schemaMeaning(r.Schema))
	if r.Shape.Where != nil {
		e.line("  Rows", "WHERE %s", r.Shape.Where.Text)
	}
	fmt.Fprintln(e.w)
	table := tabwriter.NewWriter(e.w, 0, 4, 3, ' ', 0)
	fmt.Fprintln(table, "  column\t\tMySQL\tStarRocks\tnote")
	for _, c := range m.Columns {
		key, null := "", ""
		if c.Key {
			key = "key"
		}
		if !c.Nullable {
			null = " NOT NULL"
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s%s\t%s\n", c.Name, key, c.SourceType, c.Type, null, c.Note)
	}
	table.Flush()
	for _, note := range m.Notes {
		fmt.Fprintf(e.w, "\n  Note: %s\n", note)
	}
	if e.online != nil {
		return // what will run depends on what is there
	}
	e.statement("if the table is missing", m)
}

func (e *explainer) statement(when string, m starrocks.Mapping) {
	fmt.Fprintf(e.w, "\n  Will run, %s:\n\n    %s\n", when, strings.ReplaceAll(m.CreateStatement(0), "\n", "\n    "))
}

// schemaMeaning says what becomes of schema changes of a table.
func schemaMeaning(s plan.Schema) string {
	const fixed = "nullable column added: appended · dropped or renamed: kept and filled with NULL, the new name appended · anything else stops, position kept"
	text := map[string]string{
		"ctas": fixed, "immediate": "when the statement comes: " + fixed,
		"evolve": "columns are added, dropped, renamed and widened at the target where StarRocks can · anything else stops, position kept",
		"ignore": "the target stays as it is, new columns are left out", "exception": "any change stops, position kept",
	}[s.Behavior]
	if len(s.Ignored) > 0 {
		text += " · ignored: " + strings.Join(s.Ignored, ", ")
	}
	if s.Broadened {
		text += " · widest types, so that a wider column changes nothing"
	}
	return text
}

func (e *explainer) options() {
	fmt.Fprintln(e.w, "\nOptions in force")
	table := tabwriter.NewWriter(e.w, 0, 4, 3, ' ', 0)
	defaults := 0
	for _, o := range e.plan.Options {
		if o.Origin == "default" {
			defaults++
			continue
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", o.Key, o.Value, o.Origin, o.Route)
	}
	table.Flush()
	fmt.Fprintf(e.w, "  and %d defaults (starferry help options)\n", defaults)
}
