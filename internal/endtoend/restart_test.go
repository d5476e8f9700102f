package endtoend

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"starferry/internal/emulator"
	"starferry/internal/testbed"
)

// What a restart, another script or a schema change in the middle of a copy could
// get wrong in silence.

// refused runs a script that has to stop for one reason.
func (w *world) refused(t *testing.T, script, why string) {
	t.Helper()
	o := w.starferry(t, "run", "--until-caught-up", "--timeout", "60s", script)
	if o.code != 1 || !strings.Contains(o.err, why) {
		t.Fatalf("want %q: %s", why, o)
	}
}

// ended waits for a program to end by itself.
func ended(t *testing.T, p *testbed.Program) (code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	code, err := p.Wait(ctx)
	if err != nil {
		t.Fatalf("%v: %s", err, p.Output())
	}
	return code
}

// TestRefusedChangeIsRefusedAfterARestart: the checkpoint is made between the ALTER
// and its first row, which is where a restart begins.
func TestRefusedChangeIsRefusedAfterARestart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ statement, says string }{
		"key":  {"ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (uid)", "primary key changed"},
		"type": {"ALTER TABLE t MODIFY v DECIMAL(10,4)", "changed its type from decimal(10,2)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, testbed.MySQL(t))
			w.exec(t, "CREATE TABLE t (id INT NOT NULL, uid INT NOT NULL, v DECIMAL(10,2), PRIMARY KEY (id))", "INSERT INTO t VALUES (1, 1, 1.25)")
			script := w.write(t, "t.sql", w.script("", route{from: "t", to: "t"}))
			w.catchUp(t, script)
			w.exec(t, c.statement)
			w.catchUp(t, script) // no row has come with it: nothing has happened
			w.exec(t, "INSERT INTO t VALUES (2, 2, 1.2345)")
			w.refused(t, script, c.says)
			w.refused(t, script, c.says)
		})
	}
}

// TestRecreatedTableIsNoticed: also when the ferry was not there, or had lost its
// stream, in between.
func TestRecreatedTableIsNoticed(t *testing.T) {
	t.Parallel()
	recreate := []string{"CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (7, 7)"}
	const says = "was dropped and created again"
	begin := func(t *testing.T) (*world, string) {
		w := newWorld(t, testbed.MySQL(t))
		w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1)", "CREATE TABLE u (id INT PRIMARY KEY)")
		script := w.write(t, "t.sql", w.script("", route{from: "t", to: "t"}, route{from: "u", to: "u"}))
		w.catchUp(t, script)
		return w, script
	}
	t.Run("between two runs", func(t *testing.T) {
		t.Parallel()
		w, script := begin(t)
		w.exec(t, "DROP TABLE t")
		w.catchUp(t, script)
		w.exec(t, recreate...)
		w.refused(t, script, says)
	})
	t.Run("all of it between two runs", func(t *testing.T) {
		t.Parallel()
		w, script := begin(t)
		w.exec(t, append([]string{"DROP TABLE t"}, recreate...)...)
		w.refused(t, script, says)
	})
	t.Run("behind a lost stream", func(t *testing.T) {
		t.Parallel()
		w, script := begin(t)
		p := w.start(t, script)
		waitLine(t, p, "state=")
		w.exec(t, "DROP TABLE t")
		waitLine(t, p, "is gone at the source")
		w.killStream(t)
		waitLine(t, p, "reading again")
		w.exec(t, recreate...)
		waitLine(t, p, says)
		w.stop(t, p)
		w.refused(t, script, says)
	})
}

// TestColumnThatComesBackWithAnotherType: what is kept of a dropped column is not
// filled with values it would change.
func TestColumnThatComesBackWithAnotherType(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testbed.MySQL(t))
	w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, a INT)", "INSERT INTO t VALUES (1, 1)")
	script := w.write(t, "t.sql", w.script("", route{from: "t", to: "t"}))
	p := w.start(t, script, "--progress-interval", "100ms")
	w.awaitRows(t, 1)
	w.exec(t, "ALTER TABLE t DROP COLUMN a", "INSERT INTO t VALUES (2)")
	w.awaitRows(t, 2)
	w.exec(t, "ALTER TABLE t ADD COLUMN a DECIMAL(10,2)", "INSERT INTO t VALUES (3, 1.75)")
	const says = "column `a` is INT, it would be DECIMAL(10,2)"
	if code := ended(t, p); code != 1 || !strings.Contains(p.Output(), says) {
		t.Errorf("exit code %d: %s", code, p.Output())
	}
	w.refused(t, script, says)
}

