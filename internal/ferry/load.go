package ferry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/crashpoint"
	"starferry/internal/diag"
)

// manyTables is from how many tables with rows on their way on their loads begin together, once in outboxPause:
// a label is on the disk before its load begins, and the loop waits for that.
const (
	manyTables  = 50
	outboxPause = 50 * time.Millisecond
	// settledAtATime is of how many tables the loads of an earlier process are ended at a time.
	settledAtATime = 8
)

// ship begins the loads that may begin: one per table at a time, since the order of
// two transactions at the target is the order of their commits. All labels of the
// step are made durable together, before the first load begins.
func (l *loop) ship() {
	if l.err != nil {
		return
	}
	if l.isExact() {
		l.shipExact()
		return
	}
	// With many tables labels are made durable for many loads at a time.
	if len(l.laden) >= manyTables && l.now.Sub(l.outboxAt) < outboxPause {
		return
	}
	var outbox []*shipment
	for _, o := range l.laden {
		t := o.shards[0]
		if !l.mayShip(t) {
			continue
		}
		s := t.queue[0]
		t.queue = t.queue[1:]
		t.inFlight, t.shippedAt = s, l.now
		if s.label == "" {
			s.label = l.nextLabel(t)
		}
		outbox = append(outbox, s)
	}
	if len(outbox) == 0 {
		return
	}
	labels := make([]checkpoint.Label, len(outbox))
	for i, s := range outbox {
		labels[i] = checkpoint.Label{Table: s.table.route.Target, Label: s.label}
	}
	l.outboxAt = l.now
	if err := l.cfg.Journal.Note(labels); err != nil {
		l.fail(err)
		return
	}
	crashpoint.Here("labels-noted")
	for _, s := range outbox {
		l.begin(func(ctx context.Context) func() {
			crashpoint.Here("load-begins")
			err := s.table.loads.Send(ctx, s.label, s.batch)
			crashpoint.Here("load-answered")
			return func() { l.loaded(s, err) }
		})
	}
}

// nextLabel names a load: sf_<deployment>_<incarnation>_<epoch>_<table>_<n>. The
// incarnation is random per process, so that a lost or restored state directory can
// never meet its own old labels; n counts within the process.
func (l *loop) nextLabel(t *table) string {
	l.labels++
	label := fmt.Sprintf("sf_%s_%s_%d_%d_%d", l.cfg.Deployment, l.cfg.Incarnation, l.epoch, t.number, l.labels)
	if t.route.LabelPrefix != "" {
		label = t.route.LabelPrefix + "_" + label
	}
	return label
}

// loaded takes the outcome of a load.
//
// An aborted load is sent again under a new label, for a label is never used twice.
// After any other error the outcome is open, and the same bytes go under the same
// label: whichever of the two attempts comes first, the other is refused by it.
func (l *loop) loaded(s *shipment, err error) {
	t := s.table
	t.inFlight = nil
	if s.dropped {
		l.landed(s, err)
		return
	}
	var aborted *AbortedError
	var refused *RefusedError
	switch {
	case err == nil:
		l.counts.Loads++
		l.counts.LoadedRows += uint64(s.batch.Rows())
		l.counts.LoadedBytes += uint64(s.bytes)
		l.release(s)
		crashpoint.Here("load-acknowledged")
		for _, one := range t.shards {
			one.refused.inARow = 0
		}
		l.narrow(t)
		return
	case errors.As(err, &refused):
		l.refusedLoad(s, refused.Cause)
		return
	case !diag.IsTransient(err) && !errors.Is(err, context.Canceled):
		if !errors.As(err, &aborted) {
			t.abandon(s.label)
		}
		l.failTarget(t, err)
		l.release(s)
		return
	case errors.As(err, &aborted) || l.sabotage.freshLabelAfterUnknown:
		s.label = ""
	}
	s.tries++
	wait, rarer := backOff(s.tries), ""
	if aborted != nil && aborted.Busy {
		rarer = t.widen(err)
		wait = max(wait, t.widened)
	}
	s.notUntil = l.now.Add(wait)
	t.queue = append([]*shipment{s}, t.queue...)
	l.counts.Retries++
	l.notify(Warning, t.route.Target, fmt.Sprintf("load of %d rows: %v; try %d in %s%s", s.batch.Rows(), err, s.tries+1, wait, rarer))
}

// release forgets a load: its rows are visible or left out, or its table is stopped.
func (l *loop) release(s *shipment) {
	l.bytes -= s.bytes
	l.acknowledge(s.epoch)
}

// acknowledge counts a batch off its epoch.
func (l *loop) acknowledge(epoch uint64) {
	l.unacked[epoch]--
	if l.unacked[epoch] == 0 {
		delete(l.unacked, epoch)
	}
}

// settleEarlier ends what earlier processes left under way: nothing is loaded
// before.
func (l *loop) settleEarlier(ctx context.Context) error {
	if l.sabotage.unfenced {
		return nil
	}
	byTable := map[change.Name][]string{}
	var names []change.Name
	for _, label := range l.cfg.Unsettled {
		if byTable[label.Table] == nil {
			names = append(names, label.Table)
		}
		byTable[label.Table] = append(byTable[label.Table], label.Label)
	}
	atATime := settledAtATime
	if l.cfg.pause != nil { // a simulated target does one thing at a time
		atATime = 1
	}
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(atATime)
	for _, name := range names {
		all.Go(func() error {
			return l.insist(ctx, name, "settling the loads of the last run", func() error {
				return l.cfg.Target.Settle(ctx, name, byTable[name])
			})
		})
	}
	return all.Wait()
}

// insist does something before the loop runs, again and again while its errors are
// transient.
func (l *loop) insist(ctx context.Context, name change.Name, what string, do func() error) error {
	for try := 1; ; try++ {
		err := do()
		if err == nil || !diag.IsTransient(err) {
			return err
		}
		wait := backOff(try)
		l.notify(Warning, name, fmt.Sprintf("%s: %v; next try in %s", what, err, wait))
		if err := l.cfg.wait(ctx, wait); err != nil {
			return err
		}
	}
}

// wait lets time pass.
func (cfg *Config) wait(ctx context.Context, d time.Duration) error {
	if cfg.pause != nil {
		return cfg.pause(ctx, d)
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
