package endtoend

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"starferry/internal/crashpoint"
	"starferry/internal/emulator"
	"starferry/internal/testbed"
)

// The soak: rounds in which everything that can go wrong does, at random, under a
// workload that is wild; after each, verify finds no difference, and neither does a
// comparison of whole tables. `make soak` goes on for SOAK (10m), make test for one short
// round. A round is drawn from its seed alone.

type soakServer struct {
	name     string
	flavor   testbed.Flavor
	flags    []string
	settings string
	pair     bool // and a replica, which takes over now and then
}

var noGTIDs = []string{"--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"}

// The lock: without GTIDs a stream that is lost again and again would have each page
// wait for a minute.
const lockBarrier = "SET 'snapshot.barrier' = 'lock';\n"

var soakServers = []soakServer{
	{name: "MySQL", flags: []string{"--binlog-order-commits=ON"}},
	{name: "MariaDB", flavor: testbed.MariaDBFlavor, flags: []string{"--binlog-order-commits=ON"}},
	{name: "MySQL pair", pair: true},
	{name: "MySQL, commits in any order", flags: []string{"--binlog-order-commits=OFF"}},
	{name: "MySQL without GTIDs", flags: append([]string{"--binlog-order-commits=ON"}, noGTIDs...), settings: lockBarrier},
	{name: "MariaDB pair", flavor: testbed.MariaDBFlavor, pair: true},
	{name: "MariaDB, commits in any order", flavor: testbed.MariaDBFlavor, flags: []string{"--binlog-order-commits=OFF"}},
	{name: "MySQL without GTIDs, commits in any order", flags: append([]string{"--binlog-order-commits=OFF"}, noGTIDs...), settings: lockBarrier},
	// What the replica has, has gaps.
	{name: "MySQL pair, applied in any order", pair: true, flags: []string{"--replica-preserve-commit-order=OFF", "--replica-parallel-workers=4"}},
}

// soakTotals are what a soak has to show.
type soakTotals struct {
	rounds, ends, deaths, wires, switches, transactions, alterations, verified, rows int
}

func (s *soakTotals) add(r soakTotals) {
	s.rounds += r.rounds
	s.ends += r.ends
	s.deaths += r.deaths
	s.wires += r.wires
	s.switches += r.switches
	s.transactions += r.transactions
	s.alterations += r.alterations
	s.verified += r.verified
	s.rows += r.rows
}

func (s soakTotals) String() string {
	return fmt.Sprintf("rounds=%d ferry-ends=%d server-kills=%d cuts=%d switch-overs=%d transactions=%d alterations=%d rows-verified=%d rows-compared=%d",
		s.rounds, s.ends, s.deaths, s.wires, s.switches, s.transactions, s.alterations, s.verified, s.rows)
}

func TestSoak(t *testing.T) {
	t.Parallel()
	needsDouble(t, "the wires between go bad")
	var lasts time.Duration
	ends, rows := 6, 20_000
	if text := os.Getenv("STARFERRY_SOAK"); text != "" {
		var err error
		if lasts, err = time.ParseDuration(text); err != nil {
			t.Fatalf("STARFERRY_SOAK: %v", err)
		}
		ends, rows = 20, 60_000
	}
	first := seed(t)
	var total soakTotals
	for began := time.Now(); total.rounds == 0 || time.Since(began) < lasts; {
		chance := first + uint64(total.rounds)
		server := soakServers[chance%uint64(len(soakServers))]
		began := time.Now()
		survived := t.Run(fmt.Sprintf("%d %s", chance, server.name), func(t *testing.T) {
			s := &soak{soakServer: server, seed: chance, ends: ends, rows: rows}
			s.run(t)
			total.add(s.totals())
			t.Logf("round survived in %v: %v", time.Since(began).Round(time.Second), s.totals())
		})
		if !survived {
			t.Fatalf("after %d rounds (%v), round with SEED=%d failed", total.rounds, total, chance)
		}
	}
	t.Logf("soak: %v", total)
}

