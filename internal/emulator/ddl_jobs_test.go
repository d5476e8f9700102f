package emulator

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// handClock is a clock that a test moves.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func newHandClock() *handClock { return &handClock{now: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)} }

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// alterState is the state of the latest schema change of a table of d, and its message.
func (w *world) alterState(table string) (state, message string) {
	w.t.Helper()
	rows, err := queryMaps(w.db, "SHOW ALTER TABLE COLUMN FROM d WHERE TableName = '"+table+"' ORDER BY JobId DESC LIMIT 1")
	if err != nil || len(rows) != 1 {
		w.t.Fatalf("SHOW ALTER: %v %v", rows, err)
	}
	return rows[0]["State"], rows[0]["Msg"]
}

func (w *world) wantAlter(table, want string) {
	w.t.Helper()
	if state, message := w.alterState(table); state != want {
		w.t.Fatalf("the schema change is %s (%s), want %s", state, message, want)
	}
}

func TestModifyIsAJob(t *testing.T) {
	t.Parallel()
	w := start(t, Config{AlterInterval: time.Hour})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (k INT, v INT, s VARCHAR(10), x DATE) PRIMARY KEY(k)", "INSERT INTO d.t VALUES (1, 20240102, '7', '2024-05-06'), (2, NULL, NULL, NULL)")
	w.exec("ALTER TABLE d.t MODIFY COLUMN v BIGINT, MODIFY COLUMN s INT AFTER k, MODIFY COLUMN x DATETIME, ADD COLUMN n INT DEFAULT '5'")
	w.wantAlter("t", "PENDING")
	for _, refusedNow := range []string{"ADD COLUMN m INT", "RENAME u", "COMMENT = 'x'", "RENAME COLUMN v TO w", "SET ('replicated_storage' = 'true')", "ORDER BY (k)"} {
		refused(t, w.db, "ALTER TABLE d.t "+refusedNow, 1064, "A schema change operation is in progress on the table t. Please wait until the current operation completes.")
	}
	refused(t, w.db, "TRUNCATE TABLE d.t", 1064, "A schema change operation is in progress on the table t.")
	w.expect("SELECT * FROM d.t ORDER BY k", "1|20240102|7|2024-05-06", "2|NULL|NULL|NULL")
	w.RunAlterJobs()
	w.wantAlter("t", "RUNNING")
	w.exec("INSERT INTO d.t VALUES (3, 3, '33', '2024-07-08')")
	w.RunAlterJobs()
	w.wantAlter("t", "FINISHED")
	w.expect("SELECT * FROM d.t ORDER BY k", "1|7|20240102|2024-05-06 00:00:00|5", "2|NULL|NULL|NULL|5", "3|33|3|2024-07-08 00:00:00|5")
	w.expect("SELECT s + 1 FROM d.t WHERE s > 7", "34")
	w.exec("INSERT INTO d.t VALUES (4, 9, 9000000000, '2024-01-01 01:02:03', 6)", "ALTER TABLE d.t ADD COLUMN m INT")
	w.expect("SELECT * FROM d.t WHERE k = 4", "4|9|9000000000|2024-01-01 01:02:03|6|NULL")
	refused(t, w.db, "CANCEL ALTER TABLE COLUMN FROM d.t", 1064, "Table[t] is not under SCHEMA_CHANGE/WAITING_STABLE.")
}

func TestModifyWaitsForEarlierLoads(t *testing.T) {
	t.Parallel()
	w := start(t, Config{AlterInterval: time.Hour})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (k INT, v INT) PRIMARY KEY(k)", "CREATE TABLE d.other (k INT, v INT) PRIMARY KEY(k)")
	hold := w.Fault(Fault{Op: "publish", Table: "t", Hold: true})
	if got := w.load("d.t", "1\t1\n", "label: early", "timeout: 1"); got.Status != "Publish Timeout" {
		t.Fatalf("%+v", got)
	}
	refused(t, w.db, "DROP TABLE d.t", 1064, `There are still some transactions in the COMMITTED state waiting to be completed. The table [t] cannot be dropped. If you want to forcibly drop(cannot be recovered), please use "DROP TABLE <table> FORCE".`)
	refused(t, w.db, "DROP DATABASE d", 1064, "The database [d] cannot be dropped.")
	w.exec("ALTER TABLE d.t MODIFY COLUMN v VARCHAR(20)", "ALTER TABLE d.other MODIFY COLUMN v BIGINT")
	for range 3 {
		w.RunAlterJobs()
	}
	w.wantAlter("t", "WAITING_TXN")
	w.wantAlter("other", "FINISHED")
	hold()
	if err := w.Settle(t.Context(), "d", "t"); err != nil {
		t.Fatal(err)
	}
	w.RunAlterJobs()
	w.wantAlter("t", "RUNNING")
	w.RunAlterJobs()
	w.wantAlter("t", "FINISHED")
	w.expect("SELECT v FROM d.t", "1")
	w.expect("SELECT DATA_TYPE FROM information_schema.columns WHERE TABLE_NAME = 't' AND COLUMN_NAME = 'v'", "varchar")
}

