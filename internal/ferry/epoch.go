package ferry

import (
	"slices"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/crashpoint"
)

// mark is a place between two source transactions that may become a checkpoint: it
// ends an epoch. It is settled when every batch that was begun in its epoch or an
// earlier one is visible at the target; then a restart needs nothing from before it.
type mark struct {
	epoch    uint64
	position change.Position
	states   []checkpoint.TableState
	// generation is the stream it was made on, 0 when it was restored: positions of
	// two streams may be of two servers.
	generation int
}

const (
	// markInterval is the least time between two marks, marksMax how many may wait.
	markInterval = 100 * time.Millisecond
	marksMax     = 64
	// joinPause is between two checkpoints for the sake of tables that have joined: many may
	// join one after the other.
	joinPause = 20 * time.Millisecond
)

// mark ends the epoch, if the loop stands at a place a stream can be opened at and
// the last mark is old enough.
func (l *loop) mark() {
	if l.err != nil || !l.atResume || l.held != nil || len(l.marks) >= marksMax {
		return
	}
	if last := l.lastMark(); last.generation == l.generation && last.position == l.resume.position && sameStates(last.states, l.resume.states) {
		return
	}
	if l.now.Sub(l.markedAt) < markInterval && !l.stopping {
		return
	}
	l.markHere()
}

// markHere makes this place one that a restart can begin at, soon.
func (l *loop) markHere() {
	if l.isExact() {
		l.exact.wantEnd = true
		return
	}
	l.statesHeld = true
	l.marks = append(l.marks, mark{epoch: l.epoch, position: l.resume.position, states: l.resume.states, generation: l.generation})
	l.epoch++
	l.markedAt = l.now
}

func (l *loop) lastMark() *mark {
	if len(l.marks) > 0 {
		return &l.marks[len(l.marks)-1]
	}
	return &l.settled
}

// knows tells whether a stream opened at the mark has this version of the schema, or
// a later one, from its beginning.
func (m *mark) knows(t *table, schema *change.Table) bool {
	if t.number >= len(m.states) {
		return false
	}
	known := m.states[t.number].Table
	return known != nil && known.Version >= schema.Version
}

// sameStates tells whether nothing changed: the slice is shared until something does.
func sameStates(a, b []checkpoint.TableState) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// settle finds the newest mark that is settled, and saves it when it is time.
func (l *loop) settle() {
	for l.oldestEpoch < l.epoch && l.unacked[l.oldestEpoch] == 0 {
		l.oldestEpoch++
	}
	settled := false
	for len(l.marks) > 0 && (l.marks[0].epoch < l.oldestEpoch || l.sabotage.settleBeforeAcknowledged) {
		l.settled = l.marks[0]
		l.marks = l.marks[1:]
		settled = true
	}
	if settled {
		l.joinSettled = l.firstKnown()
	}
	since := l.now.Sub(l.savedAt)
	if since >= l.cfg.SaveInterval || since >= joinPause && l.joinSettled || l.wipeSettled() {
		l.save()
	}
}

// firstKnown tells whether the settled mark is the first that knows a table.
func (l *loop) firstKnown() bool {
	for i, t := range l.order {
		if t.unsaved && i < len(l.settled.states) && l.settled.states[i].Table != nil {
			return true
		}
	}
	return false
}

// firstSave is before anything is loaded: a restart must know where the first stream
// began. In exactly-once a start behind a checkpoint saves nothing before it is above the
// floor, which the unsettled checkpoints tell.
func (l *loop) firstSave() {
	if !l.isExact() || l.cfg.Restored == nil {
		l.save()
	}
}

// allVisible tells that the target shows exactly what the source had at the settled mark.
func (l *loop) allVisible() bool {
	return l.atResume && l.settled.generation == l.generation && l.settled.position == l.resume.position && !l.unsettledRows() && len(l.open()) == 0
}

// save makes the newest settled mark the checkpoint a restart begins from.
func (l *loop) save() {
	if l.err != nil || l.settled.epoch == l.saved.epoch && !l.savedAt.IsZero() {
		return
	}
	c := &checkpoint.Checkpoint{
		Epoch: l.settled.epoch, Position: l.settled.position, Server: l.server,
		Tables: l.present(l.settled.states), Open: l.open(), Exact: l.isExact() || l.stopping && l.allVisible(),
	}
	crashpoint.Here("save-begins")
	if err := l.cfg.Journal.Save(c); err != nil {
		l.fail(err)
		return
	}
	l.saved, l.savedAt, l.exact.settled, l.joinSettled = l.settled, l.now, c, false
	for i, t := range l.order {
		if t.unsaved && i < len(l.saved.states) && l.saved.states[i].Table != nil {
			t.unsaved = false
			crashpoint.Here("join-saved")
		}
	}
	l.counts.Checkpoints++
	crashpoint.Here("saved")
}

// present leaves out the shadows that are gone.
func (l *loop) present(states []checkpoint.TableState) []checkpoint.TableState {
	if !slices.ContainsFunc(l.order, func(t *table) bool { return t.gone }) {
		return states
	}
	var present []checkpoint.TableState
	for i := range states {
		if !l.order[i].gone {
			present = append(present, states[i])
		}
	}
	return present
}

// open lists the loads under way and those whose outcome is open.
func (l *loop) open() []checkpoint.Label {
	open := slices.Clone(l.exact.abandoned)
	for _, o := range l.outlets {
		if l.isExact() {
			break
		}
		target := o.shards[0].route.Target
		if s := o.inFlight; s != nil {
			open = append(open, checkpoint.Label{Table: target, Label: s.label})
		}
		for _, s := range o.queue {
			if s.label != "" {
				open = append(open, checkpoint.Label{Table: target, Label: s.label})
			}
		}
		for _, label := range o.abandoned {
			open = append(open, checkpoint.Label{Table: target, Label: label})
		}
	}
	return open
}
