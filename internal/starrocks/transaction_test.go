package starrocks_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
	"starferry/internal/emulator"
	"starferry/internal/ferry"
	"starferry/internal/starrocks"
)

// transacting is a double with a table, and what loads it in transactions.
type transacting struct {
	*world
	ferry.Transactions
	client *starrocks.Client
	spec   starrocks.TableSpec
	ahead  atomic.Int64 // of the double's clock
}

func newTransacting(t *testing.T, c emulator.Config) *transacting {
	t.Helper()
	w := &transacting{}
	c.Now = func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }
	w.begin(t, newDouble(t, c))
	return w
}

// transactingAnywhere is on a real cluster when one is named.
func transactingAnywhere(t *testing.T) *transacting {
	t.Helper()
	w := &transacting{}
	w.begin(t, newWorld(t))
	return w
}

func (w *transacting) begin(t *testing.T, on *world) {
	t.Helper()
	w.world = on
	w.client = w.world.client(t, w.admin)
	w.Transactions = w.client.Transactions()
	w.spec = w.create(t, "t")
}

func (w *transacting) create(t *testing.T, name string) starrocks.TableSpec {
	t.Helper()
	spec := starrocks.TableSpec{Target: w.table(name), Source: tutorialTable(), Simple: true, Properties: "buckets 1"}
	if _, err := w.client.Prepare(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	return spec
}

// passes moves the clock on; the double looks at its timeouts.
func (w *transacting) passes(t *testing.T, d time.Duration) {
	t.Helper()
	w.ahead.Add(int64(d))
	if err := w.double.TickTransactions(); err != nil {
		t.Error(err)
	}
}

func (w *transacting) ofTable() checkpoint.Label {
	return checkpoint.Label{Table: w.spec.Target, Label: label()}
}

func (w *transacting) ofDatabase() checkpoint.Label {
	return checkpoint.Label{Table: change.Name{Database: w.database}, Label: label()}
}

// append loads one row of the given id and title, in the first form that carries it.
func (w *transacting) append(ctx context.Context, to checkpoint.Label, spec starrocks.TableSpec, id, title string) error {
	loads := w.client.Loads(ferry.Route{Target: spec.Target})
	rows := rowsOf(5, id, title, "b", "<null>", "<null>")
	for form := range ferry.Form(3) {
		batch := loads.NewBatchIn(layoutOf(spec.Source), form)
		ok, err := batch.Add(ferry.Upsert, rows, 0)
		if err != nil {
			return err
		}
		if ok {
			return loads.Append(ctx, to, batch)
		}
	}
	return fmt.Errorf("row %s fits no form", id)
}

// ids are those of the rows that are visible.
func (w *transacting) ids(t *testing.T, spec starrocks.TableSpec) string {
	t.Helper()
	return strings.Join(w.read(t, "SELECT runoob_id FROM "+spec.Target.String()+" ORDER BY 1"), ",")
}

func (w *transacting) is(t *testing.T, label checkpoint.Label, want ferry.TransactionState) {
	t.Helper()
	if got, err := w.State(t.Context(), label); err != nil || got != want {
		t.Errorf("%s is %s, want %s (%v)", label.Label, got, want, err)
	}
}

// class is how a caller reads an error.
func class(err error) string {
	var lost *ferry.LostError
	var rows *ferry.RefusedError
	var table *ferry.TableError
	p := diag.Find(err)
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &rows):
		return "refused"
	case errors.As(err, &table):
		return "of the table"
	case errors.As(err, &lost) && diag.IsTransient(err):
		return "lost"
	case lost != nil:
		return "lost for good"
	case diag.IsTransient(err):
		return "again"
	case p != nil:
		return string(p.Code)
	}
	return err.Error()
}

func wants(t *testing.T, err error, want string) {
	t.Helper()
	if got := class(err); got != want {
		t.Fatalf("%s, want %s: %v", got, want, err)
	}
	if p := diag.Find(err); p != nil && p.Fix == "" {
		t.Errorf("no remedy in %v", err)
	}
}

