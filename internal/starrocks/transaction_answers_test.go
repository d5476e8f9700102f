package starrocks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// What transactions make of answers that an embedded server does not give.

var testTransaction = checkpoint.Label{Table: testTarget, Label: "sf_1"}

const taken = `{"Status":"OK","Message":"","Label":"sf_1","TxnId":7%s}`

// plainRows is twoRows for a transaction.
func plainRows(l ferry.Loads) ferry.Batch {
	rows := change.NewRows(2)
	for _, cell := range []string{"1", "a", "2", "b"} {
		rows.AddString(cell)
	}
	b := l.NewBatchIn(testLayout(change.Type{Base: change.Int}, text), plain)
	b.Add(ferry.Upsert, rows, 0)
	b.Add(ferry.Delete, rows, 1)
	return b
}

// loaded is a transaction with two rows in it.
func loaded(t *testing.T, k *cluster, c *Client) error {
	t.Helper()
	if err := c.Transactions().Begin(t.Context(), testTransaction); err != nil {
		t.Fatal(err)
	}
	l := c.Loads(ferry.Route{Target: testTarget})
	return l.Append(t.Context(), testTransaction, plainRows(l))
}

func isLost(err error) bool {
	_, lost := errors.AsType[*ferry.LostError](err)
	return lost
}

// TestTransactionRequests: what each operation carries.
func TestTransactionRequests(t *testing.T) {
	t.Parallel()
	for version, prepared := range map[string]string{"3.5.4-a": "300", "3.5.3-a": "", "main-a": ""} {
		k := newCluster(t)
		k.reply = fmt.Sprintf(taken, `,"LoadBytes":13`)
		c := k.client()
		c.version = version
		o := LoadOptions{Timeout: 90 * time.Second, PreparedTimeout: 300 * time.Second, Headers: map[string]string{"warehouse": "w1"}}
		if err := c.Configure(testTarget, o); err != nil {
			t.Fatal(err)
		}
		has := func(operation string, want map[string]string) {
			t.Helper()
			for name, value := range want {
				if got := k.header.Get(name); got != value {
					t.Errorf("%s of %s: header %s is %q, want %q", operation, version, name, got, value)
				}
			}
		}
		x, tx := testTransaction, c.Transactions()
		if err := tx.Begin(t.Context(), x); err != nil {
			t.Fatal(err)
		}
		has("begin", map[string]string{"label": "sf_1", "db": "d", "table": "t", "timeout": "90", "warehouse": "w1", "transaction_type": "", "Expect": ""})
		l := c.Loads(ferry.Route{Target: testTarget})
		b := plainRows(l)
		if err := l.Append(t.Context(), x, b); err != nil {
			t.Fatal(err)
		}
		if !b.(*batch).sent || b.Rows() != 2 {
			t.Error("the memory of a batch that was taken is kept")
		}
		has("load", map[string]string{"label": "sf_1", "db": "d", "table": "t", "columns": "`c0`, `c1`, `__op`", "strict_mode": "true", "max_filter_ratio": "0", "format": "csv", "transaction_type": "", "prepared_timeout": ""})
		k.operations = map[string]string{"prepare": `{"Status":"OK","NumberLoadedRows":2}`}
		if err := tx.Prepare(t.Context(), x); err != nil {
			t.Fatal(err)
		}
		has("prepare", map[string]string{"label": "sf_1", "db": "d", "table": "t", "prepared_timeout": prepared})
		k.states = []string{"VISIBLE"}
		if err := tx.Commit(t.Context(), x); err != nil {
			t.Fatal(err)
		}
		has("commit", map[string]string{"label": "sf_1", "db": "d", "prepared_timeout": ""})
	}
}

