package ferry

import (
	"context"
	"fmt"
	"slices"

	"starferry/internal/checkpoint"
	"starferry/internal/crashpoint"
)

// A wipe is a resync in place: the target is emptied and copied anew, for whom a second
// table cannot be had. Readers see the gap.
//
// Invariant: the target is emptied only when a restart would know that it is to be
// copied anew (CopyState.Wipe), while no row of the table is on its way and no event is
// taken. From then on nothing that was loaded before counts: every page of the copy is
// registered behind it, so it holds what the stream had delivered, and no key counts as
// touched for a change before it. That the restart empties it again is no loss for the
// same reason.

// beginWipe begins to empty a table and to copy it anew.
func (l *loop) beginWipe(t *table, j *Job) {
	l.resyncs = append(l.resyncs, &resync{table: t, phase: wipeAsked, jobs: []*Job{j}})
	l.notify(Info, t.route.Source, fmt.Sprintf("resync: %s is emptied and copied anew", t.route.Target))
}

// wipeLater goes on with a wipe that a checkpoint or an earlier stream knows of.
func (l *loop) wipeLater(t *table) {
	if l.resyncOf(t) == nil {
		l.resyncs = append(l.resyncs, &resync{table: t, phase: wipeNoted})
	}
}

// keepWipes has the row of a database say that a table is to be emptied, before it is: who
// goes on from the row would take it for complete.
func (l *loop) keepWipes() {
	if l.cfg.Delivery != PositionInside {
		return
	}
	for _, r := range l.resyncs {
		t := r.table
		if r.phase != wipeNoted || !l.exact.closing.mark.wipes(t) || l.saved.wipes(t) {
			continue
		}
		x := l.transactionOf(t)
		if x == nil {
			x = &transaction{label: checkpoint.Label{Table: l.scope(t)}, since: l.now}
			l.exact.open = append(l.exact.open, x)
		}
		x.keep = t
	}
}

// advanceWipe does the next step of a wipe. quiet is between two source transactions.
func (l *loop) advanceWipe(r *resync, quiet bool) {
	t := r.table
	switch r.phase {
	case wipeAsked:
		switch {
		case !quiet || t.unsaved:
		case l.sabotage.wipeUnknown:
			l.dropPages(t)
			l.swapping, r.phase = r, wiping
		default:
			l.dropPages(t)
			l.copyFrom(t, checkpoint.CopyState{Wipe: true})
			r.phase = wipeNoted
			l.resume.states = l.tableStates()
			l.markHere()
		}
	case wipeNoted:
		switch {
		case !t.copy.Wipe: // the source was emptied meanwhile, and so was the target
			r.phase = wiped
		case quiet && l.swapping == nil && l.saved.wipes(t) && l.aboveFloor():
			l.swapping, r.phase = r, wiping
		}
	case wiping:
		l.seal(t)
		if t.drained() && !t.busy() {
			l.wipe(r)
		} else if !t.drained() {
			l.needBoundary(t, "emptying")
		}
	case wiped:
		if t.copy.Done {
			l.seal(t)
			r.epoch, r.phase = l.epoch, wipeCopied
			l.epoch++ // what comes now is not waited for
		}
	case wipeCopied:
		if !t.visible(r.epoch) {
			l.exact.wantEnd = true
		} else {
			l.notify(Info, t.route.Source, fmt.Sprintf("resync: %s holds the new copy of %d rows", t.route.Target, t.copy.Rows))
			l.endResync(r, nil)
		}
	}
}

// wipe empties the target.
func (l *loop) wipe(r *resync) {
	t, abandoned := r.table, slices.Clone(r.table.abandoned)
	l.attempt(r, func(ctx context.Context) error {
		// What a stopped table left under way must not arrive behind it.
		if err := l.cfg.Target.Settle(ctx, t.route.Target, abandoned); err != nil {
			return err
		}
		return l.cfg.Shaper.Truncate(ctx, t.route.Target)
	}, func() {
		crashpoint.Here("wiped")
		t.ended(abandoned)
		l.revive(t)
		l.copyFrom(t, checkpoint.CopyState{})
		t.touched.clear(l.now) // what the stream delivered before is gone
		l.swapping, r.phase = nil, wiped
		l.resume.states = l.tableStates()
		l.markHere()
	})
}

// revive has a table followed again that was stopped: all of it is copied anew.
func (l *loop) revive(t *table) {
	if t.stopped == nil {
		return
	}
	t.stopped, t.refused = nil, refusals{}
	t.seen, t.added = t.schema, nil
	t.layout, t.described, t.columns = nil, nil, nil
}

const mendInsteadReason = "the target cannot be emptied"

// mendInstead has a table compared and mended whose target cannot be emptied: after a
// restart nobody knows any more how much of it was a copy.
func (l *loop) mendInstead(t *table) {
	l.endCopy(t)
	l.beginRepair(t, mendInsteadReason)
	l.resume.states = l.tableStates()
	l.markHere()
}

// wipes tells whether a restart at the mark would empty the table.
func (m *mark) wipes(t *table) bool {
	return t.number < len(m.states) && m.states[t.number].Copy.Wipe
}

// wipeSettled tells whether a wipe waits for the settled mark to be saved.
func (l *loop) wipeSettled() bool {
	for _, r := range l.resyncs {
		if r.phase == wipeNoted && l.settled.wipes(r.table) && !l.saved.wipes(r.table) {
			return true
		}
	}
	return false
}

// resyncOf is the resync of a table that is under way, nil for none.
func (l *loop) resyncOf(t *table) *resync {
	for _, r := range l.resyncs {
		if r.table == t {
			return r
		}
	}
	return nil
}
