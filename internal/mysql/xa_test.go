package mysql

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
	"starferry/internal/testbed"
)

// eachXAServer gives servers of its own: what is prepared on one that is shared would
// hold up the joins of other tests.
func eachXAServer(t *testing.T, test func(t *testing.T, server *testbed.Server)) {
	t.Run("mysql gtid", func(t *testing.T) { t.Parallel(); test(t, testbed.MySQL(t, "--max-connections=100")) })
	t.Run("mysql file", func(t *testing.T) {
		t.Parallel()
		test(t, testbed.MySQL(t, "--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"))
	})
	t.Run("mariadb", func(t *testing.T) { t.Parallel(); test(t, testbed.MariaDB(t, "--max-connections=100")) })
}

// prepare runs statements as an XA transaction and leaves it prepared.
func prepare(t *testing.T, server *testbed.Server, id string, statements ...string) {
	t.Helper()
	all := append([]string{"XA START '" + id + "'"}, statements...)
	server.Exec(t, append(all, "XA END '"+id+"'", "XA PREPARE '"+id+"'")...)
}

// TestUndecidedXASurvivesARestart: a stream that is opened at any position between
// PREPARE and COMMIT delivers the rows at COMMIT, also after files have changed and
// the server has crashed, from memory or from a file.
func TestUndecidedXASurvivesARestart(t *testing.T) {
	t.Parallel()
	eachXAServer(t, func(t *testing.T, server *testbed.Server) {
		server.Exec(t, "CREATE DATABASE x", "CREATE TABLE x.t (id INT PRIMARY KEY, v VARCHAR(20))", "CREATE TABLE x.other (id INT PRIMARY KEY)")
		s := connect(t, server, func(c *Config) { c.HeldBytes = 600 })
		stream := open(t, s, start(t, s), nil, change.Name{Database: "x", Table: "t"})
		for next(t, stream).Kind != change.Joined {
		}
		table := describe(t, s, "x", "t")
		server.Exec(t, "INSERT INTO x.t VALUES (1, 'before')")
		prepare(t, server, "foreign", "INSERT INTO x.other VALUES (1)")
		prepare(t, server, "kept", "INSERT INTO x.t VALUES (10, 'ten'), (11, NULL), (12, '')", "UPDATE x.t SET v = 'TEN' WHERE id = 10", "DELETE FROM x.t WHERE id = 12")
		server.Exec(t, "INSERT INTO x.t VALUES (2, 'between')", "FLUSH BINARY LOGS")
		prepare(t, server, "undone", "INSERT INTO x.t VALUES (20, 'never')")
		server.Exec(t, "INSERT INTO x.t VALUES (3, 'after')")
		events := until(t, s, stream)
		compare(t, script(events), []string{"insert t 1|before", "commit", "insert t 2|between", "commit", "insert t 3|after", "commit"})
		stream.Close()
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := server.Restart(); err != nil {
			t.Fatal(err)
		}
		server.Exec(t, "INSERT INTO x.t VALUES (4, 'restarted')", "XA COMMIT 'foreign'", "XA ROLLBACK 'undone'", "XA COMMIT 'kept'", "INSERT INTO x.t VALUES (5, 'end')")
		want := []string{"insert t 4|restarted", "commit", "insert t 10|ten", "insert t 11|NULL", "insert t 12|", "update t 10|ten to 10|TEN", "delete t 12|", "commit",
			"insert t 5|end", "commit"}
		resumed := 0
		for i, e := range events {
			if !e.Resumable {
				continue
			}
			resumed++
			again := open(t, s, e.Position, []*change.Table{table})
			later := until(t, s, again)
			compare(t, script(later), append(script(events[i+1:]), want...))
			if last := later[len(later)-1]; last.Position.Undecided != "" {
				t.Errorf("everything is decided at %+v", last.Position)
			}
			again.Close()
		}
		last := events[len(events)-1].Position
		if resumed == 0 || last.Undecided == "" {
			t.Errorf("%d resumable positions, the last %+v", resumed, last)
		}
	})
}

