package cells

import (
	"encoding/binary"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/mysql/binlog"
)

// BenchmarkDecode decodes events of 8 KB, as servers write them: rows of a sysbench table,
// and of one with 22 columns of most types.
func BenchmarkDecode(b *testing.B) {
	b.Run("narrow", func(b *testing.B) { benchmarkDecode(b, narrowTypes, narrowImage) })
	b.Run("wide", func(b *testing.B) { benchmarkDecode(b, wideTypes, wideImage) })
}

var narrowTypes = []change.Type{{Base: change.Int}, {Base: change.Int}, utf8mb4(change.Char, 120), utf8mb4(change.Char, 60)}

func narrowImage(row int) []byte {
	image := append([]byte{0}, number(uint64(row), 4)...)
	image = append(image, number(uint64(row*7919), 4)...)
	image = append(image, sized(2, digits(row, 119))...)
	return append(image, sized(1, digits(row+1, 59))...)
}

var wideTypes = []change.Type{
	{Base: change.Int}, {Base: change.BigInt, Unsigned: true}, {Base: change.TinyInt}, {Base: change.SmallInt}, {Base: change.MediumInt},
	{Base: change.Decimal, Precision: 14, Scale: 4}, {Base: change.Float}, {Base: change.Double},
	{Base: change.DateTime, Fraction: 6}, {Base: change.Timestamp}, {Base: change.Date}, {Base: change.Time, Fraction: 2}, {Base: change.Year},
	utf8mb4(change.Char, 20), utf8mb4(change.VarChar, 80), {Base: change.VarChar, Length: 80, Charset: "latin1"}, utf8mb4(change.Text, 0), {Base: change.VarBinary, Length: 40},
	{Base: change.Enum, Members: []string{"red", "green", "blue"}}, {Base: change.Set, Members: []string{"a", "b", "c"}}, {Base: change.Bit, Length: 9}, {Base: change.JSON},
}

// wideDocument is {"id": 7, "ok": true, "name": "0123456789", "tags": ["a", "b", 300], "price": 12.625}.
var wideDocument = []byte{
	0, 5, 0, 98, 0, // an object of five members and 98 bytes
	39, 0, 2, 0, 41, 0, 2, 0, 43, 0, 4, 0, 47, 0, 4, 0, 51, 0, 5, 0, // keys
	5, 7, 0, 4, 1, 0, 12, 56, 0, 2, 67, 0, 11, 90, 0, // values
	'i', 'd', 'o', 'k', 'n', 'a', 'm', 'e', 't', 'a', 'g', 's', 'p', 'r', 'i', 'c', 'e',
	10, '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
	3, 0, 17, 0, 12, 13, 0, 12, 15, 0, 5, 44, 1, 1, 'a', 1, 'b', 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0x40, 0x29, 0x40,
}

func wideImage(row int) []byte {
	image := append([]byte{0, 0, 0}, number(uint64(row), 4)...)
	image = append(image, number(uint64(row)*2654435761, 8)...)
	image = append(image, number(uint64(row%100), 1)...)
	image = append(image, number(uint64(row%30000), 2)...)
	image = append(image, number(uint64(row*11), 3)...)
	image = append(image, 0x81, 0x0d, 0xfb, 0x38, 0xd2, 0x04, 0xd2) // 1234567890.1234
	image = append(image, 0xcd, 0xcc, 0xcc, 0x3d)
	image = append(image, 0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f)
	image = append(image, 0x99, 0xb2, 0xbb, 0x7e, 0xfb, 0, 0, 7)
	image = append(image, 0x7f, 0xff, 0xff, 0xff)
	image = append(image, 0x5d, 0xd0, 0x0f)
	image = append(image, 0x7f, 0xff, 0xfe, 0xf6)
	image = append(image, 124)
	image = append(image, sized(1, digits(row, 20))...)
	image = append(image, sized(2, append([]byte("näme 東京 "), digits(row, 32)...))...)
	image = append(image, sized(1, append([]byte{0xe9, 0x80}, digits(row, 40)...))...)
	image = append(image, sized(2, digits(row, 96))...)
	image = append(image, sized(1, digits(row, 16))...)
	image = append(image, byte(1+row%3), byte(row%8), 1, byte(row))
	return append(image, sized(4, wideDocument)...)
}

