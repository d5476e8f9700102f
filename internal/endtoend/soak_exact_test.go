package endtoend

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"starferry/internal/emulator"
)

// TestSoakExactly: rounds of exactly-once, in either way, in which the ferry and its
// source die, the wires are hurt and the target misbehaves, all at random, while the
// bank's auditor looks at every state. As TestSoak for SOAK, or for one short round.
func TestSoakExactly(t *testing.T) {
	t.Parallel()
	needsDouble(t, "the wires between go bad")
	var lasts time.Duration
	ends := 8
	if text := os.Getenv("STARFERRY_SOAK"); text != "" {
		var err error
		if lasts, err = time.ParseDuration(text); err != nil {
			t.Fatalf("STARFERRY_SOAK: %v", err)
		}
		ends = 30
	}
	first := seed(t)
	rounds, total := 0, exactTotals{}
	for began := time.Now(); rounds == 0 || time.Since(began) < lasts; rounds++ {
		chance := first + uint64(rounds)
		o, server := ways[chance%2], soakServers[chance/2%uint64(len(soakServers))]
		survived := t.Run(fmt.Sprintf("%d %s, %s", chance, server.name, o.name), func(t *testing.T) {
			s := &exactSoak{soak: soak{soakServer: server, seed: chance, ends: ends, double: emulator.Config{Version: o.version()}}, way: o}
			s.run(t)
			total.add(s)
			t.Logf("round %d survived: %v", rounds+1, total)
		})
		if !survived {
			t.Fatalf("round with SEED=%d failed, behind %d rounds: %v", chance, rounds, total)
		}
	}
	t.Logf("soak: exactly-once, %d rounds survived: %v", rounds, total)
}

// exactTotals are what a soak of exactly-once has to show.
type exactTotals struct{ ends, deaths, wires, switches, faults, transactions, looks, states int }

func (x *exactTotals) add(s *exactSoak) {
	looks, states := s.auditor.seen()
	x.ends += s.ends
	x.deaths += int(s.deaths.Load())
	x.wires += int(s.wires.Load())
	x.switches += int(s.switches.Load())
	x.faults += s.faults
	x.transactions += int(s.load.done.Load())
	x.looks += looks
	x.states += states
}

func (x exactTotals) String() string {
	return fmt.Sprintf("ferry ended %d times, server %d times, wires hurt %d times, %d replicas took over, %d faults, %d transactions, %d states of the target in %d looks",
		x.ends, x.deaths, x.wires, x.switches, x.faults, x.transactions, x.states, x.looks)
}

// exactSoak is one round.
type exactSoak struct {
	soak
	way
	faults  int
	auditor *auditor
}

func (s *exactSoak) run(t *testing.T) {
	s.start(t)
	b := newBank(t, s.w, 500, s.inside)
	b.wild, b.workload.seed = true, s.seed
	s.load = &b.workload
	script := s.w.write(t, "soak.sql", s.named(b.text(s.settings+"SET 'memory' = '32mb';\n"+b.exactly("50ms"))))
	b.begin(t, 3)
	s.w.catchUp(t, script)
	s.auditor = b.audit(t)

	ctx, cancel := context.WithCancel(context.Background())
	var trouble sync.WaitGroup
	end := func() {
		cancel()
		trouble.Wait()
		s.w.wires.heal()
	}
	t.Cleanup(end)
	trouble.Go(func() { s.hurtWires(ctx, s.chance(2)) })
	trouble.Go(func() { s.endServer(ctx, t, s.chance(3)) })
	trouble.Go(func() { s.misbehave(ctx, s.chance(5)) })
	r := s.chance(4)
	for range s.ends {
		s.endFerry(t, r, script)
	}
	end()
	s.w.catchUp(t, script) // while the writers go on
	b.end()
	if s.pair {
		s.replica.AwaitReplica(t, s.w.source) // the ferry may follow either
	}
	s.w.catchUp(t, script)
	s.auditor.end(t)
	for _, table := range bankTables {
		s.w.compare(t, table, table)
	}
}

// misbehave has the double do wrong every now and then.
func (s *exactSoak) misbehave(ctx context.Context, r *rand.Rand) {
	faults := s.transactionFaults()
	for pause(ctx, r, 20, 500) {
		f := faults[r.IntN(len(faults))]
		f.Count, f.Skip = 1, r.IntN(3)
		remove := s.w.double.Fault(f)
		pause(ctx, r, 50, 400)
		remove()
		s.faults++
	}
}
