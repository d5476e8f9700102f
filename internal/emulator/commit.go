package emulator

import (
	"slices"
	"time"
)

// loadCounts is the row accounting of one load.
type loadCounts struct {
	total, loaded, filtered, unselected int64
	bytes                               int64
}

// commit makes a transaction durable and starts its publishing. Invariant: the order of
// commits of a table is the order in which they are written to the journal and in which
// they become visible.
func (s *Server) commit(tx *transaction, t *table, d *delta, counts loadCounts) error {
	return s.commitParts(tx, []txnPart{{t, d}}, counts)
}

// commitParts commits what a transaction does to one table or several.
func (s *Server) commitParts(tx *transaction, parts []txnPart, counts loadCounts) error {
	unlock, err := s.lockTables(parts)
	if err != nil {
		return err
	}
	defer unlock()
	state, _, _ := tx.stands()
	if err := tx.toCommitted(counts); err != nil {
		return err
	}
	if err := s.journal.commitTxn(tx, parts, state == txnPrepared); err != nil {
		tx.uncommit(err.Error())
		return err
	}
	s.committed.Add(1)
	committed := time.Now()
	done := make(chan struct{})
	before, epochs := make([]chan struct{}, len(parts)), make([]int, len(parts))
	for i, p := range parts {
		st := p.table.store
		st.mu.Lock()
		before[i], st.published = st.published, done
		epochs[i] = st.epoch
		st.mu.Unlock()
	}
	wait := s.publishWait(parts[0].table.name, tx.label)
	s.background.Go(func() {
		wait()
		for _, earlier := range before {
			<-earlier
		}
		s.publish(parts, epochs)
		tx.toVisible()
		s.visible.tell(parts, committed)
		close(done)
	})
	return nil
}

// publish makes what a transaction did visible, in all its tables at one moment.
func (s *Server) publish(parts []txnPart, epochs []int) {
	s.moment.Lock()
	defer s.moment.Unlock()
	for i, p := range parts {
		if !s.discards(p.table) {
			p.table.store.publish(p.delta, epochs[i])
		}
	}
}

// discards tells whether the rows of a table are dropped.
func (s *Server) discards(t *table) bool {
	return s.cfg.Discard && !slices.Contains(s.cfg.Keep, t.name)
}

// sleep waits, or returns at once when the server closes.
func (s *Server) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.closing:
	}
}
