package emulator

import "time"

// alterDone waits for the latest schema change of t to end in the given state. On the
// double the scheduler is moved by hand.
func alterDone(state string) step {
	latest := selects("SHOW ALTER TABLE COLUMN FROM `{db}` WHERE TableName = 't' ORDER BY JobId DESC LIMIT 1", "*|t|*|"+state+"|*")
	return func(r *caseRun) error {
		if r.double != nil {
			r.double.RunAlterJobs()
			r.double.RunAlterJobs()
			return latest(r)
		}
		return within(5*time.Minute, latest)(r)
	}
}

func within(limit time.Duration, s step) step {
	return func(r *caseRun) error {
		end := time.Now().Add(limit)
		for {
			err := s(r)
			if err == nil || time.Now().After(end) {
				return err
			}
			time.Sleep(500 * time.Millisecond)
		}
	}
}

const inProgress = "A schema change operation is in progress on the table *t*Please wait until the current operation completes.*"

// secondRow adds rows while a schema change waits: it has not the new column yet.
func secondRow(r *caseRun) error {
	_, err := r.conn.Exec("INSERT INTO t VALUES (2)")
	return err
}

// alterCases follow FEtest/alter and the SQL tests of ALTER TABLE.
var alterCases = []conformanceCase{
	{id: "S31", private: "a scheduler moved by hand", config: Config{AlterInterval: time.Hour, Version: "4.1"}, steps: []step{
		runs("CREATE TABLE t (k1 INT) DUPLICATE KEY(k1) DISTRIBUTED BY HASH(k1) BUCKETS 1 {one}", "INSERT INTO t VALUES (1)"),
		txn("begin", "s31", "table: t").status("OK", ""), runs(`ALTER TABLE t ADD COLUMN k2 INT KEY DEFAULT "2"`), alterDone("WAITING_TXN"), secondRow, alterDone("WAITING_TXN"),
		txn("rollback", "s31").gives(`{"Status":"OK","Db":"","Table":""}`), alterDone("FINISHED"), selects("SELECT * FROM t ORDER BY k1", "1|2", "2|2"),
	}},
	{id: "DA.modify", private: "a scheduler moved by hand", config: Config{AlterInterval: time.Hour}, steps: []step{
		withTable("k INT, v INT, s VARCHAR(10)"), runs("INSERT INTO t VALUES (1, 20240102, '7')"), runs("ALTER TABLE t MODIFY COLUMN v BIGINT, MODIFY COLUMN s VARCHAR(20)"),
		selects("SHOW ALTER TABLE COLUMN FROM {db}", "*|t|*|PENDING|*"), alterDone("FINISHED"), selects("DESC t", "k|*", "v|bigint(20)|*", "s|varchar(20)|*"), selects("SELECT * FROM t", "1|20240102|7"),
		runs("ALTER TABLE t MODIFY COLUMN v BIGINT"), selects("SELECT count(*) FROM t", "1"), loads("t", "2\t9000000000\tx\n").succeeds(), selects("SELECT v FROM t WHERE k = 2", "9000000000"),
	}},
	{id: "DA.modify-refused", steps: []step{
		withTable("k INT, v INT NOT NULL, s VARCHAR(10), n DATETIME, j JSON"),
		refuses("ALTER TABLE t MODIFY COLUMN k BIGINT", "*Can not modify key column: k for primary key table*", 1064), refuses("ALTER TABLE t MODIFY COLUMN v SMALLINT NOT NULL", "*Can not change INT to SMALLINT*", 1064),
		refuses("ALTER TABLE t MODIFY COLUMN n VARCHAR(30)", "*Can not change DATETIME to VARCHAR(30)*", 1064), refuses("ALTER TABLE t MODIFY COLUMN s VARCHAR(10) NOT NULL", "*Can not change from nullable to non-nullable*", 1064),
		refuses("ALTER TABLE t MODIFY COLUMN s VARCHAR(5)", "*Cannot shorten string length*", 1064), refuses(`ALTER TABLE t MODIFY COLUMN s VARCHAR(20) DEFAULT "x"`, "*Can not change default value*", 1064),
		refuses("ALTER TABLE t MODIFY COLUMN x INT", "*Column[x] does not exists*", 1064), refuses("ALTER TABLE t MODIFY v BIGINT", syntaxError, 1064),
	}},
	{id: "DA.in-progress", private: "a scheduler moved by hand", config: Config{AlterInterval: time.Hour}, steps: []step{
		withTable(twoInts), runs("ALTER TABLE t MODIFY COLUMN v BIGINT"), refuses("ALTER TABLE t ADD COLUMN n INT", inProgress, 1064), refuses("ALTER TABLE t RENAME u", inProgress, 1064),
		loads("t", "1\t1\n").succeeds(), selects("SELECT * FROM t", "1|1"), alterDone("FINISHED"), runs("ALTER TABLE t ADD COLUMN n INT"), selects("SELECT * FROM t", "1|1|NULL"),
	}},
	{id: "DA.cancel", private: "a scheduler moved by hand", config: Config{AlterInterval: time.Hour}, steps: []step{
		withTable(twoInts), refuses("CANCEL ALTER TABLE COLUMN FROM t", "*Table*t* is not under SCHEMA_CHANGE*", 1064), runs("ALTER TABLE t MODIFY COLUMN v BIGINT", "CANCEL ALTER TABLE COLUMN FROM t"),
		alterDone("CANCELLED"), selects("DESC t", "k|*", "v|int(11)|*"), runs("ALTER TABLE t ADD COLUMN n INT"),
	}},
	{id: "DA.add-function-default", private: "a scheduler moved by hand", config: Config{AlterInterval: time.Hour}, steps: []step{
		withTable(twoInts), runs("INSERT INTO t VALUES (1, 1)"), refuses("ALTER TABLE t ADD COLUMN u VARCHAR(40) DEFAULT (uuid())", "*unsupported default expr:uuid()*", 1064),
		runs("ALTER TABLE t ADD COLUMN at DATETIME DEFAULT CURRENT_TIMESTAMP"), alterDone("FINISHED"), selects("SELECT k, at IS NULL FROM t", "1|0"), selects("DESC t", "k|*", "v|*", "at|datetime|YES|false|CURRENT_TIMESTAMP|DEFAULT_GENERATED"),
	}},
	{id: "DA.swap", steps: []step{
		withTable(twoInts), tableNamed("u", "k INT"), runs("INSERT INTO t VALUES (1, 2)", "ALTER TABLE t SWAP WITH u"), selects("SELECT * FROM u", "1|2"), selects("SELECT * FROM t"),
		refuses("ALTER TABLE t SWAP WITH {db}.u", syntaxError, 1064), refuses("ALTER TABLE t SWAP WITH nope", "*nope*", 5502, 1051, 1064),
	}},
	{id: "DA.set", steps: []step{
		withTable(twoInts), runs(`ALTER TABLE t SET ("enable_persistent_index" = "false")`), selects("SHOW CREATE TABLE t", "*\"enable_persistent_index\" = \"false\"*"),
		refuses(`ALTER TABLE t SET ("sf_nope" = "1")`, "*Unknown*sf_nope*", 1064),
	}},
	{id: "DA.order-by", private: "a scheduler moved by hand", config: Config{AlterInterval: time.Hour}, steps: []step{
		withTable("k INT, v INT, w INT"), runs("ALTER TABLE t ORDER BY (v)"), alterDone("FINISHED"), selects("SHOW CREATE TABLE t", "*ORDER BY(`v`)*"),
		refuses("ALTER TABLE t DROP COLUMN v", "*Can not drop sort column in primary data model table*", 1064), refuses("ALTER TABLE t MODIFY COLUMN v BIGINT", "*Can not modify sort column in primary data model table*", 1064),
	}},
	{id: "FM.compaction", private: "a clock of its own, moved by TestCompaction", config: Config{MaxVersions: 5, PublishDelay: -1}, steps: []step{
		withTable(twoInts), loads("t", "1\t1\n").succeeds(), loads("t", "1\t1\n").succeeds(), loads("t", "1\t1\n").succeeds(), loads("t", "1\t1\n").succeeds(),
		loads("t", "1\t1\n").fails("*because of too many versions, current/limit: 5/5.*"),
	}},
}

