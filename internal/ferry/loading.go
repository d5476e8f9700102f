package ferry

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"starferry/internal/checkpoint"
	"starferry/internal/crashpoint"
	"starferry/internal/diag"
)

// shipExact loads batches into the transactions of their epoch. A transaction is begun
// when there is something to load; all labels of the step are made durable together,
// before the first of them is used.
func (l *loop) shipExact() {
	if l.exact.redo != nil {
		return
	}
	var begun []*transaction
	kept := slices.ContainsFunc(l.exact.open, func(x *transaction) bool { return x.keep != nil && !x.begun })
	outlets := l.laden
	if kept { // by tables that may have no rows
		outlets = l.outlets
	}
	for _, o := range outlets {
		t := o.shards[0]
		loads := l.mayLoad(t)
		if !loads && !kept {
			continue
		}
		x := l.transactionOf(t)
		if !loads && (x == nil || x.keep != t || x.begun) {
			continue
		}
		if x == nil {
			if l.overBudget(t) {
				l.exact.wantEnd = true
				continue
			}
			x = &transaction{label: checkpoint.Label{Table: l.scope(t)}, since: l.now}
			l.exact.open = append(l.exact.open, x)
		}
		switch {
		case x.begun:
			l.load(t, x)
		case !x.asking && !l.now.Before(x.again):
			x.label.Label = l.nextLabel(t)
			if l.sabotage.labelUsedTwice {
				x.label.Label = fmt.Sprintf("sf_%d_%d", l.epoch, t.number)
			}
			x.asking = true
			begun = append(begun, x)
		}
	}
	l.beginAll(begun)
}

// mayLoad tells that the first batch of the target's queue may be loaded. Rows of the next
// epoch wait until this one is visible.
func (l *loop) mayLoad(t *table) bool {
	if t.inFlight != nil || len(t.queue) == 0 || t.gone || t.queue[0].unsaved() && !l.sabotage.loadBeforeJoinIsSaved || l.now.Before(t.queue[0].notUntil) {
		return false
	}
	c := l.exact.closing
	return c == nil || t.queue[0].epoch <= c.mark.epoch
}

// beginAll begins transactions at the target.
func (l *loop) beginAll(begun []*transaction) {
	if len(begun) == 0 {
		return
	}
	labels := make([]checkpoint.Label, len(begun))
	for i, x := range begun {
		labels[i] = x.label
	}
	if err := l.cfg.Journal.Note(labels); err != nil {
		l.fail(err)
		return
	}
	crashpoint.Here("labels-noted")
	for _, x := range begun {
		l.begin(func(ctx context.Context) func() {
			crashpoint.Here("transaction-begins")
			err := l.cfg.Transactions.Begin(ctx, x.label)
			crashpoint.Here("transaction-begun")
			return func() { l.transactionBegun(x, err) }
		})
	}
}

// transactionBegun takes the outcome of a begin. One that is not known may be open: it
// is ended, and the next try has another label.
func (l *loop) transactionBegun(x *transaction, err error) {
	x.asking = false
	left := !slices.Contains(l.exact.open, x) // its table has stopped meanwhile
	if err == nil && !left {
		x.begun, x.tries = true, 0
		return
	}
	l.letGo(x.label)
	if left {
		return
	}
	if diag.IsTransient(err) || errors.Is(err, context.Canceled) {
		l.tryLater(x, err)
		return
	}
	if t := l.owner(x); t != nil {
		l.failTarget(t, err)
		return
	}
	l.fail(err)
}

// letGo ends a transaction that nobody needs; where that fails the next start does.
func (l *loop) letGo(label checkpoint.Label) {
	if !slices.Contains(l.exact.abandoned, label) {
		l.exact.abandoned = append(l.exact.abandoned, label)
	}
	l.begin(func(ctx context.Context) func() {
		err := l.cfg.Target.Settle(ctx, label.Table, []string{label.Label})
		return func() {
			if err == nil {
				l.exact.abandoned = slices.DeleteFunc(l.exact.abandoned, func(one checkpoint.Label) bool { return one == label })
			}
		}
	})
}

// load appends the first batch of the table's queue to its transaction.
func (l *loop) load(t *table, x *transaction) {
	s := t.queue[0]
	t.queue = t.queue[1:]
	t.inFlight, t.shippedAt = s, l.now
	l.begin(func(ctx context.Context) func() {
		crashpoint.Here("load-begins")
		err := t.loads.Append(ctx, x.label, s.batch)
		crashpoint.Here("load-answered")
		return func() { l.appended(s, err) }
	})
}

// appended takes the outcome of a load into a transaction.
func (l *loop) appended(s *shipment, err error) {
	t := s.table
	t.inFlight = nil
	if t.gone {
		l.appendedToGone(s, err)
		return
	}
	var lost *LostError
	var refused *RefusedError
	switch {
	case err == nil:
		t.loaded = append(t.loaded, s.epoch)
		if len(t.loaded) == 1 {
			t.loadedSince = s.begun
		}
		l.bytes -= s.bytes
		l.counts.Loads++
		l.counts.LoadedRows += uint64(s.batch.Rows())
		l.counts.LoadedBytes += uint64(s.bytes)
		crashpoint.Here("load-acknowledged")
	case errors.As(err, &lost):
		l.goBack(err)
	case errors.As(err, &refused):
		l.goBack(refused.Cause, t.shards...)
	case diag.IsTransient(err) || errors.Is(err, context.Canceled):
		s.tries++
		wait := backOff(s.tries)
		s.notUntil = l.now.Add(wait)
		t.queue = append([]*shipment{s}, t.queue...)
		l.counts.Retries++
		l.notify(Warning, t.route.Target, fmt.Sprintf("load of %d rows: %v; try %d in %s", s.batch.Rows(), err, s.tries+1, wait))
	default:
		var alone *TableError
		if !errors.As(err, &alone) {
			l.fail(err)
			return
		}
		l.goBack(alone.Cause, t.shards...)
	}
}

// appendedToGone takes the outcome of a load into a shadow that nobody needs any more. In
// two-phase its transaction is let go of with the epoch; one of a database also has rows of
// others, which are lost when it is.
func (l *loop) appendedToGone(s *shipment, err error) {
	l.bytes -= s.bytes
	var lost *LostError
	switch {
	case err == nil: // so that the shadow is not dropped under its transaction
		s.table.loaded = append(s.table.loaded, s.epoch)
		l.lade(s.table.outlet)
		l.unacked[s.epoch]++
	case l.cfg.Delivery == TwoPhase:
	case errors.As(err, &lost):
		l.goBack(err)
	case !diag.IsTransient(err) && !errors.Is(err, context.Canceled):
		l.goBack(again("a load into %s, which is not needed any more, took its transaction with it: %v", s.table.route.Target, err))
	}
}
