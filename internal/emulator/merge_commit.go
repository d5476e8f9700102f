package emulator

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Merge commit: requests that arrive within a window and agree in database, table and
// every parameter become one transaction. Invariant: a mergedLoad takes bodies until its
// window ends, and its outcome is that of every request in it. The bodies go to one
// reader as one stream, one after another, because that is what StarRocks does with them:
// a CSV body that does not end its last row spoils the next one.

const mergeKind = "MERGE_COMMIT"

// mergeHeaders are what two requests must agree in to be merged.
var mergeHeaders = append(strings.Fields("format timeout max_filter_ratio enclose escape trim_space exec_mem_limit ignore_json_size log_rejected_record_num warehouse "+
	"merge_commit_interval_ms merge_commit_parallel merge_commit_async"), sameInEveryLoad...)

// mergeWindow is how requests are to be merged.
type mergeWindow struct {
	interval time.Duration
	parallel int
	async    bool
}

func wantsMerge(h http.Header) bool { return strings.EqualFold(h.Get("enable_merge_commit"), "true") }

func parseMergeWindow(h http.Header) (mergeWindow, error) {
	positive := func(name, what string) (int, error) {
		v := h.Get(name)
		if v == "" {
			return 0, ddlError("Batch write %s must be set positive, but is null", what)
		}
		n, err := strconv.ParseInt(v, 10, 32)
		if err != nil {
			return 0, ddlError("Invalid %s format", name)
		}
		if n <= 0 {
			return 0, ddlError("Batch write %s must be set positive, but is %d", what, n)
		}
		return int(n), nil
	}
	ms, err := positive("merge_commit_interval_ms", "interval")
	if err != nil {
		return mergeWindow{}, err
	}
	m := mergeWindow{interval: time.Duration(ms) * time.Millisecond}
	if m.parallel, err = positive("merge_commit_parallel", "parallel"); err != nil {
		return m, err
	}
	return m, headerBool(h, "merge_commit_async", &m.async, "Invalid merge_commit_async format. Must be bool type")
}

// properties are the parameters as information_schema.loads shows them.
func (m mergeWindow) properties() string {
	b, err := json.Marshal(map[string]string{"merge_commit_interval_ms": strconv.FormatInt(m.interval.Milliseconds(), 10),
		"merge_commit_parallel": strconv.Itoa(m.parallel), "merge_commit_async": strconv.FormatBool(m.async)})
	if err != nil {
		return "{}"
	}
	return string(b)
}

// mergedLoads are the open windows of the backend.
type mergedLoads struct {
	mu   sync.Mutex
	open map[string]*mergedLoad
}

type mergedLoad struct {
	key    string
	tx     *transaction
	target *table
	rows   *txnRows
	ends   time.Time
	lost   chan struct{} // closed when the backend forgets it

	mu     sync.Mutex
	closed bool
	bytes  int64

	done chan struct{}
	err  error // after done
}

// forget is the backend ending: what was buffered is lost, and the frontend waits for
// the timeout.
func (x *mergedLoads) forget() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, m := range x.open {
		close(m.lost)
	}
	x.open = nil
}

func (x *mergedLoads) remove(m *mergedLoad) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.open[m.key] == m {
		delete(x.open, m.key)
	}
}

// mergeRequest is one request on its way into a merged load.
type mergeRequest struct {
	db, table, user string
	target          *table
	opts            *loadOptions
	window          mergeWindow
	key             string
	body            []byte
}

// joinMerged puts a body into the open window of its kind, or opens one.
func (s *Server) joinMerged(q *mergeRequest) (*mergedLoad, error) {
	for {
		m, err := s.openWindow(q)
		if err != nil {
			return m, err
		}
		m.mu.Lock()
		if m.closed {
			m.mu.Unlock()
			continue // its window ended in between
		}
		m.bytes += int64(len(q.body))
		// The reader takes everything until the window is closed, whatever it thinks of it.
		_, err = m.rows.pipe.Write(q.body)
		m.mu.Unlock()
		return m, err
	}
}