// versionOf is a case about one version.
func versionOf(version string, steps ...step) conformanceCase {
	return conformanceCase{id: "DC.versions-" + version, private: "another version", config: Config{Version: version, AlterInterval: time.Hour}, steps: steps}
}

func numbered(database, table, column uint16) step {
	return func(r *caseRun) error {
		for _, s := range []step{
			refuses("USE sf_no_such_db", "Unknown database 'sf_no_such_db'", database), refuses("SELECT * FROM nope", "*Unknown table '{db}.nope'*", table),
			refuses("ALTER TABLE t RENAME COLUMN x TO y", "*Unknown column 'x' in 't'*", column),
		} {
			if err := s(r); err != nil {
				return err
			}
		}
		return nil
	}
}

var (
	wideDecimal  = "CREATE TABLE w (k INT, v DECIMAL(76,10)) PRIMARY KEY(k) {one}"
	wideRefused  = refuses(wideDecimal, "*DECIMAL's precision should range from 1 to 38*", 1064)
	versionCases = []conformanceCase{
		versionOf("2.5", withTable(twoInts), numbered(1049, 1051, 1054), selects("SELECT version()", "5.1.0"), wideRefused,
			runs("ALTER TABLE t ADD COLUMN n INT"), selects("SHOW ALTER TABLE COLUMN FROM {db}", "*|PENDING|*"), alterDone("FINISHED"), selects("SELECT n FROM t")),
		versionOf("3.3", withTable(twoInts), numbered(5501, 5502, 1054), selects("SELECT version()", "5.1.0"), wideRefused, runs("ALTER TABLE t ADD COLUMN n INT"), selects("SELECT n FROM t")),
		versionOf("3.5", withTable(twoInts), numbered(5501, 5502, 5509), selects("SELECT version()", "8.0.33"), wideRefused),
		versionOf("4.0", withTable(twoInts), numbered(5501, 5502, 5509), selects("SELECT version()", "8.0.33"), runs(wideDecimal)),
		{id: "DC.decimal256", since: "4.0", private: "another version", config: Config{Version: "4.0"}, steps: []step{
			runs(wideDecimal, "INSERT INTO w VALUES (1, '12345678901234567890123456789012345678901234567890.5')"),
			selects("SELECT v FROM w", "12345678901234567890123456789012345678901234567890.5000000000"),
			refuses("CREATE TABLE x (k INT, v DECIMAL(77,10)) PRIMARY KEY(k) {one}", "*DECIMAL's precision should range from 1 to 76*", 1064),
		}},
	}
)
