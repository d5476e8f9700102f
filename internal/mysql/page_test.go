package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
	"starferry/internal/testbed"
)

func describe(t testing.TB, s *Source, db, table string) *change.Table {
	t.Helper()
	tables, err := s.Describe(t.Context(), []change.Name{{Database: db, Table: table}})
	if err != nil {
		t.Fatal(err)
	}
	return tables[0]
}

func TestPagesSeeEveryRow(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		server.Exec(t, "USE "+db,
			"CREATE TABLE t (a VARCHAR(20) COLLATE utf8mb4_general_ci, b INT UNSIGNED, c DATETIME(3), v TEXT, PRIMARY KEY (b, a, c)) CHARSET utf8mb4",
			"CREATE TABLE nothing (id INT PRIMARY KEY)",
			"CREATE TABLE few (id INT PRIMARY KEY)", "INSERT INTO few VALUES (1), (2), (3)",
			"CREATE TABLE n (x INT)", "INSERT INTO n VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)",
			`INSERT INTO t SELECT CONCAT(CHAR(65 + a.x USING utf8mb4), '''"\\é', d.x), 4294967295 - b.x, CONCAT('2020-01-01 00:00:00.00', c.x), REPEAT('x', 10*d.x)
			 FROM n a, n b, n c, n d`)
		s := connect(t, server)
		table := describe(t, s, db, "t")
		for _, bytes := range []int{1, 4 << 10, 1 << 20} {
			if bytes == 1 {
				// One row a page, and still every row: on a few.
				continue
			}
			rows := contents(t, s, table, bytes)
			if len(rows) != 10000 {
				t.Errorf("pages of %d bytes show %d rows", bytes, len(rows))
			}
		}
		page, err := s.ReadPage(t.Context(), ferry.PageRequest{Table: table, MaxBytes: 1})
		if err != nil || page.Rows.Len() != 1 || page.Last {
			t.Errorf("a page of at least one row: %v, %v", page, err)
		}
		if digits, err := s.ReadPage(t.Context(), ferry.PageRequest{Table: describe(t, s, db, "few"), MaxBytes: 1 << 20}); err != nil || digits.Rows.Len() != 3 || !digits.Last {
			t.Errorf("a table of one page: %v, %v", digits, err)
		}
		if rows := contents(t, s, describe(t, s, db, "nothing"), 1<<20); len(rows) != 0 {
			t.Error("rows in an empty table")
		}
		checkRange(t, server, table, page.Rows)
	})
}

// checkRange: the condition behind a composite key is one range of the primary key.
func checkRange(t *testing.T, server *testbed.Server, table *change.Table, rows *change.Rows) {
	t.Helper()
	explain(t, server, pageQuery(table, lastKey(table, rows), nil, 100))
}

func explain(t *testing.T, server *testbed.Server, query string) {
	t.Helper()
	explained, err := server.DB().QueryContext(t.Context(), "EXPLAIN "+query)
	if err != nil {
		t.Fatal(err)
	}
	defer explained.Close()
	columns, err := explained.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for explained.Next() {
		cells := make([]sql.NullString, len(columns))
		targets := make([]any, len(columns))
		for i := range cells {
			targets[i] = &cells[i]
		}
		if err := explained.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprint(cells)
		t.Log(line)
		if strings.Contains(line, "filesort") || !strings.Contains(line, "range") || !strings.Contains(line, "PRIMARY") {
			t.Errorf("not a range of the key: %s", line)
		}
	}
}

func TestPagesUnderConcurrentWrites(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		server.Exec(t, "USE "+db, "CREATE TABLE t (id INT PRIMARY KEY, n INT)", "CREATE TABLE n (x INT)",
			"INSERT INTO n VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)",
			"INSERT INTO t SELECT 2000*a.x + 200*b.x + 20*c.x + 2*d.x, 0 FROM n a, n b, n c, n d")
		s := connect(t, server)
		var stop atomic.Bool
		done := make(chan error, 1)
		go func() {
			var err error
			for i := 0; !stop.Load() && err == nil; i++ {
				_, err = server.DB().ExecContext(context.Background(), fmt.Sprintf("REPLACE INTO %s.t VALUES (%d, %d)", db, (i*7919)%20000|1, i))
			}
			done <- err
		}()
		stream := open(t, s, start(t, s), nil, change.Name{Database: db, Table: "t"})
		// A small ferry: pages woven into the stream by the rules.
		r := weave(t, s, stream, 8<<10)
		stop.Store(true)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		for _, e := range until(t, s, stream) {
			r.apply(e)
		}
		equalRows(t, r.rows, contents(t, s, r.table, 1<<20))
	})
}

