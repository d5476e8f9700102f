package endtoend

import (
	"strings"
	"testing"

	"starferry/internal/testbed"
)

var bothServers = map[string]func(testing.TB, ...string) *testbed.Server{"MySQL": testbed.MySQL, "MariaDB": testbed.MariaDB}

// TestRowsThatChangeWithoutRowEvents: what no row event says is done at the target all
// the same, and said.
func TestRowsThatChangeWithoutRowEvents(t *testing.T) {
	t.Parallel()
	for name, start := range bothServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, start(t))
			w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(10)) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20), PARTITION p2 VALUES LESS THAN MAXVALUE)",
				"INSERT INTO t VALUES (1, 'one'), (2, 'two'), (11, 'eleven'), (12, 'twelve'), (21, 'more')")
			w.exec(t, "CREATE TABLE other (id INT PRIMARY KEY, a VARCHAR(10))", "INSERT INTO other VALUES (13, 'thirteen'), (14, 'fourteen')")
			script := w.write(t, "rowless.sql", w.script("SET 'row-less.change.behavior' = 'repair-all';\n", route{from: "t", to: "t"}))
			w.catchUp(t, script)
			step := func(says string, statements ...string) {
				t.Helper()
				w.exec(t, statements...)
				o := w.catchUp(t, script)
				if !strings.Contains(o.out, says) {
					t.Errorf("%q: want %q: %s", statements, says, o)
				}
				w.compare(t, "t", "t")
			}
			step("maintenance of its partitions", "ALTER TABLE t DROP PARTITION p0", "INSERT INTO t VALUES (22, 'later')")
			step("mended", "ALTER TABLE t EXCHANGE PARTITION p1 WITH TABLE other", "UPDATE t SET a = 'changed' WHERE id = 13")
			step("logged as text", "SET SESSION binlog_format = STATEMENT", "UPDATE t SET a = CONCAT(a, '!') WHERE id > 13")
			step("was emptied at", "INSERT INTO t VALUES (15, 'gone')", "TRUNCATE TABLE t", "INSERT INTO t VALUES (16, 'kept')")
			step("was emptied at", "INSERT INTO t VALUES (17, 'gone')", "SET SESSION binlog_format = STATEMENT", "DELETE FROM t")
			step("rows=1 ", "INSERT INTO t VALUES (18, 'last')")
		})
	}
}

// TestRowLessStop: who wants to decide is asked, and the position is kept.
func TestRowLessStop(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ setting, statement string }{
		"TRUNCATE":           {"SET 'row-less.change.behavior' = 'stop';\n", "TRUNCATE TABLE t"},
		"DML logged as text": {"", "SET SESSION binlog_format = STATEMENT; UPDATE t SET a = 'b'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, testbed.MySQL(t))
			w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(10))", "INSERT INTO t VALUES (1, 'one'), (2, 'two')")
			script := w.write(t, "stop.sql", w.script(c.setting, route{from: "t", to: "t"}))
			w.catchUp(t, script)
			w.exec(t, append(strings.Split(c.statement, "; "), "INSERT INTO t VALUES (3, 'three')")...)
			for range 2 { // it stops at the same place however often it is started
				o := w.starferry(t, "run", "--until-caught-up", script)
				if o.code != 1 || strings.Count(o.err, "error[SF5002]") != 1 || !strings.Contains(o.err, "To fix:") {
					t.Fatal(o)
				}
			}
			w.catchUp(t, w.write(t, "stop.sql", w.script("SET 'row-less.change.behavior' = 'repair-all';\n", route{from: "t", to: "t"})))
			w.compare(t, "t", "t")
		})
	}
}

// TestMemoryTable: a server that starts again has lost the rows of such a table, and
// says so in its log when the table is next opened.
func TestMemoryTable(t *testing.T) {
	t.Parallel()
	for name, start := range bothServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, "--skip-name-resolve") // one of its own, to be restarted
			w := newWorld(t, server)
			w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(10)) ENGINE=MEMORY", "INSERT INTO t VALUES (1, 'one'), (2, 'two')")
			script := w.write(t, "memory.sql", w.script("", route{from: "t", to: "t"}))
			w.catchUp(t, script)
			if err := server.Restart(); err != nil {
				t.Fatal(err)
			}
			w.exec(t, "SELECT COUNT(*) FROM t", "INSERT INTO t VALUES (3, 'three')")
			w.catchUp(t, script)
			w.compare(t, "t", "t")
		})
	}
}
