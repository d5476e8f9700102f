package mysql

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/testbed"
)

// ddlSeeds is how many sequences are played per server, and which is the first.
func ddlSeeds(t *testing.T, otherwise int) (first uint64, n int) {
	t.Helper()
	first, n = 1, otherwise
	if text := os.Getenv("STARFERRY_DDL_SEEDS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatalf("STARFERRY_DDL_SEEDS: %v", err)
		}
		first = uint64(time.Now().UnixNano())
	}
	if text := os.Getenv("STARFERRY_DDL_SEED"); text != "" {
		var err error
		if first, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("STARFERRY_DDL_SEED: %v", err)
		}
		n = 1
	}
	return first, n
}

// TestRandomStatementsAreFollowed plays random statements on two followed tables and the
// tables beside them, over sessions of every kind, with rows between, and holds what the
// stream says against the server after each: the columns, and the rows. The stream reads
// behind the statements, so that it looks nothing up that the log can tell.
func TestRandomStatementsAreFollowed(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		first, n := ddlSeeds(t, 3)
		compared := 0
		for i := range n {
			t.Run(fmt.Sprintf("seed %d", first+uint64(i)), func(t *testing.T) {
				s := newDDLStorm(t, server, first+uint64(i))
				for range 40 {
					s.step()
				}
				compared += s.compared
			})
		}
		t.Logf("%d statements compared", compared)
	})
}

// ddlStorm is one sequence.
type ddlStorm struct {
	t        *testing.T
	r        *rand.Rand
	server   *testbed.Server
	db       string
	source   *Source
	stream   *stepped
	now      map[string]*change.Table // of the followed tables, nil when there is none
	there    map[string]bool          // tables at the source
	next     int
	compared int
}

// withText is a statement with a comment in the bytes of a client's charset.
var withText = map[string]string{"latin1": "caf\xe9 \x80", "utf8mb3": "日本", "utf8mb4": "ü 'é'"}

var stormTables = []string{"t", "täble"}

func newDDLStorm(t *testing.T, server *testbed.Server, seed uint64) *ddlStorm {
	t.Helper()
	s := &ddlStorm{t: t, r: rand.New(rand.NewPCG(seed, 11)), server: server, db: server.Database(t), now: map[string]*change.Table{}, there: map[string]bool{}}
	var names []change.Name
	for _, table := range stormTables {
		server.Exec(t, fmt.Sprintf("CREATE TABLE %s.`%s` (id INT PRIMARY KEY AUTO_INCREMENT, a INT, b VARCHAR(10))", s.db, table))
		names = append(names, change.Name{Database: s.db, Table: table})
		s.there[table] = true
	}
	s.source = connect(t, server)
	s.stream = open(t, s.source, start(t, s.source), nil, names...)
	for joined := 0; joined < len(names); {
		if e := next(t, s.stream); e.Kind == change.Joined {
			s.now[e.Table.Name.Table] = e.Table
			joined++
		}
	}
	return s
}

func (s *ddlStorm) pick(list ...string) string { return list[s.r.IntN(len(list))] }

// table is one that is followed, or was made beside.
func (s *ddlStorm) table(followed bool) string {
	if followed || s.r.IntN(2) == 0 {
		return stormTables[s.r.IntN(len(stormTables))]
	}
	return s.pick("x", "y", "t_new", "t_old")
}

// step runs one statement, writes rows into whatever is followed, and compares.
func (s *ddlStorm) step() {
	s.t.Helper()
	use, quote := "USE "+s.db, "`"
	var session []string
	qualified := s.r.IntN(4) == 0
	if qualified {
		use = "USE mysql"
	}
	if s.r.IntN(3) == 0 {
		mode := s.pick("ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES", "REAL_AS_FLOAT", "PIPES_AS_CONCAT,STRICT_ALL_TABLES", "")
		if strings.Contains(mode, "ANSI_QUOTES") {
			quote = `"`
		}
		session = append(session, "SET SESSION sql_mode = '"+mode+"'")
	}
	if s.r.IntN(4) == 0 {
		session = append(session, "SET SESSION explicit_defaults_for_timestamp = "+s.pick("0", "1"))
	}
	name := func(table string) string {
		text := quote + table + quote
		if qualified {
			text = quote + s.db + quote + "." + text
		}
		return text
	}
	statement := s.statement(name)
	if isASCII(statement) && s.r.IntN(3) == 0 {
		session = append(session, "SET NAMES "+s.pick("latin1", "gbk", "sjis", "big5", "ascii", "koi8r"))
	}
	if strings.HasSuffix(statement, "COMMENT 'why'") && len(session) == 0 {
		charset := s.pick("latin1", "utf8mb3", "utf8mb4")
		if isASCII(statement) || charset != "latin1" {
			session = append(session, "SET NAMES "+charset)
			statement = strings.TrimSuffix(statement, "'why'") + "'" + strings.ReplaceAll(withText[charset], "'", "''") + "'"
		}
	}
	if !s.run(append(append([]string{use}, session...), statement)...) {
		return
	}
	s.compared++
	s.compare(statement)
}

