package endtoend

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

// catalogs begin a script of the world.
func (w *world) catalogs() string { return w.script("") }

// with is the WITH clause of a statement of the world, in simple mode.
func (w *world) with(options ...string) string {
	options = append([]string{"'starrocks.create.table.properties' = 'buckets 2'", "'starrocks.create.table.mode' = 'simple'",
		"'load-url' = '" + w.loadAddress + "'", "'username' = '" + w.user + "'", "'password' = '" + w.targetPassword + "'", "'sink.buffer-flush.interval-ms' = '100'"}, options...)
	if w.wires != nil {
		options = append(options, w.wires.redirect)
	}
	return "WITH (" + strings.Join(options, ", ") + ")"
}

// into is a script that sends a database into that of the same name.
func (w *world) into(settings, clauses string, options ...string) string {
	return settings + w.catalogs() + fmt.Sprintf("\nCREATE DATABASE IF NOT EXISTS %s %s AS DATABASE mysql.%[1]s %[3]s;\n", w.database, w.with(options...), clauses)
}

// streams counts the connections that read the source's log.
func (w *world) streams(t *testing.T) (n int) {
	t.Helper()
	if err := w.source.DB().QueryRow("SELECT COUNT(*) FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%' AND user = ?", w.user).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// awaitTable waits until a target table is there.
func (w *world) awaitTable(t *testing.T, table string) {
	t.Helper()
	eventually(t, func() string {
		if w.hasTargetTable(t, table) {
			return ""
		}
		return "there is no target table " + table
	})
}

// tutorialDatabase is the tutorial's, as it is printed there.
const tutorialDatabase = `CREATE DATABASE IF NOT EXISTS sr_db WITH (
  'starrocks.create.table.properties' = 'buckets 8',
  'starrocks.create.table.mode'       = 'simple',
  'jdbc-url'                          = 'jdbc:mysql://{query}',
  'load-url'                          = '{load}',
  'username'                          = 'test',
  'password'                          = '123456',
  'sink.buffer-flush.interval-ms'     = '5000',
  'sink.properties.row_delimiter'     = '\x02',
  'sink.properties.column_separator'  = '\x01'
)
AS DATABASE mysql.test_cdc INCLUDING TABLE 'tbl1', 'tbl2', 'tbl3'
/*+ OPTIONS (
  'connector'     = 'mysql-cdc',
  'hostname'      = '{mysql host}',
  'port'          = '{mysql port}',
  'username'      = 'test',
  'password'      = '123456',
  'database-name' = 'test_cdc'
) */;
`

// TestTutorialDatabase runs the tutorial's CDAS, from the one grant of the tutorial to the
// last table.
func TestTutorialDatabase(t *testing.T) {
	t.Parallel()
	w := tutorialWorld(t)
	for i := 1; i <= 3; i++ {
		w.exec(t, fmt.Sprintf("CREATE TABLE tbl%d (id INT PRIMARY KEY, v VARCHAR(20))", i), fmt.Sprintf("INSERT INTO tbl%d VALUES (%d, 'first')", i, i))
	}
	text := w.fillIn(tutorialCatalogs + "USE CATALOG sr;\n" + tutorialDatabase)
	sr := *w // as the target calls it
	sr.database = "sr_db"
	if w.double == nil {
		sr.database = "sr_db_" + w.database
		text = strings.Replace(text, "sr_db", sr.database, 1)
	}
	sr.dropTarget(t, "DROP DATABASE IF EXISTS "+sr.database)
	script := w.write(t, "database.sql", text)
	w.sourcePassword, w.targetPassword = "'123456'", "'123456'"
	if o := w.starferry(t, "lint", script); o.code != 0 || strings.Contains(o.out+o.err, "error[") {
		t.Errorf("lint: %s", o)
	}
	o := w.starferry(t, "explain", script)
	for _, want := range w.renamed("3 tables of test_cdc.* -> "+sr.database+".*", "test_cdc.tbl1 -> "+sr.database+".tbl1", "test_cdc.tbl3 -> "+sr.database+".tbl3") {
		if o.code != 0 || !strings.Contains(o.out, want) || strings.Contains(o.out, "runoob") {
			t.Errorf("explain does not say %q: %s", want, o)
		}
	}
	o = w.starferry(t, "run", "--until-caught-up", script)
	if o.code != 1 || !strings.Contains(o.err, "lacks CREATE DATABASE") {
		t.Fatalf("without the privilege: %s", o)
	}
	w.target(t, fmt.Sprintf("GRANT CREATE DATABASE ON CATALOG default_catalog TO USER '%s'@'%%'", w.user))
	w.runGrants(t, w.starferry(t, "run", "--until-caught-up", script)) // whoever creates a database may do nothing in it
	w.target(t, fmt.Sprintf("GRANT SELECT, INSERT, ALTER ON ALL TABLES IN DATABASE %s TO USER '%s'@'%%'", sr.database, w.user))
	w.catchUp(t, script)
	p := w.start(t, script)
	for i := 1; i <= 3; i++ {
		sr.await(t, fmt.Sprintf("tbl%d", i), "id|v", fmt.Sprintf("%d|first", i))
		w.exec(t, fmt.Sprintf("INSERT INTO tbl%d VALUES (9, 'later')", i))
	}
	for i := 1; i <= 3; i++ {
		sr.await(t, fmt.Sprintf("tbl%d", i), "id|v", fmt.Sprintf("%d|first", i), "9|later")
	}
	w.stop(t, p)
	if sr.hasTargetTable(t, "runoob_tbl") {
		t.Error("a table that is not listed is there too")
	}
}

// TestDatabase: patterns, tables that cannot be followed, statements of tables beside, in
// one deployment with one connection to the log.
func TestDatabase(t *testing.T) {
	t.Parallel()
	allDeliveries.each(t, func(t *testing.T, w *world, settings string, options []string) {
		w.exec(t, "CREATE TABLE a (id INT PRIMARY KEY, v INT)", "INSERT INTO a VALUES (1,1),(2,2)", "CREATE TABLE web_sales (id INT PRIMARY KEY, v INT)", "INSERT INTO web_sales VALUES (1,1)",
			"CREATE TABLE web_bak (id INT PRIMARY KEY)", "CREATE TABLE other (id INT PRIMARY KEY)", "CREATE TABLE web_log (v INT)", "CREATE TABLE web_floats (f FLOAT PRIMARY KEY)",
			"CREATE VIEW web_view AS SELECT * FROM a", "CREATE TABLE _web_gho (id INT PRIMARY KEY)")
		script := w.write(t, "all.sql", settings+w.catalogs()+fmt.Sprintf(`
BEGIN STATEMENT SET;
CREATE TABLE IF NOT EXISTS a_copy %[2]s AS TABLE mysql.%[1]s.a;
CREATE DATABASE IF NOT EXISTS %[1]s %[2]s AS DATABASE mysql.%[1]s INCLUDING TABLE 'a|web_.*' EXCLUDING TABLE '.*_bak';
CREATE TABLE IF NOT EXISTS a_again %[2]s AS TABLE mysql.%[1]s.a;
END;
`, w.database, w.with(options...)))
		o := w.starferry(t, "explain", script)
		for _, want := range []string{"2 tables of " + w.database, ".a -> " + w.database + ".a_again", "2 selected tables are left out", ".web_log", "ADD PRIMARY KEY", ".web_floats"} {
			if o.code != 0 || !strings.Contains(o.out, want) {
				t.Errorf("explain does not say %q: %s", want, o)
			}
		}
		o = w.catchUp(t, script)
		if !strings.Contains(o.out, "2 selected tables are left out") {
			t.Errorf("nothing is said of the tables that are left out: %s", o)
		}
		p := w.start(t, script, "--progress-interval", "50ms")
		waitLine(t, p, "state=streaming")
		if n := w.streams(t); n != 1 {
			t.Errorf("%d connections read the log", n)
		}
		w.exec(t, "INSERT INTO a VALUES (3,3)", "UPDATE a SET v = 5 WHERE id = 1", "DELETE FROM a WHERE id = 2", "ALTER TABLE a ADD w INT", "INSERT INTO a VALUES (4,4,4)", "UPDATE web_sales SET v = 7")
		for _, target := range []string{"a", "a_copy", "a_again"} {
			w.await(t, target, "id|v|w", "1|5|NULL", "3|3|NULL", "4|4|4")
		}
		w.awaitEqual(t, "web_sales")
		for _, table := range []string{"web_bak", "other", "web_log", "web_floats", "web_view", "_web_gho"} {
			if w.hasTargetTable(t, table) {
				t.Errorf("%s is there too", table)
			}
		}
		w.stop(t, p)
		// One more target of a table that is followed already.
		more := w.write(t, "all.sql", settings+w.catalogs()+fmt.Sprintf(`
CREATE DATABASE IF NOT EXISTS %[1]s %[2]s AS DATABASE mysql.%[1]s INCLUDING TABLE 'a|web_.*' EXCLUDING TABLE '.*_bak';
CREATE TABLE IF NOT EXISTS a_late %[2]s AS TABLE mysql.%[1]s.a;
`, w.database, w.with(options...)))
		w.exec(t, "DELETE FROM a WHERE id = 3")
		p = w.start(t, more)
		w.awaitTable(t, "a_late")
		w.await(t, "a_late", "id|v|w", "1|5|NULL", "4|4|4")
		w.exec(t, "INSERT INTO a VALUES (5,5,5)")
		for _, target := range []string{"a", "a_late"} {
			w.await(t, target, "id|v|w", "1|5|NULL", "4|4|4", "5|5|5")
		}
		w.stop(t, p)
	})
}

// TestTablesThatComeLater: every way in which a table comes, while others are written to,
// and nothing happens to those.
func TestTablesThatComeLater(t *testing.T) {
	t.Parallel()
	allDeliveries.each(t, func(t *testing.T, w *world, settings string, options []string) {
		load := &workload{w: w, seed: seed(t), rows: 400, parts: 5}
		load.fill(t)
		script := w.write(t, "all.sql", w.into(settings, "EXCLUDING TABLE 'old', 'digits'", options...))
		w.exec(t, "CREATE TABLE old (id INT PRIMARY KEY, v INT)", "INSERT INTO old VALUES (1,1),(2,2)", "CREATE TABLE keyless (id INT, v INT)", "INSERT INTO keyless VALUES (1,1)")
		p := w.start(t, script)
		waitLine(t, p, "state=")
		load.begin(t, 2)
		w.exec(t, "CREATE TABLE created (id INT PRIMARY KEY, v INT)", "INSERT INTO created VALUES (1,1),(2,2)", "UPDATE created SET v = 9 WHERE id = 1", "DELETE FROM created WHERE id = 2",
			"CREATE TABLE alike LIKE created", "INSERT INTO alike VALUES (1,1)",
			"CREATE TABLE selected (PRIMARY KEY (id)) AS SELECT * FROM old", "INSERT INTO selected VALUES (3,3)",
			"CREATE TABLE _created_new (id INT PRIMARY KEY, v INT)", "RENAME TABLE old TO renamed",
			"CREATE TABLE altered (id INT PRIMARY KEY)", "INSERT INTO altered VALUES (1)", "ALTER TABLE altered ADD v INT DEFAULT 3", "INSERT INTO altered VALUES (2, 2)",
			"CREATE TABLE bad (id INT)", "INSERT INTO bad VALUES (1)", "CREATE TABLE gone (id INT PRIMARY KEY)", "DROP TABLE gone",
			"ALTER TABLE keyless ADD PRIMARY KEY (id)", "INSERT INTO keyless VALUES (2,2)")
		for _, table := range []string{"created", "alike", "selected", "renamed", "altered", "keyless"} {
			w.awaitTable(t, table)
			w.awaitEqual(t, table)
		}
		w.exec(t, "UPDATE created SET v = 10", "INSERT INTO created VALUES (7,7)", "ALTER TABLE bad ADD v INT", "ALTER TABLE bad ADD PRIMARY KEY (id)", "INSERT INTO bad VALUES (2,2)")
		w.awaitTable(t, "bad")
		w.awaitEqual(t, "bad")
		w.awaitEqual(t, "created")
		load.end()
		for _, table := range []string{"orders", "notes"} {
			w.awaitEqual(t, table)
		}
		w.stop(t, p)
		if out := p.Output(); strings.Count(out, ".bad is new and cannot be followed") != 1 || strings.Contains(out, "reading again") || strings.Contains(out, "redo") {
			t.Errorf("want one word on the table without a key, and nothing that happens to the others:\n%s", out)
		}
		if w.hasTargetTable(t, "_created_new") {
			t.Error("a table that a tool works with is there too")
		}
		// They are no different after a restart, and neither is one that came meanwhile.
		w.exec(t, "INSERT INTO created VALUES (8,8)", "DELETE FROM selected WHERE id = 1", "CREATE TABLE meanwhile (id INT PRIMARY KEY)", "INSERT INTO meanwhile VALUES (1)", "DROP TABLE alike")
		o := w.catchUp(t, script)
		if n := summary(t, o.out); n["copied"] != 1 {
			t.Errorf("copied anew: %s", o)
		}
		for _, table := range []string{"created", "selected", "meanwhile", "altered", "bad", "renamed"} {
			w.compare(t, table, table)
		}
	})
}

// TestTablesThatComeLaterAreNotFollowed where that is not wanted, before the next start.
func TestTablesThatComeLaterAreNotFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testbed.MariaDB(t))
	w.exec(t, "CREATE TABLE a (id INT PRIMARY KEY)")
	script := w.write(t, "all.sql", w.into("SET 'table.cdas.scan.newly-added-table.enabled' = 'false';", ""))
	p := w.start(t, script)
	waitLine(t, p, "state=")
	w.exec(t, "CREATE TABLE b (id INT PRIMARY KEY)", "INSERT INTO b VALUES (1)", "INSERT INTO a VALUES (1)")
	w.awaitEqual(t, "a")
	w.stop(t, p)
	if w.hasTargetTable(t, "b") {
		t.Error("it is followed")
	}
	w.catchUp(t, script)
	w.compare(t, "b", "b")
}

