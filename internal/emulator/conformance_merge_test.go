package emulator

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Merge commit, which came with 3.4.

func init() { conformanceSets = append(conformanceSets, mergeCases) }

const (
	badRow    = "*There is a data quality issue. Please check the tracking URL or SQL for details. Tracking URL: http://*. Tracking SQL: SELECT tracking_log FROM information_schema.load_tracking_logs WHERE JOB_ID=*"
	mergedRun = "SELECT STATE FROM information_schema.loads WHERE DB_NAME = '{db}' AND TYPE = 'MERGE_COMMIT'"
)

// merged makes a load one to be merged within a window of milliseconds.
func (q wireRequest) merged(window int, headers ...string) wireRequest {
	q.headers = append(append(q.headers[:len(q.headers):len(q.headers)], "enable_merge_commit: true", fmt.Sprintf("merge_commit_interval_ms: %d", window), "merge_commit_parallel: 2"), headers...)
	return q
}

func (q wireRequest) async() wireRequest {
	q.headers = append(q.headers[:len(q.headers):len(q.headers)], "merge_commit_async: true")
	return q
}

// lastLabel does a request whose path has {label}, the label in the latest answer.
func lastLabel(q wireRequest, subset string) step {
	return func(r *caseRun) error {
		var answer struct{ Label string }
		if err := json.Unmarshal([]byte(r.last.body), &answer); err != nil {
			return err
		}
		q.path = strings.ReplaceAll(q.path, "{label}", answer.Label)
		before := r.last
		err := q.gives(subset)(r)
		r.last = before
		return err
	}
}

// keysInOrder checks the keys of the latest answer; Db and Table came later.
func keysInOrder(want string) step {
	return func(r *caseRun) error {
		d := json.NewDecoder(strings.NewReader(r.last.body))
		var keys []string
		if _, err := d.Token(); err != nil {
			return err
		}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return err
			}
			if _, err := d.Token(); err != nil {
				return err
			}
			if key != "Db" && key != "Table" {
				keys = append(keys, fmt.Sprint(key))
			}
		}
		if got := strings.Join(keys, " "); got != want {
			return fmt.Errorf("keys %s, want %s", got, want)
		}
		return nil
	}
}

func mergeCase(id string, steps ...step) conformanceCase {
	return conformanceCase{id: id, since: "3.4", steps: steps}
}

func mergeRefused(window, parallel, message string) step {
	q := loads("t", "1\t1\n", "enable_merge_commit: true")
	if window != "" {
		q = q.with("merge_commit_interval_ms", window)
	}
	if parallel != "" {
		q = q.with("merge_commit_parallel", parallel)
	}
	return func(r *caseRun) error {
		if err := q.check(wireWant{status: 200, closes: true, json: jsonOf("status", "FAILED", "code", "INVALID_ARGUMENT", "msg", message, "message", message)})(r); err != nil {
			return err
		}
		return q.direct().gives(jsonOf("Status", "Fail", "Message", message))(r)
	}
}

const mergeAnswerKeys = "TxnId Label Status Message RequestId LoadBytes LoadTimeMs ReadDataTimeMs PendingTimeMs WaitPlanTimeMs WriteDataTimeMs WaitFinishTimeMs LeftMergeTimeMs"

