package ferry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"starferry/internal/change"
	"starferry/internal/crashpoint"
	"starferry/internal/diag"
)

// page is one page in flight: being read, or here and waiting for the stream to pass
// its high mark, or (of a check) being compared.
type page struct {
	pass       *pass
	span       *span // nil: a page of given keys
	request    PageRequest
	registered time.Time
	dropped    bool
	arrived    bool // nobody reads into its memory any more

	rows   *change.Rows // nil until they are here
	high   change.Position
	last   bool  // nothing is left of the span behind it
	failed error // a schema error: final if the stream reaches high without a DDL
	bytes  int
	// gone tells which keys the stream has delivered since: those of the rows, or the
	// given ones. index is made when the first key is looked for.
	gone  []bool
	index map[string]int

	doubts     []doubt     // what a page of keys in doubt is to answer, in the order of its keys
	comparison *comparison // nil until the page of a check has come that far
}

func (p *page) here() bool { return p.rows != nil }

// keys are the keys the page is about, and which of rows' columns they are in.
func (p *page) keys() (*change.Rows, []int) {
	if p.request.Keys != nil {
		return p.request.Keys, identityColumns(p.request.Keys.Width())
	}
	return p.rows, p.request.Table.Key
}

func identityColumns(n int) []int {
	columns := make([]int, n)
	for i := range columns {
		columns[i] = i
	}
	return columns
}

// requestPage asks for a page. It stands between two source transactions.
func (l *loop) requestPage(p *page, exact bool) {
	t := p.pass.table
	p.registered = l.now
	p.request.Table, p.request.Delivered, p.request.Exact = t.schema, l.resume.position, exact
	if p.request.MaxBytes == 0 {
		p.request.MaxBytes = max(l.pageSize(p.pass)>>p.pass.shrink, 1)
	}
	if p.span != nil {
		p.request.After, p.request.Until = p.span.read, p.span.until
		p.span.pages++
		p.span.reading = true
	}
	p.pass.wait.reason = ""
	l.describeAhead(t)
	p.request.Into = l.takeSpare()
	l.pages = append(l.pages, p)
	t.pages = append(t.pages, p)
	l.begin(func(ctx context.Context) func() {
		answer, err := l.cfg.Pages.ReadPage(ctx, p.request)
		crashpoint.Here("page-read")
		return func() { l.pageArrived(p, answer, err) }
	})
	crashpoint.Here("page-registered")
}

// pageArrived takes the answer to a page request, unless the page was dropped
// meanwhile.
func (l *loop) pageArrived(p *page, answer Page, err error) {
	p.arrived = true
	if p.dropped {
		l.keepSpare(p.request.Into)
		return
	}
	pass, t := p.pass, p.pass.table
	var schema *SchemaError
	switch {
	case errors.As(err, &schema):
		p.failed, p.high, p.rows = err, answer.High, change.NewRows(len(p.request.Table.Columns))
		p.gone = make([]bool, p.count())
		return
	case errors.Is(err, ErrNoBarrier):
		l.dropPage(p)
		t.touched.noLock = true
		return
	case err != nil && diag.IsTransient(err):
		l.dropPage(p)
		pass.wait.tries++
		l.waitForPass(pass, backOff(pass.wait.tries), fmt.Sprintf("%s: %v", pass.what(), err))
		return
	case err != nil:
		l.dropPage(p)
		l.failTable(t, err)
		return
	}
	if answer.Server != l.stream.Server() {
		l.otherServer(p, answer.Server)
		return
	}
	pass.wait.tries, l.otherServers = 0, 0
	if p.request.Exact && !t.touched.since.After(p.registered) {
		// Everything delivered by then was visible: as good as a whole window.
		t.touched.since = p.registered.Add(-t.touched.window)
	}
	l.accept(p, answer)
	crashpoint.Here("page-arrived")
}

// accept keeps the rows and marks those that were touched while they were read.
func (l *loop) accept(p *page, answer Page) {
	t := p.pass.table
	p.rows, p.high = answer.Rows, answer.High
	p.bytes = p.rows.Bytes()
	l.bytes += p.bytes
	l.pace.nextPage = paced(l.now, l.pace.nextPage, p.bytes, l.cfg.PageBytesPerSecond)
	if p.pass.check != nil {
		p.pass.wait.until = paced(l.now, p.pass.wait.until, p.bytes, l.cfg.CheckBytesPerSecond)
	}
	p.gone = make([]bool, p.count())
	if len(t.touched.last) > 0 {
		from := p.registered.Add(-t.touched.window)
		keys, columns := p.keys()
		for i := range p.gone {
			l.key = keys.AppendKey(l.key[:0], i, columns)
			p.gone[i] = t.touched.has(l.key, from)
		}
	}
	t.forgetTouched(l.now)
	if p.span == nil {
		return
	}
	p.span.reading = false
	if p.rows.Len() == 0 {
		p.span.ended = true
		return
	}
	p.span.read = keyOf(p.rows, p.rows.Len()-1, p.request.Table.Key)
	if p.last = answer.Last && p.pass.check == nil; p.last { // a small table is read once
		p.span.ended, p.span.wantSplit = true, false
	}
	if p.span.wantSplit {
		l.splitSpan(p.pass, p.span)
	}
}

// count is the number of keys the page is about.
func (p *page) count() int {
	if p.request.Keys != nil {
		return p.request.Keys.Len()
	}
	return p.rows.Len()
}

