package endtoend

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"starferry/internal/testbed"
)

// Online schema change tools copy a table beside itself and let the copy take its name.
// Under writes, the copy is followed from the statement on, what differs in its columns
// is a schema change, the table is compared and mended, and nothing is copied again.

// onlineTools change the table orders of a world.
var onlineTools = []struct {
	name string
	run  func(t *testing.T, w *world, alter string)
	gap  bool // for a moment there is no table
	log  bool // it applies what is written from the log, row by row, and has to be faster than the writers
}{
	{name: "pt-online-schema-change", run: percona},
	{name: "gh-ost's statements, atomic cut-over", run: func(t *testing.T, w *world, alter string) { ghost(t, w, alter, atomicCutOver) }},
	{name: "gh-ost's statements, two-step cut-over", run: func(t *testing.T, w *world, alter string) { ghost(t, w, alter, twoStepCutOver) }, gap: true},
	{name: "gh-ost, atomic cut-over", run: ghostItself, log: true},
}

func TestOnlineSchemaChangeTools(t *testing.T) {
	t.Parallel()
	for i, tool := range onlineTools {
		name, start := "MySQL", testbed.MySQL
		if i == 1 {
			name, start = "MariaDB", testbed.MariaDB
		}
		t.Run(tool.name+", "+name, func(t *testing.T) {
			t.Parallel()
			var w *world
			settings, with := "", []string(nil)
			if i%2 == 0 {
				w = newWorld(t, start(t))
			} else {
				w = ways[0].world(t, start(t))
				settings, with = ways[0].epochs("300ms"), exactlyOnce
			}
			w.changeOnline(t, settings, with, tool.run, &workload{w: w, seed: seed(t), rows: 3000, parts: 10, gap: tool.gap, small: tool.log})
		})
	}
}

func (w *world) changeOnline(t *testing.T, settings string, with []string, run func(*testing.T, *world, string), load *workload) {
	load.fill(t)
	script := w.write(t, "online.sql", w.script(settings, route{"orders", "orders", with}, route{"notes", "notes", with}))
	w.catchUp(t, script)
	p := w.start(t, script, "--progress-interval", "50ms")
	waitLine(t, p, "state=streaming")
	load.begin(t, 2)
	run(t, w, "ADD COLUMN channel VARCHAR(30) DEFAULT 'web' AFTER customer, ADD INDEX (state)")
	waitLine(t, p, w.database+".orders is another table since ")
	waitLine(t, p, w.database+".orders compared with ")
	// And once more: the tool's names come again.
	run(t, w, "ADD COLUMN level INT, DROP COLUMN channel")
	load.end()
	w.awaitEqual(t, "orders")
	w.awaitEqual(t, "notes")
	w.stop(t, p)
	if n := summary(t, p.Output()); n["copied"] != 0 {
		t.Errorf("%d rows were copied again:\n%s", n["copied"], p.Output())
	}
	// A restart goes on with the columns of the table that took the name.
	w.exec(t, "UPDATE orders SET level = id WHERE id % 2 = 0")
	w.catchUp(t, script)
	w.compare(t, "orders", "orders")
	w.verify(t, 0, script)
}

// percona runs the real program.
func percona(t *testing.T, w *world, alter string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := testbed.OnlineSchemaChange(ctx, t, w.source, w.database, "orders", alter, "--chunk-size", "500", "--set-vars", "innodb_lock_wait_timeout=20")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pt-online-schema-change: %v\n%s", err, out)
	}
}

// ghostItself runs the real program.
func ghostItself(t *testing.T, w *world, alter string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := testbed.GhOst(ctx, t, w.source, w.database, "orders", alter, "--chunk-size", "500", "--dml-batch-size", "1000", "--cut-over", "atomic", "--heartbeat-interval-millis", "100")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gh-ost: %v\n%s", err, out)
	}
}

