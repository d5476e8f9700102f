package ferry

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
)

// Cascade is a foreign key by which a change of the parent changes rows of the child,
// and no row event says so.
type Cascade struct {
	Parent, Child change.Name
	// Columns of the parent that the key refers to.
	Columns            []string
	OnDelete, OnUpdate bool // which changes of the parent do so
}

// cascadePause is between two repairs of a child: its parent may change all day.
const cascadePause = 2 * time.Second

// cascade has the children of a parent that changed compared with their targets and
// mended. Which of their rows changed is not in the log, so it is all of them.
func (l *loop) cascade(event *change.Event) {
	for i := range l.cfg.Cascades {
		if c := &l.cfg.Cascades[i]; c.Parent == event.Table.Name && c.concerns(event) {
			for _, t := range l.tables[c.Child] {
				l.repairAgain(t, fmt.Sprintf("rows of %s changed, and with them by a foreign key rows of %s that are not in the log", c.Parent, c.Child))
			}
		}
	}
}

// concerns tells whether an event of the parent may have changed rows of the child.
func (c *Cascade) concerns(event *change.Event) bool {
	switch event.Kind {
	case change.Delete:
		return c.OnDelete
	case change.Update:
		return c.OnUpdate && slices.ContainsFunc(c.Columns, func(column string) bool { return changes(event, column) })
	}
	return false
}

// changes tells whether an update changes a column in any of its rows; one that is not
// there any more counts as changed.
func changes(event *change.Event, name string) bool {
	column, rows := event.Table.Index(name), event.Rows
	if column < 0 {
		return true
	}
	for i := 0; i+1 < rows.Len(); i += 2 {
		if rows.Null(i, column) != rows.Null(i+1, column) || !bytes.Equal(rows.Cell(i, column), rows.Cell(i+1, column)) {
			return true
		}
	}
	return false
}

// repairAgain has a table mended from here on. A repair under way goes on to its end
// and then begins again, so that one always comes to an end.
func (l *loop) repairAgain(t *table, reason string) {
	switch c := t.check; {
	case t.idle():
	case c == nil:
		l.notify(Info, t.route.Source, reason+": it is compared and mended")
		l.beginCheck(t, checkpoint.CheckState{Repair: true, Reason: reason})
	case !c.state.Repair:
		l.beginRepair(t, reason)
	case !c.state.Again:
		c.state.Again = true
		l.states = nil
	}
}

// checkAgain begins a check anew that has ended and did not see everything.
func (l *loop) checkAgain(c *check) {
	l.startCheckOver(c)
	c.forwards.wait.until = l.now.Add(cascadePause)
	l.refreshResume()
}
