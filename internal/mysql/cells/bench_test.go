package cells

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"syscall"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/mysql/binlog"
)

// BenchmarkDecode decodes events of 8 KB, as servers write them: rows of a sysbench table,
// and of one with 22 columns of most types.
func BenchmarkDecode(b *testing.B) {
	random := wideRow{rand.New(rand.NewPCG(1, 2))}
	b.Run("narrow", func(b *testing.B) { benchmarkDecode(b, narrowTypes, narrowImage) })
	b.Run("wide", func(b *testing.B) { benchmarkDecode(b, wideTypes, random.image) })
}

var narrowTypes = []change.Type{{Base: change.Int}, {Base: change.Int}, utf8mb4(change.Char, 120), utf8mb4(change.Char, 60)}

func narrowImage(row int) []byte {
	image := append([]byte{0}, number(uint64(row), 4)...)
	image = append(image, number(uint64(row*7919), 4)...)
	image = append(image, sized(2, digits(row, 119))...)
	return append(image, sized(1, digits(row+1, 59))...)
}

func number(v uint64, size int) []byte { return binary.LittleEndian.AppendUint64(nil, v)[:size] }

func sized(size int, value []byte) []byte { return append(number(uint64(len(value)), size), value...) }

func digits(row, n int) []byte {
	text := fmt.Sprintf("%0*d", n, row*7919)
	return []byte(text[:n])
}

// benchEvents is how many events there are: too many for the processor to learn by heart.
const benchEvents = 200

func benchmarkDecode(b *testing.B, types []change.Type, image func(row int) []byte) {
	d, rows := decoder(b, types...), change.NewRows(len(types))
	var events [][]byte
	var ends []int // rows before the end of each event
	row, bytes := 1_000_000, 0
	for range benchEvents {
		body := rowsBody(len(types), 1)
		for ; len(body) < 8000; row++ {
			body = append(body, image(row)...)
		}
		events, ends, bytes = append(events, body), append(ends, row), bytes+len(body)
	}
	b.SetBytes(int64(bytes / (row - 1_000_000)))
	b.ReportAllocs()
	began := cpu()
	b.ResetTimer()
	for n, i, before := 0, 0, 1_000_000; n < b.N; i++ {
		if i == benchEvents {
			i, before = 0, 1_000_000
		}
		rows.Reset(len(types))
		if err := d.Decode(binlog.KindWriteRows, events[i], rows); err != nil || rows.Len() != ends[i]-before {
			b.Fatal(err, rows.Len())
		}
		n, before = n+rows.Len(), ends[i]
	}
	b.ReportMetric(float64(cpu()-began)/float64(b.N), "cpu-ns/op")
}

// BenchmarkSelected makes rows of the packets of an answer, the same rows as BenchmarkDecode.
func BenchmarkSelected(b *testing.B) {
	random := wideRow{rand.New(rand.NewPCG(1, 2))}
	b.Run("narrow", func(b *testing.B) { benchmarkSelected(b, narrowTypes, narrowImage) })
	b.Run("wide", func(b *testing.B) { benchmarkSelected(b, wideTypes, random.image) })
}

// answers are the packets of a server that is asked for these rows.
func answers(b *testing.B, types []change.Type, image func(row int) []byte) (packets [][]byte) {
	const n = 4000
	d, rows := decoder(b, types...), change.NewRows(len(types))
	body := rowsBody(len(types), 1)
	for i := range n {
		body = append(body, image(1_000_000+i)...)
	}
	if err := d.Decode(binlog.KindWriteRows, body, rows); err != nil {
		b.Fatal(err)
	}
	for row := range n {
		var packet []byte
		for i := range types {
			cell := string(rows.Cell(row, i))
			if types[i].Base == change.Float && cell != "" {
				v, err := strconv.ParseFloat(cell, 32)
				if err != nil {
					b.Fatal(err)
				}
				cell = strconv.FormatFloat(v, 'f', -1, 64)
			}
			switch {
			case rows.Null(row, i):
				packet = append(packet, 0xfb)
				continue
			case len(cell) < 0xfb:
				packet = append(packet, byte(len(cell)))
			default:
				packet = append(packet, 0xfc, byte(len(cell)), byte(len(cell)>>8))
			}
			packet = append(packet, cell...)
		}
		packets = append(packets, packet)
	}
	return packets
}

func benchmarkSelected(b *testing.B, types []change.Type, image func(row int) []byte) {
	packets := answers(b, types, image)
	bytes := 0
	for _, packet := range packets {
		bytes += len(packet)
	}
	t := table(types...)
	s, rows := NewSelected(t, allOf(len(types))), change.NewRows(len(types))
	b.SetBytes(int64(bytes / len(packets)))
	b.ReportAllocs()
	began := cpu()
	for i := 0; b.Loop(); i++ {
		if i%100 == 0 {
			rows.Reset(len(types))
		}
		if err := s.AppendRow(rows, packets[i%len(packets)]); err != nil {
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
