package cells

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/testbed"
)

// Generated columns, virtual ones too, are in the images; the hidden column behind
// an index on an expression is not.
func TestGeneratedColumnsAreInTheImages(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, s *testbed.Server) {
		database := s.Database(t)
		conn := session(t, s, database)
		number := change.Type{Base: change.Int}
		z := newZoo(database, "computed", []change.Type{number, number, text(change.VarChar, 20, "utf8mb4"), number},
			[][]string{{"1", "DEFAULT", "DEFAULT", "5"}, {"NULL", "DEFAULT", "DEFAULT", "NULL"}, {"-7", "DEFAULT", "DEFAULT", "6"}})
		expression := ""
		if s.Flavor == testbed.MySQLFlavor {
			expression = ", KEY ((c0 + 1))"
		}
		z.ddl = "CREATE TABLE computed (id INT PRIMARY KEY, c0 INT, c1 INT AS (c0 * 2) VIRTUAL, " +
			"c2 VARCHAR(20) CHARACTER SET utf8mb4 AS (CONCAT('x', c0)) STORED, c3 INT INVISIBLE, KEY (c1)" + expression + ")"
		liveAndCompare(t, s, conn, []*zoo{z})
		if row := z.inserted["1"]; !slices.Equal(row, []string{`"1"`, `"1"`, `"2"`, `"x1"`, `"5"`}) {
			t.Errorf("row 1 is %s", row)
		}
	})
}

// Tables of old servers.
func TestOldTemporalColumns(t *testing.T) {
	t.Parallel()
	s := testbed.MariaDB(t, "--mysql56-temporal-format=OFF")
	database := s.Database(t)
	conn := session(t, s, database)
	var zoos []*zoo
	for i, k := range temporals() {
		if k.typ.Fraction == 0 {
			var rows [][]string
			for _, literal := range k.literals {
				rows = append(rows, []string{literal, "'and behind it'"})
			}
			zoos = append(zoos, newZoo(database, fmt.Sprintf("old%d", i), []change.Type{k.typ, text(change.Text, 0, "utf8mb4")}, rows))
		}
	}
	for name, m := range liveAndCompare(t, s, conn, zoos) {
		if wireAt(m, 1).String() == "" || slices.Contains([]byte{17, 18, 19}, m.Types[1]) {
			t.Errorf("%s: column type %d is not an old one", name, m.Types[1])
		}
	}
	hires := newZoo(database, "hires", []change.Type{{Base: change.DateTime, Fraction: 3}}, nil)
	start := position(t, conn, s.Flavor)
	run(t, conn, hires.ddl)
	run(t, conn, "INSERT INTO hires VALUES (1, '2024-02-29 00:00:00.123')")
	seen := 0
	readLog(t, s, start, position(t, conn, s.Flavor), func(e rowsEvent) {
		if _, err := NewDecoder(hires.table, e.table); diag.Find(err) == nil || !strings.Contains(err.Error(), "before 5.6") {
			t.Errorf("a format whose size nobody tells passed: %v", err)
		}
		seen++
	})
	if seen == 0 {
		t.Error("no row was logged")
	}
}

// refusedBy runs statements and returns what the decoder says to their last event.
func refusedBy(t *testing.T, s *testbed.Server, z *zoo, statements ...string) error {
	t.Helper()
	conn := session(t, s, z.table.Database)
	start := position(t, conn, s.Flavor)
	for _, statement := range statements {
		run(t, conn, statement)
	}
	var last error
	seen := 0
	readLog(t, s, start, position(t, conn, s.Flavor), func(e rowsEvent) {
		if string(e.oracle.Table.Schema) != z.table.Database {
			return
		}
		seen++
		d, err := NewDecoder(z.table, e.table)
		if err == nil {
			err = d.Decode(e.kind, e.body, change.NewRows(len(z.table.Columns)))
		}
		last = err
	})
	if seen == 0 {
		t.Fatal("nothing was logged")
	}
	return last
}