// run executes statements in one session; false when the server refuses the last.
func (s *ddlStorm) run(statements ...string) bool {
	s.t.Helper()
	conn, err := s.server.DB().Conn(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	defer func() {
		for _, back := range []string{"SET SESSION sql_mode = DEFAULT", "SET SESSION explicit_defaults_for_timestamp = DEFAULT", "SET NAMES utf8mb4"} {
			if _, err := conn.ExecContext(s.t.Context(), back); err != nil {
				s.t.Fatal(err)
			}
		}
	}()
	for i, statement := range statements {
		if _, err := conn.ExecContext(s.t.Context(), statement); err != nil {
			if i < len(statements)-1 {
				s.t.Fatalf("%s: %v", statement, err)
			}
			return false
		}
	}
	return true
}

func (s *ddlStorm) statement(name func(string) string) string {
	a, b := s.table(true), s.table(false)
	switch s.r.IntN(14) {
	case 0:
		return fmt.Sprintf("RENAME TABLE %s TO %s, %s TO %s", name(a), name("swap"), name(b), name(a)) + s.pick("", fmt.Sprintf(", %s TO %s", name("swap"), name(b)))
	case 1:
		text := fmt.Sprintf("ALTER TABLE %s RENAME TO %s%s", name(s.table(false)), name(b), s.pick("", ", ADD COLUMN "+s.column()))
		if s.server.Flavor == testbed.MariaDBFlavor && !isASCII(text) {
			// MariaDB 10.11.18 leaves a table of the old name behind as well.
			text = strings.Replace(text, "VIRTUAL", "STORED", 1)
		}
		return text
	case 2:
		return fmt.Sprintf("DROP TABLE %s%s", s.pick("", "IF EXISTS "), name(b))
	case 3:
		return fmt.Sprintf("CREATE TABLE %s%s LIKE %s", s.pick("", "IF NOT EXISTS "), name(b), name(a))
	case 4:
		return fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY AUTO_INCREMENT, %s, %s)%s", name(b), s.column(), s.column(), s.pick("", " CHARSET latin1", " COMMENT 'x'", " PARTITION BY HASH (id) PARTITIONS 2"))
	case 5:
		return fmt.Sprintf("CREATE TABLE %s (PRIMARY KEY (id)) AS SELECT * FROM %s", name(b), name(a))
	case 6:
		return fmt.Sprintf("RENAME TABLE %s TO %s", name(b), name(s.table(false)))
	}
	table := s.table(s.r.IntN(3) > 0)
	clauses := make([]string, 1+s.r.IntN(3))
	for i := range clauses {
		clauses[i] = s.clause(table)
	}
	end := s.pick("", "", "", "", "", ", ALGORITHM=INSTANT", ", ALGORITHM=COPY, LOCK=SHARED", ", ALGORITHM=INPLACE")
	return fmt.Sprintf("ALTER TABLE %s %s%s", name(table), strings.Join(clauses, ", "), end)
}

// known is a column that the table has, most of the time.
func (s *ddlStorm) known(table string) string {
	var names []string
	if t := s.now[table]; t != nil {
		for _, c := range t.Columns {
			if strings.HasPrefix(c.Name, "c") {
				names = append(names, c.Name)
			}
		}
	}
	if len(names) == 0 || s.r.IntN(20) == 0 {
		return fmt.Sprintf("c%d", s.r.IntN(20))
	}
	return s.pick(names...)
}

func (s *ddlStorm) column() string {
	s.next++
	return fmt.Sprintf("c%d %s", s.next%20, s.typed())
}

