package emulator

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// Transactions. Labels hold the name of the case's database: a backend knows them by
// label alone.

// txn is an operation without a body, about table t and a label of the case.
func txn(op, label string, headers ...string) wireRequest {
	return calls("POST", "/api/transaction/"+op, append([]string{"db: {db}", "table: t", "label: {db}_" + label}, headers...)...)
}

// txnLoad is a body for a transaction; a table among the headers replaces t.
func txnLoad(label, body string, headers ...string) wireRequest {
	all := append([]string{"db: {db}", "label: {db}_" + label, "column_separator: ,"}, headers...)
	if !strings.Contains(strings.Join(all, "\n"), "\ntable: ") {
		all = append(all, "table: t")
	}
	return wireRequest{method: "PUT", path: "/api/transaction/load", body: body, headers: all}
}

// status expects a status code and the start of a message.
func (q wireRequest) status(code, message string) step {
	return q.gives(jsonOf("Status", code, "Message", message))
}

// with replaces the headers of that name, or takes them away.
func (q wireRequest) with(name, value string) wireRequest {
	var out []string
	for _, h := range q.headers {
		if !strings.HasPrefix(h, name+":") {
			out = append(out, h)
		}
	}
	if value != "" {
		out = append(out, name+": "+value)
	}
	q.headers = out
	return q
}

func txnIs(label, state string) step {
	return labelState("{db}_"+label, jsonOf("state", state, "status", "OK", "code", "0"))
}

func begun(label string) step { return txn("begin", label).status("OK", "") }

func txnLoaded(label, body string, headers ...string) step {
	return txnLoad(label, body, headers...).status("OK", "")
}

// fakeClock lets a case move the time of a double of its own.
type fakeClock struct{ ahead atomic.Int64 }

