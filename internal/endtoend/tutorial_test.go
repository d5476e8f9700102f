package endtoend

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"starferry/internal/testbed"
)

// The tutorial's statements as they are printed there. Only addresses are filled in.

const tutorialCatalogs = `CREATE CATALOG mysql WITH (
  'type'             = 'mysql',
  'hostname'         = '{mysql host}',
  'port'             = '{mysql port}',
  'username'         = 'test',
  'password'         = '123456',
  'default-database' = 'test_cdc'
);
CREATE CATALOG sr WITH (
  'type'     = 'starrocks',
  'endpoint' = '{query}',
  'username' = 'test',
  'password' = '123456',
  'dbname'   = 'test_cdc'
);
`

const tutorialAtLeastOnce = `/* At-least-once semantics */

USE CATALOG sr;

CREATE TABLE IF NOT EXISTS runoob_tbl_sr WITH (
  'starrocks.create.table.properties' = 'engine = olap primary key(runoob_id) distributed by hash(runoob_id) buckets 8',
  'database-name'                     = 'test_cdc',
  'jdbc-url'                          = 'jdbc:mysql://{query}',
  'load-url'                          = '{load}',
  'table-name'                        = 'runoob_tbl_sr',
  'username'                          = 'test',
  'password'                          = '123456',
  'sink.buffer-flush.interval-ms'     = '5000',
  'sink.properties.row_delimiter'     = '\x02',
  'sink.properties.column_separator'  = '\x01'
)
AS TABLE mysql.test_cdc.runoob_tbl
/*+ OPTIONS (
  'connector'     = 'mysql-cdc',
  'hostname'      = '{mysql host}',
  'port'          = '{mysql port}',
  'username'      = 'test',
  'password'      = '123456',
  'database-name' = 'test_cdc',
  'table-name'    = 'runoob_tbl'
) */;
`

const tutorialExactlyOnce = `/* Exactly-once semantics */

SET 'execution.checkpointing.interval' = '1 min';
SET 'execution.checkpointing.mode'     = 'EXACTLY_ONCE';
SET 'execution.checkpointing.timeout'  = '10 min';

USE CATALOG sr;

CREATE TABLE IF NOT EXISTS runoob_tbl WITH (
  'starrocks.create.table.properties' = 'engine = olap primary key(runoob_id) distributed by hash(runoob_id) buckets 8',
  'database-name'                     = 'test_cdc',
  'jdbc-url'                          = 'jdbc:mysql://{query}',
  'load-url'                          = '{load}',
  'table-name'                        = 'runoob_tbl',
  'username'                          = 'test',
  'password'                          = '123456',
  'sink.semantic'                     = 'exactly-once',
  'sink.properties.row_delimiter'     = '\x02',
  'sink.properties.column_separator'  = '\x01'
)
AS TABLE mysql.test_cdc.runoob_tbl
/*+ OPTIONS (
  'connector'     = 'mysql-cdc',
  'hostname'      = '{mysql host}',
  'port'          = '{mysql port}',
  'username'      = 'test',
  'password'      = '123456',
  'database-name' = 'test_cdc',
  'table-name'    = 'runoob_tbl'
) */;
`

const tutorialSimple = `/* Simple mode */

USE CATALOG sr;

CREATE TABLE IF NOT EXISTS runoob_tbl1 WITH (
  'starrocks.create.table.properties' = 'buckets 8',
  'starrocks.create.table.mode'       = 'simple',
  'database-name'                     = 'test_cdc',
  'jdbc-url'                          = 'jdbc:mysql://{query}',
  'load-url'                          = '{load}',
  'table-name'                        = 'runoob_tbl_sr',
  'username'                          = 'test',
  'password'                          = '123456',
  'sink.buffer-flush.interval-ms'     = '5000',
  'sink.properties.row_delimiter'     = '\x02',
  'sink.properties.column_separator'  = '\x01'
)
AS TABLE mysql.test_cdc.runoob_tbl
/*+ OPTIONS (
  'connector'     = 'mysql-cdc',
  'hostname'      = '{mysql host}',
  'port'          = '{mysql port}',
  'username'      = 'test',
  'password'      = '123456',
  'database-name' = 'test_cdc',
  'table-name'    = 'runoob_tbl'
) */;
`

