package cli

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"starferry/internal/control"
	"starferry/internal/deploy"
	"starferry/internal/diag"
	"starferry/internal/plan"
)

type resyncFlags struct {
	jobFlags
	yes, wipe bool
}

func (a *app) resync() *cobra.Command {
	var f resyncFlags
	cmd := &cobra.Command{
		Use:   "resync SCRIPT --table DATABASE.TABLE",
		Short: "Copy tables anew, beside the old ones, and swap.",
		Long: "Copy tables anew into a second table that follows the source too, and swap the two: readers see the old rows until\n" +
			"they see the new ones. It needs CREATE TABLE, ALTER and DROP in the target's database, and room for both. With --wipe\n" +
			"the table is emptied and copied in place. A deployment that runs is asked to do it; otherwise it goes on from its\n" +
			"last checkpoint until the copy is there. What a stop or a crash interrupts goes on with the next run.",
		Example: `  starferry resync orders.sql --table shop.orders
  starferry resync orders.sql --table shop.orders --table shop.items --yes
  starferry resync orders.sql --table shop.orders --wipe`,
		Args: oneScript,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runResync(cmd, args[0], &f) },
	}
	f.add(cmd)
	a.takesScript(cmd)
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&f.wipe, "wipe", false, "empty the table and copy it in place: readers see it empty, then growing")
	return cmd
}

func (a *app) runResync(cmd *cobra.Command, script string, f *resyncFlags) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	if len(f.tables) == 0 {
		return misused(cmd, "resync needs --table: one for each table that is to be copied anew")
	}
	p, err := a.load(cmd, script)
	if err != nil {
		return err
	}
	tables, err := f.named(cmd, p)
	if err != nil {
		return err
	}
	if !f.yes {
		if err := a.confirm(cmd, f, p); err != nil {
			return err
		}
	}
	var results []control.Result
	err = a.ask(cmd, p, &f.jobFlags, func(ctx context.Context, k *asking) (err error) {
		results, err = k.do(ctx, control.Job{Kind: control.Resync, Tables: tables, Wipe: f.wipe}, p)
		return err
	})
	if err != nil {
		return err
	}
	for i := range results {
		if results[i].Problem == nil {
			fmt.Fprintf(a.Out, "%s was copied anew into %s: %s rows\n", results[i].Source.Name(), results[i].Target.Name(), deploy.Grouped(results[i].Rows))
		}
	}
	return notDone("copying anew", results)
}

// confirm asks on a terminal before anything is replaced.
func (a *app) confirm(cmd *cobra.Command, f *resyncFlags, p *plan.Plan) error {
	if !isTerminal(a.In) {
		return misused(cmd, "resync replaces what the target holds: say --yes where nobody can be asked")
	}
	what := "copied anew, beside the old one, and swapped"
	if f.wipe {
		what = "EMPTIED now and copied anew; until that is done readers see a part of it"
	}
	if slices.ContainsFunc(p.Selections, func(s plan.Selection) bool { return s.Merged }) {
		what += " (of a merged table: the rows of the shard copied anew where they are)"
	}
	fmt.Fprintf(a.Err, "%s: the target will be %s. Go on? [y/N] ", strings.Join(f.tables, ", "), what)
	answer, err := bufio.NewReader(a.In).ReadString('\n')
	if word := strings.ToLower(strings.TrimSpace(answer)); err == nil && (word == "y" || word == "yes") {
		return nil
	}
	return &diag.Problem{Code: CodeNotConfirmed, Class: diag.Unusable, Message: "nothing was done", Fix: "answer y, or say --yes."}
}