// soak is one round.
type soak struct {
	soakServer
	seed uint64
	ends int // of the ferry
	rows int
	w    *world
	load *workload
	// double is what the target is.
	double emulator.Config
	// replica is the other server of a pair; who is which changes under load.placed.
	replica *testbed.Server

	deaths, wires, switches atomic.Int64
	verified, compared      int
}

func (s *soak) totals() soakTotals {
	return soakTotals{rounds: 1, ends: s.ends, deaths: int(s.deaths.Load()), wires: int(s.wires.Load()), switches: int(s.switches.Load()),
		transactions: int(s.load.done.Load()), alterations: int(s.load.altered.Load()), verified: s.verified, rows: s.compared}
}

// chance is a source of randomness of its own for each of those who act at once.
func (s *soak) chance(who uint64) *rand.Rand { return rand.New(rand.NewPCG(s.seed, 10_000+who)) }

// start starts the servers, and leads to them through wires.
func (s *soak) start(t *testing.T) {
	var primary *testbed.Server
	switch {
	case s.pair:
		primary, s.replica = testbed.Pair(t, s.flavor, s.flags...)
	case s.flavor == testbed.MariaDBFlavor:
		primary = testbed.MariaDB(t, s.flags...)
	default:
		primary = testbed.MySQL(t, s.flags...)
	}
	s.w = newWorldOn(t, primary, startDoubleOf(t, s.double))
	if s.w.wire(t); s.pair {
		s.w.wires.second = testbed.ProxyTo(t, s.replica.Address())
	}
}

// script keeps both tables in step.
func (s *soak) script(t *testing.T) string {
	small := []string{"'sink.buffer-flush.interval-ms' = '100'", "'sink.buffer-flush.max-bytes' = '1mb'"}
	return s.w.write(t, "soak.sql", s.named(s.w.script("SET 'snapshot.page-size' = '64kb';\nSET 'memory' = '32mb';\n"+s.settings,
		route{"orders", "orders", small}, route{"notes", "notes", small})))
}

// named names the second server of a pair in a script.
func (s *soak) named(script string) string {
	if !s.pair {
		return script
	}
	return strings.ReplaceAll(script, "'connector' = 'mysql-cdc',",
		fmt.Sprintf("'connector' = 'mysql-cdc', 'failover.hosts' = '%s',", s.w.wires.second.Addr()))
}

func (s *soak) run(t *testing.T) {
	s.start(t)
	s.load = &workload{w: s.w, seed: s.seed, rows: s.rows, parts: 40, wild: true}
	s.load.fill(t)
	script := s.script(t)
	s.load.begin(t, 3)

	ctx, cancel := context.WithCancel(context.Background())
	var trouble sync.WaitGroup
	end := func() {
		cancel()
		trouble.Wait()
		s.w.wires.heal()
	}
	t.Cleanup(end)
	trouble.Go(func() { s.load.alterNowAndThen(ctx, t, s.chance(1)) })
	trouble.Go(func() { s.hurtWires(ctx, s.chance(2)) })
	trouble.Go(func() { s.endServer(ctx, t, s.chance(3)) })
	r := s.chance(4)
	for range s.ends {
		s.endFerry(t, r, script)
	}
	end()
	s.verify(t, 1, script, "--table", s.w.database+".notes") // while the writers go on
	s.load.end()
	if s.pair {
		s.replica.AwaitReplica(t, s.w.source) // the ferry may follow either
	}
	s.verify(t, 2, script)
	for _, table := range []string{"orders", "notes"} {
		n, _ := s.w.compare(t, table, table)
		s.compared += n
	}
}

// verify catches up and wants no row to differ; while rows change, some may change too
// often to tell.
func (s *soak) verify(t *testing.T, tables int, script string, flags ...string) {
	t.Helper()
	path := filepath.Join(s.w.folder, "report.json")
	args := append([]string{"verify", script, "--json", path}, flags...)
	o := s.w.starferry(t, args...)
	if o.code == 2 && strings.Contains(o.err, "it has copied nothing yet") { // no run came so far
		s.w.catchUp(t, script)
		o = s.w.starferry(t, args...)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("verify leaves no report: %s", o)
	}
	report, undecided := readReport(t, path), 0
	for i := range report.Tables {
		one := &report.Tables[i]
		if one.Missing+one.Different+one.Superfluous > 0 {
			t.Errorf("verify: %s", o)
		}
		s.verified += one.Rows - one.Undecided
		undecided += one.Undecided
	}
	if o.code != 0 && undecided == 0 || len(report.Tables) != tables {
		t.Errorf("verify: %s", o)
	}
}

