package ferry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// The simulated source: a server whose transactions are logged first, become visible
// to SELECT later, not in the order of the log, and count as executed later still.
// Row locks hold until a transaction is visible, as in the real server.

type simRow map[string]string // column → value; a column that is not there is NULL

type simChange struct {
	seq    int // counts changes; the column v of the row holds it
	table  *simTable
	schema *change.Table
	from   string // the key before the change, key the one after it
	key    string
	before simRow // nil for an insert
	after  simRow // nil for a delete
}

type simTxn struct {
	number           int
	at               time.Time
	changes          []simChange
	visible, counted bool
}

type simEntry struct {
	end   uint64 // offset behind the entry
	txn   *simTxn
	ddl   *simTable
	after *change.Table
	kind  change.Kind // of ddl
	seq   int         // of a change without row events
	among bool        // its statement did something else last, so that it names no place to begin at
	at    time.Time
}

type simTable struct {
	name    change.Name
	schema  *change.Table
	visible map[string]simRow // what SELECT sees
	logged  map[string]simRow // what it will see when everything logged is visible
	locked  map[string]bool
	// truncated is the last TRUNCATE that was delivered, by its number.
	truncated int
	dropped   bool
	away      bool // dropped, for a while
}

type simBarrier int

const (
	simGTID simBarrier = iota
	simSnapshot
	simWindow
)

const simWindowLength = 700 * time.Millisecond

type simSource struct {
	rng      *rand.Rand
	now      time.Time
	barrier  simBarrier
	log      []simEntry
	txns     []*simTxn
	shown    int // so many are old enough to be visible
	tables   []*simTable
	offset   uint64
	seq      int
	quiet    bool              // no new changes
	steady   bool              // no schema changes, and no others that a check may find on its way
	rowless  bool              // rows change without row events
	unlogged map[int]bool      // those changes
	poison   bool              // some rows are such that the target refuses them
	hidden   bool              // some schema changes cannot be read in the log
	changed  func(change.Name) // is told of rows that change without row events
	server   string
	fails    bool       // another server takes its place now and then
	drops    bool       // tables are dropped
	names    *rand.Rand // tables are renamed
	together *rand.Rand // transactions travel as one
	reader   *simStream // the last one that was opened: no other gets anything
	// merged are the targets of tables that others go into too.
	merged map[change.Name]change.Name

	// what the tests break
	noBarrier, markByCounted, overPlaces bool
}

func newSimSource(rng *rand.Rand, databases, tables int, poison bool) *simSource {
	s := &simSource{rng: rng, poison: poison, now: time.Unix(1_700_000_000, 0), offset: 4, server: "server-1", barrier: simBarrier(rng.IntN(3))}
	for i := range tables {
		name := change.Name{Database: []string{"shop", "depot"}[i%databases], Table: "t" + strconv.Itoa(i)}
		t := &simTable{
			name: name, visible: map[string]simRow{}, logged: map[string]simRow{}, locked: map[string]bool{},
			schema: &change.Table{Name: name, Version: 1, Key: []int{0}, Columns: []change.Column{
				{Name: "id", Type: change.Type{Base: change.VarChar, Length: 10}},
				{Name: "v", Type: change.Type{Base: change.BigInt}},
				{Name: "a", Type: change.Type{Base: change.Int}, Nullable: true},
			}},
		}
		s.tables = append(s.tables, t)
	}
	for range rng.IntN(60) {
		s.commit()
	}
	for _, txn := range s.txns {
		s.show(txn)
		txn.counted = true
	}
	return s
}

// step lets something happen at the source.
func (s *simSource) step() {
	switch n := s.rng.IntN(100); {
	case n < 45 && !s.quiet:
		s.commit()
	case n < 47 && !s.quiet && !s.steady:
		s.alter()
	case n < 48 && !s.quiet && s.rowless:
		s.rowLess()
	case n < 49 && !s.quiet && s.drops:
		s.drop()
	case n < 75:
		s.showOne()
	default:
		s.countOne()
	}
}