func TestDatabaseTransactionRequests(t *testing.T) {
	t.Parallel()
	k := newCluster(t)
	k.reply = fmt.Sprintf(taken, `,"LoadBytes":13`)
	c := k.client()
	x, tx := checkpoint.Label{Table: change.Name{Database: "d"}, Label: "sf_1"}, c.Transactions()
	if err := tx.Begin(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	if h := k.header; h.Get("transaction_type") != "multi" || h.Get("timeout") != "600" || h.Get("table") != "" {
		t.Error(h)
	}
	l := c.Loads(ferry.Route{Target: testTarget})
	if err := l.Append(t.Context(), x, plainRows(l)); err != nil {
		t.Fatal(err)
	}
	if h := k.header; h.Get("transaction_type") != "multi" || h.Get("table") != "t" {
		t.Error(h)
	}
}

// TestAppendAnswers: what of a load that StarRocks did not simply take is left.
func TestAppendAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set   func(*cluster)
		lost  bool
		class diag.Class
		code  diag.Code
	}{
		"fewer bytes":    {func(k *cluster) { k.reply = fmt.Sprintf(taken, `,"LoadBytes":12`) }, true, diag.Transient, CodeTransactionGone},
		"not equal":      {func(k *cluster) { k.reply = `{"Status":"INTERNAL_ERROR","Message":"load request not equal last."}` }, true, diag.Transient, CodeLoadFailed},
		"no database":    {func(k *cluster) { k.reply = `{"Status":"ANALYSIS_ERROR","Message":"unknown database, database=d"}` }, true, diag.Refused, CodeNoDatabase},
		"hung up":        {func(k *cluster) { k.hangUp = true }, true, diag.Transient, CodeLoadOpen},
		"hung up before": {func(k *cluster) { k.leave = true }, false, diag.Transient, CodeRedirect},
		"garbage":        {func(k *cluster) { k.reply = "<html>" }, true, diag.Transient, CodeLoadOpen},
		"no transaction": {func(k *cluster) {
			k.reply = `{"Status":"TXN_NOT_EXISTS","Message":"Transaction with label sf_1 not exists"}`
		}, true, diag.Transient, CodeTransactionGone},
		"timed out": {func(k *cluster) {
			k.fe200 = `{"Status":"FAILED","Message":"Can't find the transaction with db [d] and label[sf_1]."}`
		}, true, diag.Transient, CodeTransactionGone},
		"no backend": {func(k *cluster) {
			k.fe200, k.states = `{"Status":"FAILED","Message":"No backend alive."}`, []string{"PREPARE"}
		}, false, diag.Transient, CodeLoadFailed},
		"no backend, aborted": {func(k *cluster) {
			k.fe200, k.states = `{"Status":"FAILED","Message":"No backend alive."}`, []string{"ABORTED"}
		}, true, diag.Transient, CodeLoadFailed},
		"wrong password": {func(k *cluster) { k.feCode, k.fe200 = 401, `{"msg":"Access denied for user@127.0.0.1"}` }, false, diag.Unusable, CodeLogin},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newCluster(t)
			c.set(k)
			err := loaded(t, k, k.client())
			p := diag.Find(err)
			if p == nil || p.Class != c.class || p.Code != c.code || isLost(err) != c.lost || p.Fix == "" {
				t.Errorf("lost %v, %+v (%v)", isLost(err), p, err)
			}
		})
	}
}

