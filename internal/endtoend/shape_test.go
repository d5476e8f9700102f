package endtoend

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

// shapedScript has example (d) of the statement's inventors, with rows chosen and columns
// left out.
func (w *world) shapedScript(settings string) string {
	script := w.script(settings, route{from: "t", to: "t"})
	script = strings.Replace(script, "WITH (\n", "WITH (\n", 1)
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
	want := texts(t, w.source.DB(), strings.Replace(shapedWant, "FROM t ", "FROM "+w.database+".t ", 1))
	has := texts(t, w.admin, strings.Replace(shapedHas, "FROM t ", "FROM "+w.database+".t ", 1))
	if want != has {
		t.Fatalf("the target holds\n%s\nand should hold\n%s", has, want)
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
	for name, settings := range map[string]string{
		"at-least-once": "",
		"two-phase":     exactlyOnce,
		"inside":        positionInside,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, testbed.MySQL(t))
			r := rand.New(rand.NewPCG(7, uint64(len(name))))
			w.exec(t, shapedSource)
			w.exec(t, shapedWrites(r, 150)...)
			script := w.write(t, "t.sql", w.shapedScript(settings))
			w.catchUp(t, script)
			w.sameShaped(t)
			for round := range 3 {
				p := w.start(t, script)
				w.exec(t, shapedWrites(r, 120)...)
				if round < 2 {
					p.Kill(t)
				} else {
					w.stop(t, p)
				}
				w.exec(t, shapedWrites(r, 30)...)
			}
			w.catchUp(t, script)
			w.sameShaped(t)

			o := w.starferry(t, "verify", script)
			if o.code != 0 {
				t.Fatalf("nothing differs: %s", o)
			}
			w.admin.Exec("UPDATE " + w.database + ".t SET label = 'wrong' WHERE id >= 0")
			o = w.starferry(t, "verify", script)
			if o.code != 1 || !strings.Contains(o.out+o.err, "label") {
				t.Fatalf("a computed column is another: %s", o)
			}
			if o = w.starferry(t, "verify", "--repair", script); o.code != 0 && o.code != 1 {
				t.Fatal(o)
			}
			w.sameShaped(t)
			if o = w.starferry(t, "resync", script); o.code != 0 {
				t.Fatal(o)
			}
			w.catchUp(t, script)
			w.sameShaped(t)
		})
	}
}
