package mysql

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/testbed"
)

// ddlCase is statements on table t (id INT PRIMARY KEY, a INT, b VARCHAR(10)) in
// database DB, and what the stream must say of them.
type ddlCase struct {
	name  string
	only  testbed.Flavor
	both  bool
	mixes bool
	run   string
	want  string
	again string // in place of want where what is taken back is read again
	fails diag.Code
}

var ddlCases = []ddlCase{
	{name: "columns come, go and move", both: true, run: `
		INSERT INTO t VALUES (1, 10, 'x');
		ALTER TABLE t ADD COLUMN c BIGINT NOT NULL DEFAULT 7 AFTER id, ADD d VARCHAR(5);
		INSERT INTO t VALUES (2, 20, 200, 'y', 'z');
		ALTER TABLE t DROP COLUMN a;
		UPDATE t SET b = 'w' WHERE id = 2;
		ALTER TABLE t RENAME COLUMN d TO e;
		DELETE FROM t WHERE id = 1;
		ALTER TABLE t MODIFY COLUMN e VARCHAR(50) FIRST, CHANGE COLUMN c cc BIGINT UNSIGNED NOT NULL;
		INSERT INTO t (id, cc, e) VALUES (3, 18446744073709551615, 'last')`,
		want: `insert t 1|10|x; commit; altered t 2 (id,c,a,b,d); insert t 2|20|200|y|z; commit;
		altered t 3 (id,c,b,d); update t 2|20|y|z to 2|20|w|z; commit;
		altered t 4 (id,c,b,e); delete t 1|7|x|NULL; commit;
		altered t 5 (e,id,cc,b); insert t last|3|18446744073709551615|NULL; commit`},
	{name: "columns of one type change places", both: true, run: `
		ALTER TABLE t ADD COLUMN c INT; INSERT INTO t VALUES (1, 10, 'x', 20);
		ALTER TABLE t RENAME COLUMN a TO c, RENAME COLUMN c TO a; INSERT INTO t (id, a, c) VALUES (2, 11, 22);
		ALTER TABLE t MODIFY COLUMN a INT AFTER id; INSERT INTO t (id, a, c) VALUES (3, 111, 222)`,
		want: `altered t 2 (id,a,b,c); insert t 1|10|x|20; commit;
		altered t 3 (id,c,b,a); insert t 2|22|NULL|11; commit;
		altered t 4 (id,a,c,b); insert t 3|111|222|NULL; commit`},
	{name: "indexes are nobody's business", both: true, run: `
		ALTER TABLE t ADD INDEX (a); CREATE INDEX i2 ON t (b); ANALYZE TABLE t; INSERT INTO t VALUES (1, 1, 'x'); DROP INDEX i2 ON t`,
		want: `insert t 1|1|x; commit`},
	{name: "emptied, dropped and made again", both: true, run: `
		INSERT INTO t VALUES (1, 1, 'x'); TRUNCATE TABLE t; DROP TABLE t;
		CREATE TABLE t (k VARCHAR(5) PRIMARY KEY, v INT UNSIGNED);
		INSERT INTO t VALUES ('q', 4294967295)`,
		want: `insert t 1|1|x; commit; truncated t 1 (id,a,b); dropped t 1 (id,a,b); joined t 2 (k,v); insert t q|4294967295; commit`},
	{name: "renamed away and back", both: true, run: `
		RENAME TABLE t TO gone; INSERT INTO gone VALUES (1, 1, 'x'); ALTER TABLE gone RENAME t; INSERT INTO t VALUES (2, 2, 'y')`,
		want: `dropped t 1 (id,a,b); replaced t 2 (id,a,b); insert t 2|2|y; commit`},
	{name: "renamed away and back in one statement", both: true, run: `
		RENAME TABLE t TO gone, gone TO t; INSERT INTO t VALUES (2, 2, 'y')`,
		want: `insert t 2|2|y; commit`},
	{name: "made from the like of another followed table", both: true, run: `
		CREATE TABLE u LIKE t; DROP TABLE t; CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(10)); INSERT INTO t VALUES (1, NULL, NULL)`,
		want: `dropped t 1 (id,a,b); joined t 2 (id,a,b); insert t 1|NULL|NULL; commit`},
	{name: "swapped by a tool", both: true, run: `
		CREATE TABLE t_new LIKE t; ALTER TABLE t_new ADD COLUMN c INT AFTER id, MODIFY b VARCHAR(20); INSERT INTO t_new VALUES (8, 8, 8, 'z');
		RENAME TABLE t TO t_old, t_new TO t; INSERT INTO t VALUES (1, 2, 3, 'x'); DROP TABLE t_old`,
		want: `replaced t 2 (id,c,a,b); insert t 1|2|3|x; commit`},
	{name: "renamed to what it is called", both: true, run: `
		ALTER TABLE t RENAME TO t; ALTER TABLE t RENAME AS t, ADD COLUMN c INT; INSERT INTO t VALUES (1, 2, 'x', 3)`,
		want: `altered t 2 (id,a,b,c); insert t 1|2|x|3; commit`},
	{name: "timestamps by the session's rule", both: true, run: `
		SET SESSION explicit_defaults_for_timestamp = 0; ALTER TABLE t ADD COLUMN c TIMESTAMP; SET SESSION explicit_defaults_for_timestamp = 1; ALTER TABLE t ADD COLUMN d TIMESTAMP`,
		want: `altered t 2 (id,a,b,c); altered t 3 (id,a,b,c,d)`},
	{name: "swapped by two statements", both: true, run: `
		CREATE TABLE t_new (id INT PRIMARY KEY, c INT); RENAME TABLE t TO t_old; RENAME TABLE t_new TO t; INSERT INTO t VALUES (1, 2)`,
		want: `dropped t 1 (id,a,b); replaced t 2 (id,c); insert t 1|2; commit`},
	{name: "swapped for a table that was dropped", both: true, run: `
		CREATE TABLE t_new (id INT PRIMARY KEY, c INT); DROP TABLE t; ALTER TABLE t_new RENAME TO t, ADD COLUMN d INT; INSERT INTO t VALUES (1, 2, 3)`,
		want: `dropped t 1 (id,a,b); replaced t 2 (id,c,d); insert t 1|2|3; commit`},
	{name: "swapped for a table of another database", both: true, run: `
		CREATE DATABASE DB_2; CREATE TABLE DB_2.n (id INT PRIMARY KEY, z INT); RENAME TABLE t TO DB_2.t, DB_2.n TO t; INSERT INTO t VALUES (1, 2); DROP DATABASE DB_2`,
		want: `replaced t 2 (id,z); insert t 1|2; commit`},
	{name: "in the other's place, of a kind that cannot be followed", both: true, run: `
		CREATE TABLE n (id INT); RENAME TABLE t TO o, n TO t; INSERT INTO t VALUES (1)`, fails: codeDDL},
	{name: "made from a query", both: true, run: `
		DROP TABLE t; CREATE TABLE t (PRIMARY KEY (id)) AS SELECT 1 AS id, 'x' AS v`,
		want: `dropped t 1 (id,a,b); joined t 2 (id,v)`},
	{name: "the key is lost", both: true, run: `ALTER TABLE t DROP PRIMARY KEY`, fails: codeDDL},
	{name: "statement instead of rows", both: true, run: `
		INSERT INTO t VALUES (1, 1, 'x'); SET SESSION binlog_format = STATEMENT; UPDATE t SET a = 2 WHERE id = 1; DELETE FROM t WHERE id = 5; DELETE FROM t`,
		want: `insert t 1|1|x; commit; described t 1 (id,a,b); described t 1 (id,a,b); truncated t 1 (id,a,b)`},
	{name: "an XA transaction", both: true, run: `
		XA START 'one'; INSERT INTO t VALUES (1, 1, 'x'); XA END 'one'; XA PREPARE 'one'; XA COMMIT 'one'; INSERT INTO t VALUES (9, 9, 'z')`,
		want: `insert t 1|1|x; commit; insert t 9|9|z; commit`},
	{name: "an XA transaction in one phase", both: true, run: `
		XA START 'uno', 'branch', 7; INSERT INTO t VALUES (1, 1, 'x'); UPDATE t SET a = 2; XA END 'uno', 'branch', 7; XA COMMIT 'uno', 'branch', 7 ONE PHASE`,
		want: `insert t 1|1|x; update t 1|1|x to 1|2|x; commit`},
	{name: "an XA transaction that is undone", both: true, run: `
		XA START 'un'; INSERT INTO t VALUES (1, 1, 'x'); XA END 'un'; XA PREPARE 'un'; XA ROLLBACK 'un'; INSERT INTO t VALUES (2, 2, 'y')`,
		want: `insert t 2|2|y; commit`},
	{name: "an XA transaction without changes", both: true, run: `
		XA START 'nil'; SELECT * FROM t; XA END 'nil'; XA PREPARE 'nil'; XA COMMIT 'nil'; INSERT INTO t VALUES (2, 2, 'y')`,
		want: `insert t 2|2|y; commit`},
	{name: "a compressed XA transaction", only: testbed.MySQLFlavor, run: `
		SET SESSION binlog_transaction_compression = ON; XA START X'00ff', 'b'; INSERT INTO t VALUES (1, 1, 'x'); XA END X'00ff', 'b'; XA PREPARE X'00ff', 'b';
		XA COMMIT X'00ff', 'b'`,
		want: `insert t 1|1|x; commit`},
	{name: "an XA transaction on another table", both: true, run: `
		CREATE TABLE u (id INT PRIMARY KEY);
		XA START 'two'; INSERT INTO u VALUES (1); XA END 'two'; XA PREPARE 'two'; XA COMMIT 'two'; INSERT INTO t VALUES (1, 1, 'x')`,
		want: `insert t 1|1|x; commit`},
	{name: "a partition goes", both: true, run: `
		ALTER TABLE t PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE);
		INSERT INTO t VALUES (1, 1, 'x'); ALTER TABLE t DROP PARTITION p0; ALTER TABLE t TRUNCATE PARTITION p1`,
		want: `insert t 1|1|x; commit; rearranged t 1 (id,a,b); rearranged t 1 (id,a,b)`},
	{name: "a partition is exchanged", both: true, run: `
		ALTER TABLE t PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE);
		CREATE TABLE u (id INT PRIMARY KEY, a INT, b VARCHAR(10)); INSERT INTO u VALUES (2, 2, 'y'); ALTER TABLE t EXCHANGE PARTITION p0 WITH TABLE u`,
		want: `rearranged t 1 (id,a,b)`},
	{name: "temporary tables hide", both: true, run: `
		CREATE TEMPORARY TABLE t (z INT); INSERT INTO t VALUES (1); DROP TEMPORARY TABLE t; INSERT INTO t VALUES (1, 1, 'x')`,
		want: `insert t 1|1|x; commit`},
	{name: "the database goes", both: true, run: `DROP DATABASE DB; CREATE DATABASE DB; USE DB; CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (5)`,
		want: `dropped t 1 (id,a,b); joined t 2 (id); insert t 5; commit`},
	{name: "quotes of ANSI", both: true, run: `
		SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'; ALTER TABLE "t" ADD COLUMN "c""d" VARCHAR(9) DEFAULT 'a\';
		INSERT INTO t (id) VALUES (1)`,
		want: `altered t 2 (id,a,b,c"d); insert t 1|NULL|NULL|a\; commit`},
	{name: "the database's charset is the table's", both: true, run: `
		ALTER DATABASE DB CHARACTER SET latin1; DROP TABLE t; CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(200)); INSERT INTO t VALUES (1, 'é')`,
		want: `dropped t 1 (id,a,b); joined t 2 (id,v); insert t 1|é; commit`},
	{name: "tables without transactions", both: true, run: `
		DROP TABLE t; CREATE TABLE t (id INT PRIMARY KEY) ENGINE=MyISAM; INSERT INTO t VALUES (1), (2)`,
		want: `dropped t 1 (id,a,b); joined t 2 (id); insert t 1; insert t 2; commit`},
	{name: "savepoints", both: true, run: `
		BEGIN; INSERT INTO t VALUES (1, 1, 'x'); SAVEPOINT s; INSERT INTO t VALUES (2, 1, 'x'); ROLLBACK TO s; INSERT INTO t VALUES (3, 1, 'x'); COMMIT`,
		want: `insert t 1|1|x; insert t 3|1|x; commit`},
	{name: "a rollback that is logged", both: true, mixes: true, run: `
		CREATE TABLE m (id INT PRIMARY KEY) ENGINE=MyISAM; BEGIN; INSERT INTO t VALUES (1, 1, 'x'); INSERT INTO m VALUES (1); ROLLBACK;
		INSERT INTO t VALUES (2, 2, 'y')`,
		want: `insert t 2|2|y; commit`},
	{name: "rows of tables without transactions in a transaction that is undone", both: true, mixes: true, run: `
		ALTER TABLE t ENGINE=MyISAM; CREATE TABLE i (id INT PRIMARY KEY); BEGIN; INSERT INTO i VALUES (1); INSERT INTO t VALUES (1, 1, 'x'); UPDATE t SET a = 2; ROLLBACK;
		INSERT INTO t VALUES (2, 2, 'y')`,
		want: `insert t 1|1|x; commit; update t 1|1|x to 1|2|x; commit; insert t 2|2|y; commit`},
	{name: "a rollback with rows", only: testbed.MariaDBFlavor, run: `
		INSERT INTO t VALUES (1, 1, 'x'); BEGIN; INSERT INTO t VALUES (2, 2, 'y'), (3, 3, NULL); UPDATE t SET a = a + 10; UPDATE t SET id = id + 1 ORDER BY id DESC;
		DELETE FROM t WHERE id = 2; CREATE TEMPORARY TABLE tt (id INT); ROLLBACK`,
		want: `insert t 1|1|x; commit;
			insert t 2|2|y; insert t 3|3|NULL; update t 1|1|x to 1|11|x; update t 2|2|y to 2|12|y; update t 3|3|NULL to 3|13|NULL;
			update t 3|13|NULL to 4|13|NULL; update t 2|12|y to 3|12|y; update t 1|11|x to 2|11|x; delete t 2|11|x;
			insert t 2|11|x; update t 2|11|x to 1|11|x; update t 3|12|y to 2|12|y; update t 4|13|NULL to 3|13|NULL;
			update t 3|13|NULL to 3|3|NULL; update t 2|12|y to 2|2|y; update t 1|11|x to 1|1|x; delete t 3|3|NULL; delete t 2|2|y; commit`},
	{name: "back to a savepoint, with rows", only: testbed.MariaDBFlavor, run: `
		CREATE TABLE m (id INT PRIMARY KEY) ENGINE=MyISAM; BEGIN; INSERT INTO t VALUES (1, 1, 'x'); SAVEPOINT A; INSERT INTO t VALUES (2, 1, 'x'); SAVEPOINT b;
		INSERT INTO t VALUES (3, 1, 'x'); INSERT INTO m VALUES (1); ROLLBACK TO SAVEPOINT a; INSERT INTO t VALUES (4, 1, 'x'); COMMIT`,
		want: `insert t 1|1|x; insert t 2|1|x; insert t 3|1|x; delete t 3|1|x; delete t 2|1|x; insert t 4|1|x; commit`},
	{name: "back to a savepoint, then all of it", only: testbed.MariaDBFlavor, run: `
		CREATE TABLE m (id INT PRIMARY KEY) ENGINE=MyISAM; BEGIN; INSERT INTO t VALUES (1, 1, 'x'); SAVEPOINT a; INSERT INTO t VALUES (2, 1, 'x');
		INSERT INTO m VALUES (1); ROLLBACK TO SAVEPOINT a; INSERT INTO t VALUES (4, 1, 'x'); CREATE TEMPORARY TABLE tt (id INT); ROLLBACK`,
		want:  `insert t 1|1|x; insert t 2|1|x; delete t 2|1|x; insert t 4|1|x; delete t 4|1|x; delete t 1|1|x; commit`,
		again: `insert t 1|1|x; insert t 2|1|x; delete t 2|1|x; insert t 4|1|x; delete t 4|1|x; delete t 2|1|x; delete t 1|1|x; commit`},
	{name: "back to a savepoint in an XA transaction, with rows", only: testbed.MariaDBFlavor, run: `
		CREATE TABLE m (id INT PRIMARY KEY) ENGINE=MyISAM; XA START 'sp'; INSERT INTO t VALUES (1, 1, 'x'); SAVEPOINT a; INSERT INTO t VALUES (2, 1, 'x');
		INSERT INTO m VALUES (1); ROLLBACK TO a; XA END 'sp'; XA PREPARE 'sp'; XA COMMIT 'sp'`,
		fails: codeRollback},
	{name: "two tables of one DROP, one of them missing", both: true, run: `
		CREATE TABLE u (id INT PRIMARY KEY); DROP TABLE IF EXISTS nothing, t`, want: `dropped t 1 (id,a,b)`},
	{name: "MariaDB's own", only: testbed.MariaDBFlavor, run: `
		ALTER TABLE t ADD COLUMN IF NOT EXISTS a INT; ALTER TABLE t ADD COLUMN IF NOT EXISTS c INT; INSERT INTO t VALUES (1, 1, 'x', 2);
		CREATE OR REPLACE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)`,
		want: `altered t 2 (id,a,b,c); insert t 1|1|x|2; commit; dropped t 2 (id,a,b,c); joined t 3 (id); insert t 1; commit`},
	{name: "an ALTER in two phases", only: testbed.MariaDBFlavor, run: `
		SET SESSION binlog_alter_two_phase = ON; ALTER TABLE t ADD COLUMN c INT; INSERT INTO t VALUES (1, 1, 'x', 2); ALTER TABLE t DROP COLUMN a; INSERT INTO t VALUES (2, 'x', 2)`,
		want: `altered t 2 (id,a,b,c); insert t 1|1|x|2; commit; altered t 3 (id,b,c); insert t 2|x|2; commit`},
	{name: "a key that is generated", only: testbed.MySQLFlavor, run: `
		SET SESSION sql_generate_invisible_primary_key = ON; DROP TABLE t; CREATE TABLE t (v INT); INSERT INTO t VALUES (5)`,
		want: `dropped t 1 (id,a,b); joined t 2 (my_row_id,v); insert t 1|5; commit`},
	{name: "compressed transactions", only: testbed.MySQLFlavor, run: `
		SET SESSION binlog_transaction_compression = ON; BEGIN; INSERT INTO t VALUES (1, 1, 'x'); UPDATE t SET a = 2; COMMIT; INSERT INTO t VALUES (2, 2, 'y')`,
		want: `insert t 1|1|x; update t 1|1|x to 1|2|x; commit; insert t 2|2|y; commit`},
}

