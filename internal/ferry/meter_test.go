package ferry

import (
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	t.Parallel()
	var m meter
	at := func(after float64) time.Time { return time.Unix(0, 0).Add(time.Duration(after * float64(time.Second))) }
	add := func(after float64, phase string, rows uint64) {
		t.Helper()
		m.add(at(after), phase, rows)
	}
	want := func(after float64, rows, estimate uint64, rate float64, left time.Duration) {
		t.Helper()
		if got := m.rate(); got != rate {
			t.Errorf("after %v s: %v rows/s, want %v", after, got, rate)
		}
		if got := m.left(at(after), rows, estimate); got != left {
			t.Errorf("after %v s: %v left, want %v", after, got, left)
		}
	}
	add(0, "copy", 100)
	want(0, 100, 1000, 0, 0)
	add(0.5, "copy", 150) // too soon after the last
	want(0.5, 150, 1000, 0, 0)
	add(1, "copy", 200)
	want(1, 200, 1000, 100, 8*time.Second)
	want(1, 200, 100_000, 100, 0) // less than 1 % after less than 10 s
	want(11, 200, 100_000, 100, 998*time.Second)
	want(1, 200, 200, 100, 0) // there are more than was guessed
	for s := 2; s <= 30; s++ {
		add(float64(s), "copy", 200) // it stands still, and is forgotten to have gone
	}
	want(30, 200, 1000, 0, 0)
	if len(m.samples) > 12 {
		t.Errorf("%d samples are kept", len(m.samples))
	}
	add(31, "check", 10) // another phase has a rate of its own
	add(32, "check", 60)
	want(32, 60, 160, 50, 2*time.Second)
	add(33, "check", 5) // begun again
	want(33, 5, 160, 0, 0)
}
