package mysql

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/mysql/binlog"
	"starferry/internal/testbed"
)

// tornLog is a MariaDB that was killed while it wrote a transaction: what is left of its
// file ends in the middle of an event, and after the restart the next file was begun.
type tornLog struct {
	server *testbed.Server
	source *Source
	table  *change.Table
	from   change.Position // behind a whole transaction of the torn file, before another
	torn   string
}

// tear makes a torn log; how changes the file, which the server does not run on then, and
// whose last event but the commit begins at offset rows.
func tear(t *testing.T, shutdown bool, how func(file *os.File, rows int64) error) *tornLog {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	l := &tornLog{server: testbed.MariaDB(t, "--max-connections=101")}
	l.server.Exec(t, "CREATE DATABASE x", "CREATE TABLE x.t (id INT PRIMARY KEY, v LONGTEXT)")
	l.source = connect(t, l.server)
	from := start(t, l.source)
	stream := open(t, l.source, from, nil, change.Name{Database: "x", Table: "t"})
	l.server.Exec(t, "INSERT INTO x.t VALUES (1, 'delivered')")
	events := until(t, l.source, stream)
	l.from = events[len(events)-1].Position
	l.table = describe(t, l.source, "x", "t")
	stream.Close()
	l.server.Exec(t, "INSERT INTO x.t VALUES (2, 'whole')", "BEGIN", "INSERT INTO x.t VALUES (3, 'undone')", "UPDATE x.t SET v = 'undone' WHERE id = 1",
		"INSERT INTO x.t VALUES (4, REPEAT('x', 100000))", "COMMIT")
	var rows uint64
	end, err := l.source.End(t.Context())
	must(err)
	must(l.source.scan(t.Context(), l.from, end, func(at change.Position, e *binlog.Event) (bool, error) {
		if e.Kind.HasRows() {
			rows = at.Offset
		}
		return true, nil
	}))
	l.torn = end.File
	if shutdown {
		must(l.server.Shutdown())
	} else {
		must(l.server.Kill())
	}
	file, err := os.OpenFile(filepath.Join(l.server.Dir(), "data", l.torn), os.O_RDWR, 0)
	must(err)
	must(how(file, int64(rows)))
	must(file.Close())
	must(l.server.Restart())
	l.server.Exec(t, "INSERT INTO x.t VALUES (5, 'after')")
	return l
}

func cutInRows(file *os.File, rows int64) error { return file.Truncate(rows + 50000) }

// TestALogThatEndsInTheMiddleOfAnEvent: MariaDB leaves what it was writing when it was
// killed at the end of that file, for good, and tells every reader that it cannot go on.
func TestALogThatEndsInTheMiddleOfAnEvent(t *testing.T) {
	t.Parallel()
	want := []string{"insert t 2|whole", "commit", "insert t 3|undone", "update t 1|delivered to 1|undone",
		"update t 1|undone to 1|delivered", "delete t 3|undone", "commit", "insert t 5|after", "commit"}
	for name, how := range map[string]func(*os.File, int64) error{
		"in its rows":   cutInRows,
		"in its header": func(file *os.File, rows int64) error { return file.Truncate(rows + 7) },
		"in zeros": func(file *os.File, rows int64) error { // the file was made longer, and not written
			if err := file.Truncate(rows); err != nil {
				return err
			}
			return file.Truncate(rows + 50000)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := tear(t, false, how)
			for _, s := range []*Source{l.source, farAway(t, l.server)} {
				for _, from := range []change.Position{
					l.from,
					{GTIDs: l.from.GTIDs, Server: "of another server"}, // by GTID
				} {
					stream := open(t, s, from, []*change.Table{l.table})
					events := until(t, s, stream)
					compare(t, script(events), want)
					for _, e := range events {
						if e.Resumable && e.Position.Begun == 0 {
							t.Errorf("a stream may begin at %+v, and nothing tells which file that is", e.Position)
						}
					}
					last := events[len(events)-1].Position
					if last.File == l.torn {
						t.Errorf("the stream is at %+v", last)
					}
					stream.Close()
					again := open(t, s, last, []*change.Table{l.table})
					compare(t, script(until(t, s, again)), nil)
					again.Close()
				}
			}
			if _, err := l.source.ChangesSince(t.Context(), l.from, []*change.Table{l.table}); err != nil {
				t.Errorf("looking for statements: %v", err)
			}
		})
	}
}

// farAway is a source that takes a while to go on behind a torn file, and reads again what
// it takes back.
func farAway(t *testing.T, server *testbed.Server) *Source {
	return connect(t, server, func(c *Config) {
		c.HeldBytes = 1
		c.Notify = func(format string, a ...any) {
			t.Logf(format, a...)
			time.Sleep(2 * resumeEvery)
		}
	})
}

// TestATornLogThatLacksATransaction: the next file says what was logged before it; what is
// missing then is not passed over.
func TestATornLogThatLacksATransaction(t *testing.T) {
	t.Parallel()
	l := tear(t, true, cutInRows)
	stream := open(t, farAway(t, l.server), l.from, []*change.Table{l.table})
	for {
		e, err := nextOrError(t, stream)
		if err != nil {
			wantProblem(t, err, codeLog, diag.Refused, l.torn, "is damaged", "there were more transactions")
			return
		}
		if e.Resumable && !e.Position.Reached(l.from) {
			t.Errorf("a stream may begin at %+v, before where this one did", e.Position)
		}
	}
}

