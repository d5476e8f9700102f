package ferry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// The weave: a copy is a list of pages that slip into the stream.
//
// Invariant: a page is emitted where every row in it is at least as new as what
// the stream has delivered of that row, and no row in it is newer than what the
// stream will deliver. Therefore
//
//  1. a page is registered between two source transactions, never inside one: the
//     delivered set D then holds whole transactions only, and from there on the
//     keys of the table that change are remembered (the one before and the one
//     after);
//  2. the read view is not older than D (the source's low barrier), and the high
//     mark, the end of the log as file and offset, is asked after the rows were
//     read;
//  3. when the stream has passed the high mark, the rows whose keys were touched are
//     dropped, since the stream has delivered them in a newer or equal version, and
//     the others go out as upserts.
//
// Rejected: replaying the log from before the snapshot without touched keys (rows go
// back in time, for as long as the copy took), and marks by GTID set (rows become
// visible before their GTID counts, so such a mark does not cover what was read).

// page is the page under way. There is at most one.
type page struct {
	table      *table
	request    PageRequest
	registered time.Time
	// touched holds the keys that changed since registration, exact bytes, while the
	// SELECT runs; once the rows are here only the page's own keys matter.
	touched      map[string]struct{}
	touchedBytes int

	rows   *change.Rows // nil until they are here
	index  map[string]int
	gone   []bool // rows that the stream has delivered
	high   change.Position
	failed error // a schema error: final if the stream reaches high without a DDL
	bytes  int
}

// pageWait is why no page is registered, and until when.
type pageWait struct {
	until   time.Time
	tries   int
	servers int // pages in a row that came from another server than the stream
	shrink  int // halvings of the page size after too many touched keys
	reason  string
}

// registerPage asks for the next page of the first table whose copy is not done.
func (l *loop) registerPage() {
	if l.page != nil || l.stream == nil || l.held != nil || l.stopping || l.now.Before(l.pageWait.until) || l.bytes > l.cfg.Memory/2 {
		return
	}
	if !l.atResume && !l.sabotage.registerInsideTransaction {
		return
	}
	for _, t := range l.order {
		if t.schema == nil || t.copy.Done {
			continue
		}
		wait := t.recent.wait(l.now)
		if wait > 0 && t.recent.noLock {
			l.waitForPage(wait, fmt.Sprintf("the source has no GTIDs: the copy of %s waits %s so that no commit older than that can still be invisible (a moment of LOCK TABLES … READ would do instead, and is not to be had)", t.route.Source, wait.Round(time.Second)))
			return
		}
		l.requestPage(t, wait > 0)
		return
	}
}

func (l *loop) requestPage(t *table, exact bool) {
	p := &page{
		table: t, registered: l.now,
		request: PageRequest{
			Table: t.schema, After: t.copy.After, Delivered: l.resume.position,
			Exact: exact, MaxBytes: max(l.cfg.PageBytes>>l.pageWait.shrink, 1),
		},
		touched: t.recent.keys(l.now),
	}
	l.page = p
	l.pageWait.reason = ""
	l.begin(func(ctx context.Context) func() {
		answer, err := l.cfg.Source.ReadPage(ctx, p.request)
		return func() { l.pageArrived(p, answer, err) }
	})
}

func (l *loop) waitForPage(wait time.Duration, reason string) {
	if l.pageWait.reason != reason {
		l.notify(Info, change.Name{}, reason)
	}
	l.pageWait.reason = reason
	l.pageWait.until = l.now.Add(wait)
}

// touch remembers that a row of t changed.
func (l *loop) touch(t *table, rows *change.Rows, row int) {
	p := l.page
	mine := p != nil && p.table == t && !l.sabotage.forgetTouched
	if t.copy.Done || (!mine && t.recent.window == 0) {
		return
	}
	key := rows.AppendKey(nil, row, t.schema.Key)
	t.recent.add(l.now, key)
	switch {
	case !mine:
	case p.rows != nil:
		if i, ok := p.index[string(key)]; ok {
			p.gone[i] = true
		}
	default:
		p.touched[string(key)] = struct{}{}
		p.touchedBytes += len(key) + 64
	}
}

// pageArrived takes the answer to a page request, unless the page was dropped
// meanwhile.
func (l *loop) pageArrived(p *page, answer Page, err error) {
	if l.page != p {
		return
	}
	var schema *SchemaError
	switch {
	case errors.As(err, &schema):
		p.failed, p.high, p.rows = err, answer.High, change.NewRows(len(p.request.Table.Columns))
		return
	case errors.Is(err, ErrNoBarrier):
		l.dropPage()
		p.table.recent.noLock = true
		return
	case err != nil && diag.IsTransient(err):
		l.dropPage()
		l.pageWait.tries++
		l.waitForPage(backOff(l.pageWait.tries), fmt.Sprintf("copy of %s: %v", p.table.route.Source, err))
		return
	case err != nil:
		l.fail(err)
		return
	}
	if answer.Server != l.stream.Server() {
		l.otherServer(p, answer.Server)
		return
	}
	if p.touchedBytes > l.cfg.Memory/4 && answer.Rows.Len() > 1 {
		l.pageWait.shrink++
		l.dropPage()
		l.notify(Info, p.table.route.Source, "too many rows changed while a page was read: reading smaller pages")
		return
	}
	l.pageWait.tries, l.pageWait.servers = 0, 0
	if p.request.Exact && !p.table.recent.since.After(p.registered) {
		// Everything delivered by then was visible: as good as a whole window.
		p.table.recent.since = p.registered.Add(-p.table.recent.window)
	}
	p.accept(answer)
	p.bytes = answer.Rows.Bytes()
	l.bytes += p.bytes
}