var mergeCases = []conformanceCase{
	mergeCase("S8", withTable(twoInts),
		together(loads("t", "1\t10\n").merged(300).succeeds(), loads("t", "2\t20\n").merged(300).succeeds(), loads("t", "3\t30\n").merged(300).succeeds()),
		selects("SELECT * FROM t ORDER BY k", "1|10", "2|20", "3|30"),
		together(loads("t", "4\t40\n").merged(300).async().succeeds(), loads("t", "5\t50\n").merged(300).async().succeeds(), loads("t", "6\t60\n").merged(300).async().succeeds()),
		eventually(selects("SELECT count(*), sum(v) FROM t", "6|210")),
	),
	mergeCase("S9", mergeSteps("enable_merge_commit: true", "merge_commit_interval_ms: 50", "merge_commit_parallel: 1")...),
	mergeCase("S10", withTable(twoInts),
		loads("t", "1\t1\n").merged(600000).async().gives(`{"Status":"Success","Label":"merge_commit_*"}`), selects("SELECT count(*) FROM t", "0"),
		selects(mergedRun, "LOADING"), lastLabel(calls("GET", "/api/{db}/get_load_state?label={label}"), `{"state":"PREPARE"}`),
		lastLabel(calls("POST", "/api/{db}/t/_cancel?label={label}"), okEnvelop),
		eventually(selects(mergedRun, "CANCELLED")), selects("SELECT count(*) FROM t", "0"), selects("SHOW PROC '/transactions/{db}/running'"),
		loads("t", "3\t3\n").merged(20).succeeds(), selects("SELECT * FROM t", "3|3"),
	),
	mergeCase("S11", withTable("k INT, name STRING NOT NULL, v INT"),
		loads("t", `{"k":4,"name":"Gerd","v":40}`, jsonFormat).merged(50).succeeds(),
		selects("SELECT STATE, TYPE, PROGRESS, SCAN_ROWS, SCAN_BYTES, FILTERED_ROWS, SINK_ROWS FROM information_schema.loads WHERE DB_NAME = '{db}'", "FINISHED|MERGE_COMMIT|Merge Window 100.00%|1|28|0|1"),
		loads("t", `{"k":5,"name":null,"v":50}`, jsonFormat).merged(50).gives(jsonOf("Status", "Fail", "Message", "Load is aborted, reason: "+badRow)),
		selects("SELECT STATE, FILTERED_ROWS, ERROR_MSG FROM information_schema.loads WHERE DB_NAME = '{db}' AND STATE <> 'FINISHED'", "CANCELLED|1|"+badRow),
		selects("SELECT g.TRACKING_LOG FROM information_schema.load_tracking_logs g JOIN information_schema.loads l ON g.JOB_ID = l.JOB_ID WHERE l.DB_NAME = '{db}'", "Error: NULL value in non-nullable column 'name'. Row: [5, NULL, 50, 0]"),
	),
	mergeCase("BL.batch_write_csv", withTable(intString),
		// The last row of a body that does not end it is glued to the next body.
		loads("t", "1,a\n2,b\n", commas).merged(20).direct().succeeds(), selects("SELECT * FROM t ORDER BY k", "1|a", "2|b"),
		loads("t", "1\n", commas).merged(20).direct().gives(jsonOf("Status", "Fail", "Message", "Load is aborted, reason: "+badRow)),
	),
	mergeCase("BL.batch_write_json", withTable(intString),
		together(loads("t", `{"k":1,"v":"a"}`, jsonFormat).merged(200).direct().succeeds(), loads("t", `{"k":2,"v":"b"}{"k":3,"v":"c"}`, jsonFormat).merged(200).direct().succeeds()),
		selects("SELECT * FROM t ORDER BY k", "1|a", "2|b", "3|c"),
		loads("t", `[{"k":4,"v":"d"}]`, jsonFormat, stripped).merged(20).direct().succeeds(), selects("SELECT v FROM t WHERE k = 4", "d"),
	),
	mergeCase("BL.merge_commit_response", withTable(twoInts),
		loads("t", "1\t1\n", "label: mine").merged(20).direct().check(wireWant{status: 200, headers: []string{"Content-Type: application/json"},
			json: `{"Label":"merge_commit_*-*-*-*-*","Status":"Success","Message":"OK","RequestId":"mine","LoadBytes":4,"PendingTimeMs":0,"NumberTotalRows":null,"ErrorURL":null}`}),
		keysInOrder(mergeAnswerKeys), labelState("mine", `{"state":"UNKNOWN"}`), loads("t", "2\t2\n", "label: mine").merged(20).direct().succeeds(),
		loads("t", "x\n", "label: mine").merged(20).direct().gives(noSuccess), keysInOrder(mergeAnswerKeys),
		loads("no_such_table", "1\n").merged(20).direct().gives(`{"Status":"Fail","TxnId":-1,"Message":"unknown table *"}`), keysInOrder(mergeAnswerKeys),
	),
	mergeCase("BL.merge-together", withTable(intString),
		// Equal parameters: one transaction, and one bad row takes all of it.
		together(loads("t", "1,a\n", commas).merged(400).direct().gives(noSuccess), loads("t", "nix\n", commas).merged(400).direct().gives(noSuccess)),
		selects("SELECT count(*) FROM t", "0"), selects("SELECT count(*) FROM information_schema.loads WHERE DB_NAME = '{db}'", "1"),
		// Other parameters: another transaction.
		together(loads("t", "1,a\n", commas).merged(400).direct().succeeds(), loads("t", "nix\n", commas, strictLoad).merged(400).direct().gives(noSuccess)),
		selects("SELECT * FROM t", "1|a"), selects("SELECT count(*) FROM information_schema.loads WHERE DB_NAME = '{db}'", "3"),
	),
	{id: "BL.merge-versions", private: "version 3.3", config: Config{Version: "3.3"}, steps: []step{
		withTable(twoInts), loads("t", "1\t1\n", "label: mine").merged(-1).gives(`{"Label":"mine","Status":"Success","RequestId":null}`),
	}},
	mergeCase("FL.merge-commit-redirect", withTable(twoInts), loads("t", "1\t1\n").merged(50).staying().check(redirected)),
	{id: "FL.merge-commit-failed", private: "a fault in the frontend", steps: []step{
		withTable(twoInts), faulty(Fault{Op: "fe-load", Table: "t", Message: "no node"}),
		loads("t", "1\t1\n").merged(50).check(wireWant{status: 200, closes: true, text: `{"status":"FAILED","code":"INTERNAL_ERROR","msg":"no node","message":"no node"}`}),
	}},
	mergeCase("FH.merge-commit-parameters", withTable(twoInts),
		mergeRefused("", "1", "Batch write interval must be set positive, but is null"), mergeRefused("0", "1", "Batch write interval must be set positive, but is 0"),
		mergeRefused("10", "", "Batch write parallel must be set positive, but is null"), mergeRefused("10", "-4", "Batch write parallel must be set positive, but is -4"),
		selects("SELECT count(*) FROM t", "0"),
	),
	{id: "QS.load-tracking-logs", steps: []step{
		withTable("k INT, v INT NOT NULL"), loads("t", "1\t1\n2\t\\N\n", "label: half", "max_filter_ratio: 0.5").succeeds(), loads("t", "1\t1\n", "label: whole").succeeds(), loads("t", "\\N\t1\n", "label: none").fails("too many filtered rows"),
		selects("SELECT LABEL, DATABASE_NAME, TRACKING_LOG, TYPE FROM information_schema.load_tracking_logs WHERE DATABASE_NAME = '{db}' ORDER BY JOB_ID",
			"half|{db}|Error: NULL value in non-nullable column 'v'. Row: [2, NULL, 0]*|STREAM_LOAD", "none|{db}|Error: NULL value in non-nullable column 'k'. Row: [NULL, 1, 0]*|STREAM_LOAD"),
	}},
	{id: "QS.loads", steps: []step{
		withTable("k INT, v INT NOT NULL"), loads("t", "1\t1\n", "label: ok").succeeds(), loads("t", "1\t\\N\n", "label: bad").fails("too many filtered rows"),
		opens("a", loads("t", "2\t2\n", "label: running"), "2"), eventually(labelState("running", `{"state":"PREPARE"}`)), begun("open"), txnLoaded("open", "3,3\n"), txn("prepare", "open").status("OK", ""),
		selects("SELECT STATE, PROGRESS, TYPE, SCAN_ROWS, FILTERED_ROWS, SINK_ROWS, ERROR_MSG FROM information_schema.loads WHERE DB_NAME = '{db}' ORDER BY ID",
			"FINISHED|100%|STREAM_LOAD|1|0|1|*", "CANCELLED|0%|STREAM_LOAD|1|1|0|too many filtered rows", "LOADING|0%|STREAM_LOAD|0|0|0|*", "PREPARED|0%|STREAM_LOAD|1|0|1|*"),
		selects("SELECT count(*) FROM information_schema.loads l WHERE DB_NAME = '{db}' AND TRACKING_SQL LIKE '%WHERE JOB_ID=%'", "1"),
		txn("rollback", "open").gives(`{}`), finish("a", "\t2\n", `{"Status":"Success"}`),
	}},
}