// newcomerPoints are those that only a table that comes later comes to.
var newcomerPoints = []string{"newcomer-seen", "newcomer-admitted", "newcomer-joined"}

// TestCrashWhileATableComes kills the process at every point of a table's way in.
func TestCrashWhileATableComes(t *testing.T) {
	t.Parallel()
	for _, point := range slices.Concat(newcomerPoints, []string{"join-saved", "page-read", "page-emitted", "copy-done", "load-answered"}) {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			allDeliveries.each(t, func(t *testing.T, w *world, settings string, options []string) {
				w.exec(t, "CREATE TABLE first (id INT PRIMARY KEY, v INT)", "INSERT INTO first VALUES (1,1)")
				script := w.write(t, "all.sql", w.into(settings, "", options...))
				w.catchUp(t, script)
				p := w.startToCrash(t, point, 1, script, "--progress-interval", "50ms")
				waitLine(t, p, "state=streaming")
				for i := range 60 { // one after the other, while rows come and go
					n := i % 3
					w.exec(t, fmt.Sprintf("CREATE TABLE IF NOT EXISTS late%d (id INT PRIMARY KEY, v INT)", n), fmt.Sprintf("REPLACE INTO late%d VALUES (%d, 1), (%d, 2)", n, i, i+1),
						fmt.Sprintf("DELETE FROM late%d WHERE id = %d", n, i-3), fmt.Sprintf("REPLACE INTO first VALUES (%d, %d)", i%5, i))
				}
				if code := ended(t, p); code == 0 || !hasCrashed(p) {
					t.Fatalf("it has not crashed at %s:\n%s", point, p.Output())
				}
				w.exec(t, "DELETE FROM late1 WHERE id < 30", "UPDATE late2 SET v = v + 1")
				w.catchUp(t, script)
				for _, table := range []string{"first", "late0", "late1", "late2"} {
					w.compare(t, table, table)
				}
			})
		})
	}
}

