package mysql

import (
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/mysql/cells"
	"starferry/internal/testbed"
)

// isLost wants a table given up once, for a reason, and nothing said of it later. It
// gives what was said of everything else.
func isLost(t testing.TB, events []change.Event, table string, code diag.Code, words ...string) (others []change.Event) {
	t.Helper()
	var cause error
	for _, e := range events {
		switch {
		case e.Table == nil || e.Table.Name.Table != table:
			others = append(others, e)
		case e.Kind == change.Unreadable && cause == nil:
			cause = e.Cause
			if e.Resumable {
				t.Error("a stream that is opened behind it would not say so again")
			}
		case cause != nil:
			t.Errorf("event %d of a table that was given up: %v", e.Kind, e.Cause)
		}
	}
	p := diag.Find(cause)
	if p == nil || p.Code != code || p.Class != diag.Refused {
		t.Fatalf("given up for %v, want %s", cause, code)
	}
	for _, word := range words {
		if !strings.Contains(cause.Error()+p.Fix, word) {
			t.Errorf("%q is not in: %v\nTo fix: %s", word, cause, p.Fix)
		}
	}
	return others
}

// lostCases are statements on t (id INT PRIMARY KEY, a INT, b VARCHAR(10)) after which
// it cannot be read, amid rows of u, which has the same columns.
var lostCases = []struct {
	name string
	run  string
	code diag.Code
	says string
	// u is what is said of u before "insert u 9|9|last".
	u string
	// columns are those t joins with anew; "" when it cannot.
	columns string
	// late: the stream reads it only when all of it is in the log.
	late bool
}{
	{name: "columns that the log does not know of", code: cells.CodeSchemaMismatch, says: "sql_log_bin=0", u: "insert u 1|1|x; insert u 2|2|y; commit", columns: "id,a,b,c",
		run: `SET sql_log_bin = 0; ALTER TABLE t ADD COLUMN c INT; SET sql_log_bin = 1;
			BEGIN; INSERT INTO u VALUES (1, 1, 'x'); INSERT INTO t VALUES (1, 1, 'x', 1); INSERT INTO u VALUES (2, 2, 'y'); INSERT INTO t VALUES (2, 2, 'y', 2); COMMIT;
			ALTER TABLE t ADD COLUMN d INT; ALTER TABLE t DROP COLUMN d`},
	{name: "rows with some of their columns", code: cells.CodePartialImage, says: "binlog_row_image = FULL", columns: "id,a,b",
		run: `SET SESSION binlog_row_image = MINIMAL; UPDATE t SET a = 2 WHERE id = 100; SET SESSION binlog_row_image = FULL; TRUNCATE TABLE t`},
	{name: "a type that is not carried", code: codeDDL, says: "can no longer be followed", columns: "",
		run: `ALTER TABLE t ADD COLUMN g FLOAT NOT NULL DEFAULT 1, DROP PRIMARY KEY, ADD PRIMARY KEY (id, g); INSERT INTO t (id) VALUES (1)`},
	{name: "a statement that cannot be read, and another behind it", late: true, code: codeDDL, says: "is written in gbk", columns: "id,a,b,c,d",
		run: "SET NAMES gbk; ALTER TABLE `t` ADD COLUMN c INT COMMENT '\xc4\xe3\xba\xc3'; USE DB_2; ALTER TABLE u COMMENT '\xc4\xe3\xba\xc3'; USE DB_1; SET NAMES utf8mb4; INSERT INTO t VALUES (1, 1, 'x', 1); ALTER TABLE t ADD COLUMN d INT"},
	{name: "made without the log", code: codeUnknownSchema, says: "sql_log_bin=0", columns: "id",
		run: `DROP TABLE t; SET sql_log_bin = 0; CREATE TABLE t (id INT PRIMARY KEY); SET sql_log_bin = 1; INSERT INTO t VALUES (1)`},
	{name: "a table of unknown columns in its place, and another statement behind it", late: true, code: codeUnknownSchema, says: "were not followed", columns: "id,a,b,e",
		run: `CREATE TABLE IF NOT EXISTS t_new LIKE t; RENAME TABLE t TO t_old, t_new TO t; INSERT INTO t VALUES (7, 7, 'z'); ALTER TABLE t ADD COLUMN e INT`},
}

