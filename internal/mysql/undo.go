package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// Invariant: rows are handed on as they are read, for a transaction may be larger
// than any memory; so what a logged ROLLBACK takes back is taken back by handing on
// the opposite, last row first. MariaDB logs one when a transaction also made or
// dropped a temporary table, or went back to a savepoint behind a write to a table
// without transactions; MySQL when statements were logged as text. What is kept for that
// is bounded: rows of a larger one are read again from the log, part by part from its end.
//
// Rejected: holding every transaction back until its end is known (memory, or a file,
// for all of them, for the sake of a few).

// undo is what was handed on of the group at hand.
type undo struct {
	events     []handed
	bytes      int
	most       int // bytes that are kept
	tooLarge   bool
	read       int         // events with rows in the log, of any table, with the one at hand
	places     []waypoint  // where it can be read again from, oldest first
	savepoints []savepoint // oldest first
}

// waypoint is a place in the log inside a group, and the events with rows before it.
type waypoint struct {
	at   change.Position
	read int
}

// handed is an event with rows, without what is not needed to take it back.
type handed struct {
	kind  change.Kind
	table *change.Table
	rows  *change.Rows // held
	first int          // the rows before it are of other groups
}

type savepoint struct {
	name string
	at   int // events before it
	read int // and in the log
}

// add keeps an event from its row number first on, with so many bytes, and holds its rows.
func (u *undo) add(e *change.Event, first, bytes int) {
	if u.tooLarge {
		return
	}
	e.HoldRows()
	u.events = append(u.events, handed{e.Kind, e.Table, e.Rows, first})
	u.grown(eventCost + bytes)
}

// grown counts bytes that the last event has more.
func (u *undo) grown(n int) {
	if u.bytes += n; u.bytes > u.most && !u.tooLarge {
		u.keep(0)
		u.bytes, u.tooLarge = 0, true
	}
}

// keep forgets the events from number at on.
func (u *undo) keep(at int) {
	for i := range u.events[at:] {
		u.events[at+i].rows.Release()
	}
	clear(u.events[at:])
	u.events = u.events[:at]
}

// clear forgets everything but its memory.
func (u *undo) clear() {
	u.keep(0)
	if cap(u.events) > 1024 {
		u.events = nil
	}
	*u = undo{events: u.events, most: u.most, places: u.places[:0], savepoints: u.savepoints[:0]}
}

// passed notes where a group begins, and now and then in one that is too large: a place that
// a log can be asked for.
func (u *undo) passed(at change.Position) {
	begins := u.read == 0
	if at.Offset <= math.MaxUint32 && (begins || u.tooLarge && len(u.places) > 0 && at.Offset-u.places[len(u.places)-1].at.Offset >= uint64(u.most)) {
		u.places = append(u.places, waypoint{at, u.read})
	}
}

// before is a place a while before an event with rows.
func (u *undo) before(event int) waypoint {
	i := len(u.places) - 1
	for i > 0 && u.places[i].read >= event {
		i--
	}
	return u.places[max(i-1, 0)]
}

func (u *undo) savepoint(rest string) {
	u.savepoints = append(u.savepoints, savepoint{savepointName(rest), len(u.events), u.read})
}

// to is a savepoint, which stays; later ones are gone.
func (u *undo) to(name string) (to savepoint, found bool) {
	for i := len(u.savepoints) - 1; i >= 0; i-- {
		if u.savepoints[i].name == name {
			u.savepoints = u.savepoints[:i+1]
			return u.savepoints[i], true
		}
	}
	return to, false
}

// savepointName is the name in a statement of the server's own making, folded as
// savepoints are compared.
func savepointName(rest string) string {
	return strings.ToLower(strings.Trim(strings.TrimRight(strings.TrimSpace(rest), "; "), "`"))
}

// rollback takes back what the group handed on, wholly or behind a savepoint.
func (r *reader) rollback(ctx context.Context, rest, how string) error {
	word, name := firstWord([]byte(rest))
	if x := r.group.xa; x != nil && !x.rows.empty() {
		for _, table := range x.rows.tables {
			r.group.deliver(table.Name)
		}
		err := r.rolledBack(ctx, how)
		if err != nil || word == "TO" {
			return err
		}
		r.held -= x.rows.bytes
		x.rows.release()
		return r.commit(ctx)
	}
	if len(r.group.delivered) == 0 {
		if word == "TO" {
			return nil
		}
		return r.commit(ctx)
	}
	if word != "TO" {
		if err := r.takeBack(ctx, savepoint{}, how); err != nil {
			return err
		}
		return r.commit(ctx)
	}
	if second, behind := firstWord([]byte(name)); second == "SAVEPOINT" {
		name = behind
	}
	to, found := r.group.undo.to(savepointName(name))
	if !found {
		return r.rolledBack(ctx, how)
	}
	return r.takeBack(ctx, to, how)
}

