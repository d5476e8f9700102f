package emulator

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"SELECT a, count(*) FROM d.t x WHERE a IN (1,2) AND NOT b LIKE 'x%' GROUP BY a HAVING count(*) > 1 ORDER BY 1 DESC LIMIT 1, 2",
		"CREATE TABLE t (a INT, b VARCHAR(9) NOT NULL DEFAULT \"x\" COMMENT 'c') PRIMARY KEY(a) DISTRIBUTED BY HASH(a) BUCKETS 8 PROPERTIES(\"a\"=\"b\")",
		"ALTER TABLE t ADD COLUMN (a INT, b INT), DROP COLUMN c", "GRANT SELECT, INSERT ON ALL TABLES IN DATABASE d TO USER 'u'@'%'",
		"SET @@session.a = 1, @b := 'x'", "SHOW FULL COLUMNS FROM `t` LIKE 'x'", "INSERT INTO t (a) VALUES (1, DEFAULT), (-1e5)", "((((", "-- x\n/* y */ USE d;", "SELECT CASE a WHEN 1 THEN 2 END, CAST(x AS CHAR)",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		all, err := splitStatements(src)
		if err != nil {
			return
		}
		for _, toks := range all {
			_, _, _ = parseStatement(src, toks) // only that it ends, and without a panic
		}
	})
}

// The reader gives the same rows however the stream is cut.
func FuzzCSV(f *testing.F) {
	f.Add([]byte("1,a\n2,\"b\n\"\"c\"\n\n3,\\,\\N\n"), ",", "\n", byte('"'), byte('\\'), true)
	f.Add([]byte("1\x01a\x022\x01b"), "\x01", "\x02", byte(0), byte(0), false)
	f.Add([]byte("a|@|b^^c"), "|@|", "^^", byte('\''), byte(0), true)
	f.Fuzz(func(t *testing.T, data []byte, column, row string, enclose, escape byte, trim bool) {
		if column == "" || row == "" || len(column) > 50 || len(row) > 50 {
			return
		}
		o := &loadOptions{columnSeparator: []byte(column), rowDelimiter: []byte(row), enclose: enclose, escape: escape, trimSpace: trim}
		whole := readAllCSV(t, bytes.NewReader(data), o)
		if bits := readAllCSV(t, iotest.OneByteReader(bytes.NewReader(data)), o); bits != whole {
			t.Fatalf("one byte at a time: %q, at once: %q", bits, whole)
		}
	})
}

func readAllCSV(t *testing.T, r io.Reader, o *loadOptions) string {
	c := newCSVReader(r, o)
	var b strings.Builder
	for {
		_, fields, err := c.next()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		b.Write(bytes.Join(fields, []byte{0xfe}))
		b.WriteByte(0xff)
	}
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"id":1,"v":"a"}{"id":2,"v":1.5e3,"__op":1}`), false, "", "")
	f.Add([]byte(`[{"id":1,"v":{"a":[1]}},{"id":2,"v":null}]`), true, `["$.id","$.v.a[0]"]`, "$.v")
	f.Fuzz(func(t *testing.T, data []byte, strip bool, paths, root string) {
		cols := []*column{{id: 1, name: "id", typ: dataType{kind: tBigint}, key: true}, {id: 2, name: "v", typ: dataType{kind: tVarchar, length: 10}, nullable: true}, {id: 3, name: "d", typ: dataType{kind: tDecimal, precision: 9, scale: 2}, nullable: true}}
		tbl := &table{columns: cols, store: newTableStore()}
		tbl.store.addSchema(cols)
		s := &Server{catalog: newCatalog()}
		opts := &loadOptions{json: true, stripOuterArray: strip, jsonPaths: paths, jsonRoot: root, location: time.UTC}
		plan, err := s.planLoad(tbl, opts)
		if err != nil {
			t.Fatal(err)
		}
		l := &loader{plan: plan, delta: &delta{}, builder: newRowBuilder(tbl, cols, 0, 128)}
		if err := l.loadJSON(bytes.NewReader(data)); err == nil && int64(len(l.delta.ops)) != l.counts.loaded {
			t.Fatalf("%d rows counted, %d kept", l.counts.loaded, len(l.delta.ops))
		}
		tbl.store.apply(l.delta)
		rows, reader := tbl.store.snapshot(cols, keyOrder)
		for _, r := range rows {
			reader.cells(r.row, make([]value, len(cols)))
		}
	})
}

func FuzzConvert(f *testing.F) {
	f.Add([]byte("1e400"))
	f.Add([]byte("-99999999999999999999999999999999999999.5"))
	f.Add([]byte("2024-02-29T01:02:03.5+08:00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, typ := range []dataType{{kind: tBoolean}, {kind: tTinyint}, {kind: tBigint}, {kind: tLargeint}, {kind: tFloat}, {kind: tDouble},
			{kind: tDecimal, precision: 38, scale: 5}, {kind: tDate}, {kind: tDatetime}, {kind: tVarchar, length: 20}, {kind: tJSON}} {
			out, ok := convertCSV(typ, in, nil)
			if !ok {
				continue
			}
			v := cellValue(typ, string(out), false)
			again, ok := storeValue(typ, v)
			if !ok || !bytes.Equal(again, out) && typ.kind != tFloat {
				t.Fatalf("%s: %q is stored as %q, read and stored again as %q", typ, in, out, again)
			}
		}
	})
}

func FuzzLoadHeaders(f *testing.F) {
	f.Add(`id, tmp, v=to_binary(tmp,'hex')`, `\x01`)
	f.Add("`a``b`,__op='delete'", `|@|\n`)
	f.Fuzz(func(t *testing.T, columns, separator string) {
		_, _ = delimiter(separator, "\t", "column separator")
		cols := []*column{{id: 1, name: "id", typ: dataType{kind: tInt}, key: true}, {id: 2, name: "v", typ: dataType{kind: tVarbinary, length: 10}, nullable: true}}
		tbl := &table{columns: cols, store: newTableStore()}
		tbl.store.addSchema(cols)
		s := &Server{catalog: newCatalog()}
		plan, err := s.planLoad(tbl, &loadOptions{columns: columns, columnSeparator: []byte(","), rowDelimiter: []byte("\n"), location: time.UTC})
		if err != nil {
			return
		}
		l := &loader{plan: plan, delta: &delta{}, builder: newRowBuilder(tbl, cols, 0, 128)}
		_ = l.loadCSV(strings.NewReader("1,2,3\n1\n,\n")) // only that it ends, and without a panic
	})
}
