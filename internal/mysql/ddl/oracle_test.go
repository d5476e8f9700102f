package ddl

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

// oracle runs statements on a real server, reads what it wrote into its binlog
// through Parse and Apply, and compares every table with information_schema.
type oracle struct {
	t        *testing.T
	conn     *sql.Conn
	mariaDB  bool
	database string
	session  Session
	tables   map[string]*change.Table
	file     string
	position int64
	accepted int
	refused  []string
	// mayRefuse: an error that says why the effect cannot be known is no failure.
	mayRefuse bool
}

func newOracle(t *testing.T, server *testbed.Server, mariaDB bool) *oracle {
	t.Helper()
	o := &oracle{t: t, mariaDB: mariaDB, database: server.Database(t), tables: make(map[string]*change.Table)}
	conn, err := server.DB().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o.conn = conn
	t.Cleanup(func() { _ = conn.Raw(func(any) error { return driver.ErrBadConn }) })
	o.must("USE " + o.database)
	rows := o.query("SHOW BINARY LOGS")
	last := rows[len(rows)-1]
	o.file = last[0].String
	if _, err := fmt.Sscan(last[1].String, &o.position); err != nil {
		t.Fatal(err)
	}
	o.readSession()
	return o
}

func (o *oracle) must(statement string) {
	o.t.Helper()
	if _, err := o.conn.ExecContext(o.t.Context(), statement); err != nil {
		o.t.Fatalf("%s: %v", statement, err)
	}
}

