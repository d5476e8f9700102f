package endtoend

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

// shapedScript has example (d) of the statement's inventors, with rows chosen and columns
// left out.
func (w *world) shapedScript(settings string, with []string) string {
	script := w.script(settings, route{"t", "t", with})
	create := strings.Index(script, "CREATE TABLE IF NOT EXISTS")
	head, body := script[:create], script[create:]
	body = strings.Replace(body, " WITH (", " (PRIMARY KEY (dt, id) NOT ENFORCED) COMMENT 'shaped' PARTITIONED BY (dt) WITH (", 1)
	end := strings.LastIndex(body, ";")
	return head + body[:end] + `
  DROP COLUMN (secret)
  ADD COLUMN (etl_ts AS NOW(),
    dt AS COALESCE(CAST(DATE_FORMAT(created, 'yyyyMMdd') AS STRING), '__DEFAULT__') COMMENT 'the day' FIRST,
    label AS CONCAT(UPPER(name), '-', CAST(amount * 2 AS STRING)) AFTER name,
    size AS CASE WHEN amount >= 100 THEN 'large' WHEN amount IS NULL THEN 'none' ELSE 'small' END)
  WHERE state <> 'deleted' AND (amount IS NULL OR amount < 1000)` + body[end:]
}

const shapedSource = "CREATE TABLE t (id INT PRIMARY KEY, created DATETIME NULL, name VARCHAR(20) NOT NULL, secret VARCHAR(20) NOT NULL, amount INT NULL, state VARCHAR(10) NOT NULL)"

// shapedWant is what the target should hold, as the source computes it.
const shapedWant = `SELECT COALESCE(DATE_FORMAT(created, '%Y%m%d'), '__DEFAULT__'), id, created, name,
  CONCAT(UPPER(name), '-', amount * 2), amount, state,
  CASE WHEN amount >= 100 THEN 'large' WHEN amount IS NULL THEN 'none' ELSE 'small' END
  FROM t WHERE BINARY state <> 'deleted' AND (amount IS NULL OR amount < 1000) ORDER BY id`

const shapedHas = "SELECT dt, id, created, name, label, amount, state, size FROM t ORDER BY id"

// sameShaped compares source and target by value.
func (w *world) sameShaped(t *testing.T) {
	t.Helper()
	want := shapedRows(t, w.source.DB(), strings.Replace(shapedWant, "FROM t ", "FROM "+w.database+".t ", 1))
	has := shapedRows(t, w.admin, strings.Replace(shapedHas, "FROM t ", "FROM "+w.database+".t ", 1))
	if !slices.Equal(want, has) {
		t.Fatalf("the target holds\n%s\nand should hold\n%s", strings.Join(has, "\n"), strings.Join(want, "\n"))
	}
}

// shapedWrites are random statements; a key's inputs change, rows enter the filter and
// leave it.
func shapedWrites(r *rand.Rand, n int) (statements []string) {
	states := []string{"new", "paid", "deleted"}
	created := func() string {
		if r.IntN(6) == 0 {
			return "NULL"
		}
		return fmt.Sprintf("'2026-0%d-%02d 10:00:00'", 1+r.IntN(3), 1+r.IntN(4))
	}
	amount := func() string {
		if r.IntN(5) == 0 {
			return "NULL"
		}
		return fmt.Sprint(r.IntN(1200))
	}
	for range n {
		id := r.IntN(60)
		switch r.IntN(7) {
		case 0, 1:
			statements = append(statements, fmt.Sprintf("REPLACE INTO t VALUES (%d, %s, 'n%d', 's', %s, '%s')", id, created(), r.IntN(9), amount(), states[r.IntN(3)]))
		case 2:
			statements = append(statements, fmt.Sprintf("UPDATE t SET created = %s WHERE id = %d", created(), id))
		case 3:
			statements = append(statements, fmt.Sprintf("UPDATE t SET state = '%s' WHERE id BETWEEN %d AND %d", states[r.IntN(3)], id, id+3))
		case 4:
			statements = append(statements, fmt.Sprintf("UPDATE t SET amount = %s, secret = 'x%d' WHERE id = %d", amount(), r.IntN(100), id))
		case 5:
			statements = append(statements, fmt.Sprintf("UPDATE IGNORE t SET id = %d, created = %s WHERE id = %d", r.IntN(60), created(), id))
		default:
			statements = append(statements, fmt.Sprintf("DELETE FROM t WHERE id = %d", id))
		}
	}
	return statements
}

// TestShapedTables: columns computed by StarRocks, one of them in the key, others left out,
// rows chosen, in every delivery, across kills; a comparison knows all that and mends it.
func TestShapedTables(t *testing.T) {
	t.Parallel()
	allDeliveries.each(t, ferryShaped)
}

