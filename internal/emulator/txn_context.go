package emulator

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// txnContext is what a backend knows of an open transaction, or of one table of a
// multi-table transaction. Invariant: one request at a time works on it, and that one
// holds busy; only a rollback may come in between, and it takes nothing but mu.
type txnContext struct {
	label, db, table string
	target           *table
	tx               *transaction
	multi            bool // one table of a multi-table transaction; then only the id of tx counts
	timeout, idle    time.Duration
	begun            time.Time

	busy     sync.Mutex
	timedOut atomic.Bool

	mu     sync.Mutex
	failed *txnError // why it is over
	rows   *txnRows  // nil before the first load
	active time.Time

	// The rest belongs to the holder of busy.
	request     string // the headers of the first load
	announced   int64  // bytes by Content-Length, of all loads
	received    int64
	allReceived int64
	counts      loadCounts
	errorURL    string

	beginTook, planTook, receiveTook, allReceiveTook, commitTook time.Duration
}

// txnContexts are the open transactions of the backend. A restart of the backend forgets
// them; the frontend learns nothing of it.
type txnContexts struct {
	mu      sync.Mutex
	byLabel map[string]*txnContext
	order   []string
}

// channelKey is the key of one table of a multi-table transaction.
func channelKey(label, table string) string { return label + "\x00" + table }

func (x *txnContexts) get(key string) *txnContext {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.byLabel[key]
}

func (x *txnContexts) put(key string, c *txnContext) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.byLabel == nil {
		x.byLabel = map[string]*txnContext{}
	}
	x.byLabel[key] = c
	x.order = append(x.order, key)
}

func (x *txnContexts) remove(key string, c *txnContext) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.byLabel[key] != c {
		return
	}
	delete(x.byLabel, key)
	for i, k := range x.order {
		if k == key {
			x.order = append(x.order[:i:i], x.order[i+1:]...)
			return
		}
	}
}

// list is every context, oldest first.
func (x *txnContexts) list() []*txnContext {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := make([]*txnContext, len(x.order))
	for i, k := range x.order {
		out[i] = x.byLabel[k]
	}
	return out
}

// forget drops every context and stops what reads for it.
func (x *txnContexts) forget(reason string) {
	x.mu.Lock()
	all := x.byLabel
	x.byLabel, x.order = nil, nil
	x.mu.Unlock()
	for _, c := range all {
		c.end(txnFail(statusAborted, "%s", reason))
	}
}

// tryLock is the turn of a request.
func (c *txnContext) tryLock() *txnError {
	switch {
	case c.busy.TryLock():
		return nil
	case c.timedOut.Load():
		return txnFail(statusAborted, "The load is timeout, and will be aborted")
	}
	return txnFail(statusBusy, "Transaction is in processing")
}

func (c *txnContext) failure() *txnError {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

// end marks the context as over, unless it was, and stops its reader.
func (c *txnContext) end(why *txnError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed == nil {
		c.failed = why
	}
	if c.rows != nil {
		_ = c.rows.pipe.CloseWithError(c.failed) // always nil
	}
}

// reads gives the context its reader, unless it has ended meanwhile.
func (c *txnContext) reads(rows *txnRows, timeout time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		_ = rows.pipe.CloseWithError(c.failed) // always nil
		return c.failed
	}
	c.rows = rows
	if c.timeout == 0 {
		c.timeout = timeout
	}
	return nil
}

func (c *txnContext) touch(now time.Time) {
	c.mu.Lock()
	c.active = now
	c.mu.Unlock()
}

// late says why the backend gives a transaction up at the given moment.
func (c *txnContext) late(now time.Time) *txnError {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.timeout > 0 && now.Sub(c.begun) > c.timeout:
		return txnFail(statusAborted, "transaction is aborted by timeout %d seconds.", int64(c.timeout/time.Second))
	case c.idle > 0 && now.Sub(c.active) > c.idle+txnTick:
		return txnFail(statusAborted, "transaction is aborted by idle timeout %d seconds.", int64(c.idle/time.Second))
	}
	return nil
}

// txnRows reads the bodies of a transaction, one after another, as one stream. It begins
// with the first load, so the schema is the one of that moment.
type txnRows struct {
	l    *loader
	pipe *io.PipeWriter
	done chan struct{}
	err  error // after done
}

func (s *Server) readTxnRows(t *table, opts *loadOptions) (*txnRows, error) {
	plan, err := s.planLoad(t, opts)
	if err != nil {
		return nil, err
	}
	in, out := io.Pipe()
	rows := &txnRows{l: s.newLoader(plan), pipe: out, done: make(chan struct{})}
	s.background.Go(func() {
		defer close(rows.done)
		rows.err = rows.l.load(in)
		// A bad row ends the reading and shows at prepare or commit; until then loads go on.
		if _, err := io.Copy(io.Discard, in); rows.err == nil {
			rows.err = err
		}
	})
	return rows, nil
}

// finish ends the stream and applies the gates in front of a commit.
func (s *Server) finishTxnRows(c *txnContext) error {
	c.mu.Lock()
	rows := c.rows
	c.mu.Unlock()
	_ = rows.pipe.Close() // always nil
	<-rows.done
	c.counts = rows.l.counts
	c.counts.bytes = c.allReceived
	err := rows.err
	if err == nil {
		err = rows.l.quality()
	}
	if err == nil {
		err = s.checkVersions(c.target)
	}
	if !c.multi {
		c.tx.account(c.counts, rows.l.errors)
	}
	if len(rows.l.errors) > 0 && (err != nil || c.counts.filtered > 0) {
		c.errorURL = s.keepErrorLog(rows.l.errors)
	}
	return err
}

// sameInEveryLoad are the headers that a backend compares between the loads of a
// transaction. max_filter_ratio is none of them: that of the first load counts.
var sameInEveryLoad = strings.Fields("columns where column_separator row_delimiter partitions temporary_partitions negative strict_mode timezone load_mem_limit " +
	"jsonpaths json_root strip_outer_array partial_update merge_condition partial_update_mode transmission_compression_type load_dop compression content-encoding")

// ignoredInTxn are headers of a plain load that a transaction never looks at: its own
// come from begin, and CSV is split without quoting.
var ignoredInTxn = strings.Fields("label timeout transaction_type source_type enable_merge_commit merge_commit_interval_ms merge_commit_parallel merge_commit_async log_rejected_record_num")

// quotingHeaders are read by the frontend for a multi-table transaction, and by nobody
// for any other.
var quotingHeaders = strings.Fields("skip_header trim_space enclose escape")

func (s *Server) txnLoadOptions(h http.Header, multi bool) (o *loadOptions, fingerprint string, err error) {
	h = s.knownHeaders(h).Clone()
	for _, name := range ignoredInTxn {
		h.Del(name)
	}
	if !multi {
		for _, name := range quotingHeaders {
			h.Del(name)
		}
	}
	// Here anything but true is false; a plain load refuses it.
	if h.Get("partial_update") != "true" {
		h.Del("partial_update")
	}
	format := strings.ToLower(h.Get("format"))
	if format == "csv" {
		format = ""
	}
	print := []string{format}
	for _, name := range sameInEveryLoad {
		print = append(print, h.Get(name))
	}
	o, err = parseLoadOptions(h, s.cfg.LoadTimeout)
	return o, strings.Join(print, "\x00"), err
}