// TestXAOfATableThatJoins: what was prepared while a table joined is read by its
// pages: it does not join before that is decided.
func TestXAOfATableThatJoins(t *testing.T) {
	t.Parallel()
	eachXAServer(t, func(t *testing.T, server *testbed.Server) {
		server.Exec(t, "CREATE DATABASE x", "CREATE TABLE x.t (id INT PRIMARY KEY)", "CREATE TABLE x.u (id INT PRIMARY KEY)")
		s := connect(t, server)
		from := start(t, s)
		prepare(t, server, "early", "INSERT INTO x.u VALUES (1)")
		r := &reader{source: s, prepared: map[string]*prepared{}}
		one := &tracked{name: change.Name{Database: "x", Table: "u"}}
		r.prepared["early"] = &prepared{id: "early", early: []*tracked{one}}
		if !r.holdsEarly(one) || r.holdsEarly(&tracked{}) {
			t.Error("the table joins in spite of it")
		}
		// Prepared before the stream was asked for: it is waited for.
		ctx, cancel := context.WithCancel(t.Context())
		said := make(chan struct{}, 100)
		waiting := connect(t, server, func(c *Config) {
			c.Notify = func(format string, a ...any) {
				if strings.Contains(fmt.Sprintf(format, a...), "XA transactions are prepared") {
					said <- struct{}{}
				}
			}
		})
		opened := make(chan error, 1)
		go func() {
			_, err := waiting.Open(ctx, from, ferry.Follow{Join: []change.Name{one.name}})
			opened <- err
		}()
		<-said
		cancel()
		if err := <-opened; !errors.Is(err, context.Canceled) {
			t.Errorf("opened: %v", err)
		}
		server.Exec(t, "XA COMMIT 'early'")
		stream := open(t, s, from, nil, one.name)
		for next(t, stream).Kind != change.Joined {
		}
	})
}

