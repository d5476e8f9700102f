package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"starferry/internal/deploy"
	"starferry/internal/diag"
)

func (a *app) run() *cobra.Command {
	var o deploy.Options
	var timeout time.Duration
	memory := size(deploy.DefaultMemory)
	var profiles string
	cmd := &cobra.Command{
		Use:   "run SCRIPT",
		Short: "Keep the tables of a script in step, until stopped.",
		Long: "Keep the tables of a script in step, until stopped. After a stop or a crash the next run goes on from the last\n" +
			"checkpoint in --data-dir. Ctrl-C or SIGTERM stops after a last checkpoint, within ten seconds; a second one quits at once.",
		Example: `  starferry run orders.sql
  starferry run --data-dir /var/lib/starferry/orders orders.sql
  starferry run --until-caught-up --timeout 10m orders.sql
  starferry run --from-checkpoint 41 orders.sql
  starferry run --from-position-row orders.sql`,
		Args: oneScript,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Memory = int(memory)
			return a.runScript(cmd, args[0], o, timeout, profiles)
		},
	}
	cmd.Flags().StringVar(&o.DataDir, "data-dir", defaultDataDir, "folder of the checkpoints, one for each deployment")
	cmd.Flags().Uint64Var(&o.FromCheckpoint, "from-checkpoint", 0, "start from the checkpoint of this number (see checkpoint ls), not from the last")
	cmd.Flags().BoolVar(&o.FromPositionRow, "from-position-row", false, "where --data-dir is lost or older than the target: go on from what the position row in StarRocks says")
	cmd.Flags().BoolVar(&o.UntilCaughtUp, "until-caught-up", false, "stop once everything that the source holds at the start is visible")
	cmd.Flags().DurationVar(&o.ProgressInterval, "progress-interval", 10*time.Second, "how often to print a line of progress")
	cmd.Flags().Var(&memory, "memory", "memory of the process; rows on their way get half of it at most (SET 'memory')")
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "stop with exit code 3 after this time; 0 for never")
	cmd.Flags().StringVar(&profiles, "pprof", "", "address to serve profiles of this process at, such as 127.0.0.1:6060; whoever reaches it can read them")
	a.takesScript(cmd)
	return cmd
}

func (a *app) runScript(cmd *cobra.Command, path string, o deploy.Options, timeout time.Duration, profiles string) error {
	switch {
	case o.ProgressInterval <= 0:
		return misused(cmd, "--progress-interval must be more than 0")
	case o.Memory < deploy.LeastMemory:
		return misused(cmd, "--memory must not be less than %dmb", deploy.LeastMemory>>20)
	case timeout < 0:
		return misused(cmd, "--timeout must not be negative")
	case o.FromCheckpoint == 0 && cmd.Flags().Changed("from-checkpoint"):
		return misused(cmd, "--from-checkpoint needs the number of a checkpoint: 'starferry checkpoint ls' lists them")
	case o.FromCheckpoint != 0 && o.FromPositionRow:
		return misused(cmd, "--from-checkpoint and --from-position-row: only one of them can say where to start")
	}
	p, err := a.load(cmd, path)
	if err != nil {
		return err
	}
	o.Out, o.Version, o.Width = a.Out, Version, func() int { return terminalWidth(a.Out) }
	o.TTY = isTerminal(a.Out) && a.env["TERM"] != "dumb"
	ctx := cmd.Context()
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, errTimedOut)
		defer cancel()
	}
	stop, err := a.servesProfiles(profiles)
	if err != nil {
		return err
	}
	defer stop()
	a.stopsInGoodOrder("stopping: taking a last checkpoint … press Ctrl-C again to quit without a checkpoint")
	return ended(ctx, deploy.Run(ctx, p, o), timeout)
}

// errTimedOut is the cause of a context whose --timeout is over.
var errTimedOut = errors.New("timed out")

// ended is the error of a job that ran under ctx and returned err: being stopped
// is none, running out of time is one even when the job stopped in good order.
func ended(ctx context.Context, err error, timeout time.Duration) error {
	switch cause := context.Cause(ctx); {
	case cause == errTimedOut:
		return &diag.Problem{
			Code: CodeTimedOut, Class: diag.Refused, Cause: unlessCancelled(err),
			Message: fmt.Sprintf("not done within --timeout %s", timeout),
			Fix:     "run it again to go on from the last checkpoint, with a longer --timeout",
		}
	case cause == errStopped && (errors.Is(err, context.Canceled) || errors.Is(err, errStopped)):
		return nil
	}
	return err
}

// unlessCancelled drops an error that only says that there was no time left.
func unlessCancelled(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, errTimedOut) {
		return nil
	}
	return err
}
