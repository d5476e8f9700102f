package endtoend

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// from is a script that begins at a place of the log.
func (w *world) from(settings string, table, startup string, with ...string) string {
	return settings + w.catalogs() + fmt.Sprintf("\nCREATE TABLE IF NOT EXISTS %s %s AS TABLE mysql.%s.%[1]s /*+ OPTIONS (%[4]s) */;\n", table, w.with(with...), w.database, startup)
}

// place is the end of the source's log.
func (w *world) place(t *testing.T) (file string, offset int64, gtids string) {
	t.Helper()
	var version string
	if err := w.source.DB().QueryRow("SELECT VERSION()").Scan(&version); err != nil {
		t.Fatal(err)
	}
	mariaDB := strings.Contains(version, "MariaDB")
	statement := "SHOW BINARY LOG STATUS"
	if mariaDB {
		statement = "SHOW MASTER STATUS"
	}
	rows, err := w.source.DB().Query(statement)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil || !rows.Next() {
		t.Fatal(err)
	}
	cells := make([]any, len(columns))
	for i := range cells {
		cells[i] = new([]byte)
	}
	cells[0], cells[1] = &file, &offset
	if err := rows.Scan(cells...); err != nil {
		t.Fatal(err)
	}
	rows.Close()
	query := "SELECT @@global.gtid_executed"
	if mariaDB {
		query = fmt.Sprintf("SELECT BINLOG_GTID_POS('%s', %d)", file, offset)
	}
	if err := w.source.DB().QueryRow(query).Scan(&gtids); err != nil {
		t.Fatal(err)
	}
	return file, offset, strings.ReplaceAll(gtids, "\n", "")
}

// TestStartupModes begins at each place that can be named, on every server, in every
// delivery, and is killed on the way: the target has what changed from there on.
func TestStartupModes(t *testing.T) {
	t.Parallel()
	eachSource(t, func(t *testing.T, w *world) { startupModes(t, w, "") })
	eachWay(t, func(t *testing.T, o way, w *world) { startupModes(t, w, o.epochs("200ms"), exactlyOnce...) })
}

func startupModes(t *testing.T, w *world, settings string, with ...string) {
	modes := map[string]string{}
	w.grantResync(t)
	for _, table := range []string{"at_pos", "at_gtids", "at_time", "at_end"} {
		w.exec(t, fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, v VARCHAR(20))", table), fmt.Sprintf("INSERT INTO %s VALUES (1, 'before'), (2, 'before'), (3, 'before')", table))
	}
	var now float64
	if err := w.source.DB().QueryRow("SELECT UNIX_TIMESTAMP(NOW(6)) + 1").Scan(&now); err != nil {
		t.Fatal(err)
	}
	// The log knows seconds: the next transaction is of a later one.
	eventually(t, func() string {
		var then float64
		if err := w.source.DB().QueryRow("SELECT UNIX_TIMESTAMP(NOW(6))").Scan(&then); err != nil {
			t.Fatal(err)
		}
		if then < float64(int64(now)) {
			return "it is still the same second"
		}
		return ""
	})
	file, offset, gtids := w.place(t)
	modes["at_pos"] = fmt.Sprintf("'scan.startup.mode'='specific-offset', 'scan.startup.specific-offset.file'='%s', 'scan.startup.specific-offset.pos'='%d'", file, offset)
	modes["at_gtids"] = fmt.Sprintf("'scan.startup.mode'='specific-offset', 'scan.startup.specific-offset.gtid-set'='%s'", gtids)
	modes["at_time"] = fmt.Sprintf("'scan.startup.mode'='timestamp', 'scan.startup.timestamp-millis'='%d'", int64(now)*1000)
	modes["at_end"] = "'scan.startup.mode'='latest-offset'"
	change := func(table string) {
		w.exec(t, fmt.Sprintf("UPDATE %s SET v = 'after' WHERE id = 2", table), fmt.Sprintf("DELETE FROM %s WHERE id = 3", table), fmt.Sprintf("INSERT INTO %s VALUES (4, 'new')", table))
	}
	for _, table := range []string{"at_pos", "at_gtids", "at_time"} {
		change(table)
	}
	w.exec(t, "FLUSH BINARY LOGS")
	for _, table := range []string{"at_time", "at_end", "at_pos", "at_gtids"} {
		script := w.write(t, table+".sql", w.from(settings, table, modes[table], with...))
		if o := w.starferry(t, "explain", "--online", script); o.code != 0 || !strings.Contains(o.out, "without a copy: the target holds only what changes from there on") || !strings.Contains(o.out, "Begins ") {
			t.Errorf("explain: %s", o)
		}
		p := w.start(t, script)
		waitLine(t, p, "1 tables are not copied and hold only what changes from there on")
		p.Kill()
		o := w.catchUp(t, script) // goes on from the place, whatever was saved
		if !strings.Contains(o.out, "of a first start: this deployment goes on from its checkpoint") {
			t.Errorf("%s: the second start does not say where it begins: %s", table, o)
		}
		if table == "at_end" {
			change(table)
			o = w.catchUp(t, script)
		}
		if got := w.printed(t, table); !slices.Equal(got, []string{"id|v", "2|after", "4|new"}) {
			t.Fatalf("%s is %q: %s", table, got, o)
		}
		if o := w.starferry(t, "verify", script); o.code == 0 || !strings.Contains(o.err, "SF5015") {
			t.Errorf("verify: %s", o)
		}
		w.resync(t, script, table)
		w.awaitEqual(t, table)
		if o := w.starferry(t, "verify", script); o.code != 0 {
			t.Errorf("verify of what was copied: %s", o)
		}
	}
}

