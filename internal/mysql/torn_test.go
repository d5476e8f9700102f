package mysql

import (
	"os"
	"path/filepath"
	"testing"

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
			little := connect(t, l.server, func(c *Config) { c.HeldBytes = 1 })
			for _, s := range []*Source{l.source, little} {
				for _, from := range []change.Position{
					l.from,
					{GTIDs: l.from.GTIDs, Server: "of another server"}, // by GTID
				} {
					stream := open(t, s, from, []*change.Table{l.table})
					events := until(t, s, stream)
					compare(t, script(events), want)
					last := events[len(events)-1].Position
					if last.File == l.torn || last.Begun == 0 {
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

// TestATornLogThatLacksATransaction: the next file says what was logged before it; what is
// missing then is not passed over.
func TestATornLogThatLacksATransaction(t *testing.T) {
	t.Parallel()
	l := tear(t, true, cutInRows)
	stream := open(t, l.source, l.from, []*change.Table{l.table})
	p := failure(t, stream)
	wantProblem(t, p, codeLog, diag.Refused, l.torn, "transactions are missing")
	stream.Close()
}

// TestTheLastFileIsTorn: it may yet be written.
func TestTheLastFileIsTorn(t *testing.T) {
	t.Parallel()
	l := tear(t, false, cutInRows)
	l.server.Exec(t, "INSERT INTO x.t VALUES (6, REPEAT('x', 100000))")
	end, err := l.source.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(l.server.Dir(), "data", end.File), int64(end.Offset-1000)); err != nil {
		t.Fatal(err)
	}
	stream := open(t, l.source, l.from, []*change.Table{l.table})
	wantProblem(t, failure(t, stream), codeLost, diag.Transient, "ends in the middle of an event")
}