func TestDDLIsFollowed(t *testing.T) {
	t.Parallel()
	for _, c := range ddlCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			eachServer(t, func(t *testing.T, server *testbed.Server) {
				if !c.both && server.Flavor != c.only {
					return
				}
				if c.mixes && server == testbed.MySQL(t) {
					return // a server with GTIDs refuses to mix engines
				}
				c.isFollowed(t, server)
			})
		})
	}
}

// MariaDB compresses rows and statements one by one, when it is told to.
func TestACompressedLogIsFollowed(t *testing.T) {
	t.Parallel()
	server := testbed.MariaDB(t, "--log-bin-compress=ON", "--log-bin-compress-min-len=10")
	for _, c := range ddlCases {
		if c.both && c.fails == "" {
			t.Run(c.name, func(t *testing.T) { c.isFollowed(t, server) })
		}
	}
	var name, kind, info string
	var position, id, end int64
	log, err := server.DB().QueryContext(t.Context(), "SHOW BINLOG EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	seen := map[string]bool{}
	for log.Next() {
		if err := log.Scan(&name, &position, &kind, &id, &end, &info); err != nil {
			t.Fatal(err)
		}
		seen[kind] = true
	}
	for _, kind := range []string{"Query_compressed", "Write_rows_compressed_v1", "Update_rows_compressed_v1"} {
		if !seen[kind] {
			t.Errorf("no %s in the log: %v (%v)", kind, seen, log.Err())
		}
	}
}

// TestARollbackLargerThanTheMemory: what is taken back is read again.
func TestARollbackLargerThanTheMemory(t *testing.T) {
	t.Parallel()
	for _, held := range []int{1, 700} { // an event at a time, and two
		for _, c := range ddlCases {
			if !strings.Contains(c.run, "ROLLBACK") || strings.Contains(c.run, "XA ") {
				continue
			}
			if c.again != "" {
				c.want = c.again
			}
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				little := func(config *Config) { config.HeldBytes = held }
				if c.both {
					c.isFollowed(t, fileServer(t), little)
				}
				c.isFollowed(t, testbed.MariaDB(t), little)
				c.isFollowed(t, testbed.MariaDB(t, "--log-bin-compress=ON", "--log-bin-compress-min-len=10"), little)
			})
		}
	}
}

