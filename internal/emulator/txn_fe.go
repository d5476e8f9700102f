package emulator

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// txnRequest is what the frontend reads of an operation of /api/transaction.
type txnRequest struct {
	op, db, table, label string
	timeout              time.Duration // of a commit that publishes, and of a multi-table transaction
	multi                bool
	lockHeld             bool // a fault: the commit does not get the lock
	user                 string
}

// defaultTxnWait is how long the frontend waits when no timeout is given.
const defaultTxnWait = 20 * time.Second

// feTransaction answers an operation or sends it to the backend. A failure is an answer
// with status 200.
func (s *Server) feTransaction(w http.ResponseWriter, r *http.Request, op string) {
	label := r.Header.Get("label")
	fault := s.faults.match(Fault{Op: "fe-txn-" + strings.ToLower(op), Table: r.Header.Get("table"), LabelPrefix: label})
	if s.applyFault(w, fault) {
		return
	}
	ss, ok := s.authenticate(w, r)
	if !ok {
		return
	}
	var result *feResult
	q, err := s.txnRequest(r, strings.ToLower(op))
	switch {
	case err != nil || fault == nil || fault.Message == "":
	case fault.Message == LockTimeout:
		q.lockHeld = true
	default:
		err = s.loadError("%s", fault.Message)
	}
	if err == nil {
		q.user = ss.user
		if q.multi {
			result, err = s.multiTransaction(r, q)
		} else {
			result, err = s.singleTransaction(r, q)
		}
	}
	if err != nil {
		result = &feResult{}
		result.fail(feText(err))
	}
	if fault != nil && fault.PublishTimeout && q != nil && q.op == "commit" && result != nil && result.status == "" {
		result = &feResult{}
		result.fail(s.loadError("publish timeout: %d, transactionId=-1", q.timeout.Milliseconds()).Error())
	}
	switch {
	case fault != nil && fault.DropAfter:
		hangUp(w)
	case result != nil:
		sendFE(w, result)
	default:
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Location", "http://"+s.redirectTarget(r, fault)+r.URL.RequestURI())
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
}

// feText is an error with the name of its exception.
func feText(err error) string {
	if e, ok := errors.AsType[*feError](err); ok {
		return e.Error()
	}
	return "class com.starrocks.common.DdlException: " + messageOf(err)
}

var frontendOperations = map[string]bool{"begin": true, "load": true, "prepare": true, "commit": true, "rollback": true}

// txnRequest checks a request in the frontend's order.
func (s *Server) txnRequest(r *http.Request, op string) (*txnRequest, error) {
	h := r.Header
	q := &txnRequest{op: op, db: h.Get("db"), table: h.Get("table"), label: h.Get("label"), timeout: defaultTxnWait}
	switch {
	case !frontendOperations[op]:
		return nil, s.loadError("Unknown transaction operation: %s", op)
	case strings.TrimSpace(q.db) == "":
		return nil, s.loadError("No database selected.")
	case strings.TrimSpace(q.label) == "":
		return nil, s.loadError("Empty label.")
	}
	for _, name := range []string{"timeout", "prepared_timeout"} {
		v := h.Get(name)
		if v == "" || name == "prepared_timeout" && !s.has(featurePreparedTimeout) {
			continue
		}
		n, err := strconv.ParseInt(v, 10, 32)
		if err != nil {
			return nil, &feError{"java.lang.NumberFormatException", `For input string: "` + v + `"`}
		}
		if name == "timeout" {
			q.timeout = time.Duration(n) * time.Second
		}
	}
	if err := s.txnKind(r, q); err != nil {
		return nil, err
	}
	return q, s.txnBody(r, q)
}

// txnKind tells what sort of transaction is meant.
func (s *Server) txnKind(r *http.Request, q *txnRequest) error {
	source := r.URL.Query().Get("source_type")
	if source == "" {
		source = r.Header.Get("source_type")
	}
	if source != "" {
		switch n, err := strconv.Atoi(source); {
		case err != nil:
			return s.loadError("Invalid source type: %s", source)
		case n == 12 && s.has(featureMultiTable):
			q.multi = true
		case n < 0 || n > 11:
			return s.loadError("Unknown source type: %s", source)
		default:
			return notEmulated("transactions of source type " + source)
		}
	}
	if strings.EqualFold(r.Header.Get("transaction_type"), "multi") && s.has(featureMultiTable) {
		q.multi = true
	}
	id, num := r.Header.Get("channel_id"), r.Header.Get("channel_num")
	switch {
	case num != "" && id == "":
		return ddlError("Must provide channel_id when stream load begin.")
	case num == "" && id != "":
		return ddlError("Must provide channel_num when stream load begin.")
	case num != "":
		return notEmulated("parallel channels of a transaction")
	}
	return nil
}

// maxTxnBody bounds what the frontend reads of a body that should not be there.
const maxTxnBody = 1 << 20

// txnBody refuses a body that is no JSON; only load may have any.
func (s *Server) txnBody(r *http.Request, q *txnRequest) error {
	if q.op == "load" || r.ContentLength == 0 {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxTxnBody))
	if err != nil {
		return s.loadError("%s", err)
	}
	if text := strings.TrimSpace(string(body)); text != "" && (text[0] != '{' || !json.Valid([]byte(text))) {
		return &feError{"com.starrocks.common.StarRocksHttpException", "Malformed json tablets, label is " + q.label}
	}
	return nil
}