// TestTransactionOfATable: rows show with the commit, and only then.
func TestTransactionOfATable(t *testing.T) {
	t.Parallel()
	w := transactingAnywhere(t)
	x := w.ofTable()
	wants(t, w.Begin(t.Context(), x), "done")
	w.is(t, x, ferry.TransactionOpen)
	for _, id := range []string{"1", "2", "3"} {
		wants(t, w.append(t.Context(), x, w.spec, id, "a\x01b"), "done")
	}
	wants(t, w.Prepare(t.Context(), x), "done")
	w.is(t, x, ferry.TransactionPrepared)
	wants(t, w.Prepare(t.Context(), x), "done")
	if got := w.ids(t, w.spec); got != "" {
		t.Errorf("%s are visible before the commit", got)
	}
	wants(t, w.Commit(t.Context(), x), "done")
	if got := w.ids(t, w.spec); got != "1,2,3" {
		t.Errorf("%s are visible after the commit", got)
	}
	w.is(t, x, ferry.TransactionVisible)
	wants(t, w.Commit(t.Context(), x), "done")
	wants(t, w.Begin(t.Context(), x), "again") // the label is used
	for _, strange := range []checkpoint.Label{x, w.ofTable()} {
		if err := w.append(t.Context(), strange, w.spec, "4", "x"); err == nil || diag.Find(err) != nil {
			t.Errorf("a load into a transaction that was not begun: %v", err)
		}
	}
	w.is(t, w.ofTable(), ferry.TransactionUnknown)
}

// transactionSteps runs a transaction of two rows up to the first error.
func (w *transacting) transactionSteps(ctx context.Context, x checkpoint.Label) (step string, err error) {
	for _, s := range []struct {
		name string
		do   func() error
	}{
		{"begin", func() error { return w.Begin(ctx, x) }},
		{"load", func() error { return w.append(ctx, x, w.spec, "1", "a") }},
		{"load 2", func() error { return w.append(ctx, x, w.spec, "2", "b") }},
		{"prepare", func() error { return w.Prepare(ctx, x) }},
		{"commit", func() error { return w.Commit(ctx, x) }},
	} {
		if err := s.do(); err != nil {
			return s.name, err
		}
	}
	return "", nil
}