// ghost runs the statements of gh-ost, with its names, in its order, over as many
// sessions, also where the program does not run: on MariaDB. It applies what was written
// meanwhile not from the binlog but at the end, when nobody can write: the log tells no
// difference.
func ghost(t *testing.T, w *world, alter string, cutOver func(t *testing.T, g *ghostRun)) {
	t.Helper()
	g := &ghostRun{t: t, applier: w.session(t)}
	defer g.applier.Close()
	g.exec(g.applier,
		"drop /* gh-ost */ table if exists `_orders_gho`", "drop /* gh-ost */ table if exists `_orders_ghc`", "drop /* gh-ost */ table if exists `_orders_del`",
		"create /* gh-ost */ table `_orders_ghc` (id bigint unsigned auto_increment, last_update timestamp not null DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, hint varchar(64) charset ascii not null, value varchar(4096) charset ascii not null, primary key(id), unique key hint_uidx(hint)) auto_increment=256 comment='gh-ost changelog'",
		"create /* gh-ost */ table `_orders_gho` like `orders`",
		"alter /* gh-ost */ table `_orders_gho` "+alter,
		"insert /* gh-ost */ into `_orders_ghc` (id, hint, value) values (2, 'state', 'GhostTableMigrated') on duplicate key update last_update=NOW(), value=VALUES(value)")
	g.columns = w.sharedColumns(t, "orders", "_orders_gho")
	for from := 0; from < 12_000; from += 3000 {
		g.exec(g.applier,
			fmt.Sprintf("insert /* gh-ost `orders` */ ignore into `_orders_gho` (%[1]s) (select %[1]s from `orders` force index (`PRIMARY`) where id > %[2]d and id <= %[2]d + 3000 lock in share mode)", g.columns, from),
			fmt.Sprintf("insert /* gh-ost */ into `_orders_ghc` (id, hint, value) values (1, 'heartbeat', '%d') on duplicate key update last_update=NOW(), value=VALUES(value)", from))
	}
	locker, renamer := w.session(t), w.session(t)
	defer locker.Close()
	defer renamer.Close()
	g.locker, g.renamer = locker, renamer
	cutOver(t, g)
	g.exec(g.applier, "drop /* gh-ost */ table if exists `_orders_ghc`", "drop /* gh-ost */ table if exists `_orders_del`")
}

type ghostRun struct {
	t                        *testing.T
	applier, locker, renamer *sql.Conn
	columns                  string
}

func (g *ghostRun) exec(conn *sql.Conn, statements ...string) {
	g.t.Helper()
	for _, statement := range statements {
		_, err := conn.ExecContext(g.t.Context(), statement)
		var refused *mysql.MySQLError
		for errors.As(err, &refused) && refused.Number == 1213 { // as the tool does
			_, err = conn.ExecContext(g.t.Context(), statement)
		}
		if err != nil {
			g.t.Fatalf("%s: %v", statement, err)
		}
	}
}

// catchUp has the ghost table hold what the table holds; the locker has both locked.
func (g *ghostRun) catchUp() {
	g.exec(g.locker, "delete from `_orders_gho`", fmt.Sprintf("insert into `_orders_gho` (%[1]s) select %[1]s from `orders`", g.columns))
}

// atomicCutOver: one session holds the table and a sentry locked, another waits with the
// RENAME, and only then does the first let go.
func atomicCutOver(t *testing.T, g *ghostRun) {
	g.exec(g.locker,
		"create /* gh-ost */ table `_orders_del` (id int auto_increment primary key) engine=InnoDB comment='ghost-cut-over-sentry'",
		"lock /* gh-ost */ tables `orders` write, `_orders_del` write, `_orders_gho` write")
	g.catchUp()
	done := make(chan error, 1)
	go func() {
		_, err := g.renamer.ExecContext(t.Context(), "rename /* gh-ost */ table `orders` to `_orders_del`, `_orders_gho` to `orders`")
		done <- err
	}()
	g.awaitWaiting("rename /* gh-ost */")
	g.exec(g.locker, "drop /* gh-ost */ table if exists `_orders_del`", "unlock /* gh-ost */ tables")
	if err := <-done; err != nil {
		t.Fatalf("the cut-over: %v", err)
	}
}

