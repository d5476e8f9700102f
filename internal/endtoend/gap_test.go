package endtoend

import (
	"fmt"
	"strings"
	"testing"
)

// TestInTheGapOfACutOver: a cut-over in two steps leaves no table of that name for a moment.
// Whoever stops, dies, or loses the stream just then goes on with the table that takes the
// name, as one does that sees both steps.
func TestInTheGapOfACutOver(t *testing.T) {
	t.Parallel()
	twoDeliveries.each(t, func(t *testing.T, w *world, settings string, with []string) {
		w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))", "INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')", "CREATE TABLE u (id INT PRIMARY KEY)", "INSERT INTO u VALUES (0)")
		script := w.write(t, "t.sql", w.script(settings, route{"t", "t", with}, route{"u", "u", with}))
		w.catchUp(t, script)
		p := w.start(t, script)
		again := func() { p = w.start(t, script) }
		for i, gap := range []struct{ begins, ends func() }{
			{func() { w.stop(t, p) }, again},
			{func() { p.Kill(); w.catchUp(t, script) }, again},
			{func() { w.killStream(t); waitLine(t, p, "reading again from ") }, func() {}},
		} {
			shadow := fmt.Sprintf("_t_%d", i)
			w.exec(t, "CREATE TABLE "+shadow+" LIKE t", fmt.Sprintf("ALTER TABLE %s ADD COLUMN n%d INT", shadow, i),
				fmt.Sprintf("INSERT INTO %s SELECT *, id + %d FROM t", shadow, i), fmt.Sprintf("UPDATE %s SET v = 'changed %d' WHERE id = 2", shadow, i),
				fmt.Sprintf("RENAME TABLE t TO _t_%d_del", i), fmt.Sprintf("INSERT INTO u VALUES (%d)", i+1))
			waitLine(t, p, fmt.Sprintf(".t is gone at the source (RENAME TABLE t TO _t_%d_del)", i))
			w.awaitEqual(t, "u")
			gap.begins()
			w.exec(t, "RENAME TABLE "+shadow+" TO t", fmt.Sprintf("INSERT INTO t (id, v, n%d) VALUES (%d, 'new', 1)", i, 10+i))
			gap.ends()
			waitLine(t, p, w.database+".t is another table since ")
			w.awaitEqual(t, "t")
		}
		w.stop(t, p)
		w.verify(t, 0, script)
	})
}

// TestAChangeAmongOthers: the statement that brings a table of other columns does something
// else last. What a crash finds at the target is what a restart expects there.
func TestAChangeAmongOthers(t *testing.T) {
	t.Parallel()
	quickAlters.each(t, func(t *testing.T, w *world, settings string, with []string) {
		w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT)", "INSERT INTO t VALUES (1, 1, 1)", "CREATE TABLE u (id INT PRIMARY KEY)", "CREATE TABLE v0 (id INT PRIMARY KEY)", "CREATE TABLE v1 (id INT PRIMARY KEY)")
		script := w.write(t, "t.sql", w.script("SET 'schema.change.behavior' = 'evolve';\n"+settings, route{"t", "t", with}, route{"u", "u", with}, route{"v0", "v0", with}, route{"v1", "v1", with}))
		w.catchUp(t, script)
		for i, point := range []string{"columns-added", "alter-sent"} {
			w.exec(t, "CREATE TABLE shadow LIKE t", fmt.Sprintf("ALTER TABLE shadow DROP COLUMN %c, ADD COLUMN n%d INT DEFAULT 7", 'a'+i, i),
				fmt.Sprintf("INSERT INTO t (id) VALUES (%d)", 10+i), "INSERT INTO shadow (id) SELECT id FROM t",
				fmt.Sprintf("RENAME TABLE t TO t_%d, shadow TO t, v%[1]d TO v%[1]d_old", i), fmt.Sprintf("INSERT INTO t (id) VALUES (%d)", 20+i))
			p := w.startToCrash(t, point, 1, script)
			if ended(t, p); !hasCrashed(p) {
				t.Fatalf("it has not crashed at %s: %s", point, p.Output())
			}
			w.catchUp(t, script)
			w.compare(t, "t", "t")
		}
	})
}

// TestARepairBehindASwapGoesOn: a crash while the table that took the name is compared and
// mended, before a checkpoint knows of that and behind one, leaves nothing unmended: no row
// event tells of the rows that are others.
func TestARepairBehindASwapGoesOn(t *testing.T) {
	t.Parallel()
	twoDeliveries.each(t, func(t *testing.T, w *world, settings string, with []string) {
		w.exec(t, "CREATE TABLE digits (d INT PRIMARY KEY)", fillDigits, "CREATE TABLE t (id INT PRIMARY KEY, v INT, pad VARCHAR(1200))",
			fmt.Sprintf("INSERT INTO t SELECT n, 0, REPEAT('x', 1000) FROM (%s) AS numbers WHERE n < 4000", numbersUpTo(4000)))
		script := w.write(t, "t.sql", w.script("SET 'verify.max-mb-per-second' = '8';\n"+settings, route{"t", "t", with}))
		w.catchUp(t, script)
		saved := "saved:4"
		if len(with) > 0 {
			saved = "epoch-settled:1"
		}
		for i, crash := range []string{"verify-page-compared:1", "verify-page-compared:3", saved, "kill"} {
			w.exec(t, "CREATE TABLE shadow LIKE t", fmt.Sprintf("INSERT INTO shadow SELECT id, IF(id %% 7 = %d, v + 1, v), pad FROM t WHERE id %% 1000 <> %[1]d", i),
				fmt.Sprintf("INSERT INTO shadow (id, v) VALUES (%d, 5)", 9000+i), fmt.Sprintf("RENAME TABLE t TO t_%d, shadow TO t", i))
			if point, times, found := strings.Cut(crash, ":"); found {
				p := w.startToCrash(t, point, int(times[0]-'0'), script)
				if ended(t, p); !hasCrashed(p) {
					t.Fatalf("it has not crashed at %s: %s", crash, p.Output())
				}
			} else {
				p := w.start(t, script)
				waitLine(t, p, w.database+".t is another table since ")
				p.Kill()
			}
			w.exec(t, fmt.Sprintf("UPDATE t SET v = v + 10 WHERE id %% 1000 = %d", 500+i))
			w.catchUp(t, script)
			w.compare(t, "t", "t")
		}
	})
}

// killStream has the server end the stream's connection.
func (w *world) killStream(t *testing.T) {
	t.Helper()
	var id int64
	if err := w.source.DB().QueryRow("SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%' AND user = ?", w.user).Scan(&id); err != nil {
		t.Fatal(err)
	}
	w.exec(t, fmt.Sprintf("KILL %d", id))
}
