package emulator

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/go-sql-driver/mysql"
)

// refusedTable is a CREATE TABLE that must be refused.
func refusedTable(definition, message string, codes ...uint16) step {
	return refuses("CREATE TABLE {db}.t "+definition+" {one}", message, append(codes, 1064)...)
}

const syntaxError = "Getting syntax error at line *"

// ddlCases follow FEtest/catalog, FEtest/alter and the SQL tests of DDL.
var ddlCases = []conformanceCase{
	{id: "DC.keys", steps: []step{
		refusedTable("(b INT, a INT) PRIMARY KEY(a)", "*Key columns must be the first few columns of the schema and the order  of the key columns must be consistent with the order of the schema*"),
		refusedTable("(a INT) PRIMARY KEY(x)", "*Key column(x) doesn't exist.*"), refusedTable("(a DECIMAL(5,2)) PRIMARY KEY(a)", "*primary key column[a] type not supported: *"),
		refusedTable("(a CHAR(5)) PRIMARY KEY(a)", "*primary key column[a] type not supported: *"), refusedTable("(a INT NULL) PRIMARY KEY(a)", "*primary key column[a] cannot be nullable*"),
	}},
	{id: "DC.distribution", steps: []step{
		refusedTable("(a INT, b INT) PRIMARY KEY(a) DISTRIBUTED BY HASH(b)", "*Distribution column[b] is not key column*"), refusedTable("(a INT) PRIMARY KEY(a) DISTRIBUTED BY RANDOM", "*PRIMARY KEY cannot use random distribution*"),
	}},
	{id: "DC.replication", private: "one backend", config: Config{DefaultReplication: 3}, steps: []step{
		refuses("CREATE TABLE t (a INT) PRIMARY KEY(a)", "*Table replication num should be less than of equal to the number of available BE nodes.*", 1064), withTable("a INT"),
	}},
	{id: "DC.limits", steps: []step{
		refusedTable("(a INT, b VARCHAR(1048577)) PRIMARY KEY(a)", "*Varchar size must be <= 1048576: 1048577*"), refusedTable("(a INT, b CHAR(256)) PRIMARY KEY(a)", "*Char size must be <= 255: 256*"),
	}},
	{id: "DC.names", steps: []step{
		refusedTable("(a INT, A INT) PRIMARY KEY(a)", "*Duplicate column name 'A'*", 1060), refusedTable("(a INT, __op INT) PRIMARY KEY(a)", "*Column name '__op' is reserved for primary key table*"),
		refuses("CREATE DATABASE `1d`", "*Incorrect database name*", 1102), refusedTable("(key INT) PRIMARY KEY(key)", syntaxError), runs("CREATE TABLE t (`a``b` INT, 1a INT, 名 INT, date INT) PRIMARY KEY(`a``b`) DISTRIBUTED BY HASH(`a``b`) BUCKETS 1 {one}"),
	}},
	{id: "DC.syntax", steps: []step{
		refusedTable("(a BIGINT UNSIGNED) PRIMARY KEY(a)", syntaxError), refusedTable("(a INT, b DATETIME(6)) PRIMARY KEY(a)", syntaxError), refusedTable("(a INT, b MEDIUMINT) PRIMARY KEY(a)", syntaxError),
		refusedTable("(a INT PRIMARY KEY)", syntaxError), refusedTable("(a INT, PRIMARY KEY(a))", syntaxError), refusedTable("(a INT,) PRIMARY KEY(a)", syntaxError),
		refusedTable("(a INT) COMMENT 'x' PRIMARY KEY(a)", syntaxError), refusedTable("(a INT) PRIMARY KEY a", syntaxError), refusedTable("(a INT) PRIMARY KEY(a) ORDER BY (a) DISTRIBUTED BY HASH(a)", syntaxError),
		refusedTable("(a INT, b INT DEFAULT '1' NOT NULL) PRIMARY KEY(a)", syntaxError), refusedTable("(a INT, b INT COMMENT 'x' DEFAULT '1') PRIMARY KEY(a)", syntaxError),
	}},
	{id: "DC.exists", steps: []step{
		withTable(twoInts), refuses("CREATE TABLE t (a INT) PRIMARY KEY(a) {one}", "*Table 't' already exists*", 1050), runs("CREATE TABLE IF NOT EXISTS t (a INT) PRIMARY KEY(a) {one}"),
		refuses("CREATE DATABASE {db}", "Can't create database '{db}'; database exists*", 1007), refuses("DROP DATABASE sf_no_such_db", "Can't drop database 'sf_no_such_db'; database doesn't exist*", 1008),
		refuses("DROP TABLE nope", "*Unknown table '{db}.nope'*", 5502, 1051), refuses("USE sf_no_such_db", "*Unknown database 'sf_no_such_db'*", 5501, 1049),
	}},
	{id: "SQ.create_table_with_time", steps: []step{refusedTable("(a INT, b TIME) PRIMARY KEY(a)", "*Type:TIME of column:b does not support*")}},
	{id: "SQ.default_value", steps: []step{
		refusedTable("(a INT, b INT DEFAULT 'x') PRIMARY KEY(a)", "*Invalid default value for 'b'*"), refusedTable("(a INT, b INT NOT NULL DEFAULT NULL) PRIMARY KEY(a)", "*Invalid default value for 'b'*"),
		refusedTable("(a INT, b VARCHAR(2) DEFAULT 'abc') PRIMARY KEY(a)", "*Default value is too long: abc*"), withTable(`k INT, n INT DEFAULT "5", s STRING NOT NULL DEFAULT "x", ts DATETIME DEFAULT CURRENT_TIMESTAMP`),
		loads("t", "1\n", "columns: k").succeeds(), selects("SELECT k, n, s, ts IS NULL FROM t", "1|5|x|0"),
	}},
	{id: "DA.add", steps: []step{
		withTable("k0 INT, v0 INT"), runs("ALTER TABLE t ADD COLUMN v1 INT, ADD COLUMN v2 INT AFTER v0", "ALTER TABLE t ADD COLUMN (v3 INT, v4 DATE)"), selects("DESC t", "k0|*", "v0|*", "v2|*", "v1|*", "v3|*", "v4|*"),
		refuses("ALTER TABLE t ADD COLUMN V0 INT", "*Can not add column which already exists in base table: *0*", 1064), refuses("ALTER TABLE t ADD COLUMN n INT AFTER x", "*Column[x] does not found*", 1064),
		refuses("ALTER TABLE t ADD COLUMN n INT KEY", "*Can not add key column: n for primary key table*", 1064), refuses("ALTER TABLE t ADD COLUMN n INT NOT NULL", "*Field 'n' is not null but doesn't have a default value*", 1064),
		refuses("ALTER TABLE t ADD COLUMN n INT FIRST", "*Invalid column order*", 1064), refuses("ALTER TABLE t ADD COLUMN n TIME", "*Unsupported data type: TIME*", 1064),
	}},
	{id: "DA.drop", steps: []step{
		withTable("k0 INT, v0 INT"), refuses("ALTER TABLE t DROP COLUMN v100", "*Column does not exists: v100*", 1064), refuses("ALTER TABLE t DROP COLUMN k0", "*Can not drop key column in primary data model table*", 1064),
		runs("ALTER TABLE t ADD COLUMN v1 INT", "ALTER TABLE t DROP COLUMN v0"), selects("DESC t", "k0|*", "v1|*"),
	}},
	{id: "DA.clauses", steps: []step{
		withTable("k0 INT, v0 INT"), refuses("ALTER TABLE t ADD COLUMN n INT, RENAME u", "*conflicts with operation*", 1064), refuses(`ALTER TABLE t ADD COLUMN n INT PROPERTIES("timeout"="1"), ADD COLUMN m INT`, "*reduplicated PROPERTIES*", 1064),
		refuses("ALTER TABLE t ADD COLUMN n INT, ADD COLUMN n INT", "*Repeatedly add same column with different definition: n*", 1064), refuses("ALTER TABLE t ADD COLUMN IF NOT EXISTS n INT", syntaxError, 1064), refuses("ALTER TABLE t ADD n INT", syntaxError, 1064),
		selects("DESC t", "k0|*", "v0|*"),
	}},
	{id: "DA.show-alter", steps: []step{
		withTable("k0 INT, v0 INT"), runs("ALTER TABLE t ADD COLUMN v1 INT"), selects("SHOW ALTER TABLE COLUMN FROM `{db}` WHERE TableName = 't' ORDER BY JobId DESC LIMIT 1", "*|t|*|FINISHED|*"),
	}},
	{id: "SQ.column_rename", steps: []step{
		withTable("k0 INT, v0 INT, v1 INT"), loads("t", "1\t2\t3\n").succeeds(), runs("ALTER TABLE t RENAME COLUMN v1 TO v2"), selects("SELECT k0, v0, v2 FROM t", "1|2|3"),
		refuses("ALTER TABLE t RENAME COLUMN v0 TO v2", "*Duplicate column name 'v2'*", 1060), refuses("ALTER TABLE t RENAME COLUMN x TO y", "*Unknown column 'x' in 't'*", 5509, 1054),
		refuses("ALTER TABLE t ADD COLUMN v1 INT", "*Can not add column which already exists in column id: *", 1064),
	}},
	{id: "SQ.truncate", steps: []step{withTable(twoInts), loads("t", "1\t1\n").succeeds(), runs("TRUNCATE TABLE t"), selects("SELECT * FROM t"), loads("t", "2\t2\n").succeeds(), selects("SELECT * FROM t", "2|2")}},
	{id: "SQ.create_table_like", steps: []step{
		runs(`CREATE TABLE t (k INT NOT NULL, s VARCHAR(20) NULL DEFAULT "x" COMMENT "c") PRIMARY KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2 {one}`, "INSERT INTO t VALUES (1, 'a')", "CREATE TABLE u LIKE t", "CREATE TABLE {db}.v LIKE {db}.t"),
		selects("SELECT * FROM u"), loads("u", "2\tb\n").succeeds(), selects("SELECT * FROM u", "2|b"), selects("SELECT * FROM t", "1|a"), selects("SHOW FULL COLUMNS FROM v", "k|int(11)|*|NO|YES|*", "s|varchar(20)|*|YES|NO|x|*|c"),
		selects("SELECT TABLE_NAME, PRIMARY_KEY FROM information_schema.tables_config WHERE TABLE_SCHEMA='{db}' AND DISTRIBUTE_BUCKET = 2 ORDER BY 1", "t|`k`", "u|`k`", "v|`k`"),
		refuses("CREATE TABLE u LIKE t", "*Table 'u' already exists*", 1050), runs("CREATE TABLE IF NOT EXISTS u LIKE t"), refuses("CREATE TABLE w LIKE nope", "*nope*", 5502, 1051, 1064),
	}},
}

