package ferry

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"starferry/internal/change"
	"starferry/internal/crashpoint"
	"starferry/internal/diag"
)

// take processes one event. It is called only while wants.
//
// Rows, and the end of a transaction behind which no stream could be opened, allow nothing
// that was not allowed before: all they do is fill batches. What is to become of those is
// looked at behind the next event of another kind, or when the hand-over is over.
func (l *loop) take(now time.Time, event change.Event) {
	l.now = now
	l.openTries = 0
	if !l.process(&event) {
		held := event
		l.held = &held
		held.HoldRows()
	}
	if l.held != nil || l.exact.redo != nil || event.Rows == nil && (event.Kind != change.Commit || event.Resumable) {
		l.advance()
	}
}

// retryHeld processes the event that had to wait, if it can go on now. A stop does not wait
// for it, unless it stands in the middle of a transaction, where no epoch can end.
func (l *loop) retryHeld() {
	if l.held == nil || l.stopping && !(l.isExact() && !l.atResume && !l.exact.stays) {
		return
	}
	if event := l.held; l.process(event) {
		l.held = nil
		event.ReleaseRows()
	}
}

// process is the only switch on the kinds of change. False means that the event has
// to wait: nothing of it was done.
func (l *loop) process(event *change.Event) bool {
	tables := l.concerned(event)
	if l.endsBefore(event) {
		return false
	}
	switch event.Kind {
	case change.Insert, change.Update, change.Delete:
		if !l.rows(tables, event) {
			return false
		}
		l.inTransaction, l.atResume = true, false
	case change.Commit, change.Progress:
		l.inTransaction = false
	case change.Truncated:
		if !l.truncated(tables, event) {
			return false
		}
	case change.Joined, change.Altered, change.Dropped, change.Replaced, change.Rearranged, change.Described:
		for _, t := range tables {
			l.happened(t, event)
		}
		if len(tables) == 0 {
			l.stranger(event)
		}
	case change.Unreadable:
		if len(tables) == 0 {
			l.stranger(event)
		}
		l.unreadable(tables, event.Cause)
	default:
		l.fail(fmt.Errorf("the source delivered an event of unknown kind %d", event.Kind))
	}
	l.passed(event)
	return true
}

// endsBefore has the epoch that a table has joined in end before anything else comes, rows or
// what no epoch could end behind: no rows of the table are loaded before a checkpoint knows it.
func (l *loop) endsBefore(event *change.Event) bool {
	switch event.Kind {
	case change.Joined, change.Commit, change.Progress:
		return false
	}
	if !l.isExact() || !l.exact.joining || !l.atResume || l.sabotage.joinInsideEpoch && event.Rows == nil {
		return false
	}
	l.exact.mustEnd = true
	return true
}

// rows takes the rows of an event, as soon as all targets are ready for them.
func (l *loop) rows(tables []*table, event *change.Event) bool {
	for _, t := range tables {
		if !t.idle() && !l.evolve(t, event.Table) {
			return false
		}
	}
	l.upTo = change.Position{File: event.Position.File, Offset: event.Position.Offset}
	for _, t := range tables {
		if !t.idle() {
			l.addEvent(t, event)
		}
	}
	if len(l.cfg.Cascades) > 0 && len(tables) > 0 {
		l.cascade(event)
	}
	l.count(event, len(tables) > 0)
	return true
}

// happened is what befell a table besides its rows.
func (l *loop) happened(t *table, event *change.Event) {
	if t.unread && event.Kind != change.Joined {
		l.atResume = false
		return
	}
	switch event.Kind {
	case change.Joined:
		l.joined(t, event)
	case change.Altered:
		l.altered(t, event)
	case change.Dropped:
		l.dropped(t, event)
	case change.Replaced:
		l.replaced(t, event)
	default:
		l.rearranged(t, event)
	}
}

func nameOf(event *change.Event) change.Name {
	if event.Table == nil {
		return change.Name{}
	}
	return event.Table.Name
}

// passed moves the position behind an event.
func (l *loop) passed(event *change.Event) {
	l.position = change.Position{File: event.Position.File, Offset: event.Position.Offset}
	l.upTo = l.position
	if event.Kind == change.Joined && !event.Resumable {
		l.atResume = false // others join at the same place, which knows all of them then
	}
	if !event.Time.IsZero() {
		l.lastEventTime = event.Time
	}
	if event.Kind == change.Progress {
		l.caughtUpAt = l.now
	}
	followed := len(l.tables[nameOf(event)]) > 0
	l.unmarked = l.unmarked || followed && (event.Kind == change.Altered || event.Kind == change.Replaced)
	if !event.Resumable {
		return
	}
	l.resume = resumePoint{position: event.Position, states: l.tableStates()}
	l.atResume = true
	joined := event.Kind == change.Joined && followed
	if joined || l.unmarked && !l.sabotage.forgetUnmarked {
		l.markHere()
		// An epoch holds rows from one side of a schema change only, and none of a table
		// that it is the first to know.
		l.exact.joining = (l.exact.joining || joined) && !l.sabotage.loadBeforeJoinIsSaved
		l.exact.mustEnd = l.exact.mustEnd || l.isExact() && l.unmarked && !l.sabotage.epochOverDDL
	}
	l.unmarked = false
}

