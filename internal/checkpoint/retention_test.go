package checkpoint

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestAThinnedHistoryStays lives for ten days with a checkpoint every minute.
func TestAThinnedHistoryStays(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	var history []kept
	for n := uint64(1); n <= 10*24*60; n++ {
		at = at.Add(time.Minute)
		history = append(history, kept{number: n, settled: n%7 > 0, savedAt: at})
		worth := worthKeeping(history, at)
		history = slices.DeleteFunc(history, func(k kept) bool { return !worth[k.number] })
		if len(history) > historyMax {
			t.Fatalf("%d are kept", len(history))
		}
	}
	var ages []time.Duration
	for _, k := range slices.Backward(history) {
		ages = append(ages, at.Sub(k.savedAt))
		if !k.settled {
			t.Error("an unsettled one is kept")
		}
	}
	for _, p := range periods {
		older := slices.IndexFunc(ages, func(age time.Duration) bool { return age >= p.age-p.every-time.Minute })
		if older < 0 {
			t.Fatalf("nothing is kept that is as old as %s: %v", p.age, ages)
		}
		for i := 1; i <= older; i++ {
			if ages[i]-ages[i-1] > p.every+2*time.Minute {
				t.Errorf("%s between %s and %s", ages[i]-ages[i-1], ages[i-1], ages[i])
			}
		}
	}
	if last := ages[len(ages)-1]; last >= 7*24*time.Hour {
		t.Errorf("one is kept for %s", last)
	}
	t.Logf("%d: %v", len(ages), ages)
}

func TestTheHistoryIsBoundedWhenClocksJump(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	var history []kept
	for n := uint64(1); n <= 1000; n++ {
		history = append(history, kept{number: n, settled: true, savedAt: at.Add(time.Duration(n) * 24 * time.Hour)})
	}
	worth := worthKeeping(history, at)
	if len(worth) != historyMax || !worth[1000] || worth[1] {
		t.Errorf("%d are kept", len(worth))
	}
}

// TestPruningReadsNoCheckpoint: it comes every second.
func TestPruningReadsNoCheckpoint(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	defer d.Close()
	at := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	d.now = func() time.Time { at = at.Add(11 * time.Minute); return at }
	for n := range 20 {
		c := epochAt(uint64(n))
		c.Prepared = []Label{{orders, "p"}}
		if err := d.Save(c); err != nil {
			t.Fatal(err)
		}
		if err := d.Settled(uint64(n)); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(d.Path(), historyFolder, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files { // whoever reads them now finds nothing
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	history := slices.DeleteFunc(slices.Clone(d.kept), func(k kept) bool { return !k.history })
	if len(history) < 6 || len(d.kept) != len(history)+2 {
		t.Errorf("%d kept, %d history", len(d.kept), len(history))
	}
	d = reopen(t, d)
	defer d.Close()
	if r, err := d.Recover(); err != nil || r.Settled.Epoch != 19 || d.Notice() != "" {
		t.Errorf("%v, %v: a damaged history concerns nobody", r, err)
	}
	if err := d.Save(epochAt(20)); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(filepath.Join(d.Path(), historyFolder)); err != nil || len(files) > 1 {
		t.Errorf("%v, %v: a damaged history stays", files, err)
	}
}
