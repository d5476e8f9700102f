package endtoend

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"starferry/internal/emulator"
	"starferry/internal/testbed"
)

// tooManyRunning is what StarRocks says when a database has no room for a transaction.
const tooManyRunning = "current running txns on db 10 is 1000, larger than limit 1000"

// transactionFaults are everything that can go wrong with the transactions of a way.
func (o way) transactionFaults() (faults []emulator.Fault) {
	ops := []string{"fe-txn-begin", "fe-txn-load", "be-txn-load", "fe-txn-commit"}
	if !o.inside {
		ops = append(ops, "be-txn-begin", "fe-txn-prepare", "be-txn-prepare") // the commit of what is prepared meets no backend
	}
	for _, op := range ops {
		faults = append(faults,
			emulator.Fault{Op: op, DropBefore: true, Count: 2},
			emulator.Fault{Op: op, DropAfter: true, Count: 1},
			emulator.Fault{Op: op, Status: http.StatusServiceUnavailable, Body: "later", Count: 1},
			emulator.Fault{Op: op, Event: "leader-change", Count: 1},
			emulator.Fault{Op: op, Event: "be-restart", Count: 1},
			emulator.Fault{Op: op, Delay: 300 * time.Millisecond, Count: 1})
	}
	faults = append(faults,
		emulator.Fault{Op: "be-txn-load", Message: emulator.MemoryLimit, Count: 1},
		emulator.Fault{Op: "be-txn-load", Message: emulator.TooManyVersions, Count: 1},
		emulator.Fault{Op: "publish", Delay: 2 * time.Second, Count: 1},
		emulator.Fault{Op: "get_load_state", DropBefore: true, Count: 2},
		emulator.Fault{Op: "get_load_state", Event: "leader-change", Count: 1})
	if !o.inside {
		faults = append(faults,
			emulator.Fault{Op: "be-txn-begin", Message: tooManyRunning, Count: 2},
			// With several tables nobody is told, and the transaction lasts to the end of its 300 s.
			emulator.Fault{Op: "fe-txn-commit", Message: emulator.LockTimeout, Count: 1},
			emulator.Fault{Op: "fe-txn-commit", PublishTimeout: true, Count: 1},
			emulator.Fault{Op: "fe-txn-commit", Event: "lose-prepared", LabelPrefix: "sf_", Count: 1},
			emulator.Fault{Op: "fe-txn-commit", Event: "lose-prepared", LabelPrefix: "sf_", Skip: 1, Count: 1})
	}
	return faults
}

// TestEveryFaultOfTheTargetExactlyOnce: whatever goes wrong with a transaction, no state
// becomes visible that the source never had.
func TestEveryFaultOfTheTargetExactlyOnce(t *testing.T) {
	t.Parallel()
	needsDouble(t, "it misbehaves")
	for _, o := range ways {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			w := o.world(t, testbed.MySQL(t))
			b := newBank(t, w, 300, o.inside)
			script := b.script(t, b.exactly("50ms"))
			b.begin(t, 2)
			w.catchUp(t, script)
			a := b.audit(t)
			p := w.start(t, script)
			for _, fault := range o.transactionFaults() {
				began := time.Now()
				remove := w.double.Fault(fault)
				eventually(t, func() string { return w.notActed(t, fault, p) })
				a.await(t, 2)
				remove()
				t.Logf("%v later: %s %s%s", time.Since(began).Round(time.Millisecond), fault.Op, fault.Event, fault.Message)
			}
			w.stop(t, p)
			b.end()
			w.catchUp(t, script)
			a.end(t)
			for _, table := range bankTables {
				w.compare(t, table, table)
			}
			t.Logf("%d faults, %d redos", len(o.transactionFaults()), strings.Count(p.Output(), "warning: redo: "))
		})
	}
}

