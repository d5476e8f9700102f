package cells

import (
	"testing"

	"starferry/internal/change"
	"starferry/internal/mysql/binlog"
)

func BenchmarkDecode(b *testing.B) {
	text := func(n int) []byte { return append([]byte{byte(n)}, make([]byte, n)...) }
	narrow := []change.Type{{Base: change.Int}, {Base: change.Int}, utf8mb4(change.Char, 60), utf8mb4(change.Char, 30)}
	image := append([]byte{0, 1, 2, 3, 0, 9, 9, 0, 0}, append(text(120), text(60)...)...)
	b.Run("narrow", func(b *testing.B) { benchmarkDecode(b, narrow, image) })

	wide := []change.Type{
		{Base: change.BigInt, Unsigned: true}, {Base: change.Decimal, Precision: 14, Scale: 4}, {Base: change.Double}, {Base: change.Float},
		{Base: change.DateTime, Fraction: 6}, {Base: change.Timestamp}, {Base: change.Date}, {Base: change.Time, Fraction: 2},
		{Base: change.VarChar, Length: 20, Charset: "latin1"}, {Base: change.JSON}, {Base: change.Enum, Members: []string{"a", "b"}}, utf8mb4(change.Text, 0),
	}
	image = []byte{0, 0,
		1, 2, 3, 4, 5, 6, 7, 8,
		0x81, 0x0d, 0xfb, 0x38, 0xd2, 0x04, 0xd2,
		0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f,
		0xcd, 0xcc, 0xcc, 0x3d,
		0x99, 0xb2, 0xbb, 0x7e, 0xfb, 0, 0, 7,
		0x7f, 0xff, 0xff, 0xff,
		0x5d, 0xd0, 0x0f,
		0x7f, 0xff, 0xfe, 0xf6,
		3, 'a', 0xe9, 'b',
		29, 0, 0, 0, 0, 2, 0, 0x1c, 0, 0x12, 0, 1, 0, 0x13, 0, 2, 0, 5, 1, 0, 2, 0x15, 0, 'a', 'b', 'b', 1, 0, 7, 0, 4, 0, 0,
		2, 40, 0}
	b.Run("wide", func(b *testing.B) { benchmarkDecode(b, wide, append(image, make([]byte, 40)...)) })
}

func benchmarkDecode(b *testing.B, types []change.Type, image []byte) {
	const rowsPerEvent = 30
	d, rows := decoder(b, types...), change.NewRows(len(types))
	body := rowsBody(len(types), 1)
	for range rowsPerEvent {
		body = append(body, image...)
	}
	b.SetBytes(int64(len(image)))
	b.ReportAllocs()
	for n := 0; n < b.N; n += rowsPerEvent {
		rows.Reset(len(types))
		if err := d.Decode(binlog.KindWriteRows, body, rows); err != nil {
			b.Fatal(err)
		}
	}
}
