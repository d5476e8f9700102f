package endtoend

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

// merged is a script that merges the tables of a pattern.
func (w *world) merged(settings, target, pattern string, options ...string) string {
	return settings + w.catalogs() + fmt.Sprintf("\nCREATE TABLE IF NOT EXISTS %s %s AS TABLE mysql.%s.`%s`;\n", target, w.with(options...), w.database, pattern)
}

// mergedRows are the rows that a merged target has to show: of each table (database.table,
// where it is another database; WHERE, where it is not all) those columns that it has, and NULL
// in the others.
func (w *world) mergedRows(t *testing.T, columns []string, tables ...string) (rows []string) {
	t.Helper()
	for _, table := range tables {
		at := *w
		table, where, _ := strings.Cut(table, " WHERE ")
		if where == "" {
			where = "TRUE"
		}
		if database, name, other := strings.Cut(table, "."); other {
			at.database, table = database, name
		}
		selected := []string{}
		for _, name := range columns[2:] {
			known := false
			for _, c := range at.sourceColumns(t, table) {
				known = known || c.name == name
			}
			if known {
				selected = append(selected, "COALESCE(CAST("+name+" AS CHAR), 'NULL')")
			} else {
				selected = append(selected, "'NULL'")
			}
		}
		answer, err := w.source.DB().Query(fmt.Sprintf("SELECT CONCAT_WS('|', '%[1]s', '%[2]s', %[3]s) FROM %[1]s.%[2]s WHERE %[4]s", at.database, table, strings.Join(selected, ", "), where))
		if err != nil {
			t.Fatal(err)
		}
		for answer.Next() {
			var row string
			if err := answer.Scan(&row); err != nil {
				t.Fatal(err)
			}
			rows = append(rows, row)
		}
		if err := answer.Close(); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(rows)
	return rows
}

// awaitMerged waits until a merged target shows all rows of its tables, in these columns.
func (w *world) awaitMerged(t *testing.T, target, columns string, tables ...string) {
	t.Helper()
	names := strings.Split(columns, "|")
	eventually(t, func() string {
		if !w.hasTargetTable(t, target) {
			return "there is no target table " + target
		}
		got := w.printed(t, target)
		if got[0] != columns {
			return fmt.Sprintf("%s has the columns %s, want %s", target, got[0], columns)
		}
		rows := slices.Sorted(slices.Values(got[1:]))
		if want := w.mergedRows(t, names, tables...); !slices.Equal(rows, want) {
			return fmt.Sprintf("%s shows\n%s\nwant\n%s", target, strings.Join(rows, "\n"), strings.Join(want, "\n"))
		}
		return ""
	})
}

// TestMergedTables: several tables into one, in every delivery: their copies, writes to all
// of them in one transaction, the same key in each, schema changes that come to one after
// the other, a TRUNCATE of one, a shard that comes later, and one that goes; killed and
// started again in between.
func TestMergedTables(t *testing.T) {
	t.Parallel()
	allDeliveries.each(t, func(t *testing.T, w *world, settings string, options []string) {
		for i := 1; i <= 3; i++ {
			w.exec(t, fmt.Sprintf("CREATE TABLE s_%d (id INT PRIMARY KEY, v VARCHAR(%d), n %s)", i, 10*i, []string{"INT", "TINYINT", "BIGINT"}[i-1]),
				fmt.Sprintf("INSERT INTO s_%d VALUES (1, 'one', %d), (2, 'two', NULL), (3, '\\\\N', 3)", i, i))
		}
		w.exec(t, "CREATE TABLE s_x (id INT PRIMARY KEY)")
		script := w.write(t, "merged.sql", w.merged(settings, "all_s", "s_[0-9]+", options...))
		o := w.starferry(t, "explain", script)
		for _, want := range []string{"and 2 more, merged", "`_db_name` VARCHAR(192) NOT NULL", "PRIMARY KEY(`_db_name`, `_table_name`, `id`)", "`v` VARCHAR(120) NULL", "`n` BIGINT NULL", "int | tinyint | bigint"} {
			if o.code != 0 || !strings.Contains(o.out, want) {
				t.Errorf("explain does not say %q: %s", want, o)
			}
		}
		p := w.start(t, script)
		const three = "_db_name|_table_name|id|v|n"
		w.awaitMerged(t, "all_s", three, "s_1", "s_2", "s_3")
		w.exec(t, "BEGIN", "UPDATE s_1 SET v = 'changed' WHERE id = 1", "DELETE FROM s_2 WHERE id = 1", "INSERT INTO s_3 VALUES (9, 'nine', 9)", "UPDATE s_1 SET id = 7 WHERE id = 2", "COMMIT")
		w.awaitMerged(t, "all_s", three, "s_1", "s_2", "s_3")
		p.Kill()

		// A column comes to one shard after the other; the rows of the others come first.
		w.exec(t, "ALTER TABLE s_1 ADD x INT", "BEGIN", "INSERT INTO s_2 VALUES (10, 'ten', 1)", "INSERT INTO s_1 VALUES (10, 'ten', 1, 5)", "COMMIT")
		p = w.start(t, script)
		const four = three + "|x"
		w.awaitMerged(t, "all_s", four, "s_1", "s_2", "s_3")
		w.exec(t, "ALTER TABLE s_2 ADD x INT AFTER id", "INSERT INTO s_2 VALUES (11, 6, 'eleven', 1)", "INSERT INTO s_3 VALUES (11, 'eleven', 1)", "ALTER TABLE s_3 ADD x INT", "UPDATE s_3 SET x = 8 WHERE id = 11")
		w.awaitMerged(t, "all_s", four, "s_1", "s_2", "s_3")
		// One with a default, which rows have that nobody writes.
		w.exec(t, "ALTER TABLE s_1 ADD y INT DEFAULT 7", "INSERT INTO s_1 VALUES (12, 'twelve', 1, 5, 8)")
		const five = four + "|y"
		eventually(t, func() string { return strings.TrimPrefix(w.printed(t, "all_s")[0], five) })
		w.exec(t, "INSERT INTO s_2 VALUES (12, 6, 'twelve', 1)", "ALTER TABLE s_2 ADD y INT DEFAULT 7", "INSERT INTO s_2 VALUES (13, 6, 'thirteen', 1, 8)",
			"ALTER TABLE s_3 ADD y INT DEFAULT 9", "INSERT INTO s_3 VALUES (13, 'thirteen', 1, 5, 6)")
		w.awaitMerged(t, "all_s", five, "s_1", "s_2", "s_3")
		w.exec(t, "ALTER TABLE s_1 DROP y", "INSERT INTO s_1 VALUES (14, 'fourteen', 1, 5)", "UPDATE s_1 SET v = 'all'", "UPDATE s_2 SET v = 'all'")
		w.awaitMerged(t, "all_s", five, "s_1", "s_2", "s_3")

		w.exec(t, "BEGIN", "INSERT INTO s_2 VALUES (20, 1, 'gone', 1, 1)", "INSERT INTO s_1 VALUES (20, 'stays', 1, 1)", "COMMIT", "TRUNCATE TABLE s_2", "INSERT INTO s_2 VALUES (21, 1, 'there', 1, 1)")
		w.awaitMerged(t, "all_s", five, "s_1", "s_2", "s_3")
		p.Kill()
		p = w.start(t, script)

		// One that comes later, without a column that the others have and with another.
		w.exec(t, "CREATE TABLE s_4 (id INT PRIMARY KEY, v VARCHAR(200), z INT NOT NULL)", "INSERT INTO s_4 VALUES (1, 'new', 1)")
		const six = five + "|z"
		w.awaitMerged(t, "all_s", six, "s_1", "s_2", "s_3", "s_4")
		w.exec(t, "UPDATE s_4 SET z = 2", "INSERT INTO s_1 VALUES (22, 'after', 1, 1)", fmt.Sprintf("INSERT INTO s_4 VALUES (2, '%s', 3)", strings.Repeat("ü", 200)))
		w.awaitMerged(t, "all_s", six, "s_1", "s_2", "s_3", "s_4")
		want := w.mergedRows(t, strings.Split(six, "|"), "s_1", "s_2", "s_3", "s_4")
		w.exec(t, "DROP TABLE s_3")
		waitLine(t, p, "s_3 is gone at the source")
		w.exec(t, "UPDATE s_1 SET v = 'all' WHERE id = 22")
		for i := range want {
			want[i] = strings.ReplaceAll(want[i], "after", "all")
		}
		eventually(t, func() string {
			if got := slices.Sorted(slices.Values(w.printed(t, "all_s")[1:])); !slices.Equal(got, want) {
				return strings.Join(got, "\n")
			}
			return ""
		})
		w.stop(t, p)
	})
}

// TestMergedTablesAreVerified: a difference in one shard is found and mended, a shard that
// is copied anew gets its rows back and loses those that the source does not have, and no
// row of another is touched.
func TestMergedTablesAreVerified(t *testing.T) {
	t.Parallel()
	allDeliveries.each(t, func(t *testing.T, w *world, settings string, options []string) {
		for i := 1; i <= 2; i++ {
			w.exec(t, fmt.Sprintf("CREATE TABLE s_%d (id INT PRIMARY KEY, v VARCHAR(10))", i), fmt.Sprintf("INSERT INTO s_%d VALUES (1, 'one'), (2, 'two'), (3, 'three')", i))
		}
		script := w.write(t, "merged.sql", w.merged(settings, "all_s", "s_[0-9]+", options...))
		w.catchUp(t, script)
		const columns = "_db_name|_table_name|id|v"
		damage := func() {
			w.target(t, fmt.Sprintf("DELETE FROM %s.all_s WHERE _table_name = 's_1' AND id = 2", w.database),
				fmt.Sprintf("INSERT INTO %[1]s.all_s (_db_name, _table_name, id, v) VALUES ('%[1]s', 's_1', 3, 'bad'), ('%[1]s', 's_1', 9, 'never')", w.database))
		}
		damage()
		r, _ := w.verify(t, 1, script)
		for _, table := range r.Tables {
			want := 1
			if table.Source.Table == "s_2" {
				want = 0
			}
			if table.Missing != want || table.Different != want || table.Superfluous != want || table.Rows != 3 {
				t.Errorf("%+v", table)
			}
		}
		w.verify(t, 0, script, "--repair")
		w.awaitMerged(t, "all_s", columns, "s_1", "s_2")
		damage()
		p := w.start(t, script)
		waitLine(t, p, "state=streaming")
		if o := w.starferry(t, "resync", script, "--yes", "--table", w.database+".s_1"); o.code != 0 {
			t.Errorf("resync: %s", o)
		}
		w.awaitMerged(t, "all_s", columns, "s_1", "s_2")
		w.exec(t, "INSERT INTO s_1 VALUES (4, 'four')", "INSERT INTO s_2 VALUES (4, 'four')")
		w.awaitMerged(t, "all_s", columns, "s_1", "s_2")
		w.stop(t, p)
	})
}

// TestShardStopsAlone: a change that is not carried stops its shard, the others go on, and
// a resync brings it back.
func TestShardStopsAlone(t *testing.T) {
	t.Parallel()
	allDeliveries.each(t, func(t *testing.T, w *world, settings string, options []string) {
		for i := 1; i <= 2; i++ {
			w.exec(t, fmt.Sprintf("CREATE TABLE s_%d (id INT PRIMARY KEY, v INT)", i), fmt.Sprintf("INSERT INTO s_%d VALUES (1, 1)", i))
		}
		script := w.write(t, "merged.sql", w.merged(settings, "all_s", "s_[0-9]+", options...))
		p := w.start(t, script)
		const columns = "_db_name|_table_name|id|v"
		w.awaitMerged(t, "all_s", columns, "s_1", "s_2")
		w.exec(t, "ALTER TABLE s_1 MODIFY v BIGINT", "BEGIN", "INSERT INTO s_2 VALUES (2, 2)", "INSERT INTO s_1 VALUES (2, 5000000000)", "INSERT INTO s_2 VALUES (3, 3)", "COMMIT")
		waitLine(t, p, "s_1 is stopped, the other tables go on")
		eventually(t, func() string {
			for _, row := range w.printed(t, "all_s") {
				if strings.HasSuffix(row, "s_2|3|3") {
					return ""
				}
			}
			return "the other shard does not go on"
		})
		w.exec(t, "DELETE FROM s_1 WHERE id = 1")
		if o := w.starferry(t, "resync", script, "--yes", "--table", w.database+".s_1"); o.code != 0 {
			t.Errorf("resync: %s", o)
		}
		w.awaitMerged(t, "all_s", columns, "s_1", "s_2")
		p.Kill()
		p = w.start(t, script)
		w.exec(t, "INSERT INTO s_1 VALUES (7, 6000000000)")
		w.awaitMerged(t, "all_s", columns, "s_1", "s_2")
		w.stop(t, p)
	})
}

// TestShardsThatCannotBeMerged: everything that is in the way is said, before anything runs.
func TestShardsThatCannotBeMerged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testbed.MySQL(t))
	long := "s_" + strings.Repeat("1", 60)
	w.exec(t, "CREATE TABLE s_1 (id INT PRIMARY KEY, v INT, w DATE)", "CREATE TABLE s_2 (id INT PRIMARY KEY, v VARCHAR(9), w INT)", "CREATE TABLE s_3 (id INT, k INT, _table_name INT, PRIMARY KEY (id, k))",
		"CREATE TABLE "+long+" (a CHAR(40) CHARACTER SET ascii, b BIGINT, c BIGINT, d BIGINT, e BIGINT, f BIGINT, g BIGINT, h BIGINT, PRIMARY KEY (a, b, c, d, e, f, g, h))")
	script := w.write(t, "merged.sql", w.merged("", "all_s", "s_.*"))
	o := w.starferry(t, "run", "--until-caught-up", script)
	for _, want := range []string{"`v` is INT in", ".s_1 and VARCHAR(9) in", "`w` is DATE in", "has a column `_table_name` itself", ".s_3 (id, k)", "no row of " + w.database + "." + long + " fits into", "128"} {
		if o.code != 1 || !strings.Contains(o.err, want) {
			t.Errorf("nothing is said of %q: %s", want, o)
		}
	}
	if w.hasTargetTable(t, "all_s") {
		t.Error("the target was created")
	}
}

