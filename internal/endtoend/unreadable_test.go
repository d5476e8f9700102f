package endtoend

import (
	"fmt"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

// unreadable are statements after which the source cannot read the table bad.
var unreadable = map[string]struct {
	run    []string
	says   []string
	remedy string // before a resync; "" when the resync is all it takes
}{
	"a type that no key can have": {
		run:    []string{"ALTER TABLE bad MODIFY id DOUBLE NOT NULL", "INSERT INTO bad (id, note) VALUES (2, 'two')"},
		says:   []string{"error[SF3044]", "key column `id` has type double"},
		remedy: "ALTER TABLE bad MODIFY id INT NOT NULL"},
	"changed without the log": {
		run: []string{"SET sql_log_bin = 0", "ALTER TABLE bad ADD COLUMN more INT", "SET sql_log_bin = 1",
			"BEGIN", "INSERT INTO good VALUES (2, 'two')", "INSERT INTO bad VALUES (2, 'two', 2)", "INSERT INTO good VALUES (3, 'three')", "COMMIT"},
		says: []string{"error[SF3503]", "sql_log_bin=0"}},
}

// TestWhatTheSourceCannotReadStopsOneTable: the other goes on, also in the next run, which
// does not meet it again, and a resync brings the table back with the columns of now.
func TestWhatTheSourceCannotReadStopsOneTable(t *testing.T) {
	t.Parallel()
	for name, start := range bothServers {
		for what, c := range unreadable {
			t.Run(name+", "+what, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, start(t))
				w.grantResync(t)
				for _, table := range []string{"good", "bad"} {
					w.exec(t, fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, note LONGTEXT)", table), fmt.Sprintf("INSERT INTO %s VALUES (1, 'one')", table))
				}
				script := w.write(t, "two.sql", w.script("", route{from: "good", to: "good"}, route{from: "bad", to: "bad"}))
				w.catchUp(t, script)
				p := w.start(t, script)
				waitLine(t, p, "state=streaming")
				w.exec(t, c.run...)
				w.exec(t, "INSERT INTO good VALUES (4, 'four')")
				said := waitLine(t, p, w.database+".bad is stopped, the other tables go on")
				w.awaitEqual(t, "good")
				w.stop(t, p)
				for _, part := range append(c.says, "starferry resync SCRIPT --table "+w.database+".bad") {
					if !strings.Contains(p.Output(), part) {
						t.Errorf("nobody says %q: %s", part, said)
					}
				}

				w.exec(t, "INSERT INTO good VALUES (5, 'five')", "INSERT INTO bad (id, note) VALUES (5, 'five')")
				p = w.start(t, script)
				waitLine(t, p, w.database+".bad is stopped since ")
				w.exec(t, "INSERT INTO bad (id, note) VALUES (6, 'six')", "INSERT INTO good VALUES (6, 'six')")
				w.awaitEqual(t, "good")
				if strings.Contains(p.Output(), "the other tables go on") {
					t.Errorf("it is met again:\n%s", p.Output())
				}
				w.bringBack(t, script, p, c.remedy)
			})
		}
	}
}

// bringBack copies the table anew: asked of the run, or without one.
func (w *world) bringBack(t *testing.T, script string, p *testbed.Program, remedy string) {
	t.Helper()
	if remedy != "" {
		if o := w.starferry(t, "resync", script, "--yes", "--table", w.database+".bad"); o.code != 1 || !strings.Contains(o.out+o.err, "column `id`") {
			t.Errorf("a resync does not say what is in its way: %s", o)
		}
		w.exec(t, remedy)
	}
	alone := w.source.Flavor == testbed.MariaDBFlavor
	if alone {
		w.stop(t, p)
	}
	w.resync(t, script, "bad")
	if alone {
		p = w.start(t, script)
	}
	w.exec(t, "UPDATE bad SET note = 'changed' WHERE id < 6", "DELETE FROM bad WHERE id = 5", "INSERT INTO good VALUES (7, 'seven')")
	for _, table := range []string{"good", "bad"} {
		w.awaitEqual(t, table)
	}
	w.verify(t, 0, script)
	w.stop(t, p)
}

// TestTheOnlyTableThatCannotBeReadKeepsThePosition: the run ends and says what to do, and
// so does the next one, at the same place.
func TestTheOnlyTableThatCannotBeReadKeepsThePosition(t *testing.T) {
	t.Parallel()
	for name, start := range bothServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, start(t))
			w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
			script := w.write(t, "one.sql", w.script("", route{from: "t", to: "t"}))
			w.catchUp(t, script)
			w.exec(t, "INSERT INTO t VALUES (2)", "SET sql_log_bin = 0", "ALTER TABLE t ADD COLUMN more INT", "SET sql_log_bin = 1", "INSERT INTO t VALUES (3, 3)")
			for range 2 {
				o := w.starferry(t, "run", "--until-caught-up", script)
				if o.code != 1 || !strings.Contains(o.err, "error[SF3503]") || !strings.Contains(o.err, "starferry run SCRIPT --data-dir NEW") {
					t.Errorf("%s", o)
				}
			}
			w.target(t, "DROP TABLE "+w.database+".t")
			if o := w.starferry(t, "run", "--until-caught-up", "--data-dir", "anew", script); o.code != 0 {
				t.Errorf("%s", o)
			}
			w.compare(t, "t", "t")
		})
	}
}

// TestAStatementThatCannotBeRead: what it made of the table is looked up, unless another
// statement on the table is in the log already: then the table stops, and the message has
// the statement.
func TestAStatementThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, start := range bothServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, start(t))
			w.grantResync(t)
			for _, table := range []string{"good", "bad"} {
				w.exec(t, fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, note LONGTEXT)", table), fmt.Sprintf("INSERT INTO %s VALUES (1, 'one'), (2, 'two')", table))
			}
			script := w.write(t, "two.sql", w.script("", route{from: "good", to: "good"}, route{from: "bad", to: "bad"}))
			w.catchUp(t, script)
			p := w.start(t, script)
			waitLine(t, p, "state=streaming")
			const unread = "ALTER TABLE bad ADD COLUMN m%d INT DEFAULT 7 COMMENT '\xc4\xe3\xba\xc3'"
			w.exec(t, "INSERT INTO bad VALUES (3, 'three')", "SET NAMES gbk", fmt.Sprintf(unread, 1), "INSERT INTO bad VALUES (4, 'four', 4)", "UPDATE bad SET note = 'changed' WHERE id = 1")
			waitLine(t, p, w.database+".bad may have other rows (the statement is written in gbk) since ")
			w.awaitEqual(t, "bad")
			w.stop(t, p)
			w.exec(t, "SET NAMES gbk", fmt.Sprintf(unread, 2), "SET NAMES utf8mb4", "INSERT INTO bad (id) VALUES (5)", "ALTER TABLE bad ADD COLUMN more INT", "INSERT INTO bad (id) VALUES (6)", "INSERT INTO good VALUES (3, 'three')")
			o := w.starferry(t, "run", "--until-caught-up", script)
			for _, part := range []string{w.database + ".bad is stopped, the other tables go on: error[SF3044]", "ALTER TABLE bad ADD COLUMN m2 INT", "ALTER TABLE bad ADD COLUMN more INT", "starferry resync SCRIPT --table " + w.database + ".bad"} {
				if o.code != 1 || !strings.Contains(o.out+o.err, part) {
					t.Errorf("nobody says %q: %s", part, o)
				}
			}
			w.compare(t, "good", "good")
			w.resync(t, script, "bad")
			w.compare(t, "bad", "bad")
		})
	}
}