func (s *Server) openWindow(q *mergeRequest) (*mergedLoad, error) {
	s.merges.mu.Lock()
	defer s.merges.mu.Unlock()
	if m := s.merges.open[q.key]; m != nil {
		return m, nil
	}
	tx := &transaction{id: s.txnID.Add(1), label: "merge_commit_" + newUUID(), table: q.target.name, user: q.user, kind: mergeKind, timeout: q.opts.timeout,
		aborted: make(chan struct{}), window: q.window.interval, properties: q.window.properties()}
	if err := q.target.db.labels.begin(tx, s.cfg.MaxRunningTxns); err != nil {
		return nil, err
	}
	m := &mergedLoad{key: q.key, tx: tx, target: q.target, ends: time.Now().Add(q.window.interval), lost: make(chan struct{}), done: make(chan struct{})}
	var err error
	if m.rows, err = s.readTxnRows(q.target, q.opts); err != nil {
		tx.abort(messageOf(err))
		return m, err
	}
	if s.merges.open == nil {
		s.merges.open = map[string]*mergedLoad{}
	}
	s.merges.open[q.key] = m
	s.background.Go(func() { s.runMerged(m, q.window.interval, q.opts.timeout) })
	return m, nil
}

func (s *Server) runMerged(m *mergedLoad, interval, timeout time.Duration) {
	limit := time.AfterFunc(timeout, func() { m.tx.abort(expiredReason) })
	window := time.NewTimer(interval)
	defer window.Stop()
	var lost bool
	select {
	case <-window.C:
	case <-m.tx.aborted:
	case <-m.lost:
		lost = true
	case <-s.closing:
		m.tx.abort("the server is closed")
	}
	s.merges.remove(m)
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	_ = m.rows.pipe.Close() // always nil
	<-m.rows.done
	if lost { // limit ends the transaction
		m.err = ddlError("the backend was restarted")
	} else {
		m.err = s.finishMerged(m)
		limit.Stop()
	}
	close(m.done)
}

// finishMerged commits what came in and waits for it to become visible.
func (s *Server) finishMerged(m *mergedLoad) error {
	l := m.rows.l
	counts := l.counts
	counts.bytes = m.bytes
	err := m.rows.err
	if err == nil {
		err = l.quality()
	}
	if err == nil {
		err = s.checkVersions(m.target)
	}
	m.tx.account(counts, l.errors)
	if err != nil && len(l.errors) > 0 {
		err = ddlError("There is a data quality issue. Please check the tracking URL or SQL for details. Tracking URL: %s. Tracking SQL: %s", s.keepErrorLog(l.errors), trackingSQL(m.tx.id))
	}
	if err == nil {
		err = s.commit(m.tx, m.target, l.delta, counts)
	}
	if err != nil {
		m.tx.abort(messageOf(err))
		return ddlError("Load is aborted, reason: %s", m.tx.abortReason())
	}
	<-m.tx.visible
	return nil
}

// mergeAnswer is the answer to a request of a merged load.
type mergeAnswer struct {
	loadResult
	requestID                            string
	received                             int64
	readTook, planTook, writeTook, waits time.Duration
	left                                 time.Duration
}

func (a *mergeAnswer) json() string {
	ms := time.Duration.Milliseconds
	fields := []answerField{{"TxnId", a.txnID}, {"Label", a.label}}
	if a.named {
		fields = append(fields, answerField{"Db", a.db}, answerField{"Table", a.table})
	}
	return writeFields(4, append(fields, answerField{"Status", a.status}, answerField{"Message", a.message}, answerField{"RequestId", a.requestID},
		answerField{"LoadBytes", a.received}, answerField{"LoadTimeMs", ms(time.Since(a.start))}, answerField{"ReadDataTimeMs", ms(a.readTook)},
		answerField{"PendingTimeMs", int64(0)}, answerField{"WaitPlanTimeMs", ms(a.planTook)}, answerField{"WriteDataTimeMs", ms(a.writeTook)},
		answerField{"WaitFinishTimeMs", ms(a.waits)}, answerField{"LeftMergeTimeMs", ms(a.left)}))
}

