package mysql

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"starferry/internal/change"
	"starferry/internal/mysql/binlog"
	"starferry/internal/mysql/packets"
	"starferry/internal/testbed"
)

// onRoad is a reader that is given events by hand, in the middle of a log of x.t (id INT,
// v VARCHAR(10)), which is followed, and x.other, which is not.
func onRoad() *reader {
	source := &Source{server: ServerInfo{Flavor: MySQL, GTIDMode: "ON"}}
	dump := &dump{in: packets.NewReader(nil, 0)}
	name := change.Name{Database: "x", Table: "t"}
	table := &change.Table{Name: name, Version: 1, Key: []int{0},
		Columns: []change.Column{{Name: "id", Type: change.Type{Base: change.Int}}, {Name: "v", Type: change.Type{Base: change.VarChar, Length: 10, Charset: "latin1"}}}}
	r := &reader{source: source, dump: dump, queue: newQueue(1 << 20), maps: map[uint64]*mapped{}, executed: &gomysql.MysqlGTIDSet{}, told: time.Now().Add(time.Hour),
		at: change.Position{File: "binlog.1", Offset: 4}, tracker: &tracker{source: source, tables: map[change.Name]*tracked{}}}
	r.group.undo.most = 32 << 20
	r.tracker.tables[source.foldName(name)] = &tracked{name: name, table: table, state: following}
	return r
}

func mapOf(id byte, table string) *binlog.Event {
	body := append([]byte{id, 0, 0, 0, 0, 0, 1, 0, 1, 'x', 0, byte(len(table))}, table...)
	return &binlog.Event{Kind: binlog.KindTableMap, Size: 50, Body: append(body, 0, 2, 3, 15, 2, 10, 0, 3)}
}

func rowOf(id byte, kind binlog.Kind, images int) *binlog.Event {
	body := []byte{id, 0, 0, 0, 0, 0, 1, 0, 2, 0, 2, 0xff}
	for i := range images {
		body = append(body, 0, byte(i), 0, 0, 0, 3, 'a', 'b', 'c')
	}
	return &binlog.Event{Kind: kind, Size: 60, Body: body}
}

func gtidOf(number byte) *binlog.Event {
	body := append([]byte{1}, bytes.Repeat([]byte{7}, 16)...)
	return &binlog.Event{Kind: binlog.KindGTID, Size: 70, Body: append(body, number, 0, 0, 0, 0, 0, 0, 0)}
}

var beginEvent = &binlog.Event{Kind: binlog.KindQuery, Size: 40, Body: append([]byte{0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 'x', 0}, "BEGIN"...)}

