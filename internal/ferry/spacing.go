package ferry

import (
	"fmt"
	"math"
	"time"
)

// How often a table is loaded.
//
// Every load is a version of the target table, and a target digests only so many. The
// first row of a quiet table goes at once; behind it a table's loads begin at least
// its interval apart, and what comes between goes with the next one: the busier the
// source, the larger the loads. A target that says it has too much to do gets fewer
// loads still, until it takes them again.
//
// Rejected: an interval that begins with a batch's first row. It makes a quiet table
// wait for nothing and says nothing of the time between two loads.

const (
	// gatherTime is how long a row on a quiet table waits for those that come with it.
	gatherTime = 50 * time.Millisecond
	// spacingLeast and spacingMost bound the widened time between two loads.
	spacingLeast = 2 * time.Second
	spacingMost  = 30 * time.Second
	// smallBatch is too little to be loaded only because half of the memory is used: of many
	// busy tables it is the loads that take the time, and each would be a version for nothing.
	smallBatch = 256 << 10
	// notPressed is larger than any batch.
	notPressed = math.MaxInt
)

// spacing is the time between the beginnings of two loads of a table.
func (t *table) spacing() time.Duration { return max(t.route.Interval, t.widened) }

// due tells that the table may begin a load.
func (t *table) due(now time.Time) bool { return now.Sub(t.shippedAt) >= t.spacing() }

// mayShip tells that the first load of the table's queue may begin. Memory that
// presses, and an end, do not wait for the interval, but for a busy target they do.
// The parts of a refused batch make up one load.
func (l *loop) mayShip(t *table) bool {
	if t.inFlight != nil || len(t.queue) == 0 || l.now.Before(t.queue[0].notUntil) || (t.queue[0].unsaved() && !l.sabotage.loadBeforeJoinIsSaved) {
		return false
	}
	hurried := t.widened == 0 && (l.stopping || t.queue[0].bytes >= l.pressed())
	return hurried || t.queue[0].part || t.queue[0].tries > 0 || t.due(l.now)
}

// pressed is how large a batch has to be to go because of memory: when half is used a large
// one, when next to nothing is left, which pages of a copy leave (roomForPage), any. In
// exactly-once a load is no version.
func (l *loop) pressed() int {
	switch {
	case l.bytes < l.cfg.Memory/2:
		return notPressed
	case l.isExact() || l.bytes >= l.cfg.Memory/8*7:
		return 0
	}
	return smallBatch
}

// widen makes the loads of a table rarer, because the target asked for that. It returns
// what to say of it.
func (t *table) widen(why error) string {
	t.widened = min(max(2*t.spacing(), spacingLeast), spacingMost)
	t.whyWide = why.Error()
	return fmt.Sprintf("; from now on at most one load every %s", t.widened.Round(100*time.Millisecond))
}

// narrow makes them more frequent by a quarter, because one was taken.
func (l *loop) narrow(t *table) {
	if t.widened == 0 {
		return
	}
	t.widened -= t.widened / 4
	if t.widened <= max(t.route.Interval, spacingLeast/2) {
		t.widened, t.whyWide = 0, ""
		l.notify(Info, t.route.Target, fmt.Sprintf("takes loads again as often as every %s", t.route.Interval))
	}
}

// spacingReason says which table is loaded less often than it was asked to be.
func (l *loop) spacingReason() string {
	if r := l.exact.rarer; r.pause > 0 {
		return fmt.Sprintf("at most one checkpoint every %s: %s", r.pause.Round(100*time.Millisecond), r.why)
	}
	for _, t := range l.order {
		if t.widened > 0 && !t.idle() {
			return fmt.Sprintf("loading %s at most every %s: %s", t.route.Target, t.widened.Round(100*time.Millisecond), t.whyWide)
		}
	}
	return ""
}
