package ferry

import (
	"errors"
	"strings"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
)

// newStillExact is a still loop that delivers exactly once, with a checkpoint every ten
// seconds.
func newStillExact(t *testing.T, tables int, delivery Delivery) *still {
	t.Helper()
	s := newStill(t, tables, StopOnBadRow)
	s.cfg.Delivery, s.cfg.Transactions, s.cfg.Ledger = delivery, s.target, s.target
	s.cfg.EpochInterval = 10 * time.Second
	s.exact.begun = s.now
	return s
}

// goneBack is the configuration that a loop leaves which has to go back.
func (s *still) goneBack(t *testing.T) Config {
	t.Helper()
	s.tick(s.now)
	var back *redo
	if !errors.As(s.loop.err, &back) {
		t.Fatalf("it does not go back: %v", s.loop.err)
	}
	cfg, err := s.after(back)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// A table that cannot go on is no reason to wait: it does not come again.
func TestARedoWithoutABrokenTableBeginsAtOnce(t *testing.T) {
	t.Parallel()
	s := newStillExact(t, 2, TwoPhase)
	s.goBack(&diag.Problem{Code: "SF4301", Message: "refused"}, s.order[0])
	if cfg := s.goneBack(t); cfg.carried.pause() != 0 {
		t.Error(cfg.carried.pause())
	}
	s = newStillExact(t, 1, TwoPhase)
	s.goBack(&LostError{Cause: errSimLost})
	if cfg := s.goneBack(t); cfg.carried.pause() != backOff(1) {
		t.Error(cfg.carried.pause())
	}
}

// Each epoch is a version of every table in it: a target with too much to do gets fewer,
// however often it says so, until it takes them again.
func TestABusyTargetGetsFewerCheckpoints(t *testing.T) {
	t.Parallel()
	s := newStillExact(t, 1, TwoPhase)
	s.cfg.EpochInterval = time.Second
	for range 2 * redosTransient {
		s.goBack(&LostError{Cause: errSimLost, Busy: true})
		cfg := s.goneBack(t)
		said := s.said
		s = newStillExact(t, 1, TwoPhase)
		s.cfg.EpochInterval, s.cfg.carried = time.Second, cfg.carried
		s.carryOn()
		s.said = said
	}
	if s.exact.rarer.pause != spacingMost || !s.hasSaid("from now on at most one checkpoint every 2s") {
		t.Errorf("%s, said %q", s.exact.rarer.pause, s.said)
	}
	if reason := s.progress().Reason; !strings.Contains(reason, "at most one checkpoint every 30s: connection lost") {
		t.Error(reason)
	}
	s.row(0, "1")
	s.exact.settledAt = s.now
	if s.exact.wantEnd = true; s.epochDue() {
		t.Error("the next checkpoint comes at once")
	}
	for range 20 {
		s.exact.closing = &closing{saved: &checkpoint.Checkpoint{}}
		s.settleEpoch(s.exact.closing)
	}
	if s.exact.rarer.pause != 0 || !s.hasSaid("takes a checkpoint again every 1s") {
		t.Errorf("%s, said %q", s.exact.rarer.pause, s.said)
	}
}

// Before a loop goes back it waits for what is being committed, and rows are not added any
// more: a page that counted as copied then would let a resync swap in a table without it.
func TestNothingIsCopiedBeforeGoingBack(t *testing.T) {
	t.Parallel()
	s := newStillExact(t, 1, TwoPhase)
	s.settledPlaces(1)
	table := s.order[0]
	s.copyFrom(table, checkpoint.CopyState{})
	rows := change.NewRows(3)
	for _, cell := range []string{"1", "1", "1"} {
		rows.AddString(cell)
	}
	p := &page{pass: table.copying, span: table.copying.spans[0], request: PageRequest{Table: table.schema}, rows: rows, high: s.position, gone: make([]bool, 1)}
	s.pages, table.pages, p.span.pages = []*page{p}, []*page{p}, 1
	s.exact.closing = &closing{phase: committing, mark: mark{epoch: s.epoch}}
	s.exact.open = []*transaction{{label: checkpoint.Label{Table: table.route.Target}, begun: true, asking: true}}
	s.goBack(errSimRefused)
	if s.tick(s.now); s.loop.err != nil || table.copy.Rows != 0 || p.dropped {
		t.Errorf("%v, %d rows are copied", s.loop.err, table.copy.Rows)
	}
}

// An event that waits for a schema change is read again by the next start: what came
// before it becomes visible.
func TestAStopDoesNotWaitForAnEventThatIsHeld(t *testing.T) {
	t.Parallel()
	s := newStillExact(t, 1, TwoPhase)
	s.row(0, "1")
	s.held = &change.Event{Kind: change.Truncated, Table: s.order[0].schema}
	s.loop.stop(s.now)
	if s.exact.closing == nil {
		t.Error("the epoch does not end")
	}
}

// A table that is emptied shows a place of the source, and so do those that become visible
// with it.
func TestATableIsEmptiedWithItsDatabase(t *testing.T) {
	t.Parallel()
	s := newStillExact(t, 2, PositionInside)
	s.row(0, "1")
	s.loop.take(s.now, change.Event{Kind: change.Truncated, Table: s.order[1].schema, Position: change.Position{File: "log.000001", Offset: 99}})
	if s.held == nil || s.order[1].busy() || s.exact.closing == nil {
		t.Errorf("held %v, emptied %v, epoch ends %v", s.held, s.order[1].busy(), s.exact.closing)
	}
	s = newStillExact(t, 2, TwoPhase)
	s.row(0, "1")
	s.loop.take(s.now, change.Event{Kind: change.Truncated, Table: s.order[1].schema, Position: change.Position{File: "log.000001", Offset: 99}})
	if !s.order[1].busy() {
		t.Error("a table of its own waits for another one")
	}
}

// What at-least-once leaves behind a stop in good order is a place of the source, so that
// exactly-once can go on from it; behind a crash, or inside a transaction, it is not.
func TestAStopInGoodOrderLeavesAPlaceOfTheSource(t *testing.T) {
	t.Parallel()
	for _, inside := range []bool{false, true} {
		s := newStill(t, 1, StopOnBadRow)
		s.row(0, "1")
		s.begun(t, nil)
		if s.tick(s.now.Add(time.Minute)); s.journal.last == nil || s.journal.last.Exact {
			t.Fatalf("a checkpoint on the way: %+v", s.journal.last)
		}
		s.row(0, "2")
		if inside {
			s.loop.take(s.now, insertOf(s.order[0].schema))
		}
		s.loop.stop(s.now)
		s.begun(t, nil)
		if !s.done || s.journal.last.Exact == inside {
			t.Errorf("inside a transaction %v: done %v, %+v", inside, s.done, s.journal.last)
		}
	}
}

// A checkpoint that is not complete in time is given up, and everything in it done again.
func TestACheckpointThatTakesTooLongIsDoneAgain(t *testing.T) {
	t.Parallel()
	s := newStillExact(t, 1, TwoPhase)
	s.cfg.EpochTimeout = 3 * time.Second
	s.row(0, "1")
	s.exact.mustEnd = true
	s.tick(s.now)
	if s.exact.closing == nil {
		t.Fatal("the epoch does not end")
	}
	s.tick(s.now.Add(s.cfg.EpochTimeout))
	if s.loop.err != nil {
		t.Fatalf("too soon: %v", s.loop.err)
	}
	s.now = s.now.Add(time.Millisecond)
	s.goneBack(t)
	if p := diag.Find(s.loop.err); p == nil || p.Code != codeEpochTimeout || !strings.Contains(p.Fix, "execution.checkpointing.timeout") {
		t.Errorf("%v", s.loop.err)
	}
}

// Between the end of a checkpoint and the begin of the next lies the pause that is asked for,
// however soon the next would be due.
func TestAPauseBetweenCheckpoints(t *testing.T) {
	t.Parallel()
	s := newStillExact(t, 1, TwoPhase)
	s.cfg.EpochInterval, s.cfg.EpochPause = time.Second, 5*time.Second
	s.row(0, "1")
	s.exact.begun, s.exact.settledAt = s.now.Add(-time.Minute), s.now
	for wait, due := range map[time.Duration]bool{4999 * time.Millisecond: false, 5 * time.Second: true} {
		s.loop.now = s.exact.settledAt.Add(wait)
		if s.epochDue() != due {
			t.Errorf("%s behind the last one: due %v", wait, !due)
		}
	}
}