// TestTransactionFaults: what goes wrong once ends the transaction, or the same step may
// be done again; what has ended is nowhere to be seen, and another transaction succeeds.
func TestTransactionFaults(t *testing.T) {
	t.Parallel()
	const rowsDiffer = `{"Status":"OK","NumberTotalRows":2,"NumberLoadedRows":1,"NumberFilteredRows":0,"NumberUnselectedRows":1}`
	for name, c := range map[string]struct {
		fault      emulator.Fault
		step, want string
		code       diag.Code
	}{
		"begin: frontend hangs up":          {emulator.Fault{Op: "fe-txn-begin", DropBefore: true}, "begin", "again", starrocks.CodeUnreachable},
		"begin: backend hangs up":           {emulator.Fault{Op: "be-txn-begin", DropBefore: true}, "begin", "again", starrocks.CodeUnreachable},
		"begin: answer lost":                {emulator.Fault{Op: "be-txn-begin", DropAfter: true}, "begin", "again", starrocks.CodeUnreachable},
		"begin: too many running":           {emulator.Fault{Op: "be-txn-begin", Message: "current running txns on db 1 is 1000, larger than limit 1000"}, "begin", "again", starrocks.CodeLoadFailed},
		"begin: no table":                   {emulator.Fault{Op: "be-txn-begin", Message: `unknown table "d.t"`}, "begin", "of the table", starrocks.CodeNoTable},
		"begin: no database":                {emulator.Fault{Op: "fe-txn-begin", Message: "unknown database, database=d"}, "begin", string(starrocks.CodeNoDatabase), starrocks.CodeNoDatabase},
		"begin: not a frontend":             {emulator.Fault{Op: "fe-txn-begin", Status: 404}, "begin", string(starrocks.CodeLoadEndpoint), starrocks.CodeLoadEndpoint},
		"load: frontend hangs up":           {emulator.Fault{Op: "fe-txn-load", DropBefore: true}, "load", "again", starrocks.CodeUnreachable},
		"load: backend hangs up":            {emulator.Fault{Op: "be-txn-load", DropBefore: true}, "load", "again", starrocks.CodeRedirect},
		"load: frontend starts":             {emulator.Fault{Op: "fe-txn-load", Status: 503}, "load", "again", starrocks.CodeLoadEndpoint},
		"load: no backend":                  {emulator.Fault{Op: "fe-txn-load", Message: "No backend alive."}, "load", "again", starrocks.CodeLoadFailed},
		"load: in the middle":               {emulator.Fault{Op: "fe-txn-load", Skip: 1, DropBefore: true}, "load 2", "again", starrocks.CodeUnreachable},
		"load: answer lost":                 {emulator.Fault{Op: "be-txn-load", DropAfter: true}, "load", "lost", starrocks.CodeLoadOpen},
		"load: the second answer lost":      {emulator.Fault{Op: "be-txn-load", Skip: 1, DropAfter: true}, "load 2", "lost", starrocks.CodeLoadOpen},
		"load: too many versions":           {emulator.Fault{Op: "be-txn-load", Message: emulator.TooManyVersions}, "load", "lost", starrocks.CodeLoadFailed},
		"load: no memory":                   {emulator.Fault{Op: "be-txn-load", Skip: 1, Message: emulator.MemoryLimit}, "load 2", "lost", starrocks.CodeLoadFailed},
		"load: fewer bytes":                 {emulator.Fault{Op: "be-txn-load", Message: "receive body don't equal with body bytes"}, "load", "refused", starrocks.CodeLoadRefused},
		"load: no column":                   {emulator.Fault{Op: "be-txn-load", Message: "Column has no default value. column: c"}, "load", "of the table", starrocks.CodeLoadRefused},
		"load: no privilege":                {emulator.Fault{Op: "be-txn-load", Message: "Access denied; you need (at least one of) the INSERT privilege(s)"}, "load", "of the table", starrocks.CodePrivilege},
		"load: busy":                        {emulator.Fault{Op: "be-txn-load", Status: 200, Body: `{"Status":"TXN_IN_PROCESSING","Message":"Transaction is in processing"}`}, "load", "again", starrocks.CodeLoadFailed},
		"prepare: frontend hangs up":        {emulator.Fault{Op: "fe-txn-prepare", DropBefore: true}, "prepare", "again", starrocks.CodeLoadOpen},
		"prepare: backend hangs up":         {emulator.Fault{Op: "be-txn-prepare", DropBefore: true}, "prepare", "again", starrocks.CodeLoadOpen},
		"prepare: frontend starts":          {emulator.Fault{Op: "fe-txn-prepare", Status: 503}, "prepare", "again", starrocks.CodeLoadOpen},
		"prepare: busy":                     {emulator.Fault{Op: "be-txn-prepare", Status: 200, Body: `{"Status":"TXN_IN_PROCESSING","Message":"Transaction is in processing"}`}, "prepare", "again", starrocks.CodeLoadOpen},
		"prepare: no backend":               {emulator.Fault{Op: "fe-txn-prepare", Message: "No backend alive."}, "prepare", "again", starrocks.CodeLoadOpen},
		"prepare: another leader":           {emulator.Fault{Op: "fe-txn-prepare", Event: "leader-change"}, "prepare", "again", starrocks.CodeLoadOpen},
		"prepare: answer lost":              {emulator.Fault{Op: "be-txn-prepare", DropAfter: true}, "", "done", ""},
		"prepare: the frontend's too":       {emulator.Fault{Op: "be", Path: "/api/transaction/prepare", DropAfter: true}, "", "done", ""},
		"prepare: the backend fails":        {emulator.Fault{Op: "be-txn-prepare", Message: "call frontend service failed"}, "prepare", "lost", starrocks.CodeTransactionGone},
		"prepare: key too long":             {emulator.Fault{Op: "be-txn-prepare", Message: "primary key size exceed the limit."}, "prepare", "refused", starrocks.CodeLoadRefused},
		"prepare: the table is dropped":     {emulator.Fault{Op: "be-txn-prepare", Message: "unknown table, table=t"}, "prepare", "of the table", starrocks.CodeNoTable},
		"prepare: other rows":               {emulator.Fault{Op: "be-txn-prepare", Status: 200, Body: rowsDiffer}, "prepare", "of the table", starrocks.CodeRowsDiffer},
		"commit: frontend hangs up":         {emulator.Fault{Op: "fe-txn-commit", DropBefore: true}, "", "done", ""},
		"commit: answer lost":               {emulator.Fault{Op: "fe-txn-commit", DropAfter: true}, "", "done", ""},
		"commit: frontend starts":           {emulator.Fault{Op: "fe-txn-commit", Status: 503}, "", "done", ""},
		"commit: lock timeout":              {emulator.Fault{Op: "fe-txn-commit", Message: emulator.LockTimeout}, "", "done", ""},
		"commit: publish timeout":           {emulator.Fault{Op: "fe-txn-commit", PublishTimeout: true}, "", "done", ""},
		"commit: another leader":            {emulator.Fault{Op: "fe-txn-commit", Event: "leader-change"}, "", "done", ""},
		"commit: backend restarts":          {emulator.Fault{Op: "fe-txn-commit", Event: "be-restart"}, "", "done", ""},
		"commit: what was prepared is lost": {emulator.Fault{Op: "fe-txn-commit", Event: "lose-prepared"}, "commit", "lost", starrocks.CodeTransactionGone},
		"commit: slow publish":              {emulator.Fault{Op: "publish", Delay: 300 * time.Millisecond}, "", "done", ""},
		"state cannot be had":               {emulator.Fault{Op: "get_load_state", DropBefore: true}, "", "done", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTransacting(t, emulator.Config{})
			c.fault.Count = 1
			remove := w.double.Fault(c.fault)
			x := w.ofTable()
			step, err := w.transactionSteps(t.Context(), x)
			if step != c.step || code(err) != c.code {
				t.Fatalf("%s: code %q, want %s: code %q: %v", step, code(err), c.step, c.code, err)
			}
			wants(t, err, c.want)
			remove()
			w.endsWell(t, x, step, err)
		})
	}
}

