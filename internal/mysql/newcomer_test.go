package mysql

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/testbed"
)

// wanting has a Source want the tables of a database but for some.
func wanting(database string, but ...string) func(*Config) {
	return func(c *Config) {
		c.Wants = func(name change.Name) bool {
			return strings.EqualFold(name.Database, database) && !slices.Contains(but, name.Table)
		}
	}
}

// told is what befell the tables of a stream, in one line.
func told(events []change.Event) string {
	var all []string
	for _, line := range script(events) {
		if line != "commit" {
			all = append(all, line)
		}
	}
	return strings.Join(all, ", ")
}

// TestTablesThatComeAreFollowed plays every statement that brings a table.
func TestTablesThatComeAreFollowed(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		for _, c := range []struct {
			name   string
			before []string
			play   []string
			want   string
		}{
			{"created", nil, []string{"CREATE TABLE a (id INT PRIMARY KEY)", "INSERT INTO a VALUES (1),(2)"}, "joined a 1 (id), insert a 1, insert a 2"},
			{"created again", nil, []string{"CREATE TABLE a (id INT PRIMARY KEY)", "DROP TABLE a", "CREATE TABLE a (id INT PRIMARY KEY, b INT)", "INSERT INTO a VALUES (1,1)"}, "joined a 1 (id), dropped a 1 (id), joined a 2 (id,b), insert a 1|1"},
			{"like", nil, []string{"CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE b LIKE a", "INSERT INTO b VALUES (1)"}, "joined a 1 (id), joined b 1 (id), insert b 1"},
			{"like one that is not known", []string{"CREATE TABLE old (id INT PRIMARY KEY)"}, []string{"CREATE TABLE b LIKE old"}, "joined b 1 (id)"},
			{"not wanted", nil, []string{"CREATE TABLE not1 (id INT PRIMARY KEY)", "INSERT INTO not1 VALUES (1)"}, ""},
			{"renamed to one that is wanted", nil, []string{"CREATE TABLE not1 (id INT PRIMARY KEY)", "RENAME TABLE not1 TO a", "INSERT INTO a VALUES (1)"}, "joined a 1 (id), insert a 1"},
			{"renamed from before", []string{"CREATE TABLE not1 (id INT PRIMARY KEY, b INT)", "INSERT INTO not1 VALUES (1,1)"}, []string{"ALTER TABLE not1 RENAME TO a"}, "joined a 1 (id,b)"},
			{"renamed away", nil, []string{"CREATE TABLE a (id INT PRIMARY KEY)", "RENAME TABLE a TO b", "INSERT INTO b VALUES (1)"}, "joined a 1 (id), dropped a 1 (id), joined b 1 (id), insert b 1"},
			{"select", []string{"CREATE TABLE old (id INT PRIMARY KEY)", "INSERT INTO old VALUES (1)"}, []string{"CREATE TABLE b (PRIMARY KEY (id)) SELECT * FROM old"}, "joined b 1 (id)"},
			{"if it is not there", nil, []string{"CREATE TABLE IF NOT EXISTS a (id INT PRIMARY KEY)"}, "joined a 1 (id)"},
			{"if it is not there, and it is", []string{"CREATE TABLE a (id INT PRIMARY KEY, b INT)"}, []string{"CREATE TABLE IF NOT EXISTS a (id INT PRIMARY KEY)"}, "joined a 1 (id,b)"},
			{"without a key", nil, []string{"CREATE TABLE a (id INT)", "INSERT INTO a VALUES (1)", "ALTER TABLE a ADD b INT"}, "unreadable a"},
			{"with a key later", nil, []string{"CREATE TABLE a (id INT)", "INSERT INTO a VALUES (1)", "ALTER TABLE a ADD PRIMARY KEY (id)", "INSERT INTO a VALUES (2)"}, "unreadable a, joined a 1 (id), insert a 2"},
			{"from before, with a key later", []string{"CREATE TABLE a (id INT)"}, []string{"ALTER TABLE a ADD PRIMARY KEY (id)"}, "joined a 1 (id)"},
			{"a view", []string{"CREATE TABLE old (id INT PRIMARY KEY)"}, []string{"CREATE VIEW v AS SELECT * FROM old"}, ""},
			{"temporary", nil, []string{"CREATE TEMPORARY TABLE a (id INT PRIMARY KEY)", "DROP TEMPORARY TABLE a"}, ""},
			{"a database", nil, []string{"CREATE TABLE a (id INT PRIMARY KEY)", "DROP DATABASE {db}", "CREATE DATABASE {db}", "USE {db}", "CREATE TABLE b (id INT PRIMARY KEY)"}, "joined a 1 (id), dropped first 1 (id), dropped a 1 (id), joined b 1 (id)"},
		} {
			t.Run(c.name, func(t *testing.T) {
				db := server.Database(t)
				run := func(statements ...string) {
					for i := range statements {
						statements[i] = strings.ReplaceAll(statements[i], "{db}", db)
					}
					server.Exec(t, statements...)
				}
				run("USE {db}", "CREATE TABLE first (id INT PRIMARY KEY)")
				if len(c.before) > 0 {
					run(append([]string{"USE {db}"}, c.before...)...)
				}
				s := connect(t, server, wanting(db, "not1", "old"))
				stream := open(t, s, start(t, s), nil, change.Name{Database: db, Table: "first"})
				if got := told(until(t, s, stream)); got != "joined first 1 (id)" {
					t.Fatal(got)
				}
				run(append([]string{"USE {db}"}, c.play...)...)
				want := c.want
				if server.Flavor == testbed.MariaDBFlavor && strings.Contains(c.name, "and it is") {
					want = "" // it logs nothing that did nothing
				}
				var got string
				events := until(t, s, stream)
				for range 20 { // a table may join behind what others have written meanwhile
					got = told(events)
					got = strings.Replace(got, "dropped a 1 (id), dropped first 1 (id)", "dropped first 1 (id), dropped a 1 (id)", 1) // in any order
					if got == want {
						break
					}
					events = append(events, until(t, s, stream)...)
				}
				if got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			})
		}
	})
}

