package ferry

import (
	"slices"
	"time"

	"starferry/internal/change"
)

// outlet is a target table and what is on its way to it. Of a merged target several
// source tables have one outlet in common, its shards.
//
// Invariant: what must not happen twice at a time to a target (a load, a transaction, an
// ALTER) is the outlet's; what is read from the source (schema, copy, checks, keys that
// changed) is the shard's. A batch holds rows of any of them, in the order of the log;
// which shard a row is of, its own cells say (Layout's constants). So a thousand shards
// make no more loads than one table does, and since the names are in the key, rows of two
// shards are never one row at the target.
//
// What is done to the target as a whole may not take rows of one shard for all there are:
// a merged target is never emptied and never swapped, its shards are compared and mended.
//
// Rejected: a queue of batches per shard (each has a few rows, and a target takes one
// load at a time: the loads would fall behind the source), and rewriting the rows of a
// shard at the source to have the names as cells (every row would be copied).
type outlet struct {
	shards []*table // in the order of the routes; without a merged target, the table

	altering bool // an ALTER or a TRUNCATE of the target table is under way
	changes  int  // how often its columns were about to be changed, or had been

	batch Batch
	// joining are the shards with rows in the batch that no checkpoint knows yet.
	joining  []*table
	begun    time.Time       // when the batch got its first row
	after    change.Position // of the loop, before it did
	epoch    uint64          // the epoch the batch was begun in
	queue    []*shipment
	inFlight *shipment
	// loaded are the epochs of the batches that are in the target's transaction and not
	// visible, loadedSince when the oldest of them was begun.
	loaded      []uint64
	loadedSince time.Time
	// form is that of the target's batches in the epoch at hand, once it is fixed;
	// formUntil the checkpoint until which it is the widest.
	form      Form
	formFixed bool
	formUntil uint64
	// abandoned are loads of a stopped table whose outcome is open.
	abandoned []string
	laden     bool // it is one of loop.laden

	shippedAt time.Time     // when the last load began
	widened   time.Duration // between two loads, because the target asked for fewer; 0 when not
	whyWide   string
}

// newTable makes a route one of the tables that the loop follows, beside the other shards
// of its target.
func (l *loop) newTable(route Route) *table {
	route.Schema.merged = route.Merged
	t := &table{number: len(l.order), route: route, loads: l.cfg.Target.Loads(route)}
	if route.Merged {
		if at := slices.IndexFunc(l.order, func(other *table) bool { return other.route.Merged && other.route.Target == route.Target }); at >= 0 {
			t.outlet = l.order[at].outlet
		}
	}
	if t.outlet == nil {
		t.outlet = &outlet{}
		l.outlets = append(l.outlets, t.outlet)
	}
	t.shards = append(t.shards, t)
	l.order = append(l.order, t)
	l.tables[route.Source] = append(l.tables[route.Source], t)
	return t
}

// lade makes the outlet one of those that are looked at.
func (l *loop) lade(o *outlet) {
	if !o.laden {
		o.laden = true
		l.laden = append(l.laden, o)
	}
}

// forgetDrained leaves out those that nothing is on its way to any more.
func (l *loop) forgetDrained() {
	l.laden = slices.DeleteFunc(l.laden, func(o *outlet) bool {
		o.laden = !o.drained()
		return !o.laden
	})
}

// dead tells that no rows go to the target any more.
func (o *outlet) dead() bool {
	return !slices.ContainsFunc(o.shards, func(t *table) bool { return t.stopped == nil && !t.gone })
}

// busy tells that something is under way at the target that this table waits for.
func (t *table) busy() bool { return t.asking || t.altering }

// forgetColumns has every shard look at the target anew: it is about to change. What the
// others have in hand is of the columns of before.
func (l *loop) forgetColumns(t *table) {
	t.changes++
	for _, one := range t.shards {
		one.layout, one.described = nil, nil
		if one == t {
			continue
		}
		l.dropPages(one)
		if one.check != nil {
			one.check.layout = nil
		}
	}
}

// goesOn tells whether the target's batch may go on with rows of this shard: rows of two
// shards go into one load where the target had the same columns when both looked.
func (l *loop) goesOn(t *table) bool {
	if t.batch == nil || t.batch.Layout() == t.layout || t.loads.Continue(t.batch, t.layout) {
		return true
	}
	if l.isExact() {
		// All loads of a transaction have the same columns.
		l.goBack(again("%s has other columns than before, and nobody of us has changed them", t.route.Target))
		return false
	}
	l.seal(t)
	return true
}

// tableOf is the shard that a row of a batch is of.
func (s *shipment) tableOf(rows *change.Rows) *table {
	for _, t := range s.table.shards {
		if t.owns(s.batch.Layout(), rows) {
			return t
		}
	}
	return s.table
}

func (t *table) owns(layout *Layout, rows *change.Rows) bool {
	for i := range layout.Columns {
		if constant := t.route.constant(layout.Columns[i].Name); constant != nil && string(constant) != string(rows.Cell(0, i)) {
			return false
		}
	}
	return true
}

// awaited tells that rows of the shard wait for a checkpoint that knows it.
func (t *table) awaited() bool {
	return t.batch != nil && slices.Contains(t.joining, t) ||
		slices.ContainsFunc(t.queue, func(s *shipment) bool { return slices.Contains(s.joining, t) })
}

// unsaved tells that the batch holds rows of a shard that no checkpoint knows yet.
func (s *shipment) unsaved() bool {
	return slices.ContainsFunc(s.joining, func(t *table) bool { return t.unsaved })
}
