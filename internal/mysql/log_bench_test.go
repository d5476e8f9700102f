package mysql

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/ferry"
	"starferry/internal/mysql/packets"
	"starferry/internal/testbed"
)

// BenchmarkLog reads real logs through the stream, without any target, and compares it
// with a bare drain of the same bytes in the same run: packets, nothing else. One
// operation is a whole log.
//
//	go test ./internal/mysql -run '^$' -bench BenchmarkLog -benchtime 3x
func BenchmarkLog(b *testing.B) {
	for _, name := range []string{"narrow", "narrow update", "wide", "single rows", "unfollowed", "compressed"} {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			l := benchLog(b, name)
			drained, drainCPU := l.read(b, l.drain)
			streamed, cpu := l.read(b, l.stream)
			b.ReportMetric(drained.Seconds()/streamed.Seconds(), "x-drain")
			b.ReportMetric(drainCPU.Seconds()*1e6/float64(l.rows), "drain-cpu-s/Mrow")
			b.ReportMetric(cpu.Seconds()*1e6/float64(l.rows), "cpu-s/Mrow")
			b.ReportMetric(float64(l.rows)/streamed.Seconds(), "rows/s")
			b.ReportMetric(float64(l.bytes)/1e6/streamed.Seconds(), "MB/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// loggedRows is a part of a log with changes of one kind.
type loggedRows struct {
	source     *Source
	table      *change.Table
	from, to   change.Position
	rows       int
	bytes      int
	unfollowed bool
}

var benchLogs struct {
	sync.Once
	server *testbed.Server
	err    error
	logs   map[string]*loggedRows
}

func benchLog(b *testing.B, name string) *loggedRows {
	b.Helper()
	benchLogs.Do(func() {
		benchLogs.logs = map[string]*loggedRows{}
		benchLogs.server, benchLogs.err = testbed.Start(context.Background(), testbed.Options{Flavor: testbed.MySQLFlavor,
			Args: []string{"--sync-binlog=0", "--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=512M", "--max-binlog-size=1G"}})
		if benchLogs.err == nil {
			writeLogs(b, benchLogs.server)
		}
	})
	if benchLogs.err != nil {
		b.Fatal(benchLogs.err)
	}
	l := *benchLogs.logs[name]
	l.source = connect(b, benchLogs.server, func(c *Config) { c.TLS = "disabled" })
	if !l.unfollowed {
		l.table = describe(b, l.source, "bench", strings.Fields(map[bool]string{true: "wide"}[name == "wide"] + " narrow")[0])
	}
	return &l
}

// writeLogs writes a file of the log for every case.
func writeLogs(b *testing.B, server *testbed.Server) {
	const wide = "b BIGINT UNSIGNED, t TINYINT, s SMALLINT, m MEDIUMINT, d DECIMAL(14,4), f FLOAT, g DOUBLE, dt DATETIME(6), ts TIMESTAMP NULL, da DATE, ti TIME(2), y YEAR, " +
		"c CHAR(20), v VARCHAR(80), u VARCHAR(80), tx TEXT, bi VARBINARY(40), e ENUM('red','green','blue'), st SET('a','b','c'), bt BIT(9), j JSON"
	server.Exec(b, "CREATE DATABASE bench",
		"CREATE TABLE bench.n (n INT PRIMARY KEY)",
		"SET SESSION cte_max_recursion_depth = 1000000",
		"CREATE TABLE bench.narrow (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL, c CHAR(120) NOT NULL, pad CHAR(60) NOT NULL)",
		"CREATE TABLE bench.wide (id INT NOT NULL PRIMARY KEY, "+wide+")",
		"INSERT INTO bench.n WITH RECURSIVE n AS (SELECT 0 AS n UNION ALL SELECT n+1 FROM n WHERE n < 999) SELECT n FROM n",
		"CREATE PROCEDURE bench.singles(n INT) BEGIN WHILE n > 0 DO INSERT INTO bench.narrow (k, c, pad) VALUES (n, SHA2(n, 256), SHA2(n, 224)); SET n = n - 1; END WHILE; END")
	s := connect(b, server)
	part := func(name string, rows int, statements ...string) {
		server.Exec(b, "FLUSH BINARY LOGS")
		from := start(b, s)
		server.Exec(b, statements...)
		to, err := s.End(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		benchLogs.logs[name] = &loggedRows{from: from, to: to, rows: rows, bytes: int(to.Offset - from.Offset)}
	}
	digits := "RPAD('', %d, CONCAT(a.n*7919, '-', b.n*104729, '-', a.n*b.n, '-', a.n*31+b.n, '-'))"
	c, pad := fmt.Sprintf(digits, 119), fmt.Sprintf(digits, 59)
	const batches = 200
	var insert, update []string
	for i := range batches {
		insert = append(insert, fmt.Sprintf("INSERT INTO bench.narrow (k, c, pad) SELECT a.n*1000+%d, %s, %s FROM bench.n a, (SELECT %d AS n) b", i, c, pad, i))
	}
	part("narrow", batches*1000, insert...)
	for i := range batches / 2 {
		update = append(update, fmt.Sprintf("UPDATE bench.narrow SET k = k + 1 WHERE id BETWEEN %d AND %d", i*1000+1, (i+1)*1000))
	}
	part("narrow update", 0, update...)
	l := benchLogs.logs["narrow update"]
	if err := server.DB().QueryRow(fmt.Sprintf("SELECT COUNT(*) FROM bench.narrow WHERE id <= %d", batches/2*1000)).Scan(&l.rows); err != nil {
		b.Fatal(err)
	}
	values := "a.n*2654435761, a.n%100, a.n%30000, a.n*11, a.n*1234.5678, a.n/7, a.n/3, FROM_UNIXTIME(1.6e9+a.n*1000.123456), FROM_UNIXTIME(1.5e9+a.n*999), DATE(FROM_UNIXTIME(1.4e9+a.n*86400)), SEC_TO_TIME(a.n*3.25), 1950+a.n%100, " +
		"LEFT(SHA2(a.n, 256), 20), CONCAT('näme ', LEFT(SHA2(a.n, 256), 32), ' 東京'), REPEAT('u', a.n%80), REPEAT(LEFT(SHA2(a.n, 256), 32), 3), UNHEX(LEFT(SHA2(a.n, 256), 32)), 1+a.n%3, a.n%8, a.n%512, " +
		"JSON_OBJECT('id', a.n, 'name', LEFT(SHA2(a.n, 256), 32), 'tags', JSON_ARRAY('a', 'b', a.n), 'price', a.n/8, 'ok', TRUE, 'inner', JSON_OBJECT('x', NULL, 'y', a.n*1000))"
	var wides []string
	for i := range 20 {
		wides = append(wides, fmt.Sprintf("INSERT INTO bench.wide SELECT a.n+%d, ", i*1000)+values+" FROM bench.n a")
	}
	part("wide", 20_000, wides...)
	part("single rows", 40_000, "CALL bench.singles(40000)")
	part("compressed", 50_000, append([]string{"SET SESSION binlog_transaction_compression = ON"}, insert[:50]...)...)
	unfollowed := *benchLogs.logs["narrow"]
	unfollowed.unfollowed = true
	benchLogs.logs["unfollowed"] = &unfollowed
}

// read runs a way to read the log and gives the time and the processor time of one run,
// both from where it is connected.
func (l *loggedRows) read(b *testing.B, run func(b *testing.B, connected func())) (wall, cpu time.Duration) {
	run(b, func() {}) // warms the server's cache and the pools
	allocations := uint64(0)
	for range b.N {
		var before, after runtime.MemStats
		var used time.Duration
		var begun time.Time
		run(b, func() {
			runtime.ReadMemStats(&before)
			used, begun = cpuTime(b), time.Now()
		})
		wall += time.Since(begun) / time.Duration(b.N)
		cpu += (cpuTime(b) - used) / time.Duration(b.N)
		runtime.ReadMemStats(&after)
		allocations += after.Mallocs - before.Mallocs
	}
	b.ReportMetric(float64(allocations)/float64(b.N)/float64(l.rows), "allocs/row")
	return wall, cpu
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// stream reads with the stream to the end of the log.
func (l *loggedRows) stream(b *testing.B, connected func()) {
	var follow ferry.Follow
	if l.table != nil {
		follow.Known = []*change.Table{l.table}
	}
	stream, err := l.source.Open(b.Context(), l.from, follow)
	if err != nil {
		b.Fatal(err)
	}
	defer stream.Close()
	connected()
	rows := 0
	for ended := false; !ended; {
		events, err := stream.Take()
		if err != nil {
			b.Fatal(err)
		}
		if len(events) == 0 {
			<-stream.Ready()
		}
		for i := range events {
			e := &events[i]
			switch e.Kind {
			case change.Insert, change.Delete:
				rows += e.Rows.Len()
			case change.Update:
				rows += e.Rows.Len() / 2
			}
			e.ReleaseRows()
			if ended = e.Position.Reached(l.to); ended {
				break
			}
		}
	}
	if want := l.rows; !l.unfollowed && rows != want {
		b.Fatalf("%d rows, want %d", rows, want)
	}
}

// drain reads the packets of the same log and looks at nothing but where they end.
func (l *loggedRows) drain(b *testing.B, connected func()) {
	d, err := l.source.openDump(b.Context(), l.from)
	if err != nil {
		b.Fatal(err)
	}
	defer d.close()
	connected()
	in := packets.NewReader(d.conn.Conn.Conn, 0)
	for file := l.from.File; ; {
		packet, err := in.Next()
		if err != nil || packet[0] != 0 {
			b.Fatalf("%v %q", err, packet)
		}
		if packet[5] == 4 { // a rotate event
			file = string(packet[28:])
		}
		if end := binary.LittleEndian.Uint32(packet[14:]); strings.HasPrefix(file, l.to.File) && uint64(end) >= l.to.Offset {
			return
		}
	}
}
