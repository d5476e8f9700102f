package mysql

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
	"starferry/internal/testbed"
)

func connectServers(t *testing.T, c Config) *Servers {
	t.Helper()
	c.Notify = t.Logf
	g, err := ConnectServers(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

// TestListWithoutGTIDsIsRefused: at the check, before anything is read.
func TestListWithoutGTIDsIsRefused(t *testing.T) {
	t.Parallel()
	c := config(fileServer(t))
	c.Failover = []Host{{"127.0.0.1", testbed.MySQL(t).Port}}
	wantProblem(t, connectServers(t, c).Check(t.Context(), nil), codeFailover, diag.Refused, "gtid_mode=OFF", "SET GLOBAL gtid_mode = ON")
	for _, server := range []*testbed.Server{testbed.MySQL(t), testbed.MariaDB(t)} {
		c := config(server)
		c.Failover = []Host{{"127.0.0.1", server.Port}}
		if err := connectServers(t, c).Check(t.Context(), nil); err != nil {
			t.Error(err)
		}
	}
}

// TestFirstServerThatAnswers: a server that is down when a deployment starts is left
// out; one of another kind is never followed in its place.
func TestFirstServerThatAnswers(t *testing.T) {
	t.Parallel()
	server, other := testbed.MySQL(t), testbed.MariaDB(t)
	c := config(server)
	c.Failover, c.Port = []Host{{server.Host, server.Port}, {other.Host, other.Port}}, 1
	g := connectServers(t, c)
	stream, err := stepping(g.Open(t.Context(), start(t, g.source()), ferry.Follow{}))
	if err != nil {
		t.Fatal(err)
	}
	next(t, stream)
	stream.Close()
	_, err = g.openOn(t.Context(), 2, change.Position{}, ferry.Follow{})
	wantProblem(t, err, codeFailover, diag.Refused, "it is MariaDB")
	c.Failover = nil
	if _, err := ConnectServers(t.Context(), c); err == nil {
		t.Error("connected to nothing")
	} else {
		wantProblem(t, err, codeUnreachable, diag.Unusable)
	}
}

// TestServerThatLacksTransactionsIsWaitedFor: they may still be on their way.
func TestServerThatLacksTransactionsIsWaitedFor(t *testing.T) {
	t.Parallel()
	for _, server := range []*testbed.Server{testbed.MySQL(t, "--max-connections=100"), testbed.MariaDB(t, "--max-connections=100")} {
		c := config(server)
		c.FailoverWait = time.Minute
		g := connectServers(t, c)
		from := start(t, g.source())
		from.File, from.Begun, from.Server = "other.000001", 0, "another"
		later, coming := "0-1-1000", "SET SESSION server_id = 1, gtid_seq_no = 1000"
		if server.Flavor == testbed.MySQLFlavor {
			later = "3E11FA47-71CA-11E1-9E33-C80AA9429562:1-2:first_tag:5"
			coming = "SET gtid_next = '3E11FA47-71CA-11E1-9E33-C80AA9429562:first_tag:5'"
			server.Exec(t, "SET gtid_next = '3E11FA47-71CA-11E1-9E33-C80AA9429562:1'", "CREATE DATABASE one",
				"SET gtid_next = '3E11FA47-71CA-11E1-9E33-C80AA9429562:2'", "CREATE DATABASE two")
		}
		if from.GTIDs != "" {
			later = from.GTIDs + "," + later
		}
		from.GTIDs = later
		short := g.config
		short.FailoverWait = time.Millisecond
		hasty := connectServers(t, short)
		_, err := hasty.Open(t.Context(), from, ferry.Follow{})
		wantProblem(t, err, codeBeyond, diag.Refused, map[testbed.Flavor]string{testbed.MySQLFlavor: ":first_tag:5", testbed.MariaDBFlavor: "0-1-1000"}[server.Flavor])
		opened := make(chan error, 1)
		go func() {
			stream, err := stepping(g.Open(t.Context(), from, ferry.Follow{}))
			if err == nil {
				_, err = nextOrError(t, stream)
				stream.Close()
			}
			opened <- err
		}()
		server.Exec(t, coming, "CREATE DATABASE arrived")
		if err := <-opened; err != nil {
			t.Errorf("%s: %v", server.Flavor, err)
		}
	}
}

// TestSilentStreamIsNoticed: a proxy that stops forwarding, and closes nothing.
func TestSilentStreamIsNoticed(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		proxy := testbed.ProxyTo(t, server.Address())
		c := config(server)
		c.Port, c.Silence, c.ConnectTimeout = proxy.Port(), 8*time.Second, time.Second
		g := connectServers(t, c)
		from := start(t, g.source())
		stream, err := stepping(g.Open(t.Context(), from, ferry.Follow{}))
		if err != nil {
			t.Fatal(err)
		}
		next(t, stream)
		proxy.Stall()
		began := time.Now()
		if p := failure(t, stream); p.Class != diag.Transient || p.Code != codeLost {
			t.Error(p)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("noticed after %v", took)
		}
		stream.Close()
		if _, err := g.Open(t.Context(), from, ferry.Follow{}); !diag.IsTransient(err) {
			t.Errorf("opened again: %v", err)
		}
		proxy.Flow()
		again, err := stepping(g.Open(t.Context(), from, ferry.Follow{}))
		if err != nil {
			t.Fatal(err)
		}
		next(t, again)
		again.Close()
	})
}

