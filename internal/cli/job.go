package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"starferry/internal/change"
	"starferry/internal/control"
	"starferry/internal/deploy"
	"starferry/internal/diag"
	"starferry/internal/plan"
)

// jobFlags are those of the verbs that ask a deployment for something.
type jobFlags struct {
	dataDir  string
	tables   []string
	timeout  time.Duration
	interval time.Duration
}

func (f *jobFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.dataDir, "data-dir", defaultDataDir, "folder of the checkpoints, one for each deployment")
	cmd.Flags().StringArrayVar(&f.tables, "table", nil, "a source table, as database.table; may be given several times")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 0, "give up with exit code 3 after this time; 0 for never")
	cmd.Flags().DurationVar(&f.interval, "progress-interval", 10*time.Second, "how often to print progress when the output is no terminal")
}

const defaultDataDir = "./.starferry"

func (f *jobFlags) check(cmd *cobra.Command) error {
	switch {
	case f.interval <= 0:
		return misused(cmd, "--progress-interval must be more than 0")
	case f.timeout < 0:
		return misused(cmd, "--timeout must not be negative")
	}
	return nil
}

// named finds the source tables that --table names; none for all.
func (f *jobFlags) named(cmd *cobra.Command, p *plan.Plan) ([]control.Table, error) {
	var known []string
	var tables []control.Table
	for _, r := range p.Routes {
		known = append(known, r.Source.String())
	}
	for _, name := range f.tables {
		var table control.Table
		if at := slices.Index(known, name); at >= 0 {
			table = control.NameOf(p.Routes[at].Source)
		} else if selected, ok := selectedBy(p, name); ok {
			table = selected
		} else if diag.Nearest(name, known) != "" {
			return nil, unknown(cmd, "table", name, known)
		} else {
			return nil, misused(cmd, "no statement of the script selects a table '%s': write it as database.table, as 'starferry explain' does", name)
		}
		if !slices.Contains(tables, table) {
			tables = append(tables, table)
		}
	}
	return tables, nil
}

// selectedBy finds a table that a pattern of the script selects; whether it is there, the
// deployment knows.
func selectedBy(p *plan.Plan, text string) (control.Table, bool) {
	for i := range text {
		if text[i] != '.' {
			continue
		}
		name := change.Name{Database: text[:i], Table: text[i+1:]}
		if len(p.RoutesOf(name, false)) > 0 {
			return control.NameOf(name), true
		}
	}
	return control.Table{}, false
}

// errStoppedEarly ends a command that a signal stopped before it had its answer.
type errStoppedEarly struct{}

func (errStoppedEarly) Error() string { return "stopped before it was done" }

// asking is a verb's conversation with a deployment.
type asking struct {
	*talk
	asked deploy.Asked
}

// ask loads a script and lets do ask its deployment, running or not.
func (a *app) ask(cmd *cobra.Command, p *plan.Plan, f *jobFlags, do func(context.Context, *asking) error) error {
	t := &talk{w: a.Err, tty: isTerminal(a.Err) && a.env["TERM"] != "dumb", width: func() int { return terminalWidth(a.Err) }, every: f.interval, last: time.Now()}
	ctx := cmd.Context()
	if f.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, f.timeout, errTimedOut)
		defer cancel()
	}
	a.stopsInGoodOrder("stopping: what was begun goes on with the next run … press Ctrl-C again to quit at once")
	o := deploy.Options{DataDir: f.dataDir, Out: t, Quiet: true, Version: Version}
	done := false
	err := deploy.Ask(ctx, p, o, func(ctx context.Context, asked deploy.Asked) error {
		err := do(ctx, &asking{t, asked})
		done = err == nil
		return err
	})
	switch {
	case done:
		return err
	case context.Cause(ctx) == errStopped:
		return errStoppedEarly{}
	}
	return ended(ctx, err, f.timeout)
}

// do has one job done and returns its results in the order of the script.
func (k *asking) do(ctx context.Context, job control.Job, p *plan.Plan) ([]control.Result, error) {
	var results []control.Result
	err := k.asked.Do(ctx, job, func(u control.Update) {
		switch {
		case u.Progress != nil:
			k.progress(*u.Progress)
		case u.Result != nil:
			k.done(u.Result.Source)
			results = append(results, *u.Result)
		}
	})
	place := func(r control.Result) int {
		return slices.IndexFunc(p.Routes, func(route plan.Route) bool { return control.NameOf(route.Target) == r.Target })
	}
	slices.SortStableFunc(results, func(a, b control.Result) int { return place(a) - place(b) })
	return results, err
}

// command is the line that does this for a script, to be pasted.
func (f *jobFlags) command(verb, script string, flags ...string) string {
	words := []string{"starferry", verb, script}
	if f.dataDir != defaultDataDir {
		words = append(words, "--data-dir", f.dataDir)
	}
	words = append(words, flags...)
	for i := range words {
		words[i] = shellWord(words[i])
	}
	return strings.Join(words, " ")
}

// shellWord quotes what a shell would not take as it is.
func shellWord(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=:,@%+", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func notDone(what string, results []control.Result) error {
	var problems []error
	for i := range results {
		if p := results[i].Problem; p != nil {
			err := p.Err()
			problem := diag.Find(err)
			if problem == nil {
				problem = &diag.Problem{Code: CodeJob, Message: fmt.Sprintf("%s of %s: %v", what, results[i].Source.Name(), err), Fix: "ask again."}
			}
			problems = append(problems, problem)
		}
	}
	return diag.Join(problems...)
}
