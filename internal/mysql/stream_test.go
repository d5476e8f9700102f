package mysql

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
	"starferry/internal/testbed"
)

// workload changes a table at random by one session and writes down what it did.
type workload struct {
	random *rand.Rand
	table  string
	rows   map[int]string
	wrote  []string
	run    []string
}

func (w *workload) transaction(name string) {
	w.run = append(w.run, "BEGIN")
	before := len(w.wrote)
	for range 1 + w.random.IntN(5) {
		key := w.random.IntN(200)
		value := fmt.Sprintf("%d é'\\x%d", w.random.IntN(1000), w.random.IntN(10))
		escaped := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value)
		old, has := w.rows[key]
		switch {
		case !has:
			w.run = append(w.run, fmt.Sprintf("INSERT INTO %s VALUES (%d, '%s')", w.table, key, escaped))
			w.wrote = append(w.wrote, fmt.Sprintf("insert %s %d|%s", name, key, value))
			w.rows[key] = value
		case w.random.IntN(3) == 0:
			w.run = append(w.run, fmt.Sprintf("DELETE FROM %s WHERE id = %d", w.table, key))
			w.wrote = append(w.wrote, fmt.Sprintf("delete %s %d|%s", name, key, old))
			delete(w.rows, key)
		case old != value:
			w.run = append(w.run, fmt.Sprintf("UPDATE %s SET v = '%s' WHERE id = %d", w.table, escaped, key))
			w.wrote = append(w.wrote, fmt.Sprintf("update %s %d|%s to %d|%s", name, key, old, key, value))
			w.rows[key] = value
		}
	}
	if w.random.IntN(10) == 0 && len(w.wrote) > before {
		// Undone: nothing of it is in the log.
		w.run, w.wrote = w.run[:len(w.run)], w.wrote[:before]
		w.run = append(w.run, "ROLLBACK")
		w.rows = nil
		return
	}
	w.run = append(w.run, "COMMIT")
	if len(w.wrote) > before {
		w.wrote = append(w.wrote, "commit")
	}
}

func newWorkload(seed uint64, table string) *workload {
	return &workload{random: rand.New(rand.NewPCG(seed, 1)), table: table, rows: map[int]string{}}
}

// step is transaction with the rows restored after a rollback.
func (w *workload) step(name string) {
	kept := make(map[int]string, len(w.rows))
	for k, v := range w.rows {
		kept[k] = v
	}
	w.transaction(name)
	if w.rows == nil {
		w.rows = kept
	}
}

func TestStreamDeliversWhatWasWritten(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		server.Exec(t, "CREATE TABLE "+db+".t (id INT PRIMARY KEY, v VARCHAR(50)) CHARSET utf8mb4",
			"CREATE TABLE "+db+".other (id INT PRIMARY KEY AUTO_INCREMENT, v TEXT)")
		s := connect(t, server)
		stream := open(t, s, start(t, s), nil, change.Name{Database: db, Table: "t"})
		w := newWorkload(7, db+".t")
		for i := range 200 {
			w.step("t")
			if i%5 == 0 {
				w.run = append(w.run, "INSERT INTO "+db+".other (v) VALUES ('x')")
			}
			if i%70 == 0 {
				w.run = append(w.run, "FLUSH BINARY LOGS")
			}
		}
		var events []change.Event
		for joined := false; !joined; {
			e := next(t, stream)
			joined = e.Kind == change.Joined
			events = append(events, e)
		}
		server.Exec(t, w.run...)
		events = append(events, until(t, s, stream)...)
		compare(t, script(events), append([]string{"joined t 1 (id,v)"}, w.wrote...))
		checkPositions(t, events)
		table := joinedTable(t, events)
		equalRows(t, replay(table, events), contents(t, s, table, 1<<20))
		resumeEverywhere(t, s, table, events)
	})
}

