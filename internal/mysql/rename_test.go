package mysql

import (
	"testing"

	"starferry/internal/change"
	"starferry/internal/ferry"
	"starferry/internal/testbed"
)

// TestNamesThatAreNotThere: a table that takes a name of which something is known takes the
// place of that table; one that is created is another one, and so is the first of all.
func TestNamesThatAreNotThere(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		for _, c := range []struct {
			name string
			gone bool
			play []string
			want string
		}{
			{"renamed", true, []string{"RENAME TABLE shadow TO t", "INSERT INTO t VALUES (1, 1)"}, "replaced t 8 (id,b), insert t 1|1"},
			{"altered to it", true, []string{"ALTER TABLE shadow ADD COLUMN c INT, RENAME TO t", "INSERT INTO t VALUES (1, 1, 1)"}, "replaced t 8 (id,b,c), insert t 1|1|1"},
			{"created", true, []string{"CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)"}, "joined t 8 (id), insert t 1"},
			{"never there, renamed", false, []string{"RENAME TABLE shadow TO t"}, "dropped t 0 (), joined t 1 (id,b)"},
		} {
			t.Run(c.name, func(t *testing.T) {
				name := change.Name{Database: server.Database(t), Table: "t"}
				server.Exec(t, "USE "+name.Database, "CREATE TABLE shadow (id INT PRIMARY KEY, b INT)")
				s := connect(t, server)
				follow := ferry.Follow{Join: []change.Name{name}}
				if c.gone {
					follow = ferry.Follow{Gone: []*change.Table{{Name: name, Version: 7}}}
				}
				stream, err := stepping(s.Open(t.Context(), start(t, s), follow))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { stream.Close() })
				var events []change.Event
				if !c.gone {
					events = append(events, next(t, stream))
				}
				server.Exec(t, append([]string{"USE " + name.Database}, c.play...)...)
				for !c.gone && events[len(events)-1].Kind != change.Joined { // behind what others write meanwhile
					events = append(events, next(t, stream))
				}
				if got := told(append(events, until(t, s, stream)...)); got != c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
			})
		}
	})
}

// TestAPlaceBehindEveryChange: a statement may do something else behind the change of a
// schema. A place to begin at comes before the first row all the same.
func TestAPlaceBehindEveryChange(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		server.Exec(t, "USE "+db, "CREATE TABLE shadow (id INT PRIMARY KEY, b INT)", "CREATE TABLE t (id INT PRIMARY KEY)", "CREATE TABLE u (id INT PRIMARY KEY)")
		s := connect(t, server)
		names := []change.Name{{Database: db, Table: "t"}, {Database: db, Table: "u"}}
		stream := open(t, s, start(t, s), nil, names...)
		until(t, s, stream)
		server.Exec(t, "USE "+db, "RENAME TABLE t TO t_old, shadow TO t, u TO u_old", "INSERT INTO t VALUES (1, 1)")
		changed, placed := false, false
		for e := next(t, stream); e.Kind != change.Insert; e = next(t, stream) {
			changed = changed || e.Kind == change.Replaced
			placed = changed && (placed || e.Resumable)
		}
		if !changed || !placed {
			t.Errorf("replaced %v, and a place to begin at behind it %v", changed, placed)
		}
	})
}

// TestATableLikeTheOneBefore: a table that is made like the followed one and takes its name is
// another one, though nothing in its columns says so.
func TestATableLikeTheOneBefore(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		server.Exec(t, "USE "+db, "CREATE TABLE t (id INT PRIMARY KEY)")
		s := connect(t, server)
		stream := open(t, s, start(t, s), nil, change.Name{Database: db, Table: "t"})
		until(t, s, stream)
		server.Exec(t, "USE "+db, "CREATE TABLE next LIKE t", "RENAME TABLE t TO last, next TO t", "INSERT INTO t VALUES (1)")
		if got, want := told(until(t, s, stream)), "replaced t 2 (id), insert t 1"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}
