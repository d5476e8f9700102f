package ferry

import (
	"math/rand/v2"

	"starferry/internal/change"
)

// Transactions that travel as one: in half of the histories the stream leaves out ends of
// transactions that nothing needs, and puts rows of several into one event, as a source does
// with what comes together (change.Commit).

// gathering draws whether it does. It has a random source of its own: the other histories
// stay what they are.
func (s *simSource) gathering(seed uint64) {
	if rng := rand.New(rand.NewPCG(seed, 3)); rng.IntN(2) == 0 {
		s.together = rng
	}
}

// gather adds to an event with rows those that follow, over the ends of transactions.
func (st *simStream) gather(e *change.Event) {
	s := st.source
	for s.together != nil && s.together.IntN(4) > 0 {
		entry := &s.log[st.next]
		if st.change == len(entry.txn.changes) {
			if s.overPlaces {
				st.reachOver(e)
				return
			}
			if !st.goesOn() {
				return
			}
			st.next++
			st.change, st.offset = 0, entry.end
			continue
		}
		c := &entry.txn.changes[st.change]
		schema := st.version(c.schema)
		if schema != nil && !c.goesInto(e, schema) {
			return
		}
		st.change++
		if schema != nil {
			c.appendTo(e.Rows, schema)
		}
	}
}

// goesOn tells that nothing is to be told between the transaction at hand and the next, which
// has rows.
func (st *simStream) goesOn() bool {
	log := st.source.log
	if st.next+1 >= len(log) || log[st.next+1].txn == nil || st.version(log[st.next+1].txn.changes[0].schema) == nil {
		return false
	}
	for _, join := range st.joining {
		if join.at <= log[st.next].end {
			return false
		}
	}
	return true
}

// reachOver breaks the rule: the first row of the next transaction comes before the end of
// this one, which a stream can be opened behind.
func (st *simStream) reachOver(e *change.Event) {
	if !st.goesOn() {
		return
	}
	c := &st.source.log[st.next+1].txn.changes[0]
	if schema := st.version(c.schema); c.goesInto(e, schema) {
		c.appendTo(e.Rows, schema)
		st.ahead = 1
	}
}

// goesInto tells that the change may be in the same event.
func (c *simChange) goesInto(e *change.Event, schema *change.Table) bool {
	return e.Table == schema && e.Kind == c.kind()
}

func (c *simChange) kind() change.Kind {
	switch {
	case c.before == nil:
		return change.Insert
	case c.after == nil:
		return change.Delete
	}
	return change.Update
}

func (c *simChange) appendTo(rows *change.Rows, schema *change.Table) {
	if c.before != nil {
		appendSimRow(rows, schema, c.before)
	}
	if c.after != nil {
		appendSimRow(rows, schema, c.after)
	}
}