// TestAnotherTargetIsFilledFromTheBeginning: what was copied into one table says
// nothing of another.
func TestAnotherTargetIsFilledFromTheBeginning(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testbed.MySQL(t))
	w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1), (2, 2)")
	script := w.write(t, "t.sql", w.script("", route{from: "t", to: "t"}))
	w.catchUp(t, script)
	w.exec(t, "INSERT INTO t VALUES (3, 3)")
	script = w.write(t, "t.sql", w.script("", route{from: "t", to: "t2"}))
	if o := w.catchUp(t, script); !strings.Contains(o.out, "is not in the script any more") {
		t.Errorf("the change is not announced: %s", o)
	}
	w.compare(t, "t", "t2")
}

// fillWords makes rows of about 1 kB whose keys differ in case.
func fillWords(t *testing.T, w *world, rows int) {
	t.Helper()
	for from := 0; from < rows; from += 500 {
		var values []string
		for i := from; i < from+500; i++ {
			letter := 'a' + rune(i/2%26)
			if letter > 'm' {
				letter -= 'a' - 'A'
			}
			values = append(values, fmt.Sprintf("('%c%05d', %d, REPEAT('x', 900))", letter, i, i))
		}
		w.exec(t, "INSERT INTO t VALUES "+strings.Join(values, ","))
	}
}

const smallPages = "SET 'snapshot.page-size' = '64kb';\n"

// awaitRows waits until the target has so many rows.
func (w *world) awaitRows(t *testing.T, least int) {
	t.Helper()
	eventually(t, func() string {
		var n int
		if err := w.admin.QueryRow("SELECT COUNT(*) FROM " + w.database + ".t").Scan(&n); err != nil || n < least {
			return fmt.Sprintf("%d rows of %d, %v", n, least, err)
		}
		return ""
	})
}

// TestKeyChangesInTheMiddleOfACopy: the copy's place in the old order of the key says
// nothing in the new one.
func TestKeyChangesInTheMiddleOfACopy(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T) (*world, string, *testbed.Program) {
		w := newWorld(t, testbed.MySQL(t))
		w.exec(t, "CREATE TABLE t (k VARCHAR(20) COLLATE utf8mb4_0900_ai_ci NOT NULL PRIMARY KEY, n INT NOT NULL, pad VARCHAR(1000)) CHARSET utf8mb4")
		fillWords(t, w, 10_000)
		script := w.write(t, "t.sql", w.script(smallPages, route{from: "t", to: "t", with: []string{"'sink.buffer-flush.interval-ms' = '100'"}}))
		p := w.start(t, script)
		w.awaitRows(t, 500)
		return w, script, p
	}
	t.Run("collation", func(t *testing.T) {
		t.Parallel()
		w, script, p := begin(t)
		w.exec(t, "ALTER TABLE t MODIFY k VARCHAR(20) COLLATE utf8mb4_bin NOT NULL")
		w.awaitRows(t, 10_000)
		w.stop(t, p)
		w.catchUp(t, script)
		w.compare(t, "t", "t")
	})
	t.Run("columns", func(t *testing.T) {
		t.Parallel()
		w, script, p := begin(t)
		w.exec(t, "ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (k, n)", "INSERT INTO t VALUES ('zz', 1, '')")
		if code := ended(t, p); code != 1 || !strings.Contains(p.Output(), "primary key changed") || strings.Contains(p.Output(), "goroutine") {
			t.Errorf("exit code %d: %s", code, p.Output())
		}
		w.refused(t, script, "primary key changed")
	})
}

