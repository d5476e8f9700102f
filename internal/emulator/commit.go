package emulator

import (
	"math/rand/v2"
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
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	if t.db.tables[t.name] != t || s.catalog.databases[t.db.name] != t.db {
		return ddlError("unknown table, table=%s", t.name)
	}
	st := t.store
	st.commitMu.Lock()
	defer st.commitMu.Unlock()
	if err := tx.toCommitted(counts); err != nil {
		return err
	}
	if err := s.journal.load(t, tx, d); err != nil {
		tx.uncommit(err.Error())
		return err
	}
	s.committed.Add(1)
	st.mu.Lock()
	before, done := st.published, make(chan struct{})
	st.published = done
	epoch := st.epoch
	st.mu.Unlock()
	delay := s.publishDelay()
	s.background.Go(func() {
		s.sleep(delay)
		<-before
		if !s.cfg.Discard {
			st.publish(d, epoch)
		}
		tx.toVisible()
		close(done)
	})
	return nil
}

func (s *Server) publishDelay() time.Duration {
	d := s.cfg.PublishDelay
	if f := s.faults.match(Fault{Op: "publish"}); f != nil {
		d += f.Delay
	}
	if d <= 0 {
		return 0
	}
	return d/2 + rand.N(d)
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
