package endtoend

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"starferry/internal/testbed"
)

// failoverWorld is a world whose script names the second server of a pair.
func failoverWorld(t *testing.T, flavor testbed.Flavor) (w *world, primary, replica *testbed.Server, script string) {
	t.Helper()
	primary, replica = testbed.Pair(t, flavor)
	w = newWorld(t, primary)
	w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT, pad VARCHAR(200))")
	var rows []string
	for i := range 2000 {
		rows = append(rows, fmt.Sprintf("(%d, 0, REPEAT('x', 150))", i))
	}
	w.exec(t, "INSERT INTO t VALUES "+strings.Join(rows, ","))
	text := w.script("SET 'snapshot.page-size' = '64kb';\n", route{from: "t", to: "t"})
	script = w.write(t, "t.sql", strings.ReplaceAll(text, "'connector' = 'mysql-cdc',",
		fmt.Sprintf("'connector' = 'mysql-cdc', 'failover.hosts' = '%s', 'failover.wait' = '5 s',", replica.Address())))
	return w, primary, replica, script
}

// load changes rows at random on the server given last, nowhere when that is nil,
// until the channel is closed. What a server refuses is not tried again.
type load struct {
	to   chan *testbed.Server
	done chan int
}

func (w *world) load(ctx context.Context, server *testbed.Server) *load {
	l := &load{to: make(chan *testbed.Server), done: make(chan int, 1)}
	go func() {
		random := rand.New(rand.NewPCG(1, 2))
		written := 0
		defer func() { l.done <- written }()
		for n := 1; ; n++ {
			select {
			case next, more := <-l.to:
				for more && next == nil {
					next, more = <-l.to
				}
				if server = next; !more {
					return
				}
			case <-ctx.Done():
				return
			default:
			}
			table, id := w.database+".t", random.IntN(2500)
			statement := fmt.Sprintf("REPLACE INTO %s VALUES (%d, %d, 'y')", table, id, n)
			if n%5 == 0 {
				statement = fmt.Sprintf("DELETE FROM %s WHERE id = %d", table, id)
			}
			if _, err := server.DB().ExecContext(ctx, statement); err == nil {
				written++
			}
		}
	}()
	return l
}

// stop ends the load.
func (l *load) stop(t *testing.T) {
	t.Helper()
	close(l.to)
	if n := <-l.done; n == 0 {
		t.Error("nothing was written")
	}
}

func eachFlavor(t *testing.T, test func(t *testing.T, flavor testbed.Flavor)) {
	for name, flavor := range map[string]testbed.Flavor{"MySQL": testbed.MySQLFlavor, "MariaDB": testbed.MariaDBFlavor} {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t, flavor) })
	}
}

// TestSwitchOverUnderLoad: the primary goes away for good while rows are copied and
// written; its replica takes its place, and in the end both tables are equal.
func TestSwitchOverUnderLoad(t *testing.T) {
	t.Parallel()
	eachFlavor(t, func(t *testing.T, flavor testbed.Flavor) {
		w, primary, replica, script := failoverWorld(t, flavor)
		p := w.start(t, script, "--progress-interval", "200ms")
		l := w.load(t.Context(), primary)
		w.awaitRows(t, 300)
		l.to <- nil // the moment of a switch-over in which neither takes writes
		replica.AwaitReplica(t, primary)
		if err := primary.Kill(); err != nil {
			t.Fatal(err)
		}
		w.source = replica
		l.to <- replica
		waitLine(t, p, "following "+replica.Flavor.String())
		replica.StopReplication(t)
		time.Sleep(time.Second) // the load goes on for a while
		l.stop(t)
		w.awaitEqual(t, "t")
		w.stop(t, p)
		// A later run begins on the first server that can be reached.
		w.exec(t, "INSERT INTO t VALUES (99999, 1, 'z')")
		w.catchUp(t, script)
		w.compare(t, "t", "t")
	})
}

// TestNewPrimaryThatLacksTransactions: what it lacks is named, and nothing is read
// from it.
func TestNewPrimaryThatLacksTransactions(t *testing.T) {
	t.Parallel()
	eachFlavor(t, func(t *testing.T, flavor testbed.Flavor) {
		w, primary, replica, script := failoverWorld(t, flavor)
		p := w.start(t, script, "--progress-interval", "200ms")
		w.awaitRows(t, 2000)
		replica.AwaitReplica(t, primary)
		replica.StopReplication(t)
		w.exec(t, "INSERT INTO t VALUES (5001, 1, 'only here')", "INSERT INTO t VALUES (5002, 1, 'and here')")
		w.awaitRows(t, 2002)
		lacks := w.gtidsSince(t, replica)
		if err := primary.Kill(); err != nil {
			t.Fatal(err)
		}
		replica.Exec(t, "INSERT INTO "+w.database+".t VALUES (6001, 1, 'of another history')")
		waitLine(t, p, "waiting up to 5s for them")
		if code := ended(t, p); code != 1 || !strings.Contains(p.Output(), lacks) || !strings.Contains(p.Output(), "SF3031") {
			t.Errorf("exit code %d, %s is not named: %s", code, lacks, p.Output())
		}
	})
}

