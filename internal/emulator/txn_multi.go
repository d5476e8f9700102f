package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Multi-table transactions live in the memory of the frontend until their commit: the
// transaction manager, and so get_load_state, ALTER and the limit of running
// transactions, knows nothing of them. Every table has a part of its own, which begins
// with its first load. The label is not looked at before the commit, and what goes wrong
// once the commit is under way is not told: the answer is OK.

const multiKind = "MULTI_STATEMENT_STREAM_LOAD"

// multiQueryTimeout is query_timeout, the second clock of a multi-table transaction: it runs
// from begin, whatever the timeout header says, and is looked at once the transaction
// manager knows the transaction. StarRocks notices when its cleaner comes by; here a commit
// that is late always meets it.
const multiQueryTimeout = 300 * time.Second

// multiVisibleWait is how long a commit waits to be visible before it answers all the same.
const multiVisibleWait = 10 * time.Second

type multiState uint8

const (
	multiOpen multiState = iota
	multiCommitted
	multiCancelled
)

// multiTask is one multi-table transaction; mu is held by one operation at a time, but
// not while bodies are received.
type multiTask struct {
	label, db, user string
	txnID           int64
	begun           time.Time
	timeout         time.Duration

	mu     sync.Mutex
	state  multiState
	reason string
	parts  []*txnContext // by first load

	listing multiListing
}

// multiListing is what is shown of a task, also while an operation holds it.
type multiListing struct {
	mu     sync.Mutex
	tables []*table
	state  multiState
	reason string
}

func (l *multiListing) add(t *table) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tables = append(l.tables, t)
}

func (l *multiListing) end(state multiState, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state, l.reason = state, reason
}

func (l *multiListing) now() (tables []*table, state multiState, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.tables), l.state, l.reason
}

// multiTasks are the multi-table transactions by label, whatever their database.
type multiTasks struct {
	mu      sync.Mutex
	byLabel map[string]*multiTask
	order   []string
}

// maxMultiTasks is stream_load_task_keep_max_num: beyond it the oldest that are over are
// forgotten.
const maxMultiTasks = 1000

func (x *multiTasks) get(label string) *multiTask {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.byLabel[label]
}

// add keeps a task unless its label is known.
func (x *multiTasks) add(m *multiTask) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.byLabel == nil {
		x.byLabel = map[string]*multiTask{}
	}
	if x.byLabel[m.label] != nil {
		return false
	}
	x.byLabel[m.label] = m
	x.order = append(x.order, m.label)
	if len(x.order) > maxMultiTasks {
		x.order = slices.DeleteFunc(x.order, func(label string) bool {
			old := x.byLabel[label]
			if len(x.byLabel) <= maxMultiTasks/2 || !old.over() {
				return false
			}
			delete(x.byLabel, label)
			return true
		})
	}
	return true
}

func (x *multiTasks) all() []*multiTask {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := make([]*multiTask, len(x.order))
	for i, label := range x.order {
		out[i] = x.byLabel[label]
	}
	return out
}

func (x *multiTasks) cancelAll(reason string) {
	for _, m := range x.all() {
		m.mu.Lock()
		m.cancel(reason)
		m.mu.Unlock()
	}
}

// expire cancels what is beyond its timeout; a commit or a load under way decides for itself.
func (x *multiTasks) expire(now time.Time) {
	for _, m := range x.all() {
		if now.Sub(m.begun) > m.timeout && m.mu.TryLock() {
			m.cancel("cancel stream task for exception: " + errMultiTimeout)
			m.mu.Unlock()
		}
	}
}

// restore remembers a label of the journal; a restart has cancelled its transaction.
func (x *multiTasks) restore(head journalHead) {
	x.add(&multiTask{label: head.Label, db: head.Database, user: head.User, txnID: head.Txn, begun: head.Begun, state: multiCancelled, reason: "cancelled after restart"})
}

func (m *multiTask) over() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state != multiOpen
}

// cancel ends an open task; the caller holds mu.
func (m *multiTask) cancel(reason string) {
	if m.state != multiOpen {
		return
	}
	m.state, m.reason = multiCancelled, reason
	m.listing.end(m.state, reason)
	for _, c := range m.parts {
		c.end(txnFail(statusAborted, "%s", reason))
	}
}

