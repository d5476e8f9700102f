package emulator

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// txnTick is how often frontend and backend look for transactions that are too old.
const txnTick = 30 * time.Second

// beTransaction runs one operation of /api/transaction on the backend.
func (s *Server) beTransaction(w http.ResponseWriter, r *http.Request, op string) {
	op = strings.ToLower(op)
	label, tbl := r.Header.Get("label"), r.Header.Get("table")
	fault := s.faults.match(Fault{Op: "be-txn-" + op, Table: tbl, LabelPrefix: label})
	if s.applyFault(w, fault) {
		return
	}
	var inject *txnError
	if fault != nil && fault.Message != "" {
		inject = asTxnError(ddlError("%s", fault.Message))
		switch {
		case fault.Message == LockTimeout:
			inject = txnFail(statusTimeout, "%s", lockTimeout(r.Header.Get("db"), r.Header.Get("timeout")))
		case fault.Message == MemoryLimit:
			inject.code = statusMemory
		case inject.code == statusAnalysis:
			inject.code = statusInternal
		}
	}
	var answer string
	switch {
	case op == "list":
		answer = s.beListTxns()
	case op == "load":
		answer = s.beTxnLoad(r, label, inject)
	case label == "":
		answer = s.beReply(op, "", nil, txnFail(statusInvalid, "empty label"))
	case r.Header.Get("transaction_type") != "" && s.has(featureMultiTable):
		answer = s.beReply(op, label, nil, txnFail(statusInvalid, "Multi-statement transaction requests can only be sent to FE nodes, not BE nodes"))
	case op == "begin":
		answer = s.beBegin(r, label, inject)
	case op == "prepare" || op == "commit":
		answer = s.beCommit(r, label, op == "prepare", inject)
	case op == "rollback":
		answer = s.beRollback(r, label)
	default:
		answer = s.beReply(op, label, nil, txnFail(statusInvalid, "unsupport transaction operation %s", op))
	}
	if fault != nil && fault.PublishTimeout && op == "commit" {
		answer = s.beReply(op, label, nil, errPublishTimeout)
	}
	if fault != nil && fault.DropAfter {
		hangUp(w)
		return
	}
	sendBE(w, answer)
}

var errPublishTimeout = txnFail(statusPublishTimeout, "Publish timeout. The data will be visible after a while")

func (s *Server) beBegin(r *http.Request, label string, inject *txnError) string {
	if s.txns.get(label) != nil {
		return s.beReply("begin", label, nil, txnFail(statusLabelExists, ""))
	}
	started := time.Now()
	c := &txnContext{label: label, db: r.Header.Get("db"), table: r.Header.Get("table"), begun: s.cfg.Now(), active: s.cfg.Now()}
	err := c.parseTimeouts(r.Header)
	if err == nil {
		if err = inject; err == nil {
			err = asTxnError(s.beginTxn(r, c))
		}
	}
	if err == nil {
		c.beginTook = time.Since(started)
		s.txns.put(label, c)
	}
	return s.beReply("begin", label, c, err)
}

func (c *txnContext) parseTimeouts(h http.Header) *txnError {
	for name, to := range map[string]*time.Duration{"timeout": &c.timeout, "idle_transaction_timeout": &c.idle} {
		if v := h.Get(name); v != "" {
			n, err := strconv.ParseUint(v, 10, 31)
			if err != nil {
				return txnFail(statusInvalid, "Invalid timeout format")
			}
			*to = time.Duration(n) * time.Second
		}
	}
	return nil
}

// beginTxn is what the frontend does for the backend at begin.
func (s *Server) beginTxn(r *http.Request, c *txnContext) error {
	t, user, err := s.loadTarget(r, c.db, c.table)
	if err != nil {
		return err
	}
	timeout := c.timeout
	if r.Header.Get("timeout") == "" {
		timeout = s.cfg.LoadTimeout
	} else if timeout < time.Second || timeout > maxLoadTimeout {
		return errLoadTimeout
	}
	tx := &transaction{id: s.txnID.Add(1), label: c.label, table: t.name, user: user, kind: "STREAM_LOAD", dbName: c.db, begun: c.begun, timeout: timeout, preparedTimeout: s.cfg.PreparedTimeout, twoPhase: true}
	if err := t.db.labels.begin(tx, s.cfg.MaxRunningTxns); err != nil {
		return err
	}
	c.target, c.tx = t, tx
	return nil
}

