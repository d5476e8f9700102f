package mysql

import (
	"bytes"
	"context"
	"fmt"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/mysql/binlog"
	"starferry/internal/mysql/cells"
)

// mapped is a table id of the log.
type mapped struct {
	database, table string
	told            []byte   // its table map
	tracked         *tracked // nil when nobody follows the table
	decoder         *decoder
}

// decoder decodes the rows of one table id with one version.
type decoder struct {
	table *change.Table
	cells *cells.Decoder
}

// tableMap notes which table an id is. What every transaction says again costs a compare.
func (r *reader) tableMap(e *binlog.Event) error {
	id, err := e.TableID()
	if err != nil {
		return &parseError{err}
	}
	if m := r.maps[id]; m != nil && bytes.Equal(m.told, e.Body) {
		return nil
	}
	database, table, err := binlog.MapsTable(e.Body)
	if err != nil {
		return &parseError{err}
	}
	m := &mapped{database: string(database), table: string(table), told: bytes.Clone(e.Body)}
	m.tracked = r.tracker.find(m.database, m.table)
	r.maps[id] = m
	return nil
}

// mapOf is the table of an event with rows; nil when nobody follows it.
func (r *reader) mapOf(e *binlog.Event) (*mapped, error) {
	id, err := e.TableID()
	if err != nil {
		return nil, &parseError{err}
	}
	m := r.maps[id]
	if m == nil {
		return nil, &diag.Problem{Code: codeDecode, Class: diag.Refused,
			Message: fmt.Sprintf("rows in the log of MySQL %s at %s belong to no table", r.source.address(), r.at), Fix: "report it."}
	}
	if m.tracked == nil {
		return nil, nil
	}
	return m, nil
}

// rows hands on the rows of an event. Those of a table that nobody follows are not looked
// at.
func (r *reader) rows(ctx context.Context, e *binlog.Event) error {
	r.group.undo.read++
	r.group.undo.passed(r.at)
	if e.EndsWithoutRows() {
		return nil
	}
	m, err := r.mapOf(e)
	if err != nil || m == nil {
		return err
	}
	if r.group.old && r.group.xa == nil {
		return nil
	}
	switch m.tracked.state {
	case joining:
		if r.group.xa != nil {
			r.group.xa.early = append(r.group.xa.early, m.tracked)
		}
		return nil
	case arriving, lost:
		return nil
	case absent:
		return r.giveUp(ctx, m.tracked, &diag.Problem{Code: codeUnknownSchema, Class: diag.Refused,
			Message: fmt.Sprintf("the log has rows of table %s at %s, and no statement before created it: that is not in the log (sql_log_bin=0)", m.tracked.name, r.at)})
	}
	return r.decode(ctx, m, e)
}

// rowsMax is how much of consecutive rows events of one table becomes one event, be they of
// one transaction or of several.
const rowsMax = batchBytes / 2

// decode hands on, or holds, the rows of an event of a followed table.
func (r *reader) decode(ctx context.Context, m *mapped, e *binlog.Event) error {
	table := m.tracked.table
	if err := m.prepare(r.source.server.Flavor == MariaDB); err != nil {
		return r.giveUp(ctx, m.tracked, r.here(table.Name, err))
	}
	what := cells.KindOf(e.Kind)
	if r.group.xa != nil {
		rows := change.NewRows(len(table.Columns))
		if err := m.decoder.cells.Decode(e.Kind, e.Body, rows); err != nil {
			return r.giveUp(ctx, m.tracked, r.here(table.Name, err))
		}
		if rows.Len() == 0 {
			return nil
		}
		return r.hold(change.Event{Kind: what, Table: table, Rows: rows})
	}
	if last := r.goesWith(what, table); last != nil {
		return r.decodeInto(ctx, m, e, last)
	}
	rows := change.BorrowRows(len(table.Columns))
	err := m.decoder.cells.Decode(e.Kind, e.Body, rows)
	if err != nil || rows.Len() == 0 {
		rows.Release()
		if err != nil {
			err = r.giveUp(ctx, m.tracked, r.here(table.Name, err))
		}
		return err
	}
	event := change.Event{Kind: what, Table: table, Rows: rows, Position: r.at, Time: r.time}
	r.group.deliver(table.Name)
	r.group.undo.add(&event, 0, rows.Bytes())
	r.group.rows, r.rowsPut = rows, rows
	r.queue.goOn()
	return r.queue.put(ctx, &event)
}

// Invariant: transactions that follow each other go to the loop as one where nothing needs
// the place between them: where the Commit between them is not Resumable, is not handed
// over yet, and rows come next. Rows of the same kind and table go into the same event even
// then, so that transactions of one row cost the queue and the loop an event for hundreds.
// A Resumable Commit stays: a page is registered there, a mark is made there, an epoch ends
// there. So does everything else that is told between two transactions.

// goesWith is the event that rows of the group at hand go into; nil when they need one.
func (r *reader) goesWith(what change.Kind, table *change.Table) *change.Event {
	last := r.queue.lastRows()
	if last == nil || last.Kind != what || last.Table != table || last.Rows.Bytes() >= rowsMax {
		return nil
	}
	of := r.group.rows // not those before a savepoint: a ROLLBACK may take back what follows
	if r.queue.behindCommit() {
		of = r.rowsPut // not those that an XA transaction had held
	}
	if last.Rows != of {
		return nil
	}
	return last
}

// decodeInto adds the rows of an event to one that was put before.
func (r *reader) decodeInto(ctx context.Context, m *mapped, e *binlog.Event, last *change.Event) error {
	first, before := last.Rows.Len(), last.Rows.Bytes()
	if err := m.decoder.cells.Decode(e.Kind, e.Body, last.Rows); err != nil {
		return r.giveUp(ctx, m.tracked, r.here(last.Table.Name, err))
	}
	if last.Rows.Len() == first {
		return nil
	}
	more := last.Rows.Bytes() - before
	if r.queue.behindCommit() {
		r.queue.goOn()
		r.group.deliver(last.Table.Name)
		r.group.undo.add(last, first, more)
		r.group.rows = last.Rows
	} else {
		r.group.undo.grown(more)
	}
	last.Position, last.Time = r.at, r.time
	return r.queue.grown(ctx, more)
}

// prepare makes the decoder for the version of the table in force.
func (m *mapped) prepare(mariaDB bool) error {
	table := m.tracked.table
	if m.decoder != nil && m.decoder.table == table {
		return nil
	}
	told, err := binlog.ReadTableMap(m.told, mariaDB)
	if err != nil {
		return cells.BrokenMap(table, err)
	}
	d, err := cells.NewDecoder(table, told)
	if err != nil {
		return err
	}
	m.decoder = &decoder{table: table, cells: d}
	return nil
}