// TestStartupFromTheBeginning copies what was created in the log, and refuses what was
// changed in it.
func TestStartupFromTheBeginning(t *testing.T) {
	t.Parallel()
	eachSource(t, func(t *testing.T, w *world) {
		w.exec(t, "CREATE TABLE young (id INT PRIMARY KEY, v VARCHAR(20))", "INSERT INTO young VALUES (1, 'a')", "ALTER TABLE young ADD COLUMN w INT", "INSERT INTO young VALUES (2, 'b', 7)")
		file, offset, _ := w.place(t)
		w.exec(t, "ALTER TABLE young ADD INDEX (v)", "TRUNCATE TABLE young", "INSERT INTO young VALUES (3, 'c', 8)")
		script := w.write(t, "earliest.sql", w.from("", "young", "'scan.startup.mode'='earliest-offset'"))
		o := w.catchUp(t, script)
		if !strings.Contains(o.out, "was created behind that place: it is copied") {
			t.Errorf("%s", o)
		}
		w.compare(t, "young", "young")

		// An index and an empty table leave it what it was; another column does not.
		w.target(t, "DROP TABLE "+w.database+".young")
		at := fmt.Sprintf("'scan.startup.mode'='specific-offset', 'scan.startup.specific-offset.file'='%s', 'scan.startup.specific-offset.pos'='%d'", file, offset)
		w.catchUp(t, w.write(t, "index.sql", w.from("", "young", at)))
		w.await(t, "young", "id|v|w", "3|c|8")
		w.exec(t, "ALTER TABLE young MODIFY v VARCHAR(30)")
		w.target(t, "DROP TABLE "+w.database+".young")
		script = w.write(t, "altered.sql", w.from("", "young", at))
		refusal := w.starferry(t, "run", "--until-caught-up", script)
		if refusal.code != 1 || !strings.Contains(refusal.err, "SF7063") || !strings.Contains(refusal.err, "ALTER TABLE young MODIFY v VARCHAR(30)") {
			t.Errorf("%s", refusal)
		}
		if o := w.starferry(t, "explain", "--online", script); o.code != 1 || o.err != refusal.err {
			t.Errorf("explain says\n%s\nand run\n%s", o, refusal)
		}
	})
}

