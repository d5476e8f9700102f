package starrocks_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
	"starferry/internal/emulator"
	"starferry/internal/ferry"
	"starferry/internal/starrocks"
)

// Transactions of a whole database, and the ledger.

// several is a double of 4.0 with a second table and a ledger.
func several(t *testing.T, c emulator.Config) (*transacting, starrocks.TableSpec) {
	t.Helper()
	c.Version = "4.0"
	return severalOn(t, newTransacting(t, c))
}

// severalAnywhere is on a real cluster when one is named.
func severalAnywhere(t *testing.T) (*transacting, starrocks.TableSpec) {
	t.Helper()
	w := transactingAnywhere(t)
	if !w.real {
		return several(t, emulator.Config{})
	}
	if _, err := w.client.CheckTransactions(t.Context(), starrocks.TransactionNeeds{Databases: true}); err != nil {
		t.Skip("the named cluster is too old: ", err)
	}
	return severalOn(t, w)
}

func severalOn(t *testing.T, w *transacting) (*transacting, starrocks.TableSpec) {
	t.Helper()
	if err := w.client.Ledger().Ready(t.Context(), w.database); err != nil {
		t.Fatal(err)
	}
	return w, w.create(t, "u")
}

// visible is what can be seen of both tables and the ledger.
func (w *transacting) visible(t *testing.T, u starrocks.TableSpec) string {
	t.Helper()
	entry, err := w.client.Ledger().Read(t.Context(), w.database, "dep")
	if err != nil {
		t.Fatal(err)
	}
	epoch := "none"
	if entry != nil {
		epoch = entry.State
	}
	return w.ids(t, w.spec) + " " + w.ids(t, u) + " " + epoch
}

func TestTransactionOfADatabase(t *testing.T) {
	t.Parallel()
	w, u := severalAnywhere(t)
	x := w.ofDatabase()
	wants(t, w.Begin(t.Context(), x), "done")
	w.is(t, x, ferry.TransactionUnknown) // nobody but the leader's memory knows it
	wants(t, w.append(t.Context(), x, w.spec, "1", "a"), "done")
	wants(t, w.append(t.Context(), x, u, "2", "a\tb"), "done") // as JSON
	wants(t, w.append(t.Context(), x, w.spec, "3", "c"), "done")
	wants(t, w.client.Ledger().Write(t.Context(), x, ferry.LedgerEntry{Deployment: "dep", Epoch: 7, State: "seven"}), "done")
	if got := w.visible(t, u); got != "  none" {
		t.Errorf("visible before the commit: %s", got)
	}
	wants(t, w.Commit(t.Context(), x), "done")
	if got := w.visible(t, u); got != "1,3 2 seven" {
		t.Errorf("visible after the commit: %s", got)
	}
	w.is(t, x, ferry.TransactionVisible)
	wants(t, w.Commit(t.Context(), x), "done")
	if err := w.append(t.Context(), w.ofDatabase(), u, "4", "x"); err == nil || diag.Find(err) != nil {
		t.Errorf("a load into a transaction that was not begun: %v", err)
	}
}

