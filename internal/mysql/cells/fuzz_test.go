package cells

import (
	"encoding/hex"
	"testing"

	"starferry/internal/change"
	"starferry/internal/mysql/binlog"
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