// isFollowed runs the statements of a case and compares what the stream says of them.
func (c *ddlCase) isFollowed(t *testing.T, server *testbed.Server, options ...func(*Config)) {
	db := server.Database(t)
	use := []string{"USE " + db}
	server.Exec(t, append(use, "CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(10))")...)
	s := connect(t, server, options...)
	stream := open(t, s, start(t, s), nil, change.Name{Database: db, Table: "t"})
	for next(t, stream).Kind != change.Joined {
	}
	statements := strings.Split(strings.ReplaceAll(c.run, "DB", db), ";")
	for _, one := range statements {
		use = append(use, strings.TrimSpace(one))
	}
	server.Exec(t, use...)
	if c.fails != "" {
		isLost(t, until(t, s, stream), "t", c.fails, db+".t")
		return
	}
	want := strings.Split(strings.Join(strings.Fields(c.want), " "), "; ")
	events := until(t, s, stream)
	compare(t, script(events), want)
	checkPositions(t, events)
	checkAgainstCatalog(t, s, events)
}

// checkAgainstCatalog: the tracked schema must be what the server says in the end.
func checkAgainstCatalog(t *testing.T, s *Source, events []change.Event) {
	t.Helper()
	var last *change.Table
	for _, e := range events {
		switch e.Kind {
		case change.Joined, change.Altered:
			last = e.Table
		case change.Dropped:
			last = nil
		}
	}
	if last == nil {
		return
	}
	now, err := s.Describe(t.Context(), []change.Name{last.Name})
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range now[0].Columns {
		if i >= len(last.Columns) {
			t.Errorf("column %s is not tracked", c.Name)
			continue
		}
		l := last.Columns[i]
		if l.Name != c.Name || !l.Type.Equal(c.Type) || l.Nullable != c.Nullable || (l.Default == nil) != (c.Default == nil) || l.Default != nil && *l.Default != *c.Default {
			t.Errorf("tracked %+v\n    now %+v", l, c)
		}
	}
	if fmt.Sprint(last.Key) != fmt.Sprint(now[0].Key) {
		t.Errorf("key %v, now %v", last.Key, now[0].Key)
	}
}

