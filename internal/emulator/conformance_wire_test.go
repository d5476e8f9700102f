package emulator

import (
	"strings"
	"time"
)

const (
	twoInts   = "k INT, v INT"
	intString = "k INT, v STRING"
	okEnvelop = `{"status":"OK","code":"0","msg":"Success","message":"OK"}`
	noSuccess = `{"Status":"Fail"}`
)

// redirected is what the frontend makes of every load it accepts.
var redirected = wireWant{status: 307, headers: []string{"Location: http://*/api/{db}/t/_stream_load", "Content-Length: 0"}, closes: true}

// wireCases are loads and labels as HTTP shows them: the frontend's and the backend's
// answers, whatever the rows.
var wireCases = []conformanceCase{
	{id: "FL.redirect", steps: []step{
		withTable(twoInts),
		loads("t", "1\t1\n").staying().check(redirected), loads("t", "1\t1\n").staying().check(redirected), loads("t", "1\t1\n").staying().check(redirected),
	}},
	{id: "FL.no-expect", steps: []step{
		withTable(twoInts),
		loads("t", "").withoutExpect().staying().check(wireWant{status: 200, closes: true, text: `{"Status":"FAILED","Message":"class com.starrocks.common.DdlException: There is no 100-continue header"}`}),
	}},
	{id: "FL.http10", steps: []step{withTable(twoInts), loads("t", "").http10().staying().check(redirected)}},
	{id: "FL.auth", steps: []step{
		withTable(twoInts),
		loads("t", "1\t1\n").as("-").staying().check(unauthorizedWith("*Need auth information.*")),
		loads("t", "1\t1\n").as("root:wrong password").staying().check(unauthorizedWith("*Access denied for root@*")),
		loads("t", "1\t1\n").as("sf nobody:").staying().check(unauthorizedWith("*Access denied for sf nobody@*")),
	}},
	{id: "FL.unknown-path", steps: []step{calls("GET", "/api/{db}/t/_nothing").check(wireWant{status: 404})}},
	{id: "BL.no_auth", steps: []step{withTable(twoInts), loads("t", "1\t1\n").direct().as("-").gives(`{"Status":"Fail","TxnId":-1,"Message":"*no valid Basic authorization*"}`)}},
	{id: "BL.normal", steps: []step{
		withTable(twoInts),
		loads("t", "1\t10\n2\t20\n", "label: normal").direct().check(wireWant{status: 200, headers: []string{"Content-Type: application/json"},
			json: `{"Label":"normal","Status":"Success","Message":"OK","NumberTotalRows":2,"NumberLoadedRows":2,"NumberFilteredRows":0,"NumberUnselectedRows":0,"LoadBytes":10,"ErrorURL":null,"ExistingJobStatus":null}`,
			text: "{\n    \"TxnId\": *,\n    \"Label\": *\n    \"Status\": *\n    \"Message\": *\n    \"NumberTotalRows\": *\n    \"NumberLoadedRows\": *\n    \"NumberFilteredRows\": *\n    \"NumberUnselectedRows\": *\n    \"LoadBytes\": *\n    \"LoadTimeMs\": *\n    \"BeginTxnTimeMs\": *\n    \"StreamLoadPlanTimeMs\": *\n    \"ReadDataTimeMs\": *\n    \"WriteDataTimeMs\": *\n    \"CommitAndPublishTimeMs\": *\n}*"}),
		selects("SELECT k, v FROM t ORDER BY k", "1|10", "2|20"),
	}},
	{id: "BL.no-expect", steps: []step{withTable(twoInts), loads("t", "1\t1\n").direct().withoutExpect().succeeds()}},
	{id: "BL.concurrent", steps: []step{
		withTable(twoInts), together(loads("t", "1\t1\n").succeeds(), loads("t", "2\t2\n").succeeds(), loads("t", "3\t3\n").succeeds()), selects("SELECT * FROM t ORDER BY k", "1|1", "2|2", "3|3"),
	}},
	{id: "BL.put_fail", steps: []step{
		withTable(twoInts),
		loads("t", "1\t1\n", "label: put", "columns: k,v,w=1").fails("*Mapping column is not in table. column: w*"),
		labelState("put", `{"state":"ABORTED","reason":"*"}`),
		selects("SELECT * FROM t"),
	}},
	{id: "BL.plan_fail", private: "a fault in a backend", steps: []step{
		withTable(twoInts), faulty(Fault{Op: "be-load", Table: "t", Count: 1, Message: "TestFail"}),
		loads("t", "1\t1\n", "label: plan").fails("TestFail"),
		labelState("plan", `{"state":"ABORTED"}`), loads("t", "1\t1\n", "label: plan").succeeds(),
	}},
	{id: "BL.commit_fail", steps: []step{
		withTable(twoInts),
		opens("a", loads("t", "1\t1\n2\t2\n", "label: gone"), "1\t1\n"),
		eventually(labelState("gone", `{"state":"PREPARE"}`)),
		calls("POST", "/api/{db}/t/_cancel?label=gone").gives(okEnvelop),
		finish("a", "2\t2\n", noSuccess),
		labelState("gone", `{"state":"ABORTED"}`), selects("SELECT * FROM t"),
	}},
	{id: "BL.begin_fail", steps: []step{
		withTable(twoInts),
		loads("no_such_table", "1\t1\n").direct().gives(`{"Status":"Fail","TxnId":-1,"Message":"unknown table \"{db}.no_such_table\""}`),
		wireRequest{method: "PUT", path: "/api/sf_no_such_db/t/_stream_load", toBE: true}.gives(`{"Status":"Fail","TxnId":-1,"Message":"unknown database, database=sf_no_such_db"}`),
	}},
	{id: "BL.receive_failed", private: "an HTTP server that answers a half-closed connection", steps: []step{
		withTable(twoInts),
		loads("t", "1\t1\n2\t2\n", "label: half").direct().cutAfter(5).fails("receive body don't equal with body bytes"),
		labelState("half", `{"state":"ABORTED"}`), selects("SELECT * FROM t"),
	}},
	{id: "FS.UNKNOWN", steps: []step{labelState("never", `{"state":"UNKNOWN","reason":null,"status":"OK","code":"0","msg":"Success","message":"OK"}`)}},
	{id: "FS.PREPARE", steps: []step{
		withTable(twoInts), opens("a", loads("t", "1\t1\n", "label: l"), "1"),
		eventually(labelState("l", `{"state":"PREPARE","reason":"","status":"OK","code":"0"}`)), finish("a", "\t1\n", `{"Status":"Success"}`),
	}},
	{id: "FS.COMMITTED", private: "slow publishing", config: Config{PublishDelay: time.Minute}, steps: []step{
		withTable(twoInts), loads("t", "1\t1\n", "label: l", "timeout: 1").gives(`{"Status":"Publish Timeout"}`),
		labelState("l", `{"state":"COMMITTED","reason":"","status":"OK","code":"0"}`), selects("SELECT * FROM t"),
		loads("t", "2\t2\n", "label: l").gives(`{"Status":"Label Already Exists","ExistingJobStatus":"FINISHED"}`),
	}},
	{id: "FS.VISIBLE", steps: []step{withTable(twoInts), loads("t", "1\t1\n", "label: l").succeeds(), labelState("l", `{"state":"VISIBLE","reason":"","status":"OK","code":"0"}`)}},
	{id: "FS.ABORTED", steps: []step{
		withTable(twoInts), loads("t", "1\tx\n", "label: l", "strict_mode: true").fails("too many filtered rows"),
		labelState("l", `{"state":"ABORTED","reason":"*too many filtered rows*","status":"OK","code":"0"}`),
	}},
	{id: "FS.missing", steps: []step{
		calls("GET", "/api/{db}/get_load_state").gives(`{"status":"FAILED","msg":"*No label selected.*"}`),
		calls("GET", "/api/sf_no_such_db/get_load_state?label=l").gives(`{"status":"FAILED","msg":"*unknown database, database=sf_no_such_db*"}`),
	}},
	{id: "FC.cancel", steps: []step{
		withTable(twoInts), opens("a", loads("t", "1\t1\n", "label: l"), "1"),
		eventually(labelState("l", `{"state":"PREPARE"}`)), calls("POST", "/api/{db}/t/_cancel?label=l").gives(okEnvelop),
		labelState("l", `{"state":"ABORTED"}`), finish("a", "\t1\n", noSuccess),
	}},
	{id: "FC.no-label", steps: []step{
		withTable(twoInts), calls("POST", "/api/{db}/t/_cancel?label=never").gives(`{"status":"FAILED","msg":"transaction not found, label=never"}`),
		loads("t", "1\t1\n", "label: done").succeeds(), calls("POST", "/api/{db}/t/_cancel?label=done").gives(`{"status":"FAILED","msg":"running transaction not found, label=done"}`),
		labelState("done", `{"state":"VISIBLE"}`),
	}},
	{id: "FM.label-used-running", steps: []step{
		withTable(twoInts), opens("a", loads("t", "1\t1\n", "label: l"), "1"), eventually(labelState("l", `{"state":"PREPARE"}`)),
		loads("t", "2\t2\n", "label: l").gives(`{"Status":"Label Already Exists","ExistingJobStatus":"RUNNING","TxnId":-1,"Message":"Label [l] has already been used."}`),
		finish("a", "\t1\n", `{"Status":"Success"}`), selects("SELECT * FROM t", "1|1"),
	}},
	{id: "FM.label-free-after-abort", steps: []step{
		withTable(twoInts), loads("t", "1\tx\n", "label: l", "strict_mode: true").fails("too many filtered rows"), loads("t", "1\t1\n", "label: l").succeeds(),
		labelState("l", `{"state":"VISIBLE"}`), selects("SELECT * FROM t", "1|1"),
	}},
	{id: "FM.label-per-database", steps: []step{
		withTable(twoInts), loads("t", "1\t1\n", "label: l").succeeds(), runs("CREATE DATABASE {db}_b", "CREATE TABLE {db}_b.t (k INT) PRIMARY KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 {one}"),
		wireRequest{method: "PUT", path: "/api/{db}_b/t/_stream_load", body: "1\n", headers: []string{"label: l"}}.succeeds(), runs("DROP DATABASE {db}_b FORCE"),
	}},
	{id: "FM.labels-forgotten-by-number", private: "a label limit of its own", config: Config{LabelKeepNum: 2}, steps: []step{
		withTable(twoInts), loads("t", "1\t1\n", "label: l1").succeeds(), loads("t", "1\t1\n", "label: l2").succeeds(), loads("t", "1\t1\n", "label: l3").succeeds(),
		labelState("l1", `{"state":"VISIBLE"}`), cleanLabels, labelState("l1", `{"state":"UNKNOWN"}`), labelState("l2", `{"state":"VISIBLE"}`), labelState("l3", `{"state":"VISIBLE"}`),
		loads("t", "2\t2\n", "label: l1").succeeds(),
	}},
	{id: "FM.labels-forgotten-by-age", private: "a label age of its own", config: Config{LabelKeep: time.Nanosecond}, steps: []step{
		withTable(twoInts), loads("t", "1\t1\n", "label: l").succeeds(), labelState("l", `{"state":"VISIBLE"}`), cleanLabels, labelState("l", `{"state":"UNKNOWN"}`),
	}},
	{id: "FM.running-limit", private: "a transaction limit of its own", config: Config{MaxRunningTxns: 1}, steps: []step{
		withTable(twoInts), opens("a", loads("t", "1\t1\n", "label: a"), "1"), eventually(labelState("a", `{"state":"PREPARE"}`)),
		loads("t", "2\t2\n").fails("current running txns on db * is 1, larger than limit 1"), finish("a", "\t1\n", `{"Status":"Success"}`), loads("t", "2\t2\n").succeeds(),
	}},
	{id: "FM.publish-timeout", private: "slow publishing", config: Config{PublishDelay: 3 * time.Second}, steps: []step{
		withTable(twoInts), loads("t", "1\t1\n", "label: l", "timeout: 1").gives(`{"Status":"Publish Timeout","Message":"Publish timeout. The data will be visible after a while*","NumberLoadedRows":1}`),
		selects("SELECT * FROM t"), eventually(labelState("l", `{"state":"VISIBLE"}`)), selects("SELECT * FROM t", "1|1"),
	}},
	{id: "FM.timeout", steps: []step{
		withTable(twoInts), opens("a", loads("t", "1\t1\n", "label: l", "timeout: 1"), "1"),
		eventually(labelState("l", `{"state":"ABORTED","reason":"*"}`)), finish("a", "\t1\n", noSuccess), selects("SELECT * FROM t"),
	}},
	{id: "FM.too-many-versions", private: "a version limit of its own", config: Config{MaxVersions: 2}, steps: []step{
		withTable(twoInts), loads("t", "1\t1\n").succeeds(), loads("t", "2\t2\n").gives(`{"Status":"Fail","Message":"Failed to load data into tablet *, because of too many versions, current/limit: 2/2. You can reduce the loading job concurrency, or increase loading data batch size.*"}`),
	}},
	{id: "FM.key-limit", steps: []step{
		withTable("k VARCHAR(200), v INT"), loads("t", strings.Repeat("k", 128)+"\t1\n").succeeds(),
		loads("t", strings.Repeat("k", 129)+"\t1\n").gives(`{"Status":"Fail","Message":"*primary key size exceed the limit.*"}`), selects("SELECT length(k) FROM t", "128"),
	}},
	{id: "FI.begin-privilege", steps: []step{
		withTable(twoInts), runs("CREATE USER {db}_u IDENTIFIED BY 'p'"),
		loads("t", "1\t1\n").as("{db}_u:p").staying().check(unauthorizedWith("*INSERT*")),
		loads("t", "1\t1\n").as("{db}_u:p").direct().gives(`{"Status":"Fail","Message":"Access denied; you need (at least one of) the INSERT privilege(s)*"}`),
		runs("GRANT INSERT ON TABLE t TO {db}_u"), loads("t", "1\t1\n").as("{db}_u:p").succeeds(), runs("DROP USER {db}_u"),
	}},
}

func unauthorizedWith(text string) wireWant {
	return wireWant{status: 401, headers: []string{`WWW-Authenticate: Basic realm=""`}, json: `{"status":"FAILED","code":"1","msg":"*"}`, text: text}
}

// cleanLabels is the tick at which labels are forgotten.
func cleanLabels(r *caseRun) error {
	r.double.CleanLabels()
	return nil
}
