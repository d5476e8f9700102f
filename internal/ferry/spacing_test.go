package ferry

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// begun lets time pass in ticks and tells after how long a load began; the load itself
// is then answered.
func (s *still) begun(t *testing.T, answer error) time.Duration {
	t.Helper()
	start := s.now
	for s.now.Sub(start) < time.Hour {
		s.tick(s.now.Add(tickInterval))
		if f := s.order[0].inFlight; f != nil {
			took := s.now.Sub(start)
			s.effects = nil
			s.apply(s.now, func() { s.loaded(f, answer) })
			return took
		}
	}
	t.Fatal("no load in an hour")
	return 0
}

func TestTheFirstRowAfterAPauseGoesAtOnce(t *testing.T) {
	t.Parallel()
	s := newStill(t, 1, StopOnBadRow)
	s.row(0, "1")
	if wait := s.begun(t, nil); wait > gatherTime+2*tickInterval {
		t.Errorf("it waited %s", wait)
	}
	s.row(0, "2")
	s.row(0, "3")
	if wait := s.begun(t, nil); wait < time.Second-tickInterval || wait > time.Second+2*tickInterval || s.counts.LoadedRows != 3 {
		t.Errorf("the next load began after %s, %d rows in all", wait, s.counts.LoadedRows)
	}
	s.tick(s.now.Add(time.Minute))
	s.row(0, "4")
	if wait := s.begun(t, nil); wait > gatherTime+2*tickInterval {
		t.Errorf("after a pause it waited %s", wait)
	}
}

// Full batches keep the distance too, until memory presses: for a large one when half is used,
// for a small one when next to nothing is left.
func TestFullBatchesKeepTheDistance(t *testing.T) {
	t.Parallel()
	s := newStill(t, 1, StopOnBadRow)
	s.order[0].route.MaxRows = 1
	for _, id := range []string{"1", "2", "3"} {
		s.row(0, id)
	}
	s.begun(t, nil)
	if wait := s.begun(t, nil); wait < time.Second-tickInterval {
		t.Errorf("the second load began after %s", wait)
	}
	s.cfg.Memory = 2 * s.bytes
	if s.pressed() != smallBatch {
		t.Error("half of the memory is used: a large batch is to go, and no small one")
	}
	s.cfg.Memory = s.bytes
	if wait := s.begun(t, nil); wait > tickInterval {
		t.Errorf("with no memory left the next load began after %s", wait)
	}
}

// A target with too much to do gets fewer loads, which is said, until it takes them
// again.
func TestABusyTargetGetsFewerLoads(t *testing.T) {
	t.Parallel()
	s := newStill(t, 1, StopOnBadRow)
	busy := &AbortedError{Cause: errSimLost, Busy: true}
	s.row(0, "1")
	s.begun(t, busy)
	if wait := s.begun(t, busy); wait < 2*time.Second-tickInterval || wait > 3*time.Second {
		t.Errorf("the load was tried again after %s", wait)
	}
	if wait := s.begun(t, nil); wait < 4*time.Second-tickInterval {
		t.Errorf("the load was tried again after %s", wait)
	}
	if !s.hasSaid("from now on at most one load every 4s") || !strings.Contains(s.progress().Reason, "loading shop.t0 at most every 3s: connection lost") {
		t.Errorf("said %q, reason %q", s.said, s.progress().Reason)
	}
	waits := []time.Duration{}
	for s.order[0].widened > 0 && len(waits) < 20 {
		s.row(0, "2")
		waits = append(waits, s.begun(t, nil))
	}
	if len(waits) < 3 || waits[0] < 2900*time.Millisecond || !s.hasSaid("takes loads again as often as every 1s") || s.progress().Reason != "" {
		t.Errorf("waits %v, said %q, reason %q", waits, s.said, s.progress().Reason)
	}
	for range 12 {
		s.row(0, "3")
		s.begun(t, busy)
	}
	if s.order[0].widened != spacingMost {
		t.Errorf("%s between two loads", s.order[0].widened)
	}
}

// What became of a load that is merely slow or lost says nothing of how many there
// should be.
func TestALostLoadIsNoReasonForFewer(t *testing.T) {
	t.Parallel()
	s := newStill(t, 1, StopOnBadRow)
	s.row(0, "1")
	s.begun(t, errSimLost)
	s.begun(t, &AbortedError{Cause: errSimLost})
	if s.order[0].widened != 0 || errors.Is(s.loop.err, errSimLost) {
		t.Error(s.order[0].widened, s.loop.err)
	}
}