func (l *loop) joined(t *table, event *change.Event) {
	t.unread, t.absent, t.besides = false, false, false
	switch {
	case t.stopped != nil:
		t.schema = event.Table // what a resync begins with
		l.states = nil
	case t.dropped:
		t.dropped, t.schema = false, event.Table
		l.stopTable(t, &diag.Problem{
			Code:    codeRecreated,
			Message: fmt.Sprintf("table %s was dropped and created again at %s; its target %s still holds the rows of the old one", t.route.Source, event.Position, t.route.Target),
			Fix:     anew(t),
		})
	case t.schema == nil:
		t.schema, t.seen = event.Table, event.Table
		l.states = nil
		t.unsaved = true
		l.schemasDue = l.schemasDue || t.isDue()
		if !l.sabotage.joinUnsealed {
			l.seal(t) // what is in it already is not to wait for a checkpoint that knows the shard
		}
		// What was logged before was not delivered and may not be visible yet.
		t.touched.clear(l.now)
		l.notify(Info, t.route.Source, "joined: following it from here, the copy begins")
		crashpoint.Here("table-joined")
	}
}

func (l *loop) altered(t *table, event *change.Event) {
	if t.dropped {
		return
	}
	if !sameKey(t.schema, event.Table) {
		// Passes go in the order of the key: in another order they have another place.
		if t.copying != nil {
			t.copying.startOver()
			t.copy.Spans = nil
		}
		if t.check != nil {
			l.startCheckOver(t.check)
		}
	}
	mixed := takesOver(t.schema, event.Table)
	t.added = addedColumns(t.added, t.schema, event.Table)
	t.schema = event.Table
	l.schemasDue = l.schemasDue || t.isDue()
	l.states = nil
	l.atResume = false
	l.dropPages(t)
	if t.check != nil {
		t.check.layout = nil
	}
	if mixed && t.stopped == nil {
		l.notify(Warning, t.route.Source, fmt.Sprintf("columns took each other's names at %s (%s): %s is compared with it and mended", event.Position, event.Statement, t.route.Target))
		l.beginRepair(t, event.Statement)
	}
}

// dropped leaves the target as it is: what to do with the rows is not for us to
// decide, and the other tables go on.
func (l *loop) dropped(t *table, event *change.Event) {
	l.atResume = false
	switch {
	case t.stopped != nil:
		t.schema, t.unread, l.states = nil, true, nil
		if r := l.resyncOf(t); r != nil {
			l.endResync(r, jobProblem("table %s is gone at the source (%s)", t.route.Source, event.Statement))
		}
		return
	case t.schema == nil: // known already, or it never was there
		t.absent = !t.dropped
		if t.check != nil {
			l.endCheck(t.check, jobProblem("table %s is not there at the source (%s)", t.route.Source, event.Statement))
		}
		return
	}
	l.dropPages(t)
	l.endCopy(t)
	if t.check != nil {
		l.endCheck(t.check, jobProblem("table %s is gone at the source (%s)", t.route.Source, event.Statement))
	}
	t.dropped, t.was, t.schema = true, t.schema, nil
	l.notify(Warning, t.route.Source, fmt.Sprintf("is gone at the source (%s); %s keeps its rows", event.Statement, t.route.Target))
}

// openStream opens the stream when there is none, behind the last resumable
// position.
func (l *loop) openStream() {
	if l.stream != nil || l.opening || l.stopping || l.now.Before(l.openAfter) {
		return
	}
	follow := l.askedFor()
	l.opening = true
	from, until, floor := l.resume.position, l.until, l.exact.floor
	l.begin(func(ctx context.Context) func() {
		stream, err := l.cfg.Source.Open(ctx, from, follow)
		if err == nil && floor.Known && stream.Server() != floor.Server && !(l.sabotage.floorOfAnyServer && floor.Server != "") {
			if floor.Position, err = l.cfg.Source.End(ctx); err != nil {
				stream.Close()
			} else {
				floor.Server = stream.Server()
			}
		}
		if err == nil && l.cfg.UntilCaughtUp && stream.Server() != until.Server {
			// An end that was asked for on another server means nothing here.
			if until, err = l.cfg.Source.End(ctx); err != nil {
				stream.Close()
			}
		}
		if err == nil {
			// The loop may have ended before it could take the stream.
			context.AfterFunc(ctx, func() { stream.Close() })
		}
		return func() {
			if l.opened(stream, until, err); l.stream != nil {
				l.exact.floor = floor
			}
		}
	})
}

