package endtoend

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"starferry/internal/crashpoint"
	"starferry/internal/testbed"
)

// The soak: rounds in which everything that can go wrong does, at random, under a
// workload that is wild; after each, whole tables are compared. `make soak` goes on
// for SOAK (10m), make test for one short round. A round is drawn from its seed alone.

type soakServer struct {
	name     string
	start    func(testing.TB, ...string) *testbed.Server
	flags    []string
	settings string
}

var noGTIDs = []string{"--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"}

// The lock: without GTIDs a stream that is lost again and again would have each page
// wait for a minute.
const lockBarrier = "SET 'snapshot.barrier' = 'lock';\n"

var soakServers = []soakServer{
	{"MySQL", testbed.MySQL, []string{"--binlog-order-commits=ON"}, ""},
	{"MariaDB", testbed.MariaDB, []string{"--binlog-order-commits=ON"}, ""},
	{"MySQL, commits in any order", testbed.MySQL, []string{"--binlog-order-commits=OFF"}, ""},
	{"MySQL without GTIDs", testbed.MySQL, append([]string{"--binlog-order-commits=ON"}, noGTIDs...), lockBarrier},
	{"MariaDB, commits in any order", testbed.MariaDB, []string{"--binlog-order-commits=OFF"}, ""},
	{"MySQL without GTIDs, commits in any order", testbed.MySQL, append([]string{"--binlog-order-commits=OFF"}, noGTIDs...), lockBarrier},
}

// soakTotals are what a soak has to show.
type soakTotals struct {
	rounds, ends, deaths, wires, transactions, alterations, rows int
}

func (s *soakTotals) add(r soakTotals) {
	s.rounds += r.rounds
	s.ends += r.ends
	s.deaths += r.deaths
	s.wires += r.wires
	s.transactions += r.transactions
	s.alterations += r.alterations
	s.rows += r.rows
}

func (s soakTotals) String() string {
	return fmt.Sprintf("ferry ended %d times, server %d times, wires hurt %d times, %d transactions, %d statements that changed tables, %d rows compared",
		s.ends, s.deaths, s.wires, s.transactions, s.alterations, s.rows)
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
			t.Logf("round %d survived in %v: %v", total.rounds, time.Since(began).Round(time.Second), s.totals())
		})
		if !survived {
			t.Fatalf("after %d rounds (%v), round with SEED=%d failed", total.rounds, total, chance)
		}
	}
	t.Logf("%d rounds survived: %v", total.rounds, total)
}

// soak is one round.
type soak struct {
	soakServer
	seed uint64
	ends int // of the ferry
	rows int
	w    *world
	load *workload

	deaths, wires atomic.Int64
	compared      int
}

func (s *soak) totals() soakTotals {
	return soakTotals{rounds: 1, ends: s.ends, deaths: int(s.deaths.Load()), wires: int(s.wires.Load()),
		transactions: int(s.load.done.Load()), alterations: int(s.load.altered.Load()), rows: s.compared}
}

// chance is a source of randomness of its own for each of those who act at once.
func (s *soak) chance(who uint64) *rand.Rand { return rand.New(rand.NewPCG(s.seed, 10_000+who)) }

func (s *soak) run(t *testing.T) {
	s.w = newWorld(t, s.start(t, s.flags...))
	s.w.wire(t)
	s.load = &workload{w: s.w, seed: s.seed, rows: s.rows, parts: 40, wild: true}
	s.load.fill(t)
	small := []string{"'sink.buffer-flush.interval-ms' = '100'", "'sink.buffer-flush.max-bytes' = '1mb'"}
	script := s.w.write(t, "soak.sql", s.w.script("SET 'snapshot.page-size' = '64kb';\nSET 'memory' = '32mb';\n"+s.settings,
		route{"orders", "orders", small}, route{"notes", "notes", small}))
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
	s.w.catchUp(t, script) // while the writers go on
	s.load.end()
	s.w.catchUp(t, script)
	for _, table := range []string{"orders", "notes"} {
		n, _ := s.w.compare(t, table, table)
		s.compared += n
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

// endServer kills the source's server, or shuts it down, and starts it again.
func (s *soak) endServer(ctx context.Context, t *testing.T, r *rand.Rand) {
	for pause(ctx, r, 1500, 6000) {
		source, end := s.w.source, s.w.source.Kill
		if r.IntN(2) == 0 {
			end = source.Shutdown
		}
		err := end()
		if err == nil {
			err = source.Restart()
		}
		if err != nil {
			t.Errorf("the server: %v", err)
			return
		}
		s.deaths.Add(1)
	}
}
