package endtoend

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"starferry/internal/testbed"
)

// phase is a time of a ferry's life at which it is asked to stop.
type phase struct {
	name string
	// fresh: there is no state yet.
	fresh bool
	// held: a stop in good order has to wait.
	held bool
	// begin makes the phase of a ferry to be started; reach brings a running one there.
	begin func(t *testing.T, w *world)
	reach func(t *testing.T, w *world, p *testbed.Program)
}

// streaming waits for it, and has a row on its way.
func streaming(t *testing.T, w *world, p *testbed.Program) {
	waitLine(t, p, "state=streaming")
	w.insertSome(t)
}

func (w *world) insertSome(t *testing.T) {
	t.Helper()
	w.exec(t, "INSERT INTO t (v) SELECT v + 1 FROM t ORDER BY id DESC LIMIT 500")
}

func stall(proxies ...*testbed.Proxy) {
	for _, p := range proxies {
		p.Stall()
	}
}

func breakOff(proxies ...*testbed.Proxy) {
	for _, p := range proxies {
		p.Refuse(true)
		p.Cut()
	}
}

var phases = []phase{
	{name: "starting, source silent", begin: func(t *testing.T, w *world) { fallSilent(t, w.wires.source) }, reach: func(t *testing.T, w *world, _ *testbed.Program) {
		w.awaitConnection(t, w.wires.source)
	}},
	{name: "starting, target silent", begin: func(t *testing.T, w *world) { fallSilent(t, w.wires.query) }, reach: func(t *testing.T, w *world, _ *testbed.Program) {
		w.awaitConnection(t, w.wires.query)
	}},
	{name: "copying", fresh: true, begin: func(_ *testing.T, w *world) { w.wires.source.Delay(20 * time.Millisecond) }, reach: func(t *testing.T, w *world, p *testbed.Program) {
		waitLine(t, p, "state=copying")
	}},
	{name: "copying, source silent", fresh: true, begin: func(_ *testing.T, w *world) { w.wires.source.Delay(20 * time.Millisecond) }, reach: func(t *testing.T, w *world, p *testbed.Program) {
		waitLine(t, p, "state=copying")
		stall(w.wires.source)
	}},
	{name: "streaming", reach: streaming},
	{name: "target silent", held: true, reach: func(t *testing.T, w *world, p *testbed.Program) {
		streaming(t, w, p)
		waitLine(t, p, "inserted=500") // the table has been looked at
		stall(w.wires.target()...)
		w.insertSome(t)
		waitLine(t, p, "inserted=1000")
	}},
	{name: "target away", held: true, reach: func(t *testing.T, w *world, p *testbed.Program) {
		streaming(t, w, p)
		waitLine(t, p, "inserted=500")
		breakOff(w.wires.target()...)
		w.insertSome(t)
		waitLine(t, p, "; try 2 in ")
	}},
	{name: "question, target away", reach: func(t *testing.T, w *world, p *testbed.Program) {
		waitLine(t, p, "state=streaming")
		breakOff(w.wires.target()...)
		w.insertSome(t)
		waitLine(t, p, "next try in ")
	}},
	{name: "source silent", reach: func(t *testing.T, w *world, p *testbed.Program) {
		streaming(t, w, p)
		stall(w.wires.source)
	}},
	{name: "source away", reach: func(t *testing.T, w *world, p *testbed.Program) {
		streaming(t, w, p)
		breakOff(w.wires.source)
		waitLine(t, p, "warning: source: ")
	}},
	{name: "schema change, target silent", reach: func(t *testing.T, w *world, p *testbed.Program) {
		waitLine(t, p, "state=streaming")
		stall(w.wires.query)
		w.exec(t, fmt.Sprintf("ALTER TABLE t ADD COLUMN c%d INT", worlds.Add(1)))
		w.insertSome(t)
		waitLine(t, p, "waiting for a schema change")
	}},
}

// fallSilent stalls a wire that carries nothing: who connects then is new.
func fallSilent(t *testing.T, p *testbed.Proxy) {
	t.Helper()
	p.Cut()
	eventually(t, func() string {
		if n := p.Connections(); n > 0 {
			return fmt.Sprintf("%d connections are open", n)
		}
		return ""
	})
	p.Stall()
}

func (w *world) awaitConnection(t *testing.T, p *testbed.Proxy) {
	t.Helper()
	eventually(t, func() string {
		if p.Connections() == 0 {
			return "nobody has connected"
		}
		return ""
	})
}

// stopBound is how long a stop may take: a few seconds more than what the ferry gives
// itself, for a machine that is busy.
const stopBound = 20 * time.Second

// TestStopsAtEveryPhase: asked once it ends in good order and soon, asked twice it ends
// at once, killed it loses nothing either.
func TestStopsAtEveryPhase(t *testing.T) {
	t.Parallel()
	needsDouble(t, "the wires between go bad")
	for i, c := range phases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, testbed.MySQL(t))
			w.wire(t)
			w.exec(t, "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, v INT)", "CREATE TABLE digits (d INT PRIMARY KEY)", fillDigits,
				"INSERT INTO t (v) SELECT n FROM ("+numbersUpTo(10_000)+") AS numbers")
			script := w.write(t, "stop.sql", w.script("SET 'snapshot.page-size' = '64kb';\n", route{from: "t", to: "t"}))
			for j, end := range []func(_ *testing.T, _ *testbed.Program, terminate, held bool){stopOnce, stopTwice, killIt} {
				state := "state"
				if c.fresh {
					state = fmt.Sprintf("state-%d", j)
				} else if j == 0 {
					w.catchUpIn(t, state, script)
				}
				if c.begin != nil {
					c.begin(t, w)
				}
				p := w.start(t, script, "--data-dir", state, "--progress-interval", "100ms")
				c.reach(t, w, p)
				end(t, p, i%2 == 0, c.held)
				w.checkSecrets(t, p.Output())
				w.wires.heal()
				w.catchUpIn(t, state, script)
				w.compare(t, "t", "t")
			}
		})
	}
}

func (w *world) catchUpIn(t *testing.T, state, script string) {
	t.Helper()
	if o := w.starferry(t, "run", "--until-caught-up", "--data-dir", state, script); o.code != 0 {
		t.Fatalf("catching up: %s", o)
	}
}

func signal(p *testbed.Program, terminate bool) {
	if terminate {
		p.Terminate()
		return
	}
	p.Interrupt()
}

func stopOnce(t *testing.T, p *testbed.Program, terminate, _ bool) {
	t.Helper()
	asked := time.Now()
	signal(p, terminate)
	if code := ended(t, p); code != 0 || strings.Contains(p.Output(), "error[") || !strings.Contains(p.Output(), "stopping: ") {
		t.Errorf("exit code %d:\n%s", code, p.Output())
	}
	took := time.Since(asked)
	if t.Logf("stopped in %v", took); took > stopBound {
		t.Errorf("that is too long:\n%s", p.Output())
	}
}

func stopTwice(t *testing.T, p *testbed.Program, terminate, held bool) {
	t.Helper()
	signal(p, terminate)
	waitLine(t, p, "stopping: ")
	signal(p, terminate)
	// Unless something keeps it, it may be done before the second signal comes.
	if code := ended(t, p); code != 130 && (held || code != 0) {
		t.Errorf("exit code %d:\n%s", code, p.Output())
	}
}

func killIt(t *testing.T, p *testbed.Program, _, _ bool) {
	t.Helper()
	p.Kill()
	if strings.Contains(p.Output(), "error[") {
		t.Errorf("it failed before it was killed:\n%s", p.Output())
	}
}
