package emulator

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// runSteps runs steps on a double of their own.
func runSteps(t *testing.T, cfg Config, steps ...step) {
	t.Helper()
	runCase(t, &testCluster{double: &Server{}}, conformanceCase{id: t.Name(), private: "its own", config: cfg, steps: steps}, 0)
}

func TestTransactionIsBusy(t *testing.T) {
	t.Parallel()
	runSteps(t, Config{},
		withTable("id INT"), begun("x"), opens("first", txnLoad("x", "1\n2\n"), "1\n"),
		eventually(calls("GET", "/api/transaction/list").direct().check(wireWant{text: `*"InProcessing": true,*`})),
		txnLoad("x", "3\n").gives(jsonOf("Status", "TXN_IN_PROCESSING", "Label", "{db}_x", "Message", "Transaction is in processing")),
		txn("prepare", "x").status("TXN_IN_PROCESSING", "Transaction is in processing"), txn("commit", "x").status("TXN_IN_PROCESSING", "*"),
		finish("first", "2\n", `{"Status":"OK"}`), txn("commit", "x").status("OK", ""), selects("SELECT id FROM t ORDER BY id", "1", "2"),
		// A rollback does not wait for its turn: the load that is under way learns of it.
		begun("y"), opens("second", txnLoad("y", "1\n2\n"), "1\n"), txn("rollback", "y").status("OK", ""), finish("second", "2\n", `{"Status":"ABORTED","Message":"*"}`), txnIs("y", "ABORTED"),
	)
}

func TestTransactionLimitIsShared(t *testing.T) {
	t.Parallel()
	runSteps(t, Config{MaxRunningTxns: 2},
		withTable("id INT"), begun("x"), txnLoaded("x", "1\n"), txn("prepare", "x").status("OK", ""), begun("y"),
		loads("t", "1\n").fails("current running txns on db * is 2, larger than limit 2"), txn("begin", "z").status("ANALYSIS_ERROR", "current running txns on db * is 2, larger than limit 2"),
		txn("rollback", "y").status("OK", ""), loads("t", "2\n").succeeds(),
	)
}

func TestTransactionPublishTakesTime(t *testing.T) {
	t.Parallel()
	runSteps(t, Config{PublishDelay: 4 * time.Second},
		withTable("id INT"), begun("x"), txnLoaded("x", "1\n"), txn("prepare", "x").status("OK", ""),
		txn("commit", "x", "timeout: 1").status("FAILED", "*publish timeout: 1000, transactionId=*"), txnIs("x", "COMMITTED"), selects("SELECT * FROM t"),
		txn("commit", "x").status("OK", "Transaction * has already committed*"), txn("rollback", "x").status("FAILED", "*Can not abort COMMITTED transaction*"),
		txn("begin", "y", "timeout: 1").status("OK", ""), txnLoaded("y", "2\n"), txn("commit", "y").status("PUBLISH_TIMEOUT", "Publish timeout. The data will be visible after a while*"), txnIs("y", "COMMITTED"),
		eventually(selects("SELECT id FROM t ORDER BY id", "1", "2")), txnIs("x", "VISIBLE"), txnIs("y", "VISIBLE"),
	)
}

func TestTransactionKeepsItsSchema(t *testing.T) {
	t.Parallel()
	runSteps(t, Config{},
		withTable("id INT, v INT, w INT"), begun("x"), txnLoaded("x", "1,1,1\n"), runs("ALTER TABLE t ADD COLUMN n INT DEFAULT '9'"), txnLoaded("x", "2,2,2\n"), runs("ALTER TABLE t DROP COLUMN v"),
		txnLoaded("x", "3,3,3\n"), txn("commit", "x").status("OK", ""), selects("SELECT * FROM t ORDER BY id", "1|1|9", "2|2|9", "3|3|9"),
		// What begins before a change and loads after it has the new schema.
		begun("y"), runs("ALTER TABLE t DROP COLUMN n"), txnLoaded("y", "4,4\n"), txn("commit", "y").status("OK", ""), selects("SELECT * FROM t WHERE id = 4", "4|4"),
	)
}