// beMerge is a load with enable_merge_commit at the backend.
func (s *Server) beMerge(w http.ResponseWriter, r *http.Request, h http.Header, res loadResult, fault *Fault) {
	a := &mergeAnswer{loadResult: res, requestID: res.label}
	a.label = ""
	if a.requestID == "" {
		a.requestID = newUUID()
	}
	if err := s.mergeInto(r, h, a, fault); err != nil {
		a.status, a.message = "Fail", messageOf(err)
	} else {
		a.status, a.message = "Success", "OK"
	}
	if fault != nil && fault.DropAfter {
		hangUp(w)
		return
	}
	sendBE(w, a.json())
}

func (s *Server) mergeInto(r *http.Request, h http.Header, a *mergeAnswer, fault *Fault) error {
	q, err := s.mergeRequest(r, h, a)
	if err != nil {
		return err
	}
	started := time.Now()
	body := &countingReader{r: r.Body}
	q.body, err = io.ReadAll(body)
	a.received, a.readTook = body.n, time.Since(started)
	switch {
	case body.err != nil:
		return ddlError("receive body don't equal with body bytes")
	case err != nil:
		return err
	case q.opts.json && !q.opts.ignoreJSONSize && body.n > maxJSONBody:
		return errJSONTooLarge(body.n)
	}
	started = time.Now()
	m, err := s.joinMerged(q)
	if m != nil {
		a.txnID, a.label, a.left = m.tx.id, m.tx.label, max(0, time.Until(m.ends))
	}
	a.writeTook = time.Since(started)
	if err != nil {
		return err
	}
	if fault != nil && fault.Message != "" {
		m.tx.abort(fault.Message)
	}
	if q.window.async {
		return nil
	}
	started = time.Now()
	defer func() { a.waits = time.Since(started) }()
	limit := time.NewTimer(q.opts.timeout)
	defer limit.Stop()
	select {
	case <-m.done:
		err = m.err
	case <-limit.C:
		err = errMergeUnpublished
	}
	if err == nil && fault != nil && fault.PublishTimeout {
		err = errMergeUnpublished
	}
	return err
}

var errMergeUnpublished = ddlError("Load has not been published before timeout")

// mergeRequest is everything about a request but its body.
func (s *Server) mergeRequest(r *http.Request, h http.Header, a *mergeAnswer) (*mergeRequest, error) {
	h = h.Clone()
	h.Del("label") // a name for the request, not for the transaction
	h.Del("enable_merge_commit")
	if h.Get("skip_header") != "" {
		return nil, notEmulated("skip_header with a merge commit")
	}
	q := &mergeRequest{db: a.db, table: a.table}
	var err error
	if q.window, err = parseMergeWindow(h); err != nil {
		return nil, err
	}
	if q.opts, err = parseLoadOptions(h, s.cfg.LoadTimeout); err != nil {
		return nil, err
	}
	if q.target, q.user, err = s.loadTarget(r, q.db, q.table); err != nil {
		return nil, err
	}
	key := []string{q.db, q.table}
	for _, name := range mergeHeaders {
		key = append(key, h.Get(name))
	}
	q.key = strings.Join(key, "\x00")
	return q, nil
}

// feMerge checks what the frontend checks before it names a node; false means that it
// has answered.
func (s *Server) feMerge(w http.ResponseWriter, h http.Header, fault *Fault) bool {
	code, err := "INVALID_ARGUMENT", error(nil)
	if _, err = parseMergeWindow(h); err == nil && fault != nil && fault.Message != "" {
		code, err = "INTERNAL_ERROR", ddlError("%s", fault.Message)
	}
	if err == nil {
		return true
	}
	m := jsonText(messageOf(err))
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprintf(w, `{"status":"FAILED","code":%s,"msg":%s,"message":%s}`, jsonText(code), m, m)
	return false
}