// TestMoneyBetweenShards: every source transaction moves money from one shard to another,
// with columns that come to one after the other, while the process is killed again and
// again. In exactly-once every query on the target sees the same sum.
func TestMoneyBetweenShards(t *testing.T) {
	t.Parallel()
	allDeliveries.each(t, func(t *testing.T, w *world, settings string, options []string) {
		const shards, accounts, total = 4, 20, 4 * 20 * 100
		for s := range shards {
			w.exec(t, fmt.Sprintf("CREATE TABLE acct_%d (id INT PRIMARY KEY, amount INT NOT NULL)", s))
			for a := range accounts {
				w.exec(t, fmt.Sprintf("INSERT INTO acct_%d VALUES (%d, 100)", s, a))
			}
		}
		script := w.write(t, "merged.sql", w.merged(settings, "money", "acct_[0-9]+", options...))
		w.catchUp(t, script)
		see := func() {
			var sum, rows int
			if err := w.admin.QueryRow(fmt.Sprintf("SELECT SUM(amount), COUNT(*) FROM %s.money", w.database)).Scan(&sum, &rows); err != nil {
				t.Fatal(err)
			}
			if settings != "" && (sum != total || rows != shards*accounts) {
				t.Fatalf("%d rows with %d in all are visible", rows, sum)
			}
		}
		random := rand.New(rand.NewPCG(uint64(seed(t)), 1))
		for round := range 6 {
			p := w.start(t, script, "--progress-interval", "50ms")
			waitLine(t, p, "state=streaming")
			for range 30 {
				from, to := random.IntN(shards), random.IntN(shards)
				w.exec(t, "BEGIN", fmt.Sprintf("UPDATE acct_%d SET amount = amount - 7 WHERE id = %d", from, random.IntN(accounts)),
					fmt.Sprintf("UPDATE acct_%d SET amount = amount + 7 WHERE id = %d", to, random.IntN(accounts)), "COMMIT")
				see()
			}
			if round > 0 && round <= shards {
				w.exec(t, fmt.Sprintf("ALTER TABLE acct_%d ADD note INT DEFAULT 3", round-1))
			}
			p.Kill()
			see()
		}
		w.catchUp(t, script)
		w.awaitMerged(t, "money", "_db_name|_table_name|id|amount|note", "acct_0", "acct_1", "acct_2", "acct_3")
	})
}