// TestMariaDBWaitsForTheLastReader: whose connection nobody reads, though it is closed here.
func TestMariaDBWaitsForTheLastReader(t *testing.T) {
	t.Parallel()
	server := testbed.MariaDB(t)
	db := server.Database(t)
	proxy := testbed.ProxyTo(t, server.Address())
	c := config(server)
	c.Port, c.Silence, c.ConnectTimeout = proxy.Port(), 5*time.Second, time.Second
	lost := connectServers(t, c)
	from := start(t, lost.source())
	stream, err := stepping(lost.Open(t.Context(), from, ferry.Follow{}))
	if err != nil {
		t.Fatal(err)
	}
	next(t, stream)
	proxy.Stall()
	server.Exec(t, "CREATE TABLE "+db+".t (v LONGBLOB)", "INSERT INTO "+db+".t VALUES (REPEAT('x', 15000000))", "INSERT INTO "+db+".t VALUES (REPEAT('x', 15000000))")
	failure(t, stream)
	stream.Close()

	c.Port = server.Port
	again := connectServers(t, c)
	if stream, err = stepping(again.Open(t.Context(), from, ferry.Follow{})); err != nil {
		t.Fatal(err)
	}
	if p := failure(t, stream); p.Class != diag.Transient || !strings.Contains(p.Message, "has not begun to send") || !strings.Contains(p.Fix, "after at most 10 minutes") {
		t.Error(p)
	}
	stream.Close()
	proxy.Cut()
	if stream, err = stepping(again.Open(t.Context(), from, ferry.Follow{})); err != nil {
		t.Fatal(err)
	}
	next(t, stream)
	stream.Close()
}

// TestDataThatWerePutBack: a server whose data directory is an older copy, with less
// than it had sent, and later with other changes under the same names.
func TestDataThatWerePutBack(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]func() *testbed.Server{
		"mysql gtid": func() *testbed.Server { return testbed.MySQL(t, "--max-connections=100") },
		"mysql file": func() *testbed.Server { return testbed.MySQL(t, "--gtid-mode=OFF", "--enforce-gtid-consistency=OFF") },
		"mariadb":    func() *testbed.Server { return testbed.MariaDB(t, "--max-connections=100") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := server()
			data, kept := filepath.Join(server.Dir(), "data"), filepath.Join(server.Dir(), "kept")
			do := func(what string, err error) {
				t.Helper()
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
			}
			server.Exec(t, "CREATE DATABASE x", "CREATE TABLE x.t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(100))")
			do("shutdown", server.Shutdown())
			do("copy", os.CopyFS(kept, os.DirFS(data)))
			do("restart", server.Restart())
			s := connect(t, server)
			from := start(t, s)
			stream := open(t, s, from, nil, change.Name{Database: "x", Table: "t"})
			for next(t, stream).Kind != change.Joined {
			}
			server.Exec(t, "INSERT INTO x.t (v) VALUES ('delivered'), ('too')")
			events := until(t, s, stream)
			delivered := events[len(events)-1].Position
			table := describe(t, s, "x", "t")
			// A stream that begins in the middle of a file knows it by the same time.
			middle := open(t, s, delivered, []*change.Table{table})
			for {
				if e := next(t, middle); e.Resumable {
					if e.Position.Begun != delivered.Begun || e.Position.Begun == 0 {
						t.Errorf("begun at %d, then at %d", delivered.Begun, e.Position.Begun)
					}
					break
				}
			}
			do("shutdown", server.Shutdown())
			do("remove", os.RemoveAll(data))
			do("put back", os.Rename(kept, data))
			// A file is known by the second it began in; putting data back takes longer.
			for time.Now().Unix() <= int64(delivered.Begun) {
				time.Sleep(10 * time.Millisecond)
			}
			do("restart", server.Restart())
			_, err := s.Open(t.Context(), delivered, ferry.Follow{Known: []*change.Table{table}})
			wantProblem(t, err, codeBeyond, diag.Refused)
			for i := range 50 {
				server.Exec(t, fmt.Sprintf("INSERT INTO x.t (v) VALUES ('another history %d')", i))
			}
			_, err = s.Open(t.Context(), delivered, ferry.Follow{Known: []*change.Table{table}})
			wantProblem(t, err, codeBeyond, diag.Refused, "put back to an earlier state")
			var lacks *lackError
			if errors.As(err, &lacks) {
				t.Error("waiting would not help")
			}
		})
	}
}