const tutorialTable = "CREATE TABLE IF NOT EXISTS `runoob_tbl` (\n" +
	"  `runoob_id`      INT UNSIGNED AUTO_INCREMENT,\n" +
	"  `runoob_title`   VARCHAR(100) NOT NULL,\n" +
	"  `runoob_author`  VARCHAR(40)  NOT NULL,\n" +
	"  `submission_date` DATE,\n" +
	"  `add_col`        INT DEFAULT NULL,\n" +
	"  PRIMARY KEY (`runoob_id`)\n" +
	") ENGINE=InnoDB DEFAULT CHARSET=utf8"

const tutorialFirstRow = "INSERT INTO test_cdc.`runoob_tbl`\n" +
	"  (`runoob_id`, `runoob_title`, `runoob_author`, `submission_date`, `add_col`)\n" +
	"VALUES (18, 'first', 'tom', '2022-06-22', 3)"

// tutorialWorld is a server of its own, since the tutorial names its database, and
// the tutorial's accounts with the tutorial's one grant in StarRocks.
func tutorialWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		source: testbed.MySQL(t, "--server-id=7"), database: "test_cdc", folder: t.TempDir(), user: "test",
		sourcePassword: "123456", targetPassword: "123456",
	}
	w.openTarget(t)
	if w.double == nil { // a cluster that may hold somebody's tables of that name
		n := worlds.Add(1)
		w.database, w.user = fmt.Sprintf("test_cdc_%s_%d", thisRun, n), fmt.Sprintf("test_%s_%d", thisRun, n)
	}
	w.source.Exec(t, w.renamed("CREATE DATABASE test_cdc", "CREATE USER 'test'@'%' IDENTIFIED BY '123456'", "GRANT ALL ON test_cdc.* TO 'test'@'%'",
		"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'test'@'%'", "USE test_cdc", tutorialTable, tutorialFirstRow)...)
	w.createTarget(t)
	w.target(t, w.renamed("GRANT CREATE TABLE ON DATABASE test_cdc TO 'test'")...)
	return w
}

// renamed has the names of the world in place of the tutorial's: the same ones, but on
// a cluster that is not ours alone.
func (w *world) renamed(texts ...string) []string {
	names := strings.NewReplacer("test_cdc", w.database, "'test'", "'"+w.user+"'")
	for i := range texts {
		texts[i] = names.Replace(texts[i])
	}
	return texts
}

func (w *world) fillIn(script string) string {
	script = strings.NewReplacer("{mysql host}", w.source.Host, "{mysql port}", fmt.Sprint(w.source.Port),
		"{query}", w.queryAddress, "{load}", w.loadAddress).Replace(script)
	return w.renamed(script)[0]
}

// await waits until a table of the target is the wanted one.
func (w *world) await(t *testing.T, table string, want ...string) {
	t.Helper()
	eventually(t, func() string {
		got := w.printed(t, table)
		if slices.Equal(got, want) {
			return ""
		}
		return fmt.Sprintf("%s shows\n%s\nwant\n%s", table, strings.Join(got, "\n"), strings.Join(want, "\n"))
	})
}

var grants = regexp.MustCompile(`(?m)\bGRANT [^;]*`)

// runGrants runs the GRANTs that an error names, and nothing else.
func (w *world) runGrants(t *testing.T, o outcome) {
	t.Helper()
	found := grants.FindAllString(o.err, -1)
	if o.code != 1 || len(found) == 0 {
		t.Fatalf("want exit code 1 and the GRANT that is missing: %s", o)
	}
	w.target(t, found...)
}

const fiveColumns = "runoob_id|runoob_title|runoob_author|submission_date|add_col"

// tutorialSteps are its step 4.
var tutorialSteps = []struct {
	statements []string
	want       []string
}{
	{nil, []string{fiveColumns, "18|first|tom|2022-06-22|3"}},
	{[]string{"INSERT INTO runoob_tbl (`runoob_id`, `runoob_title`, `runoob_author`, `submission_date`, `add_col`)\nVALUES (1, 'second', 'tom2', '2022-06-23', 1)"},
		[]string{fiveColumns, "1|second|tom2|2022-06-23|1", "18|first|tom|2022-06-22|3"}},
	{[]string{"UPDATE runoob_tbl SET runoob_title = 'new' WHERE runoob_id = 18"},
		[]string{fiveColumns, "1|second|tom2|2022-06-23|1", "18|new|tom|2022-06-22|3"}},
	{[]string{"DELETE FROM runoob_tbl WHERE runoob_id = 1"},
		[]string{fiveColumns, "18|new|tom|2022-06-22|3"}},
	{[]string{"ALTER TABLE `runoob_tbl` ADD COLUMN `add_col2` INT",
		"INSERT INTO runoob_tbl (`runoob_id`, `runoob_title`, `runoob_author`, `submission_date`, `add_col`, `add_col2`)\nVALUES (1, 'second', 'tom2', '2022-06-23', 1, 2)"},
		[]string{fiveColumns + "|add_col2", "1|second|tom2|2022-06-23|1|2", "18|new|tom|2022-06-22|3|NULL"}},
}

