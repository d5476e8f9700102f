package endtoend

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// The tutorial's tables of schema changes and its two notes, line by line, while two
// writers change every table, in every delivery. Each line has a table of its own, with
// rows 1 and 2, which nobody writes after the change, and rows that the writers own.

const lineColumns = "id INT PRIMARY KEY, stable VARCHAR(40), a VARCHAR(10), b INT, f VARCHAR(10) DEFAULT 'f', must INT NOT NULL DEFAULT 5"

// supportedLines are changes that are carried.
var supportedLines = []struct {
	name, line string
	run        []string // TABLE is the table
	columns    string   // of the target behind it
	rows       [2]string
}{
	{"added", "Add a nullable column", []string{"ALTER TABLE TABLE ADD COLUMN c INT"},
		"id|stable|a|b|f|must|c", [2]string{"1|s|one|10|f|5|NULL", "2|s|two|20|f|5|NULL"}},
	{"filled", "Add a nullable column: old rows have what they have at the source", []string{"ALTER TABLE TABLE ADD COLUMN c VARCHAR(9) DEFAULT 'x'"},
		"id|stable|a|b|f|must|c", [2]string{"1|s|one|10|f|5|x", "2|s|two|20|f|5|x"}},
	{"placed", "Add a nullable column: appended wherever it stands at the source", []string{"ALTER TABLE TABLE ADD COLUMN c INT DEFAULT 7 FIRST, ADD COLUMN d INT AFTER id"},
		"id|stable|a|b|f|must|c|d", [2]string{"1|s|one|10|f|5|7|NULL", "2|s|two|20|f|5|7|NULL"}},
	{"deleted", "Delete a nullable column", []string{"ALTER TABLE TABLE DROP COLUMN a"},
		"id|stable|a|b|f|must", [2]string{"1|s|one|10|f|5", "2|s|two|20|f|5"}},
	{"changed", "Rename a column", []string{"ALTER TABLE TABLE CHANGE COLUMN a z VARCHAR(10)"},
		"id|stable|a|b|f|must|z", [2]string{"1|s|one|10|f|5|NULL", "2|s|two|20|f|5|NULL"}},
	{"renamed", "Rename a column", []string{"ALTER TABLE TABLE RENAME COLUMN b TO z"},
		"id|stable|a|b|f|must|z", [2]string{"1|s|one|10|f|5|NULL", "2|s|two|20|f|5|NULL"}},
	{"several", "several changes in one statement", []string{"ALTER TABLE TABLE DROP COLUMN a, RENAME COLUMN b TO d, ADD COLUMN c INT FIRST"},
		"id|stable|a|b|f|must|c|d", [2]string{"1|s|one|10|f|5|NULL|NULL", "2|s|two|20|f|5|NULL|NULL"}},
	{"again", "Note: deleted and added again with no data changes in between is no change",
		[]string{"LOCK TABLES TABLE WRITE", "ALTER TABLE TABLE DROP COLUMN a", "ALTER TABLE TABLE ADD COLUMN a VARCHAR(10)", "UNLOCK TABLES"},
		"id|stable|a|b|f|must", [2]string{"1|s|one|10|f|5", "2|s|two|20|f|5"}},
	{"indexed", "an index besides the primary key has no counterpart", []string{"ALTER TABLE TABLE ADD INDEX (b), ADD UNIQUE INDEX (id, a)", "CREATE INDEX more ON TABLE (a)"},
		"id|stable|a|b|f|must", [2]string{"1|s|one|10|f|5", "2|s|two|20|f|5"}},
}

// unsupportedLines are changes that stop their table.
var unsupportedLines = []struct{ name, line, run, says string }{
	{"u_type", "Change a column's data type: VARCHAR to BIGINT", "MODIFY a BIGINT", "column `a` changed its type from varchar(10) to bigint"},
	{"u_null", "Change a column's data type: NOT NULL to NULLABLE", "MODIFY must INT DEFAULT 5", "column `must` changed from NOT NULL to NULL"},
	{"u_not_null", "Change a column's data type: NULLABLE to NOT NULL", "MODIFY f VARCHAR(10) NOT NULL DEFAULT 'f'", "column `f` changed from NULL to NOT NULL"},
	{"u_key", "Change constraints such as the primary key", "DROP PRIMARY KEY, ADD PRIMARY KEY (id, must)", "the primary key changed from (id) to (id, must)"},
	{"u_added", "Add a non-nullable column", "ADD COLUMN n INT NOT NULL DEFAULT 3", "column `n` NOT NULL was added"},
	{"u_deleted", "Delete a non-nullable column", "DROP COLUMN must", "column `must` NOT NULL was dropped"},
	{"u_longer", "Adjust field lengths", "MODIFY a VARCHAR(99)", "column `a` changed its type from varchar(10) to varchar(99)"},
	{"u_shorter", "Adjust field lengths", "MODIFY f VARCHAR(9) DEFAULT 'f'", "column `f` changed its type from varchar(10) to varchar(9)"},
	{"u_several", "of several changes in one statement all that are not carried are named", "ADD COLUMN c INT, MODIFY b BIGINT, DROP COLUMN must",
		"column `b` changed its type from int to bigint; column `must` NOT NULL was dropped"},
}