// TestWhatCannotBeReadEndsOneTable: the other goes on, a stream that begins before says
// the same again, one that begins behind is not asked for the table, and it can join anew.
func TestWhatCannotBeReadEndsOneTable(t *testing.T) {
	t.Parallel()
	for _, c := range lostCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			eachServer(t, func(t *testing.T, server *testbed.Server) {
				db := server.Database(t)
				use := []string{"USE " + db}
				other := server.Database(t)
				server.Exec(t, "CREATE TABLE "+other+".u (id INT PRIMARY KEY)")
				for _, table := range []string{"t", "u"} {
					server.Exec(t, append(use, "CREATE TABLE "+table+" (id INT PRIMARY KEY, a INT, b VARCHAR(10))", "INSERT INTO "+table+" VALUES (100, 1, 'x')")...)
				}
				s := connect(t, server)
				names := []change.Name{{Database: db, Table: "t"}, {Database: db, Table: "u"}}
				stream := open(t, s, start(t, s), nil, names...)
				schemas := map[string]*change.Table{}
				var from change.Position
				for len(schemas) < 2 {
					if e := next(t, stream); e.Kind == change.Joined {
						schemas[e.Table.Name.Table], from = e.Table, e.Position
					}
				}
				for _, one := range strings.Split(strings.NewReplacer("DB_1", db, "DB_2", other).Replace(c.run), ";") {
					use = append(use, strings.TrimSpace(one))
				}
				server.Exec(t, append(use, "INSERT INTO u VALUES (9, 9, 'last')")...)
				if c.late {
					stream = open(t, s, from, []*change.Table{schemas["t"], schemas["u"]})
				}
				var want []string
				if c.u != "" {
					want = strings.Split(c.u, "; ")
				}
				want = append(want, "insert u 9|9|last", "commit")
				events := until(t, s, stream)
				compare(t, script(isLost(t, events, "t", c.code, db+".t", c.says)), want)

				again := open(t, s, from, []*change.Table{schemas["t"], schemas["u"]})
				compare(t, script(isLost(t, until(t, s, again), "t", c.code, db+".t", c.says)), want)
				behind := events[len(events)-1].Position
				server.Exec(t, "DELETE FROM "+db+".t")
				without := open(t, s, behind, []*change.Table{schemas["u"]})
				compare(t, script(until(t, s, without)), nil)
				anew := until(t, s, open(t, s, behind, []*change.Table{schemas["u"]}, names[0]))
				if c.columns == "" {
					isLost(t, anew, "t", cells.CodeUnusableKey, "column")
					return
				}
				if joined := script(anew); len(joined) != 1 || joined[0] != "joined t 1 ("+c.columns+")" {
					t.Errorf("joins anew as %q", joined)
				}
			})
		})
	}
}

// TestATableThatCannotJoin does not keep the others from it, nor does one that is not
// there any more.
func TestATableThatCannotJoin(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		server.Exec(t, "USE "+db, "CREATE TABLE keyless (id INT)", "CREATE VIEW v AS SELECT * FROM keyless", "CREATE TABLE u (id INT PRIMARY KEY)", "INSERT INTO u VALUES (1)")
		s := connect(t, server)
		stream := open(t, s, start(t, s), nil, change.Name{Database: db, Table: "keyless"}, change.Name{Database: db, Table: "v"},
			change.Name{Database: db, Table: "gone"}, change.Name{Database: db, Table: "u"})
		events := []change.Event{next(t, stream)}
		for last := events[0]; last.Kind != change.Joined; events = append(events, last) { // held by an XA transaction of another test it may be late
			last = next(t, stream)
		}
		server.Exec(t, "INSERT INTO "+db+".u VALUES (2)")
		events = append(events, until(t, s, stream)...)
		events = isLost(t, events, "keyless", codeNoKey, "primary key")
		events = isLost(t, events, "v", codeNotBase, "is a view")
		var gone, rows []string
		for _, line := range script(events) {
			if strings.Contains(line, "gone") {
				gone = append(gone, line)
			} else {
				rows = append(rows, line)
			}
		}
		compare(t, gone, []string{"dropped gone 0 ()"})
		compare(t, rows, []string{"joined u 1 (id)", "insert u 2", "commit"})
	})
}

func TestWhichNamesAStatementMayHold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, table string
		want        bool
	}{
		{"ALTER TABLE orders ADD x", "orders", true},
		{"ALTER TABLE `Orders` ADD x", "orders", true},
		{"ALTER TABLE shop.orders", "orders", true},
		{"ALTER TABLE shop.order_items, orders", "orders", true},
		{"ALTER TABLE order_items ADD orders2 INT", "orders", false},
		{"ALTER TABLE border", "order", false},
		{"ALTER TABLE \xc4\xe3 ADD x", "你", true},
		{"ALTER TABLE t COMMENT '你'", "你", true},
		{"ALTER TABLE `a``b`", "a`b", true},
		{"", "t", false},
	} {
		if got := mayName(c.text, c.table); got != c.want {
			t.Errorf("%q names %q: %v", c.text, c.table, got)
		}
	}
}
