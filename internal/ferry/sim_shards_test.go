package ferry

import (
	"math/rand/v2"

	"starferry/internal/change"
)

// Shards: in some histories several tables go into one target. What a shard has there is
// held against its source as if it were a table of its own.

// simShards draws how many tables go into one target, and how many there are. It has a
// random source of its own: the other histories stay what they are.
func simShards(seed uint64, tables int) (shards, all int) {
	rng := rand.New(rand.NewPCG(seed, 1))
	if rng.IntN(3) > 0 {
		return 0, tables
	}
	tables = max(tables, 2+rng.IntN(3))
	return 2 + rng.IntN(tables-1), tables
}

// merge has the first tables go into one target.
func (s *simSource) merge(shards int) {
	s.merged = map[change.Name]change.Name{}
	for _, t := range s.tables[:shards] {
		s.merged[t.name] = change.Name{Database: s.tables[0].name.Database, Table: "merged"}
	}
}

// into is the target of a table.
func (s *simSource) into(name change.Name) change.Name {
	if target, ok := s.merged[name]; ok {
		return target
	}
	return name
}

// part is what a reading is of: the target, or of a merged one the shard's part.
func (t *simTarget) part(name change.Name, layout *Layout) *simTargetTable {
	if t.tables[name].rows == nil {
		name = layout.Source.Name
	}
	return t.tables[name]
}
