package endtoend

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"starferry/internal/testbed"
)

var semantics = map[string][]string{"at-least-once": nil, "exactly-once": {"'sink.semantic' = 'exactly-once'"}}

// TestMariaDBIsKilledWhileItLogs: half a transaction is left in its log, for good, and the
// transaction is rolled back. The run goes on by itself, and what it had loaded of that
// transaction is taken back.
func TestMariaDBIsKilledWhileItLogs(t *testing.T) {
	t.Parallel()
	for name, with := range semantics {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, testbed.MariaDB(t, "--max-connections=102"))
			w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)", "INSERT INTO t VALUES (1, 'one'), (2, 'two')")
			script := w.write(t, "t.sql", w.script("SET 'execution.checkpointing.interval' = '200 ms';\n", route{from: "t", to: "t", with: with}))
			w.catchUp(t, script)
			w.tearLog(t)
			w.exec(t, "INSERT INTO t VALUES (5, 'five')")
			p := w.start(t, script)
			waitLine(t, p, "ends in the middle of an event")
			w.awaitEqual(t, "t")
			w.exec(t, "DELETE FROM t WHERE id = 1")
			w.awaitEqual(t, "t")
			w.stop(t, p)
			w.catchUp(t, script)
			w.compare(t, "t", "t")
		})
	}
}

// tearLog has the source be killed while it logs a transaction: as if, by cutting the file of
// one that is logged and is not yet committed for good. Where it is already the server has it
// all the same, and another is tried.
func (w *world) tearLog(t *testing.T) {
	t.Helper()
	for range 20 {
		w.exec(t, "SET GLOBAL innodb_flush_log_at_trx_commit = 0", "BEGIN", "UPDATE t SET v = 'never' WHERE id = 1", "DELETE FROM t WHERE id = 2", "INSERT INTO t VALUES (3, REPEAT('x', 100000))", "COMMIT")
		if err := w.source.Kill(); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(w.source.Dir(), "data", "binlog.[0-9]*"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		last := slices.Max(files)
		is, err := os.Stat(last)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(last, is.Size()-1000); err != nil {
			t.Fatal(err)
		}
		if err := w.source.Restart(); err != nil {
			t.Fatal(err)
		}
		var committed int
		if err := w.source.DB().QueryRow("SELECT COUNT(*) FROM " + w.database + ".t WHERE id = 3").Scan(&committed); err != nil {
			t.Fatal(err)
		}
		if committed == 0 {
			return
		}
		w.exec(t, "SET sql_log_bin = 0", "REPLACE INTO t VALUES (1, 'one'), (2, 'two')", "DELETE FROM t WHERE id = 3")
	}
	t.Fatal("the server had the transaction every time")
}

// TestSoakTornLogs kills MariaDB at random while it logs transactions that are larger than
// what is kept of one for its rollback.
func TestSoakTornLogs(t *testing.T) {
	t.Parallel()
	kills := 3
	if os.Getenv("STARFERRY_SOAK") != "" {
		kills = 60
	}
	chance := seed(t)
	for name, with := range semantics {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(chance, 0))
			w := newWorld(t, testbed.MariaDB(t, "--max-connections=102"))
			w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)", "CREATE TABLE digits (d INT PRIMARY KEY)", fillDigits)
			script := w.write(t, "t.sql", w.script("", route{from: "t", to: "t", with: with}))
			p := w.start(t, script)
			w.awaitEqual(t, "t")
			for range kills {
				gone := w.writeUntilGone(t)
				time.Sleep(time.Duration(300+random.IntN(600)) * time.Millisecond)
				if err := w.source.Kill(); err != nil {
					t.Fatal(err)
				}
				<-gone
				if err := w.source.Restart(); err != nil {
					t.Fatal(err)
				}
			}
			w.exec(t, "REPLACE INTO t VALUES (99, 'end')")
			w.awaitEqual(t, "t")
			w.stop(t, p)
			w.catchUp(t, script)
			w.compare(t, "t", "t")
			t.Logf("soak: torn-logs %s: server-kills=%d torn=%d", name, kills, strings.Count(p.Output(), "in the middle of an event"))
		})
	}
}

// writeUntilGone writes one transaction of 50 MB after the other until the server is gone.
func (w *world) writeUntilGone(t *testing.T) (gone chan struct{}) {
	t.Helper()
	conn, err := w.source.DB().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "USE "+w.database); err != nil {
		t.Fatal(err)
	}
	gone = make(chan struct{})
	go func() {
		defer close(gone)
		defer conn.Close()
		for n := 0; err == nil; n++ {
			_, err = conn.ExecContext(t.Context(), fmt.Sprintf("REPLACE INTO t SELECT n, REPEAT('%c', 600000) FROM (%s) AS numbers WHERE n < 45", 'a'+n%20, numbersUpTo(45)))
		}
	}()
	return gone
}