func (o *oracle) query(statement string) [][]sql.NullString {
	o.t.Helper()
	rows, err := o.conn.QueryContext(context.Background(), statement)
	if err != nil {
		o.t.Fatalf("%s: %v", statement, err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		o.t.Fatal(err)
	}
	var all [][]sql.NullString
	for rows.Next() {
		one := make([]sql.NullString, len(names))
		pointers := make([]any, len(names))
		for i := range one {
			pointers[i] = &one[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			o.t.Fatal(err)
		}
		all = append(all, one)
	}
	if err := rows.Err(); err != nil {
		o.t.Fatal(err)
	}
	return all
}

// readSession asks what a binlog event would say of the session.
func (o *oracle) readSession() {
	o.t.Helper()
	gipk := "0"
	if !o.mariaDB {
		gipk = "@@sql_generate_invisible_primary_key"
	}
	v := o.query("SELECT @@sql_mode, @@explicit_defaults_for_timestamp, " + gipk + ", @@character_set_database, @@collation_database")[0]
	o.session = Session{
		Database: o.database, MariaDB: o.mariaDB,
		ANSIQuotes:                   strings.Contains(v[0].String, "ANSI_QUOTES"),
		NoBackslashEscapes:           strings.Contains(v[0].String, "NO_BACKSLASH_ESCAPES"),
		RealAsFloat:                  strings.Contains(v[0].String, "REAL_AS_FLOAT"),
		ExplicitDefaultsForTimestamp: v[1].String == "1",
		GenerateInvisiblePrimaryKey:  v[2].String == "1",
		DatabaseCharset:              v[3].String, DatabaseCollation: v[4].String,
	}
}

// run executes a statement and checks its effect; false when the server refuses it.
func (o *oracle) run(statement string) bool {
	o.t.Helper()
	if _, err := o.conn.ExecContext(o.t.Context(), statement); err != nil {
		o.refused = append(o.refused, fmt.Sprintf("%s\n\t%v", statement, err))
		return false
	}
	o.accepted++
	if strings.HasPrefix(statement, "SET ") || strings.HasPrefix(statement, "ALTER DATABASE") {
		o.readSession()
		if strings.HasPrefix(statement, "SET ") {
			return true
		}
	}
	texts := o.logged()
	for _, text := range texts {
		o.track(text)
	}
	o.compareAll(statement, texts)
	return true
}

var transaction = regexp.MustCompile(` /\* xid=\d+ \*/$`)

// logged gives the texts that the server wrote into its binlog since the last call.
func (o *oracle) logged() []string {
	o.t.Helper()
	var texts []string
	use := "use `" + o.database + "`; "
	for _, row := range o.query(fmt.Sprintf("SHOW BINLOG EVENTS IN '%s' FROM %d", o.file, o.position)) {
		if _, err := fmt.Sscan(row[4].String, &o.position); err != nil {
			o.t.Fatal(err)
		}
		if text, ok := strings.CutPrefix(row[5].String, use); ok && row[2].String == "Query" {
			texts = append(texts, transaction.ReplaceAllString(text, ""))
		}
	}
	return texts
}

func (o *oracle) track(text string) {
	o.t.Helper()
	statement, err := Parse(text, o.session)
	if err != nil {
		o.t.Errorf("%s\n\t%v", text, err)
		return
	}
	switch s := statement.(type) {
	case *CreateTable:
		o.trackCreate(text, s)
	case *DropTable:
		for _, name := range s.Names {
			delete(o.tables, name.Table)
		}
	case *RenameTable:
		for _, r := range s.Renames {
			if t := o.tables[r.From.Table]; t != nil {
				delete(o.tables, r.From.Table)
				o.tables[r.To.Table] = renamed(t, r.To)
			}
		}
	case *AlterTable:
		t := o.tables[s.Name.Table]
		if t == nil {
			return
		}
		next, err := Apply(t, s, o.session)
		if err != nil {
			o.refuses(text, err)
			delete(o.tables, s.Name.Table)
			return
		}
		delete(o.tables, s.Name.Table)
		o.tables[next.Table] = next
	}
}

// refuses is for a statement whose effect is not told.
func (o *oracle) refuses(text string, err error) {
	o.t.Helper()
	if !o.mayRefuse || !strings.Contains(err.Error(), "depends on the server") {
		o.t.Errorf("%s\n\t%v", text, err)
	}
}

func renamed(t *change.Table, to change.Name) *change.Table {
	copied := *t
	copied.Name = to
	return &copied
}

func (o *oracle) trackCreate(text string, s *CreateTable) {
	o.t.Helper()
	if s.Problem != nil {
		o.refuses(text, s.Problem)
		return
	}
	if o.tables[s.Name.Table] != nil && s.IfNotExists {
		return
	}
	if s.Temporary {
		return
	}
	switch {
	case s.Like != nil:
		if t := o.tables[s.Like.Table]; t != nil {
			o.tables[s.Name.Table] = renamed(t, s.Name)
		}
	case s.Table != nil:
		o.tables[s.Name.Table] = s.Table
	}
}

func (o *oracle) compareAll(statement string, texts []string) {
	o.t.Helper()
	for name, tracked := range o.tables {
		if !strings.Contains(statement, name) {
			continue
		}
		if difference := differences(tracked, o.catalog(name)); difference != "" {
			o.t.Errorf("%s\n%s\tlogged as %q", statement, difference, texts)
			delete(o.tables, name)
		}
	}
}

// catalog reads a table from information_schema.
func (o *oracle) catalog(name string) *change.Table {
	o.t.Helper()
	where := fmt.Sprintf(" WHERE table_schema='%s' AND table_name='%s'", o.database, name)
	table := &change.Table{Name: change.Name{Database: o.database, Table: name}}
	for _, r := range o.query("SELECT table_collation, table_comment FROM information_schema.tables" + where) {
		table.Collation, table.Comment = canonicalCollation(r[0].String), r[1].String
		table.Charset = charsetOf(table.Collation)
	}
	columns := o.query("SELECT column_name, column_type, character_set_name, collation_name, is_nullable, column_default, extra, column_comment" +
		" FROM information_schema.columns" + where + " ORDER BY ordinal_position")
	for _, r := range columns {
		typ, err := ParseType(r[1].String, r[2].String, r[3].String)
		if err != nil {
			o.t.Errorf("%s.%s: %v", name, r[0].String, err)
		}
		extra := strings.ToUpper(r[6].String)
		column := change.Column{
			Name: r[0].String, Type: typ, Nullable: r[4].String == "YES", Comment: r[7].String,
			AutoIncrement: strings.Contains(extra, "AUTO_INCREMENT"), Invisible: strings.Contains(extra, "INVISIBLE"),
			Generated: strings.Contains(extra, "VIRTUAL GENERATED") || strings.Contains(extra, "STORED GENERATED"),
		}
		var given *string
		if r[5].Valid {
			given = &r[5].String
		}
		if !column.Generated {
			column.Default, column.DefaultExpression = ParseDefault(given, r[6].String, typ, o.mariaDB)
		}
		table.Columns = append(table.Columns, column)
	}
	keys := o.query("SELECT column_name FROM information_schema.statistics" + where + " AND index_name='PRIMARY' ORDER BY seq_in_index")
	for _, r := range keys {
		table.Key = append(table.Key, table.Index(r[0].String))
	}
	return table
}

// differences says what differs between the tracked table and the server's.
func differences(tracked, server *change.Table) string {
	var b strings.Builder
	note := func(what string, ours, theirs any) {
		fmt.Fprintf(&b, "\t%s.%s: ours %v, the server's %v\n", tracked.Table, what, ours, theirs)
	}
	if tracked.Charset != server.Charset || tracked.Collation != server.Collation {
		note("charset", tracked.Charset+" "+tracked.Collation, server.Charset+" "+server.Collation)
	}
	if tracked.Comment != server.Comment {
		note("comment", tracked.Comment, server.Comment)
	}
	if a, b := fmt.Sprint(tracked.KeyNames()), fmt.Sprint(server.KeyNames()); a != b {
		note("key", a, b)
	}
	if ours, theirs := names(tracked), names(server); ours != theirs {
		note("columns", ours, theirs)
		return b.String()
	}
	for i := range tracked.Columns {
		a, b := &tracked.Columns[i], &server.Columns[i]
		if x, y := describe(a), describe(b); x != y {
			note(a.Name, x, y)
		}
	}
	return b.String()
}

func names(t *change.Table) string {
	var list []string
	for _, c := range t.Columns {
		list = append(list, c.Name)
	}
	return strings.Join(list, " ")
}

// describe prints everything of a column that must agree. Of a default expression
// only that there is one: servers rewrite it. FLOAT defaults are printed with six
// digits by servers.
func describe(c *change.Column) string {
	value := "none"
	switch {
	case c.Default != nil && c.Type.Base == change.Float:
		var f float32
		_, err := fmt.Sscan(*c.Default, &f)
		value = fmt.Sprintf("%.6g %v", f, err)
	case c.Default != nil:
		value = fmt.Sprintf("%q", *c.Default)
	case strings.HasPrefix(c.DefaultExpression, "CURRENT_TIMESTAMP"):
		value = c.DefaultExpression
	case c.DefaultExpression != "":
		value = "expression"
	}
	return fmt.Sprintf("%v length %d %q %s %s null=%t default=%s auto=%t generated=%t invisible=%t comment=%q",
		c.Type, c.Type.Length, c.Type.Members, c.Type.Charset, c.Type.Collation, c.Nullable, value, c.AutoIncrement, c.Generated, c.Invisible, c.Comment)
}
