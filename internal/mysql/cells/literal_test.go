package cells

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/testbed"
)

func TestKeyLiteralsAreOneToken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ  change.Type
		cell string
		want string
	}{
		{change.Type{Base: change.BigInt, Unsigned: true}, "18446744073709551615", "18446744073709551615"},
		{change.Type{Base: change.Int}, "1 OR 1=1", "_utf8mb4 x'31204f5220313d31'"},
		{change.Type{Base: change.Int}, "", "_utf8mb4 x''"},
		{change.Type{Base: change.Decimal, Precision: 5, Scale: 2}, "-1.50", "-1.50"},
		{change.Type{Base: change.DateTime, Fraction: 6}, "2024-02-29 00:00:00.000001", "'2024-02-29 00:00:00.000001'"},
		{change.Type{Base: change.Date}, "2024' OR '1", "_utf8mb4 x'3230323427204f52202731'"},
		{utf8mb4(change.VarChar, 10), `a'\"`, "_utf8mb4 x'61275c22'"},
		{change.Type{Base: change.VarBinary, Length: 10}, "\x00'", "x'0027'"},
		{change.Type{Base: change.Enum, Members: []string{"b", "a"}}, "a", "2"},
		{change.Type{Base: change.Set, Members: []string{"a", "b", "c"}}, "a,c", "5"},
		{change.Type{Base: change.Set, Members: []string{"a", "b", "c"}}, "a,x", "_utf8mb4 x'612c78'"},
	} {
		if got := string(KeyLiteral(nil, &change.Column{Type: c.typ}, []byte(c.cell))); got != c.want {
			t.Errorf("%s %q: %s, want %s", c.typ, c.cell, got, c.want)
		}
	}
}

// keyed is a table to page through.
type keyed struct {
	name    string
	types   []change.Type
	collate string
	rows    []string // the literals of a row, without parentheses
}

