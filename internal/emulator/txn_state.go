package emulator

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"time"
)

// txnPart is what a transaction does to one table.
type txnPart struct {
	table *table
	delta *delta
}

// expiredReason is what the transaction manager gives as the reason of an abort by time.
const expiredReason = "timeout by txn manager"

// lockTables takes the commit locks of the tables of a transaction, in the order of their
// ids, and lets none of them be dropped meanwhile. After an error nothing is locked.
func (s *Server) lockTables(parts []txnPart) (unlock func(), err error) {
	s.catalog.mu.RLock()
	for _, p := range parts {
		if t := p.table; t.db.tables[t.name] != t || s.catalog.databases[t.db.name] != t.db {
			s.catalog.mu.RUnlock()
			return nil, ddlError("unknown table, table=%s", t.name)
		}
	}
	ordered := slices.SortedFunc(slices.Values(parts), func(a, b txnPart) int { return cmp.Compare(a.table.id, b.table.id) })
	for _, p := range ordered {
		p.table.store.commitMu.Lock()
	}
	return func() {
		for _, p := range ordered {
			p.table.store.commitMu.Unlock()
		}
		s.catalog.mu.RUnlock()
	}, nil
}

// prepareTxn makes the data of a transaction durable and invisible.
func (s *Server) prepareTxn(tx *transaction, parts []txnPart, counts loadCounts, timeout time.Duration) error {
	unlock, err := s.lockTables(parts)
	if err != nil {
		return err
	}
	defer unlock()
	if state, _, _ := tx.stands(); state != txnPrepare {
		return tx.alreadyAborted()
	}
	// The record comes first, so that no end of the transaction is written before it.
	now := s.cfg.Now()
	if err := s.journal.prepared(tx, parts, counts, timeout, now); err != nil {
		return err
	}
	if err := tx.toPrepared(parts, counts, timeout, now); err != nil {
		return errors.Join(err, s.journal.aborted(tx))
	}
	return nil
}

// toPrepared ends the first phase; the error is the reason of an abort that came first.
func (tx *transaction) toPrepared(parts []txnPart, counts loadCounts, timeout time.Duration, now time.Time) error {
	tx.book.mu.Lock()
	defer tx.book.mu.Unlock()
	if tx.state != txnPrepare {
		return tx.alreadyAborted()
	}
	tx.state, tx.parts, tx.counts, tx.preparedTimeout, tx.prepared = txnPrepared, parts, counts, timeout, now
	return nil
}

func (tx *transaction) alreadyAborted() error {
	return ddlError("transaction [%d] is already aborted. abort reason: %s", tx.id, tx.reason)
}

// stands is the state of a transaction, with what a commit of a prepared one needs.
func (tx *transaction) stands() (txnState, []txnPart, loadCounts) {
	tx.book.mu.Lock()
	defer tx.book.mu.Unlock()
	return tx.state, tx.parts, tx.counts
}

// abortPrepared aborts a prepared transaction, for good.
func (s *Server) abortPrepared(tx *transaction, reason string) (bool, error) {
	if !tx.abort(reason) {
		return false, nil
	}
	return true, s.journal.aborted(tx)
}

// find is the latest transaction of a label, or nil.
func (b *labelBook) find(label string) *transaction {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.latest(label)
}

// expired are the transactions beyond their timeout at a moment, with their states.
func (b *labelBook) expired(now time.Time) map[*transaction]txnState {
	b.mu.Lock()
	defer b.mu.Unlock()
	late := map[*transaction]txnState{}
	for _, tx := range b.order {
		switch {
		case !tx.twoPhase:
		case tx.state == txnPrepare && now.Sub(tx.begun) > tx.timeout, tx.state == txnPrepared && now.Sub(tx.prepared) > tx.preparedTimeout:
			late[tx] = tx.state
		}
	}
	return late
}

// TickTransactions looks for transactions beyond their timeouts, at once and with the
// clock of the configuration, as frontend and backend do every 30 s.
func (s *Server) TickTransactions() error {
	now := s.cfg.Now()
	s.catalog.mu.RLock()
	books := make([]*labelBook, 0, len(s.catalog.databases))
	for _, db := range s.catalog.databases {
		books = append(books, db.labels)
	}
	s.catalog.mu.RUnlock()
	for _, b := range books {
		for tx, state := range b.expired(now) {
			if state == txnPrepare {
				tx.abort(expiredReason)
				continue
			}
			if _, err := s.abortPrepared(tx, expiredReason); err != nil {
				return err
			}
		}
	}
	s.multi.expire(now)
	for _, c := range s.txns.list() {
		why := c.late(now)
		if why == nil || c.multi || !c.busy.TryLock() {
			continue
		}
		c.timedOut.Store(true)
		s.rollbackTxn(c.label, c, why, false)
		c.busy.Unlock()
	}
	return nil
}

func (s *Server) tickTransactionsRegularly() {
	tick := time.NewTicker(txnTick)
	defer tick.Stop()
	for {
		select {
		case <-s.closing:
			return
		case <-tick.C:
			// A journal that cannot be written shows at the next request.
			_ = s.TickTransactions()
		}
	}
}

// forgetBackendTxns is what a restart does to the open transactions of the backend. The
// frontend keeps them until they time out.
func (s *Server) forgetBackendTxns() {
	s.txns.forget("the backend was restarted")
	s.merges.forget()
}

// forgetLeaderMemory is what a change of the leader does to what it keeps only in memory:
// which backend has which label, and every multi-table transaction, which is cancelled.
func (s *Server) forgetLeaderMemory() {
	s.coordinators.clear()
	s.multi.cancelAll("cancelled after restart")
}

// coordinatorCache is the frontend's memory of the labels begun through it. All of them
// are with the one backend port; what matters is which labels are known.
type coordinatorCache struct {
	mu   sync.Mutex
	used map[string]time.Time
}

const (
	coordinatorCapacity = 4096
	coordinatorExpiry   = 900 * time.Second
)

func (c *coordinatorCache) add(label string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.used == nil {
		c.used = map[string]time.Time{}
	}
	c.used[label] = now
	if len(c.used) <= coordinatorCapacity {
		return
	}
	oldest := label
	for l, at := range c.used {
		if at.Before(c.used[oldest]) {
			oldest = l
		}
	}
	delete(c.used, oldest)
}

func (c *coordinatorCache) has(label string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.used[label]
	if ok && now.Sub(at) > coordinatorExpiry {
		delete(c.used, label)
		return false
	}
	if ok {
		c.used[label] = now
	}
	return ok
}

func (c *coordinatorCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used = nil
}