func TestTransactionHeaders(t *testing.T) {
	t.Parallel()
	big := strings.Repeat(" ", 1<<20)
	runSteps(t, Config{},
		withTable("id INT, v STRING"),
		// A transaction knows no quoting: the headers are nobody's.
		begun("x"), txnLoaded("x", "1,\"a\"\n", `enclose: "`, "skip_header: 1", "log_rejected_record_num: 5"), txn("commit", "x").status("OK", ""), selects("SELECT * FROM t", `1|"a"`),
		begun("y"), txnLoad("y", "1,a\n").with("table", "u").direct().status("INVALID_ARGUMENT", "Request table u not equal transaction table t"),
		txnLoad("y", "1,a\n").with("db", "e").direct().status("INVALID_ARGUMENT", "Request database e not equal transaction database {db}"),
		txnLoaded("y", "5,b\nx,c\n", "strict_mode: true", "max_filter_ratio: 0.5"), txnLoaded("y", "7,b\n", "strict_mode: true"), txn("commit", "y").gives(`{"Status":"OK","NumberFilteredRows":1,"ErrorURL":"http*"}`),
		begun("z"), txn("commit", "z").with("db", "e").direct().status("INVALID_ARGUMENT", "request db e transaction db {db} not match"), txnLoaded("z", "\n"), txn("prepare", "z").status("ANALYSIS_ERROR", "No rows were imported from upstream*"),
		// The limit on JSON is for all loads together.
		begun("j"), func(r *caseRun) error {
			for i := range 101 {
				want := "OK"
				if i == 100 {
					want = "INTERNAL_ERROR"
				}
				if err := txnLoad("j", big, "format: json").gives(jsonOf("Status", want))(r); err != nil {
					return fmt.Errorf("load %d: %w", i+1, err)
				}
			}
			return nil
		},
		begun("k"), txnLoaded("k", `[{"id":8,"v":"x"}]`, "format: json", "strip_outer_array: true"), txnLoaded("k", ` [{"id":9,"v":"y"},{"id":8,"__op":1}]`, "format: json", "strip_outer_array: true", "ignore_json_size: true"),
		txn("commit", "k").status("OK", ""), selects("SELECT id FROM t WHERE id > 7", "9"),
	)
}

func TestTransactionWithoutItsBackend(t *testing.T) {
	t.Parallel()
	clock := &fakeClock{}
	runSteps(t, Config{Now: clock.now},
		withTable("id INT"), begun("x"), txnLoaded("x", "1\n"), begun("p"), txnLoaded("p", "2\n"), txn("prepare", "p").status("OK", ""),
		func(r *caseRun) error { r.double.forgetBackendTxns(); return nil },
		txnIs("x", "PREPARE"), txnLoad("x", "1\n").status("TXN_NOT_EXISTS", "*"), txn("prepare", "x").status("TXN_NOT_EXISTS", "*"), txn("commit", "x").status("TXN_NOT_EXISTS", "*"), txn("rollback", "x").status("TXN_NOT_EXISTS", "*"),
		txn("begin", "x").status("LABEL_ALREADY_EXISTS", "*"), clock.passes(601*time.Second), txnIs("x", "ABORTED"), begun("x"),
		// What is prepared needs no backend, and what is in PREPARE can be cancelled.
		txn("commit", "p").status("OK", ""), calls("POST", "/api/{db}/t/_cancel?label={db}_x").gives(`{"status":"OK"}`), txn("commit", "x").status("FAILED", "*Can not commit ABORTED*"),
		txnLoaded("x", "3\n"), txn("prepare", "x").status("ANALYSIS_ERROR", "*already aborted. abort reason: user cancel"),
		// Another leader knows labels only by their transactions.
		begun("q"), func(r *caseRun) error { r.double.forgetLeaderMemory(); return nil }, txnLoaded("q", "4\n"), txn("commit", "q").status("OK", ""), selects("SELECT id FROM t ORDER BY id", "2", "4"),
	)
}