func (c *fakeClock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// passes moves the clock and makes the double look at its timeouts.
func (c *fakeClock) passes(d time.Duration) step {
	return func(r *caseRun) error {
		c.ahead.Add(int64(d))
		return r.double.TickTransactions()
	}
}

// timed is a case with a clock of its own.
func timed(id string, cfg Config, steps func(*fakeClock) []step) conformanceCase {
	clock := &fakeClock{}
	cfg.Now = clock.now
	return conformanceCase{id: id, private: "a clock of its own", config: cfg, steps: steps(clock)}
}

func preparedTimeoutIs(label, state, ms string) step {
	return func(r *caseRun) error {
		rows, err := queryMaps(r.conn, r.fill("SHOW TRANSACTION FROM {db} WHERE label = '{db}_"+label+"'"))
		if err != nil || len(rows) != 1 || rows[0]["TransactionStatus"] != state || rows[0]["PreparedTimeoutMs"] != ms {
			return fmt.Errorf("SHOW TRANSACTION: %v %v, want %s and %s", rows, err, state, ms)
		}
		return nil
	}
}

var noExpect = wireWant{status: 307, headers: []string{"Location: http://*/api/transaction/*"}}

var txnCases = []conformanceCase{
	{id: "S12", steps: []step{
		withTable("id INT, v STRING"),
		loads("t", "1,a\n", "column_separator:,", "label:{db}_plain").succeeds(),
		txn("begin", "x").check(wireWant{status: 200, text: "{\n    \"Status\": \"OK\",\n    \"Message\": \"\",*\"Label\": \"{db}_x\",\n    \"TxnId\": *,\n    \"BeginTxnTimeMs\": *\n}", headers: []string{"Content-Type: application/json"}}),
		txnIs("x", "PREPARE"),
		txnLoad("x", "2,b\n").check(wireWant{status: 200, text: "{\n    \"Status\": \"OK\",\n    \"Message\": \"\",*\"Label\": \"{db}_x\",\n    \"TxnId\": *,\n    \"LoadBytes\": 4,\n    \"StreamLoadPlanTimeMs\": *,\n    \"ReceivedDataTimeMs\": *\n}"}),
		txn("prepare", "x").check(wireWant{status: 200, text: "{\n    \"Status\": \"OK\",*\"NumberTotalRows\": 1,\n    \"NumberLoadedRows\": 1,\n    \"NumberFilteredRows\": 0,\n    \"NumberUnselectedRows\": 0,\n    \"LoadBytes\": 4,\n    \"LoadTimeMs\": *,\n    \"StreamLoadPlanTimeMs\": *,\n    \"ReceivedDataTimeMs\": *,\n    \"WriteDataTimeMs\": *,\n    \"CommitAndPublishTimeMs\": *\n}"}),
		txnIs("x", "PREPARED"),
		selects("SELECT count(*) FROM t", "1"),
		txn("commit", "x").check(wireWant{status: 200, text: "{\n  \"Label\": \"{db}_x\",\n  \"Status\": \"OK\",\n  \"TxnId\": *,\n  \"Message\": \"\"\n}", headers: []string{"Content-Type: text/html"}}),
		txnIs("x", "VISIBLE"),
		selects("SELECT id, v FROM t ORDER BY id", "1|a", "2|b"),
	}},
	timed("S13a", Config{Version: "3.5.4"}, func(c *fakeClock) []step {
		return []step{
			withTable("id INT"), begun("a"), txnLoaded("a", "1\n"), txn("prepare", "a", "prepared_timeout: 300").status("OK", ""), txn("commit", "a").status("OK", ""), preparedTimeoutIs("a", "VISIBLE", "300000"),
			begun("b"), txnLoaded("b", "2\n"), txn("prepare", "b").status("OK", ""), txn("commit", "b").status("OK", ""), preparedTimeoutIs("b", "VISIBLE", "86400000"),
		}
	}),
	timed("S13b", Config{Version: "3.5.4"}, func(c *fakeClock) []step {
		return []step{
			withTable("id INT"), begun("a"), txnLoaded("a", "1\n"), txn("prepare", "a", "prepared_timeout: 1").status("OK", ""), c.passes(2 * time.Second), preparedTimeoutIs("a", "ABORTED", "1000"),
			labelState("{db}_a", jsonOf("state", "ABORTED", "reason", "timeout by txn manager")),
			txn("commit", "a").status("FAILED", "*Can not commit ABORTED transaction *, label is {db}_a"), selects("SELECT * FROM t"),
		}
	}),
	{id: "BT.txn_begin_no_auth", steps: []step{withTable("id INT"), txn("begin", "x").direct().as("-").status("INTERNAL_ERROR", "no valid Basic authorization")}},
	{id: "BT.txn_begin_invalid", steps: []step{
		txn("begin", "x").with("label", "").direct().status("INVALID_ARGUMENT", "empty label"),
		txnLoad("x", "").with("label", "").direct().status("INVALID_ARGUMENT", "Invalid label "),
		txn("nonsense", "x").direct().status("INVALID_ARGUMENT", "unsupport transaction operation nonsense"),
	}},
	{id: "BT.txn_begin_normal", steps: []step{withTable("id INT"),
		txn("begin", "x").direct().check(wireWant{status: 200, json: `{"Status":"OK","Message":""}`, headers: []string{"Content-Type: application/json"}}), txn("rollback", "x").direct().status("OK", ""),
		txn("begin", "y").with("table", "nix").direct().status("ANALYSIS_ERROR", "unknown table *"), txn("begin", "y").with("db", "{db}_nix").direct().status("ANALYSIS_ERROR", "unknown database*"),
		txn("begin", "y", "timeout: soon").direct().status("INVALID_ARGUMENT", "Invalid timeout format"),
	}},
	{id: "BT.txn_begin_duplicate_label", steps: []step{withTable("id INT"), begun("x"), txn("begin", "x").direct().status("LABEL_ALREADY_EXISTS", ""),
		txnLoaded("x", "1\n"), txn("prepare", "x").status("OK", ""),
		txn("begin", "x").gives(jsonOf("Status", "LABEL_ALREADY_EXISTS", "ExistingJobStatus", "RUNNING", "Message", "Label [{db}_x] has already been used.")),
		loads("t", "1\n", "label:{db}_x").gives(jsonOf("Status", "Label Already Exists", "ExistingJobStatus", "RUNNING")),
		txn("commit", "x").status("OK", ""), txn("begin", "x").gives(jsonOf("Status", "LABEL_ALREADY_EXISTS", "ExistingJobStatus", "FINISHED")),
	}},
	{id: "BT.txn_commit_fail", steps: []step{withTable("id INT"), begun("x"), txn("commit", "x").status("INTERNAL_ERROR", "transaction *hasn't send any data yet"),
		txn("commit", "x").direct().status("TXN_NOT_EXISTS", "transaction with label {db}_x not exists"), txnIs("x", "ABORTED"),
	}},
	{id: "BT.txn_prepare_fail", steps: []step{withTable("id INT"), begun("x"), txn("prepare", "x").status("INTERNAL_ERROR", "transaction *hasn't send any data yet"),
		txn("prepare", "x").status("TXN_NOT_EXISTS", "transaction with label {db}_x not exists"), txnLoad("x", "1\n").status("TXN_NOT_EXISTS", "Transaction with label {db}_x not exists"),
		begun("y"), txnLoaded("y", "1\n"), txn("prepare", "y").status("OK", ""), txn("prepare", "y").status("TXN_NOT_EXISTS", "*"), txnIs("y", "PREPARED"), txn("rollback", "y").status("OK", ""),
	}},
	{id: "BT.txn_rollback", steps: []step{withTable("id INT"), begun("x"), txnLoaded("x", "1\n"), txn("rollback", "x").with("db", "other").direct().status("INVALID_ARGUMENT", "request db other transaction db {db} not match"),
		txn("rollback", "x").check(wireWant{status: 200, json: `{"Status":"OK","Message":""}`}), txn("rollback", "x").direct().status("TXN_NOT_EXISTS", "transaction with label {db}_x not exists"),
		labelState("{db}_x", jsonOf("state", "ABORTED", "reason", "transaction is aborted by user.")), selects("SELECT * FROM t"),
	}},
	{id: "BT.txn_commit_success", steps: []step{withTable("id INT, v STRING"), begun("x"), txnLoaded("x", "1,a\n2,b\n"), txnLoaded("x", "1,c\n3,d\n"), txnLoaded("x", "3,e"), txnLoaded("x", "f\n"),
		txn("commit", "x").gives(`{"Status":"OK","NumberTotalRows":5,"NumberLoadedRows":5,"LoadBytes":21}`), txnIs("x", "VISIBLE"),
		// The rows of all loads are one stream: the last of a key wins, and a row may go on in the next load.
		selects("SELECT * FROM t ORDER BY id", "1|c", "2|b", "3|ef"),
	}},
	{id: "BT.txn_prepared_success", steps: []step{withTable("id INT"), begun("x"), txnLoaded("x", "1\n"), txn("prepare", "x").status("OK", ""), txnIs("x", "PREPARED"), txn("commit", "x").status("OK", ""), selects("SELECT * FROM t", "1")}},
	timed("BT.txn_prepared_timeout", Config{Version: "3.5.4"}, func(*fakeClock) []step {
		return []step{withTable("id INT"), begun("x"), txnLoaded("x", "1\n"), txn("prepare", "x", "prepared_timeout: 300").direct().status("OK", "")}
	}),
	badPreparedTimeout("BT.txn_prepared_with_invalid_timeout", "abc"),
	badPreparedTimeout("BT.txn_prepared_with_negative_timeout", "-1"),
	badPreparedTimeout("BT.txn_prepared_with_zero_timeout", "0"),
	{id: "BT.txn_put_fail", steps: []step{withTable("id INT, v STRING NOT NULL"), begun("x"), txnLoad("x", "1\n", "columns: id").status("ANALYSIS_ERROR", "Column has no default value. column: v"),
		txn("commit", "x").direct().status("TXN_NOT_EXISTS", "*"), labelState("{db}_x", jsonOf("state", "ABORTED", "reason", "Column has no default value. column: v")),
		begun("y"), txnLoad("y", "1\n", "strict_mode: maybe").status("INVALID_ARGUMENT", "Invalid strict mode format. Must be bool type"), txn("commit", "y").direct().status("TXN_NOT_EXISTS", "*"),
	}},
	{id: "BT.txn_list", steps: []step{withTable("id INT"), begun("x"), calls("GET", "/api/transaction/list").direct().check(wireWant{status: 200, text: "*\"Label\": \"{db}_x\"*"}), txn("rollback", "x").status("OK", "")}},
	timed("BT.txn_idle_timeout", Config{}, func(c *fakeClock) []step {
		return []step{withTable("id INT"), txn("begin", "x", "idle_transaction_timeout: 1").status("OK", ""), c.passes(20 * time.Second), txnLoaded("x", "1\n"), c.passes(32 * time.Second),
			txnLoad("x", "1\n").status("TXN_NOT_EXISTS", "Transaction with label {db}_x not exists"), labelState("{db}_x", jsonOf("state", "ABORTED", "reason", "transaction is aborted by idle timeout 1 seconds."))}
	}),
	{id: "BT.txn_not_same_load", steps: []step{withTable("id INT, v STRING"), begun("x"), txnLoad("x", "1|a\n").with("column_separator", "|").status("OK", ""), txnLoad("x", "2,b\n").status("INTERNAL_ERROR", "load request not equal last."),
		txnLoad("x", "1|a\n").with("column_separator", "|").status("TXN_NOT_EXISTS", "*"), selects("SELECT * FROM t")}},
	{id: "BT.release_resource_for_on_header_failure", steps: []step{withTable("id INT"), begun("x"), txnLoad("x", "1\n", "format: unknown").status("INTERNAL_ERROR", "unknown data format, format=unknown"), txn("rollback", "x").direct().status("TXN_NOT_EXISTS", "*")}},
	{id: "BT.txn_commit_fe_fail", private: "faults", steps: []step{withTable("id INT"), faulty(Fault{Op: "be-txn-commit", Message: "the frontend says no"}), begun("x"), txnLoaded("x", "1\n"), txn("commit", "x").status("INTERNAL_ERROR", "the frontend says no"), txnIs("x", "ABORTED")}},
	{id: "BT.txn_prepare_fe_fail", private: "faults", steps: []step{withTable("id INT"), faulty(Fault{Op: "be-txn-prepare", Message: "the frontend says no"}), begun("x"), txnLoaded("x", "1\n"), txn("prepare", "x").status("INTERNAL_ERROR", "the frontend says no"), txnIs("x", "ABORTED")}},
	{id: "BT.txn_begin_fe_fail", private: "faults", steps: []step{withTable("id INT"), faulty(Fault{Op: "be-txn-begin", Message: "the frontend says no"}), txn("begin", "x").status("INTERNAL_ERROR", "the frontend says no"), txnIs("x", "UNKNOWN")}},
	{id: "BT.txn_plan_fail", steps: []step{
		// What is wrong with the data shows at the end, with the address of the bad rows.
		withTable("id INT, v INT NOT NULL"), begun("x"), txnLoaded("x", "1,x\n", "strict_mode: true"), txnLoaded("x", "2,2\n", "strict_mode: true"),
		txn("prepare", "x").check(wireWant{status: 200, json: jsonOf("Status", "INTERNAL_ERROR", "Message", "too many filtered rows"), log: "Error: The field (name = v, *Value: x. Row: 1,x\n"}), txnIs("x", "ABORTED"),
		begun("y"), txnLoaded("y", "{\"id\":1,\"v\":1}", "format: json"), txnLoaded("y", "{\"id\":", "format: json"), txn("commit", "y").status("DATA_QUALITY_ERROR", "parse error*"), txnIs("y", "ABORTED"), selects("SELECT * FROM t"),
	}},
	{id: "FT.bad-request-db", steps: []step{txn("begin", "x").with("db", "").status("FAILED", "class com.starrocks.common.*Exception: No database selected.")}},
	{id: "FT.bad-request-label", steps: []step{txn("begin", "x").with("label", "").status("FAILED", "class com.starrocks.common.*Exception: Empty label.")}},
	{id: "FT.bad-request-operation", steps: []step{txn("nonsense", "x").status("FAILED", "class com.starrocks.common.*Exception: Unknown transaction operation: nonsense")}},
	{id: "FT.bad-request-body", steps: []step{wireRequest{method: "POST", path: "/api/transaction/prepare", headers: []string{"db: {db}", "label: x"}, body: "no json", noExpect: true}.check(wireWant{status: 200, json: jsonOf("Status", "FAILED", "Message", "*Malformed json tablets, label is x")})}},
	{id: "FT.warehouse", steps: []step{withTable("id INT"), txn("begin", "x", "warehouse: nix").status("FAILED", "*Warehouse name: nix not exist*"), txn("begin", "x", "warehouse: default_warehouse").status("OK", ""), txn("rollback", "x").status("OK", "")}},
	{id: "FT.begin-without-channel", steps: []step{withTable("id INT"), txn("begin", "x").staying().check(noExpect), txn("begin", "x").as("root:wrong").staying().check(wireWant{status: 401}), txn("begin", "x", "channel_id: 1").status("FAILED", "*Must provide channel_num when stream load begin.")}},
	{id: "FT.load-without-channel", steps: []step{withTable("id INT"), txnLoad("x", "1\n").status("FAILED", "*Can't find the transaction with db [{db}] and label[{db}_x]. The possible reasons: *"), begun("x"), txnLoad("x", "1\n").staying().check(noExpect), txn("rollback", "x").status("OK", "")}},
	{id: "FT.prepare-without-channel", steps: []step{withTable("id INT"), txn("prepare", "x").status("FAILED", "*No transaction found with db[{db}] and label[{db}_x]"), begun("x"), txn("prepare", "x").staying().check(noExpect), txn("rollback", "x").status("OK", "")}},
	{id: "FT.commit-unknown-label", steps: []step{withTable("id INT"), txn("commit", "x").status("FAILED", "*No transaction found with db[{db}] and label[{db}_x]"), txn("begin", "x").with("table", "nix").status("ANALYSIS_ERROR", "*"), txn("commit", "x").status("FAILED", "*No transaction found by label {db}_x")}},
	{id: "FT.commit-PREPARE", steps: []step{withTable("id INT"), begun("x"), txn("commit", "x").staying().check(noExpect), txn("rollback", "x").status("OK", "")}},
	{id: "FT.commit-PREPARED", steps: []step{withTable("id INT"), begun("x"), txnLoaded("x", "1\n"), txn("prepare", "x").status("OK", ""), txn("commit", "x").gives(`{"Status":"OK","Message":"","Label":"{db}_x"}`)}},
	{id: "FT.commit-COMMITTED", steps: []step{withTable("id INT"), begun("x"), txnLoaded("x", "1\n"), txn("commit", "x").status("OK", ""), txn("commit", "x").gives(jsonOf("Status", "OK", "Message", "Transaction * has already committed, label is {db}_x", "Label", "{db}_x"))}},
	{id: "FT.commit-ABORTED", steps: []step{withTable("id INT"), begun("x"), txn("rollback", "x").status("OK", ""), txn("commit", "x").status("FAILED", "*Can not commit ABORTED transaction *, label is {db}_x")}},
	{id: "FT.rollback-unknown-label", steps: []step{txn("rollback", "x").status("FAILED", "*No transaction found*{db}_x*")}},
	{id: "FT.rollback-PREPARE", steps: []step{withTable("id INT"), begun("x"), txn("rollback", "x").staying().check(noExpect), txn("rollback", "x").status("OK", "")}},
	{id: "FT.rollback-PREPARED", steps: []step{withTable("id INT"), begun("x"), txnLoaded("x", "1\n"), txn("prepare", "x").status("OK", ""), txn("rollback", "x").gives(jsonOf("Status", "OK", "Message", "", "Label", "{db}_x")), labelState("{db}_x", jsonOf("state", "ABORTED", "reason", "User Aborted")), selects("SELECT * FROM t")}},
	{id: "FT.rollback-COMMITTED", steps: []step{withTable("id INT"), begun("x"), txnLoaded("x", "1\n"), txn("commit", "x").status("OK", ""), txn("rollback", "x").status("FAILED", "*Can not abort VISIBLE transaction *, label is {db}_x")}},
	{id: "FT.rollback-ABORTED", steps: []step{withTable("id INT"), begun("x"), txn("rollback", "x").status("OK", ""), txn("rollback", "x").status("OK", "Transaction * has already aborted, label is {db}_x")}},
	{id: "FT.no-database", steps: []step{txn("commit", "x").with("db", "{db}_nix").status("FAILED", "*Database[{db}_nix] does not exist.")}},
	{id: "FT.commit-fails", private: "faults", steps: []step{withTable("id INT"), begun("x"), txnLoaded("x", "1\n"), txn("prepare", "x").status("OK", ""), faulty(Fault{Op: "fe-txn-commit", Count: 1, Message: "inside"}),
		txn("commit", "x").status("FAILED", "*inside"), txnIs("x", "PREPARED"), txn("commit", "x").status("OK", "")}},
	{id: "FT.rollback-fails", private: "faults", steps: []step{withTable("id INT"), begun("x"), txnLoaded("x", "1\n"), txn("prepare", "x").status("OK", ""), faulty(Fault{Op: "fe-txn-rollback", Count: 1, Message: "inside"}),
		txn("rollback", "x").status("FAILED", "*inside"), txnIs("x", "PREPARED"), txn("rollback", "x").status("OK", "")}},
	{id: "FS.PREPARED", steps: []step{withTable("id INT"), begun("x"), txnLoaded("x", "1\n"), txn("prepare", "x").status("OK", ""), labelState("{db}_x", `{"state":"PREPARED","reason":"","status":"OK","code":"0","msg":"Success","message":"OK"}`),
		calls("POST", "/api/{db}/t/_cancel?label={db}_x").gives(`{"status":"FAILED"}`), txnIs("x", "PREPARED"), txn("rollback", "x").status("OK", "")}},
	{id: "FM.prepare-commit", private: "a restart", steps: []step{restartKeepsPrepared}},
	timed("FM.prepare-timeout", Config{}, func(c *fakeClock) []step {
		return []step{withTable("id INT"), txn("begin", "x", "timeout: 5").status("OK", ""), txnLoaded("x", "1\n"), c.passes(6 * time.Second), labelState("{db}_x", jsonOf("state", "ABORTED", "reason", "timeout by txn manager")),
			txnLoad("x", "1\n").status("TXN_NOT_EXISTS", "*"), begun("y"), txnLoaded("y", "1\n"), c.passes(599 * time.Second), txnIs("y", "PREPARE"), txn("prepare", "y").status("OK", ""),
			c.passes(23 * time.Hour), txnIs("y", "PREPARED"), c.passes(2 * time.Hour), labelState("{db}_y", jsonOf("state", "ABORTED", "reason", "timeout by txn manager"))}
	}),
}

func badPreparedTimeout(id, value string) conformanceCase {
	return timed(id, Config{Version: "3.5.4"}, func(*fakeClock) []step {
		return []step{withTable("id INT"), begun("x"), txnLoaded("x", "1\n"), txn("prepare", "x", "prepared_timeout: "+value).direct().status("INVALID_ARGUMENT", "Invalid prepared_timeout: "+value),
			txnIs("x", "PREPARE"), txn("prepare", "x").status("OK", "")} // nothing was lost
	})
}

// restartKeepsPrepared stops a server with a data directory and starts it again: what was
// prepared can be committed or rolled back, what was not is gone.
func restartKeepsPrepared(r *caseRun) error {
	dir, err := os.MkdirTemp("", "emulator")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cfg := Config{QueryAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", BEHTTPAddr: "127.0.0.1:0", DataDir: dir, DefaultReplication: 1, PublishDelay: -1, Version: "4.0"}
	for round, steps := range [][]step{
		{
			withTable("id INT, v STRING"), begun("a"), txnLoaded("a", "1,a\n2,a\n"), txn("prepare", "a").status("OK", ""),
			runs("ALTER TABLE t ADD COLUMN w INT DEFAULT '7'"), loads("t", "2,plain,8\n", "column_separator:,").succeeds(),
			begun("b"), txnLoaded("b", "3,b,1\n"), begun("c"), txnLoaded("c", "4,c,1\n"), txn("prepare", "c").status("OK", ""),
			begun("d"), txnLoaded("d", "5,d,1\n"), txn("prepare", "d").status("OK", ""), txn("commit", "d").status("OK", ""),
			begun("e"), txnLoaded("e", "6,e,1\n"), txn("prepare", "e").status("OK", ""), txn("rollback", "e").status("OK", ""),
			runs("CREATE TABLE u (id INT) DUPLICATE KEY(id)"), loads("u", "x\n", "strict_mode:true").fails("too many filtered rows"), loads("u", "1\n").succeeds(), loads("u", "2\n").succeeds(),
			multiBegun("m"), multiLoaded("m", "t", "8,m,1\n"), multiLoaded("m", "u", "3\n"), multiCommits("m"), multiBegun("n"), multiLoaded("n", "u", "4\n"),
			selects("SELECT * FROM t ORDER BY id", "2|plain|8", "5|d|1", "8|m|1"),
		}, {
			loads("u", "5\n").succeeds(), selects("SELECT id FROM u ORDER BY id", "1", "2", "3", "5"), txnIs("m", "VISIBLE"), txnIs("n", "UNKNOWN"),
			multiBegun("n"), txn("commit", "n").multi().status("FAILED", "Can not commit CANCELLED transaction *"),

			txnIs("a", "PREPARED"), txnIs("b", "UNKNOWN"), txnIs("c", "PREPARED"), txnIs("d", "VISIBLE"), txnIs("e", "ABORTED"),
			txn("commit", "b").status("FAILED", "*No transaction found with db[{db}] and label[{db}_b]"), txn("prepare", "b").status("FAILED", "*"),
			txn("prepare", "a").status("TXN_NOT_EXISTS", "*"), txn("commit", "a").status("OK", ""), txn("rollback", "c").status("OK", ""),
			// The rows were loaded under the schema of their time, and come last.
			selects("SELECT * FROM t ORDER BY id", "1|a|7", "2|a|7", "5|d|1", "8|m|1"),
		}, {
			selects("SHOW PROC '/transactions/{db}'", "running|0", "finished|*"), txnIs("a", "VISIBLE"), txnIs("c", "ABORTED"), selects("SELECT * FROM t ORDER BY id", "1|a|7", "2|a|7", "5|d|1", "8|m|1"),
		},
	} {
		if err := onServer(r.db, cfg, round == 0, steps); err != nil {
			return fmt.Errorf("start %d: %w", round+1, err)
		}
	}
	return nil
}

// onServer runs steps on a server of its own, and stops it.
func onServer(db string, cfg Config, create bool, steps []step) (err error) {
	s, err := Start(cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	conn, err := sql.Open("mysql", "root@tcp("+s.QueryAddr()+")/")
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetMaxOpenConns(1)
	if create {
		if _, err := conn.Exec("CREATE DATABASE " + db); err != nil {
			return err
		}
	}
	if _, err := conn.Exec("USE " + db); err != nil {
		return err
	}
	r := &caseRun{testCluster: &testCluster{fe: s.HTTPAddr(), be: s.BEHTTPAddr(), user: "root", double: s}, db: db, conn: conn, open: map[string]*wireUpload{}}
	for i, st := range steps {
		if err := st(r); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}
