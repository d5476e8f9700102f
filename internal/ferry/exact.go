package ferry

import (
	"fmt"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
)

// Delivery says when rows become visible at the target, and what a crash may show.
type Delivery uint8

const (
	// AtLeastOnce: with the next load. After a crash a row may show an older version of
	// itself until the stream has passed the place of the crash.
	AtLeastOnce Delivery = iota
	// TwoPhase: with the next checkpoint, in one transaction per table.
	TwoPhase
	// PositionInside: with the next checkpoint, in one transaction per database.
	PositionInside
)

func (d Delivery) String() string {
	return [...]string{"at-least-once", "exactly-once, two-phase", "exactly-once, position inside"}[d]
}

// Floor is a place of a server's log that the target may show already. Without a
// Server it is the end of the log at the moment the stream is opened: whatever is shown
// was there by then.
type Floor struct {
	Known    bool
	Position change.Position
	Server   string
}

// exact is the state of a loop that delivers exactly once.
//
// An epoch is what lies between two checkpoints. Its rows are loaded into open
// transactions as batches fill; closing.go ends it. While one epoch is made visible the
// next one's rows are taken, and wait in memory: a table has one transaction at a time.
type exact struct {
	closing   *closing // the epoch that is being made visible; nil when none is
	open      []*transaction
	abandoned []checkpoint.Label // begun, and of no use: a restart ends them
	begun     time.Time          // of the epoch at hand
	settledAt time.Time
	settled   *checkpoint.Checkpoint // what a redo goes back to
	// mustEnd: the epoch ends at the next place a stream can be opened at, before
	// anything behind it is taken, also below the floor: the target shows nothing from
	// behind a place where it must. wantEnd: as soon as it may.
	mustEnd, wantEnd bool
	joining          bool // a table has joined in the epoch at hand
	stays            bool // the stream ended at the place where the epoch must
	floor            Floor
	redo             *redo
	rarer            rarer
	// probing: a transaction of a database was refused for rows of nobody knows which table.
	// Its rows are loaded again into a transaction per table, and none is committed.
	probing bool
}

// rarer is the time between two epochs of a target that has too much to do: each is a
// version of every table that has rows in it.
type rarer struct {
	pause time.Duration // 0 when the target has not asked for it
	why   string
}

// widen doubles the time, which is usual otherwise.
func (r *rarer) widen(usual time.Duration, why error) {
	r.pause = min(max(2*r.pause, 2*usual, spacingLeast), max(spacingMost, usual))
	r.why = why.Error()
}

// narrow takes a quarter off, and tells that it is as usual again.
func (r *rarer) narrow(usual time.Duration) bool {
	if r.pause == 0 {
		return false
	}
	if r.pause -= r.pause / 4; r.pause > max(usual, spacingLeast/2) {
		return false
	}
	*r = rarer{}
	return true
}

func (r *rarer) text() string {
	if r.pause == 0 {
		return ""
	}
	return fmt.Sprintf("; from now on at most one checkpoint every %s", r.pause.Round(100*time.Millisecond))
}

// transaction is what the rows of an epoch are loaded into: of one table, or of all
// tables of a database.
type transaction struct {
	label  checkpoint.Label // no Label: the next try to begin draws one
	keep   *table           // for what the row says of it, though nothing else may be in it
	begun  bool             // at the target
	asking bool             // a call about it is under way
	done   bool             // with the step of the epoch's end
	since  time.Time
	tries  int
	again  time.Time // no try before
}

func (l *loop) isExact() bool { return l.cfg.Delivery != AtLeastOnce }

// transactionOf is the open transaction a table's rows go to, nil when there is none.
func (l *loop) transactionOf(t *table) *transaction {
	for _, x := range l.exact.open {
		if x.label.Table == l.scope(t) {
			return x
		}
	}
	return nil
}

// scope is what one transaction is of.
func (l *loop) scope(t *table) change.Name {
	if l.cfg.Delivery == PositionInside && !l.exact.probing {
		return change.Name{Database: t.route.Target.Database}
	}
	return t.route.Target
}

// within tells that rows are in a transaction that is not visible yet.
func (o *outlet) within() bool { return len(o.loaded) > 0 }

// overBudget tells that another transaction of the table's database would be one too
// many. What an epoch that ends has to load does not ask.
func (l *loop) overBudget(t *table) bool {
	open := 0
	for _, x := range l.exact.open {
		if x.label.Table.Database == t.route.Target.Database {
			open++
		}
	}
	return open >= l.maxOpen() && l.exact.closing == nil && l.bytes < l.cfg.Memory/2
}

func (l *loop) maxOpen() int {
	if l.cfg.MaxOpen > 0 {
		return l.cfg.MaxOpen
	}
	return 80
}

// crowded tells that the tables with rows in the epoch at hand are as many as there may
// be transactions.
func (l *loop) crowded() bool {
	if len(l.laden) < l.maxOpen() {
		return false
	}
	counts := map[string]int{}
	for _, o := range l.laden {
		if o.batch != nil || len(o.queue) > 0 || o.within() {
			database := o.shards[0].route.Target.Database
			counts[database]++
			if counts[database] >= l.maxOpen() {
				return true
			}
		}
	}
	return false
}

// raiseFloor has nothing committed before a place that may be visible, or is in the
// epoch at hand.
func (l *loop) raiseFloor(server string, position change.Position) {
	f := &l.exact.floor
	switch {
	case position.File == "" || f.Known && f.Server == "":
	case !f.Known, f.Server == server && position.Compare(f.Position) > 0:
		*f = Floor{Known: true, Position: position, Server: server}
	case f.Server != server:
		*f = Floor{Known: true} // asked for when the stream is opened
	}
}

// aboveFloor tells that the place the epoch could end at is one the target does not go
// back to.
func (l *loop) aboveFloor() bool {
	f := l.exact.floor
	return !f.Known || l.sabotage.commitBelowFloor || (f.Server == l.server || l.sabotage.floorOfAnyServer) && l.resume.position.Reached(f.Position)
}

// needBoundary has the epoch end so that nothing of the table is on its way: where no
// stream could be opened, by going back to where one could.
func (l *loop) needBoundary(t *table, why string) {
	switch {
	case !l.isExact():
	case l.atResume:
		l.exact.mustEnd = true
	case l.exact.closing == nil:
		l.goBack(again("%s of %s needs a checkpoint where none can be made", why, t.route.Target))
	}
}