// TestStartupBeforeColumnsCame begins where the table had fewer columns, in every delivery:
// its rows are read as they were there, and have what the source has in the end.
func TestStartupBeforeColumnsCame(t *testing.T) {
	t.Parallel()
	allDeliveries.each(t, func(t *testing.T, w *world, settings string, options []string) {
		w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))", "INSERT INTO t VALUES (1, 'before')")
		file, offset, _ := w.place(t)
		w.exec(t, "INSERT INTO t VALUES (2, 'a'), (3, 'b'), (4, 'c')", "ALTER TABLE t ADD COLUMN w INT AFTER id, COMMENT 'wider'", "DELETE FROM t WHERE id = 4",
			"INSERT INTO t VALUES (5, 8, 'd')", "UPDATE t SET v = 'changed' WHERE id = 2", "ALTER TABLE t ADD COLUMN (x VARCHAR(9), y DATE)", "INSERT INTO t VALUES (6, 9, 'e', 'x', '2026-01-02')")
		at := fmt.Sprintf("'scan.startup.mode'='specific-offset', 'scan.startup.specific-offset.file'='%s', 'scan.startup.specific-offset.pos'='%d'", file, offset)
		script := w.write(t, "t.sql", w.from(settings, "t", at, options...))
		if o := w.starferry(t, "explain", "--online", script); o.code != 0 {
			t.Errorf("explain: %s", o)
		}
		p := w.start(t, script)
		waitLine(t, p, "got columns behind that place")
		w.await(t, "t", "id|w|v|x|y", "2|NULL|changed|NULL|NULL", "3|NULL|b|NULL|NULL", "5|8|d|NULL|NULL", "6|9|e|x|2026-01-02")
		p.Kill()
		w.exec(t, "DELETE FROM t WHERE id = 5", "UPDATE t SET w = 1, y = '2026-03-04' WHERE id = 3")
		w.catchUp(t, script)
		w.await(t, "t", "id|w|v|x|y", "2|NULL|changed|NULL|NULL", "3|1|b|NULL|2026-03-04", "6|9|e|x|2026-01-02")
	})
}

// TestStartupRefusals names what cannot be begun at.
func TestStartupRefusals(t *testing.T) {
	t.Parallel()
	eachSource(t, func(t *testing.T, w *world) {
		w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY)")
		file, offset, _ := w.place(t)
		w.exec(t, "INSERT INTO t VALUES (1)")
		specific := "'scan.startup.mode'='specific-offset', 'scan.startup.specific-offset."
		for what, want := range map[string]string{
			fmt.Sprintf("%sfile'='%s', 'scan.startup.specific-offset.pos'='%d'", specific, file, offset+7): "SF3037",
			specific + "file'='nothing.000001'":                                                                                         "nothing.000001",
			"'scan.startup.mode'='timestamp', 'scan.startup.timestamp-millis'='1000'":                                                   "reaches back to",
			fmt.Sprintf("'scan.startup.mode'='timestamp', 'scan.startup.timestamp-millis'='%d'", time.Now().Add(time.Hour).UnixMilli()): "still to come",
			specific + "gtid-set'='nonsense'":                                                                                           "",
			specific + "skip-events'='1'":                                                                                               "SF2108",
			"'scan.startup.mode'='specific-offset'":                                                                                     "SF2232",
		} {
			o := w.starferry(t, "run", "--until-caught-up", "--data-dir", t.TempDir(), w.write(t, "refused.sql", w.from("", "t", what)))
			if o.code == 0 || o.code == 3 || !strings.Contains(o.err, want) || !strings.Contains(o.err, "To fix: ") {
				t.Errorf("%s: %s", what, o)
			}
		}
	})
}

// TestSnapshotEnds copies, and ends by itself.
func TestSnapshotEnds(t *testing.T) {
	t.Parallel()
	allDeliveries.each(t, func(t *testing.T, w *world, settings string, options []string) {
		w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))", "INSERT INTO t VALUES (1, 'a'), (2, 'b')")
		script := w.write(t, "snapshot.sql", w.from(settings, "t", "'scan.startup.mode'='snapshot'", options...))
		if o := w.starferry(t, "run", script); o.code != 0 {
			t.Fatalf("%s", o)
		}
		w.compare(t, "t", "t")
		w.exec(t, "INSERT INTO t VALUES (3, 'c')")
		if o := w.starferry(t, "run", script); o.code != 0 || !strings.Contains(o.out, "goes on from its checkpoint") {
			t.Fatalf("%s", o)
		}
		w.compare(t, "t", "t")
	})
}

