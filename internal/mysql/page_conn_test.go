package mysql

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/packet"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
	"starferry/internal/mysql/packets"
	"starferry/internal/testbed"
)

// scripted is a connection to a server that answers each command with the next of these.
func scripted(t *testing.T, answers ...string) *pageConn {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close() })
	go func() {
		defer theirs.Close()
		for _, answer := range answers {
			head := make([]byte, 4)
			if _, err := io.ReadFull(theirs, head); err != nil {
				return
			}
			if _, err := io.ReadFull(theirs, make([]byte, int(head[0])|int(head[1])<<8)); err != nil {
				return
			}
			if answer == "" {
				return
			}
			if _, err := theirs.Write([]byte(answer)); err != nil {
				return
			}
		}
	}()
	return &pageConn{client: &client.Conn{Conn: packet.NewConn(ours)}, raw: ours, packets: packets.NewReader(ours, 0)}
}

// wired are packets as they are sent.
func wired(payloads ...string) string {
	var b strings.Builder
	for i, p := range payloads {
		b.Write([]byte{byte(len(p)), byte(len(p) >> 8), byte(len(p) >> 16), byte(i + 1)})
		b.WriteString(p)
	}
	return b.String()
}

const (
	anyColumn = "\x03def\x00\x00\x00\x01c\x00\x0c\x3f\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00"
	endOfRows = "\xfe\x00\x00\x02\x00"
	interrupt = "\xff\xd0\x0b#HY000interrupted"
)

func TestAConnectionIsKeptAsLongAsItIsKnownWhereItStands(t *testing.T) {
	t.Parallel()
	table := &change.Table{Name: change.Name{Database: "d", Table: "t"}, Key: []int{0},
		Columns: []change.Column{{Name: "id", Type: change.Type{Base: change.Int}}, {Name: "f", Type: change.Type{Base: change.Float}}}}
	head := []string{"\x02", anyColumn, anyColumn, endOfRows}
	with := func(rest ...string) string { return wired(append(head[:len(head):len(head)], rest...)...) }
	for name, c := range map[string]struct {
		answer string
		broken bool
		rows   int
		err    string
	}{
		"rows and NULLs":     {with("\x011\xfb", "\x012\x031.5", endOfRows), false, 2, ""},
		"error between rows": {with("\x011\xfb", interrupt), false, 1, "3024"},
		"error at once":      {wired(interrupt), false, 0, "3024"},
		"cut":                {with("\x011\xfb")[:40], true, 0, "EOF"},
		"cut between rows":   {with("\x011\xfb"), true, 1, "EOF"},
		"a farewell behind":  {with("\x011\xfb", endOfRows) + wired(interrupt), true, 1, ""},
		"more columns":       {wired("\x03", anyColumn, anyColumn, anyColumn, endOfRows, "\x011\xfb\xfb", endOfRows), false, 0, "protocol"},
		"a row of fewer":     {with("\x011", endOfRows), false, 0, "protocol"},
		"a row of more":      {with("\x011\xfb\xfb", endOfRows), false, 1, "protocol"},
		"no number":          {with("\x011\x03one", endOfRows), false, 0, "the server answered"},
		"no answer":          {"", true, 0, "EOF"},
	} {
		conn := scripted(t, c.answer)
		p := pageReader{source: &Source{}, request: ferry.PageRequest{Table: table}, page: ferry.Page{Rows: change.NewRows(2)}}
		err := p.answer(t.Context(), conn, "SELECT", 1<<20)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v", name, err)
		}
		if conn.broken != c.broken || p.page.Rows.Len() != c.rows {
			t.Errorf("%s: broken %v, %d rows", name, conn.broken, p.page.Rows.Len())
		}
	}
}

// rowsOf makes a table of so many rows of so many bytes.
func rowsOf(t *testing.T, server *testbed.Server, db, name string, rows, bytes int) {
	t.Helper()
	server.Exec(t, "USE "+db, "CREATE TABLE IF NOT EXISTS n (x INT)", "DELETE FROM n", "INSERT INTO n VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)",
		fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, v LONGTEXT) CHARSET latin1", name),
		fmt.Sprintf("INSERT INTO %s SELECT 100*a.x + 10*b.x + c.x AS i, REPEAT('v', %d) FROM n a, n b, n c WHERE 100*a.x + 10*b.x + c.x < %d ORDER BY i", name, bytes, rows))
}