// TestManyTablesAreReadTogether: lists are asked for otherwise than single tables, and say
// the same.
func TestManyTablesAreReadTogether(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		server.Exec(t, "USE "+db, "CREATE TABLE keyless (id INT)", "CREATE VIEW v AS SELECT * FROM keyless", "CREATE TABLE prefix (a VARCHAR(20), b INT, PRIMARY KEY (a(3)))")
		names := []change.Name{{Database: db, Table: "keyless"}, {Database: db, Table: "gone"}, {Database: db, Table: "v"}, {Database: db, Table: "prefix"}}
		for i := range 120 {
			name := change.Name{Database: db, Table: fmt.Sprintf("t%d", i)}
			server.Exec(t, "CREATE TABLE "+name.String()+" (b VARCHAR(9) DEFAULT 'x', `it's` INT, id INT, PRIMARY KEY (id, `it's`)) CHARSET latin1", "INSERT INTO "+name.String()+" VALUES ('a', 1, 2), ('a', 2, 2)")
			names = append(names, name)
		}
		s := connect(t, server)
		names = append(names, names[4], names[0]) // each may be asked for twice
		tables, problems, err := s.DescribeEach(t.Context(), names)
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range names {
			alone, err := s.Describe(t.Context(), []change.Name{name})
			switch {
			case err == nil && (tables[i] == nil || fmt.Sprint(*alone[0]) != fmt.Sprint(*tables[i])):
				t.Errorf("%s alone is %v, together with others %v", name, alone[0], tables[i])
			case fmt.Sprint(err) != fmt.Sprint(problems[i]) || err != nil && i > 3 && name != names[0]:
				t.Errorf("%s alone: %v; together with others: %v", name, err, problems[i])
			}
		}
		names = names[:len(names)-2]
		if err := s.Check(t.Context(), names); err != nil {
			t.Error(err)
		}
		listed, views, err := s.Tables(t.Context(), []string{db})
		if err != nil || len(listed) != 122 || slices.Contains(listed, names[2]) || !slices.Contains(views, names[2]) {
			t.Errorf("%d tables are listed, and the views %v: %v", len(listed), views, err)
		}
		server.Exec(t, "ANALYZE TABLE "+names[len(names)-1].String())
		if estimates, err := s.Estimates(t.Context(), names[len(names)-20:]); err != nil || estimates[names[len(names)-1]] != 2 {
			t.Errorf("%v, %v", estimates, err)
		}
		stream := open(t, s, start(t, s), nil, names...)
		server.Exec(t, "DELETE FROM "+names[len(names)-1].String()) // a place behind that of the join
		joined := 0
		for _, line := range script(until(t, s, stream)) {
			if strings.HasPrefix(line, "joined t") && strings.HasSuffix(line, " 1 (b,it's,id)") {
				joined++
			}
		}
		if joined != 120 {
			t.Errorf("%d tables joined", joined)
		}
	})
}
