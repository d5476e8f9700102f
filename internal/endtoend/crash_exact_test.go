package endtoend

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"starferry/internal/emulator"
	"starferry/internal/testbed"
)

// onlyExact are the points that only exactly-once comes to.
var onlyExact = map[string]bool{
	"transaction-begins": true, "transaction-begun": true, "epoch-ends": true, "epoch-loaded": true, "prepare-begins": true,
	"transaction-prepared": true, "epoch-saved": true, "commit-begins": true, "transaction-committed": true, "settled": true,
	"epoch-settled": true, "redo-begins": true, "fenced": true, "recovery-committed": true, "recovery-settled": true,
}

// copyPoints are those of a deployment that begins, in their order.
var copyPoints = []string{
	"start-known", "earlier-loads-settled", "saved", "table-joined", "join-saved", "page-registered", "page-read", "page-arrived",
	"described", "schema-carried", "page-emitted", "copy-done",
}

// alterPoints are those of a column that is added, stopPoints those of a stop.
var (
	alterPoints = []string{"alter-begins", "alter-sent", "columns-added"}
	stopPoints  = []string{"stop-begins", "stop-drained"}
	// An epoch that was saved, and not settled, has to be there for these.
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
	for i, o := range ways {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			source := []func(testing.TB, ...string) *testbed.Server{testbed.MySQL, testbed.MariaDB}[i]
			w := o.world(t, source(t))
			b := newBank(t, w, 2500, o.inside)
			c := &chain{way: o, w: w, b: b, script: b.script(t, b.exactly("50ms")), r: rand.New(rand.NewPCG(b.seed, 4000)), met: map[string]bool{}}
			c.run(t)
			for _, point := range pointNames() {
				if !c.met[point] && jobAt[point] == nil && (point != "fenced" || o.inside) {
					t.Errorf("it has never crashed at %s", point)
				}
			}
		})
	}
}

func (c *chain) run(t *testing.T) {
	c.b.begin(t, 2)
	for _, point := range copyPoints {
		c.crash(t, point, 1, nil)
	}
	c.w.catchUp(t, c.script)
	a := c.b.audit(t)
	for _, point := range recoveryPoints {
		if point == "fenced" && !c.inside {
			continue
		}
		c.crash(t, "epoch-saved", 1+c.r.IntN(3), nil)
		c.crash(t, point, 1, nil)
	}
	for i, point := range alterPoints {
		c.w.exec(t, "SET lock_wait_timeout = 20", fmt.Sprintf("ALTER TABLE accounts_a ADD COLUMN c%d INT DEFAULT %[1]d", i))
		c.crash(t, point, 1, nil)
	}
	for _, point := range stopPoints {
		c.crash(t, point, 1, func(p *testbed.Program) {
			if comesTo(t, p, "state=streaming") {
				p.Terminate()
			}
		})
	}
	forget := c.w.double.Fault(c.loss())
	c.crash(t, "redo-begins", 1, nil)
	forget()
	for _, point := range pointNames() {
		if !c.met[point] && jobAt[point] == nil && (point != "fenced" || c.inside) {
			c.crash(t, point, 1, nil)
			c.crash(t, point, 2+c.r.IntN(4), nil)
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
	if c.inside {
		return emulator.Fault{Op: "fe-txn-commit", Event: "leader-change", Count: 1, DropBefore: true}
	}
	return emulator.Fault{Op: "be-txn-prepare", Event: "be-restart", Count: 1, DropBefore: true}
}

// crash starts the ferry, has it crash at a point for the n-th time, and see to it that it
// did.
func (c *chain) crash(t *testing.T, point string, n int, reach func(*testbed.Program)) {
	t.Helper()
	began := time.Now()
	p := c.w.startToCrash(t, point, n, c.script, "--progress-interval", "20ms")
	if reach != nil {
		reach(p)
	}
	if ended(t, p); !strings.Contains(p.Output(), fmt.Sprintf("crash at %s, time %d\n", point, n)) {
		t.Fatalf("it has not crashed at %s, time %d:\n%s", point, n, p.Output())
	}
	c.w.checkSecrets(t, p.Output())
	c.met[point] = true
	t.Logf("crashed at %s, time %d, in %v", point, n, time.Since(began).Round(time.Millisecond))
}