// touch marks a key of a page that is here.
func (p *page) touch(key []byte) {
	if p.index == nil {
		keys, columns := p.keys()
		p.index = make(map[string]int, len(p.gone))
		var buffer []byte
		for i := range p.gone {
			buffer = keys.AppendKey(buffer[:0], i, columns)
			p.index[string(buffer)] = i
		}
	}
	if i, ok := p.index[string(key)]; ok {
		p.gone[i] = true
	}
}

// touch remembers that a row of t changed, for the pages in flight and, where the
// server has no better barrier, for those to come.
func (l *loop) touch(t *table, rows *change.Rows, row int) {
	if l.sabotage.forgetTouched || (len(t.pages) == 0 && (t.touched.window == 0 || !t.beingRead())) {
		return
	}
	l.key = rows.AppendKey(l.key[:0], row, t.schema.Key)
	reading := t.touched.window > 0
	for _, p := range t.pages {
		if p.here() {
			p.touch(l.key)
		} else {
			reading = true
		}
	}
	if !reading {
		return
	}
	t.touched.add(l.now, l.key)
	if t.touched.bytes > l.cfg.Memory/4 {
		l.tooManyTouched(t)
	}
}

// tooManyTouched gives up the pages that are being read: smaller ones take less time,
// in which fewer keys change.
func (l *loop) tooManyTouched(t *table) {
	given, kept := false, false
	for _, p := range slices.Clone(t.pages) {
		switch {
		case p.here() || p.dropped:
		case p.request.MaxBytes > 1:
			p.pass.shrink++
			l.dropPage(p)
			given = true
		default:
			kept = true // a single row is soon here, and what changed since counts for it
		}
	}
	if kept {
		return
	}
	t.touched.clear(l.now)
	if given {
		l.notify(Info, t.route.Source, "too many rows changed while a page was read: reading smaller pages")
	}
}

// beingRead tells whether pages of the table are still to come.
func (t *table) beingRead() bool { return !t.copy.Done || t.check != nil }

// forgetTouched lets go of the keys that no page asks for any more.
func (t *table) forgetTouched(now time.Time) {
	horizon := now
	for _, p := range t.pages {
		if !p.here() && p.registered.Before(horizon) {
			horizon = p.registered
		}
	}
	t.touched.forget(horizon.Add(-t.touched.window))
}

func (l *loop) otherServer(p *page, server string) {
	l.dropPage(p)
	l.otherServers++
	if l.otherServers < 3 {
		l.waitForPass(p.pass, time.Second, p.pass.what()+": the page came from another server than the stream")
		return
	}
	l.fail(&diag.Problem{
		Code:    codeTwoServers,
		Message: fmt.Sprintf("two servers behind one address: the binlog comes from %s, SELECTs are answered by %s", l.stream.Server(), server),
		Fix:     "give the address of one server, not of a proxy or a round-robin name: a copy must be read from the server that the binlog comes from.",
	})
}

// dropPage forgets a page that is to be read again, and those of its span behind it.
func (l *loop) dropPage(p *page) {
	for _, one := range slices.Clone(p.pass.table.pages) {
		if one == p || (p.span != nil && one.span == p.span) {
			l.removePage(one)
		}
	}
	if p.span != nil {
		p.span.rewind()
	}
	if p.pass.check != nil {
		p.pass.check.dropped(p)
	}
}

// dropPages forgets all pages of a table.
func (l *loop) dropPages(t *table) {
	for _, p := range slices.Clone(t.pages) {
		if !p.dropped {
			l.dropPage(p)
		}
	}
}

// removePage takes a page out of flight: done, or to be read again.
func (l *loop) removePage(p *page) {
	if p.dropped {
		return
	}
	is := func(one *page) bool { return one == p }
	t := p.pass.table
	p.dropped = true
	l.bytes -= p.bytes
	l.pages = slices.DeleteFunc(l.pages, is)
	t.pages = slices.DeleteFunc(t.pages, is)
	if p.span != nil {
		p.span.pages--
	}
	t.forgetTouched(l.now)
	if p.arrived {
		l.keepSpare(p.request.Into)
	}
}

// takeSpare is memory for the rows of a page: of one that is done, which the machine
// need not clear and map anew, or new.
func (l *loop) takeSpare() *change.Rows {
	if n := len(l.spare); n > 0 {
		rows := l.spare[n-1]
		l.spare = l.spare[:n-1]
		return rows
	}
	return &change.Rows{}
}

// keepSpare keeps memory for pages to come, no more than those in flight might hold in its
// place. What a page of very long rows left is let go.
func (l *loop) keepSpare(rows *change.Rows) {
	if len(l.passes) > 0 && len(l.pages)+len(l.spare) < l.cfg.Parallelism && rows.Capacity() <= 2*l.cfg.PageBytes {
		l.spare = append(l.spare, rows)
	}
}

// pageBytes is what the pages in flight hold in memory.
func (l *loop) pageBytes() (bytes int) {
	for _, p := range l.pages {
		bytes += p.bytes
	}
	return bytes
}

// keyOf copies the key cells of one row.
func keyOf(rows *change.Rows, row int, key []int) *change.Rows {
	k := change.NewRows(len(key))
	appendKeyOf(k, rows, row, key)
	return k
}

func appendKeyOf(keys, rows *change.Rows, row int, key []int) {
	for _, column := range key {
		keys.AddBytes(rows.Cell(row, column))
	}
}

// appendKeyCells appends the cells of a key as Rows.AppendKey wrote them.
func appendKeyCells(keys *change.Rows, key string) {
	for bytes := []byte(key); len(bytes) > 0; {
		n, size := binary.Uvarint(bytes)
		keys.AddBytes(bytes[size : size+int(n)])
		bytes = bytes[size+int(n):]
	}
}