// TestXAPreparedBeforeIsNotMissed: without the privilege to ask, its commit stops the
// stream.
func TestXAPreparedBeforeIsNotMissed(t *testing.T) {
	t.Parallel()
	server := testbed.MySQL(t, "--max-connections=100")
	server.Exec(t, "CREATE DATABASE x", "CREATE TABLE x.t (id INT PRIMARY KEY)")
	prepare(t, server, "early", "INSERT INTO x.t VALUES (1)")
	c := restricted(t, server, "SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.*")
	s, err := Connect(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	stream := open(t, s, start(t, s), nil, change.Name{Database: "x", Table: "t"})
	for next(t, stream).Kind != change.Joined {
	}
	server.Exec(t, "XA COMMIT 'early'")
	wantProblem(t, failure(t, stream), codeXA, diag.Refused, "X'6561726C79'", "XA_RECOVER_ADMIN")
}

func TestHeldRowsComeBackFromAFile(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	tables := []*change.Table{{Columns: make([]change.Column, 1)}, {Columns: make([]change.Column, 3)}}
	var h heldRows
	var want []string
	for i := range 200 {
		table := tables[random.IntN(2)]
		rows := change.NewRows(len(table.Columns))
		for range (1 + random.IntN(4)) * rows.Width() {
			if random.IntN(5) == 0 {
				rows.AddNull()
				continue
			}
			rows.AddBytes(make([]byte, random.IntN(300)))
		}
		e := change.Event{Kind: change.Insert + change.Kind(random.IntN(3)), Table: table, Rows: rows}
		want = append(want, heldText(e))
		h.add(e)
		if i%70 == 69 {
			if err := h.write(); err != nil {
				t.Fatal(err)
			}
		}
	}
	var got []string
	if err := h.each(t.Context(), func(e change.Event) error { got = append(got, heldText(e)); return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Error("other rows come back")
	}
	h.release()
	if !h.empty() {
		t.Error("not empty after release")
	}
}

func heldText(e change.Event) string {
	text := fmt.Sprint(e.Kind, len(e.Table.Columns))
	for i := range e.Rows.Len() {
		text += " " + row(e.Rows, i)
	}
	return text
}

func TestUndecidedIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	r := &reader{prepared: map[string]*prepared{
		"X'61',X'',1": {id: "X'61',X'',1"},
		"X'62',X'',1": {id: "X'62',X'',1", begin: change.Position{File: "bin.000010", Offset: 5 << 32, GTIDs: "0-1-5,1-1-7"}, early: []*tracked{nil}},
		"X'63',X'',1": {id: "X'63',X'',1", begin: change.Position{File: "bin.000009", Offset: 700}, early: []*tracked{nil}},
	}}
	place, ids, err := readUndecided(r.undecided())
	if err != nil || place != (change.Position{File: "bin.000009", Offset: 700}) || !slices.Equal(ids, []string{"X'61',X'',1"}) {
		t.Error(place, ids, err)
	}
	delete(r.prepared, "X'63',X'',1")
	if place, _, err := readUndecided(r.undecided()); err != nil || place != r.prepared["X'62',X'',1"].begin {
		t.Error(place, err)
	}
	for _, text := range []string{"bin", "bin:x", "bin 0-1-1"} {
		if _, _, err := readUndecided(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
	for text, want := range map[string]string{" X'61',X'',1": "X'61',X'',1", "x'6a'": "X'6A',X'',1", "X'61',X'62' ONE PHASE;": "X'61',X'62',1"} {
		if got := canonicalXID(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// TestUndecidedXASurvivesAFailover: what is prepared is prepared on the replica too,
// and is read again from its log.
func TestUndecidedXASurvivesAFailover(t *testing.T) {
	t.Parallel()
	for _, flavor := range []testbed.Flavor{testbed.MySQLFlavor, testbed.MariaDBFlavor} {
		t.Run(flavor.String(), func(t *testing.T) {
			t.Parallel()
			primary, second := testbed.Pair(t, flavor)
			primary.Exec(t, "CREATE DATABASE x", "CREATE TABLE x.t (id INT PRIMARY KEY, v VARCHAR(20))", "CREATE TABLE x.other (id INT PRIMARY KEY)")
			c := config(primary)
			c.Failover = []Host{{second.Host, second.Port}}
			g := connectServers(t, c)
			stream, err := stepping(g.Open(t.Context(), start(t, g.source()), ferry.Follow{Join: []change.Name{{Database: "x", Table: "t"}}}))
			if err != nil {
				t.Fatal(err)
			}
			for next(t, stream).Kind != change.Joined {
			}
			table := describe(t, g.source(), "x", "t")
			prepare(t, primary, "kept", "INSERT INTO x.t VALUES (10, 'ten')")
			prepare(t, primary, "foreign", "INSERT INTO x.other VALUES (1)")
			primary.Exec(t, "FLUSH BINARY LOGS", "INSERT INTO x.t VALUES (1, 'between')")
			events := until(t, g.source(), stream)
			from := events[len(events)-1].Position
			second.AwaitReplica(t, primary)
			if err := primary.Kill(); err != nil {
				t.Fatal(err)
			}
			stream.Close()
			second.StopReplication(t)
			again, err := stepping(g.Open(t.Context(), from, ferry.Follow{Known: []*change.Table{table}}))
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			second.Exec(t, "INSERT INTO x.t VALUES (2, 'new')", "XA COMMIT 'kept'", "XA COMMIT 'foreign'", "INSERT INTO x.t VALUES (3, 'end')")
			compare(t, script(until(t, g.source(), again)), []string{"insert t 2|new", "commit", "insert t 10|ten", "commit", "insert t 3|end", "commit"})
		})
	}
}