// twoStepCutOver: for a moment there is no table.
func twoStepCutOver(t *testing.T, g *ghostRun) {
	g.exec(g.locker, "lock /* gh-ost */ tables `orders` write, `_orders_gho` write")
	g.catchUp()
	g.exec(g.locker, "alter /* gh-ost */ table `orders` rename `_orders_del`", "alter /* gh-ost */ table `_orders_gho` rename `orders`", "unlock /* gh-ost */ tables")
}

// awaitWaiting waits until a statement waits for a lock.
func (g *ghostRun) awaitWaiting(statement string) {
	g.t.Helper()
	eventually(g.t, func() string {
		var n int
		err := g.applier.QueryRowContext(g.t.Context(), "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for table metadata lock%' AND INFO LIKE ?", statement+"%").Scan(&n)
		if err != nil || n == 0 {
			return fmt.Sprintf("%s does not wait: %v", statement, err)
		}
		return ""
	})
}

// session is one at the source, in the world's database.
func (w *world) session(t *testing.T) *sql.Conn {
	t.Helper()
	conn, err := w.source.DB().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"USE " + w.database, "SET SESSION lock_wait_timeout = 20, innodb_lock_wait_timeout = 20"} {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return conn
}

// sharedColumns are the columns that two tables have.
func (w *world) sharedColumns(t *testing.T, a, b string) string {
	t.Helper()
	var both []string
	others := w.sourceColumns(t, b)
	for _, column := range w.sourceColumns(t, a) {
		for _, other := range others {
			if column.name == other.name {
				both = append(both, "`"+column.name+"`")
			}
		}
	}
	return strings.Join(both, ", ")
}

// TestATransformedTableIsMended: a tool may convert values. What no row event tells is
// found, without one row of the table being written.
func TestATransformedTableIsMended(t *testing.T) {
	t.Parallel()
	twoDeliveries.each(t, func(t *testing.T, w *world, settings string, with []string) {
		w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))", "INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')")
		script := w.write(t, "t.sql", w.script(settings, route{"t", "t", with}))
		w.catchUp(t, script)
		p := w.start(t, script)
		w.exec(t, "CREATE TABLE t_new LIKE t", "ALTER TABLE t_new ADD COLUMN n INT", "INSERT INTO t_new SELECT id, UPPER(v), id FROM t WHERE id > 1", "INSERT INTO t_new VALUES (4, 'FOUR', 4)",
			"RENAME TABLE t TO t_old, t_new TO t")
		waitLine(t, p, "compared with "+w.database+".t: of 3 rows 1 were missing, 2 different, 1 superfluous; mended")
		w.awaitEqual(t, "t")
		w.stop(t, p)
	})
}

// TestNamesChangeHands: what a followed name stands for is what its target holds.
func TestNamesChangeHands(t *testing.T) {
	t.Parallel()
	twoDeliveries.each(t, func(t *testing.T, w *world, settings string, with []string) {
		for i, table := range []string{"a", "b"} {
			w.exec(t, fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, v VARCHAR(20), of_%s INT)", table, table), fmt.Sprintf("INSERT INTO %s VALUES (1, '%[1]s', 1), (%d, '%[1]s', 1)", table, i+2))
		}
		script := w.write(t, "names.sql", w.script(settings, route{"a", "a", with}, route{"b", "b", with}))
		w.catchUp(t, script)
		writers := w.writeNames(t)
		p := w.start(t, script)
		waitLine(t, p, "state=streaming")
		step := func(says string, statements ...string) {
			t.Helper()
			w.exec(t, append([]string{"SET lock_wait_timeout = 20"}, statements...)...)
			waitLine(t, p, says)
		}
		step(".b is another table since", "RENAME TABLE a TO x, b TO a, x TO b")
		step(".a is another table since", "CREATE TABLE a_new LIKE a", "RENAME TABLE a TO a_2024, a_new TO a") // a new one for every year
		step(".b is another table since", "RENAME TABLE b TO y", "UPDATE y SET v = 'away'", "RENAME TABLE y TO b")
		writers.end(t)
		for _, table := range []string{"a", "b"} {
			w.exec(t, fmt.Sprintf("INSERT INTO %s (id, v) VALUES (99, 'last')", table))
			w.awaitEqual(t, table)
		}
		w.stop(t, p)
		if n := summary(t, p.Output()); n["copied"] != 0 {
			t.Errorf("%d rows were copied again", n["copied"])
		}
		w.exec(t, "RENAME TABLE a TO x, b TO a, x TO b", "UPDATE a SET v = 'down'") // while we are down
		w.catchUp(t, script)
		w.compare(t, "a", "a")
		w.compare(t, "b", "b")
		w.verify(t, 0, script)
	})
}