func TestJoinUnderConcurrentDDL(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		server.Exec(t, "CREATE TABLE "+db+".t (id INT PRIMARY KEY AUTO_INCREMENT, a INT, b INT)")
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			random := rand.New(rand.NewPCG(3, 3))
			for ctx.Err() == nil {
				for _, statement := range []string{
					"ALTER TABLE %s.t RENAME COLUMN a TO b, RENAME COLUMN b TO a",
					"INSERT INTO %s.t (a, b) VALUES (1, 2)",
					fmt.Sprintf("ALTER TABLE %%s.t ADD COLUMN c%d INT FIRST", random.IntN(1<<30)),
					"INSERT INTO %s.t (a, b) VALUES (1, 2)",
				} {
					if _, err := server.DB().ExecContext(t.Context(), fmt.Sprintf(statement, db)); err != nil {
						done <- err
						return
					}
				}
			}
			done <- nil
		}()
		var streams []func()
		for range 6 {
			c := config(server)
			c.Notify = t.Logf
			one, err := Connect(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			defer one.Close()
			stream := open(t, one, start(t, one), nil, change.Name{Database: db, Table: "t"})
			for next(t, stream).Kind != change.Joined {
			}
			streams = append(streams, func() {
				rows := 0
				for _, e := range until(t, one, stream) {
					if e.Kind == change.Insert {
						rows++
						a, b := e.Table.Index("a"), e.Table.Index("b")
						if string(e.Rows.Cell(0, a)) != "1" || string(e.Rows.Cell(0, b)) != "2" {
							t.Errorf("row %s of %v", row(e.Rows, 0), columnNames(e.Table))
						}
					}
				}
				if rows == 0 {
					t.Log("no rows after a join")
				}
			})
		}
		stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		for _, check := range streams {
			check()
		}
	})
}
