package endtoend

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

// inOptions adds an option to the OPTIONS of a statement.
func inOptions(script, table, option string) string {
	at := fmt.Sprintf("'table-name' = '%s') */", table)
	if !strings.Contains(script, at) {
		panic("no statement for " + table)
	}
	return strings.Replace(script, at, strings.TrimSuffix(at, ") */")+", "+option+") */", 1)
}

// evolutions are statements on a table that is written all the time, and what the target's
// columns are behind them; nil: the source's.
var evolutions = []struct{ name, run string }{
	{"columns with defaults", "ADD COLUMN n INT NOT NULL DEFAULT 3, ADD COLUMN m BIGINT NOT NULL, ADD COLUMN w VARCHAR(9) NOT NULL, ADD COLUMN e ENUM('x','y') NOT NULL"},
	{"a default that is an expression", "ADD COLUMN u VARCHAR(40) DEFAULT (CONCAT('u', 1))"},
	{"another name", "RENAME COLUMN a TO z"},
	{"another name and type", "CHANGE COLUMN z y VARCHAR(99)"},
	{"a column goes", "DROP COLUMN b"},
	{"wider", "MODIFY c BIGINT, MODIFY d DECIMAL(20,4), MODIFY f VARCHAR(30) CHARACTER SET utf8mb4"},
	{"more members", "MODIFY s ENUM('small','large','very large') NOT NULL"},
	{"may be NULL", "MODIFY must INT NULL DEFAULT 5"},
	{"a comment", "MODIFY y VARCHAR(99) COMMENT 'why'"},
	{"text for a number", "MODIFY t VARCHAR(20)"},
	{"other values", "MODIFY at DATETIME"},
	{"more digits", "MODIFY x DOUBLE"},
	{"several at once", "DROP COLUMN w, RENAME COLUMN y TO q, ADD COLUMN aa INT FIRST, MODIFY n BIGINT NOT NULL DEFAULT 3"},
	{"names change places", "RENAME COLUMN m TO o, RENAME COLUMN n TO m"},
}

// TestEvolve: the target becomes what the source is, old rows and all.
func TestEvolve(t *testing.T) {
	t.Parallel()
	quickAlters.each(t, func(t *testing.T, w *world, settings string, with []string) {
		w.exec(t, `CREATE TABLE t (id INT PRIMARY KEY, stable VARCHAR(40), a VARCHAR(10), b INT, c INT DEFAULT 7, d DECIMAL(10,4) DEFAULT 1.5, f VARCHAR(10) CHARACTER SET latin1 DEFAULT 'fü',
			s ENUM('small','large') NOT NULL DEFAULT 'large', must INT NOT NULL DEFAULT 5, t INT DEFAULT 12, at TIMESTAMP DEFAULT '2024-05-06 07:08:09', x FLOAT DEFAULT 0.1)`,
			"INSERT INTO t (id, stable, a, b) VALUES (1, 's', 'one', 10), (2, 's', 'two', 20)", "CREATE TABLE other (id INT PRIMARY KEY, stable VARCHAR(40))", "INSERT INTO other VALUES (1, 'o')")
		script := w.write(t, "evolve.sql", w.script(settings+"SET 'schema.change.behavior' = 'evolve';\n", route{"t", "t", with}, route{"other", "other", with}))
		p := w.start(t, script)
		w.awaitEqual(t, "t")
		writers := w.writeLines(t, []string{"t", "other"})
		for _, e := range evolutions {
			zone := []string{"SET time_zone = '+05:00', sql_mode = '', lock_wait_timeout = 20"}
			w.exec(t, append(zone, "ALTER TABLE t "+e.run)...)
			w.awaitColumns(t, p, e.name, "t")
		}
		writers.end(t)
		w.awaitEqual(t, "t")
		w.awaitEqual(t, "other")
		if lines := w.comments(t, "t"); lines["q"] != "why" {
			t.Errorf("comments %q", lines)
		}
		// What StarRocks cannot stops the table, as the fixed policy does.
		w.exec(t, "UPDATE t SET q = 'full', must = 1", "ALTER TABLE t MODIFY must INT NOT NULL, DROP COLUMN x", "INSERT INTO other VALUES (999, 'beside')")
		waitLine(t, p, w.database+".t is stopped, the other tables go on")
		waitLine(t, p, "To fix: starferry resync SCRIPT --table "+w.database+".t")
		w.awaitEqual(t, "other")
		w.stop(t, p)
		if !strings.Contains(p.Output(), "column `must` is INT NULL at the target and cannot become INT NOT NULL there") {
			t.Errorf("%s", p.Output())
		}
		if columns, _ := w.readTarget(t, "t"); !slices.Contains(columns, "x") {
			t.Error("a part of a change was carried that cannot be carried as a whole")
		}
	})
}

// awaitColumns waits until a target has the columns of its source and no others.
func (w *world) awaitColumns(t *testing.T, p *testbed.Program, why, table string) {
	t.Helper()
	var want []string
	for _, c := range w.sourceColumns(t, table) {
		want = append(want, c.name)
	}
	slices.Sort(want)
	eventually(t, func() string {
		if strings.Contains(p.Output(), table+" is stopped") {
			t.Fatalf("%s:\n%s", why, p.Output())
		}
		got, _ := w.readTarget(t, table)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			return fmt.Sprintf("%s: columns %q, want %q\n%s", why, got, want, p.Output())
		}
		return ""
	})
}