func keyedTables() []keyed {
	words := []string{"''", "'a'", "'B'", "'c'", "'C d'", "'it''s'", "'back\\\\slash'", "'é'", "'f'", "'zz'", "'Ω'"}
	emoji := append(words, "'😀'", "'\\0'", "'a\\0'")
	datetimes := []string{"'0000-00-00 00:00:00'", "'2024-02-29 00:00:00.000001'", "'2024-02-29 00:00:00.000002'", "'1000-01-01 00:00:00'", "'9999-12-31 23:59:59.999999'"}
	timestamps := []string{"'0000-00-00 00:00:00'", "'1970-01-01 00:00:01'", "'2024-10-27 00:30:00'", "'2024-10-27 01:30:00'", "'2024-10-27 02:30:00'", "'2038-01-19 03:14:07'"}
	one := func(t change.Type) []change.Type { return []change.Type{t} }
	text := func(base change.Base, length int, charset string) change.Type {
		return change.Type{Base: base, Length: length, Charset: charset}
	}
	return []keyed{
		{"int", one(change.Type{Base: change.Int}), "", []string{"-2147483648", "-1", "0", "1", "2147483647"}},
		{"zerofill", one(change.Type{Base: change.Int, Unsigned: true, Zerofill: true}), "", []string{"0", "7", "4294967295"}},
		{"ubigint", one(change.Type{Base: change.BigInt, Unsigned: true}), "", []string{"0", "9007199254740993", "9007199254740992", "9223372036854775808", "18446744073709551614", "18446744073709551615"}},
		{"decimal", one(change.Type{Base: change.Decimal, Precision: 40, Scale: 10}), "", []string{"-1.5", "0", "123456789012345678901234567890.0000000001", "123456789012345678901234567890.0000000002"}},
		{"bit", one(change.Type{Base: change.Bit, Length: 64}), "", []string{"0", "1", "9223372036854775808", "18446744073709551615"}},
		{"ci", one(text(change.VarChar, 50, "utf8mb4")), "utf8mb4_general_ci", emoji},
		{"unicode", one(text(change.VarChar, 50, "utf8mb4")), "utf8mb4_unicode_ci", emoji[:12]},
		{"bin", one(text(change.VarChar, 50, "utf8mb4")), "utf8mb4_bin", emoji},
		{"utf8mb3", one(text(change.VarChar, 50, "utf8mb3")), "utf8mb3_general_ci", words},
		{"latin1", one(text(change.VarChar, 50, "latin1")), "latin1_swedish_ci", words[:10]},
		{"char", one(text(change.Char, 20, "utf8mb4")), "utf8mb4_bin", words},
		{"utf16", one(text(change.VarChar, 50, "utf16")), "utf16_bin", words},
		{"gbk", one(text(change.VarChar, 50, "gbk")), "gbk_chinese_ci", []string{"''", "'a'", "'中'", "'文'", "'啊'", "'a中'", "'B'"}},
		{"sjis", one(text(change.VarChar, 50, "sjis")), "sjis_japanese_ci", []string{"''", "'a'", "'日本'", "'ｱ'", "'表'", "'B'"}},
		{"cp932", one(text(change.Char, 20, "cp932")), "cp932_bin", []string{"''", "'①'", "'㈱'", "'日本'", "'Ⅰ'", "'¬'"}},
		{"big5", one(text(change.VarChar, 50, "big5")), "big5_chinese_ci", []string{"''", "'功'", "'許'", "'a'"}},
		{"euckr", one(text(change.VarChar, 50, "euckr")), "euckr_korean_ci", []string{"''", "'한'", "'글'", "'a'"}},
		{"ujis", one(text(change.VarChar, 50, "ujis")), "ujis_japanese_ci", []string{"''", "'日'", "'ｱ'", "'丂'", "'a'"}},
		{"varbinary", one(change.Type{Base: change.VarBinary, Length: 20}), "", []string{"''", "x'00'", "x'0000'", "'a'", "x'ff'", "x'27'"}},
		{"binary", one(change.Type{Base: change.Binary, Length: 4}), "", []string{"''", "x'01'", "'a'", "x'61000001'", "x'ffffffff'"}},
		{"date", one(change.Type{Base: change.Date}), "", []string{"'0000-00-00'", "'2024-00-00'", "'1000-01-01'", "'2024-02-29'", "'9999-12-31'"}},
		{"datetime", one(change.Type{Base: change.DateTime, Fraction: 6}), "", datetimes},
		{"timestamp", one(change.Type{Base: change.Timestamp}), "", timestamps},
		{"timestamp3", one(change.Type{Base: change.Timestamp, Fraction: 3}), "", append(timestamps, "'2024-10-27 01:30:00.001'")},
		{"time", one(change.Type{Base: change.Time, Fraction: 3}), "", []string{"'-838:59:59'", "'-00:00:00.001'", "'00:00:00'", "'23:00:00.5'", "'838:59:59'"}},
		{"year", one(change.Type{Base: change.Year}), "", []string{"0", "1901", "1999", "2000", "2024", "2155"}},
		{"enum", one(change.Type{Base: change.Enum, Charset: "utf8mb4", Members: []string{"z", "a", "m"}}), "", []string{"'z'", "'a'", "'m'", "0"}},
		{"sets", one(change.Type{Base: change.Set, Charset: "utf8mb4", Members: []string{"z", "a", "m"}}), "", []string{"'z'", "'a'", "'a,z'", "'m'", "''", "7"}},
		{"composite", []change.Type{text(change.VarChar, 20, "utf8mb4"), {Base: change.Decimal, Precision: 5, Scale: 1}, {Base: change.Timestamp, Fraction: 6}},
			"utf8mb4_general_ci", []string{"'a', 1, 20240229", "'A', 1.5, 20240229", "'a', 1.5, '2024-02-29 00:00:00.000001'", "'b', -1, 20200101", "'b', 0, 20200101", "'ä', 2, 20240229"}},
		{"enumfirst", []change.Type{{Base: change.Enum, Charset: "utf8mb4", Members: []string{"z", "a"}}, text(change.VarChar, 20, "utf8mb4"), {Base: change.Int}},
			"utf8mb4_general_ci", []string{"'z', 'b', 1", "'z', 'b', 2", "'z', 'C', 0", "'a', '', -5", "'a', 'é', 9", "'a', 'f', 1", "0, 'x', 1"}},
	}
}

// Pages of one row each must show every row once, in the order of the key.
func TestKeyLiteralsPageThroughEveryKind(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, s *testbed.Server) {
		database := s.Database(t)
		conn := session(t, s, database)
		tables := keyedTables()
		if s.Flavor == testbed.MariaDBFlavor {
			for typ, values := range map[change.Base][]string{change.UUID: uuids, change.INET4: inet4s, change.INET6: inet6s} {
				tables = append(tables, keyed{typ.String(), []change.Type{{Base: typ}}, "", values})
			}
		}
		for _, k := range tables {
			t.Run(k.name, func(t *testing.T) { k.page(t, conn) })
		}
	})
}

