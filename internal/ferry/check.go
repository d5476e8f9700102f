package ferry

import (
	"context"
	"fmt"
	"slices"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
)

// A check compares a table with its target by value while rows flow, and mends what
// differs when it is to.
//
// Invariant: a row is judged where both sides are known for one place of the log. Its
// page was read as every page is (weave.go), so a row that the stream has not touched
// since is the source's row at the loop's position; when everything the loop took
// before is visible, and the row is still untouched when the target's answer is here,
// the target's row must be equal. A row that was touched is looked at again, as is
// every row that seems to differ, before anything is said of it. What is mended goes
// the ordinary road: an upsert or a delete at the loop's position.
//
// It goes over the table twice: forwards over the source's keys, which finds rows that
// are missing or different, and backwards over the target's keys, which finds those
// that the source does not have. Ranges of keys are never compared between the two:
// they order them differently.
//
// Of a table that was started without a copy only the second way is gone, and every row is
// compared there: what the target has is right, and no history is copied.
//
// Rejected: checksums of chunks on both sides (no two texts of one value are alike,
// and a chunk under writes never has a checksum), and a check outside the ferry (it
// would have to guess what is on its way).
type check struct {
	table *table
	state checkpoint.CheckState // what is decided; Spans and Doubts are made by moved
	jobs  []*Job

	forwards *pass
	// Backwards: keys of the target behind state.After, and the page that asks the
	// source for them.
	epoch      uint64 // what was begun in it or before must be visible
	targetKeys *change.Rows
	backwards  *page
	asking     bool // for keys of the target
	exhausted  bool // there are no more
	showing    bool // epoch is that of the last row that was mended

	doubts   []doubt
	inquiry  *page // asks for some of them
	layout   *Layout
	tries    int
	askAfter time.Time // the target is not asked before
	meter    meter
}

// doubt is a key that is to be looked at again.
type doubt struct {
	key   string
	looks int // at which the sides differed
	moved int // looks during which the row changed
	due   time.Time
}

const (
	checkPageBytes = 1 << 20
	// doubtsPerPage are asked for at once, doubtsMax wait before the check goes on.
	doubtsPerPage = 500
	doubtsMax     = 20_000
	// keysPerPage of the target are asked for at the source at once.
	keysPerPage = 5_000
	// looksToDecide is how often a difference must be seen; movesToGiveUp how often a
	// row may change while it is looked at.
	looksToDecide = 2
	movesToGiveUp = 10
	firstDoubt    = 250 * time.Millisecond
	lastDoubt     = 10 * time.Second
	examplesMax   = 20
)

// beginCheck begins to compare a table, or goes on behind what an earlier process
// compared.
func (l *loop) beginCheck(t *table, from checkpoint.CheckState, jobs ...*Job) {
	c := &check{table: t, state: from, jobs: jobs}
	if !t.beingRead() {
		t.touched.clear(l.now) // no key was remembered while nothing was read
	}
	c.forwards = beginPass(t, c, from.Spans)
	if from.Forwards || t.copy.Partial {
		c.forwards.spans = nil
	}
	if from.Doubts != nil {
		for i := range from.Doubts.Len() {
			c.doubts = append(c.doubts, doubt{key: string(from.Doubts.AppendKey(nil, i, identityColumns(from.Doubts.Width()))), due: l.now})
		}
	}
	t.check = c
	l.checks = append(l.checks, c)
	l.sinceHere(c)
	l.addPass(c.forwards)
	c.moved()
	l.states = nil
}

// sinceHere has the target's keys read when it shows everything that the loop took so
// far: of rows that changed without row events, some may be on their way.
func (l *loop) sinceHere(c *check) {
	l.seal(c.table)
	c.epoch = l.epoch
	l.epoch++
}

// moved brings what a checkpoint says of the check up to date.
func (c *check) moved() {
	c.state.Forwards = len(c.forwards.spans) == 0
	c.state.Spans = c.forwards.left()
	c.state.Doubts = nil
	if n := len(c.doubts); n > 0 || c.inquiry != nil {
		c.state.Doubts = change.NewRows(len(c.table.schema.Key))
		for i := range c.doubts {
			appendKeyCells(c.state.Doubts, c.doubts[i].key)
		}
		if c.inquiry != nil {
			for i := range c.inquiry.doubts {
				appendKeyCells(c.state.Doubts, c.inquiry.doubts[i].key)
			}
		}
	}
}