func number(v uint64, size int) []byte { return binary.LittleEndian.AppendUint64(nil, v)[:size] }

func sized(size int, value []byte) []byte { return append(number(uint64(len(value)), size), value...) }

func digits(row, n int) []byte {
	text := fmt.Sprintf("%0*d", n, row*7919)
	return []byte(text[:n])
}

func benchmarkDecode(b *testing.B, types []change.Type, image func(row int) []byte) {
	d, rows := decoder(b, types...), change.NewRows(len(types))
	body := rowsBody(len(types), 1)
	perEvent := 0
	for ; len(body) < 8000; perEvent++ {
		body = append(body, image(perEvent)...)
	}
	b.SetBytes(int64(len(body) / perEvent))
	b.ReportAllocs()
	for n := 0; n < b.N; n += perEvent {
		rows.Reset(len(types))
		if err := d.Decode(binlog.KindWriteRows, body, rows); err != nil || rows.Len() != perEvent {
			b.Fatal(err, rows.Len())
		}
	}
}

// BenchmarkSelected makes rows of the packets of an answer: a narrow one as of sysbench
// and a wide one, 22 columns with JSON.
func BenchmarkSelected(b *testing.B) {
	text := func(n int) string { return strings.Repeat("x", n) }
	b.Run("narrow", func(b *testing.B) {
		benchmarkSelected(b, []change.Type{{Base: change.Int}, {Base: change.Int}, utf8mb4(change.Char, 120), utf8mb4(change.Char, 60)},
			"123456", "987654", text(119), text(59))
	})
	b.Run("wide", func(b *testing.B) {
		benchmarkSelected(b, []change.Type{
			{Base: change.BigInt}, {Base: change.TinyInt}, {Base: change.SmallInt, Unsigned: true}, {Base: change.MediumInt}, {Base: change.Int}, {Base: change.BigInt, Unsigned: true},
			{Base: change.Decimal, Precision: 18, Scale: 4}, {Base: change.Float}, {Base: change.Double}, utf8mb4(change.Char, 20), utf8mb4(change.VarChar, 100),
			{Base: change.VarChar, Length: 50, Charset: "latin1"}, utf8mb4(change.Text, 0), {Base: change.VarBinary, Length: 32}, {Base: change.DateTime, Fraction: 6},
			{Base: change.Timestamp}, {Base: change.Date}, {Base: change.Time, Fraction: 3}, {Base: change.Year}, {Base: change.Enum, Members: []string{"a", "b"}},
			{Base: change.Set, Members: []string{"a", "b"}}, {Base: change.JSON}},
			"123456", "-12", "6500", "7919000", "104729000", "777777777700", "31415.9000", "65.92418670654297", "827364.1827364512", text(18), text(40), text(38), text(36), text(16),
			"2020-01-01 00:12:34.567890", "2020-01-01 00:12:34", "2012-03-04", "12:34:56.125", "1999", "b", "a,b",
			`{"id": 123456, "name": "0123456789abcdef0123456789abcdef", "tags": ["x", 6, true, null], "price": 30864.00}`)
	})
}

func benchmarkSelected(b *testing.B, types []change.Type, answers ...string) {
	t := &change.Table{Key: []int{0}}
	var row []byte
	all := make([]int, len(types))
	for i := range types {
		t.Columns = append(t.Columns, change.Column{Name: "c", Type: types[i]})
		all[i] = i
		row = append(append(row, byte(len(answers[i]))), answers[i]...)
	}
	s, rows := NewSelected(t, all), change.NewRows(len(types))
	b.SetBytes(int64(len(row)))
	b.ReportAllocs()
	began := cpu()
	for i := 0; b.Loop(); i++ {
		if i%1000 == 0 {
			rows.Reset(len(types))
		}
		if err := s.AppendRow(rows, row); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu()-began)/float64(b.N), "cpu-ns/op")
}

// cpu is what this process has used of the processors.
func cpu() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
