package mysql

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"starferry/internal/change"
	"starferry/internal/testbed"
)

// TestEventsOver16MiB: a row of more bytes than a packet of the protocol holds, in an
// event of its own and as the two images of an update.
func TestEventsOver16MiB(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]func(*testing.T) *testbed.Server{
		"mysql gtid": func(t *testing.T) *testbed.Server { return testbed.MySQL(t, "--max-allowed-packet=128M") },
		"mysql file": func(t *testing.T) *testbed.Server {
			return testbed.MySQL(t, "--max-allowed-packet=128M", "--gtid-mode=OFF", "--enforce-gtid-consistency=OFF")
		},
		"mariadb": func(t *testing.T) *testbed.Server { return testbed.MariaDB(t, "--max-allowed-packet=128M") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := server(t)
			server.Exec(t, "CREATE DATABASE x", "CREATE TABLE x.t (id INT PRIMARY KEY, v LONGTEXT) CHARSET latin1")
			s := connect(t, server)
			stream := open(t, s, start(t, s), nil, change.Name{Database: "x", Table: "t"})
			for next(t, stream).Kind != change.Joined {
			}
			// Exactly a packet, one more, and several.
			sizes := []int{1<<24 - 1 - 100, 1 << 24, 21 << 20, 1}
			for i, size := range sizes {
				server.Exec(t, fmt.Sprintf("INSERT INTO x.t VALUES (%d, REPEAT('0123456789abcdefg', %d))", i, size/17+1))
			}
			server.Exec(t, "UPDATE x.t SET v = REVERSE(v) WHERE id = 2")
			events := until(t, s, stream)
			table := joinedTable(t, append([]change.Event{{Kind: change.Joined, Table: describe(t, s, "x", "t")}}, events...))
			sums := map[string]string{}
			for _, e := range events {
				if e.Rows == nil {
					continue
				}
				last := e.Rows.Len() - 1
				sums[string(e.Rows.Cell(last, 0))] = fmt.Sprintf("%x", sha256.Sum256(e.Rows.Cell(last, 1)))
			}
			rows, err := server.DB().Query("SELECT id, SHA2(v, 256) FROM x.t")
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			n := 0
			for ; rows.Next(); n++ {
				var id, sum string
				if err := rows.Scan(&id, &sum); err != nil {
					t.Fatal(err)
				}
				if sums[id] != sum {
					t.Errorf("row %s has checksum %s, want %s", id, sums[id], sum)
				}
			}
			if n != len(sizes) || len(sums) != n {
				t.Errorf("%d rows, %d delivered", n, len(sums))
			}
			checkPositions(t, events)
			if len(contents(t, s, table, 1<<20)) != n {
				t.Error("pages read something else")
			}
		})
	}
}
