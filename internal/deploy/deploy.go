// Package deploy wires a plan to its state directory and its servers: it knows both
// sides by name, so that the ferry need not.
package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/control"
	"starferry/internal/diag"
	"starferry/internal/ferry"
	"starferry/internal/plan"
)

// Options are what the command line adds to a plan.
type Options struct {
	// DataDir holds one state directory per deployment, by its name.
	DataDir string
	// FromCheckpoint is the number of a checkpoint to start from; 0 for the last.
	FromCheckpoint uint64
	// FromPositionRow goes on from the position row at the target where the state directory
	// is lost or older.
	FromPositionRow  bool
	UntilCaughtUp    bool
	Memory           int           // of the process, in bytes; DefaultMemory when 0
	ProgressInterval time.Duration // of lines when Out is no terminal; 10 s when 0
	Out              io.Writer
	TTY              bool       // Out is a terminal
	Width            func() int // of the terminal
	Quiet            bool       // notices only: no progress, no summary
	Version          string
}

// saveInterval is the least time between two checkpoints unless the script sets
// execution.checkpointing.interval. A checkpoint costs a few fsyncs and saves
// reading that much again after a crash.
const saveInterval = time.Second

// Run ferries until ctx is cancelled, the deployment has caught up, or it fails. It
// goes on from the deployment's last checkpoint. Meanwhile it can be asked over its
// control socket.
func Run(ctx context.Context, p *plan.Plan, o Options) error {
	o.UntilCaughtUp = o.UntilCaughtUp || p.Source.Startup.Mode == plan.Snapshot
	return run(ctx, p, o, nil)
}

// Asked does jobs.
type Asked interface {
	Do(ctx context.Context, job control.Job, each func(control.Update)) error
}

// Ask asks the process that runs the deployment; where none does, a ferry of this
// process, which goes on from the last checkpoint and ends when ask returns.
func Ask(ctx context.Context, p *plan.Plan, o Options, ask func(context.Context, Asked) error) error {
	folder := filepath.Join(o.DataDir, p.Name)
	client, err := control.Dial(ctx, folder)
	switch {
	case err == nil:
		return ask(ctx, client)
	case !control.IsNotRunning(err):
		return err
	}
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return neverRun(p, folder)
	}
	return run(ctx, p, o, ask)
}

func neverRun(p *plan.Plan, folder string) error {
	return &diag.Problem{
		Code: codeNeverRun, Class: diag.Unusable,
		Message: fmt.Sprintf("there is no checkpoint of deployment '%s' in %s: it has copied nothing yet", p.Name, folder),
		Fix:     "start it with 'starferry run', or say with --data-dir where it runs.",
	}
}

