package cli

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"

	"starferry/internal/diag"
	"starferry/internal/emulator"
)

func (a *app) emulator() *cobra.Command {
	var o emulator.Config
	var delay time.Duration
	cmd := &cobra.Command{
		Use:   "emulator",
		Short: "Run a StarRocks stand-in for trying out and testing.",
		Long: "Run a StarRocks stand-in for trying out and testing: it speaks StarRocks' SQL and HTTP and refuses what StarRocks\n" +
			"refuses. It prints its addresses, and the line `ready` once all of them accept. Ctrl-C stops it.\n\n" +
			"It misbehaves on command. Rules are JSON on the frontend's HTTP port, for the first user only:\n" +
			"  POST   /api/_faults       add a rule; the answer has its id\n" +
			"  GET    /api/_faults       list the rules and how often each was seen and applied\n" +
			"  DELETE /api/_faults[/id]  remove all rules, or one\n" +
			"When: op (query, alter, publish, fe, be, fe-load, be-load, get_load_state, cancel, fe-txn-begin, be-txn-begin, and so on for\n" +
			"load, prepare, commit, rollback), path, table, label (a prefix), contains (for query), skip, count.\n" +
			"What: delay, status and body, message, failure (too-many-versions, memory-limit, shutting-down, lock-timeout), drop (before,\n" +
			"after), publish_timeout, hold (not visible until the rule is removed), redirect, statement (somebody else's), event\n" +
			"(be-restart, leader-change, lose-prepared).",
		Example: `  starferry emulator
  starferry emulator --starrocks-version 2.5
  curl -u root: localhost:8030/api/_faults -d '{"op": "be-load", "table": "orders", "failure": "too-many-versions", "count": 3}'
  starferry emulator --data-dir ./.starrocks --query-addr 0.0.0.0:9030
  starferry emulator --query-addr 127.0.0.1:0 --http-addr 127.0.0.1:0 --be-http-addr 127.0.0.1:0`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.PublishDelay = delay; delay <= 0 {
				o.PublishDelay = -1
			}
			return a.runEmulator(cmd, o)
		},
	}
	cmd.Flags().StringVar(&o.QueryAddr, "query-addr", "127.0.0.1:9030", "where to accept SQL; port 0 takes a free one")
	cmd.Flags().StringVar(&o.HTTPAddr, "http-addr", "127.0.0.1:8030", "where the frontend accepts loads, which it redirects")
	cmd.Flags().StringVar(&o.BEHTTPAddr, "be-http-addr", "127.0.0.1:8040", "where the backend accepts loads")
	cmd.Flags().StringVar(&o.Version, "starrocks-version", "3.5", "the version to imitate: 2.5, 3.3, 3.5, 4.0, or any other from 2.5 on")
	cmd.Flags().DurationVar(&o.AlterInterval, "alter-interval", 10*time.Second, "how often MODIFY COLUMN and other slow schema changes move on")
	cmd.Flags().StringVar(&o.DataDir, "data-dir", "", "folder to keep the tables in; none to forget them")
	cmd.Flags().StringVar(&o.User, "user", "root", "the first user")
	cmd.Flags().StringVar(&o.Password, "password", "", "its password")
	cmd.Flags().DurationVar(&delay, "publish-delay", 50*time.Millisecond, "how long a committed load takes to become visible, give or take half of it; 0 for no time")
	cmd.Flags().BoolVar(&o.Discard, "discard", false, "for benchmarks: count rows, keep none, and look at none that is plain CSV")
	cmd.Flags().StringSliceVar(&o.Keep, "keep", nil, "with --discard: names of tables whose rows are kept")
	return cmd
}

func (a *app) runEmulator(cmd *cobra.Command, o emulator.Config) error {
	ctx := cmd.Context()
	a.stopsInGoodOrder("stopping")
	e, err := emulator.Start(o)
	if err != nil {
		p := &diag.Problem{Code: CodeEmulatorRun, Class: diag.Unusable, Message: "the emulator cannot start", Cause: err}
		var port *net.OpError
		if errors.As(err, &port) {
			p.Fix = "stop what uses the port, or choose others with --query-addr, --http-addr and --be-http-addr"
		} else if errors.Is(err, emulator.ErrVersion) {
			p.Fix = "give --starrocks-version a version such as 2.5, 3.3, 3.5, 4.0 or 3.5.4"
		} else if o.DataDir != "" {
			p.Fix = "check --data-dir " + o.DataDir
		}
		return p
	}
	fmt.Fprintf(a.Out, "query    %s\nhttp     %s\nbe-http  %s\nready\n", e.QueryAddr(), e.HTTPAddr(), e.BEHTTPAddr())
	<-ctx.Done()
	if err := e.Close(); err != nil {
		return &diag.Problem{Code: CodeEmulatorRun, Message: "the emulator did not stop cleanly", Cause: err}
	}
	return nil
}
