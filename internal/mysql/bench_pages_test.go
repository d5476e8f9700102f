package mysql

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/ferry"
	"starferry/internal/testbed"
)

// BenchmarkPages copies tables by pages and does nothing with the rows: narrow rows as of
// sysbench, and wide ones of 22 mixed columns with JSON. What an operation does is a whole
// table, read in as many spans at a time as the name says; drain is the same packets,
// unread.
//
//	go test ./internal/mysql -run '^$' -bench Pages -benchtime 3x
func BenchmarkPages(b *testing.B) {
	server, err := testbed.Start(context.Background(), testbed.Options{Flavor: testbed.MySQLFlavor,
		Args: []string{"--innodb-buffer-pool-size=2G", "--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0"}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { server.Stop() })
	server.Exec(b, "CREATE DATABASE bench", "USE bench", "CREATE TABLE n (x INT)", "INSERT INTO n VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)")
	for _, data := range []struct {
		name, ddl, values string
		rows              int
	}{
		{"narrow", narrowTable, narrowValues, 1_000_000},
		{"wide", wideTable, wideValues, 200_000},
	} {
		server.Exec(b, "USE bench", data.ddl)
		for at := 0; at < data.rows; at += 100_000 {
			server.Exec(b, "USE bench", fmt.Sprintf("INSERT INTO %s SELECT %s FROM (SELECT %d + 10000*a.x + 1000*b.x + 100*c.x + 10*d.x + e.x AS i FROM n a, n b, n c, n d, n e ORDER BY i) AS numbers",
				data.name, data.values, at))
		}
		s := connect(b, server, func(c *Config) { c.TLS = "disabled" })
		table := describe(b, s, "bench", data.name)
		bounds := bounds(b, s, table)
		for _, spans := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/spans=%d", data.name, spans), func(b *testing.B) {
				measure(b, server, data.rows, func() { copySpans(b, s, table, bounds[:spans-1], data.rows) })
			})
		}
		b.Run(data.name+"/drain", func(b *testing.B) {
			measure(b, server, data.rows, func() { drain(b, s, table, data.rows) })
		})
	}
}

// measure runs copies of a table and says what they take of this process and the server.
func measure(b *testing.B, server *testbed.Server, rows int, run func()) {
	b.Helper()
	b.ReportAllocs()
	ours, theirs := cpu(), serverCPU(b, server)
	for b.Loop() {
		run()
	}
	all := float64(b.N * rows)
	b.ReportMetric(all/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric((cpu()-ours).Seconds()/all*1e6, "cpu-s/Mrow")
	b.ReportMetric((serverCPU(b, server)-theirs).Seconds()/all*1e6, "server-s/Mrow")
}

// drain reads the packets of a whole table and does not look into them: what is to be had
// of one connection.
func drain(b *testing.B, s *Source, table *change.Table, want int) {
	b.Helper()
	rows := 0
	err := s.pages.with(b.Context(), func(conn *pageConn) error {
		return conn.query(b.Context(), strings.Replace(selectList(table), "SELECT ", "SELECT /*+ MAX_EXECUTION_TIME(600000) */ ", 1), func(int, []byte) error {
			rows++
			return nil
		})
	})
	if err != nil || rows != want {
		b.Fatalf("%d rows, want %d: %v", rows, want, err)
	}
}

// bounds splits a table once.
func bounds(b *testing.B, s *Source, table *change.Table) []*change.Rows {
	b.Helper()
	middle, err := s.Split(b.Context(), table, nil, nil)
	if err != nil || middle == nil {
		b.Fatalf("no middle: %v", err)
	}
	return []*change.Rows{middle}
}

// copySpans reads a table in spans with these bounds between them, all at a time.
func copySpans(b *testing.B, s *Source, table *change.Table, bounds []*change.Rows, want int) {
	b.Helper()
	read := make(chan int)
	var after *change.Rows
	for _, until := range append(bounds[:len(bounds):len(bounds)], nil) {
		go func(after *change.Rows) {
			n, err := copySpan(b.Context(), s, table, after, until)
			if err != nil {
				b.Error(err)
			}
			read <- n
		}(after)
		after = until
	}
	got := 0
	for range len(bounds) + 1 {
		got += <-read
	}
	if got != want {
		b.Fatalf("%d rows, want %d", got, want)
	}
}

func copySpan(ctx context.Context, s *Source, table *change.Table, after, until *change.Rows) (rows int, err error) {
	into := &change.Rows{}
	for {
		page, err := s.ReadPage(ctx, ferry.PageRequest{Table: table, After: after, Until: until, MaxBytes: 8 << 20, Into: into})
		if err != nil || page.Rows.Len() == 0 {
			return rows, err
		}
		rows += page.Rows.Len()
		after = lastKey(table, page.Rows)
	}
}

// cpu is what this process has used of the processors.
func cpu() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// serverCPU is what the server has used, in ticks of 10 ms.
func serverCPU(b *testing.B, server *testbed.Server) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", server.PID()))
	if err != nil {
		b.Fatal(err)
	}
	_, behind, _ := strings.Cut(string(stat), ") ")
	var user, system int
	if _, err := fmt.Sscanf(strings.Join(strings.Fields(behind)[11:13], " "), "%d %d", &user, &system); err != nil {
		b.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

const (
	narrowTable  = "CREATE TABLE narrow (id INT NOT NULL PRIMARY KEY, k INT NOT NULL, c CHAR(120) NOT NULL, pad CHAR(60) NOT NULL)"
	narrowValues = "i + 1, i * 7919 % 1000000, LEFT(CONCAT(SHA2(i, 512), '-', SHA2(i + 1, 256)), 119), LEFT(SHA2(i + 2, 256), 59)"
	wideTable    = `CREATE TABLE wide (id BIGINT NOT NULL PRIMARY KEY, i8 TINYINT, u16 SMALLINT UNSIGNED, i24 MEDIUMINT, i32 INT, u64 BIGINT UNSIGNED,
		dec_ DECIMAL(18,4), f FLOAT, d DOUBLE, c CHAR(20), vc VARCHAR(100), latin VARCHAR(50) CHARACTER SET latin1, txt TEXT, bin VARBINARY(32),
		dt DATETIME(6), ts TIMESTAMP NULL, da DATE, ti TIME(3), yr YEAR, en ENUM('small','medium','large'), st SET('a','b','c','d'), js JSON)`
	wideValues = `i + 1, i % 255 - 127, i * 31 % 65536, i * 7919 % 8000000, i * 104729 % 2000000000, i * 7777777777,
		i * 31.4159, RAND(i) * 100, RAND(i + 1) * 1e6, LEFT(LEFT(SHA2(i, 224), 32), 18), CONCAT('name of ', LEFT(SHA2(i + 9, 224), 32)), CONCAT('caf', CHAR(233 USING latin1), ' ', LEFT(SHA2(i, 224), 32)),
		REPEAT('lorem ipsum ', 1 + i % 5), UNHEX(LEFT(SHA2(i, 224), 32)), '2020-01-01' + INTERVAL i * 1234567 MICROSECOND, '2020-01-01' + INTERVAL i SECOND, '2000-01-01' + INTERVAL i % 9000 DAY,
		SEC_TO_TIME(i % 80000 + 0.125), 1950 + i % 150, ELT(1 + i % 3, 'small', 'medium', 'large'), i % 16,
		JSON_OBJECT('id', i, 'name', LEFT(SHA2(i, 224), 32), 'tags', JSON_ARRAY('x', i % 10, TRUE, NULL), 'price', i * 0.25)`
)
