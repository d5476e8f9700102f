package endtoend

import (
	"fmt"
	"strings"
	"testing"
)

// TestMergedRowsAreChosen: a WHERE holds for every shard, for its copy and for rows that come
// to fit, or do not any more; killed in between.
func TestMergedRowsAreChosen(t *testing.T) {
	t.Parallel()
	allDeliveries.each(t, func(t *testing.T, w *world, settings string, options []string) {
		w.grantResync(t)
		create := func(table, extra string) []string {
			return []string{fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, v VARCHAR(20), state VARCHAR(10)%s)", table, extra),
				fmt.Sprintf("INSERT INTO %s (id, v, state) VALUES (1, 'a', 'new'), (2, 'b', 'gone'), (3, 'c', NULL), (4, 'd', 'paid')", table)}
		}
		w.exec(t, append(create("part_1", ""), create("part_2", "")...)...)
		script := w.write(t, "chosen.sql", strings.Replace(w.merged(settings, "parts", "part_[0-9]+", options...), "`part_[0-9]+`;", "`part_[0-9]+` WHERE state IS NULL OR state <> 'gone';", 1))
		const columns, chosen = "_db_name|_table_name|id|v|state", " WHERE state IS NULL OR BINARY state <> 'gone'"
		await := func(columns string, tables ...string) {
			t.Helper()
			for i := range tables {
				tables[i] += chosen
			}
			w.awaitMerged(t, "parts", columns, tables...)
		}
		p := w.start(t, script)
		await(columns, "part_1", "part_2")
		w.exec(t, "BEGIN", "UPDATE part_1 SET state = 'gone' WHERE id = 1", "UPDATE part_2 SET state = 'back' WHERE id = 2", "UPDATE part_1 SET id = 9, state = 'new' WHERE id = 2",
			"UPDATE part_2 SET id = 8, state = 'gone' WHERE id = 1", "INSERT INTO part_1 VALUES (5, 'e', 'gone'), (6, 'f', 'Gone')", "COMMIT")
		await(columns, "part_1", "part_2")
		w.exec(t, "UPDATE part_1 SET state = 'gone' WHERE id = 3", "UPDATE part_2 SET v = 'seen', state = NULL WHERE id = 8")
		p.Kill()
		w.exec(t, "DELETE FROM part_1 WHERE id = 5", "UPDATE part_1 SET state = 'new' WHERE id = 3", "UPDATE part_2 SET state = 'gone' WHERE id = 4")
		p = w.start(t, script)
		await(columns, "part_1", "part_2")
		// One that comes later has more columns; one that lacks what WHERE asks for is left out.
		w.exec(t, append(create("part_3", ", extra INT"), "CREATE TABLE part_4 (id INT PRIMARY KEY)", "INSERT INTO part_4 VALUES (1)")...)
		await(columns+"|extra", "part_1", "part_2", "part_3")
		waitLine(t, p, ".part_4 is new and cannot be followed, the other tables go on: ")
		p.Kill()
		w.exec(t, "DROP TABLE part_4", "TRUNCATE TABLE part_2", "INSERT INTO part_2 VALUES (1, 'x', 'gone'), (2, 'y', 'new')", "UPDATE part_3 SET state = 'gone' WHERE id = 1")
		p = w.start(t, script)
		await(columns+"|extra", "part_1", "part_2", "part_3")
		w.stop(t, p)
		w.verify(t, 0, script)
		w.resync(t, script, "part_3")
		await(columns+"|extra", "part_1", "part_2", "part_3")
		w.verify(t, 0, script)
	})
}

// TestMergedDatabasesAreRenamed: RENAME TABLE names the targets that the tables of several
// databases are merged into, also of tables and databases that come later; killed in between.
func TestMergedDatabasesAreRenamed(t *testing.T) {
	t.Parallel()
	allDeliveries.each(t, func(t *testing.T, w *world, settings string, options []string) {
		database := func(i int) string { return fmt.Sprintf("%s_%d", w.database, i) }
		create := func(i int, tables ...string) {
			at := *w
			at.database = database(i)
			at.sourceDatabase(t)
			at.source.Exec(t, fmt.Sprintf("GRANT SELECT, LOCK TABLES ON %s.* TO '%s'@'%%'", at.database, w.user))
			for _, table := range tables {
				at.exec(t, fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, v INT)", table), fmt.Sprintf("INSERT INTO %s VALUES (1, %d), (2, 2)", table, i))
			}
		}
		create(1, "web_a", "other")
		create(2, "web_a", "web_b")
		script := w.write(t, "renamed.sql", settings+w.catalogs()+fmt.Sprintf("\nCREATE DATABASE IF NOT EXISTS %s %s AS DATABASE mysql.`%[1]s_[0-9]+` RENAME TABLE 'web_(.*)' TO 'ods_$1';\n", w.database, w.with(options...)))
		p := w.start(t, script)
		const columns = "_db_name|_table_name|id|v"
		w.awaitMerged(t, "ods_a", columns, database(1)+".web_a", database(2)+".web_a")
		w.awaitMerged(t, "ods_b", columns, database(2)+".web_b")
		w.awaitMerged(t, "other", columns, database(1)+".other")
		p.Kill()
		w.source.Exec(t, fmt.Sprintf("UPDATE %s.web_a SET v = v + 10", database(1)), fmt.Sprintf("DELETE FROM %s.web_a WHERE id = 1", database(2)),
			fmt.Sprintf("CREATE TABLE %s.web_c (id INT PRIMARY KEY, v INT)", database(1)), fmt.Sprintf("INSERT INTO %s.web_c VALUES (7, 7)", database(1)))
		p = w.start(t, script)
		w.awaitMerged(t, "ods_a", columns, database(1)+".web_a", database(2)+".web_a")
		w.awaitMerged(t, "ods_c", columns, database(1)+".web_c")
		w.source.Exec(t, fmt.Sprintf("CREATE TABLE %s.web_c (id INT PRIMARY KEY, v INT)", database(2)), fmt.Sprintf("INSERT INTO %s.web_c VALUES (7, 8)", database(2)))
		w.awaitMerged(t, "ods_c", columns, database(1)+".web_c", database(2)+".web_c")
		p.Kill()
		create(3, "web_a")
		p = w.start(t, script)
		w.awaitMerged(t, "ods_a", columns, database(1)+".web_a", database(2)+".web_a", database(3)+".web_a")
		w.stop(t, p)
		w.verify(t, 0, script)
		for _, table := range []string{"web_a", "web_b", "web_c"} {
			if w.hasTargetTable(t, table) {
				t.Errorf("there is a target %s", table)
			}
		}
	})
}