// TestDatabaseCommitFaults: an OK of a commit says nothing, the label does.
func TestDatabaseCommitFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault      emulator.Fault
		step, want string
	}{
		"begin: frontend hangs up": {emulator.Fault{Op: "fe-txn-begin", DropBefore: true}, "begin", "again"},
		"begin: answer lost":       {emulator.Fault{Op: "fe-txn-begin", DropAfter: true}, "begin", "again"},
		"load: frontend hangs up":  {emulator.Fault{Op: "fe-txn-load", Skip: 1, DropBefore: true}, "load", "again"},
		"load: answer lost":        {emulator.Fault{Op: "be-txn-load", Skip: 1, DropAfter: true}, "load", "lost"},
		"load: too many versions":  {emulator.Fault{Op: "be-txn-load", Table: "u", Message: emulator.TooManyVersions}, "load", "lost"},
		"load: no column":          {emulator.Fault{Op: "be-txn-load", Table: "u", Message: "Column has no default value. column: c"}, "load", "of the table"},
		"load: no table":           {emulator.Fault{Op: "fe-txn-load", Table: "u", Message: "Failed to find table u in db d"}, "load", "of the table"},
		"load: cancelled": {emulator.Fault{Op: "fe-txn-load", Table: "u", Status: 200,
			Body: `{"Status":"OK","Message":"stream load task x has already been cancelled: Load timeout"}`}, "load", "lost"},
		"ledger: answer lost":                {emulator.Fault{Op: "be-txn-load", Table: "_starferry_position", DropAfter: true}, "ledger", "lost"},
		"commit: frontend hangs up":          {emulator.Fault{Op: "fe-txn-commit", DropBefore: true}, "", "done"},
		"commit: answer lost":                {emulator.Fault{Op: "fe-txn-commit", DropAfter: true}, "", "done"},
		"commit: frontend starts":            {emulator.Fault{Op: "fe-txn-commit", Status: 503}, "", "done"},
		"commit: not visible at once":        {emulator.Fault{Op: "publish", Delay: 300 * time.Millisecond}, "", "done"},
		"commit: OK, and nothing came of it": {emulator.Fault{Op: "fe-txn-commit", Status: 200, Body: `{"Status":"OK","Message":""}`}, "commit", "lost"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, u := several(t, emulator.Config{})
			c.fault.Count = 1
			w.double.Fault(c.fault)
			x := w.ofDatabase()
			step, err := w.databaseSteps(t.Context(), u, x)
			if step != c.step {
				t.Fatalf("%q, want %q: %v", step, c.step, err)
			}
			wants(t, err, c.want)
			if err != nil {
				wants(t, w.client.Settle(t.Context(), x.Table, []string{x.Label}), "done")
				w.is(t, x, ferry.TransactionUnknown)
				wants(t, w.Commit(t.Context(), x), "lost")
				if got := w.visible(t, u); got != "  none" {
					t.Errorf("visible: %s", got)
				}
				if step, err := w.databaseSteps(t.Context(), u, w.ofDatabase()); err != nil {
					t.Fatal(step, err)
				}
			}
			if got := w.visible(t, u); got != "1 2 seven" {
				t.Errorf("visible: %s", got)
			}
		})
	}
}

// databaseSteps runs a transaction of both tables and the ledger up to the first error.
func (w *transacting) databaseSteps(ctx context.Context, u starrocks.TableSpec, x checkpoint.Label) (step string, err error) {
	for _, s := range []struct {
		name string
		do   func() error
	}{
		{"begin", func() error { return w.Begin(ctx, x) }},
		{"load", func() error { return w.append(ctx, x, w.spec, "1", "a") }},
		{"load", func() error { return w.append(ctx, x, u, "2", "b") }},
		{"ledger", func() error {
			return w.client.Ledger().Write(ctx, x, ferry.LedgerEntry{Deployment: "dep", Incarnation: "i", Epoch: 7, State: "seven"})
		}},
		{"commit", func() error { return w.Commit(ctx, x) }},
	} {
		if err := s.do(); err != nil {
			return s.name, err
		}
	}
	return "", nil
}

// TestAnotherLeaderKnowsNoDatabaseTransaction: they live in the memory of one.
func TestAnotherLeaderKnowsNoDatabaseTransaction(t *testing.T) {
	t.Parallel()
	w, u := several(t, emulator.Config{})
	for name, next := range map[string]func(checkpoint.Label) error{
		"load":   func(x checkpoint.Label) error { return w.append(t.Context(), x, u, "2", "b") },
		"commit": func(x checkpoint.Label) error { return w.Commit(t.Context(), x) },
	} {
		x := w.ofDatabase()
		wants(t, w.Begin(t.Context(), x), "done")
		wants(t, w.append(t.Context(), x, w.spec, "1", "a"), "done")
		w.double.ChangeLeader()
		if err := again(func() error { return next(x) }); class(err) != "lost" {
			t.Errorf("%s: %v", name, err)
		}
		wants(t, w.client.Settle(t.Context(), x.Table, []string{x.Label}), "done")
	}
	if got := w.visible(t, u); got != "  none" {
		t.Errorf("visible: %s", got)
	}
}

// TestACommitIsSaidToBeOKAndFailed: what goes wrong behind it is not told.
func TestACommitIsSaidToBeOKAndFailed(t *testing.T) {
	t.Parallel()
	w, u := several(t, emulator.Config{MaxRunningTxns: 1})
	other := w.ofTable()
	wants(t, w.Begin(t.Context(), other), "done")
	x := w.ofDatabase()
	step, err := w.databaseSteps(t.Context(), u, x)
	if step != "commit" || class(err) != "lost" || code(err) != starrocks.CodeTransactionGone {
		t.Fatal(step, err)
	}
	wants(t, w.client.Settle(t.Context(), other.Table, []string{other.Label}), "done")
	wants(t, w.client.Settle(t.Context(), x.Table, []string{x.Label}), "done")
	if got := w.visible(t, u); got != "  none" {
		t.Errorf("visible: %s", got)
	}
}