// snapshot is what a checkpoint at this moment says of a check, nil for none.
func (c *check) snapshot() *checkpoint.CheckState {
	if c == nil {
		return nil
	}
	state := c.state
	return &state
}

// mendsAll tells of a repair that has every row still before it.
func (c *check) mendsAll() bool {
	return c != nil && c.state.Repair && c.state.Compared == 0 && c.state.Keys == 0
}

// startCheckOver begins a check again: what it has compared counts no more.
func (l *loop) startCheckOver(c *check) {
	for _, p := range slices.Clone(c.table.pages) {
		if p.pass == c.forwards && !p.dropped {
			l.dropPage(p)
		}
	}
	c.forwards.startOver()
	if c.table.copy.Partial {
		c.forwards.spans = nil
	}
	c.doubts, c.targetKeys, c.exhausted, c.showing, c.layout = nil, nil, false, false, nil
	c.state = checkpoint.CheckState{Repair: c.state.Repair, Reason: c.state.Reason}
	l.sinceHere(c)
	c.moved()
	l.states = nil
}

// doubtful has a key looked at again; one that changes too often is given up.
func (c *check) doubtful(d doubt, now time.Time, moved bool) {
	wait := firstDoubt
	if moved {
		d.moved++
		wait = min(firstDoubt<<min(d.moved, 8), lastDoubt)
	}
	if d.moved >= movesToGiveUp {
		c.state.Undecided++
		return
	}
	d.due = now.Add(wait)
	c.doubts = append(c.doubts, d)
}

// dropped takes back what a page of keys was to answer.
func (c *check) dropped(p *page) {
	switch p {
	case c.inquiry:
		c.doubts = append(c.doubts, p.doubts...)
		c.inquiry = nil
	case c.backwards:
		c.backwards = nil
	}
}

// dueDoubts takes the doubts that are due out of the list, each key once.
func (c *check) dueDoubts(now time.Time) (due []doubt) {
	asked := map[string]bool{}
	c.doubts = slices.DeleteFunc(c.doubts, func(d doubt) bool {
		switch {
		case asked[d.key]:
			return true
		case len(due) >= doubtsPerPage || now.Before(d.due):
			return false
		}
		asked[d.key] = true
		due = append(due, d)
		return true
	})
	return due
}

// registerKeyPages asks the source for keys: those in doubt, and those of the target.
func (l *loop) registerKeyPages() {
	for _, c := range l.checks {
		if !c.forwards.ready(l.now) {
			continue
		}
		exact, ok := l.exactPage(c.forwards)
		if !ok {
			continue
		}
		if c.inquiry == nil {
			if due := c.dueDoubts(l.now); len(due) > 0 {
				keys := change.NewRows(len(c.table.schema.Key))
				for i := range due {
					appendKeyCells(keys, due[i].key)
				}
				c.inquiry = &page{pass: c.forwards, doubts: due, request: PageRequest{Keys: keys}}
				l.requestPage(c.inquiry, exact)
			}
		}
		if c.targetKeys != nil && c.backwards == nil {
			c.backwards = &page{pass: c.forwards, request: PageRequest{Keys: c.targetKeys}}
			l.requestPage(c.backwards, exact)
		}
	}
}

// advanceChecks does what the checks under way allow now.
func (l *loop) advanceChecks() {
	if len(l.checks) == 0 || l.stream == nil || l.stopping || l.swapping != nil {
		return
	}
	for _, c := range slices.Clone(l.checks) {
		l.compareVisible(c)
		if t := c.table; t.check != c || t.schema == nil || !t.copy.Done || len(c.forwards.spans) > 0 || c.backwards != nil || c.targetKeys != nil {
			continue
		}
		switch {
		case !c.exhausted:
			l.readTargetKeys(c)
		case len(c.doubts) == 0 && c.inquiry == nil && l.showsMended(c):
			l.checkDone(c)
		}
	}
}

