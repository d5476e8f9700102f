package emulator

import (
	"os"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

func TestCreateTable(t *testing.T) {
	t.Parallel()
	w := start(t, Config{DefaultReplication: 3})
	w.exec("CREATE DATABASE d", "USE d")
	one := ` PROPERTIES("replication_num"="1")`
	for _, c := range []struct {
		statement string
		code      uint16
		part      string
	}{
		{"CREATE TABLE d.t (a INT) PRIMARY KEY(a)", 1064, "Table replication num should be less than of equal to the number of available BE nodes"},
		{"CREATE TABLE d.t (a BIGINT UNSIGNED) PRIMARY KEY(a)" + one, 1064, "Getting syntax error at line 1, column 27. Detail message: Unexpected input 'UNSIGNED'"},
		{"CREATE TABLE d.t (a INT, b DATETIME(6)) PRIMARY KEY(a)" + one, 1064, "Getting syntax error"},
		{"CREATE TABLE d.t (a INT, b MEDIUMINT) PRIMARY KEY(a)" + one, 1064, "Getting syntax error"},
		{"CREATE TABLE d.t (a INT PRIMARY KEY, b INT)" + one, 1064, "Getting syntax error"},
		{"CREATE TABLE d.t (a INT, PRIMARY KEY(a))" + one, 1064, "Getting syntax error"},
		{"CREATE TABLE d.t (a INT,) PRIMARY KEY(a)" + one, 1064, "Getting syntax error"},
		{"CREATE TABLE d.t (a INT, b INT DEFAULT '1' NOT NULL) PRIMARY KEY(a)" + one, 1064, "Getting syntax error"},
		{"CREATE TABLE d.t (a INT, b INT COMMENT 'x' DEFAULT '1') PRIMARY KEY(a)" + one, 1064, "Getting syntax error"},
		{"CREATE TABLE d.t (a INT) COMMENT 'x' PRIMARY KEY(a)" + one, 1064, "Getting syntax error"},
		{"CREATE TABLE d.t (a INT) PRIMARY KEY a" + one, 1064, "Getting syntax error"},
		{"CREATE TABLE d.t (a INT) PRIMARY KEY(a) DISTRIBUTED BY HASH(a) BUCKETS AUTO" + one, 1064, "Getting syntax error"},
		{"CREATE TABLE d.t (a INT) PRIMARY KEY(a) ORDER BY (a) DISTRIBUTED BY HASH(a)" + one, 1064, "Getting syntax error"},
		{"CREATE TABLE d.t (key INT) PRIMARY KEY(key)" + one, 1064, "Getting syntax error"},
		{"CREATE TABLE d.t (a INT, b INT DEFAULT 5) PRIMARY KEY(a)" + one, 1064, "Invalid default value for 'b': Unsupported expr 5 for default value."},
		{"CREATE TABLE d.t (a INT, b INT DEFAULT 'x') PRIMARY KEY(a)" + one, 1064, "Invalid default value for 'b'"},
		{"CREATE TABLE d.t (a INT, b INT NOT NULL DEFAULT NULL) PRIMARY KEY(a)" + one, 1064, "Invalid default value for 'b'"},
		{"CREATE TABLE d.t (a INT, b VARCHAR(2) DEFAULT 'abc') PRIMARY KEY(a)" + one, 1064, "Default value is too long: abc"},
		{"CREATE TABLE d.t (b INT, a INT) PRIMARY KEY(a)" + one, 1064, "Key columns must be the first few columns of the schema and the order  of the key columns must be consistent with the order of the schema."},
		{"CREATE TABLE d.t (a INT) PRIMARY KEY(x)" + one, 1064, "Key column(x) doesn't exist."},
		{"CREATE TABLE d.t (a DECIMAL(5,2)) PRIMARY KEY(a)" + one, 1064, "primary key column[a] type not supported: "},
		{"CREATE TABLE d.t (a CHAR(5)) PRIMARY KEY(a)" + one, 1064, "primary key column[a] type not supported: "},
		{"CREATE TABLE d.t (a INT NULL) PRIMARY KEY(a)" + one, 1064, "primary key column[a] cannot be nullable"},
		{"CREATE TABLE d.t (a INT, b TIME) PRIMARY KEY(a)" + one, 1064, "Type:TIME of column:b does not support."},
		{"CREATE TABLE d.t (a INT, b VARCHAR(1048577)) PRIMARY KEY(a)" + one, 1064, "Varchar size must be <= 1048576: 1048577"},
		{"CREATE TABLE d.t (a INT, b CHAR(256)) PRIMARY KEY(a)" + one, 1064, "Char size must be <= 255: 256"},
		{"CREATE TABLE d.t (a INT, b DECIMAL(39,2)) PRIMARY KEY(a)" + one, 1064, "precision"},
		{"CREATE TABLE d.t (a INT, A INT) PRIMARY KEY(a)" + one, 1060, "Duplicate column name 'A'"},
		{"CREATE TABLE d.t (a INT, __op INT) PRIMARY KEY(a)" + one, 1064, "Column name '__op' is reserved for primary key table"},
		{"CREATE TABLE d.t (a INT) PRIMARY KEY(a) DISTRIBUTED BY RANDOM" + one, 1064, "PRIMARY KEY cannot use random distribution"},
		{"CREATE TABLE d.t (a INT, b INT) PRIMARY KEY(a) DISTRIBUTED BY HASH(b)" + one, 1064, "Distribution column[b] is not key column"},
		{"CREATE TABLE d.t (a INT, b TINYINT DEFAULT \"128\") PRIMARY KEY(a)" + one, 1064, "Invalid default value for 'b': Number out of range[128]. type: TINYINT"},
		{"CREATE TABLE d.t (a INT, b INT DEFAULT \"x\") PRIMARY KEY(a)" + one, 1064, "Invalid default value for 'b': Invalid number format: x"},
		{"CREATE TABLE d.t (a INT) ENGINE=InnoDB PRIMARY KEY(a)" + one, 1286, "Unknown storage engine 'innodb'"},
		{`CREATE TABLE d.t (a INT) PRIMARY KEY(a) PROPERTIES("nope"="1")`, 1064, "Unknown properties"},
		{"CREATE TABLE no.t (a INT) PRIMARY KEY(a)" + one, 5501, "Unknown database 'no'"},
		{"CREATE TABLE d.t (a INT, b ARRAY<INT>) PRIMARY KEY(a)" + one, 1064, "not implemented by the embedded server"},
		{"CREATE DATABASE d", 1007, "Can't create database 'd'; database exists"},
		{"DROP DATABASE no", 1008, "Can't drop database 'no'; database doesn't exist"},
		{"CREATE DATABASE `1d`", 1102, "Incorrect database name"},
		{"DROP TABLE d.no", 5502, "Unknown table 'd.no'"},
		{"SELECT 1 FROM t WHERE", 1064, "Getting syntax error"},
	} {
		refused(t, w.db, c.statement, c.code, c.part)
	}
	w.exec("CREATE TABLE d.t (`a``b` INT(11), 1a VARCHAR(20) NOT NULL DEFAULT \"x\\\"y\" COMMENT 'it''s', 名 DECIMAL(10,2), ts DATETIME DEFAULT CURRENT_TIMESTAMP, j JSON) ENGINE=olap PRIMARY KEY(`a``b`) COMMENT 'c' DISTRIBUTED BY HASH(`a``b`) BUCKETS 8" + one)
	refused(t, w.db, "CREATE TABLE d.t (a INT) PRIMARY KEY(a)"+one, 1050, "Table 't' already exists.")
	w.exec("CREATE TABLE IF NOT EXISTS d.t (a INT) PRIMARY KEY(a)" + one)
	got := w.rows("SHOW CREATE TABLE d.t")[0]
	want := "t|CREATE TABLE `t` (\n  `a``b` int(11) NOT NULL COMMENT \"\",\n  `1a` varchar(20) NOT NULL DEFAULT \"x\\\"y\" COMMENT \"it's\",\n  `名` decimal(10, 2) NULL COMMENT \"\",\n" +
		"  `ts` datetime NULL DEFAULT CURRENT_TIMESTAMP COMMENT \"\",\n  `j` json NULL COMMENT \"\"\n) ENGINE=OLAP \nPRIMARY KEY(`a``b`)\nCOMMENT \"c\"\nDISTRIBUTED BY HASH(`a``b`) BUCKETS 8 \n" +
		"PROPERTIES (\n\"compression\" = \"LZ4\",\n\"enable_persistent_index\" = \"true\",\n\"fast_schema_evolution\" = \"true\",\n\"replicated_storage\" = \"true\",\n\"replication_num\" = \"1\"\n);"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// What SHOW CREATE TABLE prints can be run again.
	w.exec("CREATE TABLE d.t2 "+strings.TrimPrefix(got, "t|CREATE TABLE `t` "), "DROP TABLE d.t2", "DROP TABLE IF EXISTS d.t2")
}

func TestAlterTable(t *testing.T) {
	t.Parallel()
	w := start(t, Config{})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (k0 INT, v0 INT) PRIMARY KEY(k0)")
	w.loaded("d.t", "1\t1\n")
	w.exec("ALTER TABLE d.t ADD COLUMN v1 INT, ADD COLUMN v2 VARCHAR(5) NOT NULL DEFAULT \"dd\" AFTER v0", "ALTER TABLE d.t ADD COLUMN (v3 INT DEFAULT \"3\", v4 DATE) PROPERTIES(\"timeout\"=\"1800\")")
	w.expect("SELECT * FROM d.t", "1|1|dd|NULL|3|NULL")
	w.loaded("d.t", "2\t2\tx\t9\t4\t2024-01-01\n")
	w.expect("SELECT * FROM d.t ORDER BY k0", "1|1|dd|NULL|3|NULL", "2|2|x|9|4|2024-01-01")
	w.expect("SELECT * FROM d.t WHERE v3 = 3", "1|1|dd|NULL|3|NULL")
	for _, c := range []struct {
		clause string
		code   uint16
		part   string
	}{
		{"ADD COLUMN V0 INT", 1064, "Can not add column which already exists in base table: V0."},
		{"ADD COLUMN n INT, ADD COLUMN n INT", 1064, "Repeatedly add same column with different definition: n"},
		{"ADD COLUMN n INT NOT NULL", 1064, "Field 'n' is not null but doesn't have a default value"},
		{"ADD COLUMN n INT KEY", 1064, "Can not add key column: n for primary key table"},
		{"ADD COLUMN n INT AFTER x", 1064, "Column[x] does not found"},
		{"ADD COLUMN n INT FIRST", 1064, "Invalid column order. value should be after key"},
		{"ADD COLUMN n TIME", 1064, "Unsupported data type: TIME"},
		{"ADD COLUMN n VARCHAR(36) DEFAULT (uuid())", 1064, "unsupported default expr:uuid()"},
		{"ADD COLUMN IF NOT EXISTS n INT", 1064, "Getting syntax error"},
		{"ADD n INT", 1064, "Getting syntax error"},
		{"ADD COLUMN n INT PROPERTIES(\"timeout\"=\"1\"), ADD COLUMN m INT", 1064, "reduplicated PROPERTIES"},
		{"ADD COLUMN n INT, RENAME u", 1064, "conflicts with operation"},
		{"DROP COLUMN v100", 1064, "Column does not exists: v100"},
		{"DROP COLUMN k0", 1064, "Can not drop key column in primary data model table"},
		{"RENAME COLUMN v0 TO v1", 1060, "Duplicate column name 'v1'"},
		{"RENAME COLUMN x TO y", 5509, "Unknown column 'x' in 't'"},
	} {
		refused(t, w.db, "ALTER TABLE d.t "+c.clause, c.code, c.part)
	}
	w.exec("ALTER TABLE d.t DROP COLUMN v0", "ALTER TABLE d.t ADD COLUMN v0 INT DEFAULT \"7\"")
	w.expect("SELECT k0, v0 FROM d.t ORDER BY 1", "1|7", "2|7")
	w.exec("ALTER TABLE d.t RENAME COLUMN v4 TO v5", "ALTER TABLE d.t COMMENT = 'new'")
	refused(t, w.db, "ALTER TABLE d.t ADD COLUMN v4 INT", 1064, "already exists in column id")
	w.expect("SELECT v5 FROM d.t ORDER BY k0", "NULL", "2024-01-01")
	w.exec("ALTER TABLE d.t RENAME u")
	w.expect("SELECT count(*) FROM d.u", "2")
	if got := w.rows("SHOW ALTER TABLE COLUMN FROM `d` WHERE TableName = 't' ORDER BY JobId DESC LIMIT 1"); len(got) != 1 || !strings.Contains(got[0], "|FINISHED|") {
		t.Error(got)
	}
	w.exec("TRUNCATE TABLE d.u")
	w.expect("SELECT count(*) FROM d.u", "0")
}

func TestPrivileges(t *testing.T) {
	t.Parallel()
	w := start(t, Config{})
	w.exec("CREATE DATABASE test_cdc", "CREATE USER 'test' IDENTIFIED BY '123456'")
	u := open(t, w.Server, "test", "123456", "")
	create := "CREATE TABLE test_cdc.t (id INT, v INT) PRIMARY KEY(id)"
	refused(t, u, create, 5203, "Access denied; you need (at least one of) the CREATE TABLE privilege(s) on DATABASE test_cdc for this operation.")
	refused(t, u, "USE test_cdc", 5203, "on DATABASE test_cdc")
	refused(t, u, "CREATE USER x", 5203, "GRANT privilege(s) on SYSTEM")
	refused(t, u, "GRANT SELECT ON ALL TABLES IN ALL DATABASES TO test", 5203, "GRANT")
	refused(t, u, "CREATE DATABASE x", 5203, "CREATE DATABASE privilege(s) on CATALOG default_catalog")
	refused(t, u, "SHOW BACKENDS", 5203, "OPERATE")
	refused(t, u, "SHOW GRANTS FOR root", 5203, "GRANT")
	w.exec("GRANT CREATE TABLE ON DATABASE test_cdc TO test")
	if _, err := u.Exec(create); err != nil {
		t.Fatal(err)
	}
	// The creator has no privilege on what it created.
	refused(t, u, "SELECT * FROM test_cdc.t", 5203, "SELECT privilege(s) on TABLE t")
	refused(t, u, "DESC test_cdc.t", 5203, "ANY privilege(s) on TABLE t")
	refused(t, u, "ALTER TABLE test_cdc.t ADD COLUMN w INT", 5203, "ALTER privilege(s) on TABLE t")
	refused(t, u, "DROP TABLE test_cdc.t", 5203, "DROP privilege(s) on TABLE t")
	refused(t, u, "TRUNCATE TABLE test_cdc.t", 5203, "DELETE privilege(s) on TABLE t")
	refused(t, u, "INSERT INTO test_cdc.t VALUES (1,1)", 5203, "INSERT privilege(s) on TABLE t")
	if got, err := queryRows(u, "SELECT TABLE_NAME FROM information_schema.tables WHERE TABLE_SCHEMA='test_cdc'"); err != nil || len(got) != 0 {
		t.Error(got, err)
	}
	w.exec("GRANT SELECT, INSERT, ALTER ON TABLE test_cdc.t TO USER 'test'@'%'")
	if r := w.loadAs("test", "123456", "test_cdc.t", "1\t2\n"); r.Status != "Success" {
		t.Error(r.raw)
	}
	if got, err := queryRows(u, "SELECT * FROM test_cdc.t"); err != nil || got[0] != "1|2" {
		t.Error(got, err)
	}
	if got, err := queryRows(u, "SHOW GRANTS"); err != nil || strings.Join(got, "\n") != "'test'@'%'|default_catalog|GRANT CREATE TABLE ON DATABASE test_cdc TO USER 'test'@'%'\n'test'@'%'|default_catalog|GRANT SELECT, INSERT, ALTER ON TABLE test_cdc.t TO USER 'test'@'%'" {
		t.Error(got, err)
	}
	if got, err := queryRows(u, "SHOW DATABASES"); err != nil || strings.Join(got, " ") != "information_schema test_cdc" {
		t.Error(got, err)
	}
	// A table created again is another object.
	w.exec("DROP TABLE test_cdc.t", create)
	refused(t, u, "SELECT * FROM test_cdc.t", 5203, "SELECT")
	w.exec("GRANT SELECT ON test_cdc.* TO test")
	if _, err := queryRows(u, "SELECT * FROM test_cdc.t"); err != nil {
		t.Error(err)
	}
	w.exec("REVOKE SELECT ON ALL TABLES IN DATABASE test_cdc FROM USER test")
	refused(t, u, "SELECT * FROM test_cdc.t", 5203, "SELECT")
	refused(t, w.db, "GRANT SELECT ON TABLE test_cdc.no TO test", 1064, "cannot find table no")
	refused(t, w.db, "GRANT SELECT ON test_cdc.* TO nobody", 1064, "cannot find user 'nobody'@'%'")
	refused(t, w.db, "GRANT INSERT ON DATABASE test_cdc TO test", 1064, "cannot find privilege INSERT")
	bad := open(t, w.Server, "test", "wrong", "")
	refused(t, bad, "SELECT 1", 1045, "Access denied for user 'test' (using password: YES)")
	w.exec("SET PASSWORD FOR 'test' = PASSWORD('wrong')")
	if _, err := queryRows(bad, "SELECT 1"); err != nil {
		t.Error(err)
	}
	w.exec("DROP USER test")
	refused(t, open(t, w.Server, "test", "wrong", ""), "SELECT 1", 1045, "Access denied for user 'test'")
}

func TestSelect(t *testing.T) {
	t.Parallel()
	w := start(t, Config{})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (id BIGINT, name VARCHAR(20), n DECIMAL(10,2), day DATE, f DOUBLE) PRIMARY KEY(id)",
		"INSERT INTO d.t VALUES (1,'a',1.5,'2024-01-01',0.5),(2,'b',-2,'2024-01-02',NULL),(3,NULL,10,NULL,1e10),(4,'a%',0,'2023-12-31',2)")
	w.db.SetMaxOpenConns(1)
	w.exec("USE d")
	for _, c := range []struct{ q, want string }{
		{"SELECT count(*), count(name), count(DISTINCT name), sum(n), min(day), max(f), sum(id), avg(id) FROM t", "4|3|3|9.50|2023-12-31|1e+10|10|2.5"},
		{"SELECT id FROM t WHERE id = 2", "2"},
		{"SELECT t.id AS x FROM d.t t WHERE x.id IS NULL", "!Column 'x.id' cannot be resolved"},
		{"SELECT t.id AS x FROM d.t AS t WHERE NOT (t.id > 1 OR name IS NULL) ORDER BY x", "1"},
		{"SELECT id FROM t WHERE name LIKE 'a%' ORDER BY id DESC", "4 1"},
		{"SELECT id FROM t WHERE name LIKE 'a\\%'", "4"},
		{"SELECT id FROM t WHERE id IN (1, 3, 9) AND day IS NOT NULL", "1"},
		{"SELECT id FROM t WHERE id NOT IN (1, NULL)", ""},
		{"SELECT id FROM t WHERE n BETWEEN -2 AND 1.5 ORDER BY n", "2 4 1"},
		{"SELECT id FROM t WHERE day >= '2024-01-01' ORDER BY 1 LIMIT 1 OFFSET 1", "2"},
		{"SELECT id FROM t WHERE id <> 1 AND id < 4 AND id <= 3 AND id >= 2 AND id != 3", "2"},
		{"SELECT id FROM t ORDER BY name, id LIMIT 1, 2", "1 4"},
		{"SELECT name, count(*) c FROM t GROUP BY name HAVING c > 0 ORDER BY c DESC, name DESC LIMIT 1", "b|1"},
		{"SELECT id % 2, count(*) AS c, sum(n) FROM t GROUP BY id % 2 ORDER BY 1", "0|2|-2.00 1|2|11.50"},
		{"SELECT DISTINCT id DIV 2 FROM t ORDER BY 1", "0 1 2"},
		{"SELECT name FROM t GROUP BY id", "!must be an aggregate expression"},
		{"SELECT 1+1, 7/2, 'it''s', NULL, TRUE, -5, concat('a','b'), ifnull(NULL, 3), upper('x'), hex('a'), 1.10*2", "2|3.5|it's|NULL|1|-5|ab|3|X|61|2.20"},
		{"SELECT CASE WHEN id > 2 THEN 'big' ELSE 'small' END AS s FROM t ORDER BY id", "small small big big"},
		{"SELECT CAST('2024-01-01' AS DATETIME), CAST('x' AS INT), cast(12 as char)", "2024-01-01 00:00:00|NULL|12"},
		{"SELECT @@version_comment LIMIT 1", "StarRocks version 3.5"},
		{"select current_version() as ver", "3.5.0-embedded"},
		{"SELECT @@session.autocommit, @@max_allowed_packet, @@tx_isolation", "1|33554432|READ-COMMITTED"},
		{"SHOW VARIABLES LIKE 'lower_case_table_names'", "lower_case_table_names|0"},
		{"SELECT DATABASE(), CURRENT_USER()", "d|'root'@'%'"},
		{"/* ApplicationName=DBeaver */ SHOW FULL TABLES FROM `d`", "t|BASE TABLE"},
		{"SHOW TABLES LIKE 't%'", "t"},
		{"DESC t", "id|bigint(20)|NO|true|NULL| name|varchar(20)|YES|false|NULL| n|decimal(10, 2)|YES|false|NULL| day|date|YES|false|NULL| f|double|YES|false|NULL|"},
		{"SHOW FULL COLUMNS FROM t FROM d LIKE 'id'", "id|bigint(20)||NO|YES|NULL|||"},
		{"SELECT COLUMN_NAME, ORDINAL_POSITION, COLUMN_KEY, DATA_TYPE, COLUMN_SIZE, DECIMAL_DIGITS FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA='d' AND TABLE_NAME='t' AND COLUMN_NAME IN ('id','n') ORDER BY ORDINAL_POSITION", "id|1|PRI|bigint|19|0 n|3||decimal|10|2"},
		{"SELECT TABLE_MODEL, PRIMARY_KEY FROM information_schema.tables_config WHERE TABLE_NAME='t'", "PRIMARY_KEYS|`id`"},
		{"SELECT SCHEMA_NAME FROM INFORMATION_SCHEMA.SCHEMATA WHERE SCHEMA_NAME='d'", "d"},
		{"SELECT STATE, SINK_ROWS FROM information_schema.loads WHERE DB_NAME='d'", "FINISHED|4"},
		{"SELECT id FROM t JOIN t", "!Not unique table/alias: 't'"},
		{"SELECT nope(1)", "!No matching function"},
		{"SELECT @@nope", "!Unknown system variable 'nope'"},
	} {
		got, err := queryRows(w.db, c.q)
		if part, isErr := strings.CutPrefix(c.want, "!"); isErr {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: got %q %v, want %s", c.q, got, err, part)
			}
			continue
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s\n got %q %v\nwant %q", c.q, strings.Join(got, " "), err, c.want)
		}
	}
	w.exec("DELETE FROM t WHERE name = 'a' OR id = 3", "SET NAMES utf8mb4", "SET autocommit=1, @@session.query_timeout = 10")
	w.expect("SELECT id FROM t ORDER BY id", "2", "4")
	refused(t, w.db, "SET nope = 1", 1193, "Unknown system variable 'nope'")
	refused(t, w.db, "DELETE FROM t", 1064, "where clause")
	refused(t, w.db, "INSERT INTO t (id) VALUES (1, 2)", 5604, "column count")
}