func TestIncompleteImagesAreRefused(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, s *testbed.Server) {
		number := change.Type{Base: change.Int}
		z := newZoo(s.Database(t), "partial", []change.Type{number, number}, nil)
		for _, image := range []string{"MINIMAL", "NOBLOB"} {
			err := refusedBy(t, s, z, "DROP TABLE IF EXISTS partial", strings.Replace(z.ddl, ")", ", big LONGTEXT)", 1),
				"INSERT INTO partial VALUES (1, 1, 1, 'x')", "SET SESSION binlog_row_image = "+image, "UPDATE partial SET c0 = 2")
			if p := diag.Find(err); p == nil || p.Code != CodePartialImage && p.Code != CodeSchemaMismatch {
				t.Errorf("%s: %v", image, err)
			}
		}
		err := refusedBy(t, s, z, "DROP TABLE partial", z.ddl, "INSERT INTO partial VALUES (1, 1, 1)",
			"SET SESSION binlog_row_image = MINIMAL", "UPDATE partial SET c0 = 2")
		if p := diag.Find(err); p == nil || p.Code != CodePartialImage || !strings.Contains(p.Fix, "binlog_row_image") {
			t.Errorf("MINIMAL: %v", err)
		}
	})
}

func TestPartialJSONIsRefused(t *testing.T) {
	t.Parallel()
	s := testbed.MySQL(t)
	z := newZoo(s.Database(t), "documents", []change.Type{{Base: change.JSON}}, nil)
	err := refusedBy(t, s, z, z.ddl, `INSERT INTO documents VALUES (1, '{"a": 1, "b": "long enough to be worth a difference"}')`,
		"SET SESSION binlog_row_value_options = PARTIAL_JSON", "UPDATE documents SET c0 = JSON_SET(c0, '$.a', 2)")
	if p := diag.Find(err); p == nil || p.Code != CodePartialImage || !strings.Contains(p.Fix, "binlog_row_value_options") {
		t.Errorf("%v", err)
	}
}

// A compressed column is logged compressed; go-mysql reads what follows it wrongly.
func TestCompressedColumnsAreRefused(t *testing.T) {
	t.Parallel()
	s := testbed.MariaDB(t)
	z := newZoo(s.Database(t), "packed", []change.Type{text(change.VarChar, 100, "utf8mb4"), text(change.VarChar, 9, "utf8mb4")}, nil)
	err := refusedBy(t, s, z, strings.Replace(z.ddl, "varchar(100)", "varchar(100) COMPRESSED", 1), "INSERT INTO packed VALUES (1, REPEAT('x', 100), 'y')")
	if p := diag.Find(err); p == nil || p.Code != CodeSchemaMismatch || !strings.Contains(err.Error(), "compressed varchar") {
		t.Errorf("%v", err)
	}
}

// A key whose text another key has too is refused on both paths.
func TestInexactKeysAreRefused(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, s *testbed.Server) {
		for charset, codes := range map[string][2]string{"cp932": {"x'81ca'", "x'eef9'"}, "gbk": {"x'8140'", "x'a6a1a6b9'"}, "hebrew": {"x'e0'", "x'e0ff'"}, "ucs2": {"x'0041'", "x'd800'"}} {
			z := &zoo{table: &change.Table{Name: change.Name{Database: s.Database(t), Table: "keys_" + charset}, Version: 1, Key: []int{0},
				Columns: []change.Column{{Name: "k", Type: text(change.VarChar, 20, charset)}}}}
			create := "CREATE TABLE " + z.table.Table + " (k VARCHAR(20) CHARACTER SET " + charset + " COLLATE " + charset + "_bin PRIMARY KEY)"
			insert := "INSERT INTO " + z.table.Table + " VALUES (_" + charset + " "
			if err := refusedBy(t, s, z, create, insert+codes[0]+")"); err != nil {
				t.Errorf("%s %s: %v", charset, codes[0], err)
			}
			if err := refusedBy(t, s, z, insert+codes[1]+")"); err == nil || !strings.Contains(err.Error(), "another key") {
				t.Errorf("%s %s: %v", charset, codes[1], err)
			}
			conn := session(t, s, z.table.Database)
			answer, err := conn.QueryContext(t.Context(), "SELECT "+SelectExpression(&z.table.Columns[0], true, "k")+" FROM "+z.table.Table)
			if err != nil {
				t.Fatal(err)
			}
			rows, refused := change.NewRows(1), 0
			for answer.Next() {
				var raw []byte
				if err := answer.Scan(&raw); err != nil {
					t.Fatal(err)
				}
				if err := NewSelected(z.table, []int{0}).Append(rows, 0, raw); err != nil {
					refused++
				}
			}
			answer.Close()
			if refused != 1 || rows.Len() != 1 {
				t.Errorf("%s: %d keys selected, %d refused", charset, rows.Len(), refused)
			}
		}
	})
}

