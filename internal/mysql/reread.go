package mysql

import (
	"context"
	"slices"

	"starferry/internal/change"
	"starferry/internal/mysql/binlog"
	"starferry/internal/mysql/cells"
)

// Invariant: an event with rows is known by its number in its group, from 1 on, which is the
// same every time the log is read; how rows are put together for the way is not.

// takeBackFromLog takes back what the group handed on behind an event, however much it is: as
// much of its end as may be kept is read again, then as much before that. What a ROLLBACK TO
// took back is among it, and that changes nothing: the last word on every key is what it was
// before the first event with it.
func (r *reader) takeBackFromLog(ctx context.Context, behind int) error {
	for until := r.group.undo.read; until > behind; {
		p := &part{behind: behind, until: until, most: r.group.undo.most}
		if err := r.reread(ctx, p); err != nil {
			return err
		}
		for _, h := range slices.Backward(p.events) {
			if err := r.put(ctx, opposite(h.handed)); err != nil {
				return err
			}
		}
		until = p.left
	}
	return nil
}

// part is what of a group is read again: of its events behind one up to another the last, as
// much as may be kept.
type part struct {
	behind, until int
	read          int // the number of the last event that was read
	events        []numbered
	bytes, most   int
	left          int // the number of the last event that the next part has to have
}

type numbered struct {
	handed
	number int
}

// reread reads a part of the group at hand from the log, on a connection of its own.
func (r *reader) reread(ctx context.Context, p *part) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // closes the connection
	from := r.group.undo.before(p.until)
	d, err := r.source.lookInto(ctx, from.at)
	if err != nil {
		return err
	}
	d.parser.RowsUnread = false
	again := &reader{source: r.source, tracker: r.tracker, at: from.at, maps: map[uint64]*mapped{}}
	for id, m := range r.maps { // the maps may lie before
		again.maps[id] = &mapped{database: m.database, table: m.table, told: m.told, tracked: m.tracked}
	}
	defer again.packed.Close()
	p.read, p.left = from.read, max(from.read, p.behind)
	for p.read < p.until {
		e, err := d.next()
		if err == nil {
			err = again.addTo(p, e)
		}
		if err != nil {
			return r.source.dumpProblem(err, from.at)
		}
	}
	return nil
}

// addTo adds the rows of an event, or of all in it, to a part.
func (r *reader) addTo(p *part, e *binlog.Event) error {
	switch {
	case e.Kind == binlog.KindPayload:
		return r.unpack(e, func(inner *binlog.Event, _ bool) error { return r.addTo(p, inner) })
	case e.Kind == binlog.KindTableMap:
		return r.tableMap(e)
	case !e.Kind.HasRows() || p.read == p.until:
		return nil
	}
	p.read++
	if e.EndsWithoutRows() {
		return nil
	}
	m, err := r.mapOf(e)
	if err != nil || m == nil || p.read <= p.behind || m.tracked.state != following {
		return err
	}
	if err := m.prepare(r.source.server.Flavor == MariaDB); err != nil {
		return err
	}
	rows := change.NewRows(len(m.decoder.table.Columns))
	if err := m.decoder.cells.Decode(e.Kind, e.Body, rows); err != nil {
		return &parseError{err}
	}
	if rows.Len() > 0 {
		p.add(handed{kind: cells.KindOf(e.Kind), table: m.decoder.table, rows: rows})
	}
	return nil
}

func (p *part) add(h handed) {
	p.events = append(p.events, numbered{h, p.read})
	p.bytes += eventCost + h.rows.Bytes()
	for p.bytes > p.most && len(p.events) > 1 {
		p.bytes -= eventCost + p.events[0].rows.Bytes()
		p.left = p.events[0].number
		p.events[0] = numbered{}
		p.events = p.events[1:]
	}
}