func TestModifyOfALoadUnderWay(t *testing.T) {
	t.Parallel()
	w := start(t, Config{AlterInterval: time.Hour})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (k INT, v DATE) PRIMARY KEY(k)", "ALTER TABLE d.t MODIFY COLUMN v DATETIME")
	w.RunAlterJobs()
	w.wantAlter("t", "RUNNING")
	// This load begins after the job, with the schema before it, and ends after it.
	w.Fault(Fault{Op: "publish", Table: "t", Hold: true, Count: 1})
	if got := w.load("d.t", "1\t2024-01-02\n", "timeout: 1"); got.Status != "Publish Timeout" {
		t.Fatalf("%+v", got)
	}
	w.RunAlterJobs()
	w.wantAlter("t", "FINISHED")
	w.faults.removeAll()
	if err := w.Settle(t.Context(), "d", "t"); err != nil {
		t.Fatal(err)
	}
	w.expect("SELECT v FROM d.t", "2024-01-02 00:00:00")
}

func TestModifyFails(t *testing.T) {
	t.Parallel()
	clock := newHandClock()
	w := start(t, Config{AlterInterval: time.Hour, Now: clock.Now})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (k INT, v VARCHAR(20), w VARCHAR(20)) PRIMARY KEY(k)", "INSERT INTO d.t VALUES (1, 'abc', '1')")
	run := func(n int) {
		for range n {
			w.RunAlterJobs()
		}
	}
	w.exec("ALTER TABLE d.t MODIFY COLUMN v INT")
	run(2)
	if state, message := w.alterState("t"); state != "CANCELLED" || !strings.Contains(message, "abc") {
		t.Errorf("a value that is no number: %s %s", state, message)
	}
	w.exec("ALTER TABLE d.t MODIFY COLUMN w INT", "CANCEL ALTER TABLE COLUMN FROM d.t")
	if state, message := w.alterState("t"); state != "CANCELLED" || message != "user cancelled" {
		t.Errorf("cancelled by the user: %s %s", state, message)
	}
	w.exec("ALTER TABLE d.t MODIFY COLUMN w INT PROPERTIES(\"timeout\" = \"60\")")
	run(1)
	clock.pass(time.Minute + time.Second)
	run(1)
	if state, message := w.alterState("t"); state != "CANCELLED" || message != "timeout" {
		t.Errorf("after its timeout: %s %s", state, message)
	}
	w.Fault(Fault{Op: "alter", Table: "t", Delay: time.Hour, Count: 1})
	w.Fault(Fault{Op: "alter", Table: "t", Message: "no luck"})
	w.exec("ALTER TABLE d.t MODIFY COLUMN w INT")
	run(5)
	w.wantAlter("t", "RUNNING")
	clock.pass(time.Hour)
	run(1)
	w.wantAlter("t", "FINISHED")
	w.exec("ALTER TABLE d.t MODIFY COLUMN w BIGINT")
	run(2)
	if state, message := w.alterState("t"); state != "CANCELLED" || message != "no luck" {
		t.Errorf("a job that a rule lets fail: %s %s", state, message)
	}
	w.expect("SELECT * FROM d.t", "1|abc|1")
	w.exec("ALTER TABLE d.t MODIFY COLUMN w BIGINT", "DROP TABLE d.t")
	run(1)
	if rows := w.rows("SHOW ALTER TABLE COLUMN FROM d WHERE State = 'CANCELLED'"); len(rows) != 5 {
		t.Errorf("jobs that were cancelled: %q", rows)
	}
}