// TestStartupOfADatabase follows a database from the end of the log on: what is there is not
// copied, what comes is followed whole.
func TestStartupOfADatabase(t *testing.T) {
	t.Parallel()
	allDeliveries.each(t, func(t *testing.T, w *world, settings string, options []string) {
		for _, table := range []string{"one", "two"} {
			w.exec(t, fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, v VARCHAR(20))", table), fmt.Sprintf("INSERT INTO %s VALUES (1, 'before')", table))
		}
		script := w.write(t, "database.sql", w.into(settings, "/*+ OPTIONS ('scan.startup.mode'='latest-offset') */", options...))
		p := w.start(t, script)
		waitLine(t, p, "2 tables are not copied and hold only what changes from there on")
		w.exec(t, "INSERT INTO one VALUES (2, 'after')", "CREATE TABLE three (id INT PRIMARY KEY, v VARCHAR(20))", "INSERT INTO three VALUES (1, 'new')")
		w.await(t, "one", "id|v", "2|after")
		w.awaitTable(t, "three")
		w.await(t, "three", "id|v", "1|new")
		p.Kill()
		w.exec(t, "INSERT INTO two VALUES (3, 'while nobody ran')")
		w.catchUp(t, script)
		w.await(t, "two", "id|v", "3|while nobody ran")
		if o := w.starferry(t, "verify", script, "--table", w.database+".three"); o.code != 0 {
			t.Errorf("verify: %s", o)
		}
	})
}

// TestStartedWithoutACopy: what changes rows without row events mends the rows that the target
// has, and copies no history. A TRUNCATE leaves none.
func TestStartedWithoutACopy(t *testing.T) {
	t.Parallel()
	allDeliveries.each(t, func(t *testing.T, w *world, settings string, options []string) {
		w.grantResync(t)
		w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20), w VARCHAR(20))", "INSERT INTO t VALUES (1, 'a', 'b'), (2, 'a', 'b'), (3, 'a', 'b'), (4, 'a', 'b')")
		script := w.write(t, "t.sql", w.from(settings, "t", "'scan.startup.mode'='latest-offset'", options...))
		p := w.start(t, script)
		waitLine(t, p, "1 tables are not copied")
		w.exec(t, "UPDATE t SET v = 'mine' WHERE id IN (2, 3)", "INSERT INTO t VALUES (5, 'mine', 'b')")
		w.await(t, "t", "id|v|w", "2|mine|b", "3|mine|b", "5|mine|b")
		w.exec(t, "CREATE TABLE t_new LIKE t", "INSERT INTO t_new SELECT id, UPPER(v), w FROM t WHERE id <> 3", "INSERT INTO t_new VALUES (6, 'NEW', 'b')", "RENAME TABLE t TO t_old, t_new TO t")
		waitLine(t, p, w.database+".t compared with "+w.database+".t: of 2 rows 0 were missing, 2 different, 1 superfluous; mended")
		w.await(t, "t", "id|v|w", "2|MINE|b", "5|MINE|b")
		w.exec(t, "ALTER TABLE t RENAME COLUMN v TO w, RENAME COLUMN w TO v", "UPDATE t SET w = 'last' WHERE id = 1")
		w.await(t, "t", "id|v|w", "1|b|last", "2|b|MINE", "5|b|MINE")
		w.stop(t, p)
		if o := w.starferry(t, "verify", script); o.code == 0 || !strings.Contains(o.err, "SF5015") {
			t.Errorf("verify: %s", o)
		}
		w.exec(t, "TRUNCATE TABLE t", "INSERT INTO t VALUES (7, 'seven', 'b')")
		w.catchUp(t, script)
		w.compare(t, "t", "t")
		w.verify(t, 0, script)
	})
}

// TestStartupBehindEverything begins behind all transactions there are: nothing has to come
// before that is known.
func TestStartupBehindEverything(t *testing.T) {
	t.Parallel()
	eachSource(t, func(t *testing.T, w *world) {
		w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
		_, _, gtids := w.place(t)
		script := w.write(t, "end.sql", w.from("", "t", "'scan.startup.mode'='specific-offset', 'scan.startup.specific-offset.gtid-set'='"+gtids+"'"))
		if o := w.starferry(t, "explain", "--online", script); o.code != 0 || !strings.Contains(o.out, "Begins ") {
			t.Fatalf("explain: %s", o)
		}
		p := w.start(t, script)
		waitLine(t, p, "1 tables are not copied")
		w.exec(t, "INSERT INTO t VALUES (2)")
		w.await(t, "t", "id", "2")
		w.stop(t, p)
	})
}