// TestTimesAreToldByOurClock: the server's clock may be wrong.
func TestTimesAreToldByOurClock(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		server.Exec(t, "CREATE TABLE "+db+".t (id INT PRIMARY KEY)")
		const behind = -3 * time.Hour
		now := func() time.Time { return time.Now().Add(behind) }
		s := connect(t, server, func(c *Config) { c.Now = now })
		stream := open(t, s, start(t, s), nil, change.Name{Database: db, Table: "t"})
		for next(t, stream).Kind != change.Joined {
		}
		server.Exec(t, "INSERT INTO "+db+".t VALUES (1)")
		for {
			if e := next(t, stream); e.Kind == change.Commit {
				if lag := now().Sub(e.Time); lag < -2*time.Second || lag > 30*time.Second {
					t.Errorf("written %v ago", lag)
				}
				return
			}
		}
	})
}

// TestForeignTrafficMovesThePosition: nothing of ours is written, and a restart begins
// at the end all the same.
func TestForeignTrafficMovesThePosition(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, server *testbed.Server) {
		db := server.Database(t)
		server.Exec(t, "CREATE TABLE "+db+".t (id INT PRIMARY KEY)", "CREATE TABLE "+db+".other (id INT PRIMARY KEY AUTO_INCREMENT)")
		s := connect(t, server)
		stream := open(t, s, start(t, s), nil, change.Name{Database: db, Table: "t"})
		for next(t, stream).Kind != change.Joined {
		}
		var last change.Position
		for range 3 {
			server.Exec(t, "INSERT INTO "+db+".other VALUES ()", "FLUSH BINARY LOGS")
			events := until(t, s, stream)
			for _, e := range events {
				if e.Rows != nil {
					t.Errorf("rows of %s", e.Table.Name)
				}
			}
			at := events[len(events)-1].Position
			if at.Compare(last) <= 0 || at.GTIDs == last.GTIDs && server != fileServer(t) {
				t.Errorf("from %+v to %+v", last, at)
			}
			last = at
		}
	})
}