func TestModifyRules(t *testing.T) {
	t.Parallel()
	w := start(t, Config{AlterInterval: time.Hour})
	w.exec("CREATE DATABASE d", `CREATE TABLE d.t (k INT, i INT NOT NULL, s VARCHAR(10) DEFAULT "x", d DECIMAL(10,2), j JSON, b BOOLEAN, m DATETIME, o INT NOT NULL)
		PRIMARY KEY(k) DISTRIBUTED BY HASH(k) ORDER BY (o)`)
	for _, c := range []struct {
		clause, part string
	}{
		{"k BIGINT", "Can not modify key column: k for primary key table"},
		{"o BIGINT NOT NULL", "Can not modify sort column in primary data model table"},
		{"nope INT", "Column[nope] does not exists"},
		{"i SMALLINT NOT NULL", "Can not change INT to SMALLINT"},
		{"i DECIMAL(20,0) NOT NULL", "Can not change INT to DECIMAL128(20,0)"},
		{"m VARCHAR(30)", "Can not change DATETIME to VARCHAR(30)"},
		{"b INT", "Can not change BOOLEAN to INT"},
		{"d DECIMAL(10,3)", "Can not change DECIMAL64(10,2) to DECIMAL64(10,3)"},
		{"d DECIMAL(9,2)", "Can not change DECIMAL64(10,2) to DECIMAL32(9,2)"},
		{`s VARCHAR(10) NOT NULL DEFAULT "x"`, "Can not change from nullable to non-nullable"},
		{"s VARCHAR(20)", "Can not change default value"},
		{`s VARCHAR(5) DEFAULT "x"`, "Cannot shorten string length"},
		{"j VARCHAR(16)", "JSON needs minimum length of 16"},
		{"i TIME", "Unsupported data type: TIME"},
		{"i BIGINT NOT NULL FIRST", "Invalid column order. value should be after key"},
		{"i BIGINT NOT NULL AFTER nope", "Column[nope] does not exists"},
		{"i BIGINT NOT NULL AFTER i", "modify position is invalid"},
	} {
		refused(t, w.db, "ALTER TABLE d.t MODIFY COLUMN "+c.clause, 1064, c.part)
	}
	refused(t, w.db, "ALTER TABLE d.t MODIFY COLUMN i COMMENT 'x', ADD COLUMN n INT", 1064, "conflicts with operation")
	w.exec("ALTER TABLE d.t MODIFY COLUMN I INT NOT NULL", "ALTER TABLE d.t MODIFY COLUMN i COMMENT 'why'")
	if rows := w.rows("SHOW ALTER TABLE COLUMN FROM d"); len(rows) != 0 {
		t.Errorf("nothing was to be done, and yet: %q", rows)
	}
	w.expect("SELECT COLUMN_COMMENT FROM information_schema.columns WHERE TABLE_NAME = 't' AND COLUMN_NAME = 'i'", "why")
	w.exec("ALTER TABLE d.t MODIFY COLUMN i INT NULL COMMENT 'why' AFTER s")
	w.RunAlterJobs()
	w.RunAlterJobs()
	if rows := w.rows("DESC d.t"); !strings.HasPrefix(rows[1], "s|") || rows[2] != "i|int(11)|YES|false|NULL|" {
		t.Errorf("%q", rows)
	}
}

func TestChangeAllowed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to dataType
		want     bool
	}{
		{dataType{kind: tTinyint}, dataType{kind: tLargeint}, true}, {dataType{kind: tLargeint}, dataType{kind: tDouble}, false},
		{dataType{kind: tInt}, dataType{kind: tDate}, true}, {dataType{kind: tBigint}, dataType{kind: tDate}, false},
		{dataType{kind: tFloat}, dataType{kind: tDouble}, true}, {dataType{kind: tDouble}, dataType{kind: tFloat}, false},
		{dataType{kind: tChar, length: 3}, dataType{kind: tVarchar, length: 3}, true}, {dataType{kind: tVarchar, length: 3}, dataType{kind: tChar, length: 3}, false},
		{dataType{kind: tDecimal, precision: 10, scale: 2}, dataType{kind: tDecimal, precision: 12, scale: 4}, true},
		{dataType{kind: tDecimal, precision: 10, scale: 2}, dataType{kind: tVarchar, length: 11}, false}, {dataType{kind: tDecimal, precision: 10, scale: 2}, dataType{kind: tVarchar, length: 12}, true},
		{dataType{kind: tVarchar, length: 5}, dataType{kind: tJSON}, true}, {dataType{kind: tDate}, dataType{kind: tDatetime}, true}, {dataType{kind: tDatetime}, dataType{kind: tDate}, true},
	} {
		if got := changeAllowed(c.from, c.to); got != c.want {
			t.Errorf("%v to %v: %t", c.from, c.to, got)
		}
	}
}

func TestSchemaChangesSurviveARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startIn(t, dir)
	first.exec("CREATE DATABASE d", "CREATE TABLE d.t (k INT, v INT) PRIMARY KEY(k)", "INSERT INTO d.t VALUES (1, 10)", "ALTER TABLE d.t MODIFY COLUMN v VARCHAR(20)")
	first.RunAlterJobs()
	first.RunAlterJobs()
	first.wantAlter("t", "FINISHED")
	first.exec("INSERT INTO d.t VALUES (2, 'two')", "ALTER TABLE d.t ADD COLUMN at DATETIME DEFAULT CURRENT_TIMESTAMP")
	first.RunAlterJobs()
	first.RunAlterJobs()
	before := first.rows("SELECT * FROM d.t ORDER BY k")
	first.exec("ALTER TABLE d.t MODIFY COLUMN v VARCHAR(30)")
	first.RunAlterJobs()
	first.wantAlter("t", "RUNNING")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := startIn(t, dir)
	second.expect("SELECT * FROM d.t ORDER BY k", before...)
	second.wantAlter("t", "PENDING")
	second.RunAlterJobs()
	second.RunAlterJobs()
	second.wantAlter("t", "FINISHED")
	second.expect("SELECT * FROM d.t ORDER BY k", before...)
	if !strings.Contains(before[0], "|10|20") || strings.Contains(before[1], "NULL") {
		t.Errorf("%q", before)
	}
}

func startIn(t *testing.T, dir string) *world {
	t.Helper()
	return start(t, Config{AlterInterval: time.Hour, DataDir: dir})
}

func TestSlowAddBeforeFastSchemaEvolution(t *testing.T) {
	t.Parallel()
	w := start(t, Config{AlterInterval: time.Hour, Version: "2.5"})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (k INT, v INT) PRIMARY KEY(k)", "ALTER TABLE d.t ADD COLUMN n INT")
	w.wantAlter("t", "PENDING")
	refused(t, w.db, "SELECT n FROM d.t", 1064, "cannot be resolved")
	refused(t, w.db, `CREATE TABLE d.u (k INT) PRIMARY KEY(k) PROPERTIES("fast_schema_evolution" = "true")`, 1064, "Unknown properties")
	w.RunAlterJobs()
	w.RunAlterJobs()
	w.exec("SELECT n FROM d.t")
	today := start(t, Config{AlterInterval: time.Hour})
	today.exec("CREATE DATABASE d", `CREATE TABLE d.t (k INT, v INT) PRIMARY KEY(k) PROPERTIES("fast_schema_evolution" = "false")`, "ALTER TABLE d.t ADD COLUMN n INT")
	today.wantAlter("t", "PENDING")
}

func TestSwapAndTruncate(t *testing.T) {
	t.Parallel()
	w := start(t, Config{})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.a (k INT, v INT) PRIMARY KEY(k)", "CREATE TABLE d.b (k INT) PRIMARY KEY(k)", "INSERT INTO d.a VALUES (1, 2)", "ALTER TABLE d.a SWAP WITH b")
	w.expect("SELECT * FROM d.b", "1|2")
	w.expect("SELECT * FROM d.a")
	refused(t, w.db, "ALTER TABLE d.a SWAP WITH nope", 5502, "Unknown table 'd.nope'")
	release := w.Fault(Fault{Op: "publish", Table: "b", Hold: true})
	if got := w.load("d.b", "5\t5\n", "timeout: 1"); got.Status != "Publish Timeout" {
		t.Fatalf("%+v", got)
	}
	w.exec("TRUNCATE TABLE d.b")
	release()
	if err := w.Settle(t.Context(), "d", "b"); err != nil {
		t.Fatal(err)
	}
	w.expect("SELECT * FROM d.b")
	w.exec("INSERT INTO d.b VALUES (6, 6)", "DROP DATABASE d FORCE")
}

func TestCompaction(t *testing.T) {
	t.Parallel()
	clock := newHandClock()
	s := newClockedStore(clock.Now)
	add := func(n int) {
		for range n {
			s.apply(&delta{})
		}
	}
	want := func(n int) {
		t.Helper()
		if got := s.versionCount(); got != n {
			t.Errorf("%d versions, want %d", got, n)
		}
	}
	add(99)
	want(100)
	clock.pass(119 * time.Second)
	add(1)
	want(101)
	clock.pass(time.Second)
	want(1)
	add(10)
	want(11)
	clock.pass(119 * time.Second)
	want(11)
	clock.pass(time.Second)
	want(1)
	clock.pass(time.Hour) // nothing to compact: the pause is long over
	add(4)
	want(1 + 4)
	clock.pass(10 * time.Second)
	want(1)
}