// queryCases are what drivers and tools ask over the MySQL protocol.
var queryCases = []conformanceCase{
	{id: "SQ.show_column", steps: []step{
		withTable("k INT, n DECIMAL(10,2), s VARCHAR(20)"), selects("SHOW COLUMNS FROM t", "k|int(11)|NO|YES|NULL|", "n|decimal(10, 2)|YES|NO|NULL|", "s|varchar(20)|YES|NO|NULL|"),
		selects("SHOW FULL COLUMNS FROM t FROM {db} LIKE 'k'", "k|int(11)||NO|YES|NULL|||"), selects("DESC t", "k|int(11)|NO|true|NULL|", "n|decimal(10, 2)|YES|false|NULL|", "s|varchar(20)|YES|false|NULL|"),
	}},
	{id: "SQ.information_schema-column", steps: []step{
		withTable("k BIGINT, n DECIMAL(10,2), b BOOLEAN, l LARGEINT, s STRING"),
		selects("SELECT COLUMN_NAME, ORDINAL_POSITION, COLUMN_KEY, DATA_TYPE, COLUMN_TYPE FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA='{db}' AND TABLE_NAME='t' ORDER BY ORDINAL_POSITION",
			"k|1|PRI|bigint|bigint(20)", "n|2||decimal|decimal(10,2)", "b|3||tinyint|tinyint(1)", "l|4||bigint unsigned|bigint(20) unsigned", "s|5||varchar|varchar(65533)"),
	}},
	{id: "SQ.information_schema-tables", steps: []step{
		withTable(twoInts), selects("SELECT TABLE_CATALOG, TABLE_NAME, TABLE_TYPE, ENGINE FROM information_schema.tables WHERE TABLE_SCHEMA='{db}'", "def|t|BASE TABLE|StarRocks"),
		selects("SELECT TABLE_MODEL, PRIMARY_KEY FROM information_schema.tables_config WHERE TABLE_SCHEMA='{db}'", "PRIMARY_KEYS|`k`"), selects("SELECT SCHEMA_NAME FROM INFORMATION_SCHEMA.SCHEMATA WHERE SCHEMA_NAME='{db}'", "{db}"),
	}},
	{id: "QS.show-create-table", steps: []step{
		runs(`CREATE TABLE t (id INT NOT NULL COMMENT "key", s VARCHAR(20) NULL DEFAULT "x") PRIMARY KEY(id) COMMENT "c" DISTRIBUTED BY HASH(id) BUCKETS 2 {one}`),
		selects("SHOW CREATE TABLE t", "t|CREATE TABLE `t` (\n  `id` int(11) NOT NULL COMMENT \"key\",\n  `s` varchar(20) NULL DEFAULT \"x\" COMMENT \"\"\n) ENGINE=OLAP \nPRIMARY KEY(`id`)\nCOMMENT \"c\"\nDISTRIBUTED BY HASH(`id`) BUCKETS 2 \nPROPERTIES (\n*\"replication_num\" = \"1\"*\n);"),
	}},
	{id: "QS.show-tables", steps: []step{withTable(twoInts), selects("SHOW TABLES FROM {db}", "t"), selects("SHOW FULL TABLES FROM {db}", "t|BASE TABLE"), selects("SHOW DATABASES LIKE '{db}'", "{db}")}},
	{id: "QC.sync", steps: []step{withTable(twoInts), loads("t", "1\t1\n").succeeds(), runs("SYNC"), selects("SELECT * FROM t", "1|1"), refuses("SYNC t", syntaxError, 1064)}},
	{id: "QC.lists", steps: []step{
		withTable("k INT, d DATETIME, l LARGEINT, s VARCHAR(10)"), loads("t", "1\t2020-01-02 03:04:05\t18446744073709551615\ta\n2\t2020-01-02 03:04:05.25\t-1\tA\n3\t\\N\t\\N\t\\N\n").succeeds(),
		selects("SELECT k FROM t WHERE k IN (3, 1, 7) ORDER BY k", "1", "3"), selects("SELECT k FROM t WHERE d IN (CAST('2020-01-02 03:04:05.25' AS DATETIME), CAST('2020-01-02' AS DATETIME))", "2"),
		selects("SELECT k FROM t WHERE l IN (18446744073709551615, 0)", "1"), selects("SELECT k FROM t WHERE s IN ('a', 'b')", "1"), selects("SELECT k FROM t WHERE s NOT IN ('a', 'b')", "2"),
		selects("SELECT k FROM t WHERE s NOT IN ('a', NULL)"), selects("SELECT k FROM t WHERE s IN ('A', NULL)", "2"), selects("SELECT k FROM t WHERE k IN (1, k + 0) ORDER BY k", "1", "2", "3"),
	}},
	{id: "QC.variables", steps: []step{selects("SELECT @@max_allowed_packet > 0, @@tx_isolation", "1|*"), selects("SHOW VARIABLES LIKE 'lower_case_table_names'", "lower_case_table_names|0"), refuses("SET sf_nope = 1", "*Unknown system variable 'sf_nope'*", 1193)}},
	{id: "SQ.preparestatement", steps: []step{
		withTable(twoInts), loads("t", "1\t10\n2\t20\n").succeeds(), preparedRows("SELECT v FROM t WHERE k = ?", 2, "20"), preparedRefused("INSERT INTO t VALUES (?, 1)", 1295),
	}},
	{id: "QP.privileges", steps: []step{
		withTable(twoInts), runs("CREATE USER {db}_p IDENTIFIED BY 'p'"),
		asUser("{db}_p", "p", refuses("SELECT * FROM {db}.t", "*Access denied*", 5203, 1045, 1142, 1227)), asUser("{db}_p", "wrong", refuses("SELECT 1", "Access denied for user '{db}_p'*", 1045)),
		runs("GRANT SELECT ON TABLE t TO {db}_p"), asUser("{db}_p", "p", selects("SELECT * FROM {db}.t")), asUser("{db}_p", "p", refuses("TRUNCATE TABLE {db}.t", "*Access denied*", 5203, 1045, 1142, 1227)), runs("DROP USER {db}_p"),
	}},
}

// preparedRows runs a statement over the binary protocol.
func preparedRows(statement string, argument any, want ...string) step {
	return func(r *caseRun) error {
		got, err := queryRows(r.conn, statement, argument)
		if err == nil && !slices.Equal(got, want) {
			err = fmt.Errorf("%s: got %q, want %q", statement, got, want)
		}
		return err
	}
}

func preparedRefused(statement string, code uint16) step {
	return func(r *caseRun) error {
		_, err := r.conn.Prepare(statement)
		var my *mysql.MySQLError
		if !errors.As(err, &my) || my.Number != code {
			return fmt.Errorf("%s: got %v, want error %d", statement, err, code)
		}
		return nil
	}
}

// asUser runs a step over a connection of somebody else.
func asUser(name, password string, s step) step {
	return func(r *caseRun) error {
		cfg := mysql.NewConfig()
		cfg.User, cfg.Passwd, cfg.Net, cfg.Addr = r.fill(name), password, "tcp", r.query
		connector, err := mysql.NewConnector(cfg)
		if err != nil {
			return err
		}
		other := &caseRun{testCluster: r.testCluster, db: r.db, conn: sql.OpenDB(connector), open: r.open}
		return errors.Join(s(other), other.conn.Close())
	}
}