// A schema that has the wrong idea of a table is refused on a real TABLE_MAP.
func TestWrongSchemasAreRefused(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, s *testbed.Server) {
		real := []change.Type{{Base: change.Int, Unsigned: true}, text(change.VarChar, 10, "utf8mb4"), {Base: change.Decimal, Precision: 9, Scale: 2}}
		z := newZoo(s.Database(t), "wrong", real, nil)
		for i, wrong := range []change.Type{{Base: change.BigInt, Unsigned: true}, text(change.VarChar, 11, "utf8mb4"), {Base: change.Decimal, Precision: 9, Scale: 3}} {
			z.table.Columns[i+1].Type = wrong
			err := refusedBy(t, s, z, "DROP TABLE IF EXISTS wrong", z.ddl, "INSERT INTO wrong VALUES (1, 1, 'x', 1)")
			if p := diag.Find(err); p == nil || p.Code != CodeSchemaMismatch || !strings.Contains(err.Error(), "c"+strconv.Itoa(i)) {
				t.Errorf("%s: %v", wrong, err)
			}
			z.table.Columns[i+1].Type = real[i]
		}
		if s.Flavor == testbed.MariaDBFlavor {
			return // tells neither signs nor charsets by default
		}
		z.table.Columns[1].Type.Unsigned = false
		if err := refusedBy(t, s, z, "INSERT INTO wrong VALUES (2, 1, 'x', 1)"); err == nil || !strings.Contains(err.Error(), "unsigned in the log") {
			t.Errorf("sign: %v", err)
		}
	})
}

// Every bit pattern of a number must survive the text: thousands of random ones.
func TestRandomNumbersAgree(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, s *testbed.Server) {
		database := s.Database(t)
		conn := session(t, s, database)
		r := rand.New(rand.NewPCG(1, 9))
		types := []change.Type{{Base: change.Float}, {Base: change.Double}, {Base: change.Decimal, Precision: 38, Scale: 12}}
		array := ""
		if s.Flavor == testbed.MySQLFlavor {
			types = append(types, change.Type{Base: change.JSON})
			array = ", JSON_ARRAY(%[1]s, -%[2]s)"
		}
		z := newZoo(database, "numbers", types, nil)
		run(t, conn, z.ddl)
		start := position(t, conn, s.Flavor)
		const count = 5000
		var values []string
		for i := range count {
			double := strconv.FormatFloat(randomFloat64(r), 'e', -1, 64)
			if i%2 == 0 { // of everyday size, with any number of digits
				double = fmt.Sprintf("%de%d", r.Uint64N(1e18)>>r.IntN(60), r.IntN(50)-35)
			}
			row := fmt.Sprintf("(%d, %s, %s, %d%018de-%d", i, strconv.FormatFloat(float64(randomFloat32(r)), 'e', -1, 32), double,
				int64(r.Uint64())>>r.IntN(64), r.Uint64N(1e18), r.IntN(40))
			if array != "" {
				row += fmt.Sprintf(array, double, strconv.FormatUint(r.Uint64N(1e17)>>r.IntN(56), 10)+"e"+strconv.Itoa(-r.IntN(30)))
			}
			values = append(values, row+")")
		}
		run(t, conn, "INSERT INTO numbers VALUES "+strings.Join(values, ","))
		selected, compared := z.selected(t, conn), 0
		readLog(t, s, start, position(t, conn, s.Flavor), func(e rowsEvent) {
			if string(e.oracle.Table.Schema) != database {
				return
			}
			d, err := NewDecoder(z.table, e.table)
			if err != nil {
				t.Fatal(err)
			}
			rows := change.NewRows(len(z.table.Columns))
			if err := d.Decode(e.kind, e.body, rows); err != nil {
				t.Fatal(err)
			}
			for i := range rows.Len() {
				if row := texts(rows, i); !slices.Equal(row, selected[unquote(row[0])]) {
					t.Errorf("the log says %s, SELECT %s", row, selected[unquote(row[0])])
				}
				compared++
			}
		})
		if compared != count {
			t.Errorf("%d rows of %d compared", compared, count)
		}
	})
}