// checkPositions: offsets never go back, and nothing is resumable inside a transaction.
func checkPositions(t *testing.T, events []change.Event) {
	t.Helper()
	open := false
	for i, e := range events {
		if i > 0 && e.Position.Compare(events[i-1].Position) < 0 {
			t.Errorf("event %d at %v follows one at %v", i, e.Position, events[i-1].Position)
		}
		if e.Rows != nil {
			open = true
		}
		if e.Kind == change.Joined && !e.Resumable {
			t.Errorf("event %d joins a table where nobody can resume", i)
		}
		if e.Kind == change.Commit {
			open = false
		} else if open && (e.Resumable || e.Rows == nil) {
			t.Errorf("event %d, kind %d, is inside a transaction", i, e.Kind)
		}
	}
}

func joinedTable(t testing.TB, events []change.Event) *change.Table {
	t.Helper()
	for _, e := range events {
		if e.Kind == change.Joined {
			return e.Table
		}
	}
	t.Fatal("no table joined")
	return nil
}

func replay(table *change.Table, events []change.Event) map[string]string {
	r := &replica{table: table, rows: map[string]string{}}
	for _, e := range events {
		r.apply(e)
	}
	return r.rows
}

// resumeEverywhere opens a stream at resumable positions: it must deliver exactly
// what came behind.
func resumeEverywhere(t *testing.T, s *Source, table *change.Table, events []change.Event) {
	t.Helper()
	tried, joined := 0, false
	for i, e := range events {
		joined = joined || e.Kind == change.Joined
		if !e.Resumable || !joined || tried > 15 && i%20 != 0 {
			continue
		}
		tried++
		stream, err := stepping(s.Open(t.Context(), e.Position, ferry.Follow{Known: []*change.Table{table}}))
		if err != nil {
			t.Fatal(err)
		}
		want := together(script(events[i+1:]))
		var got []change.Event
		for len(together(script(got))) < len(want) {
			got = append(got, next(t, stream))
		}
		compare(t, script(got), want)
		stream.Close()
	}
	if tried < 3 {
		t.Errorf("only %d resumable positions", tried)
	}
}

func TestIdleServerIsPassedQuickly(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		server.Exec(t, "CREATE TABLE "+db+".t (id INT PRIMARY KEY)", "INSERT INTO "+db+".t VALUES (1)")
		began := time.Now()
		s := connect(t, server)
		stream := open(t, s, start(t, s), nil, change.Name{Database: db, Table: "t"})
		for next(t, stream).Kind != change.Joined {
		}
		joined := time.Since(began)
		table := &change.Table{}
		tables, err := s.Describe(t.Context(), []change.Name{{Database: db, Table: "t"}})
		if err != nil {
			t.Fatal(err)
		}
		table = tables[0]
		var delivered change.Position
		for e := next(t, stream); ; e = next(t, stream) {
			if e.Resumable {
				delivered = e.Position
				break
			}
		}
		page, err := s.ReadPage(t.Context(), pageRequest(table, delivered))
		if err != nil {
			t.Fatal(err)
		}
		for at := delivered; !at.Reached(page.High); at = next(t, stream).Position {
		}
		t.Logf("joined after %v, first page may be emitted after %v", joined, time.Since(began))
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("first page after %v", took)
		}
	})
}

func TestCommitIsFollowedByAResumablePosition(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		server.Exec(t, "CREATE TABLE "+db+".t (id INT PRIMARY KEY)")
		s := connect(t, server, func(c *Config) { c.Heartbeat = time.Second })
		stream := open(t, s, start(t, s), nil, change.Name{Database: db, Table: "t"})
		for next(t, stream).Kind != change.Joined {
		}
		for i := range 10 {
			server.Exec(t, fmt.Sprintf("INSERT INTO %s.t VALUES (%d), (%d)", db, 2*i, 2*i+1), fmt.Sprintf("DELETE FROM %s.t WHERE id = %d", db, 2*i))
			for next(t, stream).Kind != change.Delete {
			}
			var last time.Time
			if e := next(t, stream); !e.Resumable {
				last = time.Now()
			}
			if last.IsZero() {
				continue
			}
			for !next(t, stream).Resumable {
			}
			if took := time.Since(last); took > 400*time.Millisecond {
				t.Errorf("resumable %v after the last commit", took)
			}
		}
	})
}

