package ferry

import (
	"context"
	"fmt"
	"slices"

	"starferry/internal/checkpoint"
)

// A shard of a merged target is copied anew where it is: its target can be neither emptied
// nor swapped, for most of its rows are of other shards. All rows of the shard are copied
// over those that are there, and then the two are compared, which removes what the source
// does not have. Readers see no gap.
//
// Invariant: the shard's place in the checkpoint says that it is to be copied, and then to
// be compared and mended, from the first moment on. So a restart goes on with that.

// beginRenewal begins to copy a shard anew.
func (l *loop) beginRenewal(t *table, j *Job) {
	r := &resync{table: t, phase: renewAsked}
	if j != nil {
		r.jobs = []*Job{j}
	}
	l.resyncs = append(l.resyncs, r)
	l.notify(Info, t.route.Source, fmt.Sprintf("resync: copied anew into %s, then what the source does not have is removed there", t.route.Target))
}

// advanceRenewal does the next step of it. quiet is between two source transactions.
func (l *loop) advanceRenewal(r *resync, quiet bool) {
	t := r.table
	switch {
	case r.phase == renewing:
		if t.check == nil && t.copy.Done {
			l.notify(Info, t.route.Source, fmt.Sprintf("resync: %s holds the new copy of %d rows", t.route.Target, t.copy.Rows))
			l.endResync(r, nil)
		}
	case !quiet || t.unsaved || t.busy():
	case t.dead() && t.inFlight != nil: // nobody waits for it any more, but it must have ended
	case t.stopped != nil && len(t.abandoned) > 0:
		abandoned := slices.Clone(t.abandoned)
		l.attempt(r, func(ctx context.Context) error {
			// What was left under way must not arrive behind the copy.
			return l.cfg.Target.Settle(ctx, t.route.Target, abandoned)
		}, func() {
			t.ended(abandoned)
		})
	default:
		l.revive(t)
		l.dropPages(t)
		t.touched.clear(l.now)
		l.copyFrom(t, checkpoint.CopyState{})
		l.beginRepair(t, renewReason)
		r.phase = renewing
		l.resume.states = l.tableStates()
		l.markHere()
	}
}

const renewReason = "copied anew"