// askedFor are the tables that a stream is to go on with, and those that are to join: each
// source once, whatever its targets are.
func (l *loop) askedFor() (follow Follow) {
	asked := map[change.Name]*table{}
	for _, t := range l.order {
		if t.identity != "" { // a shadow follows what its table follows
			continue
		}
		t.unread, t.besides = false, false
		if t.schema == nil {
			t.absent = false // as of now nobody knows
		}
		first := asked[t.route.Source]
		switch {
		case t.schema != nil && first != nil && first.schema != nil:
			if t.schema.Version == first.schema.Version {
				t.schema = first.schema // what the stream hands out
			}
		case t.schema != nil:
			follow.Known = append(follow.Known, t.schema)
			asked[t.route.Source] = t
		case t.stopped != nil && l.resyncOf(t) == nil:
			t.unread = true
		case l.sibling(t) != nil:
			t.besides, l.siblingsWait = true, true
		case l.goneAs(t.route.Source) != nil && !l.sabotage.joinGone: // that it comes again must be noticed
			t.absent = !t.dropped
			if first == nil {
				follow.Gone = append(follow.Gone, l.goneAs(t.route.Source))
				asked[t.route.Source] = t
			}
		case first == nil:
			follow.Join = append(follow.Join, t.route.Source)
			asked[t.route.Source] = t
		}
	}
	for _, n := range l.newcomers {
		if asked[n.name] == nil {
			follow.Join = append(follow.Join, n.name)
		}
	}
	return follow
}

// goneAs is what a source table was before it was dropped; nil when it was not.
func (l *loop) goneAs(source change.Name) *change.Table {
	for _, t := range l.tables[source] {
		if t.dropped {
			return cmp.Or(t.was, t.seen, &change.Table{Name: source})
		}
	}
	return nil
}

func (l *loop) opened(stream Stream, until change.Position, err error) {
	l.opening = false
	switch {
	case err != nil && diag.IsTransient(err):
		l.openTries++
		wait := backOff(l.openTries)
		l.openAfter = l.now.Add(wait)
		l.notify(Warning, change.Name{}, fmt.Sprintf("source: %v; next try in %s", err, wait))
	case err != nil:
		l.fail(err)
	default:
		if l.isExact() && l.unsettledRows() && l.server != stream.Server() {
			// The new server may not have the half of a transaction that the epoch has.
			l.goBack(&diag.Problem{Code: codeServerChanged, Class: diag.Transient, Message: "the source's server changed in the middle of an epoch"})
		}
		l.stream, l.server, l.until = stream, stream.Server(), until
		l.generation++
		l.position = change.Position{}
		l.pace.restart()
		for _, t := range l.order {
			t.touched = touched{since: l.now, window: stream.Barrier().Window}
		}
	}
}

// streamEnded takes the error that ended the stream. The next one begins behind the
// last resumable position; rows that were taken since come again, in order.
func (l *loop) streamEnded(now time.Time, err error) {
	l.now = now
	if !diag.IsTransient(err) {
		l.fail(err)
		return
	}
	if l.isExact() && l.unsettledRows() {
		at := l.position // pages of that place may be in the epoch
		if l.inTransaction && !l.sabotage.floorForgetsHalf {
			at.Offset++ // and rows of the transaction that goes on there
		}
		l.raiseFloor(l.server, at)
	}
	l.openTries++
	wait := backOff(l.openTries)
	l.notify(Warning, change.Name{}, fmt.Sprintf("source: %v; reading again from %s in %s", err, l.resume.position, wait))
	l.openAfter = l.now.Add(wait)
	l.rewind()
	l.advance()
}

// rewind lets go of the stream and goes back to the last resumable position.
func (l *loop) rewind() {
	if e := &l.exact; l.atResume && (e.mustEnd || e.joining) && !l.sabotage.rewindForgetsEnd {
		e.mustEnd, e.stays = true, true
	}
	l.stream = nil
	l.held, l.inTransaction, l.atResume, l.unmarked = nil, false, false, false
	l.position = change.Position{}
	for i, t := range l.order {
		if t.gone {
			continue
		}
		l.dropPages(t)
		state := l.resume.states[i]
		// What a pass has emitted since stays emitted: it is newer than the resume
		// point, and every change behind that comes again.
		if state.Table == nil || t.schema == nil || !sameKey(state.Table, t.schema) {
			l.copyFrom(t, state.Copy)
		}
		t.setSchema(&state)
		t.emptied = false
		t.unsaved = t.unsaved && (t.schema != nil || t.awaited())
	}
	l.states = nil
	l.forgetSchemas()
	l.lookForDue()
}

// backOff is the wait before try number n: half a second, doubling, at most 30 s. A redo
// that stops a table counts for none.
func backOff(n int) time.Duration {
	return min(500*time.Millisecond<<min(max(n-1, 0), 6), 30*time.Second)
}