// beTxnLoad takes one body. Whatever it refuses once it has the turn ends the transaction.
func (s *Server) beTxnLoad(r *http.Request, label string, inject *txnError) string {
	if label == "" {
		return s.beReply("load", "", nil, txnFail(statusInvalid, "Invalid label "))
	}
	key := label
	c := s.txns.get(key)
	multi := c == nil
	if multi {
		key = channelKey(label, r.Header.Get("table"))
		if c = s.txns.get(key); c == nil {
			return s.beReply("load", label, nil, txnFail(statusNoTxn, "Transaction with label %s not exists", label))
		}
	}
	if db := r.Header.Get("db"); db != c.db {
		return s.beReply("load", label, nil, txnFail(statusInvalid, "Request database %s not equal transaction database %s", db, c.db))
	}
	if t := r.Header.Get("table"); t != c.table {
		return s.beReply("load", label, nil, txnFail(statusInvalid, "Request table %s not equal transaction table %s", t, c.table))
	}
	if err := c.tryLock(); err != nil {
		return s.beReply("load", label, nil, err)
	}
	defer c.busy.Unlock()
	c.touch(s.cfg.Now())
	c.received, c.receiveTook = 0, 0
	err := c.failure()
	if err != nil {
		err = txnFail(statusAborted, "current transaction is aborted")
	} else if err = inject; err == nil {
		err = asTxnError(s.takeBody(r, c, multi))
	}
	if err != nil {
		s.rollbackTxn(key, c, err, multi)
	}
	return s.beReply("load", label, c, err)
}

func (s *Server) takeBody(r *http.Request, c *txnContext, multi bool) error {
	opts, request, err := s.txnLoadOptions(r.Header, multi)
	if err != nil {
		return err
	}
	if r.ContentLength > 0 {
		c.announced += r.ContentLength
	}
	if opts.json && !opts.ignoreJSONSize && c.announced > maxJSONBody {
		return errJSONTooLarge(c.announced)
	}
	opts.ignoreJSONSize = true // the limit is on what was announced
	c.mu.Lock()
	rows := c.rows
	c.mu.Unlock()
	switch {
	case c.request != "" && c.request != request:
		return txnFail(statusInternal, "load request not equal last.")
	case rows == nil:
		started := time.Now()
		if rows, err = s.readTxnRows(c.target, opts); err != nil {
			return err
		}
		c.planTook = time.Since(started)
		if err := c.reads(rows, s.cfg.LoadTimeout); err != nil {
			return err
		}
	}
	c.request = request
	return s.receive(r, c, rows)
}

// receive hands a body to the reader. A body that breaks off leaves in the transaction
// what came of it: the transaction goes on.
func (s *Server) receive(r *http.Request, c *txnContext, rows *txnRows) error {
	started := time.Now()
	body := &countingReader{r: r.Body}
	_, err := io.Copy(rows.pipe, body)
	c.received, c.receiveTook = body.n, time.Since(started)
	c.allReceived += c.received
	c.allReceiveTook += c.receiveTook
	c.touch(s.cfg.Now())
	if err != nil && body.err == nil {
		if over := c.failure(); over != nil {
			return over
		}
		return err
	}
	return nil
}

// beCommit is prepare and commit: the end of the stream, the gates, and the frontend.
func (s *Server) beCommit(r *http.Request, label string, prepare bool, inject *txnError) string {
	c := s.txns.get(label)
	if c == nil {
		return s.beReply("commit", label, nil, txnFail(statusNoTxn, "transaction with label %s not exists", label))
	}
	if db := r.Header.Get("db"); db != c.db {
		return s.beReply("commit", label, nil, txnFail(statusInvalid, "request db %s transaction db %s not match", db, c.db))
	}
	preparedTimeout, err := s.preparedTimeout(r.Header, prepare)
	if err != nil {
		return s.beReply("commit", label, nil, err)
	}
	if err := c.tryLock(); err != nil {
		return s.beReply("commit", label, nil, err)
	}
	defer c.busy.Unlock()
	rollback := true
	if err = inject; err == nil {
		err, rollback = s.endTxn(c, prepare, preparedTimeout)
	}
	switch {
	case err == nil:
		s.txns.remove(label, c)
	case rollback:
		s.rollbackTxn(label, c, err, false)
	default:
		c.end(err)
	}
	return s.beReply("commit", label, c, err)
}

func (s *Server) preparedTimeout(h http.Header, prepare bool) (time.Duration, *txnError) {
	v := h.Get("prepared_timeout")
	if !prepare || v == "" || !s.has(featurePreparedTimeout) {
		return s.cfg.PreparedTimeout, nil
	}
	n, err := strconv.ParseUint(v, 10, 31)
	if err != nil || n == 0 {
		return 0, txnFail(statusInvalid, "Invalid prepared_timeout: %s", v)
	}
	return time.Duration(n) * time.Second, nil
}

