package mysql

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"starferry/internal/change"
	"starferry/internal/mysql/binlog"
	"starferry/internal/mysql/packets"
)

// logBytes is a connection that sends the same part of a log again and again.
type logBytes struct {
	net.Conn
	log  []byte
	sent int
}

func (c *logBytes) SetReadDeadline(time.Time) error { return nil }

func (c *logBytes) Read(p []byte) (int, error) {
	if c.sent == len(c.log) {
		return 0, io.EOF
	}
	n := copy(p, c.log[c.sent:])
	c.sent += n
	return n, nil
}

// packet appends an event as the server sends it.
func (c *logBytes) packet(e *binlog.Event, seconds uint32) {
	size := 19 + len(e.Body) + 4
	p := binary.LittleEndian.AppendUint32(nil, seconds)
	p = append(p, byte(e.Kind))
	p = binary.LittleEndian.AppendUint32(p, 1)
	p = binary.LittleEndian.AppendUint32(p, uint32(size))
	p = binary.LittleEndian.AppendUint32(p, uint32(len(c.log)))
	p = append(append(p, 0, 0), e.Body...)
	p = binary.LittleEndian.AppendUint32(p, crc32.ChecksumIEEE(p))
	c.log = append(c.log, byte(len(p)+1), byte((len(p)+1)>>8), byte((len(p)+1)>>16), 0, 0)
	c.log = append(c.log, p...)
}

// narrowOnRoad follows sysbench's tables.
func narrowOnRoad(tables int) (r *reader, maps []*binlog.Event) {
	r = onRoad()
	r.timer = time.AfterFunc(time.Hour, func() {})
	for i := range tables {
		name := change.Name{Database: "sbtest", Table: "t" + strconv.Itoa(i)}
		table := &change.Table{Name: name, Version: 1, Key: []int{0}, Columns: []change.Column{
			{Name: "id", Type: change.Type{Base: change.Int}}, {Name: "k", Type: change.Type{Base: change.Int}},
			{Name: "c", Type: change.Type{Base: change.Char, Length: 120, Charset: "latin1"}}, {Name: "pad", Type: change.Type{Base: change.Char, Length: 60, Charset: "latin1"}},
		}}
		r.tracker.tables[r.source.foldName(name)] = &tracked{name: name, table: table, state: following}
		body := append([]byte{byte(i + 1), 0, 0, 0, 0, 0, 1, 0, 6}, "sbtest\x00"...)
		body = append(append(append(body, byte(len(name.Table))), name.Table...), 0)
		maps = append(maps, &binlog.Event{Kind: binlog.KindTableMap, Body: append(body, 4, 3, 3, 254, 254, 4, 254, 120, 254, 60, 0)})
	}
	return r, maps
}

// BenchmarkRoad is what a transaction costs between the bytes of the socket and the loop,
// with rows of sysbench's tables; no server is needed.
func BenchmarkRoad(b *testing.B) {
	for _, tables := range []int{1, 4} {
		b.Run("singles/"+strconv.Itoa(tables)+"tables", func(b *testing.B) { benchmarkRoad(b, tables) })
	}
}

func benchmarkRoad(b *testing.B, tables int) {
	const transactions = 20_000
	r, maps := narrowOnRoad(tables)
	conn := &logBytes{}
	format := append(append([]byte{4, 0}, make([]byte, 50+4)...), 19)
	conn.packet(&binlog.Event{Kind: binlog.KindFormat, Body: append(format, make([]byte, 40)...)}, 1)
	// Its algorithm stands before the checksum.
	p := conn.log[5:]
	p[len(p)-5] = 1
	binary.LittleEndian.PutUint32(p[len(p)-4:], crc32.ChecksumIEEE(p[:len(p)-4]))
	begin := append([]byte{9, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 32, 0}, make([]byte, 32)...)
	begin = append(begin, "sbtest\x00BEGIN"...)
	var gtid []byte
	for i := range transactions {
		gtid = append(append(gtid[:0], 1), bytes.Repeat([]byte{7}, 16)...)
		gtid = binary.LittleEndian.AppendUint64(gtid, uint64(i+1))
		gtid = append(append(gtid, 2), make([]byte, 16)...)
		gtid = binary.LittleEndian.AppendUint64(gtid, uint64(1_700_000_000_000_000+i*100))[:len(gtid)+7]
		conn.packet(&binlog.Event{Kind: binlog.KindGTID, Body: gtid}, 1_700_000_000)
		conn.packet(&binlog.Event{Kind: binlog.KindQuery, Body: begin}, 1_700_000_000)
		conn.packet(maps[i%tables], 1_700_000_000)
		row := append([]byte{byte(i%tables + 1), 0, 0, 0, 0, 0, 1, 0, 2, 0, 4, 0xff, 0}, byte(i), byte(i>>8), 1, 0, byte(i), byte(i>>8), 7, 0, 119)
		row = append(append(append(row, strings.Repeat("83868641912-", 10)[:119]...), 59), strings.Repeat("67847967377-", 5)[:59]...)
		conn.packet(&binlog.Event{Kind: binlog.KindWriteRows, Body: row}, 1_700_000_000)
		conn.packet(&binlog.Event{Kind: binlog.KindXID, Body: make([]byte, 8)}, 1_700_000_000)
	}
	readRoad(b, r, conn)
	b.SetBytes(int64(len(conn.log) / transactions))
	b.ReportAllocs()
	b.ResetTimer()
	before, read := cpuTime(b), 0
	for range b.N/transactions + 1 { // an operation is a transaction, and the whole log is read each time
		read += readRoad(b, r, conn)
	}
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(read), "cpu-ns/transaction")
}

// readRoad reads the log once and gives the number of its rows.
func readRoad(b *testing.B, r *reader, conn *logBytes) (rows int) {
	conn.sent = 0
	r.executed, r.dump = &gomysql.MysqlGTIDSet{}, &dump{in: packets.NewReader(conn, time.Minute)}
	for {
		e, err := r.dump.next()
		if err != nil {
			return rows
		}
		if err := r.burst(context.Background(), e); err != nil {
			b.Fatal(err)
		}
		if err := r.queue.flush(context.Background()); err != nil {
			b.Fatal(err)
		}
		takeAll(b, r.queue, func(e *change.Event) {
			if e.Rows != nil {
				rows += e.Rows.Len()
			}
			e.ReleaseRows()
		})
	}
}
