package ferry

import (
	"fmt"
	"slices"

	"starferry/internal/crashpoint"
)

// The weave: a copy is a list of pages that slip into the stream; so is a check.
//
// Invariant: a page is emitted where every row in it is at least as new as what
// the stream has delivered of that row, and no row in it is newer than what the
// stream will deliver. Therefore
//
//  1. a page is registered between two source transactions, never inside one: the
//     delivered set D then holds whole transactions only, and from there on the
//     keys of the table that change are remembered (the one before and the one
//     after);
//  2. the read view is not older than D (the source's low barrier), and the high
//     mark, the end of the log as file and offset, is asked after the rows were
//     read;
//  3. when the stream has passed the high mark, the rows whose keys were touched are
//     dropped, since the stream has delivered them in a newer or equal version, and
//     the others go out as upserts.
//
// Each page has a registration and a high mark of its own, so any number of them may
// be in flight, of one table or of several; only those of one span are emitted in the
// order they were read, so that a span's progress is one key.
//
// Rejected: replaying the log from before the snapshot without touched keys (rows go
// back in time, for as long as the copy took), and marks by GTID set (rows become
// visible before their GTID counts, so such a mark does not cover what was read).

// registerPages asks for as many pages as may be in flight.
func (l *loop) registerPages() {
	if len(l.passes) == 0 || l.stream == nil || l.held != nil || l.stopping || !l.mayReadPage() {
		return
	}
	if !l.atResume && !l.sabotage.registerInsideTransaction {
		return
	}
	for len(l.pages) < l.cfg.Parallelism && l.roomForPage() {
		p, s := l.nextSpan()
		if p == nil {
			break
		}
		if exact, ok := l.exactPage(p); ok {
			l.requestPage(&page{pass: p, span: s}, exact)
		}
	}
	l.registerKeyPages()
	if len(l.pages) < l.cfg.Parallelism {
		l.wantSplit()
	}
}

// roomForPage keeps pages, with room for those being read, in half of the memory, and leaves
// the stream an eighth of all. While less than half is used one page goes through whatever its
// size.
func (l *loop) roomForPage() bool {
	if len(l.pages) == 0 && l.bytes <= l.cfg.Memory/2 {
		return true
	}
	reading := 1
	for _, p := range l.pages {
		if !p.here() {
			reading++
		}
	}
	more := reading * l.cfg.PageBytes
	return l.pageBytes()+more <= l.cfg.Memory/2 && l.bytes+more <= l.cfg.Memory/8*7
}

func (l *loop) pageSize(p *pass) int {
	if p.check != nil {
		return min(l.cfg.PageBytes, checkPageBytes)
	}
	return l.cfg.PageBytes
}

// exactPage says how a page is kept from being older than the stream where the server
// offers nothing to wait for: by a lock, by a window that is known, or not yet.
func (l *loop) exactPage(p *pass) (exact, ok bool) {
	t := p.table
	wait := t.touched.wait(l.now)
	switch {
	case wait <= 0:
		return false, true
	case t.touched.noLock:
		l.waitForPass(p, wait, fmt.Sprintf("the source has no GTIDs: the %s waits %s so that no commit older than that can still be invisible (a moment of LOCK TABLES … READ would do instead, and is not to be had)", p.what(), wait.Round(1e9)))
		return false, false
	}
	// One lock is enough for the table.
	if slices.ContainsFunc(t.pages, func(p *page) bool { return p.request.Exact && !p.here() }) {
		p.wait.until = l.now.Add(tickInterval)
		return false, false
	}
	return true, true
}

// emitPages sends the pages on their way that the stream has passed the high mark of.
func (l *loop) emitPages() {
	if len(l.pages) == 0 || l.inTransaction || l.held != nil || l.stopping || l.swapping != nil || l.position.File == "" {
		return
	}
	for _, p := range slices.Clone(l.pages) {
		if l.err != nil {
			return
		}
		if p.dropped || !p.here() || p.comparison != nil || !l.position.Reached(p.high) || !p.isNext() {
			continue
		}
		l.emitPage(p)
	}
}

// isNext tells that no page of the same span is before it.
func (p *page) isNext() bool {
	for _, one := range p.pass.table.pages {
		if one.span == p.span && p.span != nil {
			return one == p
		}
	}
	return true
}

func (l *loop) emitPage(p *page) {
	t := p.pass.table
	switch {
	case t.unsaved && l.isExact() && !l.sabotage.loadBeforeJoinIsSaved:
		// A checkpoint has to know the table before the first epoch with rows of it.
	case p.failed != nil:
		l.looksOther(t, p.failed)
	case p.span != nil && p.span.ended && p.rows.Len() == 0:
		l.removePage(p)
		l.spanDone(p.pass, p.span)
	case !l.evolve(t, p.request.Table):
		// The target is being made ready for the rows.
	case p.dropped: // with the table, which has stopped
	case p.pass.check != nil:
		l.beginComparison(p)
	default:
		l.copyPage(p)
	}
}

// copyPage sends the rows that the stream has not delivered.
func (l *loop) copyPage(p *page) {
	t := p.pass.table
	for i := range p.rows.Len() {
		if !p.gone[i] && t.layout.keeps(p.rows, i) {
			l.add(t, Upsert, p.rows, i)
			l.counts.Copied++
		}
	}
	t.copy.Rows += uint64(p.rows.Len())
	p.span.after = keyOf(p.rows, p.rows.Len()-1, p.request.Table.Key)
	l.removePage(p)
	if p.last && slices.Contains(p.pass.spans, p.span) {
		l.spanDone(p.pass, p.span)
	} else {
		l.passMoved(p.pass)
	}
	crashpoint.Here("page-emitted")
}

func (l *loop) spanDone(p *pass, s *span) {
	p.done(s)
	switch {
	case p.check == nil && len(p.spans) == 0:
		l.copyDone(p.table)
	default:
		l.passMoved(p)
	}
}

func (l *loop) copyDone(t *table) {
	l.endCopy(t)
	l.refreshResume()
	l.notify(Info, t.route.Source, fmt.Sprintf("copied: %d rows", t.copy.Rows))
	crashpoint.Here("copy-done")
}

// endCopy says that nothing of the table is left to be copied.
func (l *loop) endCopy(t *table) {
	t.copy.Done, t.copy.Spans, t.copy.Wipe = true, nil, false
	if t.copying != nil {
		l.endPass(t.copying)
		t.copying = nil
	}
	l.stateMoved(t)
}

// refreshResume lets a mark at the resume point know what was emitted there, soon. While many
// tables are copied one after the other, each of their pages is not worth a mark.
func (l *loop) refreshResume() {
	if !l.atResume {
		return
	}
	l.resume.states = l.tableStates()
	if len(l.passes) < manyTables {
		l.markedAt = l.now.Add(-markInterval)
	}
}
