package endtoend

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"starferry/internal/testbed"
)

// TestMariaDBIsKilledWhileItLogs: half a transaction is left in its log, for good, and the
// transaction is rolled back. The run goes on by itself, and what it had loaded of that
// transaction is taken back.
func TestMariaDBIsKilledWhileItLogs(t *testing.T) {
	t.Parallel()
	for name, with := range map[string][]string{"at-least-once": nil, "exactly-once": {"'sink.semantic' = 'exactly-once'"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, testbed.MariaDB(t, "--innodb-flush-log-at-trx-commit=0"))
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
		w.exec(t, "BEGIN", "UPDATE t SET v = 'never' WHERE id = 1", "DELETE FROM t WHERE id = 2", "INSERT INTO t VALUES (3, REPEAT('x', 100000))", "COMMIT")
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
