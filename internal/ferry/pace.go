package ferry

import (
	"context"
	"fmt"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// pace holds passes back: while the stream is not fresh (it goes first: a page that
// waits for a lagging stream pins memory and a read view for nothing), while the
// source is busy, and above a number of bytes per second.
//
// Freshness is not judged by clocks, which two machines never have in common, but by
// the log: its end is asked now and then, and the stream is as fresh as the last
// answer that it has reached is young.
type pace struct {
	asking   bool
	askAfter time.Time
	askedAt  time.Time
	mark     change.Position // the end of the log at askedAt, not reached yet
	fresh    time.Time       // what was logged by then has been delivered
	busy     string          // why the source is busy, "" when it is not
	nextPage time.Time       // by bytes per second
	reason   string          // "" while pages may be read
	since    time.Time       // when reason began
	told     bool
}

const (
	// probesPerLag is how often within the greatest lag the end of the log is asked.
	probesPerLag = 4
	// tellAfter is how long pages must be held back before it is a notice.
	tellAfter = 10 * time.Second
)

// paced is when so many bytes per second allow the next ones, after some were read.
func paced(now, next time.Time, bytes, perSecond int) time.Time {
	if perSecond <= 0 {
		return next
	}
	return later(now, next).Add(time.Duration(float64(bytes) / float64(perSecond) * float64(time.Second)))
}

// keepFresh asks for the end of the log now and then, and notices when it is reached.
func (l *loop) keepFresh() {
	c := &l.pace
	if c.mark.File != "" && l.position.File != "" && l.position.Reached(c.mark) {
		c.fresh, c.mark = c.askedAt, change.Position{}
	}
	if !c.asking && c.mark.File == "" && !l.now.Before(c.askAfter) {
		l.probe()
	}
}

// mayReadPage tells whether a page may be read now.
func (l *loop) mayReadPage() bool {
	c := &l.pace
	if l.cfg.MaxLag > 0 || l.cfg.WatchBusy {
		l.keepFresh()
	}
	reason := ""
	switch {
	case l.cfg.MaxLag > 0 && l.now.Sub(c.fresh) > l.cfg.MaxLag:
		reason = fmt.Sprintf("pages wait: the stream is more than %s behind the source and goes first (SET 'snapshot.max-lag')", l.cfg.MaxLag)
	case c.busy != "":
		reason = "pages wait: the source is busy: " + c.busy + " (SET 'snapshot.pause-when')"
	case l.now.Before(c.nextPage):
		reason = "pages wait: as many bytes as allowed were read in this second (SET 'snapshot.max-mb-per-second')"
	}
	if (reason == "") != (c.reason == "") {
		c.since, c.told = l.now, false
	}
	c.reason = reason
	if reason != "" && !c.told && l.now.Sub(c.since) > tellAfter {
		c.told = true
		l.notify(Info, change.Name{}, reason)
	}
	return reason == ""
}

// probe asks for the end of the log and whether the source is busy.
func (l *loop) probe() {
	c := &l.pace
	c.asking, c.askAfter = true, l.now.Add(max(l.cfg.MaxLag/probesPerLag, 50*time.Millisecond))
	askedAt, generation := l.now, l.generation
	l.begin(func(ctx context.Context) func() {
		end, err := l.cfg.Source.End(ctx)
		busy := ""
		if err == nil && l.cfg.WatchBusy {
			busy, err = l.cfg.Pages.Busy(ctx)
		}
		return func() {
			c.asking = false
			switch {
			case generation != l.generation:
			case err == nil:
				c.askedAt, c.mark, c.busy = askedAt, end, busy
			case !diag.IsTransient(err):
				l.fail(err)
			}
		}
	})
}

// restart forgets what was known of another stream.
func (c *pace) restart() { *c = pace{asking: c.asking, nextPage: c.nextPage} }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
