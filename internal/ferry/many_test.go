package ferry

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
)

// What a mark says of the tables is never changed under it; what no mark has yet is not built
// anew for each table that moves.
func TestStatesOfManyTables(t *testing.T) {
	t.Parallel()
	s := newStill(t, 3, StopOnBadRow)
	first := s.tableStates()
	moves := func(number int, rows uint64) []checkpoint.TableState {
		s.order[number].copy.Rows = rows
		s.stateMoved(s.order[number])
		return s.tableStates()
	}
	second := moves(1, 7)
	if sameStates(first, second) || first[1].Copy.Rows != 0 || second[1].Copy.Rows != 7 {
		t.Fatalf("a mark has %+v, the tables are now %+v", first, second)
	}
	if third := moves(2, 8); !sameStates(second, third) || third[1].Copy.Rows != 7 || third[2].Copy.Rows != 8 {
		t.Errorf("no mark has them, and they were built anew: %+v", third)
	}
	s.resume.states, s.atResume = s.tableStates(), true
	s.markHere()
	held := slices.Clone(s.lastMark().states)
	if fourth := moves(0, 9); sameStates(s.lastMark().states, fourth) || fourth[0].Copy.Rows != 9 || fourth[2].Copy.Rows != 8 {
		t.Errorf("the tables are %+v", fourth)
	}
	for i, state := range s.lastMark().states {
		if state.Copy.Rows != held[i].Copy.Rows {
			t.Errorf("under the mark table %d moved to %d rows", i, state.Copy.Rows)
		}
	}
}

// meeting is a target that ends loads when as many tables as may be are asked for together.
type meeting struct {
	Target
	all     sync.WaitGroup
	mu      sync.Mutex
	settled []string
}

func (m *meeting) Settle(_ context.Context, table change.Name, labels []string) error {
	m.all.Done()
	m.all.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.settled = append(m.settled, fmt.Sprint(table, labels))
	return nil
}

// The loads that an earlier process left open in many tables are not ended one after the other.
func TestLoadsOfManyTablesAreSettledTogether(t *testing.T) {
	t.Parallel()
	s := newStill(t, 1, StopOnBadRow)
	m := &meeting{}
	m.all.Add(settledAtATime)
	s.cfg.Target = m
	for i := range settledAtATime {
		table := change.Name{Database: "d", Table: fmt.Sprintf("t%d", i)}
		s.cfg.Unsettled = append(s.cfg.Unsettled, checkpoint.Label{Table: table, Label: "a"}, checkpoint.Label{Table: table, Label: "b"})
	}
	if err := s.settleEarlier(t.Context()); err != nil {
		t.Fatal(err)
	}
	slices.Sort(m.settled)
	if len(m.settled) != settledAtATime || m.settled[0] != "d.t0 [a b]" {
		t.Errorf("%q", m.settled)
	}
}
