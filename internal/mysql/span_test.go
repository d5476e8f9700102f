package mysql

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/ferry"
	"starferry/internal/testbed"
)

// spanTables are keys of the kinds that are compared in a way of their own; every
// VALUES stands for the digits d, e and f of a number from 0 to 999.
var spanTables = []struct{ name, columns, key, values string }{
	{"ci", "k VARCHAR(20) COLLATE utf8mb4_general_ci", "k", "CONCAT(ELT(d+1,'a','B','c','D','é','F','g','H','ö','Z'), e, f)"},
	{"ubigint", "k BIGINT UNSIGNED", "k", "18446744073709551615 - (100*d+10*e+f)"},
	{"money", "k DECIMAL(30,3)", "k", "(100*d+10*e+f - 500) / 8"},
	{"moment", "k DATETIME(6)", "k", "'2024-02-28 23:59:59.5' + INTERVAL (100*d+10*e+f) * 250000 MICROSECOND"},
	{"few", "k TINYINT, l VARCHAR(9) COLLATE utf8mb4_unicode_ci, m INT", "k, l, m", "d % 2, CONCAT(ELT(e+1,'x','Y','z','W','v','Ü','t','S','r','Q')), 10*f+d"},
	{"text_first", "k VARBINARY(9), l DATE", "k, l", "CONCAT(d % 2, CHAR(e)), '2024-02-25' + INTERVAL 10*f+d DAY"},
}

func spanTable(t *testing.T, server *testbed.Server, db, name, columns, key, values string) {
	t.Helper()
	server.Exec(t, "USE "+db, "SET NAMES utf8mb4", "CREATE TABLE IF NOT EXISTS n (x INT)", "DELETE FROM n",
		"INSERT INTO n VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)",
		fmt.Sprintf("CREATE TABLE %s (%s, v VARCHAR(100), PRIMARY KEY (%s)) CHARSET utf8mb4", name, columns, key),
		fmt.Sprintf("INSERT INTO %s SELECT %s, REPEAT('v', 50) FROM (SELECT a.x AS d, b.x AS e, c.x AS f FROM n a, n b, n c) AS digits", name, values))
}

// keyRow is the key of a row as the cells of one.
func keyRow(table *change.Table, rows *change.Rows, i int) *change.Rows {
	key := change.NewRows(len(table.Key))
	for _, k := range table.Key {
		key.AddBytes(rows.Cell(i, k))
	}
	return key
}

// ordered reads a whole table, or a span, by pages.
func ordered(t *testing.T, s *Source, table *change.Table, after, until *change.Rows) (rows []string, keys []*change.Rows) {
	t.Helper()
	for {
		page, err := s.ReadPage(t.Context(), ferry.PageRequest{Table: table, After: after, Until: until, MaxBytes: 4 << 10})
		if err != nil {
			t.Fatal(err)
		}
		if page.Rows.Len() == 0 {
			return rows, keys
		}
		for i := range page.Rows.Len() {
			rows, keys = append(rows, row(page.Rows, i)), append(keys, keyRow(table, page.Rows, i))
		}
		after = keys[len(keys)-1]
	}
}

func TestSpansHoldWhatLiesBetweenTheirKeys(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		s := connect(t, server)
		for _, c := range spanTables {
			spanTable(t, server, db, c.name, c.columns, c.key, c.values)
			table := describe(t, s, db, c.name)
			whole, keys := ordered(t, s, table, nil, nil)
			if len(whole) != 1000 {
				t.Fatalf("%s: %d rows", c.name, len(whole))
			}
			for _, span := range [][2]int{{-1, 0}, {-1, 499}, {0, 1}, {499, 499}, {249, 750}, {990, 999}, {-1, 999}} {
				var after *change.Rows
				if span[0] >= 0 {
					after = keys[span[0]]
				}
				got, _ := ordered(t, s, table, after, keys[span[1]])
				if want := whole[span[0]+1 : span[1]+1]; !slices.Equal(got, want) {
					t.Errorf("%s: from %d to %d there are %d rows, want %d", c.name, span[0], span[1], len(got), len(want))
				}
			}
			checkReads(t, server, s, pageQuery(table, keys[600], keys[650], 20), 25)
			checkReads(t, server, s, pageQuery(table, keys[600], keys[650], 200), 60)
		}
	})
}

