package emulator

import (
	"fmt"
	"slices"
	"time"
)

// Transactions over several tables, which came with 4.0.

var multiVersion = Config{Version: "4.0"}

// multi makes an operation one of a multi-table transaction.
func (q wireRequest) multi() wireRequest {
	q.headers = append(q.headers[:len(q.headers):len(q.headers)], "transaction_type: multi")
	return q
}

// multiCase runs on a double of 4.0.
func multiCase(id string, steps ...step) conformanceCase {
	return conformanceCase{id: id, private: "version 4.0", config: multiVersion, steps: steps}
}

func multiBegun(label string, headers ...string) step {
	return txn("begin", label, headers...).with("table", "").multi().check(wireWant{status: 200, text: "{\n  \"Status\": \"OK\",\n  \"Message\": \"\"\n}"})
}

func multiLoaded(label, table, body string) step {
	return txnLoad(label, body, "table: "+table).multi().gives(`{"Status":"OK","Message":"","Label":"{db}_` + label + `"}`)
}

func multiCommits(label string) step {
	return txn("commit", label).multi().check(wireWant{status: 200,
		text: "{\n  \"Label\": \"{db}_" + label + "\",\n  \"Status\": \"OK\",\n  \"TxnId\": *,\n  \"ChannelId\": 0,\n  \"Message\": \"\",\n  \"Prepared Channel Num\": 1\n}"})
}

var multiTables = []step{tableNamed("t", "id INT, v STRING"), tableNamed("u", "id INT"), tableNamed("w", "id INT")}