// lineWriters write the rows from 1000 on of tables, without the columns that change.
type lineWriters struct {
	stop context.CancelFunc
	done chan error
	n    int
}

func (w *world) writeLines(t *testing.T, tables []string) *lineWriters {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	l := &lineWriters{stop: stop, done: make(chan error, 2), n: 2}
	for i := range l.n {
		go func() { l.done <- w.writeRows(ctx, i, tables) }()
	}
	t.Cleanup(stop)
	return l
}

func (w *world) writeRows(ctx context.Context, writer int, tables []string) error {
	conn, err := w.source.DB().Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "SET SESSION sql_mode = '', lock_wait_timeout = 60"); err != nil {
		return err
	}
	for n := 0; ctx.Err() == nil; n++ {
		id := 1000 + 100_000*writer + n
		for _, table := range tables {
			for _, statement := range []string{
				fmt.Sprintf("INSERT INTO %s.%s (id, stable) VALUES (%d, 'new'), (%d, 'doomed')", w.database, table, 2*id, 2*id+1),
				fmt.Sprintf("UPDATE %s.%s SET stable = 'changed' WHERE id BETWEEN %d AND %d", w.database, table, 2*id-4, 2*id),
				fmt.Sprintf("DELETE FROM %s.%s WHERE id = %d", w.database, table, 2*id-5),
			} {
				// To its end: what is cut off may be done by the server later.
				if _, err := conn.ExecContext(context.WithoutCancel(ctx), statement); err != nil {
					return fmt.Errorf("%s: %w", statement, err)
				}
			}
		}
	}
	return nil
}

// end stops the writers.
func (l *lineWriters) end(t *testing.T) {
	t.Helper()
	l.stop()
	for range l.n {
		if err := <-l.done; err != nil && err != context.Canceled {
			t.Error(err)
		}
	}
}

// TestTheTutorialsSchemaChanges: every line of the three tables and both notes.
func TestTheTutorialsSchemaChanges(t *testing.T) {
	t.Parallel()
	allDeliveries.each(t, func(t *testing.T, w *world, settings string, with []string) {
		l := &lines{world: w}
		l.create(t, settings, with)
		l.walk(t)
	})
}

// lines are the tables of all lines, in one script.
type lines struct {
	*world
	script                 string
	tables, carried, stops []string
}

func (l *lines) create(t *testing.T, settings string, with []string) {
	t.Helper()
	l.grantResync(t)
	for _, s := range supportedLines {
		l.carried = append(l.carried, s.name)
	}
	for _, u := range unsupportedLines {
		l.stops = append(l.stops, u.name)
	}
	l.tables = append(append([]string{"quiet"}, l.carried...), l.stops...)
	var routes []route
	for _, table := range l.tables {
		l.exec(t, fmt.Sprintf("CREATE TABLE %s (%s)", table, lineColumns),
			fmt.Sprintf("INSERT INTO %s (id, stable, a, b) VALUES (1, 's', 'one', 10), (2, 's', 'two', 20)", table))
		if strings.HasPrefix(table, "u_") {
			l.exec(t, "UPDATE "+table+" SET a = b")
		}
		routes = append(routes, route{table, table, with})
	}
	l.script = l.write(t, "lines.sql", l.world.script(settings, routes...))
}

func (l *lines) walk(t *testing.T) {
	p := l.start(t, l.script)
	for _, table := range l.tables {
		l.awaitEqual(t, table)
	}
	writers := l.writeLines(t, append(l.carried, l.stops...))
	for _, s := range supportedLines {
		l.exec(t, replaceAll(s.run, "TABLE", s.name)...)
	}
	for _, u := range unsupportedLines {
		l.exec(t, fmt.Sprintf("ALTER TABLE %s %s", u.name, u.run))
		waitLine(t, p, fmt.Sprintf("%s.%s is stopped, the other tables go on", l.database, u.name))
	}
	// The other note: a change is only carried when new data arrives.
	l.exec(t, "ALTER TABLE quiet ADD COLUMN c INT", "INSERT INTO added (id, stable) VALUES (3, 'behind')")
	l.awaitRow(t, "added", 3)
	if got := l.printed(t, "quiet")[0]; got != "id|stable|a|b|f|must" {
		t.Errorf("a change without a row is carried: %s", got)
	}
	l.exec(t, "INSERT INTO quiet (id, c) VALUES (3, 30)")
	l.awaitRow(t, "quiet", 3)
	writers.end(t)
	l.checkSupported(t, "")
	l.checkStops(t, p.Output())
	l.stop(t, p)

	// While we were down.
	for _, table := range l.carried {
		l.exec(t, fmt.Sprintf("ALTER TABLE %s ADD COLUMN late INT DEFAULT 1 AFTER id", table), fmt.Sprintf("UPDATE %s SET stable = 'late' WHERE id > 2", table))
	}
	o := l.starferry(t, "run", "--until-caught-up", l.script)
	if o.code != 1 { // tables are stopped
		t.Errorf("%s", o)
	}
	l.checkSupported(t, "|late")
	for _, table := range []string{"u_type", "u_key", "u_deleted"} {
		l.resync(t, l.script, table)
		l.compare(t, table, table)
	}
}

