package cells

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/mysql/binlog"
	"starferry/internal/testbed"
)

// The parity law on real servers: rows are inserted, updated and deleted, read by
// SELECT after each of the three, and compared cell by cell with what the log says
// was inserted, was there before, and is there now.

// contents is what a table holds: id → cells, a NULL cell being "NULL", any other
// its text in quotes.
type contents map[string][]string

// zoo is one table of the test and the literals of the values that go into it.
type zoo struct {
	table *change.Table
	ddl   string
	rows  [][]string // literals for all columns but the id
	// after the inserts, the updates and the deletes
	inserted, updated, remaining contents
}

func newZoo(database, name string, types []change.Type, rows [][]string) *zoo {
	z := &zoo{rows: rows, table: &change.Table{Name: change.Name{Database: database, Table: name}, Version: 1, Key: []int{0}}}
	z.table.Columns = []change.Column{{Name: "id", Type: change.Type{Base: change.Int}}}
	ddl := fmt.Sprintf("CREATE TABLE `%s`.`%s` (id INT NOT NULL PRIMARY KEY", database, name)
	for i, typ := range types {
		c := change.Column{Name: fmt.Sprintf("c%d", i), Type: typ, Nullable: true}
		z.table.Columns = append(z.table.Columns, c)
		ddl += fmt.Sprintf(", `%s` %s NULL", c.Name, definition(&typ))
	}
	z.ddl = ddl + ") ENGINE=InnoDB"
	return z
}

func definition(t *change.Type) string {
	s := t.String()
	if t.Charset != "" {
		s += " CHARACTER SET " + t.Charset
	}
	return s
}

// session is a connection with the settings that pages are read with.
func session(t *testing.T, s *testbed.Server, database string) *sql.Conn {
	t.Helper()
	conn, err := s.DB().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Back in the pool it would keep what the test has set.
	t.Cleanup(func() { _ = conn.Raw(func(any) error { return driver.ErrBadConn }) })
	for _, statement := range []string{"SET NAMES utf8mb4", "SET sql_mode = '', time_zone = '+00:00'", "USE `" + database + "`"} {
		run(t, conn, statement)
	}
	return conn
}

func run(t *testing.T, conn *sql.Conn, statement string) {
	t.Helper()
	if _, err := conn.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%.300s\n%v", statement, err)
	}
}

// live fills, updates and empties the table, and reads it in between.
func (z *zoo) live(t *testing.T, conn *sql.Conn) {
	t.Helper()
	run(t, conn, z.ddl)
	for i, row := range z.rows {
		run(t, conn, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%d, %s)", z.table.Table, z.names(), i+1, strings.Join(row, ", ")))
	}
	z.inserted = z.selected(t, conn)
	for i := range z.rows {
		next := z.rows[(i+1)%len(z.rows)]
		var set []string
		for k, literal := range next {
			set = append(set, fmt.Sprintf("c%d = %s", k, literal))
		}
		run(t, conn, fmt.Sprintf("UPDATE %s SET %s WHERE id = %d", z.table.Table, strings.Join(set, ", "), i+1))
	}
	z.updated = z.selected(t, conn)
	run(t, conn, fmt.Sprintf("DELETE FROM %s WHERE id %% 2 = 1", z.table.Table))
	z.remaining = z.selected(t, conn)
}

func (z *zoo) names() string {
	var names []string
	for i := range z.table.Columns {
		names = append(names, z.table.Columns[i].Name)
	}
	return strings.Join(names, ", ")
}

