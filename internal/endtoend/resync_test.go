package endtoend

import (
	"fmt"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

// resync copies a table anew; flags are further ones.
func (w *world) resync(t *testing.T, script, table string, flags ...string) {
	t.Helper()
	o := w.starferry(t, append([]string{"resync", script, "--yes", "--table", w.database + "." + table}, flags...)...)
	if o.code != 0 || !strings.Contains(o.out, " was copied anew into ") {
		t.Fatalf("resync of %s: %s", table, o)
	}
}

func (w *world) grantResync(t *testing.T) {
	t.Helper()
	w.target(t, fmt.Sprintf("GRANT DELETE, DROP ON ALL TABLES IN DATABASE %s TO USER '%s'", w.database, w.user))
}

// TestResyncAfterDeletesThatNoLogHas: rows that went without the log stay at the target
// until a verify finds them and a resync, beside the old table or in place, is done; the
// run that is asked follows the writers meanwhile.
func TestResyncAfterDeletesThatNoLogHas(t *testing.T) {
	t.Parallel()
	for name, start := range bothServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, start(t))
			w.grantResync(t)
			load := &workload{w: w, seed: seed(t), rows: 20_000, parts: 50}
			load.fill(t)
			script := w.write(t, "deleted.sql", w.script("", route{from: "orders", to: "orders"}, route{from: "notes", to: "notes"}))
			p := w.start(t, script, "--progress-interval", "50ms")
			load.begin(t, 2)
			waitLine(t, p, "state=streaming")
			for _, flags := range [][]string{nil, {"--wipe"}} {
				// Out of the writers' reach.
				w.exec(t, "INSERT INTO orders (id, customer, amount, state) SELECT 4100000000 + d, 'doomed', d, 'new' FROM digits")
				w.awaitDoomed(t, 10)
				w.exec(t, "SET sql_log_bin = 0, lock_wait_timeout = 20, innodb_lock_wait_timeout = 20", "DELETE FROM orders WHERE id >= 4100000000", "SET sql_log_bin = 1")
				if r, o := w.verify(t, 1, script, "--table", w.database+".orders"); r.Tables[0].Superfluous != 10 || r.Tables[0].Missing+r.Tables[0].Different > 0 {
					t.Errorf("%s", o)
				}
				w.resync(t, script, "orders", flags...)
				w.awaitDoomed(t, 0)
			}
			w.stop(t, p)
			load.end()
			w.catchUp(t, script)
			w.compare(t, "orders", "orders")
			w.compare(t, "notes", "notes")
		})
	}
}

func (w *world) awaitDoomed(t *testing.T, want int) {
	t.Helper()
	eventually(t, func() string {
		var n int
		if err := w.admin.QueryRow("SELECT COUNT(*) FROM " + w.database + ".orders WHERE id >= 4100000000").Scan(&n); err != nil || n != want {
			return fmt.Sprintf("%d rows, want %d: %v", n, want, err)
		}
		return ""
	})
}

// TestResyncOfAStoppedTableWithoutARun: the next process knows how the script has the
// table created and loaded, though it does not follow it.
func TestResyncOfAStoppedTableWithoutARun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testbed.MySQL(t))
	w.grantResync(t)
	w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1)", "CREATE TABLE u (id INT PRIMARY KEY)", "INSERT INTO u VALUES (1)")
	script := w.write(t, "two.sql", w.script("", route{from: "t", to: "t"}, route{from: "u", to: "u"}))
	w.catchUp(t, script)
	w.exec(t, "ALTER TABLE t MODIFY id BIGINT, MODIFY v VARCHAR(20) NOT NULL", "INSERT INTO t VALUES (5000000000, 'text')", "INSERT INTO u VALUES (2)")
	if o := w.starferry(t, "run", "--until-caught-up", script); o.code != 1 || !strings.Contains(o.err, "SF5005") {
		t.Errorf("%s", o)
	}
	w.exec(t, "INSERT INTO t VALUES (7, 'seven')")
	w.resync(t, script, "t")
	w.exec(t, "UPDATE t SET v = 'more' WHERE id = 1")
	w.catchUp(t, script)
	w.compare(t, "t", "t")
	w.compare(t, "u", "u")
	w.verify(t, 0, script)
}
