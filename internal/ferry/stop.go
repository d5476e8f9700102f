package ferry

import (
	"errors"
	"fmt"
	"slices"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
)

// A table stops alone: what is wrong with its rows is no reason to hold up the
// others.
//
// Invariant: no checkpoint that leaves out rows of a table says that the table is
// followed. Its batches are dropped, so marks made before the stop settle without
// them; therefore every mark that is not settled yet, and the resume point, say from
// then on that the table is stopped. The mark that is settled already does not: all
// rows before it are visible.
//
// The last table does not stop, the ferry ends: with nothing left to hold up, the
// position is kept, and after the remedy the same row is tried again.

// stopTable stops one table for a problem.
func (l *loop) stopTable(t *table, cause error) {
	if t.idle() || l.err != nil || t.gone {
		return
	}
	for _, r := range l.resyncs {
		if r.shadow == t {
			l.endResync(r, cause)
			return
		}
	}
	problem := diag.Find(cause)
	if problem == nil || !l.othersGoOn(t) {
		l.fail(cause)
		return
	}
	if t.within() || l.isExact() && (t.inFlight != nil || len(t.shards) > 1 && !t.drained()) {
		l.goBack(cause, t) // what is in its transaction, or in a batch with others, cannot be taken out
		return
	}
	t.stopped = &checkpoint.Stop{
		At: l.now, Position: l.settled.position, Code: string(problem.Code), Reason: cause.Error(), Fix: remedy(t, problem),
	}
	if t.dead() || l.sabotage.stopTakesAll { // else rows of other shards are among them
		l.dropRows(t)
	}
	l.dropPages(t)
	if t.copying != nil {
		l.endPass(t.copying)
		t.copying = nil
	}
	if t.check != nil {
		l.endCheck(t.check, cause)
	}
	if r := l.resyncOf(t); r != nil && r.phase >= wipeAsked {
		l.endResync(r, cause)
	}
	t.unsaved = false
	t.touched = touched{window: t.touched.window}
	if t.unread {
		t.schema = nil
	}
	l.amendStop(t)
	l.notify(Warning, t.route.Source, fmt.Sprintf("is stopped, the other tables go on: error[%s]: %s\n   = To fix: %s", problem.Code, t.stopped.Reason, t.stopped.Fix))
}

// stopProblem is why nothing can be done with a stopped table.
func (t *table) stopProblem() error {
	return &diag.Problem{Code: diag.Code(t.stopped.Code), Message: fmt.Sprintf("table %s is stopped: %s", t.route.Source, t.stopped.Reason), Fix: t.stopped.Fix}
}

// stopProblems are why the stopped tables have not caught up.
func (l *loop) stopProblems() error {
	var problems []error
	for _, t := range l.order {
		if t.stopped != nil {
			problems = append(problems, t.stopProblem())
		}
	}
	return diag.Join(problems...)
}

// idle tells that no rows of the table are expected any more.
func (t *table) idle() bool { return t.dropped || t.absent || t.stopped != nil }

// othersGoOn tells that there is a table to go on with besides these; a shadow is none.
func (l *loop) othersGoOn(besides ...*table) bool {
	return slices.ContainsFunc(l.order, func(other *table) bool {
		return !slices.Contains(besides, other) && !other.idle() && other.identity == ""
	})
}

// anew is the remedy of a ferry that ended because its only table cannot go on.
func anew(t *table) string { return Anew(t.route.Target) }

// Anew is how a deployment begins again with a new target table.
func Anew(target change.Name) string {
	return fmt.Sprintf("DROP TABLE %s;   in StarRocks, then\n     starferry run SCRIPT --data-dir NEW\n   which creates the table and copies it anew. Until then nothing is lost: the position is kept.", target)
}

// remedy is what brings a stopped table back. What was wrong comes first, unless a
// copy of the table as it is now is all it takes.
func remedy(t *table, problem *diag.Problem) string {
	resync := fmt.Sprintf("starferry resync SCRIPT --table %s", t.route.Source)
	if problem.Fix == "" || problem.Fix == anew(t) {
		return resync
	}
	return problem.Fix + "\nThen copy the table anew: " + resync
}

