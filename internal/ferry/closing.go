package ferry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/crashpoint"
	"starferry/internal/diag"
)

// The end of an epoch in exactly-once.
//
// Invariant: nothing is visible that a checkpoint does not hold, and a checkpoint holds
// nothing that may yet fail to become visible.
//
//  1. The epoch ends between two source transactions, where a stream can be opened, and
//     not before the floor.
//  2. Everything it has is loaded; then every transaction is prepared (two-phase) or gets
//     its row of the ledger (position inside): from here on nothing but time can end it.
//  3. The checkpoint is saved. It names the transactions.
//  4. All of them are committed. What becomes of a commit is never concluded from its
//     answer, the transaction is asked.
//  5. A note says that the checkpoint is settled.
//
// A start that finds a checkpoint without that note asks its transactions, and goes on
// from it or, when one of them is gone, from the settled one before (redo.go).
//
// Rejected: committing first and saving then, as connectors do that save a position
// only: a crash between has the rows twice, or late under a label that is used already.
type closing struct {
	mark   mark
	server string // of its position; meanwhile another may be followed
	// aboveFloor: nothing that the target shows already is behind its position.
	aboveFloor bool
	began      time.Time
	phase      closingPhase
	saved      *checkpoint.Checkpoint
}

type closingPhase uint8

const (
	draining closingPhase = iota
	preparing
	committing
)

// endEpoch begins to end the epoch at hand when it is time and the place allows it.
func (l *loop) endEpoch() {
	e := &l.exact
	if e.closing != nil || e.redo != nil || l.err != nil || !l.atResume && !e.stays || l.stream == nil && !e.stays || l.held != nil && !e.mustEnd && !l.stopping {
		return
	}
	if !e.mustEnd && (!l.stopping && !l.epochDue() || !l.aboveFloor()) {
		return
	}
	aboveFloor := l.aboveFloor()
	e.mustEnd, e.wantEnd, e.joining, e.stays, e.begun = false, false, false, false, l.now
	if !l.news() {
		return
	}
	l.flushAll()
	l.statesHeld = true
	e.closing = &closing{began: l.now, server: l.server, aboveFloor: aboveFloor, mark: mark{epoch: l.epoch, position: l.resume.position, states: l.resume.states, generation: l.generation}}
	l.epoch++
	for _, o := range l.outlets {
		o.formFixed = false
	}
	l.keepWipes()
	crashpoint.Here("epoch-ends")
}

// epochDue tells that the epoch has lasted long enough, or may end early.
func (l *loop) epochDue() bool {
	e := &l.exact
	if l.now.Sub(e.settledAt) < max(l.cfg.EpochPause, e.rarer.pause) {
		return false
	}
	return e.wantEnd || l.now.Sub(e.begun) >= l.cfg.EpochInterval || l.crowded() || l.longOpen() || l.lastEpoch()
}

// longOpen tells that a transaction that cannot be prepared has been open for so long
// that it is to be committed soon.
func (l *loop) longOpen() bool {
	const soon = 120 * time.Second // of the 200 s it may take
	for _, x := range l.exact.open {
		if l.cfg.Delivery == PositionInside && l.now.Sub(x.since) >= soon {
			return true
		}
	}
	return false
}

// lastEpoch tells that everything is here that is waited for.
func (l *loop) lastEpoch() bool {
	if !l.cfg.UntilCaughtUp || l.newcomersWait() || !l.resume.position.Reached(l.until) {
		return false
	}
	for _, t := range l.order {
		if !t.gone && !t.absent && t.stopped == nil && (!t.copy.Done || t.check != nil) {
			return false
		}
	}
	return true
}

// news tells that the epoch has rows, or the place is another than the last checkpoint's.
func (l *loop) news() bool {
	last := &l.settled
	return l.unsettledRows() || last.generation != l.generation || last.position != l.resume.position || !sameStates(last.states, l.resume.states)
}

// unsettledRows tells that rows are on their way.
func (l *loop) unsettledRows() bool {
	return slices.ContainsFunc(l.laden, func(o *outlet) bool { return !o.drained() })
}

