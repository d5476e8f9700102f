package mysql

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
	"starferry/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// eachServer runs a test on every kind of server that is followed differently.
func eachServer(t *testing.T, test func(t *testing.T, server *testbed.Server)) {
	t.Run("mysql gtid", func(t *testing.T) { t.Parallel(); test(t, testbed.MySQL(t)) })
	t.Run("mysql file", func(t *testing.T) { t.Parallel(); test(t, fileServer(t)) })
	t.Run("mariadb", func(t *testing.T) { t.Parallel(); test(t, testbed.MariaDB(t)) })
}

// fileServer is a MySQL that is followed by file and position, with full metadata:
// one for the whole binary.
var shared struct {
	sync.Once
	server *testbed.Server
	err    error
}

func fileServer(t *testing.T) *testbed.Server {
	t.Helper()
	shared.Do(func() {
		shared.server, shared.err = testbed.Start(context.Background(), testbed.Options{Flavor: testbed.MySQLFlavor,
			Args: []string{"--gtid-mode=OFF", "--enforce-gtid-consistency=OFF", "--binlog-row-metadata=FULL"}})
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

var serverIDs struct {
	sync.Mutex
	last uint32
}

func config(server *testbed.Server) Config {
	serverIDs.Lock()
	defer serverIDs.Unlock()
	serverIDs.last++
	return Config{Host: server.Host, Port: server.Port, User: server.User, Password: diag.NewSecret(server.Password), ServerID: 70000 + serverIDs.last}
}

func connect(t testing.TB, server *testbed.Server, options ...func(*Config)) *Source {
	t.Helper()
	c := config(server)
	c.Notify = t.Logf
	for _, o := range options {
		o(&c)
	}
	s, err := Connect(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func open(t testing.TB, s *Source, from change.Position, followed []*change.Table, join ...change.Name) *stepped {
	t.Helper()
	stream, err := stepping(s.Open(t.Context(), from, ferry.Follow{Known: followed, Join: join}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stream.Close() })
	return stream
}

// stepped is a stream that gives its events one by one.
type stepped struct {
	ferry.Stream
	taken []change.Event
}

func stepping(stream ferry.Stream, err error) (*stepped, error) {
	return &stepped{Stream: stream}, err
}

// next waits for the next event.
func (s *stepped) next(ctx context.Context) (e change.Event, err error) {
	for len(s.taken) == 0 {
		if s.taken, err = s.Take(); err != nil {
			return e, err
		}
		if len(s.taken) > 0 {
			break
		}
		select {
		case <-s.Ready():
		case <-ctx.Done():
			return e, ctx.Err()
		}
	}
	e, s.taken = s.taken[0], s.taken[1:]
	return e, nil
}

func start(t testing.TB, s *Source) change.Position {
	t.Helper()
	p, err := s.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// next is the next event; the test fails after a while without one.
func next(t testing.TB, stream *stepped) change.Event {
	t.Helper()
	e, err := nextOrError(t, stream)
	if err != nil {
		t.Fatalf("the stream ended: %v", err)
	}
	return e
}

func nextOrError(t testing.TB, stream *stepped) (change.Event, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	e, err := stream.next(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		t.Fatal("no event within 30 s")
	}
	return e, err
}

// until reads until the stream has passed the end of the log as it is now, and
// gives every event on the way.
func until(t testing.TB, s *Source, stream *stepped) []change.Event {
	t.Helper()
	end, err := s.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []change.Event
	for deadline := time.Now().Add(30 * time.Second); ; {
		if time.Now().After(deadline) {
			t.Fatalf("the stream does not reach %v", end)
		}
		e := next(t, stream)
		all = append(all, e)
		if e.Resumable && e.Position.Reached(end) {
			return all
		}
	}
}

// failure reads until the stream ends and gives its Problem.
func failure(t testing.TB, stream *stepped) *diag.Problem {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		_, err := nextOrError(t, stream)
		if err == nil {
			if time.Now().After(deadline) {
				t.Fatal("the stream does not end")
			}
			continue
		}
		if p := diag.Find(err); p != nil {
			return p
		}
		t.Fatalf("not a Problem: %v", err)
	}
}

func wantProblem(t testing.TB, err error, code diag.Code, class diag.Class, words ...string) {
	t.Helper()
	p := diag.Find(err)
	if p == nil {
		t.Fatalf("no Problem: %v", err)
		return
	}
	if p.Code != code || p.Class != class {
		t.Errorf("%s class %d, want %s class %d: %v", p.Code, p.Class, code, class, err)
	}
	if p.Class != diag.Transient && p.Fix == "" {
		t.Errorf("no remedy: %v", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error()+p.Fix, word) {
			t.Errorf("%q is not in: %v\nTo fix: %s", word, err, p.Fix)
		}
	}
}

// row renders a row for comparison.
func row(rows *change.Rows, i int) string {
	var b strings.Builder
	for c := range rows.Width() {
		if c > 0 {
			b.WriteByte('|')
		}
		if rows.Null(i, c) {
			b.WriteString("NULL")
			continue
		}
		if cell := rows.Cell(i, c); len(cell) > 100 {
			fmt.Fprintf(&b, "%d bytes", len(cell))
		} else {
			b.Write(cell)
		}
	}
	return b.String()
}

// script renders events as text, a line each: what happened to which row.
func script(events []change.Event) []string {
	var lines []string
	for _, e := range events {
		switch e.Kind {
		case change.Insert:
			for i := range e.Rows.Len() {
				lines = append(lines, "insert "+e.Table.Name.Table+" "+row(e.Rows, i))
			}
		case change.Update:
			for i := 0; i < e.Rows.Len(); i += 2 {
				lines = append(lines, "update "+e.Table.Name.Table+" "+row(e.Rows, i)+" to "+row(e.Rows, i+1))
			}
		case change.Delete:
			for i := range e.Rows.Len() {
				lines = append(lines, "delete "+e.Table.Name.Table+" "+row(e.Rows, i))
			}
		case change.Commit:
			lines = append(lines, "commit")
		case change.Progress:
		case change.Unreadable:
			lines = append(lines, "unreadable "+e.Table.Name.Table)
		default:
			what := map[change.Kind]string{change.Joined: "joined", change.Altered: "altered", change.Truncated: "truncated", change.Dropped: "dropped",
				change.Rearranged: "rearranged", change.Described: "described", change.Replaced: "replaced"}[e.Kind]
			lines = append(lines, fmt.Sprintf("%s %s %d (%s)", what, e.Table.Name.Table, e.Table.Version, strings.Join(columnNames(e.Table), ",")))
		}
	}
	return lines
}

func columnNames(t *change.Table) []string {
	var names []string
	for _, c := range t.Columns {
		names = append(names, c.Name)
	}
	return names
}

// together leaves out the ends of transactions that rows follow: whether a stream tells of
// them depends on what came together.
func together(lines []string) (left []string) {
	for i, line := range lines {
		if line == "commit" && i+1 < len(lines) {
			switch word, _, _ := strings.Cut(lines[i+1], " "); word {
			case "insert", "update", "delete":
				continue
			}
		}
		left = append(left, line)
	}
	return left
}

// compare compares scripts.
func compare(t testing.TB, got, want []string) {
	t.Helper()
	got, want = together(got), together(want)
	if slices.Equal(got, want) {
		return
	}
	for i := range max(len(got), len(want)) {
		g, w := "(nothing)", "(nothing)"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Fatalf("event %d of %d (want %d)\n got %s\nwant %s", i, len(got), len(want), g, w)
		}
	}
}

// replica is what the events and pages make of a table.
type replica struct {
	table *change.Table
	rows  map[string]string
}

func (r *replica) apply(e change.Event) {
	if e.Rows == nil || e.Table.Name != r.table.Name {
		return
	}
	for i := range e.Rows.Len() {
		key := string(e.Rows.AppendKey(nil, i, e.Table.Key))
		if e.Kind == change.Delete || e.Kind == change.Update && i%2 == 0 {
			delete(r.rows, key)
			continue
		}
		r.rows[key] = row(e.Rows, i)
	}
}

// contents reads a whole table by pages.
func contents(t testing.TB, s *Source, table *change.Table, maxBytes int) map[string]string {
	t.Helper()
	all := map[string]string{}
	var after *change.Rows
	for {
		page, err := s.ReadPage(t.Context(), ferry.PageRequest{Table: table, After: after, MaxBytes: maxBytes})
		if err != nil {
			t.Fatal(err)
		}
		if page.Server != s.Server().ID || page.High.IsZero() {
			t.Fatalf("page from %q up to %v", page.Server, page.High)
		}
		n := page.Rows.Len()
		if n == 0 {
			return all
		}
		for i := range n {
			key := string(page.Rows.AppendKey(nil, i, table.Key))
			if _, twice := all[key]; twice {
				t.Fatalf("row %s came twice", row(page.Rows, i))
			}
			all[key] = row(page.Rows, i)
		}
		after = lastKey(table, page.Rows)
	}
}

// lastKey is the key of the last row as the cells of one row.
func lastKey(table *change.Table, rows *change.Rows) *change.Rows {
	key := change.NewRows(len(table.Key))
	for _, k := range table.Key {
		key.AddBytes(rows.Cell(rows.Len()-1, k))
	}
	return key
}

func equalRows(t testing.TB, got, want map[string]string) {
	t.Helper()
	if maps.Equal(got, want) {
		return
	}
	shown := 0
	for k, w := range want {
		if got[k] != w && shown < 5 {
			t.Errorf("row %q: got %q, want %q", k, got[k], w)
			shown++
		}
	}
	for k, g := range got {
		if _, ok := want[k]; !ok && shown < 10 {
			t.Errorf("row %q: %q is too many", k, g)
			shown++
		}
	}
}

func pageRequest(table *change.Table, delivered change.Position) ferry.PageRequest {
	return ferry.PageRequest{Table: table, Delivered: delivered, MaxBytes: 1 << 20}
}