// TestBatchesOfATransactionAreAlike: StarRocks would not notice all that differs.
func TestBatchesOfATransactionAreAlike(t *testing.T) {
	t.Parallel()
	k := newCluster(t)
	k.reply = fmt.Sprintf(taken, "")
	c := k.client()
	if err := loaded(t, k, c); err != nil {
		t.Fatal(err)
	}
	l := c.Loads(ferry.Route{Target: testTarget})
	rows := change.NewRows(2)
	rows.AddString("1")
	rows.AddString("a\tb")
	layout := testLayout(change.Type{Base: change.Int}, text)
	for _, b := range []ferry.Batch{l.NewBatchIn(layout, jsonLines), l.NewBatch(layout, rows, 0)} {
		if ok, err := b.Add(ferry.Upsert, rows, 0); !ok {
			t.Fatal(b.Form(), err)
		}
		if err := l.Append(t.Context(), testTransaction, b); err == nil || diag.Find(err) != nil || len(k.bodies) != 1 {
			t.Errorf("form %d: %v", b.Form(), err)
		}
	}
	// The quoted form is none of theirs, also as the first.
	fresh := checkpoint.Label{Table: testTarget, Label: "sf_3"}
	if err := c.Transactions().Begin(t.Context(), fresh); err != nil {
		t.Fatal(err)
	}
	enclosed := l.NewBatch(layout, rows, 0)
	enclosed.Add(ferry.Upsert, rows, 0)
	if err := l.Append(t.Context(), fresh, enclosed); enclosed.Form() != quoted || err == nil || len(k.bodies) != 1 {
		t.Errorf("form %d: %v", enclosed.Form(), err)
	}
	other := checkpoint.Label{Table: change.Name{Database: "d", Table: "u"}, Label: "sf_2"}
	if err := c.Transactions().Begin(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(t.Context(), other, plainRows(l)); err == nil || len(k.bodies) != 1 {
		t.Error(err)
	}
}

func TestFormsOfTransactions(t *testing.T) {
	t.Parallel()
	layout := testLayout(change.Type{Base: change.Int}, text)
	for form, want := range []ferry.Form{plain, jsonLines, jsonLines} {
		if b := testLoads(t, LoadOptions{}).NewBatchIn(layout, ferry.Form(form)); b.Form() != want {
			t.Errorf("form %d became %d", form, b.Form())
		}
	}
	for _, o := range []LoadOptions{{ColumnSeparator: "1"}, {Headers: map[string]string{"format": "json"}}} {
		if b := testLoads(t, o).NewBatchIn(layout, plain); b.Form() != jsonLines {
			t.Errorf("%+v: form %d", o, b.Form())
		}
	}
}

// TestPrepareAnswerIsLost: without the number of rows the bytes must have been counted.
func TestPrepareAnswerIsLost(t *testing.T) {
	t.Parallel()
	for bytes, lost := range map[string]bool{`,"LoadBytes":13`: false, "": true} {
		k := newCluster(t)
		k.reply = fmt.Sprintf(taken, bytes)
		c := k.client()
		if err := loaded(t, k, c); err != nil {
			t.Fatal(err)
		}
		k.states = []string{"PREPARED", "PREPARED", "ABORTED"}
		k.operations = map[string]string{"prepare": `{"Status":"TXN_NOT_EXISTS","Message":"transaction with label sf_1 not exists"}`}
		err := c.Transactions().Prepare(t.Context(), testTransaction)
		if isLost(err) != lost || (err == nil) == lost {
			t.Errorf("%q: %v", bytes, err)
		}
		if rolled := strings.Contains(strings.Join(k.asked, ","), "/rollback"); rolled != lost {
			t.Errorf("%q: %q", bytes, k.asked)
		}
	}
}

// TestPrepareAnswers: an answer, and what the label says then.
func TestPrepareAnswers(t *testing.T) {
	t.Parallel()
	const timedOut = `{"Status":"TIMEOUT","Message":"rpc timeout"}`
	for name, c := range map[string]struct {
		answer, state string
		lost          bool
		code          diag.Code
	}{
		"failed, prepared":            {timedOut, "PREPARED", false, ""},
		"failed, visible":             {timedOut, "VISIBLE", false, ""},
		"failed, open":                {timedOut, "PREPARE", true, CodeTransactionGone},
		"failed, aborted":             {timedOut, "ABORTED", true, CodeTransactionGone},
		"failed, unknown":             {timedOut, "UNKNOWN", true, CodeTransactionGone},
		"garbage, open":               {"<html>", "PREPARE", false, CodeLoadOpen},
		"garbage, unknown":            {"<html>", "UNKNOWN", true, CodeTransactionGone},
		"frontend cannot, open":       {`{"Status":"FAILED","Message":"No backend alive."}`, "PREPARE", false, CodeLoadOpen},
		"frontend cannot, unknown":    {`{"Status":"FAILED","Message":"No transaction found with db[d]"}`, "UNKNOWN", true, CodeTransactionGone},
		"no number of rows, prepared": {`{"Status":"OK"}`, "ABORTED", false, CodeRowsDiffer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newCluster(t)
			k.reply = fmt.Sprintf(taken, `,"LoadBytes":13`)
			client := k.client()
			if err := loaded(t, k, client); err != nil {
				t.Fatal(err)
			}
			k.states, k.operations = []string{c.state}, map[string]string{"prepare": c.answer}
			err := client.Transactions().Prepare(t.Context(), testTransaction)
			if isLost(err) != c.lost || (err == nil) != (c.code == "") || err != nil && diag.Find(err).Code != c.code {
				t.Error(err)
			}
		})
	}
}