var multiCases = []conformanceCase{
	multiCase("S14", txn("begin", "x").multi().direct().check(wireWant{status: 200, json: jsonOf("Status", "INVALID_ARGUMENT", "Message", "Multi-statement transaction requests can only be sent to FE nodes, not BE nodes")})),
	multiCase("S15", append(multiTables,
		calls("POST", "/api/transaction/begin", "db: {db}", "label: {db}_a", "source_type: 12").gives(`{"Status":"OK","Message":""}`),
		calls("PUT", "/api/transaction/load", "db: {db}", "label: {db}_a", "table: t", "source_type: 12", "column_separator: ,").staying().check(wireWant{status: 307}),
		multiLoaded("a", "t", "1,a\n"), multiCommits("a"), txnIs("a", "VISIBLE"), selects("SELECT id FROM t", "1"),
		multiBegun("b"), multiLoaded("b", "u", "1\n"), multiLoaded("b", "u", "2\n"), multiLoaded("b", "u", "3\n"), multiCommits("b"), selects("SELECT id FROM u ORDER BY id", "1", "2", "3"),
		multiBegun("c"), multiLoaded("c", "t", "2,b\n"), multiLoaded("c", "u", "4\n"), multiLoaded("c", "w", "1\n"), multiLoaded("c", "t", "2,c\n"), multiLoaded("c", "w", "2\n"),
		selects("SELECT count(*) FROM w", "0"), multiCommits("c"),
		selects("SELECT id, v FROM t ORDER BY id", "1|a", "2|c"), selects("SELECT count(*) FROM u", "4"), selects("SELECT id FROM w ORDER BY id", "1", "2"),
		selects("SELECT TABLE_NAME, STATE, TYPE FROM information_schema.loads WHERE LABEL = '{db}_c' ORDER BY 1", "t|FINISHED|MULTI_STATEMENT_STREAM_LOAD", "u|FINISHED|MULTI_STATEMENT_STREAM_LOAD", "w|FINISHED|MULTI_STATEMENT_STREAM_LOAD"),
	)...),
	multiCase("FT.multi-begin", append(multiTables,
		multiBegun("x"), multiBegun("x"), multiLoaded("x", "t", "1,a\n"), multiBegun("x"), txnIs("x", "UNKNOWN"), multiCommits("x"), multiBegun("x"),
		txnLoad("x", "2,b\n").multi().status("OK", "stream load task {db}_x has already been committed"),
		txn("begin", "y").with("db", "{db}_nix").multi().status("FAILED", "*Database[{db}_nix] does not exist"),
	)...),
	multiCase("FT.multi-load", append(multiTables,
		txnLoad("x", "1,a\n").multi().status("FAILED", "class com.starrocks.common.StarRocksException: stream load task {db}_x does not exist"),
		multiBegun("x"), txnLoad("x", "1,a\n").with("db", "other").multi().status("FAILED", "*Request database other not equal transaction database {db}"),
		txnLoad("x", "1\n", "table: nix").multi().status("FAILED", "*Failed to find table nix in db {db}"), multiLoaded("x", "t", "1,a\n"),
		txnLoad("x", "2|a\n").with("column_separator", "|").multi().status("INTERNAL_ERROR", "load request not equal last."),
		txnLoad("x", "2,a\n").multi().status("ABORTED", "current transaction is aborted"),
		multiBegun("y"), txnLoad("y", "1,a\n", "columns: id, nix=1").multi().status("FAILED", "*cancel stream task for exception: Mapping column is not in table. column: nix"),
		txnLoad("y", "1,a\n").multi().status("OK", "stream load task {db}_y has already been cancelled: *"),
	)...),
	multiCase("FT.multi-listed", append(multiTables,
		multiBegun("x"), streamLoadsAre("x"), multiLoaded("x", "t", "1,a\n"), multiLoaded("x", "u", "1\n"),
		streamLoadsAre("x", "t LOADING", "u LOADING"), multiCommits("x"), txnIs("x", "VISIBLE"), streamLoadsAre("x", "t FINISHED", "u FINISHED"),
		multiBegun("y"), multiLoaded("y", "t", "2,b\n"), txn("rollback", "y").multi().status("OK", "stream load {db}_y abort"), streamLoadsAre("y", "t CANCELLED"),
	)...),
	multiCase("FT.multi-prepare", append(multiTables, multiBegun("x"), multiLoaded("x", "t", "1,a\n"), txn("prepare", "x").multi().status("FAILED", "*Unsupported operation: TXN_PREPARE"), multiCommits("x"))...),
	multiCase("FT.multi-commit", append(multiTables,
		txn("commit", "x").multi().status("FAILED", "*stream load task {db}_x does not exist"),
		multiBegun("x"), multiLoaded("x", "t", "1,a\n"), multiCommits("x"), txn("commit", "x").multi().status("OK", "Transaction * has already committed, label is {db}_x"),
		// Nobody loaded anything: there is nothing to register, and the label stays unknown.
		multiBegun("e"), txn("commit", "e").multi().check(wireWant{status: 200, text: "{\n  \"Status\": \"OK\",\n  \"Message\": \"\"\n}"}), txnIs("e", "UNKNOWN"),
		// One bad row takes every table with it.
		multiBegun("b"), multiLoaded("b", "u", "1\n"), multiLoaded("b", "w", "x\n"), txn("commit", "b").multi().status("FAILED", "*cancel stream task for exception: abnormal data more than max filter rate, tracking_url: http://*"),
		txnIs("b", "UNKNOWN"), txn("commit", "b").multi().status("FAILED", "Can not commit CANCELLED transaction *"), selects("SELECT count(*) FROM u", "0"),
		// The label is looked at only now, and what is wrong with it is not told.
		loads("t", "7,p\n", "column_separator:,", "label:{db}_used").succeeds(), multiBegun("used"), multiLoaded("used", "t", "8,q\n"), multiCommits("used"), selects("SELECT count(*) FROM t", "2"),
	)...),
	multiCase("FT.multi-rollback", append(multiTables,
		txn("rollback", "x").multi().status("FAILED", "*stream load task {db}_x does not exist"),
		multiBegun("x"), multiLoaded("x", "t", "1,a\n"), txn("rollback", "x").multi().status("OK", "stream load {db}_x abort"), txn("commit", "x").multi().status("FAILED", "Can not commit CANCELLED transaction *"),
		txn("rollback", "x").multi().status("OK", "Transaction * has already aborted*"), selects("SELECT count(*) FROM t", "0"), txnIs("x", "UNKNOWN"),
	)...),
	timed("FM.lock-timeout-multi", multiVersion, func(c *fakeClock) []step {
		// Nobody is told. The transaction stays where it was until the second clock ends it.
		return append(multiTables, faulty(Fault{Op: "fe-txn-commit", Count: 1, Message: LockTimeout}), multiBegun("x"), multiLoaded("x", "u", "1\n"), multiCommits("x"), txnIs("x", "PREPARE"), selects("SELECT * FROM u"),
			c.passes(301*time.Second), labelState("{db}_x", jsonOf("state", "ABORTED", "reason", "timeout by txn manager")), selects("SELECT * FROM u"))
	}),
	timed("FP.multi-statement-task", multiVersion, func(c *fakeClock) []step {
		return append(multiTables,
			// Without a timeout it is over after 20 s; an open one is in nobody's way.
			multiBegun("x"), multiLoaded("x", "t", "1,a\n"), runs("ALTER TABLE t ADD COLUMN n INT"), c.passes(19*time.Second), multiLoaded("x", "t", "2,b\n"), c.passes(2*time.Second),
			txn("commit", "x").multi().status("FAILED", "Can not commit CANCELLED transaction *"), selects("SELECT count(*) FROM t", "0"),
			multiBegun("y", "timeout: 60"), multiLoaded("y", "t", "1,a,1\n"), c.passes(50*time.Second), multiCommits("y"), selects("SELECT * FROM t", "1|a|1"),
			// The second clock is query_timeout from begin, whatever the first one says: the answer is OK, and nothing came of it.
			multiBegun("q", "timeout: 3600"), multiLoaded("q", "u", "7\n"), c.passes(290*time.Second), multiLoaded("q", "u", "8\n"), multiCommits("q"), txnIs("q", "VISIBLE"), selects("SELECT id FROM u ORDER BY id", "7", "8"),
			shows("SHOW TRANSACTION FROM {db} WHERE label = '{db}_q'", "TimeoutMs", "300000"),
			multiBegun("r", "timeout: 3600"), multiLoaded("r", "u", "9\n"), c.passes(301*time.Second), multiLoaded("r", "u", "10\n"), txnIs("r", "UNKNOWN"), multiCommits("r"),
			labelState("{db}_r", jsonOf("state", "ABORTED", "reason", "timeout by txn manager")), selects("SELECT id FROM u ORDER BY id", "7", "8"), txn("commit", "r").multi().status("OK", "Transaction * has already committed*"),
			multiBegun("z"), multiLoaded("z", "u", "1\n"), func(r *caseRun) error { r.double.forgetLeaderMemory(); return nil },
			txn("commit", "z").multi().status("FAILED", "Can not commit CANCELLED transaction *"), txnLoad("z", "1\n", "table: u").multi().status("OK", "*has already been cancelled: cancelled after restart"),
		)
	}),
}

// streamLoadsAre wants the lines of SHOW ALL STREAM LOAD about a label.
func streamLoadsAre(label string, want ...string) step {
	return func(r *caseRun) error {
		rows, err := queryMaps(r.conn, r.fill("SHOW ALL STREAM LOAD FROM {db}"))
		if err != nil {
			return err
		}
		var got []string
		for _, row := range rows {
			if row["Label"] == r.fill("{db}_"+label) {
				got = append(got, row["TableName"]+" "+row["State"])
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			return fmt.Errorf("SHOW ALL STREAM LOAD lists %q of %s, want %q", got, label, want)
		}
		return nil
	}
}