func TestWrittenByManySessions(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		server.Exec(t, "CREATE TABLE "+db+".t (id INT PRIMARY KEY, n INT)")
		s := connect(t, server)
		stream := open(t, s, start(t, s), nil, change.Name{Database: db, Table: "t"})
		done := make(chan error, 4)
		for worker := range 4 {
			go func() {
				random := rand.New(rand.NewPCG(uint64(worker), 2))
				var err error
				for range 300 {
					statement := fmt.Sprintf("REPLACE INTO %s.t VALUES (%d, %d)", db, random.IntN(50), random.IntN(1000))
					if random.IntN(4) == 0 {
						statement = fmt.Sprintf("DELETE FROM %s.t WHERE id BETWEEN %d AND %[2]d+3", db, random.IntN(50))
					}
					if _, e := server.DB().ExecContext(t.Context(), statement); e != nil && !strings.Contains(e.Error(), "Deadlock") {
						err = e
					}
				}
				done <- err
			}()
		}
		for range 4 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		events := until(t, s, stream)
		table := joinedTable(t, events)
		replica := &replica{table: table, rows: map[string]string{}}
		// The join may have come after some rows: begin with what was there then is not
		// known, so only keys that were touched since are compared.
		for _, e := range events {
			replica.apply(e)
		}
		actual := contents(t, s, table, 1<<20)
		for key, value := range replica.rows {
			if actual[key] != value {
				t.Errorf("row %q: %q, want %q", key, value, actual[key])
			}
		}
	})
}

func TestKilledStreamGoesOn(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		server.Exec(t, "CREATE TABLE "+db+".t (id INT PRIMARY KEY, v VARCHAR(50)) CHARSET utf8mb4")
		s := connect(t, server)
		stream := open(t, s, start(t, s), nil, change.Name{Database: db, Table: "t"})
		for next(t, stream).Kind != change.Joined {
		}
		server.Exec(t, "INSERT INTO "+db+".t VALUES (1, 'a')")
		events := until(t, s, stream)
		resume := events[len(events)-1].Position
		killDumps(t, server, s)
		p := failure(t, stream)
		if p.Class != diag.Transient {
			t.Errorf("killing the dump: %v", p)
		}
		server.Exec(t, "INSERT INTO "+db+".t VALUES (2, 'b')")
		table, err := s.Describe(t.Context(), []change.Name{{Database: db, Table: "t"}})
		if err != nil {
			t.Fatal(err)
		}
		again := open(t, s, resume, table)
		compare(t, script(until(t, s, again)), []string{"insert t 2|b", "commit"})
	})
}

// killDumps ends the dump threads of a source's server id. Its connection ids are
// found by the program's attributes, which only the stream sets, so all dumps of the
// server are looked at and only this one's is killed.
func killDumps(t *testing.T, server *testbed.Server, s *Source) {
	t.Helper()
	s.mu.Lock()
	id := s.dumpID
	s.mu.Unlock()
	server.Exec(t, fmt.Sprintf("KILL %d", id))
}

func TestSecondReaderEndsTheFirst(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		s := connect(t, server)
		first := open(t, s, start(t, s), nil)
		next(t, first)
		second := open(t, s, start(t, s), nil)
		wantProblem(t, failure(t, first), codeReplaced, diag.Refused, "server id", fmt.Sprint(s.config.ServerID))
		next(t, second)
	})
}

// TestALookAtTheLogEndsNoReader: what somebody looks for in the log, a second start or
// explain, is read beside the stream of the same deployment.
func TestALookAtTheLogEndsNoReader(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		server.Exec(t, "DROP DATABASE IF EXISTS looked_for")
		s := connect(t, server)
		from := start(t, s)
		stream := open(t, s, from, nil)
		next(t, stream)
		begin := Begin{File: from.File, Offset: from.Offset}
		if from.GTIDs != "" {
			begin = Begin{GTIDs: from.GTIDs}
		}
		for range 3 {
			server.Exec(t, "CREATE DATABASE looked_for", "DROP DATABASE looked_for")
			place, err := s.Place(t.Context(), begin)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.ChangesSince(t.Context(), place, nil); err != nil {
				t.Fatal(err)
			}
			server.Exec(t, "CREATE DATABASE looked_for", "DROP DATABASE looked_for")
			until(t, s, stream)
		}
	})
}