// dropRows forgets every row of the table that is not visible yet. A load that has
// begun may still become visible; its label is kept until it has ended.
func (l *loop) dropRows(t *table) {
	if t.batch != nil {
		l.bytes -= t.batch.Bytes()
		l.acknowledge(t.epoch)
		t.batch = nil
	}
	for _, s := range t.queue {
		l.bytes -= s.bytes
		l.acknowledge(s.epoch)
		t.abandon(s.label)
	}
	t.queue = nil
	if s := t.inFlight; s != nil && !s.dropped {
		s.dropped = true
		l.acknowledge(s.epoch) // its memory is free when it has ended
	}
}

// abandon remembers a load whose outcome nobody waits for any more, so that the next
// process settles it before it loads anything.
func (o *outlet) abandon(label string) {
	if label != "" {
		o.abandoned = append(o.abandoned, label)
	}
}

// ended forgets loads that are settled.
func (o *outlet) ended(labels []string) {
	o.abandoned = slices.DeleteFunc(o.abandoned, func(label string) bool { return slices.Contains(labels, label) })
}

// landed takes the end of a load that a stopped table had under way.
func (l *loop) landed(s *shipment, err error) {
	l.bytes -= s.bytes
	var aborted *AbortedError
	var refused *RefusedError
	if err != nil && !errors.As(err, &aborted) && !errors.As(err, &refused) {
		s.table.abandon(s.label)
	}
}

// amendStop has every place that a restart may begin at say that the table is stopped.
func (l *loop) amendStop(t *table) {
	l.amendStates(t, func(state *checkpoint.TableState) {
		state.Stopped = t.stopped
		if t.schema == nil {
			state.Table = nil
		}
	})
}

// amendStates has the resume point and every mark that is not settled say something else
// of the table.
func (l *loop) amendStates(t *table, amendment func(*checkpoint.TableState)) {
	l.states = nil
	amended := map[*checkpoint.TableState][]checkpoint.TableState{}
	amend := func(states []checkpoint.TableState) []checkpoint.TableState {
		if t.number >= len(states) {
			return states
		}
		if amended[&states[0]] == nil {
			copied := slices.Clone(states)
			amendment(&copied[t.number])
			amended[&states[0]] = copied
		}
		return amended[&states[0]]
	}
	for i := range l.marks {
		if l.sabotage.stopOnlyFromHere {
			break
		}
		l.marks[i].states = amend(l.marks[i].states)
	}
	// What is saved already has every row of its epoch in its transactions.
	if c := l.exact.closing; c != nil && c.phase != committing && !l.sabotage.stopOnlyFromHere {
		c.mark.states = amend(c.mark.states)
	}
	l.resume.states = amend(l.resume.states)
}

// sayStopped tells at the start which tables an earlier process stopped, and ends the
// ferry when there are no others.
func (l *loop) sayStopped() {
	var first *table
	for _, t := range l.order {
		if t.stopped == nil {
			continue
		}
		if first == nil {
			first = t
		}
		l.notify(Warning, t.route.Source, fmt.Sprintf("is stopped since %s: error[%s]: %s\n   = To fix: %s",
			t.stopped.At.Format("2006-01-02 15:04:05 MST"), t.stopped.Code, t.stopped.Reason, t.stopped.Fix))
	}
	if first != nil && !l.othersGoOn() {
		l.fail(&diag.Problem{
			Code:    codeAllStopped,
			Message: fmt.Sprintf("no table is left to follow: %s is stopped since %s: %s", first.route.Source, first.stopped.At.Format("2006-01-02 15:04:05 MST"), first.stopped.Reason),
			Fix:     first.stopped.Fix,
		})
	}
}

// Stopped returns why the checkpoint says that a route is not followed any more, nil
// when it is.
func Stopped(c *checkpoint.Checkpoint, source, target change.Name) *checkpoint.Stop {
	if s := StateOf(c, source, target); s != nil {
		return s.Stopped
	}
	return nil
}