// showsMended waits until the target shows every row that was mended: before that a redo
// could take it back, and who asked would have been told otherwise.
func (l *loop) showsMended(c *check) bool {
	if !c.state.Repair || c.state.Differences() == 0 {
		return true
	}
	if !c.showing {
		c.showing = true
		l.sinceHere(c)
	}
	if c.table.visible(c.epoch) {
		return true
	}
	l.exact.wantEnd = true
	return false
}

// readTargetKeys reads the next keys of the target.
func (l *loop) readTargetKeys(c *check) {
	if c.asking || l.now.Before(c.askAfter) || len(c.doubts) > doubtsMax || !l.checkLayout(c, c.table.schema) {
		return
	}
	if !c.table.visible(c.epoch) {
		l.exact.wantEnd = true
		return
	}
	c.asking = true
	t, layout, after, limit := c.table, c.layout, c.state.After, keysPerPage
	if t.copy.Partial { // whole rows of both sides are read for them
		limit = doubtsPerPage
	}
	l.begin(func(ctx context.Context) func() {
		keys, err := l.cfg.Mirror.ReadKeys(ctx, t.route.Target, layout, after, limit)
		return func() {
			c.asking = false
			switch {
			case t.check != c || c.layout != layout: // asked again
			case err != nil:
				l.checkFailed(c, err)
			case keys.Len() == 0:
				c.exhausted = true
			default:
				c.targetKeys = keys
			}
		}
	})
}

// checkLayout finds how rows of the source stand beside those of the target. A check
// that only looks changes nothing there: a column that the target lacks is not
// compared.
func (l *loop) checkLayout(c *check, schema *change.Table) bool {
	t := c.table
	switch {
	case c.state.Repair:
		if !l.evolve(t, schema) || t.check != c {
			return false
		}
		c.layout = t.layout
	case c.layout != nil && c.layout.Source == schema:
	case t.described == schema:
		layout, err := t.shapedLayout(schema)
		if err != nil {
			l.failTable(t, err)
			return false
		}
		c.layout = layout
	default:
		if !t.busy() && l.err == nil && !l.now.Before(t.askAfter) {
			l.describe(t, schema)
		}
		return false
	}
	return true
}

// checkFailed takes an error of the target, which is asked again after a wait.
func (l *loop) checkFailed(c *check, err error) {
	if !diag.IsTransient(err) {
		l.failTable(c.table, err)
		return
	}
	c.tries++
	wait := backOff(c.tries)
	c.askAfter = l.now.Add(wait)
	l.notify(Warning, c.table.route.Target, fmt.Sprintf("check: %v; next try in %s", err, wait))
}

// checkDone ends a check and tells what it found.
func (l *loop) checkDone(c *check) {
	found := c.state
	if found.Again {
		c.tell(nil)
		l.checkAgain(c)
	} else {
		l.endCheck(c, nil)
	}
	s := &found
	if s.Differences() == 0 && s.Undecided == 0 {
		l.notify(Info, c.table.route.Source, fmt.Sprintf("compared with %s: %d rows, all equal", c.table.route.Target, s.Compared))
		return
	}
	text := fmt.Sprintf("compared with %s: of %d rows %d were missing, %d different, %d superfluous", c.table.route.Target, s.Compared, s.Missing, s.Different, s.Superfluous)
	if s.Repair {
		text += "; mended"
	}
	if s.Undecided > 0 {
		text += fmt.Sprintf("; %d changed too often to be compared", s.Undecided)
	}
	l.notify(Warning, c.table.route.Source, text)
}

// endCheck takes a check off its table, done or not.
func (l *loop) endCheck(c *check, err error) {
	t := c.table
	for _, p := range slices.Clone(t.pages) {
		if p.pass == c.forwards {
			l.removePage(p)
		}
	}
	l.endPass(c.forwards)
	l.checks = slices.DeleteFunc(l.checks, func(one *check) bool { return one == c })
	t.check = nil
	l.states = nil
	if !c.state.Repair { // nothing of it is on its way: no restart is to go on with it
		l.amendStates(t, func(state *checkpoint.TableState) { state.Check = nil })
	}
	l.refreshResume()
	c.tell(err)
}

// tell reports what a check found to whom asked.
func (c *check) tell(err error) {
	for _, j := range c.jobs {
		j.tableDone(CheckResult{Source: c.table.route.Source, Target: c.table.route.Target, CheckState: c.state, Err: err})
	}
	c.jobs = nil
}
