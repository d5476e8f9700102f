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
	inCopy, inFlood int // crashes during the copy, kills by the clock after it
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
	for i := range c.inCopy {
		w.crashInCopy(t, script, pagePoints[r.IntN(len(pagePoints))], 1+r.IntN(4))
		if i == 0 && c.faults {
			c.misbehave(t, w, rand.New(rand.NewPCG(chance, 1000)))
		}
		if i == c.inCopy/2 {
			load.addColumns(t)
		}
	}
	first := w.catchUp(t, script) // while the writers go on
	t.Logf("the copy is done, %d rows of it by the last of %d runs", summary(t, first.out)["copied"], c.inCopy+1)
	for range c.inFlood {
		w.killAfter(t, script, time.Duration(r.IntN(1500))*time.Millisecond)
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

// pagePoints are the points of a copy. A kill by the clock may come when the copy of a
// small table is over.
var pagePoints = []string{"page-registered", "page-read", "page-arrived", "page-emitted"}

// crashInCopy starts the ferry and has it crash at a point of the copy.
func (w *world) crashInCopy(t *testing.T, script, point string, n int) {
	t.Helper()
	p := w.startToCrash(t, point, n, script)
	if ended(t, p); !hasCrashed(p) {
		t.Fatalf("it has not crashed at %s, time %d:\n%s", point, n, p.Output())
	}
	w.checkSecrets(t, p.Output())
	t.Logf("crashed at %s, time %d", point, n)
}

// killAfter starts the ferry, waits until it streams, and a while longer, and kills it.
func (w *world) killAfter(t *testing.T, script string, while time.Duration) {
	t.Helper()
	p := w.start(t, script, "--progress-interval", "20ms")
	waitLine(t, p, "state=streaming")
	time.Sleep(while) // the moment of the crash is the point
	p.Kill()
	output := p.Output()
	w.checkSecrets(t, output)
	if strings.Contains(output, "error[") {
		t.Fatalf("it failed before it was killed:\n%s", output)
	}
	t.Logf("killed %v after it streamed", while)
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