// accept keeps the rows and marks those that were touched while they were read.
func (p *page) accept(answer Page) {
	p.rows, p.high = answer.Rows, answer.High
	p.index = make(map[string]int, p.rows.Len())
	p.gone = make([]bool, p.rows.Len())
	var key []byte
	for i := range p.rows.Len() {
		key = p.rows.AppendKey(key[:0], i, p.request.Table.Key)
		p.index[string(key)] = i
		_, p.gone[i] = p.touched[string(key)]
	}
	p.touched = nil
}

func (l *loop) otherServer(p *page, server string) {
	l.dropPage()
	l.pageWait.servers++
	if l.pageWait.servers < 3 {
		l.waitForPage(time.Second, fmt.Sprintf("copy of %s: the page came from another server than the stream", p.table.route.Source))
		return
	}
	l.fail(&diag.Problem{
		Code:    codeTwoServers,
		Message: fmt.Sprintf("two servers behind one address: the binlog comes from %s, SELECTs are answered by %s", l.stream.Server(), server),
		Fix:     "give the address of one server, not of a proxy or a round-robin name: a copy must be read from the server that the binlog comes from.",
	})
}

// emitPage sends the page on its way when the stream has passed its high mark.
func (l *loop) emitPage() {
	p := l.page
	if p == nil || p.rows == nil || l.inTransaction || l.held != nil || l.stopping || l.position.File == "" || !l.position.Reached(p.high) {
		return
	}
	if p.failed != nil {
		l.fail(&diag.Problem{
			Code:    codeChangedOutsideLog,
			Message: fmt.Sprintf("table %s does not look as its binlog says", p.table.route.Source),
			Cause:   p.failed,
			Fix:     "the table was changed with sql_log_bin=0 or on another server: make both alike, or DROP the target table and start with a new --data-dir.",
		})
		return
	}
	t := p.table
	if p.rows.Len() == 0 {
		l.copyDone(t)
		return
	}
	if !l.evolve(t, p.request.Table) {
		return
	}
	for i := range p.rows.Len() {
		if !p.gone[i] {
			l.add(t, Upsert, p.rows, i)
			l.counts.Copied++
		}
	}
	t.copy.After = keyOf(p.rows, p.rows.Len()-1, p.request.Table.Key)
	t.copy.Rows += uint64(p.rows.Len())
	l.states = nil
	l.dropPage()
	l.refreshResume()
}

func (l *loop) copyDone(t *table) {
	t.copy.Done, t.copy.After = true, nil
	t.recent = recentKeys{}
	l.states = nil
	l.dropPage()
	l.refreshResume()
	l.pageWait.shrink = 0
	l.notify(Info, t.route.Source, fmt.Sprintf("copied: %d rows", t.copy.Rows))
}

// refreshResume lets a mark at the resume point know what was emitted there.
func (l *loop) refreshResume() {
	if l.atResume {
		l.resume.states = l.tableStates()
		l.markedAt = time.Time{}
	}
}

// keyOf copies the key cells of one row.
func keyOf(rows *change.Rows, row int, key []int) *change.Rows {
	k := change.NewRows(len(key))
	for _, column := range key {
		k.AddBytes(rows.Cell(row, column))
	}
	return k
}

// pageBytes is what the page under way holds in memory.
func (l *loop) pageBytes() int {
	if l.page == nil {
		return 0
	}
	return l.page.bytes
}

// dropPage forgets the page under way: done, or to be read again.
func (l *loop) dropPage() {
	l.bytes -= l.pageBytes()
	l.page = nil
}

// recentKeys are the keys of a table touched within the last window, for servers
// where a commit may be in the log for a while before it is visible and nothing can
// be asked about it. Counted by arrival.
type recentKeys struct {
	window time.Duration // 0: the server has a better barrier
	since  time.Time     // nothing before this moment is known
	touch  []touchedKey  // oldest first
	noLock bool          // an exact page was asked for in vain
}

type touchedKey struct {
	at  time.Time
	key string
}

// recentKeysMax bounds the memory of a hot table; beyond it the oldest are
// forgotten and the window begins anew behind them.
const recentKeysMax = 1 << 20

func (r *recentKeys) add(now time.Time, key []byte) {
	if r.window == 0 {
		return
	}
	r.expire(now)
	if len(r.touch) >= recentKeysMax {
		half := len(r.touch) / 2
		r.since = r.touch[half-1].at
		r.touch = append(r.touch[:0], r.touch[half:]...)
	}
	r.touch = append(r.touch, touchedKey{now, string(key)})
}

func (r *recentKeys) expire(now time.Time) {
	old := 0
	for old < len(r.touch) && now.Sub(r.touch[old].at) > r.window {
		old++
	}
	if old > len(r.touch)/2 {
		r.touch = append(r.touch[:0], r.touch[old:]...)
	}
}

// wait is how long until a whole window is known.
func (r *recentKeys) wait(now time.Time) time.Duration {
	if r.window == 0 {
		return 0
	}
	return r.window - now.Sub(r.since)
}

func (r *recentKeys) keys(now time.Time) map[string]struct{} {
	keys := make(map[string]struct{}, len(r.touch))
	for i := range r.touch {
		if now.Sub(r.touch[i].at) <= r.window {
			keys[r.touch[i].key] = struct{}{}
		}
	}
	return keys
}