// notActed says which of a double's rules has not done all that it may; it is the only
// one. A program that has ended will not make it.
func (w *world) notActed(t *testing.T, fault emulator.Fault, p *testbed.Program) string {
	t.Helper()
	select {
	case <-p.Done():
		t.Fatalf("it has ended: %s", p.Output())
	default:
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.double.HTTPAddr()+"/api/_faults", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("root", "")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error() // the leader changes
	}
	defer response.Body.Close()
	var rules []struct{ Done int }
	if err := json.NewDecoder(response.Body).Decode(&rules); err != nil {
		return err.Error()
	}
	if len(rules) != 1 || rules[0].Done < fault.Count {
		return fmt.Sprintf("%+v: %+v\n%s", fault, rules, p.Output())
	}
	return ""
}

// TestPreparedTransactionsAreLostBetweenTwoRuns: of all tables, or of those that were not
// committed yet; the labels forgotten, or known as aborted.
func TestPreparedTransactionsAreLostBetweenTwoRuns(t *testing.T) {
	t.Parallel()
	needsDouble(t, "it loses what it prepared")
	for _, point := range []string{"epoch-saved", "transaction-committed"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			w := ways[0].world(t, testbed.MariaDB(t))
			b := newBank(t, w, 200, false)
			script := b.script(t, b.exactly("50ms"))
			b.begin(t, 2)
			w.catchUp(t, script)
			a, all := b.audit(t), 0
			for n := range 3 {
				p := w.startToCrash(t, point, n+1, script)
				if ended(t, p); !hasCrashed(p) {
					t.Fatalf("it has not crashed: %s", p.Output())
				}
				lost := w.double.LosePrepared("sf_")
				o := w.catchUp(t, script)
				if !strings.Contains(o.out, "redo: a transaction of the checkpoint at ") && lost > 0 {
					t.Errorf("nobody says that what %d transactions held is loaded again: %s", lost, o)
				}
				all += lost
			}
			if all == 0 && point == "epoch-saved" {
				t.Error("nothing was lost")
			}
			b.end()
			w.catchUp(t, script)
			a.end(t)
			for _, table := range bankTables {
				w.compare(t, table, table)
			}
		})
	}
}

// TestLabelsAreForgotten: by their number, so soon that hardly one is known when it is
// asked for.
func TestLabelsAreForgotten(t *testing.T) {
	t.Parallel()
	needsDouble(t, "it forgets labels at once")
	for _, o := range ways {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			w := o.worldOf(t, testbed.MySQL(t), emulator.Config{LabelKeepNum: 1, LabelCleanInterval: 5 * time.Millisecond})
			b := newBank(t, w, 200, o.inside)
			script := b.script(t, b.exactly("50ms"))
			b.begin(t, 2)
			w.catchUp(t, script)
			a := b.audit(t)
			for _, point := range []string{"transaction-committed", "epoch-settled", "transaction-prepared", "epoch-saved"} {
				p := w.startToCrash(t, point, 2, script)
				if ended(t, p); !hasCrashed(p) {
					t.Fatalf("it has not crashed at %s: %s", point, p.Output())
				}
			}
			p := w.start(t, script)
			a.await(t, 20)
			w.stop(t, p)
			b.end()
			w.catchUp(t, script)
			a.end(t)
			for _, table := range bankTables {
				w.compare(t, table, table)
			}
		})
	}
}

// TestFewTransactionsMayRun: with one transaction at a time, tables take turns.
func TestFewTransactionsMayRun(t *testing.T) {
	t.Parallel()
	needsDouble(t, "it allows one transaction")
	w := ways[0].worldOf(t, testbed.MySQL(t), emulator.Config{MaxRunningTxns: 2})
	b := newBank(t, w, 200, false)
	script := b.script(t, b.exactly("50ms"), "'sink.max-open-transactions' = '1'")
	b.begin(t, 2)
	w.catchUp(t, script)
	a := b.audit(t)
	p := w.start(t, script)
	a.await(t, 30)
	w.stop(t, p)
	b.end()
	w.catchUp(t, script)
	a.end(t)
	for _, table := range bankTables {
		w.compare(t, table, table)
	}
}
