package endtoend

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"starferry/internal/crashpoint"
	"starferry/internal/testbed"
)

// laterTimes are times at which a point is another one: in the middle of a copy, at
// the ALTER and not at the start.
var laterTimes = map[string]int{"described": 4, "page-emitted": 3, "file-written": 7, "save-begins": 3, "load-answered": 3}

// onlyExact are the points that only exactly-once comes to.
var onlyExact = map[string]bool{
	"transaction-begins": true, "transaction-begun": true, "epoch-ends": true, "epoch-loaded": true, "prepare-begins": true,
	"transaction-prepared": true, "epoch-saved": true, "commit-begins": true, "transaction-committed": true, "settled": true,
	"epoch-settled": true, "redo-begins": true, "fenced": true, "recovery-committed": true, "recovery-settled": true,
}

// TestCrashAtEveryPoint lives a whole life with every point: copy, changes, columns
// added, stop. The ferry has to crash where it was told, on the way to nowhere else,
// and the next ones have to make it good.
func TestCrashAtEveryPoint(t *testing.T) {
	t.Parallel()
	for _, point := range pointNames() {
		if jobAt[point] != nil {
			t.Run(point, func(t *testing.T) {
				t.Parallel()
				crashInJob(t, point)
			})
			continue
		}
		if onlyExact[point] || slices.Contains(newcomerPoints, point) {
			continue
		}
		times := []int{1}
		if later := laterTimes[point]; later > 0 {
			times = append(times, later)
		}
		for _, n := range times {
			t.Run(fmt.Sprintf("%s:%d", point, n), func(t *testing.T) {
				t.Parallel()
				crashAt(t, point, n)
			})
		}
	}
}

// pointNames are all there are. Some are called in both ways of delivery.
func pointNames() (names []string) {
	for _, point := range crashpoint.Points {
		if !slices.Contains(names, point.Name) {
			names = append(names, point.Name)
		}
	}
	return names
}

func crashAt(t *testing.T, point string, n int) {
	chance := seed(t)
	w := newWorld(t, testbed.MySQL(t))
	load := &workload{w: w, seed: chance, rows: 4000, parts: 20}
	load.fill(t)
	small := []string{"'sink.buffer-flush.interval-ms' = '50'"}
	script := w.write(t, "point.sql", w.script("SET 'snapshot.page-size' = '64kb';\n", route{"orders", "orders", small}, route{"notes", "notes", small}))
	load.begin(t, 2)
	p := w.startToCrash(t, point, n, script)
	w.live(t, p, load)
	if <-p.Done(); !strings.Contains(p.Output(), fmt.Sprintf("crash at %s, time %d\n", point, n)) {
		t.Fatalf("it has not crashed at %s, time %d:\n%s", point, n, p.Output())
	}
	w.checkSecrets(t, p.Output())

	// Once more, at the same point some time later, if it comes to it.
	r := rand.New(rand.NewPCG(chance, 3000))
	p = w.startToCrash(t, point, 1+r.IntN(4), script, "--progress-interval", "20ms")
	if comesTo(t, p, "state=streaming") {
		p.Terminate()
	}
	if code := ended(t, p); code != 0 && !hasCrashed(p) {
		t.Fatalf("exit code %d:\n%s", code, p.Output())
	}

	w.catchUp(t, script) // while the writers go on
	if !load.added.Load() {
		load.addColumns(t)
	}
	load.end()
	w.exec(t, "UPDATE orders SET channel = 'last' ORDER BY id LIMIT 1", "UPDATE notes SET level = 7 LIMIT 1")
	w.catchUp(t, script)
	w.compare(t, "orders", "orders")
	w.compare(t, "notes", "notes")
}

// live takes a ferry through everything that there are points for, until it is gone.
func (w *world) live(t *testing.T, p *testbed.Program, load *workload) {
	t.Helper()
	if !comesTo(t, p, "orders copied: ") || !comesTo(t, p, "notes copied: ") {
		return
	}
	load.addColumns(t)
	w.exec(t, "UPDATE orders SET channel = 'first' ORDER BY id LIMIT 1", "UPDATE notes SET level = 1 LIMIT 1")
	if !comesTo(t, p, "schema change: `channel`") || !comesTo(t, p, "schema change: `level`") {
		return
	}
	p.Interrupt()
}

// comesTo waits for a line; false means that the program has ended without it.
func comesTo(t *testing.T, p *testbed.Program, text string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := p.WaitLine(ctx, text)
	if ctx.Err() != nil {
		t.Fatal(err)
	}
	return err == nil
}