// weave copies the table that joins, page by page, into what the stream delivers.
func weave(t *testing.T, s *Source, stream *stepped, maxBytes int) *replica {
	t.Helper()
	r := &replica{rows: map[string]string{}}
	var after *change.Rows
	var page *ferry.Page
	touched := map[string]bool{}
	pages := make(chan ferry.Page, 1)
	reading := false
	for {
		e := next(t, stream)
		if e.Kind == change.Joined {
			r.table = e.Table
		}
		if r.table == nil {
			continue
		}
		r.apply(e)
		if e.Rows != nil && reading {
			for i := range e.Rows.Len() {
				touched[string(e.Rows.AppendKey(nil, i, r.table.Key))] = true
			}
		}
		select {
		case p := <-pages:
			page = &p
		default:
		}
		if page != nil && e.Rows == nil && e.Position.Reached(page.High) {
			if page.Rows.Len() == 0 {
				return r
			}
			for i := range page.Rows.Len() {
				if key := string(page.Rows.AppendKey(nil, i, r.table.Key)); !touched[key] {
					r.rows[key] = row(page.Rows, i)
				}
			}
			after, page, reading = lastKey(r.table, page.Rows), nil, false
		}
		if e.Resumable && !reading {
			reading = true
			clear(touched)
			request := ferry.PageRequest{Table: r.table, After: after, Delivered: e.Position, MaxBytes: maxBytes}
			go func() {
				p, err := s.ReadPage(t.Context(), request)
				if err != nil {
					t.Error(err)
				}
				pages <- p
			}()
		}
	}
}

func TestPageOfAnotherSchema(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		server.Exec(t, "USE "+db, "CREATE TABLE t (id INT PRIMARY KEY, n INT)")
		s := connect(t, server)
		table := describe(t, s, db, "t")
		for _, statement := range []string{"ALTER TABLE t DROP COLUMN n", "ALTER TABLE t DROP PRIMARY KEY", "DROP TABLE t"} {
			server.Exec(t, "USE "+db, statement)
			page, err := s.ReadPage(t.Context(), pageRequest(table, change.Position{}))
			var schema *ferry.SchemaError
			if !errors.As(err, &schema) || page.High.IsZero() || page.Server == "" {
				t.Errorf("%s: %v, %+v", statement, err, page)
			}
		}
	})
}

func TestHugeRowsEndAPage(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		server.Exec(t, "SET GLOBAL max_allowed_packet = 67108864")
		server.Exec(t, "USE "+db, "CREATE TABLE t (id INT PRIMARY KEY, v LONGTEXT)")
		s := connect(t, server)
		stream := open(t, s, start(t, s), nil, change.Name{Database: db, Table: "t"})
		server.DB().SetMaxIdleConns(0)
		server.Exec(t, "USE "+db, "BEGIN", "INSERT INTO t VALUES (0, REPEAT('y', 20000000))",
			"INSERT INTO t VALUES (1, REPEAT('x', 15000000))", "INSERT INTO t VALUES (2, REPEAT('x', 15000000))", "INSERT INTO t VALUES (3, REPEAT('x', 16777215))", "COMMIT", "UPDATE t SET v = 'z' WHERE id > 1")
		events := until(t, s, stream)
		table := joinedTable(t, events)
		rows := contents(t, s, table, 1<<20)
		equalRows(t, replay(table, events), rows)
		if len(rows) != 4 {
			t.Errorf("%d rows", len(rows))
		}
	})
}