// advanceClosing does the next step of the end of an epoch.
func (l *loop) advanceClosing() {
	c := l.exact.closing
	if l.err != nil || l.goesBack() || c == nil {
		return
	}
	if c.phase == draining && l.allLoaded(c) {
		c.phase = preparing
		l.leaveOutEmpty()
		crashpoint.Here("epoch-loaded")
	}
	if c.phase == preparing && l.every(l.prepareStep) {
		if l.exact.probing {
			l.goBack(again("each table of the transaction that was refused is taken alone"))
			l.goesBack()
			return
		}
		if l.sabotage.commitBeforeSaved && !l.every(l.commitStep) {
			return
		}
		l.saveEpoch(c)
	}
	if c.phase == committing && l.err == nil && l.every(l.commitStep) {
		l.settleEpoch(c)
	}
	if c.phase != committing && l.cfg.EpochTimeout > 0 && l.now.Sub(c.began) > l.cfg.EpochTimeout {
		l.goBack(&diag.Problem{
			Code: codeEpochTimeout, Class: diag.Transient,
			Message: fmt.Sprintf("the checkpoint is not complete after %s", l.cfg.EpochTimeout),
			Fix:     "see to the state of the StarRocks cluster, or raise 'execution.checkpointing.timeout'.",
		})
		l.goesBack()
	}
}

// leaveOutEmpty lets go of the transactions that nothing is in that is needed, since their
// table has stopped or is gone.
func (l *loop) leaveOutEmpty() {
	l.exact.open = slices.DeleteFunc(l.exact.open, func(x *transaction) bool {
		if x.keep != nil || slices.ContainsFunc(l.order, func(t *table) bool { return t.within() && !t.gone && l.scope(t) == x.label.Table }) {
			return false
		}
		if x.begun || x.asking {
			l.letGo(x.label)
		}
		return true
	})
}

// allLoaded tells that all rows of the epoch that ends are in their transactions.
func (l *loop) allLoaded(c *closing) bool {
	for _, o := range l.laden {
		if o.inFlight != nil || len(o.queue) > 0 && o.queue[0].epoch <= c.mark.epoch {
			return false
		}
	}
	return !slices.ContainsFunc(l.exact.open, func(x *transaction) bool { return x.keep != nil && !x.begun })
}

// every takes a step with each transaction of the epoch, and tells that all have taken it.
func (l *loop) every(step func(checkpoint.Label) func(context.Context) error) bool {
	all := true
	for _, x := range l.exact.open {
		if x.done {
			continue
		}
		all = false
		if x.asking || l.now.Before(x.again) {
			continue
		}
		x.asking = true
		do := step(x.label)
		l.begin(func(ctx context.Context) func() {
			err := do(ctx)
			return func() { l.stepped(x, err) }
		})
	}
	if all {
		for _, x := range l.exact.open {
			x.done = false
		}
	}
	return all
}

// prepareStep makes sure that a transaction can be committed.
func (l *loop) prepareStep(label checkpoint.Label) func(context.Context) error {
	prepare := func(ctx context.Context) error { return l.cfg.Transactions.Prepare(ctx, label) }
	if label.Table.Table == "" {
		entry := l.entry(l.exact.closing, label) // tells of all tables
		prepare = func(ctx context.Context) error {
			if err := l.cfg.Ledger.Write(ctx, label, entry); err != nil || l.sabotage.commitUnowned {
				return err
			}
			return l.cfg.owns(ctx, label.Table.Database)
		}
	}
	return func(ctx context.Context) error {
		defer crashpoint.Here("transaction-prepared")
		crashpoint.Here("prepare-begins")
		return prepare(ctx)
	}
}

func (l *loop) commitStep(label checkpoint.Label) func(context.Context) error {
	return func(ctx context.Context) error {
		defer crashpoint.Here("transaction-committed")
		crashpoint.Here("commit-begins")
		return l.cfg.Transactions.Commit(ctx, label)
	}
}