func TestMariaGTIDs(t *testing.T) {
	t.Parallel()
	g, err := parseMariaGTIDs("1-2-30,0-1-5, 0-9-7")
	if err != nil || g.String() != "0-9-7,1-2-30" {
		t.Fatal(g, err)
	}
	other := mariaGTIDs{0: {1, 7}}
	if !g.reached(other) || other.reached(g) || !g.holds(1, 30) || g.holds(1, 31) || g.holds(2, 1) {
		t.Error("compared wrongly")
	}
	for _, text := range []string{"0-1", "a-b-c", "0-1-2-3", "uuid:1"} {
		if _, err := parseMariaGTIDs(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

// TestGTIDsAreSwitchedOn under a deployment that was followed by file and offset: a
// clear stop, nothing is left out.
func TestGTIDsAreSwitchedOn(t *testing.T) {
	t.Parallel()
	server := testbed.MySQL(t, "--gtid-mode=OFF", "--enforce-gtid-consistency=OFF")
	from := start(t, connect(t, server))
	server.Exec(t, "CREATE DATABASE x", "SET GLOBAL enforce_gtid_consistency = ON", "SET GLOBAL gtid_mode = OFF_PERMISSIVE",
		"SET GLOBAL gtid_mode = ON_PERMISSIVE", "CREATE DATABASE y")
	middle := start(t, connect(t, server)) // behind all without GTIDs, and one with
	server.Exec(t, "SET GLOBAL gtid_mode = ON", "CREATE DATABASE z")
	s := connect(t, server)
	events := until(t, s, open(t, s, middle, nil))
	if at := events[len(events)-1].Position; middle.GTIDs != "" || at.GTIDs != strings.ToLower(s.Server().ID)+":1-2" {
		t.Errorf("from %+v to %+v", middle, at)
	}
	wantProblem(t, failure(t, open(t, s, from, nil)), codeLog, diag.Refused, "without GTIDs")
	last := start(t, s)
	server.Exec(t, "FLUSH BINARY LOGS", "PURGE BINARY LOGS TO '"+start(t, s).File+"'")
	_, err := s.Open(t.Context(), from, ferry.Follow{})
	wantProblem(t, err, codePurged, diag.Refused, from.File)
	next(t, open(t, s, last, nil))
}

// TestTaggedGTIDs are part of the set a stream is opened by.
func TestTaggedGTIDs(t *testing.T) {
	t.Parallel()
	server := testbed.MySQL(t, "--max-connections=100")
	server.Exec(t, "CREATE DATABASE x", "CREATE TABLE x.t (id INT PRIMARY KEY)")
	s := connect(t, server)
	stream := open(t, s, start(t, s), nil, change.Name{Database: "x", Table: "t"})
	for next(t, stream).Kind != change.Joined {
	}
	server.Exec(t, "SET gtid_next = 'AUTOMATIC:batch_2'", "INSERT INTO x.t VALUES (1)", "SET gtid_next = 'AUTOMATIC'", "INSERT INTO x.t VALUES (2)",
		"SET gtid_next = '"+s.Server().ID+":batch_2:7'", "INSERT INTO x.t VALUES (3)")
	events := until(t, s, stream)
	at := events[len(events)-1].Position
	if !strings.Contains(at.GTIDs, "batch_2:1:7") {
		t.Error(at.GTIDs)
	}
	server.Exec(t, "SET gtid_next = '"+s.Server().ID+":batch_2:3'", "INSERT INTO x.t VALUES (4)")
	again := open(t, s, at, []*change.Table{describe(t, s, "x", "t")})
	compare(t, script(until(t, s, again)), []string{"insert t 4", "commit"})
}

// TestPurgedOnTheOtherServer: a replica that has everything that was delivered, and
// not the log that comes next.
func TestPurgedOnTheOtherServer(t *testing.T) {
	t.Parallel()
	for _, flavor := range []testbed.Flavor{testbed.MySQLFlavor, testbed.MariaDBFlavor} {
		t.Run(flavor.String(), func(t *testing.T) {
			t.Parallel()
			primary, second := testbed.Pair(t, flavor)
			primary.Exec(t, "CREATE DATABASE x")
			s := connect(t, primary)
			from := start(t, s)
			primary.Exec(t, "CREATE DATABASE y", "CREATE DATABASE z")
			second.AwaitReplica(t, primary)
			other := connect(t, second)
			second.Exec(t, "FLUSH BINARY LOGS", "FLUSH BINARY LOGS")
			end, err := other.End(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for first := ""; first != end.File; {
				second.Exec(t, "PURGE BINARY LOGS TO '"+end.File+"'")
				if _, first, _, err = other.findFile(t.Context(), ""); err != nil || t.Context().Err() != nil {
					t.Fatal(err)
				}
			}
			stream, err := stepping(other.Open(t.Context(), from, ferry.Follow{}))
			if err == nil {
				t.Cleanup(func() { stream.Close() })
				err = failure(t, stream)
			}
			wantProblem(t, err, codePurged, diag.Refused, "empty data directory")
		})
	}
}

// TestTheOtherServerLacksHalfATransaction: of a transaction that was read in part rows may be
// at the target already, and nothing on a server that never gets it takes them back.
func TestTheOtherServerLacksHalfATransaction(t *testing.T) {
	t.Parallel()
	for name, flavor := range map[string]testbed.Flavor{"MySQL": testbed.MySQLFlavor, "MariaDB": testbed.MariaDBFlavor} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			primary, replica := testbed.Pair(t, flavor)
			primary.Exec(t, "CREATE DATABASE x", "CREATE TABLE x.t (id INT PRIMARY KEY, v LONGTEXT)")
			replica.AwaitReplica(t, primary)
			replica.StopReplication(t)
			c := config(primary)
			c.Failover, c.FailoverWait = []Host{{Name: replica.Host, Port: replica.Port}}, time.Millisecond
			g := connectServers(t, c)
			from := start(t, g.source())
			table := describe(t, g.source(), "x", "t")
			open := func() (*stepped, error) {
				return stepping(g.Open(t.Context(), from, ferry.Follow{Known: []*change.Table{table}}))
			}
			stream, err := open()
			if err != nil {
				t.Fatal(err)
			}
			statements := []string{"BEGIN"}
			for i := range 20 {
				statements = append(statements, fmt.Sprintf("INSERT INTO x.t VALUES (%d, REPEAT('x', 1000000))", i))
			}
			primary.Exec(t, append(statements, "COMMIT")...)
			for next(t, stream).Kind != change.Insert { // of the rest only as much is read as the queue holds
			}
			if err := primary.Kill(); err != nil {
				t.Fatal(err)
			}
			failure(t, stream)
			stream.Close()
			_, err = open()
			wantProblem(t, err, codeBeyond, diag.Refused, "lacks transactions")
		})
	}
}