// writeNames writes the rows from 1000 on of whatever a and b are, when they are there.
func (w *world) writeNames(t *testing.T) *lineWriters {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	l := &lineWriters{stop: stop, done: make(chan error, 1), n: 1}
	conn := w.session(t)
	go func() {
		defer conn.Close()
		for n := 0; ctx.Err() == nil; n++ {
			for _, table := range []string{"a", "b"} {
				// To its end: what is cut off may be done by the server later.
				_, err := conn.ExecContext(context.WithoutCancel(ctx), fmt.Sprintf("REPLACE INTO %s (id, v) VALUES (%d, 'written %d')", table, 1000+n%50, n))
				if err != nil && ctx.Err() == nil && !strings.Contains(err.Error(), "doesn't exist") {
					l.done <- err
					return
				}
			}
		}
		l.done <- nil
	}()
	t.Cleanup(stop)
	return l
}

// TestDroppedAndCreatedAgain: the target keeps its rows, the others go on, and a table of
// that name that comes again is not taken for the old one.
func TestDroppedAndCreatedAgain(t *testing.T) {
	t.Parallel()
	twoDeliveries.each(t, func(t *testing.T, w *world, settings string, with []string) {
		w.grantResync(t)
		w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1), (2, 2)", "CREATE TABLE u (id INT PRIMARY KEY)", "INSERT INTO u VALUES (1)")
		script := w.write(t, "t.sql", w.script(settings, route{"t", "t", with}, route{"u", "u", with}))
		w.catchUp(t, script)
		p := w.start(t, script)
		w.exec(t, "DROP TABLE t", "INSERT INTO u VALUES (2)")
		waitLine(t, p, w.database+".t is gone at the source (DROP TABLE ")
		w.awaitEqual(t, "u")
		if lines := w.printed(t, "t"); len(lines) != 3 {
			t.Errorf("the target has lost rows of the table that was dropped: %q", lines)
		}
		w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, w VARCHAR(9) NOT NULL)", "INSERT INTO t VALUES (7, 'seven')", "INSERT INTO u VALUES (3)")
		waitLine(t, p, w.database+".t is stopped, the other tables go on")
		waitLine(t, p, "To fix: starferry resync SCRIPT --table "+w.database+".t")
		w.awaitEqual(t, "u")
		w.stop(t, p)
		w.resync(t, script, "t")
		w.exec(t, "INSERT INTO t VALUES (8, 'eight')")
		w.catchUp(t, script)
		w.compare(t, "t", "t")
		w.compare(t, "u", "u")
	})
}

// TestTruncatedUnderWrites: what is written around a TRUNCATE stays, what was before goes.
func TestTruncatedUnderWrites(t *testing.T) {
	t.Parallel()
	twoDeliveries.each(t, func(t *testing.T, w *world, settings string, with []string) {
		w.grantResync(t)
		for _, table := range []string{"a", "b"} {
			w.exec(t, fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, v VARCHAR(20))", table), fmt.Sprintf("INSERT INTO %s VALUES (1, 'old')", table))
		}
		script := w.write(t, "names.sql", w.script(settings, route{"a", "a", with}, route{"b", "b", with}))
		w.catchUp(t, script)
		p := w.start(t, script)
		waitLine(t, p, "state=streaming")
		writers := w.writeNames(t)
		for range 3 {
			w.exec(t, "SET lock_wait_timeout = 20", "TRUNCATE TABLE a")
			waitLine(t, p, w.database+".a was emptied at ")
		}
		writers.end(t)
		w.awaitEqual(t, "a")
		w.awaitEqual(t, "b")
		w.stop(t, p)
	})
}
