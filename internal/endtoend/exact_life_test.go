package endtoend

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"starferry/internal/emulator"
	"starferry/internal/testbed"
)

// TestTheMiddleOfAnEpoch: rows that need another form of load than those that are loaded
// already, a column, a TRUNCATE, while the next checkpoint is far.
func TestTheMiddleOfAnEpoch(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, o way, w *world) {
		w.target(t, fmt.Sprintf("GRANT DELETE, DROP ON ALL TABLES IN DATABASE %s TO USER '%s'", w.database, w.user))
		w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)", "INSERT INTO t VALUES (0, 'first')",
			"CREATE TABLE u (id INT PRIMARY KEY, v TEXT)", "INSERT INTO u VALUES (0, 'first')", "CREATE TABLE digits (d INT PRIMARY KEY)", fillDigits)
		script := w.write(t, "t.sql", w.script(o.epochs("2s"), route{"t", "t", exactlyOnce}, route{"u", "u", exactlyOnce}))
		p := w.start(t, script, "--progress-interval", "50ms")
		w.awaitEqual(t, "u")
		fill := func(from int) { // more than is kept in memory for the end of the epoch
			w.exec(t, fmt.Sprintf("INSERT INTO t (id, v) SELECT %d + a.d * 10 + b.d, REPEAT(CHAR(97 + a.d), 100000) FROM digits a, digits b", from))
		}
		redo := "redo: a row of " + w.database + ".t needs another form of load"
		for n := 1; !strings.Contains(p.Output(), redo); n++ { // unless an epoch has ended between
			fill(1000 * n)
			waitLine(t, p, fmt.Sprintf("inserted=%d ", 102*n-2))
			w.exec(t, fmt.Sprintf(`INSERT INTO t VALUES (%d, '\\N'), (%d, 'a\x01b\x02c\nd"e')`, 2*n-1, 2*n), `UPDATE u SET v = CONCAT(v, '\\N')`)
			w.awaitEqual(t, "t")
			if n == 10 {
				t.Fatalf("no row needs another form: %s", p.Output())
			}
		}
		fill(90000)
		w.exec(t, "ALTER TABLE t ADD COLUMN n INT DEFAULT 7", "UPDATE t SET n = id WHERE id < 10", "INSERT INTO u VALUES (5, 'beside')")
		waitLine(t, p, "schema change: `n`")
		w.awaitEqual(t, "u")
		fill(95000)
		w.exec(t, "TRUNCATE TABLE t", "INSERT INTO t VALUES (3, 'behind', 3)", "INSERT INTO u VALUES (6, 'beside')")
		w.awaitEqual(t, "t")
		w.awaitEqual(t, "u")
		w.stop(t, p)
		w.catchUp(t, script)
		w.compare(t, "t", "t")
	})
}

// TestOneBadTableStopsAloneExactlyOnce: what is loaded into the transaction that a row
// spoils is loaded again without its table, now and after a restart.
func TestOneBadTableStopsAloneExactlyOnce(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string][]string{
		"a row StarRocks refuses":         {"INSERT INTO bad VALUES (7, " + tooLong + ")"},
		"a schema change that is refused": {"INSERT INTO bad VALUES (6, 'a')", "ALTER TABLE bad MODIFY id BIGINT NOT NULL", "INSERT INTO bad VALUES (7, 'a')"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachWay(t, func(t *testing.T, o way, w *world) {
				for _, table := range []string{"good", "bad"} {
					w.exec(t, fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, note LONGTEXT)", table), fmt.Sprintf("INSERT INTO %s VALUES (1, 'one')", table))
				}
				script := w.write(t, "two.sql", w.script(o.epochs("500ms"), route{"good", "good", exactlyOnce}, route{"bad", "bad", exactlyOnce}))
				w.catchUp(t, script)
				p := w.start(t, script)
				waitLine(t, p, "state=streaming")
				w.exec(t, "INSERT INTO good VALUES (2, 'two')")
				w.exec(t, bad...)
				w.exec(t, "INSERT INTO good VALUES (3, 'three')")
				waitLine(t, p, w.database+".bad is stopped, the other tables go on")
				w.awaitEqual(t, "good")
				w.stop(t, p)
				w.exec(t, "INSERT INTO good VALUES (4, 'four')")
				if o := w.starferry(t, "run", "--until-caught-up", script); o.code != 1 || !strings.Contains(o.err, "table "+w.database+".bad is stopped: ") {
					t.Errorf("%s", o)
				}
				w.compare(t, "good", "good")
				if name == "a row StarRocks refuses" {
					w.exec(t, "DELETE FROM bad WHERE id = 7")
				} else {
					w.exec(t, "ALTER TABLE bad MODIFY id INT NOT NULL")
				}
				w.grantResync(t)
				w.resync(t, script, "bad")
				w.compare(t, "bad", "bad")
			})
		})
	}
}