// endsWell goes on behind an error as a caller does.
func (w *transacting) endsWell(t *testing.T, x checkpoint.Label, step string, err error) {
	t.Helper()
	if class(err) == "again" && step != "begin" {
		if strings.HasPrefix(step, "load") {
			wants(t, w.append(t.Context(), x, w.spec, map[string]string{"load": "1", "load 2": "2"}[step], "a"), "done")
			if step == "load" {
				wants(t, w.append(t.Context(), x, w.spec, "2", "b"), "done")
			}
		}
		wants(t, w.Prepare(t.Context(), x), "done")
		wants(t, w.Commit(t.Context(), x), "done")
		err = nil
	}
	if err != nil {
		wants(t, w.client.Settle(t.Context(), x.Table, []string{x.Label}), "done")
		if state, err := w.State(t.Context(), x); err != nil || state != ferry.TransactionAborted && state != ferry.TransactionUnknown {
			t.Errorf("behind Settle it is %s %v", state, err)
		}
		if got := w.ids(t, w.spec); got != "" {
			t.Errorf("%s are visible, and nothing was committed", got)
		}
		if step, err := w.transactionSteps(t.Context(), w.ofTable()); err != nil {
			t.Fatal(step, err)
		}
	}
	if got := w.ids(t, w.spec); got != "1,2" {
		t.Errorf("%s are visible", got)
	}
}