// run runs the ferry, until ask returns if that is not nil.
func run(ctx context.Context, p *plan.Plan, o Options, ask func(context.Context, Asked) error) (err error) {
	state, err := checkpoint.Open(filepath.Join(o.DataDir, p.Name), p.Name)
	if err != nil {
		return err
	}
	defer state.Close()
	out := newPrinter(o, p.Name)
	defer func() { out.close(err) }()
	p = boundMemory(p, cmp.Or(o.Memory, DefaultMemory), out)
	recovery, err := restore(state, p, o, out)
	if err != nil {
		return err
	}
	if isEmpty(&recovery) && ask != nil {
		return neverRun(p, state.Path())
	}

	later := newNewcomers(p, out)
	source, target, err := connect(ctx, p, state.Identity().ServerID, later.wants, out)
	if err != nil {
		return err
	}
	defer source.Close()
	defer target.Close()
	p, from, err := selected(ctx, p, ends{state, source, target}, newestOf(&recovery), out)
	if err == nil {
		err = configure(target, p.Routes)
	}
	if err != nil {
		return err
	}
	way, open, err := delivery(ctx, p, target, out)
	if err != nil {
		return err
	}
	if recovery, err = fromPositionRow(ctx, p, o, recovery, ends{state, source, target}, out); err != nil {
		return err
	}
	broken, err := prepare(ctx, p, source, target, newestOf(&recovery), out)
	if err != nil {
		return err
	}
	if recovery, err = begin(ctx, p, way, ends{state, source, target}, recovery, out); err != nil {
		return err
	}
	estimates, err := source.Estimates(ctx, sources(p.Routes))
	if err != nil {
		return err
	}
	cascades, err := unloggedCascades(ctx, p, source, out)
	if err != nil {
		return err
	}
	later.begin(p.Routes, source, target)
	defer watchLog(ctx, source, out)()
	d := newDesk(p.Name, o, out)
	return d.serve(ctx, state.Path(), ask, ferry.Config{
		Source: source, Pages: source, Target: target, Mirror: target, Shaper: target, Journal: state, Routes: routes(p), From: from, Admit: later.admit,
		Recovery: recovery, Unsettled: recovery.Open, Jobs: d.jobs, Broken: broken,
		Retyped:  func(t *change.Table) bool { return len(treatment(p).Differs(t)) > 0 },
		Delivery: way, Transactions: target.Transactions(), Ledger: target.Ledger(), MaxOpen: open,
		EpochInterval: p.Settings.CheckpointInterval, EpochPause: p.Settings.CheckpointMinPause, EpochTimeout: p.Settings.CheckpointTimeout,
		Name: p.Name, Deployment: state.Identity().Deployment, Incarnation: state.Incarnation(),
		Memory: p.Settings.Memory, PageBytes: p.Settings.PageBytes, Parallelism: p.Settings.Parallelism,
		MaxLag: p.Settings.MaxLag, PageBytesPerSecond: p.Settings.SnapshotBytesPerSecond, WatchBusy: p.Settings.PauseThreads > 0,
		CheckBytesPerSecond: p.Settings.VerifyBytesPerSecond, RowLess: ferry.RowLess(p.Settings.RowLess.String()), Cascades: cascades,
		SaveInterval: max(saveInterval, p.Settings.CheckpointInterval), UntilCaughtUp: o.UntilCaughtUp,
		Estimates: estimates, Notify: out.notice, Publish: out.progress,
	})
}

// serve runs the ferry while the control socket is open.
func (d *desk) serve(ctx context.Context, folder string, ask func(context.Context, Asked) error, config ferry.Config) error {
	limitMemory(config.Memory)
	server, err := control.Listen(folder, d)
	if err != nil {
		// Followed tables matter more than who may want to ask.
		d.out.say("warning: " + err.Error())
	} else {
		defer func() {
			if err := server.Close(); err != nil {
				d.out.say("warning: closing the control socket: " + err.Error())
			}
		}()
	}
	if ask == nil {
		err := ferry.Run(ctx, config)
		close(d.ended)
		return err
	}
	ferrying, cancel := context.WithCancel(ctx)
	defer cancel()
	answer := make(chan error, 1)
	go func() {
		defer cancel()
		answer <- ask(ctx, d)
	}()
	err = ferry.Run(ferrying, config)
	close(d.ended)
	if asked := <-answer; err == nil {
		err = asked
	}
	return err
}

func routes(p *plan.Plan) []ferry.Route {
	routes := make([]ferry.Route, len(p.Routes))
	for i, r := range p.Routes {
		routes[i] = routeOf(p, r)
	}
	return routes
}

func routeOf(p *plan.Plan, r plan.Route) ferry.Route {
	return ferry.Route{
		Source: r.Source, Target: r.Target, Merged: r.Merged, LabelPrefix: r.Load.LabelPrefix,
		LeftOut: r.Shape.LeftOut, Filter: filterOf(r),
		OnBadRow: onBadRow(r), Schema: schemaPolicy(r.Schema), Interval: r.Flush.Interval, MaxBytes: min(r.Flush.MaxBytes, p.Settings.MostBatch()), MaxRows: r.Flush.MaxRows,
	}
}

func schemaPolicy(s plan.Schema) ferry.SchemaPolicy {
	return ferry.SchemaPolicy{Behavior: ferry.SchemaBehaviorOf(s.Behavior), Ignored: s.Ignored, Broadened: s.Broadened}
}

func onBadRow(r plan.Route) ferry.OnBadRow {
	if r.OnBadRow == ferry.DeadLetter.String() {
		return ferry.DeadLetter
	}
	return ferry.StopOnBadRow
}

func sources(routes []plan.Route) []change.Name {
	names := make([]change.Name, len(routes))
	for i, r := range routes {
		names[i] = r.Source
	}
	return names
}