func TestShowTransactions(t *testing.T) {
	t.Parallel()
	runSteps(t, Config{}, append(multiTables,
		begun("x"), txnLoaded("x", "1,a\n"), begun("y"), txn("rollback", "y").status("OK", ""),
		func(r *caseRun) error {
			shown, err := queryMaps(r.conn, r.fill("SHOW PROC '/transactions/{db}/running'"))
			if err != nil || len(shown) != 1 || shown[0]["TransactionStatus"] != "PREPARE" || shown[0]["Label"] != r.fill("{db}_x") {
				return fmt.Errorf("running: %v %v", shown, err)
			}
			again, err := queryMaps(r.conn, "SHOW TRANSACTION WHERE id = "+shown[0]["TransactionId"])
			if err != nil || len(again) != 1 || again[0]["Label"] != shown[0]["Label"] || again[0]["TimeoutMs"] != "600000" {
				return fmt.Errorf("by id: %v %v", again, err)
			}
			ended, err := queryMaps(r.conn, r.fill("SHOW PROC '/transactions/{db}/finished'"))
			if err != nil || len(ended) != 1 || ended[0]["Reason"] != "transaction is aborted by user." {
				return fmt.Errorf("finished: %v %v", ended, err)
			}
			stream, err := queryMaps(r.conn, r.fill("SHOW STREAM LOAD FOR {db}_y FROM {db}"))
			if err != nil || len(stream) != 1 || stream[0]["State"] != "CANCELLED" || stream[0]["TableName"] != "t" {
				return fmt.Errorf("stream load: %v %v", stream, err)
			}
			return nil
		},
		selects("SHOW PROC '/transactions/{db}'", "running|1", "finished|1"), selects("SELECT STATE FROM information_schema.loads WHERE DB_NAME = '{db}' ORDER BY 1", "CANCELLED", "LOADING"),
		refuses("SHOW TRANSACTION WHERE id = 1", "*transaction with id 1 does not exist*", 1064), refuses("SHOW TRANSACTION", "*should supply condition like: ID = $transaction_id*", 1064),
	)...)
}

func TestTransactionVersions(t *testing.T) {
	t.Parallel()
	// An older frontend does not know the header of multi-table transactions, nor the type.
	runSteps(t, Config{Version: "3.3"}, withTable("id INT"),
		txn("begin", "x").with("table", "").multi().status("ANALYSIS_ERROR", "unknown table *"), txn("begin", "x", "source_type: 12").status("FAILED", "class com.starrocks.common.UserException: Unknown source type: 12"),
		begun("y"), txnLoaded("y", "1\n"), txn("prepare", "y", "prepared_timeout: abc").status("OK", ""), txn("commit", "y").status("OK", ""))
	runSteps(t, Config{Version: "4.1"}, withTable("id INT"), txn("begin", "x").gives(`{"Status":"OK","Db":"{db}","Table":"t"}`), txn("rollback", "x").gives(`{"Status":"OK","Db":"","Table":""}`))
}

// Many clients at once, on few labels: nothing but answers of the protocol may come out.
func TestTransactionsTogether(t *testing.T) {
	t.Parallel()
	w := start(t, Config{PublishDelay: time.Millisecond, Version: "4.0", DataDir: t.TempDir()})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (id INT) PRIMARY KEY(id)")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 60 {
				op := []string{"begin", "load", "load", "prepare", "commit", "rollback", "load", "commit"}[(n*7+i*3)%8]
				req, err := http.NewRequest(http.MethodPost, "http://"+[]string{w.HTTPAddr(), w.BEHTTPAddr()}[n%2]+"/api/transaction/"+op, strings.NewReader(map[bool]string{true: "1\n2\n"}[op == "load"]))
				if err != nil {
					t.Error(err)
					return
				}
				req.SetBasicAuth("root", "")
				for k, v := range map[string]string{"db": "d", "table": "t", "label": fmt.Sprint("l", n%3)} {
					req.Header.Set(k, v)
				}
				if i%4 == 0 {
					req.Header.Set("transaction_type", "multi")
				}
				res, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					continue // a refused load may cut the body off
				}
				if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusTemporaryRedirect {
					t.Errorf("%s: %s", op, res.Status)
				}
				_ = res.Body.Close()
				if err := w.TickTransactions(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// A transaction that is rolled back between the check and the reading of a load's first
// byte leaves nothing behind that reads for ever: Close would wait for it.
func TestAReaderOfAnEndedTransactionEnds(t *testing.T) {
	t.Parallel()
	in, out := io.Pipe()
	c := &txnContext{}
	c.end(txnFail(statusAborted, "rolled back"))
	if err := c.reads(&txnRows{pipe: out}, time.Second); err == nil || c.rows != nil {
		t.Errorf("%v, reader %v", err, c.rows)
	}
	if _, err := in.Read(make([]byte, 1)); err == nil || err.Error() != "rolled back" {
		t.Error(err)
	}
}