// again does something until it is not told to do it again.
func again(do func() error) (err error) {
	for range 10 {
		if err = do(); class(err) != "again" {
			break
		}
	}
	return err
}

// TestBackendForgetsTransactions: what was not prepared is lost, what was is not.
func TestBackendForgetsTransactions(t *testing.T) {
	t.Parallel()
	w := newTransacting(t, emulator.Config{})
	x, prepared := w.ofTable(), w.ofTable()
	for _, label := range []checkpoint.Label{x, prepared} {
		wants(t, w.Begin(t.Context(), label), "done")
		wants(t, w.append(t.Context(), label, w.spec, "1", "a"), "done")
	}
	wants(t, w.Prepare(t.Context(), prepared), "done")
	w.double.RestartBackend()
	wants(t, again(func() error { return w.append(t.Context(), x, w.spec, "2", "b") }), "lost")
	wants(t, again(func() error { return w.Prepare(t.Context(), x) }), "lost")
	w.is(t, x, ferry.TransactionOpen)
	// The backend has nothing to roll back: it is cancelled.
	wants(t, w.client.Settle(t.Context(), x.Table, []string{x.Label}), "done")
	w.is(t, x, ferry.TransactionAborted)
	wants(t, w.Commit(t.Context(), prepared), "done")
	if got := w.ids(t, w.spec); got != "1" {
		t.Errorf("%s are visible", got)
	}
}

// TestTransactionsRunOutOfTime: neither phase lasts for ever.
func TestTransactionsRunOutOfTime(t *testing.T) {
	t.Parallel()
	w := newTransacting(t, emulator.Config{Version: "3.5.4"})
	if err := w.client.Configure(w.spec.Target, starrocks.LoadOptions{Timeout: time.Minute, PreparedTimeout: 5 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	for _, phase := range []struct {
		loaded, prepared bool
		lasts            time.Duration
		next             func(checkpoint.Label) error
	}{
		{true, false, time.Minute, func(x checkpoint.Label) error { return w.append(t.Context(), x, w.spec, "2", "b") }},
		{true, false, time.Minute, func(x checkpoint.Label) error { return w.Prepare(t.Context(), x) }},
		{true, true, 5 * time.Minute, func(x checkpoint.Label) error { return w.Commit(t.Context(), x) }},
	} {
		x := w.ofTable()
		wants(t, w.Begin(t.Context(), x), "done")
		wants(t, w.append(t.Context(), x, w.spec, "1", "a"), "done")
		if phase.prepared {
			wants(t, w.Prepare(t.Context(), x), "done")
		}
		before, _ := w.State(t.Context(), x)
		w.passes(t, phase.lasts-time.Second)
		w.is(t, x, before)
		w.passes(t, 3*time.Second)
		w.is(t, x, ferry.TransactionAborted)
		err := again(func() error { return phase.next(x) })
		wants(t, err, "lost")
		wants(t, w.client.Settle(t.Context(), x.Table, []string{x.Label}), "done")
	}
	if got := w.ids(t, w.spec); got != "" {
		t.Errorf("%s are visible", got)
	}
}

// TestRowsAreRefusedAtPrepare: StarRocks says so at the end, with the rows and the reason.
func TestRowsAreRefusedAtPrepare(t *testing.T) {
	t.Parallel()
	w := transactingAnywhere(t)
	x := w.ofTable()
	wants(t, w.Begin(t.Context(), x), "done")
	wants(t, w.append(t.Context(), x, w.spec, "1", "fits"), "done")
	wants(t, w.append(t.Context(), x, w.spec, "2", strings.Repeat("x", 301)), "done")
	err := w.Prepare(t.Context(), x)
	wants(t, err, "refused")
	if code(err) != starrocks.CodeLoadRefused || !strings.Contains(err.Error(), "too many filtered rows") || !strings.Contains(err.Error(), "xxxxxxxx") {
		t.Error(err)
	}
	wants(t, w.Prepare(t.Context(), x), "lost")
	w.is(t, x, ferry.TransactionAborted)
}

// TestCommitWaitsUntilItIsVisible: COMMITTED is not enough.
func TestCommitWaitsUntilItIsVisible(t *testing.T) {
	t.Parallel()
	for name, multi := range map[string]bool{"table": false, "database": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTransacting(t, emulator.Config{Version: "4.0"})
			x := w.ofTable()
			if multi {
				x = w.ofDatabase()
			}
			wants(t, w.Begin(t.Context(), x), "done")
			wants(t, w.append(t.Context(), x, w.spec, "1", "a"), "done")
			if !multi {
				wants(t, w.Prepare(t.Context(), x), "done")
			}
			release := w.double.Fault(emulator.Fault{Op: "publish", Hold: true})
			// The answer is lost: a database's would take its 10 s.
			w.double.Fault(emulator.Fault{Op: "fe-txn-commit", DropAfter: true, Count: 1})
			committed := make(chan error)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() { committed <- w.Commit(ctx, x) }()
			for state := ferry.TransactionUnknown; state != ferry.TransactionCommitted; {
				var err error
				if state, err = w.State(t.Context(), x); err != nil {
					t.Fatal(err)
				}
			}
			select {
			case err := <-committed:
				t.Fatalf("it is said to be visible: %v", err)
			default:
			}
			release()
			wants(t, <-committed, "done")
			if got := w.ids(t, w.spec); got != "1" {
				t.Errorf("%s are visible", got)
			}
		})
	}
}