// TestTheFirstTransactionIsTorn: then nothing tells that it is the only one.
func TestTheFirstTransactionIsTorn(t *testing.T) {
	t.Parallel()
	server := testbed.MariaDB(t, "--max-connections=101")
	server.Exec(t, "CREATE DATABASE x", "CREATE TABLE x.t (id INT PRIMARY KEY, v LONGTEXT)", "RESET MASTER")
	s := connect(t, server)
	from := start(t, s)
	table := describe(t, s, "x", "t")
	server.Exec(t, "INSERT INTO x.t VALUES (1, REPEAT('x', 100000))")
	cutLast(t, server, s, true)
	wantProblem(t, failure(t, open(t, s, from, []*change.Table{table})), codeLog, diag.Refused, "there was no transaction before")
}

// TestTableOfATornTransaction: CREATE TABLE … SELECT is a transaction with rows.
func TestTableOfATornTransaction(t *testing.T) {
	t.Parallel()
	server := testbed.MariaDB(t, "--max-connections=101")
	server.Exec(t, "CREATE DATABASE x", "CREATE TABLE x.t (id INT PRIMARY KEY, v LONGTEXT)")
	s := connect(t, server)
	from := start(t, s)
	table := describe(t, s, "x", "t")
	server.Exec(t, "DROP TABLE x.t", "CREATE TABLE x.t (id INT PRIMARY KEY, v LONGTEXT) SELECT 1 AS id, REPEAT('x', 100000) AS v")
	cutLast(t, server, s, true)
	server.Exec(t, "SET sql_log_bin = 0", "DROP TABLE IF EXISTS x.t", "SET sql_log_bin = 1",
		"CREATE TABLE x.other (id INT PRIMARY KEY)", "CREATE TABLE x.t (id INT PRIMARY KEY)", "INSERT INTO x.t VALUES (7)")
	stream := open(t, s, from, []*change.Table{table})
	compare(t, script(until(t, s, stream)), []string{"dropped t 1 (id,v)", "joined t 2 (id)", "insert t 7", "commit"})
}

// TestATornLogAhead: a statement has the log be read ahead, to its torn end.
func TestATornLogAhead(t *testing.T) {
	t.Parallel()
	server := testbed.MariaDB(t, "--max-connections=101")
	server.Exec(t, "CREATE DATABASE x", "USE x", "CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TABLE other (id INT PRIMARY KEY, v LONGTEXT)")
	s := connect(t, server)
	from := start(t, s)
	table := describe(t, s, "x", "t")
	server.Exec(t, "USE x", "RENAME TABLE t TO gone, other TO t", "FLUSH BINARY LOGS", "INSERT INTO t VALUES (3, REPEAT('x', 100000))")
	cutLast(t, server, s, false)
	stream := open(t, s, from, []*change.Table{table})
	wantProblem(t, failure(t, stream), codeLost, diag.Transient, "ends in the middle of an event behind binlog.000002")
}

// TestAPlaceInsideAnEvent: what is there looks like a torn file.
func TestAPlaceInsideAnEvent(t *testing.T) {
	t.Parallel()
	server := testbed.MariaDB(t, "--max-connections=101")
	server.Exec(t, "CREATE DATABASE x", "CREATE TABLE x.t (id INT PRIMARY KEY, v LONGTEXT)")
	s := connect(t, server)
	from := start(t, s)
	server.Exec(t, "INSERT INTO x.t VALUES (1, REPEAT('\\0', 3000))")
	end, err := s.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	server.Exec(t, "FLUSH BINARY LOGS", "INSERT INTO x.t VALUES (2, '')")
	for offset := from.Offset + 1; offset < end.Offset; offset += 97 {
		_, err := s.Place(t.Context(), Begin{File: from.File, Offset: offset})
		wantProblem(t, err, codeStartup, diag.Refused)
	}
}

// cutLast cuts the last event with rows, before which the server is killed, or not.
func cutLast(t *testing.T, server *testbed.Server, s *Source, kill bool) {
	t.Helper()
	end, err := s.End(t.Context())
	if err == nil && kill {
		err = server.Kill()
	}
	if err == nil {
		err = os.Truncate(filepath.Join(server.Dir(), "data", end.File), int64(end.Offset-1000))
	}
	if err == nil && kill {
		err = server.Restart()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestTheLastFileIsTorn: it may yet be written.
func TestTheLastFileIsTorn(t *testing.T) {
	t.Parallel()
	l := tear(t, false, cutInRows)
	l.server.Exec(t, "INSERT INTO x.t VALUES (6, REPEAT('x', 100000))")
	cutLast(t, l.server, l.source, false)
	stream := open(t, l.source, l.from, []*change.Table{l.table})
	wantProblem(t, failure(t, stream), codeLost, diag.Transient, "ends in the middle of an event")
}