// TestACommitWithoutTheLockStaysInPrepare: until StarRocks' second clock ends it, or
// Settle does.
func TestACommitWithoutTheLockStaysInPrepare(t *testing.T) {
	t.Parallel()
	w, u := several(t, emulator.Config{})
	for _, settle := range []bool{false, true} {
		w.double.Fault(emulator.Fault{Op: "fe-txn-commit", Message: emulator.LockTimeout, Count: 1})
		x := w.ofDatabase()
		ctx, cancel := context.WithCancel(t.Context())
		stuck := make(chan error)
		go func() {
			_, err := w.databaseSteps(ctx, u, x)
			stuck <- err
		}()
		for state := ferry.TransactionUnknown; state != ferry.TransactionOpen; {
			var err error
			if state, err = w.State(t.Context(), x); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		wants(t, <-stuck, "again")
		if settle {
			wants(t, w.client.Settle(t.Context(), x.Table, []string{x.Label}), "done")
		} else {
			w.passes(t, 301*time.Second)
		}
		w.is(t, x, ferry.TransactionAborted)
		wants(t, w.Commit(t.Context(), x), "lost")
	}
	// One that comes too late is answered with OK too.
	x := w.ofDatabase()
	wants(t, w.Begin(t.Context(), x), "done")
	wants(t, w.append(t.Context(), x, w.spec, "1", "a"), "done")
	w.ahead.Add(int64(301 * time.Second))
	wants(t, w.Commit(t.Context(), x), "lost")
	if got := w.visible(t, u); got != "  none" {
		t.Errorf("visible: %s", got)
	}
}

// TestOneBadRowTakesTheDatabasesTransaction: it is named at the commit.
func TestOneBadRowTakesTheDatabasesTransaction(t *testing.T) {
	t.Parallel()
	w, u := several(t, emulator.Config{})
	x := w.ofDatabase()
	wants(t, w.Begin(t.Context(), x), "done")
	wants(t, w.append(t.Context(), x, w.spec, "1", "a"), "done")
	wants(t, w.append(t.Context(), x, u, "2", strings.Repeat("x", 301)), "done")
	err := w.Commit(t.Context(), x)
	wants(t, err, "refused")
	if code(err) != starrocks.CodeLoadRefused || !strings.Contains(err.Error(), "xxxxxxxx") {
		t.Error(err)
	}
	if got := w.visible(t, u); got != "  none" {
		t.Errorf("visible: %s", got)
	}
}

func TestLedger(t *testing.T) {
	t.Parallel()
	w := newTransacting(t, emulator.Config{Version: "4.0"})
	l := w.client.Ledger()
	read := func(deployment string) *ferry.LedgerEntry {
		t.Helper()
		entry, err := l.Read(t.Context(), w.database, deployment)
		if err != nil {
			t.Fatal(err)
		}
		return entry
	}
	if entry := read("a"); entry != nil {
		t.Error("without a table", entry)
	}
	for range 2 {
		wants(t, l.Ready(t.Context(), w.database), "done")
	}
	want := ferry.LedgerEntry{Deployment: `it's "a" \`, Incarnation: "0123456789abcdef", Epoch: 1<<63 - 1, State: `{"at":"\N",` + "\n\t\x01\x00é𝄞" + `}` + strings.Repeat("x", 1<<20-30)}
	for _, entry := range []ferry.LedgerEntry{{Deployment: "b", Epoch: 1}, {Deployment: want.Deployment, Epoch: 3}, want} {
		x := w.ofDatabase()
		wants(t, w.Begin(t.Context(), x), "done")
		wants(t, l.Write(t.Context(), x, entry), "done")
		wants(t, w.Commit(t.Context(), x), "done")
	}
	if got := read(want.Deployment); got == nil || *got != want {
		t.Errorf("%.200v", got)
	}
	if got := read("b"); got == nil || got.Epoch != 1 {
		t.Error(got)
	}
	if got := read("none"); got != nil {
		t.Error(got)
	}
	w.double.Fault(emulator.Fault{Op: "query", Contains: "SYNC", Message: "leader is not ready", Count: 1})
	if _, err := l.Read(t.Context(), w.database, "b"); class(err) != "again" {
		t.Error(err)
	}
	x := w.ofDatabase()
	wants(t, w.Begin(t.Context(), x), "done")
	for _, entry := range []ferry.LedgerEntry{{Deployment: "a", State: strings.Repeat("x", 1<<20+1)}, {Deployment: strings.Repeat("x", 129)}, {Deployment: "a", Epoch: 1 << 63}} {
		wants(t, l.Write(t.Context(), x, entry), string(starrocks.CodeLedger))
	}
	w.exec(t, "INSERT INTO "+w.database+"._starferry_position VALUES ('bad', 'i', -1, '')")
	_, err := l.Read(t.Context(), w.database, "bad")
	wants(t, err, string(starrocks.CodeLedger))
	if _, err := l.Read(t.Context(), "sf_no_such", "a"); code(err) != starrocks.CodeNoDatabase {
		t.Error(err)
	}
}

// TestLedgerNeedsPrivileges like any table: the remedy grants them.
func TestLedgerNeedsPrivileges(t *testing.T) {
	t.Parallel()
	w := newTransacting(t, emulator.Config{Version: "4.0"})
	w.exec(t, "CREATE USER 'ferry' IDENTIFIED BY 'secret'")
	config := w.admin
	config.User, config.Password = "ferry", diag.NewSecret("secret")
	l := w.world.client(t, config).Ledger()
	for range 2 {
		err := l.Ready(t.Context(), w.database)
		if code(err) != starrocks.CodePrivilege {
			t.Fatal(err)
		}
		w.exec(t, strings.TrimSuffix(diag.Find(err).Fix, ";"))
	}
	wants(t, l.Ready(t.Context(), w.database), "done")
}

func TestCheckTransactions(t *testing.T) {
	t.Parallel()
	check := func(c *starrocks.Client, needs starrocks.TransactionNeeds, want starrocks.TransactionLimits, refusal diag.Code) {
		t.Helper()
		limits, err := c.CheckTransactions(t.Context(), needs)
		if code(err) != refusal || err != nil && diag.Find(err).Fix == "" || refusal != starrocks.CodeTransactions && limits != want {
			t.Errorf("%+v: %+v %v, want %+v %s", needs, limits, err, want, refusal)
		}
	}
	minutes := func(n int) starrocks.TransactionNeeds {
		return starrocks.TransactionNeeds{Checkpoint: time.Duration(n) * time.Minute}
	}
	w := newTransacting(t, emulator.Config{Version: "3.5.4", MaxRunningTxns: 70, PreparedTimeout: time.Hour})
	check(w.client, minutes(10), starrocks.TransactionLimits{Running: 70, Prepared: time.Hour}, "")
	check(w.client, minutes(60), starrocks.TransactionLimits{Running: 70, Prepared: time.Hour}, starrocks.CodePrepared)
	check(w.client, starrocks.TransactionNeeds{Databases: true}, starrocks.TransactionLimits{}, starrocks.CodeTransactions)
	if err := w.client.Configure(w.spec.Target, starrocks.LoadOptions{PreparedTimeout: 2 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	check(w.client, minutes(60), starrocks.TransactionLimits{Running: 70, Prepared: 2 * time.Hour}, "")
	check(w.client, minutes(120), starrocks.TransactionLimits{Running: 70, Prepared: 2 * time.Hour}, starrocks.CodePrepared)
	// Who is no administrator is not told the limits, which is no reason to refuse.
	w.exec(t, "CREATE USER 'ferry' IDENTIFIED BY 'secret'")
	config := w.admin
	config.User, config.Password = "ferry", diag.NewSecret("secret")
	check(w.world.client(t, config), minutes(120), starrocks.TransactionLimits{}, "")

	w = newTransacting(t, emulator.Config{Version: "4.0", PreparedTimeout: time.Minute})
	check(w.client, starrocks.TransactionNeeds{Databases: true, Checkpoint: time.Hour}, starrocks.TransactionLimits{Running: 1000, Prepared: time.Minute}, "")
	// An older version takes its own time, whatever the table asks for.
	w = newTransacting(t, emulator.Config{Version: "3.5.3", PreparedTimeout: time.Minute})
	if err := w.client.Configure(change.Name{Database: "d", Table: "t"}, starrocks.LoadOptions{PreparedTimeout: time.Hour}); err != nil {
		t.Fatal(err)
	}
	check(w.client, minutes(30), starrocks.TransactionLimits{Running: 1000, Prepared: time.Minute}, starrocks.CodePrepared)
}