// TestCommitAnswers: only the label counts.
func TestCommitAnswers(t *testing.T) {
	t.Parallel()
	const cancelled = `{"Status":"FAILED","Message":"Can not commit CANCELLED transaction 7, label is sf_1"}`
	table, database := testTransaction, checkpoint.Label{Table: change.Name{Database: "d"}, Label: "sf_1"}
	for name, c := range map[string]struct {
		of      checkpoint.Label
		answer  string
		states  []string // behind the first answer
		commits int
		lost    bool
		code    diag.Code
	}{
		"visible":                      {table, "", []string{"VISIBLE"}, 1, false, ""},
		"visible later":                {table, "", []string{"COMMITTED", "COMMITTED", "VISIBLE"}, 1, false, ""},
		"forgotten behind its commit":  {table, "", []string{"COMMITTED", "UNKNOWN"}, 1, false, ""},
		"never visible":                {table, "", []string{"COMMITTED"}, 1, false, CodeLoadOpen},
		"still prepared":               {table, `{"Status":"FAILED","Message":"lock timeout"}`, []string{"PREPARED", "PREPARED", "VISIBLE"}, 3, false, ""},
		"publish timeout":              {table, `{"Status":"FAILED","Message":"publish timeout: 20000"}`, []string{"COMMITTED", "VISIBLE"}, 1, false, ""},
		"aborted":                      {table, `{"Status":"FAILED","Message":"Can not commit ABORTED transaction 7"}`, []string{"ABORTED"}, 1, true, CodeTransactionGone},
		"unknown":                      {table, `{"Status":"FAILED","Message":"No transaction found"}`, []string{"UNKNOWN"}, 1, true, CodeTransactionGone},
		"unknown, said to be OK":       {table, "", []string{"UNKNOWN"}, 1, true, CodeTransactionGone},
		"unknown, garbage":             {table, "<html>", []string{"UNKNOWN"}, 1, true, CodeTransactionGone},
		"a state of another version":   {table, "", []string{"DREAMING"}, 1, false, CodeSettle},
		"database visible":             {database, "", []string{"COMMITTED", "VISIBLE"}, 1, false, ""},
		"database, garbage, visible":   {database, "<html>", []string{"UNKNOWN", "UNKNOWN", "VISIBLE"}, 3, false, ""},
		"database, nothing came of it": {database, "", []string{"UNKNOWN"}, 1, true, CodeTransactionGone},
		"database, cancelled":          {database, cancelled, []string{"UNKNOWN"}, 1, true, CodeTransactionGone},
		"database, cancelled, visible": {database, cancelled, []string{"VISIBLE"}, 1, false, ""},
		"database, under way":          {database, "", []string{"PREPARE", "PREPARE", "ABORTED"}, 1, true, CodeTransactionGone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newCluster(t)
			if c.answer == "" {
				c.answer = `{"Status":"OK","Message":""}`
			}
			k.states, k.operations = c.states, map[string]string{"commit": c.answer}
			err := k.client().Transactions().Commit(t.Context(), c.of)
			if isLost(err) != c.lost || (err == nil) != (c.code == "") || err != nil && diag.Find(err).Code != c.code || len(k.asked) != c.commits {
				t.Errorf("%d commits: %v", len(k.asked), err)
			}
		})
	}
}

// TestCommitThatCannotBeAsked is open, also when its time is up.
func TestCommitThatCannotBeAsked(t *testing.T) {
	t.Parallel()
	c := newCluster(t).client(closedAddress(t))
	err := c.Transactions().Commit(t.Context(), testTransaction)
	if p := diag.Find(err); isLost(err) || p == nil || p.Class != diag.Transient || p.Code != CodeLoadOpen {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Transactions().Commit(ctx, testTransaction); !errors.Is(err, context.Canceled) || isLost(err) {
		t.Error(err)
	}
}

// TestBeginIsAskedForOnce: a second frontend would give it to another backend.
func TestBeginIsAskedForOnce(t *testing.T) {
	t.Parallel()
	first, second := newCluster(t), newCluster(t)
	first.fe.Config.SetKeepAlivesEnabled(false)
	first.drop = true
	addresses := []string{first.fe.Listener.Addr().String(), second.fe.Listener.Addr().String()}
	c := first.client(addresses...)
	if err := c.Transactions().Begin(t.Context(), testTransaction); !diag.IsTransient(err) || len(second.asked) != 0 {
		t.Errorf("%v %q", err, second.asked)
	}
	c = second.client(closedAddress(t), addresses[1])
	if err := c.Transactions().Begin(t.Context(), testTransaction); err != nil || len(second.asked) != 1 {
		t.Errorf("%v %q", err, second.asked)
	}
	if err := c.Transactions().Begin(t.Context(), checkpoint.Label{Table: testTarget, Label: "ä"}); diag.Find(err) == nil || diag.Find(err).Code != CodeLabel {
		t.Error(err)
	}
	second.operations = map[string]string{"begin": `{"Status":"LABEL_ALREADY_EXISTS","ExistingJobStatus":"RUNNING","Message":""}`}
	if err := c.Transactions().Begin(t.Context(), testTransaction); !diag.IsTransient(err) || diag.Find(err).Code != CodeLabel {
		t.Error(err)
	}
}

func TestVersionsWithoutTransactions(t *testing.T) {
	t.Parallel()
	c := newClient(Config{})
	for version, needs := range map[string]TransactionNeeds{"2.3.18-a": {}, "2.3": {}, "3.5.9-a": {Databases: true}} {
		c.version = version
		if _, err := c.CheckTransactions(t.Context(), needs); diag.Find(err) == nil || diag.Find(err).Code != CodeTransactions || !strings.Contains(err.Error(), version) {
			t.Errorf("%s: %v", version, err)
		}
	}
	for version, ok := range map[string]bool{"2.4.0": true, "4.1.2-abc": true, "4": true, "main-0a1b": true, "4.0-rc01": true} {
		if err := (&Client{version: version}).checkTransactionVersion(TransactionNeeds{}); (err == nil) != ok {
			t.Errorf("%s: %v", version, err)
		}
	}
}
