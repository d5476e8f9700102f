package ferry

import (
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
)

// table is one route at work: the state of its source table, its copy and its
// batches.
type table struct {
	number int
	route  Route
	loads  Loads

	// schema is the version in force at the loop's position; nil before the table
	// has joined and after it was dropped.
	schema  *change.Table
	dropped bool
	// unsaved: the table has joined and no checkpoint knows it yet. Nothing of it is
	// loaded before one does: a restart would join it anew, later in the log, and a
	// row deleted in between would stay at the target.
	unsaved bool
	copy    checkpoint.CopyState

	// layout belongs to the schema of the last row that was added, as restored after
	// a restart; columns is the target table as last described.
	layout  *Layout
	seen    *change.Table
	columns []TargetColumn
	busy    bool // a description or an ALTER of the target table is under way

	asks     int       // failed questions about the target table in a row
	askAfter time.Time // no question before

	batch    Batch
	begun    time.Time // when the batch got its first row
	epoch    uint64    // the epoch the batch was begun in
	queue    []*shipment
	inFlight *shipment

	recent recentKeys
}

// restore sets the table as it was at the checkpoint.
func (t *table) restore(c *checkpoint.Checkpoint) {
	if c == nil {
		return
	}
	for i := range c.Tables {
		s := &c.Tables[i]
		if s.Name == t.route.Source {
			t.setState(s)
			return
		}
	}
}

func (t *table) setState(s *checkpoint.TableState) {
	t.schema, t.seen, t.copy = s.Table, s.Table, s.Copy
	t.dropped = s.Table == nil && s.Copy.Done
	t.layout = nil
	t.recent = recentKeys{}
}

// drained tells that no row of the table is on its way.
func (t *table) drained() bool {
	return t.batch == nil && t.inFlight == nil && len(t.queue) == 0
}

// tableStates is what a checkpoint at this moment says of the tables. The slice is
// shared by all marks until something changes.
func (l *loop) tableStates() []checkpoint.TableState {
	if l.states == nil {
		l.states = make([]checkpoint.TableState, len(l.order))
		for i, t := range l.order {
			l.states[i] = checkpoint.TableState{Table: t.schema, Name: t.route.Source, Copy: t.copy}
		}
	}
	return l.states
}
