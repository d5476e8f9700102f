package ferry

import (
	"fmt"
	"slices"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
)

// table is one route at work: the state of its source table and its copy.
type table struct {
	*outlet // where its rows go

	number int
	route  Route
	loads  Loads

	// schema is the version in force at the loop's position; nil before the table
	// has joined and after it was dropped.
	schema  *change.Table
	dropped bool
	was     *change.Table // before it was dropped, by this process
	// absent: there was no such table when it was to join.
	absent bool
	// identity is that of a shadow; gone tells that the shadow is not needed any more.
	identity string
	gone     bool
	stopped  *checkpoint.Stop // see stop.go
	// besides: the source is followed for another target, and this one joins there.
	besides bool
	// unread: the stream says nothing of the table, see unreadable.go.
	unread bool
	// unsaved: the table has joined and no checkpoint knows it yet. Nothing of it is
	// loaded before one does: a restart would join it anew, later in the log, and a
	// row deleted in between would stay at the target.
	unsaved bool
	copy    checkpoint.CopyState
	copying *pass   // nil when the copy is done
	check   *check  // nil when none is under way
	pages   []*page // in flight, in the order of their registration
	touched touched
	meter   meter // of the copy

	// seen is the schema of the last row that was added, layout how its rows become
	// the target's; columns is the target table as last described, for rows of the
	// schema described. added are columns of schema that the target lacks, as they
	// were when they were added: what they are by the time of their first row says
	// nothing of the rows before.
	seen      *change.Table
	layout    *Layout
	described *change.Table
	reshaped  *change.Table // the target was reshaped for it
	appended  []string      // lower-case names of the columns that were appended to it for this schema
	kept      []string      // lower-case names of its columns that seen does not have
	wasCopied bool          // the copy was complete when it was last taken up
	columns   []TargetColumn
	added     []change.Column
	// eager is the version of the schema that is carried when its statement comes: its first
	// row is known to come behind others of the target, where no epoch can end.
	eager   int
	emptied bool // the target was, for the TRUNCATE that is held
	asking  bool // for a description of the target

	asks     int       // failed questions about the target table in a row
	askAfter time.Time // no question before

	refused refusals
}

// routeNames tell a table from all others.
type routeNames struct{ source, target change.Name }

func (t *table) names() routeNames { return routeNames{t.route.Source, t.route.Target} }

// StateOf is what a checkpoint says of a route; nil when it does not know it.
func StateOf(c *checkpoint.Checkpoint, source, target change.Name) *checkpoint.TableState {
	if c == nil {
		return nil
	}
	for i := range c.Tables {
		if s := &c.Tables[i]; Knows(s, source, target) {
			return s
		}
	}
	return nil
}

// restore sets the table as it was at the checkpoint, and takes up its passes.
func (l *loop) restore(t *table) {
	known := StateOf(l.cfg.Restored, t.route.Source, t.route.Target)
	if known == nil {
		known = &checkpoint.TableState{}
	}
	t.stopped = known.Stopped
	t.setSchema(known)
	l.copyFrom(t, known.Copy)
	if known.Check != nil && t.stopped == nil {
		l.beginCheck(t, *known.Check)
		l.notify(Info, t.route.Source, fmt.Sprintf("the comparison with %s goes on: %d rows of it are done", t.route.Target, known.Check.Compared))
	}
}

// copyFrom goes on with a copy where it stood.
func (l *loop) copyFrom(t *table, state checkpoint.CopyState) {
	if t.copying != nil {
		l.endPass(t.copying)
		t.copying = nil
	}
	t.copy, t.wasCopied, l.states = state, state.Done, nil
	if state.Wipe {
		l.wipeLater(t)
	}
	if !state.Done && t.stopped == nil {
		t.copying = beginPass(t, nil, state.Spans)
		l.addPass(t.copying)
	}
	if t.check != nil {
		l.startCheckOver(t.check)
	}
}

// Knows tells whether a checkpoint's table is this route. With another target it is
// another table, which has to be copied itself.
func Knows(s *checkpoint.TableState, source, target change.Name) bool {
	return s.Name == source && (s.Target == target || s.Target == change.Name{})
}

// setSchema goes back to what the source table was at a checkpoint or resume point.
func (t *table) setSchema(s *checkpoint.TableState) {
	t.schema, t.seen, t.added, t.kept = s.Table, s.Seen, s.Added, s.Kept
	t.dropped = s.Table == nil && s.Copy.Done && t.stopped == nil
}

// drained tells that no row is on its way to the target.
func (o *outlet) drained() bool {
	return o.batch == nil && o.inFlight == nil && len(o.queue) == 0 && len(o.loaded) == 0
}

// tableStates is what a checkpoint at the resume point says of the tables. The slice is
// shared by all marks until something changes; one that no mark has yet is changed in place,
// since thousands of tables may be copied one after the other.
func (l *loop) tableStates() []checkpoint.TableState {
	switch {
	case l.states == nil || len(l.states) != len(l.order):
		l.states, l.statesHeld = make([]checkpoint.TableState, len(l.order)), false
		for i, t := range l.order {
			l.states[i] = t.state()
		}
	case len(l.moved) > 0:
		if l.statesHeld {
			l.states, l.statesHeld = slices.Clone(l.states), false
		}
		for _, t := range l.moved {
			l.states[t.number] = t.state()
		}
	}
	l.moved = l.moved[:0]
	return l.states
}

// stateMoved has the next states tell what became of one table.
func (l *loop) stateMoved(t *table) {
	if n := len(l.moved); n == 0 || l.moved[n-1] != t {
		l.moved = append(l.moved, t)
	}
}

func (t *table) state() checkpoint.TableState {
	return checkpoint.TableState{
		Name: t.route.Source, Target: t.route.Target, Table: t.schema, Seen: t.seen, Added: t.added, Kept: t.kept, Copy: t.copy,
		Check: t.check.snapshot(), ShadowOf: t.route.ShadowOf, Identity: t.identity, Stopped: t.stopped,
	}
}
