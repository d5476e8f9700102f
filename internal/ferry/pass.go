package ferry

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
)

// pass is one reading of a whole table in pages: its copy, or a check. It begins as
// one span over all keys, so that the first row needs no look-up before it; spans are
// split while there is room for more pages in flight, and a page is bounded in bytes,
// so no part of a table is ever read in one piece.
type pass struct {
	table *table
	check *check // nil: this is the copy
	spans []*span
	whole bool // no span can be split any more
	// shrink is how often the page size was halved after too many changed keys.
	shrink int
	wait   wait
}

// span is a part of a table's key range. Its bounds are keys of rows; only the source
// compares them.
type span struct {
	after *change.Rows // the last key that is done
	until *change.Rows // the last key that belongs to it, nil: open
	read  *change.Rows // the last key that is here; the next page begins behind it
	pages int          // in flight
	ended bool         // an empty page is here: there is nothing behind read

	reading   bool // a page is being read
	wantSplit bool // to be split when its page is here
	splitting bool // a key to split it at is being looked for
}

// rewind has everything read again that is here and not done: its pages were dropped.
func (s *span) rewind() {
	*s = span{after: s.after, until: s.until, read: s.after, splitting: s.splitting}
}

// wait is why nothing is done for a while.
type wait struct {
	until  time.Time
	tries  int
	reason string
}

// spanPages is how many pages of one span may be in flight: one is read while the one
// before it waits for the stream.
const spanPages = 2

// beginPass begins a pass behind what an earlier process had done of it.
func beginPass(t *table, c *check, from []checkpoint.Span) *pass {
	p := &pass{table: t, check: c}
	for _, s := range from {
		p.spans = append(p.spans, &span{after: s.After, until: s.Until, read: s.After})
	}
	if len(from) == 0 {
		p.spans = []*span{{}}
	}
	return p
}

// left is what a checkpoint says of the spans that are not done.
func (p *pass) left() []checkpoint.Span {
	left := make([]checkpoint.Span, len(p.spans))
	for i, s := range p.spans {
		left[i] = checkpoint.Span{After: s.after, Until: s.until}
	}
	return left
}

// startOver forgets what was done: in another order of keys it means nothing.
func (p *pass) startOver() { p.spans, p.whole = []*span{{}}, false }

// done tells of a span that everything in it has been emitted.
func (p *pass) done(s *span) {
	p.spans = slices.DeleteFunc(p.spans, func(one *span) bool { return one == s })
}

// addPass queues a pass: copies before checks, and small tables first, so that most
// tables are done early.
func (l *loop) addPass(p *pass) {
	rows := l.cfg.Estimates[p.table.route.Source]
	at, _ := slices.BinarySearchFunc(l.passes, p, func(a, b *pass) int {
		if (a.check == nil) != (b.check == nil) {
			return cmp.Compare(boolToInt(a.check != nil), boolToInt(b.check != nil))
		}
		return cmp.Or(cmp.Compare(l.cfg.Estimates[a.table.route.Source], rows), -1) // behind its like
	})
	l.passes = slices.Insert(l.passes, at, p)
}

// endPass takes a pass off the list; a split under way finds nothing of it any more.
func (l *loop) endPass(p *pass) {
	p.spans = nil
	l.passes = slices.DeleteFunc(l.passes, func(one *pass) bool { return one == p })
	if len(l.passes) == 0 {
		l.spare = nil
	}
}

// nextSpan is where the next page is to be read: among the first passes that can go
// on, the span with the fewest pages in flight.
func (l *loop) nextSpan() (next *pass, at *span) {
	active := 0
	for _, p := range l.passes {
		if !p.ready(l.now) {
			continue
		}
		if active++; active > l.cfg.Parallelism {
			break
		}
		for _, s := range p.spans {
			if !s.reading && !s.splitting && !s.ended && s.pages < spanPages && (at == nil || s.pages < at.pages) {
				next, at = p, s
			}
		}
	}
	return next, at
}

// ready tells whether a page of the pass may be read. A check waits for the copy: what
// is not copied yet is no difference.
func (p *pass) ready(now time.Time) bool {
	return p.table.schema != nil && !now.Before(p.wait.until) && !p.table.copy.Wipe && (p.check == nil || p.table.copy.Done)
}

// worthSplitting is the least number of rows a table has by estimate for its copy to
// be read in several places at once.
const worthSplitting = 50_000

// wantSplit marks the largest table's span to be split when its page is here.
func (l *loop) wantSplit() {
	for i, p := range slices.Backward(l.passes) {
		if i >= l.cfg.Parallelism || p.whole || len(p.spans) >= l.cfg.Parallelism || !p.ready(l.now) || l.cfg.Estimates[p.table.route.Source] < worthSplitting {
			continue
		}
		for _, s := range p.spans {
			if s.wantSplit || s.splitting {
				return
			}
		}
		for _, s := range p.spans {
			if !s.ended && s.pages > 0 {
				s.wantSplit = true
				return
			}
		}
	}
}

// splitSpan looks for a key in the middle of what is left of a span, while no page of
// it is being read: such a page might reach beyond it.
func (l *loop) splitSpan(p *pass, s *span) {
	s.wantSplit, s.splitting = false, true
	t, schema, read, until := p.table, p.table.schema, s.read, s.until
	l.begin(func(ctx context.Context) func() {
		middle, err := l.cfg.Pages.Split(ctx, schema, read, until)
		return func() {
			s.splitting = false
			switch {
			case err != nil && !diag.IsTransient(err):
				l.failTable(t, err)
			case err != nil || t.schema != schema: // asked again when there is room again
			case middle == nil:
				p.whole = true
			case slices.Contains(p.spans, s):
				p.spans = append(p.spans, &span{after: middle, until: s.until, read: middle})
				s.until = middle
				l.passMoved(p)
			}
		}
	})
}

// passMoved lets the next checkpoint know how far a pass has come.
func (l *loop) passMoved(p *pass) {
	if p.check == nil {
		p.table.copy.Spans = p.left()
	} else {
		p.check.moved()
	}
	l.stateMoved(p.table)
	l.refreshResume()
}

// waitForPass has a pass wait, and says why when the reason is new.
func (l *loop) waitForPass(p *pass, wait time.Duration, reason string) {
	if p.wait.reason != reason {
		l.notify(Info, change.Name{}, reason)
	}
	p.wait.reason, p.wait.until = reason, l.now.Add(wait)
}

// what names the pass in a sentence.
func (p *pass) what() string {
	if p.check != nil {
		return fmt.Sprintf("check of %s", p.table.route.Source)
	}
	return fmt.Sprintf("copy of %s", p.table.route.Source)
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
