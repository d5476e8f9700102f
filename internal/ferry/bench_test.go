package ferry

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
)

// What a row and an event cost between the source's queue and the bytes of a load. The
// source hands out the same rows again and again and the target counts bytes and drops
// them, so that what is measured is the reader, the loop, and nothing else. Times are of
// the processor, all threads together: a busy machine does not change them much.

type benchSource struct {
	tables []*change.Table
	busy   int // so many of them have changes
	kind   change.Kind
	rows   *change.Rows
	whole  int // every so many transactions a stream could be opened again
	txns   int
}

// narrowRows are rows of sysbench's tables.
func narrowRows(n int) *change.Rows {
	rows := change.NewRows(4)
	for i := range n {
		rows.AddString(strconv.Itoa(1_000_000 + i))
		rows.AddString(strconv.Itoa(500_000 + i))
		rows.AddString(strings.Repeat("83868641912-", 10)[:119])
		rows.AddString(strings.Repeat("67847967377-", 5)[:59])
	}
	return rows
}

func narrowTable(i int) *change.Table {
	return &change.Table{Name: change.Name{Database: "sbtest", Table: "t" + strconv.Itoa(i)}, Version: 1, Key: []int{0}, Columns: []change.Column{
		{Name: "id", Type: change.Type{Base: change.Int}}, {Name: "k", Type: change.Type{Base: change.Int}},
		{Name: "c", Type: change.Type{Base: change.Char, Length: 120}}, {Name: "pad", Type: change.Type{Base: change.Char, Length: 60}},
	}}
}

func (s *benchSource) position(event int) change.Position {
	return change.Position{File: "log.000001", Offset: uint64(4 + event)}
}

func (s *benchSource) Start(context.Context) (change.Position, error) { return s.position(0), nil }
func (s *benchSource) End(context.Context) (change.Position, error) {
	return s.position(2 * s.txns), nil
}
func (s *benchSource) Open(context.Context, change.Position, Follow) (Stream, error) {
	return &benchStream{source: s, ready: always, batch: make([]change.Event, 256)}, nil
}

type benchStream struct {
	source *benchSource
	event  int
	ready  <-chan struct{} // nil when all was delivered
	batch  []change.Event
}

func (s *benchStream) Server() string   { return "bench" }
func (s *benchStream) Barrier() Barrier { return Barrier{} }
func (s *benchStream) Close() error     { return nil }

func (s *benchStream) Ready() <-chan struct{} { return s.ready }

// Take hands over as many events as a source does.
func (s *benchStream) Take() ([]change.Event, error) {
	n := 0
	for bytes := 0; bytes < 64<<10 && n < len(s.batch) && s.event < 2*s.source.txns; n++ {
		s.batch[n] = s.next()
		bytes += 256 + eventBytes(&s.batch[n])
	}
	if n == 0 {
		s.ready = nil
	}
	return s.batch[:n], nil
}

func (s *benchStream) next() change.Event {
	txn := s.event / 2
	s.event++
	event := change.Event{Kind: s.source.kind, Position: s.source.position(s.event)}
	if s.event%2 == 1 {
		event.Table, event.Rows = s.source.tables[txn%s.source.busy], s.source.rows
	} else {
		event.Kind = change.Commit
		event.Resumable = (txn+1)%s.source.whole == 0 || txn+1 == s.source.txns
	}
	return event
}

// benchTarget counts bytes; a load takes as long as a fast server would take.
type benchTarget struct{ Target }

func (benchTarget) Columns(_ context.Context, _ change.Name, source *change.Table) (columns []TargetColumn, _ error) {
	for i, c := range source.Columns {
		columns = append(columns, TargetColumn{Name: c.Name, Key: source.IsKey(i), Nullable: c.Nullable})
	}
	return columns, nil
}

func (benchTarget) Loads(Route) Loads                                   { return benchLoads{} }
func (benchTarget) Settle(context.Context, change.Name, []string) error { return nil }
func (benchTarget) Begin(context.Context, checkpoint.Label) error       { return nil }
func (benchTarget) Prepare(context.Context, checkpoint.Label) error     { return nil }
func (benchTarget) Commit(context.Context, checkpoint.Label) error      { return nil }
func (benchTarget) State(context.Context, checkpoint.Label) (s TransactionState, _ error) {
	return TransactionUnknown, nil
}