func replaceAll(texts []string, what, with string) []string {
	out := make([]string, len(texts))
	for i, text := range texts {
		// TABLE stands for the name only where it is not the keyword.
		out[i] = strings.ReplaceAll(text, "TABLE "+what, "TABLE "+with)
		out[i] = strings.ReplaceAll(out[i], "TABLES "+what, "TABLES "+with)
		out[i] = strings.ReplaceAll(out[i], "ON "+what, "ON "+with)
	}
	return out
}

func (l *lines) awaitRow(t *testing.T, table string, id int) {
	t.Helper()
	eventually(t, func() string {
		for _, line := range l.printed(t, table) {
			if strings.HasPrefix(line, fmt.Sprintf("%d|", id)) {
				return ""
			}
		}
		return fmt.Sprintf("%s has no row %d", table, id)
	})
}

// checkSupported: rows 1 and 2 are as they were, the writers' rows as the source has
// them when each has been written behind the change, with NULL in what is kept.
func (l *lines) checkSupported(t *testing.T, more string) {
	t.Helper()
	for _, s := range supportedLines {
		if more == "" {
			l.exec(t, "UPDATE "+s.name+" SET stable = 'last' WHERE id > 2")
		}
		columns := l.sourceColumns(t, s.name)
		eventually(t, func() string {
			want := l.sourceRows(t, s.name, columns)
			got, extra := l.targetRows(t, s.name, columns)
			for _, id := range []string{"1", "2"} {
				delete(want, id)
				delete(got, id)
			}
			if d := differences(columns, want, got); len(d) > 0 {
				return fmt.Sprintf("%s (%s): %s", s.name, s.line, strings.Join(d[:min(len(d), 5)], "\n"))
			}
			for _, name := range extra {
				var n int
				l.insist(t, "counting", func() error {
					return l.admin.QueryRow(fmt.Sprintf("SELECT COUNT(*) FROM %s.%s WHERE id > 2 AND `%s` IS NOT NULL", l.database, s.name, name)).Scan(&n)
				})
				if n > 0 {
					return fmt.Sprintf("%s (%s): %d rows have values in %s, which the source has not", s.name, s.line, n, name)
				}
			}
			return ""
		})
		late := strings.ReplaceAll(more, "late", "1")
		want := []string{s.columns + more, s.rows[0] + late, s.rows[1] + late}
		if got := l.printed(t, s.name)[:3]; strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s (%s):\n%s\nwant\n%s", s.name, s.line, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// checkStops: the message says what changed, from what to what, and what to do.
func (l *lines) checkStops(t *testing.T, output string) {
	t.Helper()
	for _, u := range unsupportedLines {
		at := strings.Index(output, fmt.Sprintf("%s.%s is stopped", l.database, u.name))
		text := output[at:]
		for _, part := range []string{"error[SF5005]", u.says, "= To fix: starferry resync SCRIPT --table " + l.database + "." + u.name} {
			next := strings.Index(text, part)
			if next < 0 {
				t.Errorf("%s: the message does not say %q:\n%.600s", u.line, part, output[at:])
				break
			}
			text = text[next:]
		}
	}
}

// TestSchemaChangesInsideACopy: columns come, go and get another name while a table is
// being copied and written.
func TestSchemaChangesInsideACopy(t *testing.T) {
	t.Parallel()
	twoDeliveries.each(t, func(t *testing.T, w *world, settings string, with []string) {
		load := &workload{w: w, seed: seed(t), rows: 20_000, parts: 20}
		load.fill(t)
		script := w.write(t, "copy.sql", w.script(settings+"SET 'snapshot.page-size' = '64kb';\nSET 'snapshot.max-mb-per-second' = '1';\n",
			route{"orders", "orders", with}, route{"notes", "notes", with}))
		p := w.start(t, script, "--progress-interval", "20ms")
		load.begin(t, 2)
		waitLine(t, p, "state=copying")
		w.exec(t, "SET lock_wait_timeout = 20", "ALTER TABLE orders ADD COLUMN more INT DEFAULT 7 FIRST", "ALTER TABLE notes ADD COLUMN more VARCHAR(9)")
		waitLine(t, p, "schema change")
		w.exec(t, "SET lock_wait_timeout = 20", "ALTER TABLE orders ADD COLUMN last INT, MODIFY COLUMN more INT DEFAULT 8 AFTER note")
		if strings.Contains(p.Output(), "orders: copied") {
			t.Error("the copy was over too soon")
		}
		load.end()
		w.exec(t, "UPDATE orders SET last = id, more = id", "UPDATE notes SET more = part")
		w.awaitEqual(t, "orders")
		w.awaitEqual(t, "notes")
		w.stop(t, p)
	})
}