func (k keyed) page(t *testing.T, conn *sql.Conn) {
	var columns []change.Column
	var definitions, names, expressions []string
	for i, typ := range k.types {
		c := change.Column{Name: fmt.Sprintf("k%d", i), Type: typ}
		d := c.Name + " " + definition(&typ)
		if typ.IsText() {
			d += " COLLATE " + k.collate
		}
		if typ.Base == change.Timestamp {
			d += " DEFAULT 0"
		}
		columns, definitions, names = append(columns, c), append(definitions, d+" NOT NULL"), append(names, c.Name)
		expressions = append(expressions, SelectExpression(&c, true, "`"+c.Name+"`"))
	}
	order := strings.Join(names, ", ")
	run(t, conn, fmt.Sprintf("CREATE TABLE keyed_%s (%s, PRIMARY KEY (%s))", k.name, strings.Join(definitions, ", "), order))
	run(t, conn, fmt.Sprintf("INSERT INTO keyed_%s VALUES (%s)", k.name, strings.Join(k.rows, "), (")))
	base := fmt.Sprintf("SELECT %s FROM keyed_%s", strings.Join(expressions, ", "), k.name)
	whole := k.read(t, conn, columns, base+" ORDER BY "+order)
	if len(whole) != len(k.rows) {
		t.Fatalf("%d rows of %d", len(whole), len(k.rows))
	}
	var paged [][]string
	where := ""
	for len(paged) <= len(whole) {
		page := k.read(t, conn, columns, base+where+" ORDER BY "+order+" LIMIT 1")
		if len(page) == 0 {
			break
		}
		paged = append(paged, page[0])
		where = " WHERE " + after(columns, page[0])
		k.usesTheKey(t, conn, base+" FORCE INDEX (PRIMARY)"+where+" ORDER BY "+order+" LIMIT 1")
	}
	if !slices.EqualFunc(whole, paged, slices.Equal) {
		t.Errorf("pages %q\nwhole %q", paged, whole)
	}
}

// after is the condition for the rows behind one: (a > x OR (a = x AND b > y)), with
// a >= x before it, which the optimizer makes a range of.
func after(columns []change.Column, row []string) string {
	condition := ""
	for i := len(columns) - 1; i >= 0; i-- {
		literal := string(KeyLiteral(nil, &columns[i], []byte(row[i])))
		name := columns[i].Name
		if condition == "" {
			condition = fmt.Sprintf("%s > %s", name, literal)
			continue
		}
		condition = fmt.Sprintf("%s >= %s AND (%s > %s OR %s)", name, literal, name, literal, condition)
	}
	return condition
}

func (k keyed) read(t *testing.T, conn *sql.Conn, columns []change.Column, statement string) (found [][]string) {
	t.Helper()
	answer, err := conn.QueryContext(t.Context(), statement)
	if err != nil {
		t.Fatalf("%s\n%v", statement, err)
	}
	defer answer.Close()
	raw, into, key := make([]sql.RawBytes, len(columns)), make([]any, len(columns)), make([]int, len(columns))
	for i := range raw {
		into[i], key[i] = &raw[i], i
	}
	selected := NewSelected(&change.Table{Columns: columns, Key: key}, key)
	for answer.Next() {
		if err := answer.Scan(into...); err != nil {
			t.Fatal(err)
		}
		rows := change.NewRows(len(columns))
		var row []string
		for i := range raw {
			if err := selected.Append(rows, i, raw[i]); err != nil {
				t.Fatal(err)
			}
		}
		for i := range raw {
			row = append(row, string(rows.Cell(0, i)))
		}
		found = append(found, row)
	}
	if err := answer.Err(); err != nil {
		t.Fatalf("%s\n%v", statement, err)
	}
	return found
}

// usesTheKey looks that the condition is a range of the key, not a scan from its
// start. Both servers can compare ENUM and SET by number, which is their order, but
// not as a range: such pages are right and slow.
func (k keyed) usesTheKey(t *testing.T, conn *sql.Conn, statement string) {
	t.Helper()
	if base := k.types[0].Base; base == change.Enum || base == change.Set {
		return
	}
	answer, err := conn.QueryContext(t.Context(), "EXPLAIN FORMAT=TRADITIONAL "+statement)
	if err != nil {
		t.Fatalf("%s\n%v", statement, err)
	}
	defer answer.Close()
	names, _ := answer.Columns()
	values, into := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	for answer.Next() {
		if err := answer.Scan(into...); err != nil {
			t.Fatal(err)
		}
		at := slices.Index(names, "type")
		if extra := values[len(values)-1].String; values[at].String != "range" && !strings.Contains(extra, "no matching row") && !strings.Contains(strings.ToLower(extra), "impossible") {
			t.Errorf("%s: access %s (%s)", statement, values[at].String, extra)
		}
	}
}
