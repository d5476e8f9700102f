package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"starferry/internal/control"
	"starferry/internal/deploy"
	"starferry/internal/diag"
	"starferry/internal/plan"
)

type verifyFlags struct {
	jobFlags
	repair bool
	json   string
}

func (a *app) verify() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify SCRIPT",
		Short: "Compare the tables of a script with their source, value by value.",
		Long: "Compare the tables of a script with their source, value by value, while rows flow. A deployment that runs is asked\n" +
			"to do it; otherwise it goes on from its last checkpoint until the comparison is done. What a stop or a crash\n" +
			"interrupts goes on with the next run or verify. Exit code 0: the same; 1: differences are left; 2: it could not be\n" +
			"tried; 3: it took longer than --timeout.",
		Example: `  starferry verify orders.sql
  starferry verify orders.sql --table shop.orders --repair
  starferry verify orders.sql --json report.json --timeout 1h`,
		Args: oneScript,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runVerify(cmd, args[0], &f) },
	}
	f.add(cmd)
	a.takesScript(cmd)
	cmd.Flags().BoolVar(&f.repair, "repair", false, "mend what differs, and compare again what was mended")
	cmd.Flags().StringVar(&f.json, "json", "", "write a report to this file, - for standard output")
	return cmd
}

func (a *app) runVerify(cmd *cobra.Command, script string, f *verifyFlags) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	p, err := a.load(cmd, script)
	if err != nil {
		return err
	}
	tables, err := f.named(cmd, p)
	if err != nil {
		return err
	}
	r := &verifyReport{Deployment: p.Name, Began: time.Now().UTC().Truncate(time.Millisecond), Tables: []tableReport{}}
	err = a.ask(cmd, p, &f.jobFlags, func(ctx context.Context, k *asking) error {
		defer func() { r.Seconds = time.Since(r.Began).Seconds() }()
		return r.compare(ctx, k, p, tables, f.repair)
	})
	if err != nil {
		return err
	}
	return a.tellVerify(r, script, f)
}

// verifyReport is what a verify found: the report of --json.
type verifyReport struct {
	Deployment string        `json:"deployment"`
	Began      time.Time     `json:"began"`
	Seconds    float64       `json:"seconds"`
	Same       bool          `json:"same"`
	Tables     []tableReport `json:"tables"`
}

// tableReport is one table: what the last comparison found, and before it the one that
// mended.
type tableReport struct {
	control.Result
	Same   bool            `json:"same"`
	Before *control.Result `json:"before,omitempty"`
}

// compare has the tables compared; those in which something was mended once more.
func (r *verifyReport) compare(ctx context.Context, k *asking, p *plan.Plan, tables []control.Table, repair bool) error {
	kind := control.Verify
	if repair {
		kind = control.Repair
	}
	first, err := k.do(ctx, control.Job{Kind: kind, Tables: tables}, p)
	if err != nil {
		return err
	}
	var again []control.Table
	for i := range first {
		if one := &first[i]; one.Mended && one.Problem == nil && !one.Same() {
			again = append(again, one.Source)
		}
	}
	var second []control.Result
	if len(again) > 0 {
		if second, err = k.do(ctx, control.Job{Kind: control.Verify, Tables: again}, p); err != nil {
			return err
		}
	}
	r.Same = true
	for i := range first {
		t := tableReport{Result: first[i]}
		for j := range second {
			if second[j].Target == first[i].Target {
				t = tableReport{Result: second[j], Before: &first[i]}
			}
		}
		t.Same = t.Result.Same()
		r.Same = r.Same && t.Same
		r.Tables = append(r.Tables, t)
	}
	return nil
}

// tellVerify prints what was found and decides how the command ends.
func (a *app) tellVerify(r *verifyReport, script string, f *verifyFlags) error {
	table := a.Out
	if f.json != "" {
		document, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
		if f.json == "-" {
			table = a.Err
			_, err = fmt.Fprintf(a.Out, "%s\n", document)
		} else {
			err = os.WriteFile(f.json, append(document, '\n'), 0o600)
		}
		if err != nil {
			return &diag.Problem{Code: CodeReport, Class: diag.Unusable, Cause: err, Message: "the report cannot be written to " + f.json, Fix: "name a file that this user may write."}
		}
	}
	r.print(table)
	results := make([]control.Result, len(r.Tables))
	differ, undecided := 0, 0
	var fix []string
	for i := range r.Tables {
		t := &r.Tables[i]
		results[i] = t.Result
		switch {
		case t.Same || t.Problem != nil:
		case t.Missing+t.Differ+t.Extra > 0:
			differ++
			fix = append(fix, "--table", t.Source.Name().String())
		default:
			undecided++
		}
	}
	switch {
	case differ > 0:
		fmt.Fprintf(table, "%d of %d tables %s.\nTo fix: %s\n", differ, len(r.Tables), differWord(differ), f.command("verify", script, append(fix, "--repair")...))
	case undecided > 0:
		fmt.Fprintf(table, "%d of %d tables changed too much to be compared.\nTo fix: ask again when fewer rows change: %s\n", undecided, len(r.Tables), f.command("verify", script))
	}
	if err := notDone("comparing", results); err != nil {
		return err
	}
	if differ+undecided > 0 {
		return failed{}
	}
	return nil
}

func differWord(n int) string {
	if n == 1 {
		return "differs"
	}
	return "differ"
}

// print writes the table of results, with examples.
func (r *verifyReport) print(w io.Writer) {
	out := tabwriter.NewWriter(w, 0, 4, 3, ' ', tabwriter.DiscardEmptyColumns)
	fmt.Fprintln(out, "table\trows (source)\trows (target)\tresult")
	for i := range r.Tables {
		t := &r.Tables[i]
		text := verdict(&t.Result)
		if t.Before != nil {
			text = verdict(t.Before) + ", mended; compared again: " + text
		}
		name := t.Source.Name().String()
		if r.goesTwice(t.Source) {
			name += " -> " + t.Target.Name().String()
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", name, deploy.Grouped(t.Rows), deploy.Grouped(t.Keys), text)
	}
	out.Flush()
	for i := range r.Tables {
		for _, d := range r.Tables[i].Examples {
			where := ""
			if d.Column != "" {
				where = "   column " + d.Column
			}
			fmt.Fprintf(w, "  %s   %-12s %s%s\n", r.Tables[i].Target.Name(), d.Kind, d.Key, where)
		}
		if hidden := r.Tables[i].differences() - uint64(len(r.Tables[i].Examples)); hidden > 0 {
			fmt.Fprintf(w, "  %s   and %s more\n", r.Tables[i].Target.Name(), deploy.Grouped(hidden))
		}
	}
}

// goesTwice tells a source of several targets.
func (r *verifyReport) goesTwice(source control.Table) bool {
	targets := 0
	for i := range r.Tables {
		if r.Tables[i].Source == source {
			targets++
		}
	}
	return targets > 1
}

func (t *tableReport) differences() uint64 { return t.Missing + t.Differ + t.Extra }

// verdict says in words what was found in a table.
func verdict(r *control.Result) string {
	if r.Problem != nil {
		return "not compared"
	}
	if r.Same() {
		return "same"
	}
	text := ""
	for _, part := range []struct {
		rows uint64
		what string
	}{{r.Missing, "missing"}, {r.Differ, "different"}, {r.Extra, "superfluous"}, {r.Moving, "changed too often to be compared"}} {
		if part.rows > 0 {
			if text != "" {
				text += ", "
			}
			text += deploy.Grouped(part.rows) + " " + part.what
		}
	}
	return text
}
