package endtoend

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"starferry/internal/emulator"
	"starferry/internal/testbed"
)

// crashes is one history: a copy under changes, killed again and again.
type crashes struct {
	rows            int
	inCopy, inFlood int // kills with SIGKILL during the copy, and after it
	settings        string
	faults          bool
}

func TestKilledFerryLosesNothing(t *testing.T) {
	t.Parallel()
	pages := "SET 'snapshot.page-size' = '256kb';\n"
	t.Run("MySQL", func(t *testing.T) {
		t.Parallel()
		crashes{rows: 200_000, inCopy: 3, inFlood: 3, settings: pages}.run(t, testbed.MySQL(t))
	})
	t.Run("MariaDB", func(t *testing.T) {
		t.Parallel()
		crashes{rows: 200_000, inCopy: 3, inFlood: 3, settings: pages}.run(t, testbed.MariaDB(t))
	})
	t.Run("MySQL without GTIDs", func(t *testing.T) {
		t.Parallel()
		crashes{rows: 20_000, inCopy: 3, inFlood: 2, settings: "SET 'snapshot.page-size' = '64kb';\nSET 'snapshot.barrier' = 'lock';\n"}.
			run(t, testbed.MySQL(t, "--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"))
	})
	t.Run("StarRocks misbehaves", func(t *testing.T) {
		t.Parallel()
		needsDouble(t, "faults")
		crashes{rows: 40_000, inCopy: 3, inFlood: 3, faults: true, settings: "SET 'snapshot.page-size' = '64kb';\n"}.run(t, testbed.MySQL(t))
	})
}

func (c crashes) run(t *testing.T, source *testbed.Server) {
	chance := seed(t)
	w := newWorld(t, source)
	load := &workload{w: w, seed: chance, rows: c.rows}
	load.fill(t)
	small := []string{"'sink.buffer-flush.interval-ms' = '100'", "'sink.buffer-flush.max-bytes' = '1mb'"}
	script := w.write(t, "crash.sql", w.script(c.settings, route{"orders", "orders", small}, route{"notes", "notes", small}))
	load.begin(t, 4)
	r := rand.New(rand.NewPCG(chance, 2000))
	copying := 0
	for i := range c.inCopy {
		// The copy of more rows takes longer, and every kill is to hit it.
		while := 50*time.Millisecond + time.Duration(r.IntN(1+c.rows/100))*time.Millisecond
		if w.killAfter(t, script, "state=", while) == "copying" {
			copying++
		}
		if i == 0 && c.faults {
			c.misbehave(t, w, rand.New(rand.NewPCG(chance, 1000)))
		}
		if i == c.inCopy/2 {
			load.addColumns(t)
		}
	}
	if copying == 0 {
		t.Errorf("no kill has hit the copy: the test does not test what it says")
	}
	first := w.catchUp(t, script) // while the writers go on
	t.Logf("the copy is done, %d rows of it by the last of %d runs", summary(t, first.out)["copied"], c.inCopy+1)
	for range c.inFlood {
		w.killAfter(t, script, "state=streaming", time.Duration(r.IntN(1500))*time.Millisecond)
	}
	load.end()
	o := w.catchUp(t, script)
	t.Log(strings.TrimSpace(o.out[strings.LastIndex(o.out, "stopped"):]))
	if n := summary(t, o.out); n["copied"] > 0 {
		t.Errorf("a run after the copy has copied %d rows again", n["copied"])
	}
	w.exec(t, "UPDATE orders SET channel = 'last' ORDER BY id LIMIT 1", "UPDATE notes SET level = 7 LIMIT 1")
	w.catchUp(t, script)
	w.compare(t, "orders", "orders")
	w.compare(t, "notes", "notes")
	t.Logf("%d transactions", load.done.Load())
	if w.double != nil {
		t.Logf("%d loads", w.double.Loads())
	}
}

// killAfter starts the ferry, waits until it says that it is in a state, and a while
// longer, and kills it. It answers with the state the ferry was in last.
func (w *world) killAfter(t *testing.T, script, state string, while time.Duration) string {
	t.Helper()
	p := w.start(t, script, "--progress-interval", "20ms")
	waitLine(t, p, state)
	time.Sleep(while) // the moment of the crash is the point
	p.Kill()
	output := p.Output()
	w.checkSecrets(t, output)
	if strings.Contains(output, "error[") {
		t.Fatalf("it failed before it was killed:\n%s", output)
	}
	last := output[strings.LastIndex(output, "state=")+len("state="):]
	last, _, _ = strings.Cut(last, " ")
	t.Logf("killed %v after %s, while %s", while, state, last)
	return last
}

// misbehave lets the double do wrong every now and then, each way at least once. Only
// loads are met at the frontend, not the question before the first of them: what cannot
// be reached at the start is an error, not something to wait for.
func (c crashes) misbehave(t *testing.T, w *world, r *rand.Rand) {
	t.Helper()
	kinds := []emulator.Fault{
		{Op: "be-load", DropAfter: true},
		{Op: "be-load", DropBefore: true},
		{Op: "be-load", PublishTimeout: true},
		{Op: "be-load", Message: emulator.TooManyVersions},
		{Op: "be-load", Delay: 800 * time.Millisecond},
		{Op: "fe-load", LabelPrefix: "sf_", DropBefore: true},
		{Op: "fe-load", LabelPrefix: "sf_", Status: 503, Body: "busy"},
		{Op: "get_load_state", DropBefore: true},
		{Op: "publish", Delay: 700 * time.Millisecond},
		{Op: "query", Contains: "ADD COLUMN", DropAfter: true},
		{Op: "query", Contains: "ADD COLUMN", DropBefore: true},
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	t.Cleanup(func() { cancel(); <-ended })
	for _, f := range kinds {
		f.Count = 1
		w.double.Fault(f)
	}
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			f := kinds[r.IntN(len(kinds))]
			f.Count, f.Skip = 1, r.IntN(3)
			remove := w.double.Fault(f)
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(100+r.IntN(400)) * time.Millisecond):
			}
			remove()
		}
	}()
}

// TestSeedIsRead keeps the promise of the package's first page.
func TestSeedIsRead(t *testing.T) {
	t.Setenv("STARFERRY_SEED", strconv.FormatUint(1<<63, 10))
	if seed(t) != 1<<63 {
		t.Errorf("STARFERRY_SEED=%s is not used", os.Getenv("STARFERRY_SEED"))
	}
}