// endFerry starts the ferry and ends it: killed by the clock, crashed at a point, or
// stopped in good order.
func (s *soak) endFerry(t *testing.T, r *rand.Rand, script string) {
	t.Helper()
	point, n := "none", 1
	if r.IntN(2) == 0 {
		point, n = crashpoint.Points[r.IntN(len(crashpoint.Points))].Name, 1+r.IntN(8)
	}
	while, stop := time.Duration(100+r.IntN(1400))*time.Millisecond, r.IntN(6) == 0
	p := s.w.startToCrash(t, point, n, script)
	how := "killed after " + while.String()
	select {
	case <-p.Done():
		how = "ended by itself"
		if hasCrashed(p) {
			how = fmt.Sprintf("crashed at %s, time %d", point, n)
		}
	case <-time.After(while): // the moment of the crash is the point
		if stop {
			p.Terminate()
			how = "stopped after " + while.String()
		} else {
			p.Kill()
		}
	}
	code := ended(t, p)
	s.w.checkSecrets(t, p.Output())
	// What cannot be reached at the start is an error, not something to wait for.
	if code == 1 || code == 2 && !strings.Contains(p.Output(), "error[") {
		t.Errorf("%s, exit code %d:\n%s", how, code, p.Output())
	}
	t.Logf("%s, exit code %d", how, code)
	if code == 2 {
		// The server may be away: to start again before it is back would try nothing.
		if err := s.load.insist("DO 0"); err != nil {
			t.Errorf("the server does not come back: %v", err)
		}
	}
}

// hurtWires cuts, stalls, delays and refuses what goes to the source and the target.
func (s *soak) hurtWires(ctx context.Context, r *rand.Rand) {
	for pause(ctx, r, 50, 700) {
		wires := s.w.wires.all()
		p := wires[r.IntN(len(wires))]
		switch r.IntN(6) {
		case 0, 1:
			p.Cut()
		case 2:
			p.Refuse(true)
			p.Cut()
			pause(ctx, r, 20, 400)
			p.Refuse(false)
		case 3, 4:
			p.Stall()
			pause(ctx, r, 50, 1200)
			p.Flow()
		case 5:
			p.Delay(time.Duration(1+r.IntN(20)) * time.Millisecond)
			pause(ctx, r, 100, 800)
			p.Flow()
		}
		s.wires.Add(1)
	}
}

// endServer kills the source's server, or shuts it down, and starts it again; of a pair
// the other one takes over, too.
func (s *soak) endServer(ctx context.Context, t *testing.T, r *rand.Rand) {
	for pause(ctx, r, 1500, 6000) {
		source, end := s.w.source, s.w.source.Kill
		if r.IntN(2) == 0 {
			end = source.Shutdown
		}
		var err error
		if s.pair && r.IntN(3) > 0 {
			err = s.switchOver(end, r.IntN(3) > 0)
		} else if err = end(); err == nil {
			err = source.Restart()
			s.deaths.Add(1)
		}
		if err != nil {
			t.Errorf("the server: %v", err)
			return
		}
	}
}

// switchOver makes the replica the primary, in the moment that takes without writers. The
// old one comes back as its replica, whether it ended or not.
func (s *soak) switchOver(end func() error, ends bool) error {
	s.load.placed.Lock()
	old, now := s.w.source, s.replica
	err := now.TakeOver(context.Background(), old)
	if err == nil && ends {
		err = end()
		s.deaths.Add(1)
	}
	if err == nil {
		s.w.source, s.replica = now, old
		s.switches.Add(1)
	}
	s.load.placed.Unlock()
	if err == nil && ends {
		err = old.Restart()
	}
	if err != nil {
		return err
	}
	return old.StepDown(context.Background(), now)
}
