// Package deploy wires a plan to its state directory and its servers: it knows both
// sides by name, so that the ferry need not.
package deploy

import (
	"context"
	"io"
	"path/filepath"
	"sync"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/ferry"
	"starferry/internal/plan"
)

// Options are what the command line adds to a plan.
type Options struct {
	// DataDir holds one state directory per deployment, by its name.
	DataDir          string
	UntilCaughtUp    bool
	ProgressInterval time.Duration // of lines when Out is no terminal; 10 s when 0
	Out, Err         io.Writer
	TTY              bool // Out is a terminal
}

// saveInterval is the least time between two checkpoints unless the script sets
// execution.checkpointing.interval. A checkpoint costs a few fsyncs and saves
// reading that much again after a crash.
const saveInterval = time.Second

// Run ferries until ctx is cancelled, the deployment has caught up, or it fails. It
// goes on from the deployment's last checkpoint.
func Run(ctx context.Context, p *plan.Plan, o Options) (err error) {
	state, err := checkpoint.Open(filepath.Join(o.DataDir, p.Name), p.Name)
	if err != nil {
		return err
	}
	defer state.Close()
	out := newPrinter(o, p.Name)
	defer func() { out.close(err) }()
	restored, err := state.Last()
	if err != nil {
		return err
	}
	out.say(state.Notice())
	if restored != nil && restored.Position.Server == "" { // an older version wrote it
		restored.Position.Server = restored.Server
	}
	unsettled, err := state.OpenLabels()
	if err != nil {
		return err
	}

	source, target, err := connect(ctx, p, state.Identity().ServerID, out)
	if err != nil {
		return err
	}
	defer source.Close()
	defer target.Close()
	broken, err := prepare(ctx, p, source, target, restored, out)
	if err != nil {
		return err
	}
	estimates, err := source.Estimates(ctx, sources(p.Routes))
	if err != nil {
		return err
	}
	watching, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { (&logWatch{source: source, out: out, now: time.Now}).run(watching) })
	defer func() { cancel(); watch.Wait() }()
	return ferry.Run(ctx, ferry.Config{
		Source: source, Pages: source, Target: target, Mirror: target, Shaper: target, Journal: state, Routes: routes(p),
		Restored: restored, Unsettled: unsettled, Broken: broken,
		Deployment: state.Identity().Deployment, Incarnation: state.Incarnation(),
		Memory: p.Settings.Memory, PageBytes: p.Settings.PageBytes, Parallelism: p.Settings.Parallelism,
		MaxLag: p.Settings.MaxLag, PageBytesPerSecond: p.Settings.SnapshotBytesPerSecond, WatchBusy: p.Settings.PauseThreads > 0,
		CheckBytesPerSecond: p.Settings.VerifyBytesPerSecond, RowLess: ferry.RowLess(p.Settings.RowLess.String()),
		SaveInterval: max(saveInterval, p.Settings.CheckpointInterval), UntilCaughtUp: o.UntilCaughtUp,
		Estimates: estimates, Notify: out.notice, Publish: out.progress,
	})
}

func routes(p *plan.Plan) []ferry.Route {
	routes := make([]ferry.Route, len(p.Routes))
	for i, r := range p.Routes {
		routes[i] = ferry.Route{
			Source: r.Source, Target: r.Target, LabelPrefix: r.Load.LabelPrefix,
			OnBadRow: onBadRow(r), Interval: r.Flush.Interval, MaxBytes: min(r.Flush.MaxBytes, p.Settings.Memory/4), MaxRows: r.Flush.MaxRows,
		}
	}
	return routes
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