// TestAStopTakesALastCheckpoint: what was read is visible, and nothing is read again.
func TestAStopTakesALastCheckpoint(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, o way, w *world) {
		w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1)")
		script := w.write(t, "t.sql", w.script(o.epochs("1 h"), route{"t", "t", exactlyOnce}))
		w.catchUp(t, script)
		p := w.start(t, script, "--progress-interval", "20ms")
		waitLine(t, p, "state=streaming")
		w.exec(t, "INSERT INTO t VALUES (2, 2), (3, 3), (4, 4)", "UPDATE t SET v = 9 WHERE id = 1")
		waitLine(t, p, "inserted=3 updated=1")
		if lines := w.printed(t, "t"); len(lines) != 2 {
			t.Errorf("visible before the checkpoint: %q", lines)
		}
		p.Terminate()
		if code := ended(t, p); code != 0 {
			t.Fatalf("exit code %d: %s", code, p.Output())
		}
		w.compare(t, "t", "t")
		loaded := p.Output()
		if n := summary(t, w.catchUp(t, script).out); n["inserted"]+n["updated"]+n["loads"] > 0 {
			t.Errorf("read or loaded again: %v\n%s", n, loaded)
		}
	})
}

// TestAnOlderCheckpointExactlyOnce: nobody sees a step back.
func TestAnOlderCheckpointExactlyOnce(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, o way, w *world) {
		b := newBank(t, w, 200, o.inside)
		script := b.script(t, b.exactly("100ms"))
		b.begin(t, 2)
		w.catchUp(t, script)
		a := b.audit(t)
		p := w.start(t, script)
		a.await(t, 10)
		w.stop(t, p)
		for range 2 {
			all := slices.DeleteFunc(w.checkpoints(t, script), func(one listed) bool { return one.Copied < 2 })
			number := all[len(all)-1].Number // those before it are from before the tables joined
			if o := w.starferry(t, "run", "--until-caught-up", "--from-checkpoint", fmt.Sprint(number), script); o.code != 0 ||
				!strings.Contains(o.out+o.err, "nothing becomes visible before that") {
				t.Fatalf("%s", o)
			}
		}
		b.end()
		w.catchUp(t, script)
		a.end(t)
		for _, table := range bankTables {
			w.compare(t, table, table)
		}
	})
}

// TestATableIsAddedExactlyOnce: a script that gets a second table, while the first is
// looked at.
func TestATableIsAddedExactlyOnce(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, o way, w *world) {
		b := newBank(t, w, 300, o.inside)
		script := w.write(t, "bank.sql", w.script(b.exactly("100ms"), route{"accounts_a", "accounts_a", exactlyOnce}))
		b.begin(t, 2)
		w.catchUp(t, script)
		b.script(t, b.exactly("100ms"))
		w.catchUp(t, script)
		a := b.audit(t)
		p := w.start(t, script)
		a.await(t, 10)
		w.stop(t, p)
		b.end()
		w.catchUp(t, script)
		a.end(t)
		for _, table := range bankTables {
			w.compare(t, table, table)
		}
	})
}

// TestDeliveryIsSwitched: to exactly-once, which holds from the end of its first run on,
// also behind a crash of the other; and back.
func TestDeliveryIsSwitched(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, o way, w *world) {
		b := newBank(t, w, 300, o.inside)
		var routes []route
		for _, table := range bankTables {
			routes = append(routes, route{from: table, to: table})
		}
		b.begin(t, 2)
		for range 2 {
			script := w.write(t, "bank.sql", w.script("", routes...))
			w.catchUp(t, script)
			p := w.startToCrash(t, "load-answered", 3, script)
			if ended(t, p); !hasCrashed(p) {
				t.Fatalf("it has not crashed: %s", p.Output())
			}
			b.script(t, b.exactly("100ms"))
			w.catchUp(t, script)
			a := b.audit(t)
			p = w.start(t, script)
			a.await(t, 10)
			w.stop(t, p)
			a.end(t)
		}
		script := w.write(t, "bank.sql", w.script("", routes...))
		b.end()
		w.catchUp(t, script)
		for _, table := range bankTables {
			w.compare(t, table, table)
		}
	})
}

// TestAStarRocksThatIsTooOld is refused, and what the refusal says helps.
func TestAStarRocksThatIsTooOld(t *testing.T) {
	t.Parallel()
	needsDouble(t, "its version is another")
	o := ways[1]
	w := o.worldOf(t, testbed.MySQL(t), emulator.Config{Version: "3.5"})
	w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
	script := w.write(t, "t.sql", w.script(o.epochs("100ms"), route{"t", "t", exactlyOnce}))
	said := w.starferry(t, "run", "--until-caught-up", script)
	if said.code == 0 || !strings.Contains(said.err, "error[SF4012]") || !strings.Contains(said.err, "To fix:") || !strings.Contains(said.err, "'delivery.exactly-once'") {
		t.Errorf("%s", said)
	}
	if w.hasTargetTable(t, "t") {
		t.Error("it has created a table before it looked")
	}
	// What it says to do instead.
	w.write(t, "t.sql", w.script(ways[0].epochs("100ms"), route{"t", "t", exactlyOnce}))
	w.catchUp(t, script)
	w.compare(t, "t", "t")
}
