package emulator

import (
	"errors"
	"fmt"
	"os"
)

func init() { conformanceSets = append(conformanceSets, autoCases) }

// autoCases are tables whose numbers the server counts. Real backends take ranges of numbers,
// so what a case expects of them is that they are there, that they are different and that
// they stay.
var autoCases = []conformanceCase{
	{id: "S26", since: "3.0", steps: []step{
		withTable("k BIGINT, n BIGINT NOT NULL AUTO_INCREMENT, a INT, b STRING"),
		loads("t", "1,10,one\n2,20,two\n\n", commas).succeeds(), keepsNumbers(
			loads("t", "1,11\n3,30\n\n", commas, partial, "columns: k,a").succeeds(),
			loads("t", "2,deux\n", commas, partial, "partial_update_mode: column", "columns: k,b").succeeds(),
			loads("t", `{"k": 1, "b": "un"}`, jsonFormat, partial, "columns: k,b").succeeds(),
		),
		selects("SELECT k, a, b FROM t ORDER BY k", "1|11|un", "2|20|deux", "3|30|NULL"), selects("SELECT count(DISTINCT n), min(n) > 0 FROM t", "3|1"),
	}},
	{id: "FP.auto-increment", since: "3.0", steps: []step{
		withTable("k INT, n BIGINT NOT NULL AUTO_INCREMENT"), loads("t", "1\n2\n").succeeds(), loads("t", "3\t700\n", "columns: k,n").succeeds(), loads("t", `{"k": 4}`, jsonFormat).succeeds(),
		runs("INSERT INTO t VALUES (5, DEFAULT)", "INSERT INTO t (k) VALUES (6)", "INSERT INTO t VALUES (7, 800)"),
		selects("SELECT count(*), count(DISTINCT n) FROM t", "7|7"), selects("SELECT n FROM t WHERE k IN (3, 7) ORDER BY k", "700", "800"),
		loads("t", "8\t\\N\n", "columns: k,n").check(wireWant{json: `{"Status":"Fail","Message":"too many filtered rows"}`, log: "Error: NULL value in auto increment column 'n'*"}),
		tableNamed("g", "n BIGINT NOT NULL AUTO_INCREMENT, v STRING"), loads("g", "a\nb\n", "columns: v").succeeds(), loads("g", "c\n").succeeds(), selects("SELECT v FROM g ORDER BY v", "a", "b", "c"), selects("SELECT count(DISTINCT n) FROM g", "3"),
	}},
	{id: "DC.auto-increment", since: "3.0", steps: []step{
		refuses("CREATE TABLE t (k INT, n INT AUTO_INCREMENT) PRIMARY KEY(k) {one}", "*The AUTO_INCREMENT column must be BIGINT*", 1064),
		refuses("CREATE TABLE t (k INT, n BIGINT NULL AUTO_INCREMENT) PRIMARY KEY(k) {one}", "*AUTO_INCREMENT column n must be NOT NULL*", 1064),
		refuses("CREATE TABLE t (k BIGINT AUTO_INCREMENT, n BIGINT AUTO_INCREMENT) PRIMARY KEY(k) {one}", "*More than one AUTO_INCREMENT column defined in CREATE TABLE Statement*", 1064),
		withTable("k INT, n BIGINT AUTO_INCREMENT COMMENT 'c'"), shows("SHOW CREATE TABLE t", "Create Table", "*`n` bigint(20) NOT NULL AUTO_INCREMENT COMMENT \"c\"*"),
		refuses("ALTER TABLE t ADD COLUMN m BIGINT AUTO_INCREMENT", "*AUTO_INCREMENT*", 1064),
	}},
	{id: "FM.auto-increment-restart", private: "a restart", steps: []step{restartKeepsCounting}},
}

// keepsNumbers runs steps and sees that the numbers of the rows that were there are the same
// afterwards.
func keepsNumbers(steps ...step) step {
	return func(r *caseRun) error {
		before, err := queryRows(r.conn, "SELECT k, n FROM t ORDER BY k")
		for _, s := range steps {
			err = errors.Join(err, s(r))
		}
		after, err2 := queryRows(r.conn, "SELECT k, n FROM t ORDER BY k")
		if err = errors.Join(err, err2); err == nil && fmt.Sprint(after[:len(before)]) != fmt.Sprint(before) {
			err = fmt.Errorf("%q before, %q after", before, after)
		}
		return err
	}
}

// restartKeepsCounting starts a server on the data of another one: the count goes on.
func restartKeepsCounting(r *caseRun) error {
	dir, err := os.MkdirTemp("", "emulator")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cfg := Config{QueryAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", BEHTTPAddr: "127.0.0.1:0", DataDir: dir, DefaultReplication: 1, PublishDelay: -1}
	for round, steps := range [][]step{
		{withTable("k INT, n BIGINT NOT NULL AUTO_INCREMENT"), loads("t", "1\n2\n").succeeds(), begun("a"), txnLoaded("a", "3\n"), txn("prepare", "a").status("OK", ""),
			// The rows of a duplicate key table have hidden numbers: prepared ones must not lose theirs.
			runs("CREATE TABLE u (k INT) DUPLICATE KEY(k)"),
			txn("begin", "c").with("table", "u").status("OK", ""), txnLoad("c", "1\n", "table: u").status("OK", ""), txn("prepare", "c").status("OK", "")},
		{loads("t", "4\n").succeeds(), txn("commit", "a").status("OK", ""), runs("INSERT INTO t (k) VALUES (5)"), loads("u", "2\n").succeeds(), txn("commit", "c").status("OK", "")},
		{selects("SELECT k, n FROM t ORDER BY k", "1|1", "2|2", "3|3", "4|4", "5|5"), selects("SELECT k FROM u ORDER BY k", "1", "2")},
	} {
		if err := onServer(r.db, cfg, round == 0, steps); err != nil {
			return fmt.Errorf("start %d: %w", round+1, err)
		}
	}
	return nil
}
