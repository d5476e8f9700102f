package ferry

import (
	"cmp"
	"fmt"

	"starferry/internal/change"
)

// Another table takes the name of one that is followed: an online schema change tool is
// done, or somebody swaps two tables. What differs between their columns is a schema
// change like any other. The rows are mostly the same, but need not be: the tool may have
// converted values, and nobody knows when it read them. So the table is compared with its
// target and mended while rows flow; nothing is copied again.
//
// Invariant: the repair begins at the place of the statement, so a restart behind it
// knows of the repair, and one before it meets the statement again.

// replaced takes another table for t.
func (l *loop) replaced(t *table, event *change.Event) {
	was := t.schema
	if t.dropped {
		t.dropped = false
		was = cmp.Or(t.was, t.seen, event.Table)
	}
	switch {
	case t.stopped != nil:
		t.schema, l.states = event.Table, nil // what a resync begins with
		return
	case was == nil: // it joins with those that are followed
		t.absent, t.besides, l.siblingsWait = false, true, true
		return
	}
	t.schema = was
	l.altered(t, event)
	how := "is another table since"
	if event.Cause != nil {
		how = fmt.Sprintf("may have other rows (%v) since", event.Cause)
	}
	if l.cfg.RowLess == RowLessStop {
		l.stopTable(t, rowLessStop(t, event, "was replaced"))
		return
	}
	l.notify(Warning, t.route.Source, fmt.Sprintf("%s %s (%s): %s is compared with it and mended", how, event.Position, event.Statement, t.route.Target))
	l.beginRepair(t, event.Statement)
}