// passTime moves the clock; nothing stays invisible for a whole window.
func (s *simSource) passTime(d time.Duration) {
	s.now = s.now.Add(d)
	for ; s.shown < len(s.txns) && s.now.Sub(s.txns[s.shown].at) > simWindowLength*9/10; s.shown++ {
		s.show(s.txns[s.shown])
	}
}

func (s *simSource) commit() {
	txn := &simTxn{number: len(s.txns) + 1, at: s.now}
	for range 1 + s.rng.IntN(5) {
		t := s.tables[s.rng.IntN(len(s.tables))]
		key := fmt.Sprintf("k%02d", s.rng.IntN(25))
		if t.dropped || t.locked[key] && !s.lockedBy(txn, t, key) {
			continue
		}
		txn.changes = append(txn.changes, s.change(t, key))
	}
	if len(txn.changes) == 0 {
		return
	}
	s.txns = append(s.txns, txn)
	s.offset += uint64(10 + s.rng.IntN(90))
	s.log = append(s.log, simEntry{end: s.offset, txn: txn, at: s.now})
}

func (s *simSource) lockedBy(txn *simTxn, t *simTable, key string) bool {
	return slices.ContainsFunc(txn.changes, func(c simChange) bool { return c.table == t && (c.key == key || c.from == key) })
}

// change inserts, updates or deletes the row of key, or moves it to another key.
func (s *simSource) change(t *simTable, key string) simChange {
	s.seq++
	c := simChange{seq: s.seq, table: t, schema: t.schema, from: key, key: key, before: t.logged[key]}
	free := fmt.Sprintf("k%02d", s.rng.IntN(25))
	switch {
	case c.before != nil && s.rng.IntN(3) == 0: // deleted
	case c.before != nil && s.rng.IntN(4) == 0 && t.logged[free] == nil && !t.locked[free]:
		c.key = free
		c.after = s.randomRow(t)
	default:
		c.after = s.randomRow(t)
	}
	t.locked[c.from], t.locked[c.key] = true, true
	delete(t.logged, c.from)
	if c.after != nil {
		c.after["id"], c.after["v"] = c.key, strconv.Itoa(s.seq)
		t.logged[c.key] = c.after
	}
	return c
}

func (s *simSource) randomRow(t *simTable) simRow {
	row := simRow{}
	for _, c := range t.schema.Columns[2:] {
		if s.rng.IntN(3) > 0 {
			row[c.Name] = strconv.Itoa(s.rng.IntN(100))
		}
		if s.rng.IntN(12) == 0 {
			row[c.Name] = simWide
		}
		if s.poison && s.rng.IntN(60) == 0 {
			row[c.Name] = []string{simBad, simTorn}[s.rng.IntN(2)]
		}
	}
	return row
}

// show makes a transaction visible and releases its locks.
func (s *simSource) show(txn *simTxn) {
	if txn.visible {
		return
	}
	txn.visible = true
	for _, c := range txn.changes {
		delete(c.table.locked, c.from)
		delete(c.table.locked, c.key)
		delete(c.table.visible, c.from)
		if c.after != nil {
			c.table.visible[c.key] = c.after
		}
	}
}

func (s *simSource) showOne() {
	if hidden := s.which(func(t *simTxn) bool { return !t.visible }); hidden != nil {
		s.show(hidden)
	}
}

func (s *simSource) countOne() {
	if txn := s.which(func(t *simTxn) bool { return t.visible && !t.counted }); txn != nil {
		txn.counted = true
	}
}

