package endtoend

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"starferry/internal/testbed"
)

// TestALogOver4GiB: the offsets in a binary log have 32 bits and begin anew at 4 GiB. One
// transaction makes a file that long; rows that are followed lie before, behind and on
// both sides of the border in it; the ferry is killed on the way. It takes minutes and
// 15 GB of disk per server, so "make huge" asks for it.
func TestALogOver4GiB(t *testing.T) {
	if os.Getenv("STARFERRY_HUGE") == "" {
		t.Skip("only on request: make huge")
	}
	options := []string{"--max-allowed-packet=128M"}
	for name, start := range map[string]func() *testbed.Server{
		"mysql gtid": func() *testbed.Server { return testbed.MySQL(t, options...) },
		"mysql file": func() *testbed.Server {
			return testbed.MySQL(t, append(options, "--gtid-mode=OFF", "--enforce-gtid-consistency=OFF")...)
		},
		"mariadb": func() *testbed.Server { return testbed.MariaDB(t, options...) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, start())
			w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v TEXT)", "CREATE TABLE other (id INT PRIMARY KEY, v LONGBLOB)", "INSERT INTO t VALUES (0, 'before')")
			script := w.write(t, "t.sql", w.script("", route{from: "t", to: "t"}))
			w.catchUp(t, script)
			p := w.start(t, script)
			waitLine(t, p, "state=streaming")
			size := w.hugeTransaction(t)
			w.exec(t, "INSERT INTO t VALUES (1000, 'behind')")
			w.awaitEqual(t, "t")
			w.stop(t, p)
			// Once more, read by runs that are killed on the way.
			w.exec(t, "DELETE FROM t")
			size += w.hugeTransaction(t)
			w.exec(t, "UPDATE t SET v = CONCAT(v, '!') WHERE id % 2 = 1")
			r := rand.New(rand.NewPCG(1, 1))
			for range 4 {
				w.killAfter(t, script, time.Duration(r.IntN(8000))*time.Millisecond)
			}
			began := time.Now()
			w.catchUp(t, script)
			w.compare(t, "t", "t")
			t.Logf("%d MB of binary log, the second half read in %s at last", size>>20, time.Since(began).Round(time.Second))
		})
	}
}

// hugeTransaction fills more than 4 GiB of the binary log with rows of a table that
// nobody follows, and some that are. It returns how long the file is.
func (w *world) hugeTransaction(t *testing.T) int64 {
	t.Helper()
	const rows, size = 75, 60 << 20
	ctx := context.Background()
	conn, err := w.source.DB().Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	exec := func(statement string) {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	exec("USE " + w.database)
	exec("TRUNCATE other")
	exec("BEGIN")
	for i := range rows {
		exec(fmt.Sprintf("INSERT INTO t VALUES (%d, '%s')", i+1, strings.Repeat("x", i)))
		exec(fmt.Sprintf("INSERT INTO other VALUES (%d, REPEAT('x', %d))", i, size))
	}
	exec("INSERT INTO t VALUES (500, 'last')")
	exec("COMMIT")
	var longest int64
	for file, at := range w.logFiles(t) {
		if longest = max(longest, at); at > 4<<30 {
			t.Logf("%s has %d bytes", file, at)
		}
	}
	if longest <= 4<<30 {
		t.Fatalf("the longest file of the log has %d bytes", longest)
	}
	return longest
}

// logFiles are the files of the binary log, and how long they are.
func (w *world) logFiles(t *testing.T) map[string]int64 {
	t.Helper()
	rows, err := w.source.DB().Query("SHOW BINARY LOGS")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]int64{}
	for rows.Next() {
		var file, ignored string
		var size int64
		into := []any{&file, &size, &ignored}
		if err := rows.Scan(into[:len(columns)]...); err != nil {
			t.Fatal(err)
		}
		files[file] = size
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return files
}