// TestMergedDatabases: tables of the same name in several databases are merged, also those
// and in databases that come later; a name that only one database has is a merged table too.
func TestMergedDatabases(t *testing.T) {
	t.Parallel()
	allDeliveries.each(t, func(t *testing.T, w *world, settings string, options []string) {
		database := func(i int) string { return fmt.Sprintf("%s_%d", w.database, i) }
		create := func(i int) {
			at := *w
			at.database = database(i)
			at.sourceDatabase(t)
			at.source.Exec(t, fmt.Sprintf("GRANT SELECT, LOCK TABLES ON %s.* TO '%s'@'%%'", at.database, w.user))
		}
		create(1)
		create(2)
		w.source.Exec(t, fmt.Sprintf("CREATE TABLE %s.item (id INT PRIMARY KEY, v INT)", database(1)), fmt.Sprintf("CREATE TABLE %s.item (v INT, id INT PRIMARY KEY)", database(2)),
			fmt.Sprintf("INSERT INTO %s.item (id, v) VALUES (1, 1), (2, 2)", database(1)), fmt.Sprintf("INSERT INTO %s.item (id, v) VALUES (1, 3)", database(2)),
			fmt.Sprintf("CREATE TABLE %s.lone (id INT PRIMARY KEY, v INT)", database(2)), fmt.Sprintf("INSERT INTO %s.lone VALUES (1, 1)", database(2)))
		script := w.write(t, "databases.sql", settings+w.catalogs()+fmt.Sprintf("\nCREATE DATABASE IF NOT EXISTS %s %s AS DATABASE mysql.`%[1]s_[0-9]+` INCLUDING ALL TABLES;\n", w.database, w.with(options...)))
		p := w.start(t, script)
		const columns = "_db_name|_table_name|id|v"
		w.awaitMerged(t, "item", columns, database(1)+".item", database(2)+".item")
		w.awaitMerged(t, "lone", columns, database(2)+".lone")
		w.source.Exec(t, fmt.Sprintf("CREATE TABLE %s.lone (id INT PRIMARY KEY, v INT)", database(1)), fmt.Sprintf("INSERT INTO %s.lone VALUES (1, 9)", database(1)),
			fmt.Sprintf("UPDATE %s.item SET v = 7", database(2)), fmt.Sprintf("CREATE TABLE %s.later (id INT PRIMARY KEY, v INT)", database(2)))
		w.awaitMerged(t, "item", columns, database(1)+".item", database(2)+".item")
		w.awaitMerged(t, "lone", columns, database(1)+".lone", database(2)+".lone")
		p.Kill()
		create(3)
		w.source.Exec(t, fmt.Sprintf("CREATE TABLE %s.item (id INT PRIMARY KEY, v INT, w INT)", database(3)), fmt.Sprintf("INSERT INTO %s.item VALUES (1, 1, 1)", database(3)),
			fmt.Sprintf("INSERT INTO %s.later VALUES (1, 1)", database(2)))
		p = w.start(t, script)
		w.awaitMerged(t, "item", columns+"|w", database(1)+".item", database(2)+".item", database(3)+".item")
		w.awaitMerged(t, "later", columns, database(2)+".later")
		w.stop(t, p)
	})
}
