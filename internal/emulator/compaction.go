package emulator

import "time"

// The versions of a table. Every load adds one to each of its tablets, whether or not
// the tablet gets a row, so all tablets of a table count alike and one number will do.
// StarRocks looks for tablets to compact every compactionCheck and leaves a tablet alone
// for compactionPause after the last time.
const (
	compactionCheck = 10 * time.Second
	compactionPause = 120 * time.Second
)

// addVersion counts a load that became visible; the caller holds mu.
func (s *tableStore) addVersion() {
	s.compact()
	s.versions++
	s.added = s.now()
}

// compact does the compaction that was due by now. Between two loads the versions do not
// change, so one compaction at most has had anything to do.
func (s *tableStore) compact() {
	if s.versions <= 1 {
		return
	}
	due := s.compacted.Add(compactionPause)
	if !due.After(s.added) {
		due = s.added.Add(time.Nanosecond) // a check sees what was there before it
	}
	if check := due.Truncate(compactionCheck); check.Before(due) {
		due = check.Add(compactionCheck)
	}
	if !s.now().Before(due) {
		s.versions, s.compacted = 1, due
	}
}

// versionCount is the number of versions a load adds to, after any compaction due.
func (s *tableStore) versionCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.compact()
	return s.versions
}