// TestManyTables copies and follows many small tables; STARFERRY_TABLES says how many.
// What that takes is measured by make figures.
func TestManyTables(t *testing.T) {
	t.Parallel()
	many := 60
	if n, err := strconv.Atoi(os.Getenv("STARFERRY_TABLES")); err == nil {
		many = n
	}
	allDeliveries.each(t, func(t *testing.T, w *world, settings string, options []string) {
		if strings.Contains(settings, "position-inside") {
			many = min(many, 200)
		}
		for i := range many {
			w.exec(t, fmt.Sprintf("CREATE TABLE t%d (id INT PRIMARY KEY, v INT)", i), fmt.Sprintf("INSERT INTO t%d VALUES (1,%[1]d),(2,2)", i))
		}
		script := w.write(t, "all.sql", w.into(settings, "", options...))
		p := w.start(t, script, "--progress-interval", "50ms")
		waitLine(t, p, "state=streaming")
		for i := range many {
			w.exec(t, fmt.Sprintf("UPDATE t%d SET v = v + 1", i))
		}
		w.awaitEqual(t, fmt.Sprintf("t%d", many-1))
		w.stop(t, p)
		if lines := strings.Count(p.Output(), "joined"); lines > 25 {
			t.Errorf("%d lines on tables that have joined:\n%s", lines, p.Output())
		}
		for i := 0; i < many; i += 1 + many/10 {
			w.compare(t, fmt.Sprintf("t%d", i), fmt.Sprintf("t%d", i))
		}
	})
}