func give(t testing.TB, r *reader, events ...*binlog.Event) {
	t.Helper()
	for _, e := range events {
		if err := r.handle(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

// drainQueue takes what was put, as text.
func drainQueue(t testing.TB, q *queue) (lines []string) {
	t.Helper()
	if err := q.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	takeAll(t, q, func(e *change.Event) {
		if e.Rows == nil {
			lines = append(lines, fmt.Sprintf("%d at %d", e.Kind, e.Position.Offset))
			return
		}
		lines = append(lines, fmt.Sprintf("%d at %d: %d rows", e.Kind, e.Position.Offset, e.Rows.Len()))
		e.Rows.Release()
	})
	return lines
}

// takeAll takes what was handed over.
func takeAll(t testing.TB, q *queue, each func(*change.Event)) {
	t.Helper()
	for {
		events, err := q.take()
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			return
		}
		for i := range events {
			each(&events[i])
		}
	}
}

func TestATransactionCostsNoAllocation(t *testing.T) {
	r := onRoad()
	number := byte(0)
	events := []*binlog.Event{nil, beginEvent, mapOf(1, "t"), rowOf(1, binlog.KindWriteRows, 1), mapOf(2, "other"), rowOf(2, binlog.KindWriteRows, 9), {Kind: binlog.KindXID, Size: 31}}
	gtids := make([]*binlog.Event, 200)
	for i := range gtids {
		gtids[i] = gtidOf(byte(i + 1))
	}
	allocations := testing.AllocsPerRun(150, func() {
		events[0] = gtids[number]
		number++
		give(t, r, events...)
		if err := r.queue.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		takeAll(t, r.queue, (*change.Event).ReleaseRows)
	})
	if allocations > 0 {
		t.Errorf("%v allocations per transaction", allocations)
	}
	if set := r.executed.String(); set != "07070707-0707-0707-0707-070707070707:1-151" {
		t.Error(set)
	}
}

// TestATransactionIsOfTheTimeOfItsCommit: its events have the times, in seconds, when their
// statements began, or what a session said with SET TIMESTAMP.
func TestATransactionIsOfTheTimeOfItsCommit(t *testing.T) {
	t.Parallel()
	r := onRoad()
	committed := time.UnixMicro(1_700_000_100_250_000)
	dated := func(e *binlog.Event, seconds uint32) *binlog.Event {
		e = &binlog.Event{Kind: e.Kind, Size: e.Size, Body: e.Body, Time: seconds}
		return e
	}
	gtid := gtidOf(1)
	gtid.Body = append(gtid.Body, 2) // the logical clock
	gtid.Body = append(gtid.Body, make([]byte, 16)...)
	gtid.Body = binary.LittleEndian.AppendUint64(gtid.Body, uint64(committed.UnixMicro()))[:len(gtid.Body)+7]
	xid := &binlog.Event{Kind: binlog.KindXID, Size: 31}
	give(t, r, dated(gtid, 1_700_000_100), dated(beginEvent, 1_700_000_050), dated(mapOf(1, "t"), 1_700_000_050), dated(rowOf(1, binlog.KindWriteRows, 1), 1_700_000_050), dated(xid, 1_700_000_100))
	var got []time.Time
	if err := r.queue.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	takeAll(t, r.queue, func(e *change.Event) { got = append(got, e.Time) })
	// One that does not say.
	give(t, r, dated(gtidOf(2), 1_700_000_200), dated(beginEvent, 1_700_000_200), dated(mapOf(1, "t"), 1_700_000_200), dated(rowOf(1, binlog.KindWriteRows, 1), 1_700_000_200), dated(xid, 1_700_000_201))
	if err := r.queue.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	takeAll(t, r.queue, func(e *change.Event) { got = append(got, e.Time) })
	want := []time.Time{committed, committed, time.Unix(1_700_000_200, 0), time.Unix(1_700_000_201, 0)}
	if !slices.EqualFunc(got, want, time.Time.Equal) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRowsOfOneTableTravelTogether(t *testing.T) {
	t.Parallel()
	r := onRoad()
	insert, remove := rowOf(1, binlog.KindWriteRows, 2), rowOf(1, binlog.KindDeleteRows, 1)
	savepoint := &binlog.Event{Kind: binlog.KindQuery, Size: 10, Body: append(slices.Clone(beginEvent.Body[:15]), "SAVEPOINT here"...)}
	commit := &binlog.Event{Kind: binlog.KindXID, Size: 31}
	give(t, r, gtidOf(1), beginEvent, mapOf(1, "t"), insert, insert, mapOf(2, "other"), rowOf(2, binlog.KindWriteRows, 5), mapOf(1, "t"), insert, remove, remove, insert, savepoint, insert, commit)
	give(t, r, gtidOf(2), beginEvent, mapOf(1, "t"), insert, commit)
	want := []string{"1 at 504: 6 rows", "3 at 624: 2 rows", "1 at 684: 2 rows", "1 at 1005: 4 rows", "4 at 1036"}
	if got := drainQueue(t, r.queue); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if r.group.undo.bytes != 0 || len(r.group.undo.events) != 0 {
		t.Error("something of the last group is kept")
	}
	// Not beyond a bound.
	give(t, r, gtidOf(3), beginEvent, mapOf(1, "t"))
	large := rowOf(1, binlog.KindWriteRows, 1000)
	for range 20 {
		give(t, r, large)
	}
	for _, line := range drainQueue(t, r.queue) {
		var kind, offset, rows int
		if _, err := fmt.Sscanf(line, "%d at %d: %d rows", &kind, &offset, &rows); err != nil || rows > 4000 {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestWhatIsTakenBackIsWhatWasHandedOn(t *testing.T) {
	t.Parallel()
	r := onRoad()
	insert := rowOf(1, binlog.KindWriteRows, 2)
	give(t, r, gtidOf(1), beginEvent, mapOf(1, "t"), insert, insert)
	var rows []*change.Rows
	for _, e := range r.group.undo.events {
		rows = append(rows, e.rows)
	}
	drainQueue(t, r.queue) // the taker gives its rows back
	if len(rows) != 1 || rows[0].Len() != 4 || row(rows[0], 3) != "1|abc" {
		t.Fatalf("%d", len(rows))
	}
	if other := change.BorrowRows(2); other == rows[0] {
		t.Error("rows that may have to be taken back were given up")
	}
	if back := opposite(r.group.undo.events[0]); back.Kind != change.Delete || row(back.Rows, 0) != "1|abc" {
		t.Error(back.Kind)
	}
	r.group.undo.grown(math.MaxInt / 2)
	if !r.group.undo.tooLarge || len(r.group.undo.events) != 0 {
		t.Error("more than the bound is kept")
	}
	give(t, r, insert, &binlog.Event{Kind: binlog.KindXID, Size: 31})
	if r.group.undo.tooLarge {
		t.Error("the next group begins as the last one ended")
	}
}

// TestTransactionsOfOneTableTravelTogether: but not over a place that a stream can begin at,
// nor over anything else that is told between two of them.
func TestTransactionsOfOneTableTravelTogether(t *testing.T) {
	t.Parallel()
	r := onRoad()
	number := byte(0)
	commit := &binlog.Event{Kind: binlog.KindXID, Size: 31}
	transaction := func(rows ...*binlog.Event) {
		number++
		give(t, r, append(append([]*binlog.Event{gtidOf(number), beginEvent, mapOf(1, "t")}, rows...), commit)...)
	}
	want := func(lines ...string) {
		t.Helper()
		if got := drainQueue(t, r.queue); !slices.Equal(got, lines) {
			t.Errorf("got  %q\nwant %q", got, lines)
		}
		if len(r.queue.filling.events) == 0 && r.queue.filling.bytes != 0 {
			t.Errorf("%d bytes are counted in an empty batch", r.queue.filling.bytes)
		}
	}
	insert, remove := rowOf(1, binlog.KindWriteRows, 1), rowOf(1, binlog.KindDeleteRows, 1)
	transaction(insert)
	transaction(insert, insert)
	transaction(remove)
	transaction(insert)
	want("1 at 535: 3 rows", "3 at 786: 1 rows", "1 at 1037: 1 rows", "4 at 1068")
	transaction(insert)
	r.told = time.Time{}.Add(-time.Hour) // a stream can begin behind the next
	transaction(insert)
	r.told = time.Now().Add(time.Hour)
	transaction(insert)
	want("1 at 1539: 2 rows", "4 at 1570", "1 at 1790: 1 rows", "4 at 1821")
	if r.queue.bytes != 0 {
		t.Errorf("%d bytes are counted in an empty queue", r.queue.bytes)
	}
	transaction(insert)
	if err := r.progress(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.told = time.Now().Add(time.Hour)
	transaction(insert)
	want("1 at 2041: 1 rows", "4 at 2072", "5 at 2072", "1 at 2292: 1 rows", "4 at 2323")
	// What was handed over stays as it was.
	transaction(insert)
	if err := r.queue.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	transaction(insert)
	want("1 at 2543: 1 rows", "4 at 2574", "1 at 2794: 1 rows", "4 at 2825")
}

// TestARollbackTakesBackItsOwnRows: not those of the transaction before, though they are in one
// event.
func TestARollbackTakesBackItsOwnRows(t *testing.T) {
	t.Parallel()
	r := onRoad()
	insert := rowOf(1, binlog.KindWriteRows, 2)
	give(t, r, gtidOf(1), beginEvent, mapOf(1, "t"), insert, &binlog.Event{Kind: binlog.KindXID, Size: 31})
	give(t, r, gtidOf(2), beginEvent, mapOf(1, "t"), insert, insert)
	undo := r.group.undo.events
	if len(undo) != 1 || undo[0].rows.Len() != 6 {
		t.Fatalf("%d events", len(undo))
	}
	if back := opposite(undo[0]); back.Rows.Len() != 4 || row(back.Rows, 0) != "1|abc" {
		t.Errorf("%d rows are taken back", back.Rows.Len())
	}
	if got, want := r.group.undo.bytes, eventCost+undo[0].rows.Bytes()*2/3; got < want-16 || got > want+16 {
		t.Errorf("%d bytes are kept, want about %d", got, want)
	}
}

// TestManyStatementsOfOneTransaction: what a server writes as many events arrives in few,
// in its order.
func TestManyStatementsOfOneTransaction(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		server.Exec(t, "CREATE TABLE "+db+".t (id INT PRIMARY KEY, v INT)")
		s := connect(t, server)
		stream := open(t, s, start(t, s), nil, change.Name{Database: db, Table: "t"})
		for next(t, stream).Kind != change.Joined {
		}
		statements := []string{"BEGIN"}
		var want []string
		for i := range 300 {
			statements = append(statements, fmt.Sprintf("INSERT INTO %s.t VALUES (%d, 0)", db, i))
			want = append(want, fmt.Sprintf("insert t %d|0", i))
		}
		server.Exec(t, append(statements, "UPDATE "+db+".t SET v = 1 WHERE id = 7", "COMMIT")...)
		events := slices.DeleteFunc(until(t, s, stream), func(e change.Event) bool { return e.Kind == change.Progress })
		compare(t, script(events), append(want, "update t 7|0 to 7|1", "commit"))
		if len(events) > 10 {
			t.Errorf("%d events", len(events))
		}
	})
}
