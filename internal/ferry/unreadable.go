package ferry

import (
	"errors"
	"fmt"
	"slices"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// A table whose rows the source cannot read stops, and its schema is forgotten with it.
//
// Invariant: a stopped table without a schema is nothing to the source: no stream is
// asked for it, so that what could not be read is not met again, now or after a restart.
// A resync asks: the table joins as a new one does, at the end of the log and with the
// columns it has there. Rejected: letting the source try again by itself (it would meet
// the next such row), and keeping the last schema that was known (it is not the table's).

// unreadable stops every route of a source table.
func (l *loop) unreadable(tables []*table, cause error) {
	l.atResume = false // no place to begin at
	for _, t := range tables {
		if t.identity == "" {
			l.lose(t, cause)
		}
	}
}

// lose stops a table of whose rows nothing comes any more, and ends its resync.
func (l *loop) lose(t *table, cause error) {
	if t.stopped == nil && !l.othersAreRead(t.route.Source) {
		l.fail(withRemedy(t, cause))
		return
	}
	t.dropped, t.unread = false, true
	if t.stopped == nil {
		l.stopTable(t, cause)
	} else {
		t.schema = nil
		l.amendStop(t)
	}
	if r := l.resyncOf(t); r != nil {
		l.endResync(r, cause)
	}
}

// othersAreRead tells that there is another source table to go on with.
func (l *loop) othersAreRead(name change.Name) bool {
	return slices.ContainsFunc(l.order, func(other *table) bool { return other.route.Source != name && !other.idle() && !other.gone })
}

// withRemedy is a cause that ends the ferry: what was wrong is mended first, and then all
// it takes is a copy of the table as it is now.
func withRemedy(t *table, cause error) error {
	var problem *diag.Problem
	if !errors.As(cause, &problem) {
		return cause
	}
	copied := *problem
	copied.Message, copied.Cause = cause.Error(), nil
	if copied.Fix != "" {
		copied.Fix += "\nThen: "
	}
	copied.Fix += anew(t)
	return &copied
}

// looksOther stops a table that is not at the source what the log says it is.
func (l *loop) looksOther(t *table, cause error) {
	problem := &diag.Problem{
		Code:    codeChangedOutsideLog,
		Message: fmt.Sprintf("table %s does not look as its binlog says: it was changed with sql_log_bin=0 or on another server", t.route.Source),
		Cause:   cause,
	}
	if t.identity != "" && !l.othersAreRead(t.route.Source) {
		l.stopTable(t, problem) // its table goes on
		return
	}
	for _, one := range slices.Clone(l.tables[t.route.Source]) {
		if one.identity == "" {
			l.lose(one, problem)
		}
	}
}

// askToJoin opens the stream anew where the loop stands, so that nothing comes again,
// and with it the tables that a resync waits for.
func (l *loop) askToJoin() {
	if l.stream == nil || !l.atResume || l.held != nil || l.swapping != nil {
		return
	}
	if e := &l.exact; l.isExact() && (e.mustEnd || e.joining) {
		e.mustEnd = true // of the epoch, before the stream begins anew
		return
	}
	l.rewind()
}

// forgetTypes has a stopped table join anew, where its resync begins, when the source
// would make other types of its columns now. A table that goes on keeps its own: its rows
// are those of its shadow too.
func (l *loop) forgetTypes(t *table) {
	if t.schema == nil || l.cfg.Retyped == nil || !l.cfg.Retyped(t.schema) {
		return
	}
	for _, one := range l.tables[t.route.Source] {
		if one.stopped == nil {
			return // another route needs the rows as they are
		}
	}
	t.schema, t.unread = nil, true
	l.atResume = false
	l.amendStop(t)
}