// TestOldRowsReadTheDefaultOfTheirTime: what a column is by the time of its first row
// says nothing of the rows before, and what cannot be given to them is said.
func TestOldRowsReadTheDefaultOfTheirTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testbed.MySQL(t))
	w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1), (2, 2)")
	script := w.write(t, "t.sql", w.script("", route{from: "t", to: "t"}))
	w.catchUp(t, script)
	w.exec(t, "ALTER TABLE t ADD COLUMN c INT DEFAULT 7", "ALTER TABLE t ALTER COLUMN c DROP DEFAULT")
	w.catchUp(t, script) // a restart remembers it too
	w.exec(t, "INSERT INTO t (id, v, c) VALUES (3, 3, 3)")
	w.catchUp(t, script)
	w.compare(t, "t", "t")
	w.exec(t, "ALTER TABLE t ADD COLUMN g INT GENERATED ALWAYS AS (v * 10) STORED", "INSERT INTO t (id, v, c) VALUES (4, 4, 4)")
	if o := w.catchUp(t, script); !strings.Contains(o.out, "column `g` is NULL in the rows that exist") {
		t.Errorf("not said: %s", o)
	}
}

// TestRowLargerThanTheMemory: the copy must not wait for a stream that it holds up.
func TestRowLargerThanTheMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testbed.MySQL(t, "--max-allowed-packet=256M"))
	w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)", "INSERT INTO t SELECT 1, REPEAT('x', 40000000)", "CREATE TABLE o (id INT AUTO_INCREMENT PRIMARY KEY)")
	script := w.write(t, "t.sql", w.script("SET 'memory' = '32mb';\n", route{from: "t", to: "t"}))
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case <-done:
				return
			default:
				// Other tables' traffic: the end of the log moves on while a page is read.
				_, _ = w.source.DB().Exec("INSERT INTO " + w.database + ".o VALUES ()")
			}
		}
	}()
	o := w.starferry(t, "run", "--until-caught-up", "--timeout", "60s", script)
	if o.code != 1 || !strings.Contains(o.err, "refuses the rows") && !strings.Contains(o.err, "out of range") && !strings.Contains(o.err, "too many filtered rows") {
		t.Errorf("StarRocks takes no such row, and nothing hangs: %s", o)
	}
}

// TestServerRestartsWhileItIsCopied: killed and shut down, on both kinds of server.
func TestServerRestartsWhileItIsCopied(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB, ...string) *testbed.Server{"MySQL": testbed.MySQL, "MariaDB": testbed.MariaDB} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := start(t, "--max-connections=100")
			w := newWorld(t, source)
			w.exec(t, "CREATE TABLE t (k VARCHAR(20) NOT NULL PRIMARY KEY, n INT NOT NULL, pad VARCHAR(1000))")
			fillWords(t, w, 10_000)
			script := w.write(t, "t.sql", w.script(smallPages, route{from: "t", to: "t", with: []string{"'sink.buffer-flush.interval-ms' = '100'"}}))
			p := w.start(t, script, "--until-caught-up", "--timeout", "90s")
			for i, end := range []func() error{source.Kill, source.Shutdown, source.Kill} {
				w.awaitRows(t, 700*(i+1))
				if err := end(); err != nil {
					t.Fatal(err)
				}
				if err := source.Restart(); err != nil {
					t.Fatal(err)
				}
			}
			if code := ended(t, p); code != 0 {
				t.Fatalf("exit code %d: %s", code, p.Output())
			}
			w.compare(t, "t", "t")
		})
	}
}

// TestBackendThatDoesNotAskForTheRows: slow is not final.
func TestBackendThatDoesNotAskForTheRows(t *testing.T) {
	t.Parallel()
	needsDouble(t, "a fault")
	w := newWorld(t, testbed.MySQL(t))
	w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1), (2, 2)")
	w.double.Fault(emulator.Fault{Op: "be-load", Count: 1, Delay: 45 * time.Second})
	script := w.write(t, "t.sql", w.script("", route{from: "t", to: "t", with: []string{"'sink.buffer-flush.interval-ms' = '200'", "'sink.properties.timeout' = '5'"}}))
	w.catchUp(t, script)
	w.compare(t, "t", "t")
}