func TestTheRestOfAnAnswerIsReadOverOrGivenUp(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		rowsOf(t, server, db, "small", 500, 1000)
		rowsOf(t, server, db, "large", 100, 100_000)
		s := connect(t, server)
		used := func(name string) uint32 {
			table := describe(t, s, db, name)
			s.sizes.saw(table.Name, 1000, 1000) // so that far too many are asked for
			page, err := s.ReadPage(t.Context(), ferry.PageRequest{Table: table, MaxBytes: 50_000})
			if err != nil {
				t.Fatal(err)
			}
			if n := page.Rows.Len(); n == 0 || n > 50 || page.High.IsZero() || page.Server != s.server.ID {
				t.Errorf("%s: %d rows up to %v of %s", name, n, page.High, page.Server)
			}
			if len(s.pages.idle) != 1 {
				t.Fatalf("%d connections are kept", len(s.pages.idle))
			}
			return s.pages.idle[0].client.GetConnectionID()
		}
		first := used("small")
		if second := used("small"); second != first {
			t.Error("a connection was given up for half a megabyte")
		}
		if third := used("large"); third == first {
			t.Error("ten megabytes were read over")
		}
		if got := len(contents(t, s, describe(t, s, db, "small"), 50_000)); got != 500 {
			t.Errorf("%d rows", got)
		}
	})
}

// TestAnErrorInTheMiddleOfAnAnswer: MySQL adds a generated column without a look at what
// it makes of the rows there are.
func TestAnErrorInTheMiddleOfAnAnswer(t *testing.T) {
	t.Parallel()
	server := testbed.MySQL(t)
	db := server.Database(t)
	rowsOf(t, server, db, "t", 1000, 100)
	server.Exec(t, "USE "+db, "UPDATE t SET v = CONCAT('\"', v, '\"') WHERE id <> 700", "ALTER TABLE t ADD COLUMN j JSON GENERATED ALWAYS AS (CAST(v AS JSON)) VIRTUAL")
	s := connect(t, server)
	table := describe(t, s, db, "t")
	s.sizes.saw(table.Name, 1000, 1000) // so that all are asked for
	_, err := s.ReadPage(t.Context(), ferry.PageRequest{Table: table, MaxBytes: 1 << 20})
	if p := diag.Find(err); p == nil || !strings.Contains(err.Error(), "3141") {
		t.Fatalf("%v", err)
	}
	server.Exec(t, "USE "+db, "ALTER TABLE t DROP COLUMN j")
	if got := len(contents(t, s, describe(t, s, db, "t"), 10_000)); got != 1000 {
		t.Errorf("%d rows", got)
	}
}

func TestPagesOnWiresThatGoBad(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		rowsOf(t, server, db, "t", 300, 100_000) // more than the buffers on the way hold
		proxy := testbed.ProxyTo(t, server.Address())
		s := connect(t, server, func(c *Config) { c.Port = proxy.Port() })
		table := describe(t, s, db, "t")
		page := func(ctx context.Context) error {
			_, err := s.ReadPage(ctx, ferry.PageRequest{Table: table, MaxBytes: 64 << 20})
			return err
		}
		if err := page(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, cut := range []bool{false, true} {
			proxy.Stall()
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- page(ctx) }()
			for len(s.pages.room) == 0 { // until it has its connection
				runtime.Gosched()
			}
			if cut {
				proxy.Cut()
			} else {
				cancel()
			}
			err := <-ended
			if cut {
				wantProblem(t, err, codeLost, diag.Transient)
			} else if !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
			cancel()
			proxy.Flow()
			if err := page(t.Context()); err != nil {
				t.Errorf("behind it: %v", err)
			}
		}
		s.pages.idle[0].used = time.Time{} // an hour ago
		proxy.Cut()
		if err := page(t.Context()); err != nil {
			t.Errorf("a connection that died while nobody used it: %v", err)
		}
	})
}

func TestPagesOverTLS(t *testing.T) {
	t.Parallel()
	server := testbed.MySQL(t, "--max-allowed-packet=128M")
	server.Exec(t, "CREATE DATABASE x")
	rowsOf(t, server, "x", "t", 200, 3000)
	server.Exec(t, "USE x", "UPDATE t SET v = REPEAT('0123456789abcdef', 1310720) WHERE id = 100", "UPDATE t SET v = NULL WHERE id = 101")
	for _, mode := range []string{"required", "disabled"} {
		s := connect(t, server, func(c *Config) { c.TLS = mode })
		got := contents(t, s, describe(t, s, "x", "t"), 100_000)
		key := func(id int) string { return fmt.Sprintf("%c%d", len(fmt.Sprint(id)), id) }
		if len(got) != 200 || got[key(100)] != "100|20971520 bytes" || got[key(101)] != "101|NULL" || got[key(102)] != "102|3000 bytes" {
			t.Errorf("%s: %d rows, %q %q %q", mode, len(got), got[key(100)], got[key(101)], got[key(102)])
		}
		shown, err := s.pages.idle[0].first(t.Context(), "SHOW SESSION STATUS LIKE 'Ssl_cipher'")
		if err != nil || (shown[1] != "") != (mode == "required") {
			t.Errorf("%s: %q, %v", mode, shown, err)
		}
	}
}