// takeBack hands on the opposite of the events behind a savepoint, or of all, last first.
func (r *reader) takeBack(ctx context.Context, to savepoint, how string) error {
	u := &r.group.undo
	for _, name := range r.group.delivered {
		if r.tracker.find(name.Database, name.Table) == nil {
			continue // given up
		}
		transactional, err := r.source.transactional(ctx, name)
		if err != nil {
			return err
		}
		if !transactional { // which of its rows stayed is not known
			return r.rolledBack(ctx, how)
		}
	}
	if u.tooLarge && len(u.places) == 0 {
		return r.rolledBack(ctx, how)
	}
	if u.tooLarge {
		return r.takeBackFromLog(ctx, to.read)
	}
	for i := len(u.events) - 1; i >= to.at; i-- {
		if err := r.put(ctx, opposite(u.events[i])); err != nil {
			return err
		}
	}
	u.keep(to.at)
	return nil
}

// abandoned ends a group in the middle of which the server stopped: it came up
// without that transaction.
func (r *reader) abandoned(ctx context.Context) error {
	if x := r.group.xa; x != nil {
		r.held -= x.rows.bytes
		x.rows.release()
	}
	delivered := len(r.group.delivered) > 0
	if delivered {
		if err := r.takeBack(ctx, savepoint{}, "the server stopped in the middle of it"); err != nil {
			return err
		}
	}
	r.group.clear()
	if delivered {
		if err := r.queue.put(ctx, &change.Event{Kind: change.Commit, Position: r.at, Time: r.time}); err != nil {
			return err
		}
	}
	r.unmake()
	return r.tell(ctx)
}

// unmake forgets the tables that CREATE TABLE … SELECT was filling: the server has dropped
// them again.
func (r *reader) unmake() {
	r.happened = slices.DeleteFunc(r.happened, func(h happening) bool {
		if h.event.Kind != change.Joined || h.one.state != arriving {
			return false
		}
		h.one.state, h.one.table = absent, nil
		h.one.version--
		return true
	})
}

// opposite is the event that takes another back.
func opposite(h handed) change.Event {
	rows := change.NewRows(h.rows.Width())
	for i := h.rows.Len() - 1; i >= h.first; i-- {
		for column := range h.rows.Width() {
			if h.rows.Null(i, column) {
				rows.AddNull()
				continue
			}
			rows.AddBytes(h.rows.Cell(i, column))
		}
	}
	kind := map[change.Kind]change.Kind{change.Insert: change.Delete, change.Delete: change.Insert, change.Update: change.Update}[h.kind]
	return change.Event{Kind: kind, Table: h.table, Rows: rows}
}

// transactional tells whether a table's engine can roll back; false when there is no
// such table any more.
func (s *Source) transactional(ctx context.Context, name change.Name) (bool, error) {
	var answer string
	query := "SELECT e.TRANSACTIONS FROM information_schema.TABLES t JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE" +
		" WHERE t.TABLE_SCHEMA = " + literal(name.Database) + " AND t.TABLE_NAME = " + literal(name.Table)
	err := s.db.QueryRowContext(ctx, query).Scan(&answer)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return answer == "YES", s.queryProblem("asking for the engine of "+name.String(), err)
}

// rolledBack gives up the tables of a rollback that cannot be followed.
func (r *reader) rolledBack(ctx context.Context, how string) error {
	for _, name := range r.group.delivered {
		one := r.tracker.find(name.Database, name.Table)
		if one == nil {
			continue
		}
		err := r.giveUp(ctx, one, &diag.Problem{Code: codeRollback, Class: diag.Refused,
			Message: fmt.Sprintf("a transaction in the log of MySQL %s before %s changed %s and was rolled back (%s), which cannot be taken back here: "+
				"it has rows of a table without transactions, or is an XA transaction, or begins behind 4 GiB of its file", r.source.address(), r.at, join(r.group.delivered), how),
			Fix: "avoid transactions that mix tables with and without transactions: ALTER TABLE … ENGINE=InnoDB;"})
		if err != nil {
			return err
		}
	}
	u := &r.group.undo
	u.keep(0)
	u.bytes, u.tooLarge = 0, false
	for i := range u.savepoints {
		u.savepoints[i].at = 0
	}
	return nil
}
