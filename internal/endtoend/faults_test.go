package endtoend

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"starferry/internal/emulator"
	"starferry/internal/testbed"
)

// TestEveryFaultOfTheTarget: whatever StarRocks does wrong for a while, the tables come
// out right afterwards, and what people should know was said.
func TestEveryFaultOfTheTarget(t *testing.T) {
	t.Parallel()
	needsDouble(t, "it misbehaves")
	for name, c := range map[string]struct {
		fault  emulator.Fault
		says   string
		remove bool // the fault lasts until it is removed
	}{
		"slow load":                 {fault: emulator.Fault{Op: "be-load", Delay: 2 * time.Second, Count: 1}},
		"slow publish":              {fault: emulator.Fault{Op: "publish", Delay: 2 * time.Second, Count: 1}},
		"publish held back":         {fault: emulator.Fault{Op: "publish", Hold: true}, remove: true},
		"publish timeout":           {fault: emulator.Fault{Op: "be-load", PublishTimeout: true, Count: 2}},
		"frontend answers 503":      {fault: emulator.Fault{Op: "fe-load", Status: 503, Body: "later", Count: 2}, says: "503"},
		"backend answers 503":       {fault: emulator.Fault{Op: "be-load", Status: 503, Body: "later", Count: 1}, says: "try 2"},
		"too many versions":         {fault: emulator.Fault{Op: "be-load", Message: emulator.TooManyVersions, Count: 2}, says: "from now on at most one load every 4s"},
		"out of memory":             {fault: emulator.Fault{Op: "be-load", Message: emulator.MemoryLimit, Count: 1}, says: "from now on at most one load every 2s"},
		"backend shutting down":     {fault: emulator.Fault{Op: "be-load", Message: emulator.ShuttingDown, Count: 2}, says: "shutting down"},
		"no backend":                {fault: emulator.Fault{Op: "fe-load", Message: "No backend alive.", Count: 1}, says: "No backend alive"},
		"too many transactions":     {fault: emulator.Fault{Op: "be-load", Message: "current running txns on db 10 is 1000, larger than limit 1000", Count: 1}, says: "from now on"},
		"frontend hangs up":         {fault: emulator.Fault{Op: "fe-load", DropBefore: true, Count: 2}, says: "cannot be reached"},
		"backend hangs up":          {fault: emulator.Fault{Op: "be-load", DropBefore: true, Count: 2}, says: "try 2"},
		"answer of a load lost":     {fault: emulator.Fault{Op: "be-load", DropAfter: true, Count: 2}},
		"state of a label lost":     {fault: emulator.Fault{Op: "get_load_state", DropBefore: true, Count: 2}},
		"redirect to nowhere":       {fault: emulator.Fault{Op: "fe-load", Redirect: "127.0.0.1:1", Count: 1}, says: "sends loads on to 127.0.0.1:1, which cannot be reached from here"},
		"backend restarts":          {fault: emulator.Fault{Op: "be-load", Event: "be-restart", Count: 1}},
		"leader changes":            {fault: emulator.Fault{Op: "be-load", Event: "leader-change", Count: 1}},
		"leader changes when asked": {fault: emulator.Fault{Op: "get_load_state", Event: "leader-change", Count: 1}},
		"an ALTER is refused once":  {fault: emulator.Fault{Op: "query", Contains: "ADD COLUMN", Message: "Table [t] is under SCHEMA_CHANGE", Count: 1}},
		"an ALTER's answer is lost": {fault: emulator.Fault{Op: "query", Contains: "ADD COLUMN", DropAfter: true, Count: 1}},
		"statements hang up":        {fault: emulator.Fault{Op: "query", Contains: "SHOW FULL COLUMNS", DropBefore: true, Count: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, testbed.MySQL(t))
			w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1)")
			script := w.write(t, "t.sql", w.script("", route{from: "t", to: "t"}))
			p := w.start(t, script)
			w.awaitEqual(t, "t")
			forget := w.double.Fault(c.fault)
			if c.remove {
				time.AfterFunc(2*time.Second, forget)
			} else {
				defer forget()
			}
			for i := range 5 {
				w.exec(t, fmt.Sprintf("INSERT INTO t (id, v) VALUES (%d, 1)", 10+i), "UPDATE t SET v = v + 1", "DELETE FROM t WHERE id = 12")
			}
			w.exec(t, "ALTER TABLE t ADD COLUMN b INT", "INSERT INTO t VALUES (90, 90, 90)")
			w.awaitEqual(t, "t")
			w.exec(t, "UPDATE t SET b = 7, v = v + 1")
			w.awaitEqual(t, "t")
			w.stop(t, p)
			if said := strings.ReplaceAll(p.Output(), "\n", " "); !strings.Contains(said, c.says) {
				t.Errorf("nobody says %q: %s", c.says, p.Output())
			}
		})
	}
}

// TestStarRocksAwayForLong: the memory is bounded and the position waits while the
// source writes more than the memory holds; everything arrives when StarRocks is back.
func TestStarRocksAwayForLong(t *testing.T) {
	t.Parallel()
	needsDouble(t, "it goes away")
	config := emulator.Config{QueryAddr: freeAddress(t), HTTPAddr: freeAddress(t), BEHTTPAddr: freeAddress(t), DataDir: t.TempDir()}
	double, err := emulator.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := double.Close(); err != nil {
			t.Errorf("closing the double: %v", err)
		}
	})
	w := newWorldOn(t, testbed.MySQL(t), double)
	w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)", "INSERT INTO t VALUES (0, 'first')", "CREATE TABLE digits (d INT PRIMARY KEY)", fillDigits)
	script := w.write(t, "t.sql", w.script("SET 'memory' = '32mb';", route{from: "t", to: "t"}))
	p := w.start(t, script, "--progress-interval", "200ms")
	w.awaitEqual(t, "t")
	if err := double.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range 6 { // 60 MB, more than the memory
		w.exec(t, fmt.Sprintf("INSERT INTO t SELECT 1 + %d + a.d * 10 + b.d, REPEAT(CHAR(97 + a.d), 100000) FROM digits a, digits b", 100*i))
	}
	waitLine(t, p, "waiting for the target: memory is full of rows to load")
	if double, err = emulator.Start(config); err != nil {
		t.Fatal(err)
	}
	w.awaitEqual(t, "t")
	w.stop(t, p)
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