// TestSettleEndsTransactions in every state.
func TestSettleEndsTransactions(t *testing.T) {
	t.Parallel()
	w := newTransacting(t, emulator.Config{Version: "4.0"})
	begun, loaded, prepared, visible, database := w.ofTable(), w.ofTable(), w.ofTable(), w.ofTable(), w.ofDatabase()
	for _, x := range []checkpoint.Label{begun, loaded, prepared, visible, database} {
		wants(t, w.Begin(t.Context(), x), "done")
		if x != begun {
			wants(t, w.append(t.Context(), x, w.spec, "1", "a"), "done")
		}
		if x == prepared || x == visible {
			wants(t, w.Prepare(t.Context(), x), "done")
		}
	}
	wants(t, w.Commit(t.Context(), visible), "done")
	// As another process would.
	other := w.world.client(t, w.admin)
	w.double.Fault(emulator.Fault{Op: "fe-txn-rollback", DropBefore: true, Count: 1})
	wants(t, other.Settle(t.Context(), begun.Table, []string{begun.Label}), "again")
	wants(t, other.Settle(t.Context(), w.spec.Target, []string{begun.Label, loaded.Label, prepared.Label, visible.Label, label()}), "done")
	w.double.Fault(emulator.Fault{Op: "fe-txn-rollback", Status: 503, Count: 1})
	wants(t, other.Settle(t.Context(), database.Table, []string{database.Label}), "again")
	wants(t, other.Settle(t.Context(), database.Table, []string{database.Label, label()}), "done")
	for _, x := range []checkpoint.Label{begun, loaded, prepared} {
		w.is(t, x, ferry.TransactionAborted)
	}
	w.is(t, visible, ferry.TransactionVisible)
	w.is(t, database, ferry.TransactionUnknown)
	wants(t, w.append(t.Context(), loaded, w.spec, "2", "b"), "lost")
	wants(t, w.Prepare(t.Context(), begun), "lost")
	wants(t, w.Commit(t.Context(), prepared), "lost")
	wants(t, w.append(t.Context(), database, w.spec, "2", "b"), "lost")
	wants(t, w.Commit(t.Context(), database), "lost")
	if got := w.ids(t, w.spec); got != "1" {
		t.Errorf("%s are visible", got)
	}
}
