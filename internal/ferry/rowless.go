package ferry

import (
	"context"
	"fmt"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
)

// Some statements change rows without row events. None passes unnoticed: a table that
// was emptied is emptied at the target too, at that place of the log; where it is not
// known which rows went or came, the whole table is compared and mended while rows
// flow; or the table stops.

// RowLess says what is done about rows that change without row events.
type RowLess string

const (
	// RowLessRepair empties the target after TRUNCATE and repairs it after partition
	// maintenance; DML that was logged as text stops: it may come all day.
	RowLessRepair RowLess = "repair"
	// RowLessRepairAll repairs after such DML too.
	RowLessRepairAll RowLess = "repair-all"
	RowLessStop      RowLess = "stop"
)

// truncated empties the targets as the source was. False: not yet. After a restart
// behind an older checkpoint the same rows come again, and then the same TRUNCATE.
func (l *loop) truncated(tables []*table, event *change.Event) bool {
	ready := true
	for _, t := range tables {
		if t.idle() || t.emptied || t.route.Schema.ignores(TruncateTable) {
			continue
		}
		if l.cfg.RowLess == RowLessStop {
			l.stopTable(t, rowLessStop(t, event, "was emptied"))
			continue
		}
		ready = false
		if t.busy() || l.now.Before(t.askAfter) || l.err != nil {
			continue
		}
		l.dropPages(t)
		l.seal(t)
		switch {
		case t.route.Merged: // rows of other shards are in it
			t.emptied = true
			l.notify(Info, t.route.Target, fmt.Sprintf("the rows of %s are removed one by one", t.route.Source))
			l.beginRepair(t, event.Statement)
		case l.drainedAround(t) && (!l.isExact() || l.aboveFloor()):
			l.empty(t, event)
		case l.isExact() && l.exact.closing == nil && (!l.atResume || !l.aboveFloor()):
			// An epoch cannot end here, or the target shows what came behind it.
			t.emptied = true
			l.notify(Warning, t.route.Target, "its rows are removed one by one")
			l.beginRepair(t, event.Statement)
		default:
			l.needBoundary(t, "emptying")
		}
	}
	if !ready {
		return false
	}
	for _, t := range tables {
		if !t.idle() && t.route.Schema.ignores(TruncateTable) {
			l.notify(Warning, t.route.Source, fmt.Sprintf("was emptied at %s (%s): %s keeps its rows, as its policy says", event.Position, event.Statement, t.route.Target))
		}
		if !t.emptied {
			continue
		}
		t.emptied = false
		l.endCopy(t) // everything that comes now comes with the stream
		t.copy.Partial = false
		if t.check != nil {
			l.startCheckOver(t.check)
		}
		text := fmt.Sprintf("was emptied at %s (%s), and so was %s", event.Position, event.Statement, t.route.Target)
		if t.route.Merged {
			text = fmt.Sprintf("was emptied at %s (%s): its rows in %s are removed", event.Position, event.Statement, t.route.Target)
		}
		l.notify(Warning, t.route.Source, text)
	}
	return true
}

// drainedAround tells that no row is on its way of the tables that become visible together
// with this one: emptied, it shows a place that the others have to show too.
func (l *loop) drainedAround(t *table) bool {
	for _, other := range l.order {
		if (other == t || l.cfg.Delivery == PositionInside && other.route.Target.Database == t.route.Target.Database) && !other.drained() {
			return false
		}
	}
	return true
}

// empty removes all rows of the target. Where that is not allowed, a repair finds that
// the source has none of them.
func (l *loop) empty(t *table, event *change.Event) {
	t.altering = true
	stream, statement := l.stream, event.Statement
	l.begin(func(ctx context.Context) func() {
		err := l.cfg.mayReplace(ctx, t.route.Target.Database)
		if err == nil {
			err = l.cfg.Shaper.Truncate(ctx, t.route.Target)
		}
		return func() {
			t.altering = false
			switch {
			case l.stream != stream: // older rows come again, and then the TRUNCATE
			case err == nil:
				t.emptied, t.asks = true, 0
			case diag.IsTransient(err):
				l.askAgain(t, err)
			default:
				t.emptied = true
				l.notify(Warning, t.route.Target, fmt.Sprintf("cannot be emptied (%v): its rows are removed one by one", err))
				l.beginRepair(t, statement)
			}
		}
	})
}

// rearranged has a table repaired of which nobody knows which rows changed.
func (l *loop) rearranged(t *table, event *change.Event) {
	if t.idle() || l.sabotage.overlookRearranged {
		return
	}
	how := "lost or got rows by maintenance of its partitions"
	if event.Kind == change.Described {
		how = "was changed by a statement that was logged as text"
	}
	if l.cfg.RowLess == RowLessStop || (event.Kind == change.Described && l.cfg.RowLess != RowLessRepairAll) {
		l.stopTable(t, rowLessStop(t, event, how))
		return
	}
	l.notify(Warning, t.route.Source, fmt.Sprintf("%s at %s (%s): %s is compared with it and mended", how, event.Position, event.Statement, t.route.Target))
	l.beginRepair(t, event.Statement)
}

// beginRepair compares and mends a table from here on, of one that was started without a copy
// the rows that the target has; what a check under way has compared so far counts no more.
func (l *loop) beginRepair(t *table, reason string) {
	if t.idle() {
		return
	}
	if t.check != nil {
		t.check.state.Repair, t.check.state.Reason = true, reason
		l.startCheckOver(t.check)
		return
	}
	l.beginCheck(t, checkpoint.CheckState{Repair: true, Reason: reason})
}

func rowLessStop(t *table, event *change.Event, how string) error {
	return &diag.Problem{
		Code:    codeRowLess,
		Message: fmt.Sprintf("table %s %s at %s, without row events (%s): which rows of %s that concerns is not in the log", t.route.Source, how, event.Position, event.Statement, t.route.Target),
		Fix: "SET 'row-less.change.behavior' = 'repair-all' in the script and start again: the table is compared with its source and mended while rows flow. " +
			"If a session logs statements as text, find it: SET GLOBAL binlog_format = ROW; and take SESSION_VARIABLES_ADMIN from its user.",
	}
}