// stepped takes the outcome of a step.
func (l *loop) stepped(x *transaction, err error) {
	x.asking = false
	var lost *LostError
	var refused *RefusedError
	switch {
	case err == nil:
		x.done, x.tries = true, 0
	case errors.As(err, &lost):
		l.goBack(err)
	case errors.As(err, &refused) && x.label.Table.Table == "":
		l.probeTables(refused.Cause)
	case l.exact.closing != nil && l.exact.closing.phase == committing && !diag.IsTransient(err) && !errors.Is(err, context.Canceled):
		// The checkpoint is saved and names it: no table can be left out any more. The
		// next start goes on here.
		l.fail(err)
	case errors.As(err, &refused):
		l.spoiled(x, &TableError{Cause: refused.Cause})
	case diag.IsTransient(err) || errors.Is(err, context.Canceled):
		l.tryLater(x, err)
	default:
		l.spoiled(x, err)
	}
}

// spoiled takes an error of a transaction that ended with everything in it because of its
// table.
func (l *loop) spoiled(x *transaction, err error) {
	var alone *TableError
	t := l.owner(x)
	switch {
	case t == nil || !errors.As(err, &alone):
		l.fail(err)
	case t.gone:
		l.goBack(again("the transaction of %s, which is not needed any more, is refused: %v", x.label.Table, err))
	default:
		l.goBack(alone.Cause, t.shards...)
	}
}

// tryLater has a call about a transaction made again.
func (l *loop) tryLater(x *transaction, err error) {
	x.tries++
	wait := backOff(x.tries)
	x.again = l.now.Add(wait)
	l.counts.Retries++
	l.notify(Warning, x.label.Table, fmt.Sprintf("transaction %s: %v; try %d in %s", x.label.Label, err, x.tries+1, wait))
}

// owner is the table of a transaction, nil for one of a database. Of several only the last
// is not gone.
func (l *loop) owner(x *transaction) (owner *table) {
	for _, t := range l.order {
		if t.route.Target == x.label.Table && (owner == nil || !t.gone) {
			owner = t
		}
	}
	return owner
}

// saveEpoch makes the checkpoint that holds once its transactions are committed.
func (l *loop) saveEpoch(c *closing) {
	c.saved = &checkpoint.Checkpoint{
		Epoch: c.mark.epoch, Position: c.mark.position, Server: c.server,
		Exact:  c.aboveFloor, // else the next start has to find a floor again
		Tables: l.present(c.mark.states), Open: l.open(),
	}
	for _, x := range l.exact.open {
		c.saved.Prepared = append(c.saved.Prepared, x.label)
	}
	crashpoint.Here("save-begins")
	if err := l.cfg.Journal.Save(c.saved); err != nil {
		l.fail(err)
		return
	}
	c.phase = committing
	crashpoint.Here("epoch-saved")
}

// settleEpoch says that the checkpoint holds.
func (l *loop) settleEpoch(c *closing) {
	if len(l.exact.open) > 0 {
		if err := l.cfg.Journal.Settled(c.saved.Epoch); err != nil {
			l.fail(err)
			return
		}
	}
	crashpoint.Here("epoch-settled")
	for _, t := range l.order {
		for _, epoch := range t.loaded {
			l.acknowledge(epoch)
		}
		t.loaded = nil
		if t.unsaved && t.number < len(c.mark.states) && c.mark.states[t.number].Table != nil {
			t.unsaved = false
			crashpoint.Here("join-saved")
		}
	}
	l.settled, l.saved, l.savedAt = c.mark, c.mark, l.now
	l.exact.closing, l.exact.open, l.exact.settled, l.exact.settledAt = nil, nil, c.saved, l.now
	l.cfg.carried.redos, l.cfg.carried.broken, l.cfg.carried.probed = 0, nil, false
	if l.exact.rarer.narrow(max(l.cfg.EpochInterval, l.cfg.EpochPause)) {
		l.notify(Info, change.Name{}, fmt.Sprintf("takes a checkpoint again every %s", l.cfg.EpochInterval))
	}
	l.counts.Checkpoints++
}

// epochGoesOn tells that an end has to wait for the epoch; where that cannot end here,
// what it has is given up.
func (l *loop) epochGoesOn() bool {
	e := &l.exact
	if e.closing != nil || e.redo != nil && l.err == nil {
		return true
	}
	if !l.stopping || !l.unsettledRows() {
		return false
	}
	if l.stream == nil || l.atResume && !l.aboveFloor() {
		l.giveUp()
		return false
	}
	return true
}