func (s *ddlStorm) typed() string {
	return fmt.Sprintf("%s%s", s.pick("INT", "BIGINT UNSIGNED DEFAULT 7", "VARCHAR(9) DEFAULT 'x'", "VARCHAR(9) CHARSET latin1", "TIMESTAMP NULL", "TIMESTAMP", "DATETIME(3) DEFAULT CURRENT_TIMESTAMP(3)",
		"ENUM('a','b') NOT NULL DEFAULT 'b'", "DECIMAL(9,3)", "REAL", "TEXT", "INT NOT NULL", "TINYINT(1)", "BIT(9)", "INT AS (id + 1) VIRTUAL", "INT INVISIBLE", "JSON", "SET('x','y')"), s.pick("", "", " COMMENT 'why'"))
}

func (s *ddlStorm) clause(table string) string {
	switch s.r.IntN(9) {
	case 0, 1, 2:
		return "ADD COLUMN " + s.column() + s.pick("", "", " FIRST", " AFTER id")
	case 3:
		return "DROP COLUMN " + s.known(table)
	case 4:
		return fmt.Sprintf("RENAME COLUMN %s TO c%d", s.known(table), s.r.IntN(20))
	case 5:
		return "MODIFY " + s.known(table) + " " + s.typed() + s.pick("", " FIRST", " AFTER id")
	case 6:
		return fmt.Sprintf("CHANGE %s %s", s.known(table), s.column())
	case 7:
		return s.pick("COMMENT 'y'", "ENGINE=InnoDB", "FORCE", "CONVERT TO CHARACTER SET utf8mb4", "DEFAULT CHARSET latin1", "ADD INDEX (id)")
	}
	return s.pick("PARTITION BY HASH (id) PARTITIONS 3", "REMOVE PARTITIONING", "ADD COLUMN "+s.column())
}

// compare reads what the stream says and holds it against the server.
func (s *ddlStorm) compare(statement string) {
	s.t.Helper()
	inserted := map[string]bool{}
	for _, table := range stormTables {
		inserted[table] = s.run("USE "+s.db, "SET SESSION sql_mode = ''", fmt.Sprintf("INSERT INTO `%s` (id) VALUES (NULL)", table))
	}
	rows := map[string]int{}
	for _, e := range until(s.t, s.source, s.stream) {
		if e.Table == nil {
			continue
		}
		name := e.Table.Name.Table
		switch e.Kind {
		case change.Joined, change.Altered, change.Replaced:
			s.now[name] = e.Table
			if e.Cause != nil && !strings.Contains(e.Cause.Error(), "depends on the server") {
				s.t.Errorf("%s\n%s was looked up: %v", statement, name, e.Cause)
			}
		case change.Dropped:
			s.now[name] = nil
		case change.Insert:
			rows[name] += e.Rows.Len()
			if e.Table != s.now[name] || e.Rows.Width() != len(e.Table.Columns) {
				s.t.Errorf("%s: a row of version %d, in force is %+v", statement, e.Table.Version, s.now[name])
			}
		case change.Unreadable:
			s.t.Fatalf("%s\n%s cannot be read: %v", statement, name, e.Cause)
		}
	}
	for _, table := range stormTables {
		described, err := s.source.describe(s.t.Context(), change.Name{Database: s.db, Table: table})
		switch tracked := s.now[table]; {
		case err != nil && tracked != nil:
			s.t.Fatalf("%s\n%s is followed and not there: %v", statement, table, err)
		case err == nil && tracked == nil:
			s.t.Fatalf("%s\n%s is there and not followed", statement, table)
		case tracked != nil:
			if inserted[table] && rows[table] == 0 {
				s.t.Errorf("%s\nno row of %s", statement, table)
			}
			if a, b := printTable(tracked), printTable(described); a != b {
				s.t.Fatalf("%s\ntracked %s\n    now %s", statement, a, b)
			}
		}
	}
}

// printTable is everything of a table that the server tells too.
func printTable(t *change.Table) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %q key %v", t.Charset, t.Collation, t.Comment, t.KeyNames())
	for _, c := range t.Columns {
		value := "none"
		if c.Default != nil {
			value = strconv.Quote(*c.Default)
		}
		if c.DefaultExpression != "" {
			value = "expression"
		}
		fmt.Fprintf(&b, "\n\t%s %v %s %s null=%t default=%s auto=%t generated=%t invisible=%t %q", c.Name, c.Type, c.Type.Charset, c.Type.Collation, c.Nullable, value, c.AutoIncrement, c.Generated, c.Invisible, c.Comment)
	}
	return b.String()
}