func TestHostileGlobals(t *testing.T) {
	t.Parallel()
	hostile := []string{"--transaction-isolation=READ-UNCOMMITTED", "--autocommit=0", "--sql-mode=PAD_CHAR_TO_FULL_LENGTH,ANSI_QUOTES,NO_BACKSLASH_ESCAPES",
		"--default-time-zone=+08:00", "--character-set-server=latin1", "--gtid-mode=ON", "--enforce-gtid-consistency=ON"}
	for _, server := range []*testbed.Server{testbed.MySQL(t, hostile...), testbed.MariaDB(t, hostile[:5]...)} {
		globals := []string{"SET GLOBAL sql_select_limit = 3", "SET GLOBAL lock_wait_timeout = 1", "SET GLOBAL character_set_results = latin1", "SET GLOBAL max_join_size = 1", "SET GLOBAL sql_big_selects = 0"}
		if server.Flavor == testbed.MySQLFlavor {
			globals = append(globals, "SET GLOBAL max_execution_time = 1", "SET GLOBAL show_gipk_in_create_table_and_information_schema = OFF")
		} else {
			globals = append(globals, "SET GLOBAL max_statement_time = 0.001")
		}
		server.Exec(t, "SET SESSION autocommit=1", "CREATE DATABASE h CHARSET utf8mb4", "USE h", "SET SESSION sql_mode = ''", "SET NAMES utf8mb4", "SET SESSION time_zone = '+00:00'",
			"CREATE TABLE t (id INT PRIMARY KEY, c CHAR(5), v VARCHAR(20), ts TIMESTAMP NULL)")
		for i := range 20 {
			server.Exec(t, "SET SESSION autocommit=1", "SET NAMES utf8mb4", "SET SESSION time_zone = '+00:00'", fmt.Sprintf("INSERT INTO h.t VALUES (%d, 'ab', '日本', '2020-01-01 00:00:00')", i))
		}
		conn, err := server.DB().Conn(t.Context()) // has what is global now
		if err != nil {
			t.Fatal(err)
		}
		server.Exec(t, globals...)
		s := connect(t, server)
		table := describe(t, s, "h", "t")
		stream := open(t, s, start(t, s), nil, table.Name)
		for next(t, stream).Kind != change.Joined {
		}
		for _, statement := range []string{"SET autocommit=0", "INSERT INTO h.t VALUES (100, 'no', 'no', NULL)"} {
			if _, err := conn.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // the second time on a pooled connection
			rows := contents(t, s, table, 300)
			if len(rows) != 20 {
				t.Errorf("%s: %d rows", server.Flavor, len(rows))
			}
			for _, r := range rows {
				if !strings.HasSuffix(r, "|ab|日本|2020-01-01 00:00:00") {
					t.Errorf("%s: %q", server.Flavor, r)
				}
			}
			if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
				t.Fatal(err)
			}
		}
		conn.Close()
	}
}

func TestBarrierWaitsForCommitsInTheGap(t *testing.T) {
	t.Parallel()
	// Semi-sync without a replica holds every commit, after it is in the log, for the time-out.
	server := testbed.MySQL(t, "--gtid-mode=ON", "--enforce-gtid-consistency=ON")
	server.Exec(t, "CREATE DATABASE g", "CREATE TABLE g.t (id INT PRIMARY KEY, v INT)", "INSERT INTO g.t VALUES (1, 1)")
	if _, err := server.DB().ExecContext(t.Context(), "INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'"); err != nil {
		t.Fatalf("this server has no semi-sync plugin: %v", err)
	}
	for _, barrier := range []string{"auto", "lock"} {
		server.Exec(t, "SET GLOBAL rpl_semi_sync_source_enabled = 0", "REPLACE INTO g.t VALUES (1, 1)", "SET GLOBAL rpl_semi_sync_source_timeout = 1500", "SET GLOBAL rpl_semi_sync_source_enabled = 1")
		s := connect(t, server, func(c *Config) { c.Barrier = barrier })
		table := describe(t, s, "g", "t")
		stream := open(t, s, start(t, s), nil, table.Name)
		for next(t, stream).Kind != change.Joined {
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if _, err := server.DB().ExecContext(context.Background(), "UPDATE g.t SET v = 2"); err != nil {
				t.Error(err)
			}
		}()
		var delivered change.Event
		for delivered.Kind != change.Commit {
			delivered = next(t, stream)
		}
		for !delivered.Resumable {
			delivered = next(t, stream)
		}
		var before int
		if err := server.DB().QueryRow("SELECT v FROM g.t").Scan(&before); err != nil {
			t.Fatal(err)
		}
		if before != 1 {
			t.Log("the update was visible at once: the gap was missed")
		}
		var page ferry.Page
		var err error
		for page, err = s.ReadPage(t.Context(), pageRequest(table, delivered.Position)); diag.IsTransient(err); {
			page, err = s.ReadPage(t.Context(), pageRequest(table, delivered.Position))
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := row(page.Rows, 0); got != "1|2" {
			t.Errorf("barrier %s: the page shows %s, older than what was delivered", barrier, got)
		}
		<-done
		stream.Close()
	}
}

func TestWindowCoversSemiSync(t *testing.T) {
	t.Parallel()
	s := &Source{variables: map[string]string{}}
	if w := s.window(); w != time.Minute {
		t.Error(w)
	}
	s.variables["rpl_semi_sync_master_enabled"], s.variables["rpl_semi_sync_master_timeout"] = "ON", "100000"
	if w := s.window(); w != 200*time.Second {
		t.Error(w)
	}
}

func TestSlowPageIsHalved(t *testing.T) {
	t.Parallel()
	var p pageSizes
	name := change.Name{Database: "d", Table: "t"}
	p.saw(name, 100, 1000)
	if n := p.next(name, 10000); n < 1000 || n > 1200 {
		t.Error(n)
	}
	p.slow(name, 1000)
	if n := p.next(name, 10000); n != 500 {
		t.Error(n)
	}
	p.slow(name, 1)
	if n := p.next(name, 10000); n != 1 {
		t.Error(n)
	}
}
