package mysql

import (
	"fmt"
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/ferry"
	"starferry/internal/mysql/binlog"
	"starferry/internal/testbed"
)

// TestACompressedTransactionIsReadAgain: whole or behind one of its events, in parts.
func TestACompressedTransactionIsReadAgain(t *testing.T) {
	t.Parallel()
	server := testbed.MySQL(t)
	db := server.Database(t)
	server.Exec(t, "USE "+db, "CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TABLE u (id INT PRIMARY KEY)")
	s := connect(t, server)
	from := start(t, s)
	statements := []string{"USE " + db, "SET SESSION binlog_transaction_compression = ON", "BEGIN"}
	var all []string
	for i := range 9 {
		statements = append(statements, fmt.Sprintf("INSERT INTO t VALUES (%d), (%d)", 2*i, 2*i+1), fmt.Sprintf("INSERT INTO u VALUES (%d)", i))
		all = append([]string{fmt.Sprintf("delete t %d", 2*i+1), fmt.Sprintf("delete t %d", 2*i)}, all...)
	}
	server.Exec(t, append(statements, "COMMIT")...)
	var begins change.Position
	end, err := s.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = s.scan(t.Context(), from, end, func(at change.Position, e *binlog.Event) (bool, error) {
		if begins = at; e.Kind == binlog.KindPayload {
			return false, nil
		}
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, most := range []int{1, 1000, 1 << 20} {
		for _, first := range []int{0, 7, 18} { // events with rows, every other of which is of u, which has not joined
			r, err := newReader(s, nil, newQueue(1<<20), from, from)
			if err != nil {
				t.Fatal(err)
			}
			if r.tracker, err = s.newTracker(t.Context(), ferry.Follow{Known: []*change.Table{describe(t, s, db, "t")}, Join: []change.Name{{Database: db, Table: "u"}}}); err != nil {
				t.Fatal(err)
			}
			r.group.undo = undo{most: most, read: 18, places: []waypoint{{at: begins}}}
			if err := r.takeBackFromLog(t.Context(), first); err != nil {
				t.Fatal(err)
			}
			if err := r.queue.flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			var events []change.Event
			takeAll(t, r.queue, func(e *change.Event) { events = append(events, *e) })
			compare(t, script(events), all[:len(all)-2*((first+1)/2)])
		}
	}
}

// TestAStatementLargerThanTheMemory: its table is told of once, before all of its events.
func TestAStatementLargerThanTheMemory(t *testing.T) {
	t.Parallel()
	server := testbed.MariaDB(t)
	db := server.Database(t)
	server.Exec(t, "USE "+db, "CREATE TABLE t (id INT PRIMARY KEY, pad TEXT)")
	s := connect(t, server, func(c *Config) { c.HeldBytes = 9000 })
	from := start(t, s)
	table := describe(t, s, db, "t")
	pad := strings.Repeat("x", 3000)
	var rows, want, back []string
	for i := range 30 {
		rows = append(rows, fmt.Sprintf("(%d, '%s')", i, pad))
		want = append(want, fmt.Sprintf("insert t %d|3000 bytes", i))
		back = append([]string{fmt.Sprintf("delete t %d|3000 bytes", i)}, back...)
	}
	server.Exec(t, "USE "+db, "BEGIN", "INSERT INTO t VALUES "+strings.Join(rows, ", "), "CREATE TEMPORARY TABLE tt (id INT)", "ROLLBACK")
	events := until(t, s, open(t, s, from, []*change.Table{table}))
	compare(t, script(events), append(append(want, back...), "commit"))
}
