package cells

import (
	"encoding/hex"
	"errors"
	"testing"

	"starferry/internal/change"
	"starferry/internal/mysql/binlog"
	"starferry/internal/mysql/packets"
)

// everyType is a table with a column of every type that is carried.
func everyType() []change.Type {
	members := []string{"a", "b", "c"}
	return []change.Type{
		{Base: change.TinyInt}, {Base: change.MediumInt, Unsigned: true}, {Base: change.BigInt}, {Base: change.Bit, Length: 9},
		{Base: change.Decimal, Precision: 65, Scale: 30}, {Base: change.Float}, {Base: change.Double},
		utf8mb4(change.Char, 100), {Base: change.VarChar, Length: 9, Charset: "latin1"}, {Base: change.Text, Charset: "utf16"},
		{Base: change.Binary, Length: 5}, {Base: change.Blob}, {Base: change.Enum, Members: members}, {Base: change.Set, Members: members},
		{Base: change.JSON}, {Base: change.Date}, {Base: change.Time, Fraction: 2}, {Base: change.DateTime, Fraction: 6},
		{Base: change.Timestamp, Fraction: 3}, {Base: change.Year},
		{Base: change.Geometry}, {Base: change.Vector}, {Base: change.UUID}, {Base: change.INET4}, {Base: change.INET6}, {Base: change.Boolean},
		{Base: change.VarChar, Length: 9, Charset: "gb18030"}, {Base: change.Text, Charset: "ujis"}, {Base: change.Char, Length: 9, Charset: "sjis"},
		{Base: change.Timestamp, Fraction: 6, Zone: "Asia/Shanghai", ZeroDates: change.RoundZeroDates}, {Base: change.Date, ZeroDates: change.NullZeroDates},
		{Base: change.DateTime, ZeroDates: change.RoundZeroDates},
	}
}

func FuzzDecode(f *testing.F) {
	types := everyType()
	var decoders []*Decoder
	for i := range types {
		decoders = append(decoders, decoder(f, types[i], change.Type{Base: change.TinyInt}))
	}
	decoders = append(decoders, decoder(f, types...))
	f.Add(uint8(0), uint8(binlog.KindWriteRows), rowsBody(2, 1, 0, 1, 2))
	f.Add(uint8(14), uint8(binlog.KindUpdateRows), rowsBody(2, 2, 0, 4, 0, 0, 0, 5, 1, 2, 3, 9, 2, 0))
	f.Add(uint8(len(types)), uint8(binlog.KindMariaWriteRows), rowsBody(len(types), 1, 1, 200))
	f.Add(uint8(16), uint8(binlog.KindWriteRows), rowsBody(2, 1, 0, 0x7f, 0xff, 0xfe, 0xf6, 1))
	f.Fuzz(func(t *testing.T, which, eventType uint8, body []byte) {
		d := decoders[int(which)%len(decoders)]
		rows := change.NewRows(len(d.columns))
		err := d.Decode(binlog.Kind(eventType), body, rows)
		if err != nil && rows.Len() != 0 {
			t.Error("rows were left behind")
		}
		// Compression by zlib is 1:1030 at best, and a row is a byte per eight
		// columns at least.
		if limit := (len(body) + 64) * 1100 * 16 * len(d.columns); rows.Bytes() > limit {
			t.Errorf("%d bytes became %d", len(body), rows.Bytes())
		}
	})
}

func FuzzJSON(f *testing.F) {
	for _, c := range jsonVectors {
		document, err := hex.DecodeString(c.document)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(document)
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		text, _ := appendJSON(nil, document)
		if len(text) > (jsonExpansion+8)*len(document)+4*jsonSlack {
			t.Errorf("%d bytes became %d", len(document), len(text))
		}
	})
}

// FuzzSelected makes rows of answers of any bytes: as the row of a table of one column of
// each type, which is its key or not, and of one of them all.
func FuzzSelected(f *testing.F) {
	types := everyType()
	t := &change.Table{}
	for i := range types {
		t.Columns = append(t.Columns, change.Column{Name: "c", Type: types[i]})
	}
	keyed := &change.Table{Columns: t.Columns, Key: allOf(len(types))}
	for i, answer := range []string{"", "1", "-1.5e300", "65.92418670654297", "2020-01-01 00:00:00.000000", "0000-00-00", "\x00\x00\x00\x00\x01\x01\x00\x00\x00", "caf\xe9"} {
		f.Add(uint8(i*5), i%2 == 0, append([]byte{byte(len(answer))}, answer...))
	}
	f.Fuzz(func(tt *testing.T, which uint8, key bool, row []byte) {
		table, columns := t, []int{int(which) % len(types)}
		if key {
			table = keyed
		}
		if int(which) >= len(types) {
			columns = allOf(len(types))
		}
		rows := change.NewRows(len(columns))
		err := NewSelected(table, columns).AppendRow(rows, row)
		if (err == nil) != (rows.Len() == 1) && rows.Len() != 0 && !errors.Is(err, packets.ErrMalformed) {
			tt.Errorf("%d rows, %v", rows.Len(), err)
		}
		if limit := 64 * (len(row) + 64); rows.Bytes() > limit {
			tt.Errorf("%d bytes became %d", len(row), rows.Bytes())
		}
	})
}

func allOf(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