type benchLoads struct{ Loads }

func (benchLoads) NewBatch(layout *Layout, _ *change.Rows, _ int) Batch {
	return &benchBatch{layout: layout}
}
func (benchLoads) NewBatchIn(layout *Layout, _ Form) Batch   { return &benchBatch{layout: layout} }
func (benchLoads) Continue(batch Batch, layout *Layout) bool { return batch.Layout() == layout }
func (benchLoads) Send(ctx context.Context, _ string, batch Batch) error {
	time.Sleep(time.Duration(batch.Bytes()/1000) * time.Microsecond)
	return nil
}
func (l benchLoads) Append(ctx context.Context, label checkpoint.Label, batch Batch) error {
	return l.Send(ctx, label.Label, batch)
}

type benchBatch struct {
	Batch
	layout      *Layout
	rows, bytes int
}

func (b *benchBatch) Layout() *Layout { return b.layout }
func (b *benchBatch) Rows() int       { return b.rows }
func (b *benchBatch) Bytes() int      { return b.bytes }
func (b *benchBatch) Form() Form      { return 0 }
func (b *benchBatch) Add(_ Op, rows *change.Rows, row int) (bool, error) {
	b.rows++
	b.bytes += len(rows.Cell(row, 0)) + len(rows.Cell(row, 2)) + 64
	return true, nil
}

type benchJournal struct{ Journal }

func (benchJournal) Save(*checkpoint.Checkpoint) error { return nil }
func (benchJournal) Settled(uint64) error              { return nil }
func (benchJournal) Note([]checkpoint.Label) error     { return nil }

func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func BenchmarkLoop(b *testing.B) {
	for _, delivery := range []Delivery{AtLeastOnce, TwoPhase} {
		for _, shape := range []struct {
			name string
			kind change.Kind
			rows int
		}{{"insert50", change.Insert, 50}, {"update50", change.Update, 100}, {"insert1", change.Insert, 1}, {"update1", change.Update, 2}} {
			for _, tables := range []struct{ all, busy int }{{1, 1}, {1000, 4}, {2000, 4}, {2000, 2000}} {
				b.Run(fmt.Sprintf("%s/%s/%dof%d", delivery, shape.name, tables.busy, tables.all), func(b *testing.B) {
					s := &benchSource{kind: shape.kind, rows: narrowRows(shape.rows), busy: tables.busy, whole: 1000}
					for i := range tables.all {
						s.tables = append(s.tables, narrowTable(i))
					}
					benchmarkLoop(b, s, delivery)
				})
			}
		}
	}
}

func benchmarkLoop(b *testing.B, s *benchSource, delivery Delivery) {
	perEvent := s.rows.Len()
	if s.kind == change.Update {
		perEvent /= 2
	}
	s.txns = (b.N + perEvent - 1) / perEvent
	cfg := Config{
		Source: s, Target: benchTarget{}, Transactions: benchTarget{}, Journal: benchJournal{}, Delivery: delivery, MaxOpen: 5000, Memory: 96 << 20, PageBytes: 8 << 20,
		SaveInterval: time.Second, EpochInterval: time.Second, Deployment: "d", Incarnation: "i", UntilCaughtUp: true,
		Restored: &checkpoint.Checkpoint{Epoch: 1, Exact: true, Position: s.position(0)},
	}
	for _, table := range s.tables {
		cfg.Restored.Tables = append(cfg.Restored.Tables, checkpoint.TableState{Name: table.Name, Target: table.Name, Table: table, Seen: table, Copy: checkpoint.CopyState{Done: true}})
		cfg.Routes = append(cfg.Routes, Route{Source: table.Name, Target: table.Name, Interval: time.Second, MaxBytes: 24 << 20, MaxRows: 500_000})
	}
	b.ReportAllocs()
	b.ResetTimer()
	before := processorTime()
	if err := Run(context.Background(), cfg); err != nil {
		b.Fatal(err)
	}
	spent := processorTime() - before
	b.ReportMetric(float64(spent.Nanoseconds())/float64(s.txns*perEvent), "cpu-ns/row")
	b.ReportMetric(float64(spent.Nanoseconds())/float64(2*s.txns), "cpu-ns/event")
}