// checkReads: the server reads about as many rows as the answer has, none before them.
func checkReads(t *testing.T, server *testbed.Server, s *Source, query string, most int) {
	t.Helper()
	conn, err := s.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	reads := func() (total int) {
		err := eachPair(t.Context(), conn, "SHOW SESSION STATUS LIKE 'Handler_read%'", func(name, value string) {
			if n, err := strconv.Atoi(value); err == nil && name != "Handler_read_rnd_next" { // SHOW itself
				total += n
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return total
	}
	before := reads()
	rows, err := conn.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	if n := reads() - before; n > most || n == 0 {
		t.Errorf("%s reads %d rows, at most %d should do: %s", server.Flavor, n, most, query)
	}
	explain(t, server, query)
}

func TestRowsOfGivenKeys(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		s := connect(t, server)
		for _, c := range spanTables {
			spanTable(t, server, db, c.name, c.columns, c.key, c.values)
			table := describe(t, s, db, c.name)
			whole, keys := ordered(t, s, table, nil, nil)
			server.Exec(t, "DELETE FROM "+db+"."+c.name+" WHERE RAND() < 0.3")
			left, _ := ordered(t, s, table, nil, nil)
			asked := change.NewRows(len(table.Key))
			for _, key := range keys[:900] {
				for n := range key.Width() {
					asked.AddBytes(key.Cell(0, n))
				}
			}
			page, err := s.ReadPage(t.Context(), ferry.PageRequest{Table: table, Keys: asked, MaxBytes: 1})
			if err != nil || page.High.IsZero() || page.Server == "" {
				t.Fatal(page.High, page.Server, err)
			}
			var got, want []string
			for i := range page.Rows.Len() {
				got = append(got, row(page.Rows, i))
			}
			for _, r := range left {
				if slices.Contains(whole[:900], r) {
					want = append(want, r)
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %d rows of 900 keys, want %d", c.name, len(got), len(want))
			}
			query, end := keysQuery(table, asked, 0)
			if end != keysAtOnce {
				t.Errorf("%d keys at once", end)
			}
			checkReads(t, server, s, query, 3*keysAtOnce)
		}
		table := describe(t, s, db, "few")
		none, err := s.ReadPage(t.Context(), ferry.PageRequest{Table: table, Keys: change.NewRows(3), MaxBytes: 1})
		if err != nil || none.Rows.Len() != 0 || none.High.IsZero() {
			t.Errorf("no keys: %v %v", none, err)
		}
	})
}

func TestSpansAreSplit(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		s := connect(t, server)
		for _, c := range []struct {
			name, columns, key, values string
			least                      int // rows in the smaller half; 0: not to be split
		}{
			{"even", "k INT", "k", "7*(100*d+10*e+f) - 3000", 400},
			{"ubigint", "k BIGINT UNSIGNED", "k", "18446744073709551615 - 5*(100*d+10*e+f)", 400},
			{"far", "k BIGINT", "k", "CASE 100*d+10*e+f WHEN 0 THEN -9223372036854775808 WHEN 1 THEN 9223372036854775807 ELSE 3*(100*d+10*e+f) END", 400},
			{"small", "k INT", "k", "100*d+10*e+f - 500", 0},
			{"few", "k INT, l VARCHAR(9)", "k, l", "d % 3, CONCAT('x', d, e, f)", 300},
			{"one", "k INT, l VARCHAR(9)", "k, l", "1, CONCAT('x', d, e, f)", 0},
			{"zero", "k INT ZEROFILL", "k", "9*(100*d+10*e+f)", 400},
			{"words", "k VARCHAR(9)", "k", "CONCAT(d, e, f)", 0},
		} {
			spanTable(t, server, db, "split_"+c.name, c.columns, c.key, c.values)
			table := describe(t, s, db, "split_"+c.name)
			_, keys := ordered(t, s, table, nil, nil)
			middle, err := s.Split(t.Context(), table, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if middle == nil || c.least == 0 {
				if middle != nil || c.least > 0 {
					t.Errorf("%s: split at %v", c.name, middle)
				}
				continue
			}
			at := slices.IndexFunc(keys, func(k *change.Rows) bool { return sameKey(k, middle) })
			if at+1 < c.least || len(keys)-at-1 < c.least {
				t.Errorf("%s: split at row %d of %d", c.name, at, len(keys))
			}
			// Both halves, split on until they are too small, hold every row once.
			total := 0
			for _, span := range splitAll(t, s, table, nil, nil, 0) {
				rows, _ := ordered(t, s, table, span[0], span[1])
				if len(rows) == 0 {
					t.Errorf("%s: a span without rows", c.name)
				}
				total += len(rows)
			}
			if total != len(keys) {
				t.Errorf("%s: the spans hold %d rows of %d", c.name, total, len(keys))
			}
		}
		server.Exec(t, "CREATE TABLE "+db+".nothing (k INT PRIMARY KEY)")
		if middle, err := s.Split(t.Context(), describe(t, s, db, "nothing"), nil, nil); err != nil || middle != nil {
			t.Error(middle, err)
		}
	})
}

func splitAll(t *testing.T, s *Source, table *change.Table, after, until *change.Rows, depth int) [][2]*change.Rows {
	t.Helper()
	middle, err := s.Split(t.Context(), table, after, until)
	if err != nil {
		t.Fatal(err)
	}
	if middle == nil {
		return [][2]*change.Rows{{after, until}}
	}
	if depth > 20 {
		t.Fatal("splitting has no end")
	}
	return append(splitAll(t, s, table, after, middle, depth+1), splitAll(t, s, table, middle, until, depth+1)...)
}

func TestBusySourcesAreToldBy(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		for threads, busy := range map[int]bool{0: false, 1000: false} {
			s := connect(t, server, func(c *Config) { c.PauseThreads = threads })
			if reason, err := s.Busy(t.Context()); err != nil || (reason != "") != busy {
				t.Errorf("%d threads: %q %v", threads, reason, err)
			}
		}
		// A statement that hangs runs, and so does the question.
		s := connect(t, server, func(c *Config) { c.PauseThreads = 1 })
		conn, err := server.DB().Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.ExecContext(t.Context(), "DO GET_LOCK('busy', 0)"); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = server.DB().ExecContext(t.Context(), "DO GET_LOCK('busy', 30)")
		}()
		for reason := ""; !strings.Contains(reason, "threads running, more than 1"); {
			select {
			case <-done:
				t.Fatal("the statement did not hang")
			default:
			}
			if reason, err = s.Busy(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := conn.ExecContext(t.Context(), "DO RELEASE_LOCK('busy')"); err != nil {
			t.Fatal(err)
		}
		<-done
	})
}