// which picks one of the transactions that match, any of them.
func (s *simSource) which(match func(*simTxn) bool) *simTxn {
	var found []*simTxn
	for _, txn := range s.txns[max(0, len(s.txns)-40):] {
		if match(txn) {
			found = append(found, txn)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return found[s.rng.IntN(len(found))]
}

// alter adds, drops or renames a nullable column. It waits for every transaction on
// the table, as a metadata lock does.
func (s *simSource) alter() {
	t := s.tables[s.rng.IntN(len(s.tables))]
	if len(t.locked) > 0 || t.dropped {
		return
	}
	next := *t.schema
	next.Version++
	next.Columns = slices.Clone(t.schema.Columns)
	name := string(rune('a' + s.rng.IntN(4)))
	nullable := change.Column{Name: name, Type: change.Type{Base: change.Int}, Nullable: true}
	switch at := t.schema.Index(name); {
	case at < 0 && s.rng.IntN(4) == 0 && len(next.Columns) > 2: // rename the last column
		old := next.Columns[len(next.Columns)-1].Name
		next.Columns[len(next.Columns)-1].Name = name
		t.eachRow(func(row simRow) {
			if value, ok := row[old]; ok {
				row[name] = value
				delete(row, old)
			}
		})
	case at < 0:
		next.Columns = slices.Insert(next.Columns, 2+s.rng.IntN(len(next.Columns)-1), nullable)
	default:
		next.Columns = slices.Delete(next.Columns, at, at+1)
		t.eachRow(func(row simRow) { delete(row, name) })
	}
	t.schema = &next
	s.offset += 50
	kind := change.Altered
	if s.hidden && t != s.tables[0] && s.rng.IntN(2) == 0 {
		kind = change.Unreadable
	}
	s.log = append(s.log, simEntry{end: s.offset, ddl: t, after: &next, kind: kind, among: next.Version%3 == 0, at: s.now})
}

// drop drops a table, not the last one. It stays what it was for whoever reads the log.
func (s *simSource) drop() {
	t := s.tables[s.rng.IntN(len(s.tables))]
	if left := slices.DeleteFunc(slices.Clone(s.tables), func(t *simTable) bool { return t.dropped }); len(left) < 2 || len(t.locked) > 0 || s.rng.IntN(3) > 0 {
		return
	}
	t.dropped = true
	s.offset += 30
	s.log = append(s.log, simEntry{end: s.offset, ddl: t, after: t.schema, kind: change.Dropped, at: s.now})
}

// rowLess empties a table, or takes rows out of it and brings others, and logs only
// that it did.
func (s *simSource) rowLess() {
	t := s.tables[s.rng.IntN(len(s.tables))]
	if len(t.locked) > 0 || t.dropped || s.rng.IntN(3) > 0 {
		return
	}
	s.seq++
	s.changed(t.name)
	kind := change.Truncated
	if s.rng.IntN(2) == 0 {
		kind = change.Rearranged
	}
	for key := range 25 {
		s.rowLessKey(t, fmt.Sprintf("k%02d", key), kind == change.Truncated)
	}
	s.offset += 40
	s.log = append(s.log, simEntry{end: s.offset, ddl: t, after: t.schema, kind: kind, seq: s.seq, at: s.now})
}

func (s *simSource) rowLessKey(t *simTable, key string, all bool) {
	switch {
	case all || s.rng.IntN(4) == 0:
		delete(t.logged, key)
		delete(t.visible, key)
	case s.rng.IntN(6) == 0:
		row := s.randomRow(t)
		row["id"], row["v"] = key, strconv.Itoa(s.seq)
		t.logged[key], t.visible[key] = row, row
		if s.unlogged == nil {
			s.unlogged = map[int]bool{}
		}
		s.unlogged[s.seq] = true
	}
}

// eachRow changes every row in place of a copy, since events hold the old ones.
func (t *simTable) eachRow(edit func(simRow)) {
	for key, row := range t.logged {
		row = cloneRow(row)
		edit(row)
		t.logged[key] = row
		t.visible[key] = row
	}
}

func cloneRow(row simRow) simRow {
	copied := simRow{}
	for k, v := range row {
		copied[k] = v
	}
	return copied
}

func (s *simSource) end() change.Position {
	return simPosition(s.server, s.offset)
}

// The servers have one log, in which a place is not where it is on another server.
const simServers = 2

func simPosition(server string, place uint64) change.Position {
	return change.Position{File: "log.000001", Offset: place + uint64(server[len(server)-1]-'1')<<32, Server: server}
}

func simPlace(p change.Position) uint64 { return p.Offset & (1<<32 - 1) }

// failOver has another server take the place of the one that is followed.
func (s *simSource) failOver() {
	if s.fails && s.rng.IntN(4) == 0 {
		s.server = "server-" + strconv.Itoa(1+s.rng.IntN(simServers))
	}
}

var errSimUnreadable = &diag.Problem{Code: "SF0002", Message: "a statement cannot be read"}

var errSimLost = &diag.Problem{Code: "SF0000", Class: diag.Transient, Message: "connection lost"}

// Start, End, Open and ReadPage are the port.

func (s *simSource) Start(context.Context) (change.Position, error) {
	p := s.end()
	if s.barrier == simGTID {
		// What is logged but not counted is delivered again: a stream by GTID begins
		// at the executed set.
		p = simPosition(s.server, 4)
		for _, e := range s.log {
			if e.txn != nil && !e.txn.counted {
				break
			}
			p = simPosition(s.server, e.end)
		}
	}
	return p, nil
}

func (s *simSource) End(context.Context) (change.Position, error) { return s.end(), nil }

func (s *simSource) Open(_ context.Context, from change.Position, follow Follow) (Stream, error) {
	if s.rng.IntN(10) == 0 {
		return nil, errSimLost
	}
	st := &simStream{source: s, schemas: map[change.Name]map[int]*change.Table{}, joining: map[change.Name]simJoin{}, gone: map[change.Name]bool{}, offset: simPlace(from), server: s.server}
	for _, t := range follow.Known {
		st.schemas[t.Name] = map[int]*change.Table{t.Version: t}
	}
	for _, t := range follow.Gone {
		st.gone[t.Name] = true
	}
	for _, name := range follow.Join {
		st.joining[name] = simJoin{s.offset + uint64(s.rng.IntN(2)*s.rng.IntN(1000)), s.table(name).schema}
	}
	for st.next < len(s.log) && s.log[st.next].end <= st.offset {
		st.next++
	}
	s.reader = st
	return st, nil
}

func (s *simSource) table(name change.Name) *simTable {
	return s.tables[slices.IndexFunc(s.tables, func(t *simTable) bool { return t.name == name })]
}

func (s *simSource) ReadPage(_ context.Context, request PageRequest) (Page, error) {
	if s.rng.IntN(15) == 0 {
		return Page{}, errSimLost
	}
	s.some()
	if request.Exact && s.rng.IntN(2) == 0 {
		return Page{}, ErrNoBarrier
	}
	s.waitForBarrier(request)
	if s.barrier != simSnapshot {
		s.some()
	}
	t := s.table(request.Table.Name)
	if t.dropped || t.schema.Version != request.Table.Version {
		return Page{High: s.end(), Server: s.server}, &SchemaError{errors.New("unknown column")}
	}
	rows := request.Into // as a source does: whoever still holds an earlier page sees it change
	rows.Reset(len(t.schema.Columns))
	keys, last := t.keysBetween(request)
	for _, key := range keys {
		appendSimRow(rows, t.schema, t.visible[key])
	}
	last = last && s.rng.IntN(2) == 0 // a source need not know it
	high := s.end()
	if s.barrier != simSnapshot {
		s.some()
		high = s.end()
	}
	if s.markByCounted {
		high.Offset = 4
		for _, e := range s.log {
			if e.txn == nil || e.txn.counted {
				high.Offset = e.end
			}
		}
	}
	return Page{Rows: rows, Last: last, High: high, Server: s.server}, nil
}

// keysBetween are the keys a page is to answer with, and whether there are none behind them.
func (t *simTable) keysBetween(request PageRequest) (keys []string, last bool) {
	if request.Keys != nil {
		for i := range request.Keys.Len() {
			if key := string(request.Keys.Cell(i, 0)); t.visible[key] != nil {
				keys = append(keys, key)
			}
		}
		return keys, false
	}
	for key := range t.visible {
		if (request.After == nil || key > string(request.After.Cell(0, 0))) && (request.Until == nil || key <= string(request.Until.Cell(0, 0))) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	n := min(len(keys), max(1, request.MaxBytes/(100+len(keys)%50)))
	return keys[:n], n == len(keys)
}

// Split answers with any key between the two.
func (s *simSource) Split(_ context.Context, table *change.Table, after, until *change.Rows) (*change.Rows, error) {
	if s.rng.IntN(10) == 0 {
		return nil, errSimLost
	}
	s.some()
	keys, _ := s.table(table.Name).keysBetween(PageRequest{After: after, Until: until, MaxBytes: 1 << 20})
	if len(keys) < 2 || s.rng.IntN(20) == 0 {
		return nil, nil
	}
	middle := change.NewRows(1)
	middle.AddString(keys[s.rng.IntN(len(keys)-1)])
	return middle, nil
}

func (s *simSource) Busy(context.Context) (string, error) {
	if s.rng.IntN(4) == 0 && !s.quiet {
		return "Threads_running is 99", nil
	}
	return "", nil
}

// some lets a few things happen in the middle of a call.
func (s *simSource) some() {
	for range s.rng.IntN(6) {
		s.step()
	}
}

func (s *simSource) waitForBarrier(request PageRequest) {
	if s.noBarrier {
		return
	}
	switch {
	case s.barrier == simGTID || request.Exact:
		for _, e := range s.log {
			if e.txn != nil && e.end <= simPlace(request.Delivered) {
				s.show(e.txn)
				e.txn.counted = true
			}
		}
	case s.barrier == simSnapshot:
		for _, txn := range s.txns {
			s.show(txn)
		}
	}
}

func appendSimRow(rows *change.Rows, schema *change.Table, row simRow) {
	for i := range schema.Columns {
		if value, ok := row[schema.Columns[i].Name]; ok {
			rows.AddString(value)
		} else {
			rows.AddNull()
		}
	}
}

// simJoin is where a table joins, and its schema there.
type simJoin struct {
	at     uint64
	schema *change.Table
}

// simStream delivers the log from an offset on.
type simStream struct {
	source  *simSource
	next    int // entry of the log
	change  int // change within its transaction
	ahead   int // changes of the next that were delivered before
	offset  uint64
	server  string
	joining map[change.Name]simJoin
	gone    map[change.Name]bool
	schemas map[change.Name]map[int]*change.Table // this stream's own pointers
	owes    bool                                  // a place to begin at, behind a change of a schema
	stale   bool                                  // something was delivered since the last resumable event
	begun   bool
}

func (st *simStream) Server() string { return st.server }
func (st *simStream) Close() error   { return nil }

func (st *simStream) Barrier() Barrier {
	if st.source.barrier == simWindow {
		return Barrier{Name: "window", Window: simWindowLength}
	}
	return Barrier{Name: "exact"}
}

// version gives this stream's pointer for a schema.
func (st *simStream) version(schema *change.Table) *change.Table {
	versions := st.schemas[schema.Name]
	if versions == nil {
		return nil // not joined yet
	}
	if versions[schema.Version] == nil {
		copied := *schema
		versions[schema.Version] = &copied
	}
	return versions[schema.Version]
}

func (st *simStream) Ready() <-chan struct{} { return always }

// Take hands over one event, so that anything may happen behind each. The simulation asks
// only while something is there, see idle.
func (st *simStream) Take() ([]change.Event, error) {
	event, err := st.take()
	if err != nil {
		return nil, err
	}
	return []change.Event{event}, nil
}

func (st *simStream) take() (change.Event, error) {
	s := st.source
	switch {
	case s.server != st.server:
		return change.Event{}, errSimLost
	case s.reader != st:
		return change.Event{}, errSimReplaced
	}
	if st.owes {
		st.owes = false
		return st.event(change.Event{Kind: change.Progress, Resumable: true}), nil
	}
	if st.change == 0 {
		for _, t := range s.tables {
			name := t.name
			join, ok := st.joining[name]
			if !ok || st.offset < join.at && (st.next < len(s.log) || !s.quiet) {
				continue
			}
			delete(st.joining, name)
			if t.dropped {
				return st.event(change.Event{Kind: change.Dropped, Table: &change.Table{Name: name}, Statement: "there was no such table"}), nil
			}
			st.schemas[name] = map[int]*change.Table{}
			return st.event(change.Event{Kind: change.Joined, Resumable: true, Table: st.version(join.schema)}), nil
		}
	}
	for st.next < len(s.log) {
		entry := &s.log[st.next]
		if entry.ddl != nil {
			st.next++
			st.offset = entry.end
			if st.schemas[entry.ddl.name] == nil {
				if join, ok := st.joining[entry.ddl.name]; ok && (entry.kind == change.Altered || entry.kind == change.Unreadable || entry.kind == change.Replaced) {
					st.joining[entry.ddl.name] = simJoin{join.at, entry.after}
				} else if !ok && entry.kind == change.Replaced {
					return st.named(entry), nil
				}
				return st.take() // it may join here
			}
			if entry.kind == change.Truncated {
				entry.ddl.truncated = entry.seq
			}
			if entry.kind == change.Dropped {
				delete(st.schemas, entry.ddl.name)
				st.gone[entry.ddl.name] = true
				return st.event(change.Event{Kind: entry.kind, Table: &change.Table{Name: entry.ddl.name}, Statement: "DROP TABLE"}), nil
			}
			if entry.kind == change.Unreadable {
				delete(st.schemas, entry.ddl.name)
				return st.event(change.Event{Kind: entry.kind, Table: &change.Table{Name: entry.ddl.name}, Cause: errSimUnreadable}), nil
			}
			e := change.Event{Kind: entry.kind, Table: st.version(entry.after)}
			if entry.kind == change.Altered || entry.kind == change.Replaced {
				e.Resumable = !entry.among
				st.owes = entry.among
			}
			return st.event(e), nil
		}
		if st.change < len(entry.txn.changes) {
			c := &entry.txn.changes[st.change]
			st.change++
			if schema := st.version(c.schema); schema != nil {
				e := c.event(schema)
				st.gather(&e)
				return st.event(e), nil
			}
			continue
		}
		st.next++
		st.change, st.ahead = st.ahead, 0
		st.offset = entry.end
		return st.event(change.Event{Kind: change.Commit, Resumable: s.rng.IntN(3) == 0, Time: entry.at}), nil
	}
	return st.event(change.Event{Kind: change.Progress, Resumable: true}), nil
}

// named has another table take a name that is not there; the first that has it joins.
func (st *simStream) named(entry *simEntry) change.Event {
	st.schemas[entry.ddl.name] = map[int]*change.Table{}
	kind := change.Joined
	if st.gone[entry.ddl.name] {
		kind = change.Replaced
	}
	return st.event(change.Event{Kind: kind, Resumable: true, Table: st.version(entry.after), Statement: "RENAME TABLE"})
}

func (st *simStream) event(e change.Event) change.Event {
	e.Position = simPosition(st.server, st.offset)
	if e.Resumable {
		e.Position.GTIDs = strconv.FormatUint(st.offset, 10)
	}
	st.stale, st.begun = !e.Resumable, true
	return e
}

// idle tells that there is nothing to deliver.
func (st *simStream) idle() bool {
	return st.source.reader == st && st.source.server == st.server && st.begun && !st.stale && len(st.joining) == 0 && st.next == len(st.source.log)
}

func (c *simChange) event(schema *change.Table) change.Event {
	rows := change.BorrowRows(len(schema.Columns))
	c.appendTo(rows, schema)
	return change.Event{Kind: c.kind(), Table: schema, Rows: rows}
}