// gtidsSince names what the primary has logged and the replica has not.
func (w *world) gtidsSince(t *testing.T, replica *testbed.Server) string {
	t.Helper()
	var ahead, behind, lacks string
	variable := "SELECT @@global.gtid_executed"
	if replica.Flavor == testbed.MariaDBFlavor {
		variable = "SELECT @@global.gtid_binlog_pos"
	}
	if err := w.source.DB().QueryRow(variable).Scan(&ahead); err != nil {
		t.Fatal(err)
	}
	if replica.Flavor == testbed.MariaDBFlavor {
		return ahead
	}
	if err := replica.DB().QueryRow(variable).Scan(&behind); err != nil {
		t.Fatal(err)
	}
	if err := replica.DB().QueryRow("SELECT GTID_SUBTRACT(?, ?)", ahead, behind).Scan(&lacks); err != nil || lacks == "" {
		t.Fatalf("the replica lacks %q: %v", lacks, err)
	}
	return lacks
}

// TestAddressThatMovesToTheReplica: one address, behind which another server stands
// all of a sudden: it is adopted when it has everything.
func TestAddressThatMovesToTheReplica(t *testing.T) {
	t.Parallel()
	eachFlavor(t, func(t *testing.T, flavor testbed.Flavor) {
		primary, replica := testbed.Pair(t, flavor)
		w := newWorld(t, primary)
		w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1)")
		proxy := testbed.ProxyTo(t, primary.Address())
		text := strings.ReplaceAll(w.script("", route{from: "t", to: "t"}), fmt.Sprintf("'port' = '%d'", primary.Port), fmt.Sprintf("'port' = '%d'", proxy.Port()))
		p := w.start(t, w.write(t, "t.sql", text), "--progress-interval", "200ms")
		w.awaitRows(t, 1)
		replica.AwaitReplica(t, primary)
		replica.StopReplication(t)
		replica.Exec(t, "INSERT INTO "+w.database+".t VALUES (2, 2)")
		w.source = replica
		proxy.Point(replica.Address())
		proxy.Cut()
		waitLine(t, p, "following "+replica.Flavor.String())
		w.awaitEqual(t, "t")
		w.stop(t, p)
	})
}

// TestServerIsKilledUnderLoad: it comes back each time, and nothing is lost.
func TestServerIsKilledUnderLoad(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB, ...string) *testbed.Server{"MySQL": testbed.MySQL, "MariaDB": testbed.MariaDB} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, "--max-connections=100")
			w := newWorld(t, server)
			w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT, pad VARCHAR(200))", "INSERT INTO t VALUES (0, 0, '')")
			p := w.start(t, w.write(t, "t.sql", w.script("", route{from: "t", to: "t"})), "--progress-interval", "200ms")
			w.awaitRows(t, 1)
			l := w.load(t.Context(), server)
			for i, end := range []func() error{server.Kill, server.Shutdown, server.Kill} {
				w.awaitRows(t, 200*(i+1))
				if err := end(); err != nil {
					t.Fatal(err)
				}
				if err := server.Restart(); err != nil {
					t.Fatal(err)
				}
			}
			w.awaitRows(t, 900)
			l.stop(t)
			w.awaitEqual(t, "t")
			w.stop(t, p)
		})
	}
}

// TestSecondFerryWithTheSameServerID: its stream ends the first's, which says so and
// stops, while the second goes on.
func TestSecondFerryWithTheSameServerID(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testbed.MySQL(t))
	w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1)")
	text := strings.ReplaceAll(w.script("", route{from: "t", to: "t"}), "'connector' = 'mysql-cdc',", "'connector' = 'mysql-cdc', 'server-id' = '7001',")
	script := w.write(t, "t.sql", text)
	first := w.start(t, script, "--data-dir", "first", "--progress-interval", "200ms")
	w.awaitRows(t, 1)
	second := w.start(t, script, "--data-dir", "second", "--progress-interval", "200ms")
	if code := ended(t, first); code != 1 || !strings.Contains(first.Output(), "another reader with server id 7001 took over") || !strings.Contains(first.Output(), "SF3032") {
		t.Errorf("exit code %d: %s", code, first.Output())
	}
	w.exec(t, "INSERT INTO t VALUES (2, 2)")
	w.awaitRows(t, 2)
	w.stop(t, second)
}
