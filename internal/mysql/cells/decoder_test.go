package cells

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/mysql/binlog"
)

// The bytes below were written out by hand from the description of the formats.
func TestValuesDecodeToTheirText(t *testing.T) {
	t.Parallel()
	month := change.Type{Base: change.Enum, Charset: "utf8mb4", Members: []string{"jan", "feb"}}
	flags := change.Type{Base: change.Set, Charset: "utf8mb4", Members: []string{"a", "b", "c"}}
	latin1 := change.Type{Base: change.VarChar, Length: 20, Charset: "latin1"}
	for _, c := range []struct {
		name  string
		typ   change.Type
		image string // hex
		want  string
	}{
		{"tinyint", change.Type{Base: change.TinyInt}, "80", "-128"},
		{"tinyint unsigned", change.Type{Base: change.TinyInt, Unsigned: true}, "80", "128"},
		{"smallint", change.Type{Base: change.SmallInt}, "0080", "-32768"},
		{"mediumint", change.Type{Base: change.MediumInt}, "ffffff", "-1"},
		{"mediumint unsigned", change.Type{Base: change.MediumInt, Unsigned: true}, "ffffff", "16777215"},
		{"int zerofill", change.Type{Base: change.Int, Unsigned: true, Zerofill: true}, "ffffffff", "4294967295"},
		{"bigint", change.Type{Base: change.BigInt}, "0000000000000080", "-9223372036854775808"},
		{"bigint unsigned", change.Type{Base: change.BigInt, Unsigned: true}, "ffffffffffffffff", "18446744073709551615"},
		{"bit(9)", change.Type{Base: change.Bit, Length: 9}, "01ff", "511"},
		{"decimal(10,2)", change.Type{Base: change.Decimal, Precision: 10, Scale: 2}, "8000000c22", "12.34"},
		{"decimal(10,2) negative", change.Type{Base: change.Decimal, Precision: 10, Scale: 2}, "7ffffff3dd", "-12.34"},
		{"decimal(14,4)", change.Type{Base: change.Decimal, Precision: 14, Scale: 4}, "810dfb38d204d2", "1234567890.1234"},
		{"decimal(2,2)", change.Type{Base: change.Decimal, Precision: 2, Scale: 2}, "85", "0.05"},
		{"float", change.Type{Base: change.Float}, "cdcccc3d", "0.1"},
		{"float 2^24", change.Type{Base: change.Float}, "0000804b", "16777216"},
		{"double", change.Type{Base: change.Double}, "9a9999999999b93f", "0.1"},
		{"double -0", change.Type{Base: change.Double}, "0000000000000080", "-0"},
		{"double denormal", change.Type{Base: change.Double}, "0100000000000000", "5e-324"},
		{"varchar", utf8mb4(change.VarChar, 63), "04f09f9880", "😀"},
		{"varchar above 255 bytes", utf8mb4(change.VarChar, 64), "0400f09f9880", "😀"},
		{"latin1", latin1, "03e98081", "é€\u0081"},
		{"char", utf8mb4(change.Char, 10), "0461622020", "ab"},
		{"binary", change.Type{Base: change.Binary, Length: 4}, "026100", "a\x00\x00\x00"},
		{"blob", change.Type{Base: change.Blob}, "020000ff", "\x00\xff"},
		{"enum", month, "02", "feb"},
		{"enum refused value", month, "00", ""},
		{"set", flags, "05", "a,c"},
		{"year", change.Type{Base: change.Year}, "7c", "2024"},
		{"year 0", change.Type{Base: change.Year}, "00", "0000"},
		{"date", change.Type{Base: change.Date}, "5dd00f", "2024-02-29"},
		{"date partial", change.Type{Base: change.Date}, "00d00f", "2024-00-00"},
		{"datetime", change.Type{Base: change.DateTime}, "99b2bb7efb", "2024-02-29 23:59:59"},
		{"datetime(6) zero", change.Type{Base: change.DateTime, Fraction: 6}, "8000000000000000", "0000-00-00 00:00:00.000000"},
		{"timestamp(3)", change.Type{Base: change.Timestamp, Fraction: 3}, "7fffffff2706", "2038-01-19 03:14:07.999"},
		{"timestamp zero", change.Type{Base: change.Timestamp}, "00000000", "0000-00-00 00:00:00"},
		{"time", change.Type{Base: change.Time}, "b46efb", "838:59:59"},
		{"time(2) negative", change.Type{Base: change.Time, Fraction: 2}, "7ffffef6", "-00:00:01.10"},
		{"time(6) negative", change.Type{Base: change.Time, Fraction: 6}, "7fffffffffff", "-00:00:00.000001"},
	} {
		if c.name == "varchar above 255 bytes" {
			c.image = "0400f09f9880"
		}
		image, err := hex.DecodeString(c.image)
		if err != nil {
			t.Fatal(err)
		}
		rows := change.NewRows(1)
		err = decoder(t, c.typ).Decode(binlog.KindWriteRows, rowsBody(1, 1, append([]byte{0}, image...)...), rows)
		if err != nil || rows.Len() != 1 || rows.Null(0, 0) {
			t.Errorf("%s: %v, %d rows", c.name, err, rows.Len())
			continue
		}
		if got := string(rows.Cell(0, 0)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestUpdatesAlternateAndNullsStayNull(t *testing.T) {
	t.Parallel()
	d := decoder(t, change.Type{Base: change.TinyInt}, utf8mb4(change.VarChar, 10))
	rows := change.NewRows(2)
	body := rowsBody(2, 2,
		0b00, 1, 1, 'a', 0b10, 1,
		0b00, 2, 0, 0b01, 1, 'b')
	err := d.Decode(binlog.KindUpdateRows, body, rows)
	if err != nil || rows.Len() != 4 {
		t.Fatalf("%v, %d rows", err, rows.Len())
	}
	if string(rows.Cell(0, 1)) != "a" || !rows.Null(1, 1) || rows.Null(2, 1) || !rows.Null(3, 0) || string(rows.Cell(3, 1)) != "b" {
		t.Error("cells are wrong")
	}
}

func TestCompressedEventsAreUnpacked(t *testing.T) {
	t.Parallel()
	images := bytes.Repeat([]byte{0, 7}, 500)
	body := rowsBody(1, 1)
	body = append(body[:8:8], body[10:]...) // version 1 has no extra data
	body = append(body, 2, byte(len(images)>>8), byte(len(images)&0xff))
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	_, _ = z.Write(images)
	_ = z.Close()
	d, rows := decoder(t, change.Type{Base: change.TinyInt}), change.NewRows(1)
	if err := d.Decode(binlog.KindMariaWriteRows, append(body, packed.Bytes()...), rows); err != nil || rows.Len() != 500 {
		t.Fatalf("%v, %d rows", err, rows.Len())
	}
	lying := append(bytes.Clone(body), packed.Bytes()...)
	lying[len(body)-1]++
	if err := d.Decode(binlog.KindMariaWriteRows, lying, rows); diag.Find(err) == nil || rows.Len() != 500 {
		t.Errorf("a wrong length passed: %v", err)
	}
}

func TestWhatCannotBeDecodedIsRefused(t *testing.T) {
	t.Parallel()
	typ := utf8mb4(change.VarChar, 10)
	good := rowsBody(1, 1, 0, 1, 'a')
	withBitmap := bytes.Clone(good)
	withBitmap[11] = 0xfe
	otherID := bytes.Clone(good)
	otherID[0]++
	for _, c := range []struct {
		name  string
		event binlog.Kind
		body  []byte
		code  diag.Code
		says  string
	}{
		{"partial JSON", binlog.KindPartialUpdate, good, CodePartialImage, "binlog_row_value_options"},
		{"missing columns", binlog.KindWriteRows, withBitmap, CodePartialImage, "binlog_row_image = FULL"},
		{"another table", binlog.KindWriteRows, otherID, CodeBrokenImage, "another table map"},
		{"unknown event", binlog.Kind(20), good, CodeBrokenImage, "has no rows"},
		{"cut off", binlog.KindWriteRows, good[:len(good)-1], CodeBrokenImage, "`c0` (varchar(10))"},
		{"too long", binlog.KindWriteRows, rowsBody(1, 1, append([]byte{0, 41}, make([]byte, 41)...)...), CodeBrokenImage, "longer"},
		{"half an update", binlog.KindUpdateRows, rowsBody(1, 2, 0, 1, 'a'), CodeBrokenImage, "after image"},
	} {
		rows := change.NewRows(1)
		rows.AddString("kept")
		err := decoder(t, typ).Decode(c.event, c.body, rows)
		p := diag.Find(err)
		if p == nil || p.Code != c.code || p.Class != diag.Refused || !strings.Contains(p.Error()+p.Fix, c.says) || !strings.Contains(p.Error(), "shop.orders") {
			t.Errorf("%s: %v", c.name, err)
		}
		if rows.Len() != 1 || string(rows.Cell(0, 0)) != "kept" {
			t.Errorf("%s: rows were changed", c.name)
		}
	}
}

func TestVerifyNamesTheDifference(t *testing.T) {
	t.Parallel()
	typ := func(b change.Base) change.Type { return change.Type{Base: b} }
	for _, c := range []struct {
		name   string
		log    change.Type
		schema change.Type
		says   string
	}{
		{"length", utf8mb4(change.VarChar, 20), utf8mb4(change.VarChar, 10), "80 bytes in the log and varchar(10) (40 bytes)"},
		{"long char", utf8mb4(change.Char, 255), utf8mb4(change.Char, 254), "1020 bytes"},
		{"precision", change.Type{Base: change.Decimal, Precision: 9, Scale: 2}, change.Type{Base: change.Decimal, Precision: 10, Scale: 2}, "decimal(9,2)"},
		{"base", typ(change.Int), typ(change.BigInt), "is int in the log and bigint"},
		{"fraction", change.Type{Base: change.Time, Fraction: 3}, typ(change.Time), "time(3)"},
		{"pack length", change.Type{Base: change.Set, Members: make([]string, 9)}, change.Type{Base: change.Set, Members: make([]string, 8)}, "set of 2 bytes"},
		{"text size", utf8mb4(change.Text, 0), utf8mb4(change.LongText, 0), "2 bytes of length"},
	} {
		err := Verify(table(c.schema), tableMap(table(c.log)))
		p := diag.Find(err)
		if p == nil || p.Code != CodeSchemaMismatch || !strings.Contains(p.Error(), c.says) || !strings.Contains(p.Error(), "shop.orders") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := Verify(table(typ(change.Int)), tableMap(table(typ(change.Int), typ(change.Int)))); err == nil {
		t.Error("another number of columns passed")
	}
}

func TestVerifyReadsWhatElseTheMapTells(t *testing.T) {
	t.Parallel()
	schema := table(change.Type{Base: change.Int}, utf8mb4(change.VarChar, 10), change.Type{Base: change.Enum, Charset: "utf8mb4", Members: []string{"a", "b"}})
	full := func() *binlog.TableMap {
		m := tableMap(schema)
		m.Signs = []byte{0}
		m.DefaultCollation = []uint64{46} // utf8mb4_bin
		m.Names = [][]byte{[]byte("C0"), []byte("c1"), []byte("c2")}
		m.Enums = [][][]byte{{[]byte("a"), []byte("b")}}
		return m
	}
	if err := Verify(schema, full()); err != nil {
		t.Fatal(err)
	}
	for says, spoil := range map[string]func(m *binlog.TableMap){
		"unsigned in the log":         func(m *binlog.TableMap) { m.Signs = []byte{0x80} },
		"charset latin1 in the log":   func(m *binlog.TableMap) { m.DefaultCollation = []uint64{8} },
		"charset binary in the log":   func(m *binlog.TableMap) { m.DefaultCollation = []uint64{63} },
		"named `other` in the log":    func(m *binlog.TableMap) { m.Names[1] = []byte("other") },
		"member 2 of column `c2`":     func(m *binlog.TableMap) { m.Enums[0][1] = []byte("z") },
		"1 members in the log":        func(m *binlog.TableMap) { m.Enums[0] = m.Enums[0][:1] },
		"is bigint in the log and in": func(m *binlog.TableMap) { m.Types[0] = 8 },
	} {
		m := full()
		spoil(m)
		if err := Verify(schema, m); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
}

func TestUnsupportedColumnsAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ  change.Type
		key  bool
		code diag.Code
	}{
		{change.Type{Base: change.Unknown}, false, CodeUnsupportedType},
		{change.Type{Base: change.Geometry}, true, CodeUnusableKey},
		{change.Type{Base: change.VarChar, Length: 5, Charset: "binary"}, false, CodeUnsupportedType},
		{change.Type{Base: change.VarChar, Length: 5, Charset: "klingon"}, false, CodeUnsupportedType},
		{change.Type{Base: change.Double}, true, CodeUnusableKey},
		{change.Type{Base: change.Double}, false, ""},
		{utf8mb4(change.VarChar, 5), true, ""},
	} {
		err := Supported(&change.Column{Name: "v", Type: c.typ}, c.key)
		var p *diag.Problem
		if c.code == "" && err != nil || c.code != "" && (!errors.As(err, &p) || p.Code != c.code) {
			t.Errorf("%s (%s), key %t: %v", c.typ, c.typ.Charset, c.key, err)
		}
	}
}
