package ferry

import (
	"fmt"
	"testing"

	"starferry/internal/change"
)

// revive has every table that is stopped copied anew, until none is and the stream has
// read everything.
func (s *simulation) revive() error {
	for range 60_000 {
		if stopped := s.unreadableTables(); len(stopped) > 0 && s.jobs == 0 && len(s.loop.resyncs) == 0 {
			s.jobs++
			s.loop.takeJob(&Job{Kind: []JobKind{Resync, Wipe}[s.rng.IntN(2)], Tables: stopped, Done: func([]CheckResult, error) { s.jobs-- }})
		} else if len(stopped) == 0 && s.loop.position.Reached(s.source.end()) {
			return nil
		}
		if err := s.step(); err != nil {
			return fmt.Errorf("reviving: %w", err)
		}
	}
	return fmt.Errorf("tables stay stopped: %s", s.describe())
}

func (s *simulation) unreadableTables() (names []change.Name) {
	for _, t := range s.loop.order {
		if t.stopped != nil {
			names = append(names, t.route.Source)
		}
	}
	return names
}

// TestSimulatedUnreadable: statements that cannot be read stop the tables they are about,
// the others come out right, and so do these when they are copied anew.
func TestSimulatedUnreadable(t *testing.T) {
	t.Parallel()
	playAll(t, 1000, func(uint64) simBreak { return simBreak{hidden: true} })
}
