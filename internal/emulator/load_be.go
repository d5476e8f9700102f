package emulator

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// serveBE is the backend: it runs loads and serves the logs of bad rows.
func (s *Server) serveBE(w http.ResponseWriter, r *http.Request) {
	parts, ok := pathParts(r)
	switch {
	case ok && len(parts) == 4 && parts[3] == "_stream_load" && r.Method == http.MethodPut:
		s.beLoad(w, r, parts[1], parts[2])
	case ok && len(parts) == 3 && parts[1] == "transaction" && (r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodGet && parts[2] == "list"):
		s.beTransaction(w, r, parts[2])
	case r.URL.Path == "/api/_load_error_log":
		s.serveErrorLog(w, r)
	case r.URL.Path == "/api/health":
		fmt.Fprint(w, `{"status": "OK","msg": "To Be Added"}`)
	default:
		http.Error(w, "Not Found", http.StatusNotFound)
	}
}

// loadResult is the answer to a load.
type loadResult struct {
	txnID            int64
	label, db, table string
	status, existing string
	message          string
	counts           loadCounts
	errorURL         string
	rejectedPath     string
	named            bool // the answer has Db and Table
	start            time.Time
	begin, plan      time.Duration
	read, done       time.Duration
}

func (s *Server) beLoad(w http.ResponseWriter, r *http.Request, db, tbl string) {
	res := &loadResult{txnID: -1, label: r.Header.Get("label"), db: db, table: tbl, start: time.Now(), named: s.has(featureLoadNames)}
	fault := s.faults.match(Fault{Op: "be-load", Table: tbl, LabelPrefix: res.label})
	if s.applyFault(w, fault) {
		return
	}
	if h := s.knownHeaders(r.Header); wantsMerge(h) {
		s.beMerge(w, r, h, *res, fault)
		return
	}
	var message string
	if fault != nil {
		message = fault.Message
	}
	if message == LockTimeout {
		message = lockTimeout(db, r.Header.Get("timeout"))
	}
	s.runLoad(r, res, message)
	if fault != nil && fault.PublishTimeout && res.status == "Success" {
		res.publishTimeout()
	}
	if fault != nil && fault.DropAfter {
		hangUp(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, res.json()) // the client may be gone; the load stands
}

func (res *loadResult) fail(err error) {
	res.status, res.message = "Fail", messageOf(err)
	if used, ok := errors.AsType[*errLabelUsed](err); ok {
		res.status, res.existing = "Label Already Exists", "FINISHED"
		if used.running {
			res.existing = "RUNNING"
		}
	}
}

func (res *loadResult) publishTimeout() {
	res.status = "Publish Timeout"
	res.message = "Publish timeout. The data will be visible after a while"
}

// runLoad is a load from begin to commit; whatever fails after begin rolls it back. Of the
// headers only those that begin needs are read before it: what is wrong with the others
// costs a transaction.
func (s *Server) runLoad(r *http.Request, res *loadResult, inject string) {
	h := s.knownHeaders(r.Header)
	opts, tx, t, err := s.beginLoad(r, h, res, inject == ShuttingDown)
	if err != nil {
		res.fail(err)
		return
	}
	res.txnID = tx.id
	res.begin = time.Since(res.start)
	timer := time.AfterFunc(opts.timeout, func() { tx.abort(expiredReason) })
	defer timer.Stop()
	var l *loader
	if err = opts.parsePlan(h); err == nil {
		l, err = s.scan(r, t, opts, res)
	}
	if err == nil && inject != "" {
		err = ddlError("%s", inject)
	}
	if err == nil {
		err = s.checkVersions(t)
	}
	if l != nil {
		res.counts = l.counts
		if len(l.errors) > 0 && (err != nil || l.counts.filtered > 0) {
			res.errorURL = s.keepErrorLog(l.errors)
		}
		err = errors.Join(err, s.keepRejected(l, res))
		tx.account(l.counts, l.errors)
	}
	if err != nil {
		tx.abort(messageOf(err))
		res.fail(err)
		return
	}
	s.finishLoad(tx, t, l, opts, res)
}

func (s *Server) beginLoad(r *http.Request, h http.Header, res *loadResult, closing bool) (*loadOptions, *transaction, *table, error) {
	if _, _, ok := basicAuth(r); !ok {
		return nil, nil, nil, errNoLogin
	}
	opts, err := parseBeginOptions(h, s.cfg.LoadTimeout)
	switch {
	case err != nil:
		return nil, nil, nil, err
	case opts.json && !opts.ignoreJSONSize && r.ContentLength > maxJSONBody:
		return nil, nil, nil, errJSONTooLarge(r.ContentLength)
	case closing:
		return nil, nil, nil, ddlError("%s", ShuttingDown)
	}
	if opts.label == "" {
		opts.label = newUUID()
		res.label = opts.label
	}
	t, name, err := s.loadTarget(r, res.db, res.table)
	if err != nil {
		return nil, nil, nil, err
	}
	if opts.timeout < time.Second || opts.timeout > maxLoadTimeout {
		return nil, nil, nil, errLoadTimeout
	}
	tx := &transaction{id: s.txnID.Add(1), label: opts.label, table: t.name, user: name, kind: "STREAM_LOAD", timeout: opts.timeout}
	return opts, tx, t, t.db.labels.begin(tx, s.cfg.MaxRunningTxns)
}

func (s *Server) finishLoad(tx *transaction, t *table, l *loader, opts *loadOptions, res *loadResult) {
	started := time.Now()
	defer func() { res.done = time.Since(started) }()
	if err := s.commit(tx, t, l.delta, l.counts); err != nil {
		tx.abort(messageOf(err))
		res.fail(err)
		return
	}
	res.status, res.message = "Success", "OK"
	limit := time.NewTimer(opts.timeout - time.Since(res.start))
	defer limit.Stop()
	select {
	case <-tx.visible:
	case <-limit.C:
		res.publishTimeout()
	}
}

var errNoLogin = ddlError("no valid Basic authorization")

// loadTarget is the part of begin that the frontend does for the backend: user, table,
// privilege.
func (s *Server) loadTarget(r *http.Request, dbName, tbl string) (*table, string, error) {
	name, password, ok := basicAuth(r)
	if !ok {
		return nil, "", errNoLogin
	}
	if !s.checkPassword(name, password) {
		return nil, "", ddlError("Access denied for user '%s' (using password: %s)", name, map[bool]string{true: "YES", false: "NO"}[password != ""])
	}
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	db := s.catalog.databases[dbName]
	if db == nil {
		return nil, "", ddlError("unknown database, database=%s", dbName)
	}
	t := db.tables[tbl]
	if t == nil {
		return nil, "", ddlError(`unknown table "%s.%s"`, dbName, tbl)
	}
	if u := s.catalog.users[name]; u == nil || !u.hasOnTable("INSERT", t) {
		return nil, "", ddlError("Access denied; you need (at least one of) the INSERT privilege(s) for this operation")
	}
	return t, name, nil
}

// scan plans the load, reads the body and applies the quality gate.
func (s *Server) scan(r *http.Request, t *table, opts *loadOptions, res *loadResult) (*loader, error) {
	started := time.Now()
	plan, err := s.planLoad(t, opts)
	if err != nil {
		return nil, err
	}
	res.plan = time.Since(started)
	l := s.newLoader(plan)
	body := &countingReader{r: r.Body}
	err = l.load(body)
	l.counts.bytes = body.n
	res.read = time.Since(started)
	if body.err != nil {
		return l, ddlError("receive body don't equal with body bytes")
	}
	if err != nil {
		return l, err
	}
	return l, l.quality()
}

func (s *Server) newLoader(plan *loadPlan) *loader {
	return &loader{plan: plan, delta: &delta{rule: plan.update}, discard: s.discards(plan.table), builder: newRowBuilder(plan.table, plan.columns, plan.schema, s.cfg.MaxKeyBytes)}
}

// load reads all rows of a body, or of the bodies of a transaction one after another.
func (l *loader) load(body io.Reader) error {
	data := decompressed(l.plan.opts.compression, body)
	var err error
	switch {
	case l.onlyCounts():
		err = l.countRows(data)
	case l.plan.opts.json:
		err = l.loadJSON(data)
	default:
		err = l.loadCSV(data)
	}
	if l.discard {
		l.delta.dropped = l.counts.loaded
	}
	return err
}

// quality is the gate in front of the commit.
func (l *loader) quality() error {
	c := l.counts
	if considered := c.total - c.unselected; considered > 0 && float64(c.filtered)/float64(considered) > l.plan.opts.maxFilterRatio {
		return ddlError("too many filtered rows")
	}
	if c.loaded == 0 {
		return ddlError("No rows were imported from upstream. Possible causes: 1) all rows were filtered by load conditions, 2) the upstream produced no rows, 3) the input is empty")
	}
	return nil
}

// checkVersions refuses a load on a table that compaction has not kept up with.
func (s *Server) checkVersions(t *table) error {
	if n := t.store.versionCount(); n >= s.cfg.MaxVersions {
		return ddlError("Failed to load data into tablet %d, because of too many versions, current/limit: %d/%d. You can reduce the loading job concurrency, or increase loading data batch size. "+
			"If you are loading data with Routine Load, you can increase FE configs routine_load_task_consume_second and max_routine_load_batch_size.", t.id+1, n, s.cfg.MaxVersions)
	}
	return nil
}

// countingReader counts, and tells a broken connection from the end of the body.
type countingReader struct {
	r   io.Reader
	n   int64
	err error
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// json is the answer in the order and the indentation of a backend.
func (res *loadResult) json() string {
	var b strings.Builder
	b.WriteString("{")
	item := func(name, text string) {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n    \"%s\": %s", name, text)
	}
	number := func(name string, n int64) { item(name, fmt.Sprint(n)) }
	number("TxnId", res.txnID)
	item("Label", jsonText(res.label))
	if res.named {
		item("Db", jsonText(res.db))
		item("Table", jsonText(res.table))
	}
	item("Status", jsonText(res.status))
	if res.existing != "" {
		item("ExistingJobStatus", jsonText(res.existing))
	}
	item("Message", jsonText(res.message))
	number("NumberTotalRows", res.counts.total)
	number("NumberLoadedRows", res.counts.loaded)
	number("NumberFilteredRows", res.counts.filtered)
	number("NumberUnselectedRows", res.counts.unselected)
	number("LoadBytes", res.counts.bytes)
	number("LoadTimeMs", time.Since(res.start).Milliseconds())
	number("BeginTxnTimeMs", res.begin.Milliseconds())
	number("StreamLoadPlanTimeMs", res.plan.Milliseconds())
	number("ReadDataTimeMs", res.read.Milliseconds())
	number("WriteDataTimeMs", res.read.Milliseconds())
	number("CommitAndPublishTimeMs", res.done.Milliseconds())
	if res.errorURL != "" {
		item("ErrorURL", jsonText(res.errorURL))
	}
	if res.rejectedPath != "" {
		item("RejectedRecordPath", jsonText(res.rejectedPath))
	}
	b.WriteString("\n}")
	return b.String()
}

// errorLogs keeps what was wrong with the rows of recent loads.
type errorLogs struct {
	mu    sync.Mutex
	files map[string]string
	order []string
}

// maxErrorLogs bounds the memory of the logs.
const maxErrorLogs = 200

func (s *Server) keepErrorLog(lines []string) (url string) {
	id := strings.ReplaceAll(newUUID(), "-", "")
	name := "error_log_" + id[:16] + "_" + id[16:]
	s.errorLogs.mu.Lock()
	defer s.errorLogs.mu.Unlock()
	if s.errorLogs.files == nil {
		s.errorLogs.files = map[string]string{}
	}
	s.errorLogs.files[name] = strings.Join(lines, "\n") + "\n"
	s.errorLogs.order = append(s.errorLogs.order, name)
	if len(s.errorLogs.order) > maxErrorLogs {
		delete(s.errorLogs.files, s.errorLogs.order[0])
		s.errorLogs.order = s.errorLogs.order[1:]
	}
	return "http://" + s.BEHTTPAddr() + "/api/_load_error_log?file=" + name
}

func (s *Server) serveErrorLog(w http.ResponseWriter, r *http.Request) {
	s.errorLogs.mu.Lock()
	text, ok := s.errorLogs.files[r.URL.Query().Get("file")]
	s.errorLogs.mu.Unlock()
	if !ok {
		http.Error(w, "Not Found", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, text) // the client may be gone
}