func ferryShaped(t *testing.T, w *world, settings string, with []string) {
	r := rand.New(rand.NewPCG(uint64(seed(t)), 1))
	w.grantResync(t)
	w.exec(t, shapedSource)
	w.exec(t, shapedWrites(r, 150)...)
	script := w.write(t, "t.sql", w.shapedScript(settings, with))
	w.catchUp(t, script)
	w.sameShaped(t)
	for round := range 3 {
		p := w.start(t, script, "--progress-interval", "50ms")
		waitLine(t, p, "state=streaming")
		w.exec(t, shapedWrites(r, 120)...)
		if round < 2 {
			p.Kill()
		} else {
			w.stop(t, p)
		}
		w.exec(t, shapedWrites(r, 30)...)
	}
	w.catchUp(t, script)
	w.sameShaped(t)

	w.verify(t, 0, script)
	w.exec(t, "DELETE FROM t WHERE id >= 97", "INSERT INTO t VALUES (97, '2026-05-01', 'kept', 's', 1, 'new'), (98, '2026-05-01', 'in', 's', 1, 'new'), (99, '2026-05-01', 'out', 's', 1, 'deleted')")
	w.catchUp(t, script)
	w.sameShaped(t)
	damage := "INSERT INTO " + w.database + ".t (dt, id, created, name, label, amount, state, size) VALUES ('20260501', "
	w.target(t, damage+"97, '2026-05-01', 'kept', 'wrong', 1, 'new', 'small')")
	if _, o := w.verify(t, 1, script); !strings.Contains(o.out, "label") {
		t.Fatalf("a computed column is another: %s", o)
	}
	w.target(t, "DELETE FROM "+w.database+".t WHERE dt = '20260501' AND id = 98", damage+"99, '2026-05-01', 'out', 'OUT-2', 1, 'deleted', 'small')")
	w.verify(t, 0, script, "--repair")
	w.verify(t, 0, script)
	w.sameShaped(t)
	w.resync(t, script, "t")
	w.sameShaped(t)
}

// shapedRows are the rows of an answer, a line each.
func shapedRows(t *testing.T, db *sql.DB, query string) (lines []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	cells, into := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range cells {
		into[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprint(cells))
	}
	return lines
}

// TestSchemaChangesOfShapedTables: what the target does not have may change as it likes;
// what a column is computed from may not go.
func TestSchemaChangesOfShapedTables(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testbed.MariaDB(t))
	w.grantResync(t)
	w.exec(t, shapedSource, "INSERT INTO t VALUES (1, '2026-01-01', 'a', 's', 5, 'new')")
	script := w.write(t, "t.sql", w.shapedScript("", nil))
	w.catchUp(t, script)
	w.exec(t, "ALTER TABLE t MODIFY secret BLOB NOT NULL", "INSERT INTO t VALUES (2, '2026-01-02', 'b', 5, 5, 'new')")
	w.catchUp(t, script)
	w.exec(t, "ALTER TABLE t DROP COLUMN secret, ADD COLUMN more INT NULL", "INSERT INTO t VALUES (3, '2026-01-02', 'c', 5, 'new', 9)")
	w.catchUp(t, script)
	w.exec(t, "ALTER TABLE t ADD COLUMN secret TEXT NOT NULL", "INSERT INTO t VALUES (4, NULL, 'd', NULL, 'new', 9, 'x'), (5, NULL, 'e', NULL, 'deleted', 9, 'x')")
	w.catchUp(t, script)
	w.sameShaped(t)
	// What the WHERE leaves out is no row of the comparison.
	if report, o := w.verify(t, 0, script); report.Tables[0].Rows != 4 || report.Tables[0].TargetRows != 4 {
		t.Errorf("of 5 rows the target is to have 4: %s", o)
	}
	w.resync(t, script, "t")
	w.sameShaped(t)

	w.exec(t, "ALTER TABLE t CHANGE state status VARCHAR(10) NOT NULL", "INSERT INTO t VALUES (6, NULL, 'f', NULL, 'new', 9, 'x')")
	w.refused(t, script, "`state`")
	w.refused(t, script, "`state`")
}

// TestComputedFromWhatIsGone: the table stops and says so.
func TestComputedFromWhatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testbed.MySQL(t))
	w.exec(t, shapedSource, "INSERT INTO t VALUES (1, '2026-01-01', 'a', 's', 5, 'new')")
	script := w.write(t, "t.sql", w.shapedScript("", nil))
	w.catchUp(t, script)
	w.exec(t, "ALTER TABLE t DROP COLUMN created", "INSERT INTO t VALUES (2, 'b', 's', 5, 'new')")
	w.refused(t, script, "column `created` is gone, which `dt` is computed from")
}

// TestKeysOfTheirOwn: a plain column of the row in the key, and targets of a database that
// are renamed.
func TestKeysOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testbed.MariaDB(t))
	w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, n DECIMAL(10,2) NOT NULL, region BINARY(2) NOT NULL, v TEXT)", "INSERT INTO t VALUES (1, 1.5, 'a', 'x'), (2, 2.5, 'b', 'y')")
	script := w.script("", route{from: "t", to: "t"})
	script = w.write(t, "t.sql", strings.Replace(script, "t WITH (", "t (PRIMARY KEY (region, id, n) NOT ENFORCED) WITH (", 1))
	w.catchUp(t, script)
	w.exec(t, "UPDATE t SET region = 'c', v = 'moved' WHERE id = 1", "UPDATE t SET n = 7 WHERE id = 2", "INSERT INTO t VALUES (3, 3, 'z', NULL)", "DELETE FROM t WHERE id = 3")
	w.catchUp(t, script)
	want := []string{"region|id|n|v", "6200|2|7.00|y", "6300|1|1.50|moved"}
	if got := w.printed(t, "t"); !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
	w.verify(t, 0, script)
}

func TestRenamedTargets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testbed.MySQL(t))
	w.exec(t, "CREATE TABLE web_a (id INT PRIMARY KEY)", "INSERT INTO web_a VALUES (1)", "CREATE TABLE other (id INT PRIMARY KEY)")
	script := w.write(t, "d.sql", w.into("", "RENAME TABLE 'web_(.*)' TO 'ods_$1'"))
	w.catchUp(t, script)
	w.exec(t, "INSERT INTO web_a VALUES (2)")
	w.catchUp(t, script)
	if got := w.printed(t, "ods_a"); !slices.Equal(got, []string{"id", "1", "2"}) || !w.hasTargetTable(t, "other") || w.hasTargetTable(t, "web_a") {
		t.Fatal(got)
	}
}