// TestTutorial runs both scripts that are run today, word for word and at the same
// time, from the one grant of the tutorial to its last table, and starts them again.
func TestTutorial(t *testing.T) {
	t.Parallel()
	w := tutorialWorld(t)
	scripts := map[string]string{
		"runoob_tbl_sr": w.write(t, "at_least_once.sql", w.fillIn(tutorialCatalogs+tutorialAtLeastOnce)),
		"runoob_tbl1":   w.write(t, "simple.sql", w.fillIn(tutorialCatalogs+tutorialSimple)),
	}
	w.sourcePassword, w.targetPassword = "'123456'", "'123456'" // as the scripts print it: six digits may be part of a position
	programs := map[string]*testbed.Program{}
	for table, script := range scripts {
		if o := w.starferry(t, "lint", script); o.code != 0 || strings.Contains(o.out+o.err, "error[") {
			t.Errorf("lint: %s", o)
		}
		w.runGrants(t, w.starferry(t, "run", "--until-caught-up", script))
		programs[table] = w.start(t, script)
	}
	for _, step := range tutorialSteps {
		if step.statements != nil {
			w.exec(t, step.statements...)
		}
		began := time.Now()
		for table := range scripts {
			w.await(t, table, step.want...)
		}
		t.Logf("%.40q is in both tables after %v", step.statements, time.Since(began).Round(100*time.Millisecond))
	}
	for table, p := range programs {
		w.stop(t, p)
		if n := summary(t, p.Output()); n["copied"] != 1 || n["inserted"] != 2 || n["updated"] != 1 || n["deleted"] != 1 || n["schema-changes"] != 1 {
			t.Errorf("summary of %s: %v\n%s", table, n, p.Output())
		}
	}
	for table := range programs {
		w.exec(t, "REPLACE INTO runoob_tbl VALUES (2, 'third', 'tim', NULL, NULL, NULL)")
		o := w.catchUp(t, scripts[table])
		if n := summary(t, o.out); n["copied"] != 0 {
			t.Errorf("the second run of %s has copied again: %s", table, o)
		}
		w.compare(t, "runoob_tbl", table)
	}
}

// TestTutorialExplained looks at what explain says of the simple script.
func TestTutorialExplained(t *testing.T) {
	t.Parallel()
	w := tutorialWorld(t)
	script := w.write(t, "simple.sql", w.fillIn(tutorialCatalogs+tutorialSimple))
	o := w.starferry(t, "explain", script)
	if o.code != 0 {
		t.Fatal(o)
	}
	for _, want := range w.renamed(
		"test_cdc.runoob_tbl -> test_cdc.runoob_tbl1", "int unsigned", "BIGINT NOT NULL", "VARCHAR(300) NOT NULL", "VARCHAR(120) NOT NULL", "DATE",
		"`runoob_id`", "BUCKETS 8", "gtid", "at-least-once", "sink.buffer-flush.interval-ms", "CREATE TABLE",
	) {
		if !strings.Contains(strings.ToLower(o.out), strings.ToLower(want)) {
			t.Errorf("explain does not say %q", want)
		}
	}
	if t.Failed() {
		t.Log(o)
	}
	if w.hasTargetTable(t, "runoob_tbl1") {
		t.Error("explain has created the table")
	}
}

// TestTutorialExactlyOnce explains and runs the exactly-once script.
func TestTutorialExactlyOnce(t *testing.T) {
	t.Parallel()
	w := tutorialWorld(t)
	script := w.write(t, "exactly.sql", w.fillIn(tutorialCatalogs+tutorialExactlyOnce))
	if o := w.starferry(t, "lint", script); o.code != 0 || strings.Contains(o.out+o.err, "error[") {
		t.Fatal(o)
	}
	o := w.starferry(t, "explain", script)
	for _, want := range []string{"exactly-once", "two-phase", "every 1m;", "nothing is lost or doubled", "within 24h", "at most 80 transactions"} {
		if o.code != 0 || !strings.Contains(o.out, want) {
			t.Errorf("explain does not say %q: %s", want, o)
		}
	}
	w.runGrants(t, w.starferry(t, "run", "--until-caught-up", script))
	w.catchUp(t, script)
	w.compare(t, "runoob_tbl", "runoob_tbl")
}