// selected reads the table as a page is read.
func (z *zoo) selected(t *testing.T, conn *sql.Conn) contents {
	t.Helper()
	var expressions []string
	for i := range z.table.Columns {
		expressions = append(expressions, SelectExpression(&z.table.Columns[i], z.table.IsKey(i), "`"+z.table.Columns[i].Name+"`"))
	}
	answer, err := conn.QueryContext(t.Context(), "SELECT "+strings.Join(expressions, ", ")+" FROM "+z.table.Table)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Close()
	rows := change.NewRows(len(expressions))
	raw, into, all := make([]sql.RawBytes, len(expressions)), make([]any, len(expressions)), make([]int, len(expressions))
	for i := range raw {
		into[i], all[i] = &raw[i], i
	}
	selected := NewSelected(z.table, all)
	for answer.Next() {
		if err := answer.Scan(into...); err != nil {
			t.Fatal(err)
		}
		for i := range raw {
			if err := selected.Append(rows, i, raw[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := answer.Err(); err != nil {
		t.Fatal(err)
	}
	found := contents{}
	for i := range rows.Len() {
		found[string(rows.Cell(i, 0))] = texts(rows, i)
	}
	return found
}

func texts(rows *change.Rows, row int) []string {
	var cells []string
	for c := range rows.Width() {
		if rows.Null(row, c) {
			cells = append(cells, "NULL")
		} else {
			cells = append(cells, fmt.Sprintf("%q", rows.Cell(row, c)))
		}
	}
	return cells
}

// compare replays what the log says about the table and compares.
func (z *zoo) compare(t *testing.T, log []logged) {
	t.Helper()
	seen := map[change.Kind]contents{change.Insert: {}, change.Update: {}, change.Delete: {}}
	before := contents{}
	for _, e := range log {
		step := 1
		if e.kind == change.Update {
			step = 2
		}
		for i := 0; i < len(e.rows); i += step {
			row := e.rows[i+step-1]
			seen[e.kind][unquote(row[0])] = row
			if step == 2 {
				before[unquote(e.rows[i][0])] = e.rows[i]
			}
		}
	}
	deleted := contents{}
	for id, row := range z.updated {
		if z.remaining[id] == nil {
			deleted[id] = row
		}
	}
	z.same(t, "inserted", z.inserted, seen[change.Insert])
	z.same(t, "updated", changed(z.inserted, z.updated), seen[change.Update])
	z.same(t, "before the update", changed(z.updated, z.inserted), before)
	z.same(t, "deleted", deleted, seen[change.Delete])
}

func unquote(id string) string { return strings.Trim(id, `"`) }

// changed is the rows of b that are not the same in a: the server logs no others.
func changed(a, b contents) contents {
	found := contents{}
	for id, row := range b {
		if !slices.Equal(row, a[id]) {
			found[id] = row
		}
	}
	return found
}

func (z *zoo) same(t *testing.T, what string, selected, log contents) {
	t.Helper()
	for id, row := range selected {
		if log[id] == nil {
			t.Errorf("%s %s: row %s is not in the log: %.200v", z.table.Table, what, id, row)
			continue
		}
		for c := range row {
			if row[c] != log[id][c] {
				t.Errorf("%s %s: row %s `%s` %s: SELECT says %.300s, the log %.300s", z.table.Table, what, id,
					z.table.Columns[c].Name, definition(&z.table.Columns[c].Type), row[c], log[id][c])
			}
		}
	}
	for id := range log {
		// An update that only changes what is compared as equal may be logged.
		if selected[id] == nil && what != "updated" && what != "before the update" {
			t.Errorf("%s %s: row %s is only in the log", z.table.Table, what, id)
		}
	}
}

// logged is one rows event.
type logged struct {
	kind change.Kind
	rows [][]string
}

// tail decodes the events of some tables and compares each with what go-mysql makes
// of it.
type tail struct {
	tables  map[string]*zoo
	decoded map[string][]logged
	maps    map[string]*binlog.TableMap
	packed  int // events that were compressed, alone or in a transaction
}

func (l *tail) event(t *testing.T, e rowsEvent) {
	t.Helper()
	name := e.name()
	z := l.tables[name]
	if z == nil {
		return
	}
	d, err := NewDecoder(z.table, e.table)
	if err != nil {
		t.Errorf("%v", err)
		return
	}
	l.maps[name] = e.table
	if e.packed {
		l.packed++
	}
	rows := change.NewRows(len(z.table.Columns))
	if err := d.Decode(e.kind, e.body, rows); err != nil {
		t.Errorf("%v", err)
		return
	}
	one := logged{kind: KindOf(e.kind)}
	for i := range rows.Len() {
		one.rows = append(one.rows, texts(rows, i))
	}
	l.decoded[name] = append(l.decoded[name], one)
	compareWithOracle(t, z.table, e.oracle, e.body, rows)
}

func TestSelectAndLogGiveTheSameCells(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, s *testbed.Server) {
		for _, metadata := range []string{"NO_LOG", "MINIMAL", "FULL"} {
			if metadata == "NO_LOG" && s.Flavor == testbed.MySQLFlavor {
				continue // MySQL has no such setting
			}
			t.Run(metadata, func(t *testing.T) { testParity(t, s, metadata, false) })
			t.Run(metadata+" compressed", func(t *testing.T) { testParity(t, s, metadata, true) })
		}
	})
}

func testParity(t *testing.T, s *testbed.Server, metadata string, compressed bool) {
	if compressed && s.Flavor == testbed.MariaDBFlavor {
		s = testbed.MariaDB(t, "--log-bin-compress=ON", "--log-bin-compress-min-len=10") // of all sessions or none
	}
	s.Exec(t, "SET GLOBAL binlog_row_metadata = "+metadata)
	database := s.Database(t)
	conn := compressing(t, s, database, compressed)
	var zoos []*zoo
	for i, c := range zooTypes(s.Flavor) {
		var rows [][]string
		for _, literal := range append(c.literals, "NULL") {
			rows = append(rows, []string{literal})
		}
		zoos = append(zoos, newZoo(database, fmt.Sprintf("zoo%d", i), []change.Type{c.typ}, rows))
	}
	for name, m := range liveAndCompare(t, s, conn, zoos) {
		if m == nil || (metadata == "FULL") != (m.Names != nil) || (metadata == "NO_LOG") != (m.Signs == nil) {
			t.Errorf("%s: the log does not carry metadata %s", name, metadata)
		}
	}
	compareRandomTables(t, s, compressed)
}

// compressing is a session whose changes are logged compressed, by transactions in MySQL
// and by events in a MariaDB that was started so; or not.
func compressing(t *testing.T, s *testbed.Server, database string, on bool) *sql.Conn {
	t.Helper()
	conn := session(t, s, database)
	if on && s.Flavor == testbed.MySQLFlavor {
		run(t, conn, "SET SESSION binlog_transaction_compression = ON")
	}
	return conn
}

// isCompressing tells how the session's changes are logged.
func isCompressing(t *testing.T, s *testbed.Server, conn *sql.Conn) (is bool) {
	t.Helper()
	variable := "@@SESSION.binlog_transaction_compression"
	if s.Flavor == testbed.MariaDBFlavor {
		variable = "@@GLOBAL.log_bin_compress"
	}
	if err := conn.QueryRowContext(t.Context(), "SELECT "+variable).Scan(&is); err != nil {
		t.Fatal(err)
	}
	return is
}

// liveAndCompare runs the tables' lives and compares; it returns the last TABLE_MAP
// of each.
func liveAndCompare(t *testing.T, s *testbed.Server, conn *sql.Conn, zoos []*zoo) map[string]*binlog.TableMap {
	t.Helper()
	start := position(t, conn, s.Flavor)
	for _, z := range zoos {
		z.live(t, conn)
	}
	l := tail{tables: map[string]*zoo{}, decoded: map[string][]logged{}, maps: map[string]*binlog.TableMap{}}
	for _, z := range zoos {
		l.tables[z.table.Name.String()] = z
	}
	statements := readLog(t, s, start, position(t, conn, s.Flavor), func(e rowsEvent) { l.event(t, e) })
	cells := 0
	for _, name := range slices.Sorted(maps.Keys(l.tables)) {
		l.tables[name].compare(t, l.decoded[name])
		for _, e := range l.decoded[name] {
			cells += len(e.rows) * len(l.tables[name].table.Columns)
		}
	}
	t.Logf("%d tables, %d cells compared, %d rows events and %d statements compressed", len(zoos), cells, l.packed, statements)
	if is := isCompressing(t, s, conn); is != (l.packed > 0) || s.Flavor == testbed.MariaDBFlavor && is != (statements > 0) {
		t.Errorf("%d rows events and %d statements are compressed", l.packed, statements)
	}
	return l.maps
}
