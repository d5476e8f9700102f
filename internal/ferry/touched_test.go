package ferry

import (
	"fmt"
	"testing"
	"time"
)

var touchStart = time.Unix(1_700_000_000, 0)

func TestTouchedKeysAreRememberedForAWindow(t *testing.T) {
	t.Parallel()
	m := touched{window: 2 * time.Second, since: touchStart}
	at := func(ms int) time.Time { return touchStart.Add(time.Duration(ms) * time.Millisecond) }
	if m.wait(at(0)) != 2*time.Second || m.wait(at(2000)) > 0 {
		t.Error("the wait is not a window")
	}
	m.add(at(0), []byte("once"))
	m.add(at(10), []byte("again"))
	m.add(at(2500), []byte("again"))
	m.add(at(2600), []byte("new"))
	m.forget(at(2000))
	for key, want := range map[string]bool{"once": false, "again": true, "new": true, "never": false} {
		if m.has([]byte(key), at(2000)) != want {
			t.Errorf("%s: %v", key, !want)
		}
	}
	if m.has([]byte("again"), at(2501)) {
		t.Error("a change counts for a page that was registered behind it")
	}
	m.forget(at(2550))
	m.forget(at(9000))
	if len(m.last) != 0 || m.bytes != 0 || m.head != len(m.order) {
		t.Errorf("left: %d keys, %d bytes", len(m.last), m.bytes)
	}
}

// A hot row is one key, however often it changes.
func TestTouchedKeysAreBoundedByTheirNumber(t *testing.T) {
	t.Parallel()
	m := touched{}
	for i := range 100_000 {
		m.add(touchStart.Add(time.Duration(i)), fmt.Appendf(nil, "k%d", i%10))
		if i%1000 == 0 {
			m.forget(touchStart.Add(time.Duration(i - 500)))
		}
	}
	if len(m.last) != 10 || len(m.order)-m.head > 10 {
		t.Errorf("%d keys, %d in order", len(m.last), len(m.order)-m.head)
	}
}