// singleTransaction is the decision table of a transaction on one table; no result
// means that the backend does it.
func (s *Server) singleTransaction(r *http.Request, q *txnRequest) (*feResult, error) {
	s.catalog.mu.RLock()
	db := s.catalog.databases[q.db]
	s.catalog.mu.RUnlock()
	now := s.cfg.Now()
	known := s.coordinators.has(q.label, now)
	if db == nil {
		return nil, s.loadError("Database[%s] does not exist.", q.db)
	}
	tx := db.labels.find(q.label)
	switch {
	case q.op == "begin":
		if name := r.Header.Get("warehouse"); name != "" && name != "default_warehouse" {
			return nil, &feError{"com.starrocks.common.ErrorReportException", "Warehouse name: " + name + " not exist."}
		}
		s.coordinators.add(q.label, now)
		return nil, nil
	case q.op == "load" && tx == nil && !known:
		return nil, s.loadError("Can't find the transaction with db [%s] and label[%s]. The possible reasons: 1. FE leader is started or switched; 2. The transaction timeouts and is cleaned.", q.db, q.label)
	case q.op == "load", q.op == "prepare" && (known || tx != nil):
		return nil, nil
	case tx == nil && !known:
		return nil, s.loadError("No transaction found with db[%s] and label[%s]", q.db, q.label)
	case tx == nil:
		return nil, s.loadError("No transaction found by label %s", q.label)
	case q.op == "commit":
		return s.feCommit(tx, q)
	}
	return s.feRollback(tx, q)
}

func (q *txnRequest) named(tx *transaction, message string) *feResult {
	return &feResult{message: message, fields: []answerField{{"TxnId", tx.id}, {"Label", q.label}}}
}

func (s *Server) feCommit(tx *transaction, q *txnRequest) (*feResult, error) {
	state, parts, counts := tx.stands()
	switch state {
	case txnPrepare:
		return nil, nil
	case txnAborted:
		return nil, s.loadError("Can not commit ABORTED transaction %d, label is %s", tx.id, q.label)
	case txnPrepared:
		if q.lockHeld {
			return nil, s.loadError("%s, database=%s, timeoutMillis=%d", LockTimeout, q.db, q.timeout.Milliseconds())
		}
		err := s.commitParts(tx, parts, counts)
		if now, _, _ := tx.stands(); err != nil && now != txnCommitted && now != txnVisible {
			return nil, s.loadError("%s", messageOf(err))
		} else if err != nil {
			break // somebody else was faster
		}
		if !tx.waitVisible(q.timeout) {
			return nil, s.loadError("publish timeout: %d, transactionId=%d", q.timeout.Milliseconds(), tx.id)
		}
		return q.named(tx, ""), nil
	}
	return q.named(tx, "Transaction "+strconv.FormatInt(tx.id, 10)+" has already committed, label is "+q.label), nil
}

func (tx *transaction) waitVisible(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-tx.visible:
		return true
	case <-timer.C:
		return false
	}
}

func (s *Server) feRollback(tx *transaction, q *txnRequest) (*feResult, error) {
	state, _, _ := tx.stands()
	if state == txnPrepared {
		done, err := s.abortPrepared(tx, "User Aborted")
		if err != nil {
			return nil, s.loadError("%s", messageOf(err))
		}
		if done {
			return q.named(tx, ""), nil
		}
		state, _, _ = tx.stands()
	}
	switch state {
	case txnPrepare:
		return nil, nil
	case txnAborted:
		return q.named(tx, "Transaction "+strconv.FormatInt(tx.id, 10)+" has already aborted, label is "+q.label), nil
	}
	return nil, s.loadError("Can not abort %s transaction %d, label is %s", state, tx.id, q.label)
}
