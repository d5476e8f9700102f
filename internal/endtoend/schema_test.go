package endtoend

import (
	"strings"
	"testing"

	"starferry/internal/testbed"
)

// TestSchemaChanges walks the tutorial's fixed policy, on both servers, with the
// ferry started anew for every step: what it knows it has from its checkpoint and
// the log.
func TestSchemaChanges(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB, ...string) *testbed.Server{"MySQL": testbed.MySQL, "MariaDB": testbed.MariaDB} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, start(t))
			w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(10), b INT)", "INSERT INTO t VALUES (1, 'one', 10)")
			script := w.write(t, "schema.sql", w.script("", route{from: "t", to: "t"}))
			w.catchUp(t, script)
			step := func(changes int, statements []string, want ...string) {
				t.Helper()
				w.exec(t, statements...)
				o := w.catchUp(t, script)
				if n := summary(t, o.out); n["copied"] != 0 || n["schema-changes"] != changes {
					t.Errorf("%q: copied %d rows, %d schema changes, want 0 and %d", statements, n["copied"], n["schema-changes"], changes)
				}
				if got := strings.Join(w.printed(t, "t"), "\n"); got != strings.Join(want, "\n") {
					t.Errorf("after %q:\n%s\nwant\n%s", statements, got, strings.Join(want, "\n"))
				}
			}
			step(0, []string{"ALTER TABLE t ADD COLUMN c INT"}, "id|a|b", "1|one|10") // no row, no change
			step(1, []string{"INSERT INTO t VALUES (2, 'two', 20, 200)"}, "id|a|b|c", "1|one|10|NULL", "2|two|20|200")
			step(0, []string{"ALTER TABLE t DROP COLUMN b", "ALTER TABLE t ADD COLUMN b INT AFTER a", "INSERT INTO t VALUES (3, 'three', 30, 300)"},
				"id|a|b|c", "1|one|10|NULL", "2|two|20|200", "3|three|30|300")
			step(0, []string{"ALTER TABLE t DROP COLUMN b", "INSERT INTO t VALUES (4, 'four', 400)", "UPDATE t SET c = 201 WHERE id = 2"},
				"id|a|b|c", "1|one|10|NULL", "2|two|NULL|201", "3|three|30|300", "4|four|NULL|400")
			step(1, []string{"ALTER TABLE t CHANGE COLUMN a d VARCHAR(10)", "INSERT INTO t VALUES (5, 'five', 500)", "UPDATE t SET c = 301 WHERE id = 3"},
				"id|a|b|c|d", "1|one|10|NULL|NULL", "2|two|NULL|201|NULL", "3|NULL|NULL|301|three", "4|four|NULL|400|NULL", "5|NULL|NULL|500|five")
			step(1, []string{"ALTER TABLE t ADD COLUMN e VARCHAR(9) DEFAULT 'x' FIRST", "UPDATE t SET c = 302 WHERE id = 3"},
				"id|a|b|c|d|e", "1|one|10|NULL|NULL|x", "2|two|NULL|201|NULL|x", "3|NULL|NULL|302|three|x", "4|four|NULL|400|NULL|x", "5|NULL|NULL|500|five|x")
		})
	}
}

// TestKilledAfterAddColumn: rows from before an ALTER must not come again behind it,
// for they would bring NULL where the source has the new column's default.
func TestKilledAfterAddColumn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testbed.MySQL(t))
	w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(10))", "INSERT INTO t VALUES (1, 'one'), (2, 'two')")
	script := w.write(t, "kill.sql", w.script("SET 'execution.checkpointing.interval' = '10 min';\n", route{from: "t", to: "t"}))
	w.catchUp(t, script)
	p := w.start(t, script)
	w.exec(t, "UPDATE t SET a = 'new' WHERE id = 1")
	w.await(t, "t", "id|a", "1|new", "2|two")
	w.exec(t, "ALTER TABLE t ADD COLUMN c VARCHAR(10) DEFAULT 'web'", "INSERT INTO t VALUES (3, 'three', 'shop')")
	w.await(t, "t", "id|a|c", "1|new|web", "2|two|web", "3|three|shop")
	p.Kill()
	w.catchUp(t, script)
	w.compare(t, "t", "t")
}

// TestUnsupportedSchemaChangesStop: exit code 1, the position kept, and after the
// remedy that the error names the script runs again.
func TestUnsupportedSchemaChangesStop(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ statement, says string }{
		"another type":   {"ALTER TABLE t MODIFY a INT", "changed its type from"},
		"a longer type":  {"ALTER TABLE t MODIFY a VARCHAR(99)", "changed its type from varchar(10)"},
		"NOT NULL":       {"ALTER TABLE t MODIFY a VARCHAR(10) NOT NULL", "from NULL to NOT NULL"},
		"NOT NULL added": {"ALTER TABLE t ADD COLUMN n INT NOT NULL DEFAULT 3", "`n` NOT NULL was added"},
		"NOT NULL gone":  {"ALTER TABLE t DROP COLUMN must", "`must` NOT NULL was dropped"},
		"another key":    {"ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (id, must)", "primary key changed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, testbed.MySQL(t))
			w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, must INT NOT NULL DEFAULT 5, a VARCHAR(10))", "INSERT INTO t VALUES (1, 1, '10')")
			script := w.write(t, "stop.sql", w.script("", route{from: "t", to: "t"}))
			w.catchUp(t, script)
			w.exec(t, c.statement, "REPLACE INTO t (id, a) VALUES (2, '20')", "INSERT INTO t (id, a) VALUES (3, '30')")
			for range 2 { // it stops at the same place however often it is started
				o := w.starferry(t, "run", "--until-caught-up", script)
				if o.code != 1 || strings.Count(o.err, "error[") != 1 || !strings.Contains(o.err, c.says) || !strings.Contains(o.err, "To fix:") || !strings.Contains(o.err, w.database+".t") {
					t.Fatalf("want %q: %s", c.says, o)
				}
			}
			w.target(t, "DROP TABLE "+w.database+".t")
			o := w.starferry(t, "run", "--until-caught-up", "--data-dir", "anew", script)
			if o.code != 0 {
				t.Fatalf("after the remedy: %s", o)
			}
			w.compare(t, "t", "t")
		})
	}
}