const errMultiTimeout = "Load timeout. Increase the timeout and retry"

// multiTransaction is the frontend's side; no result means that the backend takes a body.
func (s *Server) multiTransaction(r *http.Request, q *txnRequest) (*feResult, error) {
	if q.op == "begin" {
		return s.multiBegin(q)
	}
	if q.op == "prepare" {
		return nil, s.loadError("Unsupported operation: TXN_PREPARE")
	}
	m := s.multi.get(q.label)
	if m == nil {
		return nil, s.loadError("stream load task %s does not exist", q.label)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch q.op {
	case "load":
		return s.multiLoad(r, q, m)
	case "commit":
		return s.multiCommit(m, q.lockHeld), nil
	}
	return s.multiRollback(m), nil
}

func (s *Server) multiBegin(q *txnRequest) (*feResult, error) {
	s.catalog.mu.RLock()
	db := s.catalog.databases[q.db]
	s.catalog.mu.RUnlock()
	if db == nil {
		return nil, s.loadError("Database[%s] does not exist", q.db)
	}
	m := &multiTask{label: q.label, db: q.db, user: q.user, begun: s.cfg.Now(), timeout: q.timeout}
	if s.multi.get(q.label) != nil {
		return &feResult{}, nil
	}
	m.txnID = s.txnID.Add(1)
	if !s.multi.add(m) {
		return &feResult{}, nil // somebody began it meanwhile
	}
	if err := s.journal.multiBegin(m); err != nil {
		return nil, s.loadError("%s", err)
	}
	return &feResult{}, nil
}

// multiLoad plans a table's part at its first load; then the backend takes the body. A
// part that is over is told with status OK, and no body is taken.
func (s *Server) multiLoad(r *http.Request, q *txnRequest, m *multiTask) (*feResult, error) {
	if m.db != q.db {
		return nil, s.loadError("Request database %s not equal transaction database %s", q.db, m.db)
	}
	switch m.state {
	case multiCommitted:
		return &feResult{message: "stream load task " + m.label + " has already been committed"}, nil
	case multiCancelled:
		return &feResult{message: "stream load task " + m.label + " has already been cancelled: " + m.reason}, nil
	}
	if slices.ContainsFunc(m.parts, func(c *txnContext) bool { return c.table == q.table }) {
		return nil, nil
	}
	s.catalog.mu.RLock()
	t, err := s.catalog.table(tableName{q.db, q.table})
	s.catalog.mu.RUnlock()
	if err != nil {
		name := q.table
		if r.Header.Get("table") == "" {
			name = "null"
		}
		return nil, &feError{"com.starrocks.common.MetaNotFoundException", fmt.Sprintf("Failed to find table %s in db %s", name, q.db)}
	}
	c, err := s.multiPart(r, m, t)
	if err != nil {
		return m.fail(&feResult{}, messageOf(err)), nil
	}
	m.parts = append(m.parts, c)
	m.listing.add(t)
	s.txns.put(channelKey(m.label, t.name), c)
	return nil, nil
}

func (s *Server) multiPart(r *http.Request, m *multiTask, t *table) (*txnContext, error) {
	now := s.cfg.Now()
	if now.Sub(m.begun) >= m.timeout {
		return nil, ddlError("%s", errMultiTimeout)
	}
	ss := s.newSession(m.user)
	if err := ss.mayLoad(t.db.name, t.name); err != nil {
		return nil, err
	}
	opts, request, err := s.txnLoadOptions(r.Header, true)
	if err != nil {
		return nil, err
	}
	opts.ignoreJSONSize = true // the backend watches the limit
	c := &txnContext{label: m.label, db: m.db, table: t.name, target: t, multi: true, tx: &transaction{id: m.txnID}, begun: now, active: now, request: request}
	c.rows, err = s.readTxnRows(t, opts)
	return c, err
}

// fail cancels the task and says why, as the frontend does.
func (m *multiTask) fail(r *feResult, message string) *feResult {
	started := time.Now()
	reason := fmt.Sprintf("STREAM_LOAD_TASK=%d, label:%s, error_msg:cancel stream task for exception: %s", m.txnID, m.label, message)
	m.cancel(reason)
	r.put("Cancelled time", time.Since(started).Milliseconds())
	r.fail(reason)
	return r
}

// multiCommit prepares the tables one after another and commits them as one.
func (s *Server) multiCommit(m *multiTask, lockHeld bool) *feResult {
	r := &feResult{}
	switch m.state {
	case multiCommitted:
		r.message = fmt.Sprintf("Transaction %d has already committed, label is %s", m.txnID, m.label)
		r.put("Label", m.label)
		r.put("TxnId", m.txnID)
		return r
	case multiCancelled:
		r.fail(fmt.Sprintf("Can not commit CANCELLED transaction %d, label is %s", m.txnID, m.label))
		return r
	}
	var parts []txnPart
	var counts loadCounts
	for _, c := range m.parts {
		r.put("Label", m.label)
		r.put("TxnId", m.txnID)
		r.put("ChannelId", 0)
		r.put("Prepared Channel Num", 1)
		if s.cfg.Now().Sub(m.begun) >= m.timeout {
			return m.fail(r, errMultiTimeout)
		}
		c.busy.Lock() // a load under way is waited for
		err := s.finishTxnRows(c)
		c.busy.Unlock()
		if err != nil {
			message := messageOf(err)
			if message == "too many filtered rows" {
				message = "abnormal data more than max filter rate, tracking_url: " + c.errorURL
			}
			return m.fail(r, message)
		}
		parts = append(parts, txnPart{c.target, c.rows.l.delta})
		n := c.counts
		counts = loadCounts{counts.total + n.total, counts.loaded + n.loaded, counts.filtered + n.filtered, counts.unselected + n.unselected, counts.bytes + n.bytes}
	}
	m.state = multiCommitted
	s.endMulti(m)
	if len(parts) > 0 {
		s.registerMulti(m, parts, counts, lockHeld)
	}
	m.listing.end(m.state, "") // the transaction manager shows it now
	return r
}

// registerMulti commits in the transaction manager. Its errors, a label that is taken
// among them, are nobody's: StarRocks keeps them in a session that nobody reads. Without the
// lock the transaction stays in PREPARE until its second clock ends it.
func (s *Server) registerMulti(m *multiTask, parts []txnPart, counts loadCounts, lockHeld bool) {
	var names []string
	for _, p := range parts {
		names = append(names, p.table.name)
	}
	tx := &transaction{id: m.txnID, label: m.label, table: strings.Join(names, ","), tables: names, user: m.user, kind: multiKind, dbName: m.db,
		begun: m.begun, timeout: multiQueryTimeout, twoPhase: true}
	switch {
	case parts[0].table.db.labels.begin(tx, s.cfg.MaxRunningTxns) != nil, lockHeld:
		return
	case s.cfg.Now().Sub(m.begun) > multiQueryTimeout:
		tx.abort(expiredReason)
		return
	}
	if err := s.commitParts(tx, parts, counts); err != nil {
		tx.abort(messageOf(err))
		return
	}
	tx.waitVisible(multiVisibleWait)
}

func (s *Server) multiRollback(m *multiTask) *feResult {
	r := &feResult{}
	switch m.state {
	case multiCommitted:
		r.fail(fmt.Sprintf("Can not abort VISIBLE transaction %d, label is %s", m.txnID, m.label))
		return r
	case multiCancelled:
		r.message = fmt.Sprintf("Transaction %d has already aborted, label is %s", m.txnID, m.label)
		r.put("Label", m.label)
		r.put("TxnId", m.txnID)
		return r
	}
	m.cancel("manual abort")
	s.endMulti(m)
	if len(m.parts) > 0 {
		r.message = "stream load " + m.label + " abort"
		r.put("Cancelled time", 0)
	}
	return r
}

// endMulti takes the parts of a task that is over away from the backend.
func (s *Server) endMulti(m *multiTask) {
	for _, c := range m.parts {
		s.txns.remove(channelKey(m.label, c.table), c)
	}
}