// Rows come in storage order, which is stable and not the order of the key.
func TestStorageOrder(t *testing.T) {
	t.Parallel()
	w := start(t, Config{})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (id INT) PRIMARY KEY(id)")
	var body strings.Builder
	var sorted []string
	for i := range 100 {
		body.WriteString(string(appendPadded(nil, i, 3)) + "\n")
		sorted = append(sorted, strings.TrimLeft(string(appendPadded(nil, i, 3)), "0"))
	}
	sorted[0] = "0"
	w.loaded("d.t", body.String())
	first := strings.Join(w.rows("SELECT * FROM d.t"), " ")
	if again := strings.Join(w.rows("SELECT * FROM d.t"), " "); again != first {
		t.Error("the order is not stable")
	}
	if first == strings.Join(sorted, " ") {
		t.Error("the rows are sorted, as nobody promised")
	}
	w.expect("SELECT * FROM d.t ORDER BY id", sorted...)
	_, rows, err := w.Rows("d", "t")
	if err != nil || len(rows) != 100 || *rows[99][0] != "99" {
		t.Error(len(rows), err)
	}
}

func TestPrepared(t *testing.T) {
	t.Parallel()
	w := start(t, Config{})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (id BIGINT, i INT, s VARCHAR(9), d DECIMAL(9,2), f DOUBLE, t DATETIME, b BOOLEAN) PRIMARY KEY(id)",
		"INSERT INTO d.t VALUES (1, -7, 'x', 1.5, 0.25, '2024-01-02 03:04:05.000006', true), (2, NULL, NULL, NULL, NULL, NULL, NULL)")
	got, err := queryRows(w.db, "SELECT * FROM d.t WHERE id < ? AND (s = ? OR i IS NULL) ORDER BY id", 10, "x")
	// The declared decimals of a DATETIME are 0, so this driver prints no fraction.
	if err != nil || strings.Join(got, "\n") != "1|-7|x|1.50|0.25|2024-01-02 03:04:05|1\n2|NULL|NULL|NULL|NULL|NULL|NULL" {
		t.Error(got, err)
	}
	_, err = w.db.Exec("INSERT INTO d.t (id) VALUES (?)", 5)
	if my, ok := err.(*mysql.MySQLError); !ok || my.Number != 1295 {
		t.Error(err)
	}
	db := open(t, w.Server, "root", "", "interpolateParams=true")
	if _, err := db.Exec("INSERT INTO d.t (id, s) VALUES (?, ?)", 5, "it's"); err != nil {
		t.Error(err)
	}
	if got, err := queryRows(db, "SELECT s FROM d.t WHERE id = ?", 5); err != nil || got[0] != "it's" {
		t.Error(got, err)
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, Config{DataDir: dir})
	w.exec("CREATE DATABASE d", "CREATE TABLE d.t (id INT, v INT) PRIMARY KEY(id)", "CREATE USER u IDENTIFIED BY 'p'", "GRANT INSERT, SELECT ON TABLE d.t TO u", "CREATE TABLE d.dup (a INT)")
	w.loaded("d.t", "1\t1\n2\t2\n", "label:first")
	w.exec("ALTER TABLE d.t ADD COLUMN w INT DEFAULT \"9\"")
	w.loaded("d.t", "3\t3\t3\n1\t1\t1\t\n", "max_filter_ratio:0.5")
	w.exec("DELETE FROM d.t WHERE id = 1", "INSERT INTO d.dup VALUES (1),(1)")
	if _, err := Start(Config{DataDir: dir, QueryAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", BEHTTPAddr: "127.0.0.1:0"}); err == nil || !strings.Contains(err.Error(), "used by another server") {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	// A record cut off by a crash is dropped.
	f, err := os.OpenFile(dir+"/"+journalName, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte{200, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w = start(t, Config{DataDir: dir})
		w.expect("SELECT * FROM d.t ORDER BY id", "2|2|9", "3|3|3")
		w.expect("SELECT * FROM d.dup", "1", "1")
		if r := w.load("d.t", "1\t1\t1\n", "label:first"); r.ExistingJobStatus != "FINISHED" {
			t.Error(r.raw)
		}
		if got, err := queryRows(open(t, w.Server, "u", "p", ""), "SELECT count(*) FROM d.t"); err != nil || got[0] != "2" {
			t.Error(got, err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDiscard(t *testing.T) {
	t.Parallel()
	w := start(t, Config{Discard: true, Keep: []string{"kept"}})
	w.exec("CREATE DATABASE d")
	for table, want := range map[string]string{"t": "0", "kept": "2"} {
		w.exec("CREATE TABLE d." + table + " (id INT) PRIMARY KEY(id)")
		if r := w.load("d."+table, "1\n2\n"); r.NumberLoadedRows != 2 {
			t.Error(r.raw)
		}
		w.expect("SELECT count(*) FROM d."+table, want)
	}
}

// TestDiscardCountsRows: as many as are loaded otherwise, whatever the form.
func TestDiscardCountsRows(t *testing.T) {
	t.Parallel()
	const ddl = "CREATE TABLE d.t (id INT, v VARCHAR(20)) PRIMARY KEY(id)"
	discards, keeps := start(t, Config{Discard: true}), start(t, Config{})
	for _, w := range []*world{discards, keeps} {
		w.exec("CREATE DATABASE d", ddl)
	}
	for i, c := range []struct {
		body    string
		headers []string
	}{
		{"1\ta\n2\tb\n", nil},
		{"1\ta\n2\tb", nil},
		{"1\x01a\x022\x01b\x023\x01c\x02", []string{`column_separator: \x01`, `row_delimiter: \x02`}},
		{"1\ta--2\tb--", []string{"row_delimiter: --"}},
		{"1\t\"a\nb\"\n2\tb\n", []string{`enclose: "`}},
		{"head\n1\ta\n", []string{"skip_header: 1"}},
		{`{"id":1,"v":"a"}`, []string{"format: json"}},
		{"1\ta\n2\tb\n", []string{"where: id > 1"}},
		{strings.Repeat("1\tabcdefghijklm\n", csvChunk/8), nil},
	} {
		got, want := discards.load("d.t", c.body, c.headers...), keeps.load("d.t", c.body, c.headers...)
		if want.Status != "Success" || got.NumberTotalRows != want.NumberTotalRows || got.NumberLoadedRows != want.NumberLoadedRows {
			t.Errorf("case %d: %s instead of %s", i, got.raw, want.raw)
		}
	}
	discards.expect("SELECT count(*) FROM d.t", "0")
}