// endTxn finishes a transaction; rollback false means that its outcome stands.
func (s *Server) endTxn(c *txnContext, prepare bool, preparedTimeout time.Duration) (err *txnError, rollback bool) {
	if c.failure() != nil {
		return txnFail(statusAborted, "transaction is aborted"), true
	}
	c.mu.Lock()
	started := c.rows != nil
	c.mu.Unlock()
	if !started {
		return txnFail(statusInternal, "transaction id=%s, job_id=-1, txn_id: %d, label=%s, db=%s hasn't send any data yet", newUUID(), c.tx.id, c.label, c.db), true
	}
	if err := s.finishTxnRows(c); err != nil {
		return asTxnError(err), true
	}
	begin := time.Now()
	defer func() { c.commitTook = time.Since(begin) }()
	parts := []txnPart{{c.target, c.rows.l.delta}}
	if prepare {
		return asTxnError(s.prepareTxn(c.tx, parts, c.counts, preparedTimeout)), true
	}
	if err := s.commitParts(c.tx, parts, c.counts); err != nil {
		return asTxnError(err), true
	}
	return s.published(c)
}

// published waits for a commit to become visible.
func (s *Server) published(c *txnContext) (err *txnError, rollback bool) {
	limit := time.NewTimer(c.timeout - s.cfg.Now().Sub(c.begun))
	defer limit.Stop()
	select {
	case <-c.tx.visible:
		return nil, true
	case <-limit.C:
		return errPublishTimeout, false
	}
}

func (s *Server) beRollback(r *http.Request, label string) string {
	c := s.txns.get(label)
	if c == nil {
		return s.beReply("rollback", label, nil, txnFail(statusNoTxn, "transaction with label %s not exists", label))
	}
	if db := r.Header.Get("db"); db != c.db {
		return s.beReply("rollback", label, nil, txnFail(statusInvalid, "request db %s transaction db %s not match", db, c.db))
	}
	s.rollbackTxn(label, c, txnFail(statusAborted, "transaction is aborted by user."), false)
	return s.beReply("rollback", label, nil, nil)
}

// rollbackTxn ends a transaction on both sides. One table of a multi-table transaction
// is the frontend's to cancel: the backend only takes nothing more.
func (s *Server) rollbackTxn(key string, c *txnContext, why *txnError, multi bool) {
	c.end(why)
	if multi {
		return
	}
	c.tx.abort(why.message)
	s.txns.remove(key, c)
}

// beListTxns prints every open transaction, one object after another without anything
// between them.
func (s *Server) beListTxns() string {
	var b strings.Builder
	for _, c := range s.txns.list() {
		var fields []answerField
		if c.busy.TryLock() {
			status := statusOK
			if err := c.failure(); err != nil {
				status = err.code
			}
			fields = []answerField{{"Status", status}, {"InProcessing", false}}
			c.mu.Lock()
			fields = append(fields, answerField{"Label", c.label}, answerField{"TxnId", c.tx.id}, answerField{"NumberTotalRows", c.counts.total}, answerField{"NumberLoadedRows", c.counts.loaded},
				answerField{"NumberFilteredRows", c.counts.filtered}, answerField{"NumberUnselectedRows", c.counts.unselected}, answerField{"LoadBytes", c.received},
				answerField{"StreamLoadPlanTimeMs", c.planTook.Milliseconds()}, answerField{"ReceivedDataTimeMs", c.allReceiveTook.Milliseconds()}, answerField{"WriteDataTimeMs", c.allReceiveTook.Milliseconds()})
			c.mu.Unlock()
			c.busy.Unlock()
		} else {
			fields = []answerField{{"InProcessing", true}, {"Label", c.label}, {"TxnId", c.tx.id}}
		}
		c.mu.Lock()
		fields = append(fields, answerField{"BeginTimestamp", c.begun.Unix()}, answerField{"LastActiveTimestamp", c.active.Unix()},
			answerField{"TransactionTimeoutSec", listSeconds(c.timeout)}, answerField{"IdleTransactionTimeoutSec", listSeconds(c.idle)})
		c.mu.Unlock()
		b.WriteString(writeFields(4, fields))
	}
	return b.String()
}

// listSeconds is -1 for no limit.
func listSeconds(d time.Duration) int64 {
	if d == 0 {
		return -1
	}
	return int64(d / time.Second)
}
