package ferry

import (
	"fmt"
	"math/rand/v2"

	"starferry/internal/change"
)

// Names that go away and come back: in some histories another table takes the name of one
// that is followed, a while after that was renamed away. Its rows are others, here and there.

// renaming draws whether tables are renamed in a history. It has a random source of its own:
// the other histories stay what they are.
func (s *simSource) renaming(seed uint64) {
	if rng := rand.New(rand.NewPCG(seed, 2)); rng.IntN(4) == 0 && !s.steady && !s.hidden && !s.poison {
		s.names = rng
	}
}

// rename renames a table away, or another one to the name of one that is away.
func (s *simSource) rename() {
	if s.names == nil || s.quiet || s.names.IntN(25) > 0 {
		return
	}
	t := s.tables[s.names.IntN(len(s.tables))]
	if len(t.locked) > 0 || t.dropped && !t.away {
		return
	}
	s.seq++
	s.offset += 30
	entry := simEntry{end: s.offset, ddl: t, after: t.schema, kind: change.Dropped, at: s.now}
	if t.away {
		s.changed(t.name)
		for key := range 25 {
			s.rowLessKey(t, fmt.Sprintf("k%02d", key), false)
		}
		next := *t.schema
		next.Version++
		t.schema = &next
		entry.after, entry.kind = t.schema, change.Replaced
	}
	t.away = !t.away
	t.dropped = t.away
	s.log = append(s.log, entry)
}

// recreated is a table that was taken for one that was dropped and created again.
func (s *simulation) recreated() error {
	for _, t := range s.loop.order {
		if t.stopped != nil && t.stopped.Code == string(codeRecreated) {
			return fmt.Errorf("%s was renamed, and is taken for one that was created again", t.route.Source)
		}
	}
	return nil
}