func (w *world) comments(t *testing.T, table string) map[string]string {
	t.Helper()
	rows, err := w.admin.QueryContext(t.Context(), fmt.Sprintf("SELECT COLUMN_NAME, COLUMN_COMMENT FROM information_schema.columns WHERE TABLE_SCHEMA = '%s' AND TABLE_NAME = '%s'", w.database, table))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := map[string]string{}
	for rows.Next() {
		var name, comment string
		if err := rows.Scan(&name, &comment); err != nil {
			t.Fatal(err)
		}
		found[name] = comment
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

// TestEvolveAfterADowntime: each version is carried in its turn, also with kills between.
func TestEvolveAfterADowntime(t *testing.T) {
	t.Parallel()
	w := ways[0].worldOf(t, testbed.MySQL(t), quickAlters.target)
	w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(10), b INT)", "INSERT INTO t VALUES (1, 'one', 10), (2, 'two', 20)")
	script := w.write(t, "down.sql", w.script("SET 'schema.change.behavior' = 'evolve';\n", route{from: "t", to: "t"}))
	w.catchUp(t, script)
	for i, point := range []string{"alter-begins", "alter-sent", "columns-added", "schema-carried"} {
		w.exec(t, fmt.Sprintf("ALTER TABLE t RENAME COLUMN b TO b%d", i), "INSERT INTO t (id, a) VALUES (99, 'between')", fmt.Sprintf("ALTER TABLE t RENAME COLUMN b%d TO b, MODIFY a VARCHAR(%d)", i, 20+i),
			"ALTER TABLE t DROP COLUMN b", "DELETE FROM t WHERE id = 99", "ALTER TABLE t ADD COLUMN b INT DEFAULT 7")
		p := w.startToCrash(t, point, 2, script, "--until-caught-up")
		if _, err := p.Wait(t.Context()); err != nil || !hasCrashed(p) {
			t.Errorf("%s is not passed:\n%s", point, p.Output())
		}
		w.catchUp(t, script)
		w.compare(t, "t", "t")
		w.exec(t, "ALTER TABLE t DROP COLUMN b", fmt.Sprintf("ALTER TABLE t ADD COLUMN c%d INT DEFAULT %d, ADD COLUMN b INT", i, i))
		w.catchUp(t, script)
		if _, extra := w.compare(t, "t", "t"); len(extra) > 0 {
			t.Errorf("%s: the target has kept %q", point, extra)
		}
	}
}

// TestImmediate: the fixed policy, and no row is waited for.
func TestImmediate(t *testing.T) {
	t.Parallel()
	quickAlters.each(t, func(t *testing.T, w *world, settings string, with []string) {
		for _, table := range []string{"t", "u"} {
			w.exec(t, fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, a VARCHAR(10), b INT)", table), fmt.Sprintf("INSERT INTO %s VALUES (1, 'one', 10)", table))
		}
		script := w.write(t, "immediate.sql", w.script(settings+"SET 'schema.change.behavior' = 'immediate';\n", route{"t", "t", with}, route{"u", "u", with}))
		p := w.start(t, script)
		w.awaitEqual(t, "t")
		w.awaitEqual(t, "u")
		w.exec(t, "ALTER TABLE t ADD COLUMN c INT DEFAULT 7, DROP COLUMN b, RENAME COLUMN a TO d")
		w.await(t, "t", "id|a|b|d|c", "1|one|10|NULL|7")
		w.exec(t, "ALTER TABLE u MODIFY a VARCHAR(20)")
		waitLine(t, p, w.database+".u is stopped, the other tables go on")
		w.exec(t, "INSERT INTO t (id, d, c) VALUES (2, 'two', 3)")
		w.await(t, "t", "id|a|b|d|c", "1|one|10|NULL|7", "2|NULL|NULL|two|3")
		w.stop(t, p)
		w.exec(t, "ALTER TABLE t ADD COLUMN e INT")
		if o := w.starferry(t, "run", "--until-caught-up", script); o.code != 1 { // u is stopped
			t.Errorf("%s", o)
		}
		w.await(t, "t", "id|a|b|d|c|e", "1|one|10|NULL|7|NULL", "2|NULL|NULL|two|3|NULL")
	})
}

// TestIgnoreAndException: of three tables, one ignores all changes, one any but added
// columns, one stops at any.
func TestIgnoreAndException(t *testing.T) {
	t.Parallel()
	quickAlters.each(t, func(t *testing.T, w *world, settings string, with []string) {
		w.grantResync(t)
		var routes []route
		for _, table := range []string{"all_", "most_", "none_"} {
			w.exec(t, fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, a VARCHAR(10), b INT, n INT NOT NULL)", table), fmt.Sprintf("INSERT INTO %s VALUES (1, 'one', 10, 1)", table))
			routes = append(routes, route{table, table, with})
		}
		text := w.script(settings+"SET 'schema.change.behavior' = 'ignore';\n", routes...)
		text = inOptions(text, "most_", "'schema.change.behavior' = 'evolve', 'include.schema.changes' = 'add.column'")
		text = inOptions(text, "none_", "'schema.change.behavior' = 'exception', 'exclude.schema.changes' = 'alter.column.comment,truncate'")
		script := w.write(t, "ignore.sql", text)
		p := w.start(t, script)
		for _, table := range []string{"all_", "most_", "none_"} {
			w.awaitEqual(t, table)
			w.exec(t, fmt.Sprintf("ALTER TABLE %s MODIFY a VARCHAR(10) COMMENT 'more'", table), fmt.Sprintf("INSERT INTO %s VALUES (2, 'two', 20, 2)", table))
			w.awaitEqual(t, table)
			w.exec(t, "TRUNCATE TABLE "+table)
		}
		for _, table := range []string{"all_", "most_"} {
			w.exec(t, fmt.Sprintf("ALTER TABLE %s ADD COLUMN c INT DEFAULT 5, RENAME COLUMN b TO z, MODIFY a TEXT, MODIFY n BIGINT", table), fmt.Sprintf("INSERT INTO %s VALUES (3, 'three', 30, 3, 33)", table))
		}
		w.await(t, "all_", "id|a|b|n", "1|one|10|1", "2|two|20|2", "3|three|NULL|3")
		w.await(t, "most_", "id|a|b|n|c", "1|one|10|1|5", "2|two|20|2|5", "3|three|NULL|3|33")
		w.exec(t, "ALTER TABLE none_ ADD COLUMN c INT")
		waitLine(t, p, w.database+".none_ is stopped, the other tables go on")
		w.stop(t, p)
		// What was ignored stays ignored, and a row that does not fit is refused, not cut.
		w.exec(t, "INSERT INTO all_ VALUES (4, 'four', 40, 4, 44)", "INSERT INTO most_ VALUES (4, 'four', 40, 4, 44), (5, 'five', 50, 5000000000, 55)")
		o := w.starferry(t, "run", "--until-caught-up", script)
		if o.code != 1 || !strings.Contains(o.out+o.err, "5000000000") || !strings.Contains(o.out+o.err, "most_") {
			t.Errorf("%s", o)
		}
		for _, line := range w.printed(t, "most_") {
			if strings.HasPrefix(line, "5|") {
				t.Errorf("a value that does not fit is there: %s", line)
			}
		}
		if settings == "" { // in exactly-once the refusal comes as the transaction ends, and ends the run
			w.await(t, "all_", "id|a|b|n", "1|one|10|1", "2|two|20|2", "3|three|NULL|3", "4|four|NULL|4")
		}
		if lines := w.comments(t, "most_"); lines["a"] != "" {
			t.Errorf("comments %q", lines)
		}
	})
}

// TestTypeBroadening: later widenings touch the target in no way.
func TestTypeBroadening(t *testing.T) {
	t.Parallel()
	quickAlters.each(t, func(t *testing.T, w *world, settings string, with []string) {
		w.grantResync(t)
		w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(10), n SMALLINT UNSIGNED NOT NULL, d DECIMAL(10,2), e ENUM('x'), u INT UNSIGNED, b BIT(2))", "INSERT INTO t VALUES (1, 'one', 1, 1.5, 'x', 1, 1)")
		script := w.write(t, "broad.sql", w.script(settings+"SET 'type.broadening' = 'true';\n", route{"t", "t", with}))
		w.catchUp(t, script)
		w.exec(t, "ALTER TABLE t MODIFY id BIGINT, MODIFY a TEXT, MODIFY n BIGINT NOT NULL, MODIFY d DECIMAL(20,2), MODIFY e ENUM('x','yyyyyyyyyy'), MODIFY u BIGINT UNSIGNED, MODIFY b BIT(64)",
			"INSERT INTO t VALUES (5000000000, REPEAT('long', 1000), 5000000000, 123456789012345.67, 'yyyyyyyyyy', 18446744073709551615, 18446744073709551615)")
		o := w.catchUp(t, script)
		if n := summary(t, o.out); n["schema-changes"] != 0 || n["copied"] != 0 {
			t.Errorf("%s", o)
		}
		w.compare(t, "t", "t")
		w.resync(t, script, "t") // the shadow is as wide
		w.exec(t, "ALTER TABLE t MODIFY a MEDIUMTEXT, ADD COLUMN more SMALLINT", "UPDATE t SET more = 1", "ALTER TABLE t MODIFY more INT", "UPDATE t SET more = 1000000")
		w.catchUp(t, script)
		w.compare(t, "t", "t")
		w.exec(t, "ALTER TABLE t MODIFY d DECIMAL(40,2)", "INSERT INTO t (id, n) VALUES (3, 3)")
		if o := w.starferry(t, "run", "--until-caught-up", script); o.code != 1 || !strings.Contains(o.err, "column `d` changed its type from decimal(20,2) to decimal(40,2)") {
			t.Errorf("%s", o)
		}
	})
}
