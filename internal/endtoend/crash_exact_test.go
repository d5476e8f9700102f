package endtoend

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"starferry/internal/emulator"
	"starferry/internal/testbed"
)

// copyPoints are those of a deployment that begins, in their order.
var copyPoints = []string{
	"start-known", "earlier-loads-settled", "saved", "table-joined", "schema-written", "join-saved", "page-registered", "page-read", "page-arrived",
	"described", "schema-carried", "page-emitted", "copy-done",
}

// alterPoints are those of a column that is added, stopPoints those of a stop.
var (
	alterPoints = []string{"alter-begins", "alter-sent", "columns-added"}
	stopPoints  = []string{"stop-begins", "stop-drained"}
	// recoveryPoints are those of a start that finds an epoch saved and not settled.
	recoveryPoints = []string{"fenced", "recovery-committed", "recovery-settled"}
)

// chain is one deployment of exactly-once that crashes at every point, one after the
// other, while the bank is written to and its auditor adds up.
type chain struct {
	way
	w      *world
	b      *bank
	script string
	r      *rand.Rand
	met    map[string]bool
}

func TestCrashAtEveryPointExactlyOnce(t *testing.T) {
	t.Parallel()
	needsDouble(t, "it loses transactions")
	eachWay(t, func(t *testing.T, o way, w *world) {
		b := newBank(t, w, 2500, o.inside)
		c := &chain{way: o, w: w, b: b, script: b.script(t, b.exactly("50ms")), r: rand.New(rand.NewPCG(b.seed, 4000)), met: map[string]bool{}}
		c.run(t)
		for _, point := range pointNames() {
			if !c.met[point] && c.has(point) {
				t.Errorf("it has never crashed at %s", point)
			}
		}
	})
}

// has tells that a run of this way of delivery comes to a point.
func (c *chain) has(point string) bool {
	return jobAt[point] == nil && !slices.Contains(newcomerPoints, point) && (point != "fenced" || c.inside)
}

func (c *chain) run(t *testing.T) {
	c.b.begin(t, 2)
	for _, point := range copyPoints {
		c.crash(t, point, 1)
	}
	c.w.catchUp(t, c.script)
	a := c.b.audit(t)
	for _, point := range recoveryPoints {
		if !c.has(point) {
			continue
		}
		before := "commit-begins" // the checkpoint is saved, and has a transaction
		if c.inside {
			before = "transaction-committed" // what is open ends with the process that had it
		}
		c.crash(t, before, 1+c.r.IntN(3))
		c.crash(t, point, 1)
	}
	for i, point := range alterPoints {
		c.w.exec(t, "SET lock_wait_timeout = 20", fmt.Sprintf("ALTER TABLE accounts_a ADD COLUMN c%d INT DEFAULT %[1]d", i))
		c.crash(t, point, 1)
	}
	for _, point := range stopPoints {
		c.crashInStop(t, point)
	}
	forget := c.w.double.Fault(c.loss())
	c.crash(t, "redo-begins", 1)
	forget()
	for _, point := range pointNames() {
		if !c.met[point] && c.has(point) {
			c.crash(t, point, 1)
			c.crash(t, point, 2+c.r.IntN(4))
		}
	}
	c.w.catchUp(t, c.script)
	c.b.end()
	c.w.exec(t, "UPDATE accounts_a SET c2 = 9 ORDER BY id LIMIT 1")
	c.w.catchUp(t, c.script)
	a.end(t)
	for _, table := range bankTables {
		c.w.compare(t, table, table)
	}
}

// loss is a fault that takes what a transaction holds.
func (c *chain) loss() emulator.Fault {
	if c.inside { // behind the one that makes the process the owner
		return emulator.Fault{Op: "fe-txn-commit", Event: "leader-change", Skip: 1, Count: 1, DropBefore: true}
	}
	return emulator.Fault{Op: "be-txn-prepare", Event: "be-restart", Count: 1, DropBefore: true}
}

// crash has the ferry crash at a point when it comes there for the n-th time.
func (c *chain) crash(t *testing.T, point string, n int) {
	t.Helper()
	c.crashed(t, c.start(t, point, n), point, n)
}

// crashInStop has the ferry crash at a point of a stop. A stop in the middle of a transaction
// that needs a checkpoint ends before it comes there, and says so.
func (c *chain) crashInStop(t *testing.T, point string) {
	t.Helper()
	for range 10 {
		p := c.start(t, point, 1)
		if comesTo(t, p, "state=streaming") {
			p.Terminate()
		}
		if ended(t, p); !strings.Contains(p.Output(), "stopped with rows that are not loaded yet") {
			c.crashed(t, p, point, 1)
			return
		}
	}
	t.Fatalf("no stop has come to %s", point)
}

func (c *chain) start(t *testing.T, point string, n int) *testbed.Program {
	t.Helper()
	return c.w.startToCrash(t, point, n, c.script, "--progress-interval", "200ms")
}

// crashed waits for the end of a program, which has to be a crash.
func (c *chain) crashed(t *testing.T, p *testbed.Program, point string, n int) {
	t.Helper()
	if ended(t, p); !strings.Contains(p.Output(), fmt.Sprintf("crash at %s, time %d\n", point, n)) {
		t.Fatalf("it has not crashed at %s, time %d:\n%s", point, n, p.Output())
	}
	c.w.checkSecrets(t, p.Output())
	c.met[point] = true
	t.Logf("crashed at %s, time %d", point, n)
}
