package mysql

import (
	"context"
	"slices"

	"starferry/internal/change"
	"starferry/internal/mysql/binlog"
	"starferry/internal/mysql/cells"
)

// Invariant: an event with rows is known by its number in its group, which is the same
// every time the log is read; how rows are put together for the way is not.

// takeBackFromLog takes back what the group handed on behind its event number first, however
// much it is: the group is read again for as much of its end as may be kept, then for as
// much as that before it.
func (r *reader) takeBackFromLog(ctx context.Context, first int) error {
	for until := r.group.undo.read; until > first; {
		part := &part{first: first, until: until, most: r.group.undo.most}
		err := r.reread(ctx, part)
		if err != nil {
			return err
		}
		for _, h := range slices.Backward(part.events) {
			if err := r.put(ctx, opposite(h.handed)); err != nil {
				return err
			}
		}
		until = part.from()
	}
	return nil
}

// part is what of a group is read again: the last of its events behind number first up to
// number until, as much as may be kept.
type part struct {
	first, until int
	read         int // events with rows
	events       []numbered
	bytes, most  int
}

type numbered struct {
	handed
	number int
}

// from is the number before the first event that is kept.
func (p *part) from() int {
	if len(p.events) == 0 {
		return p.first
	}
	return p.events[0].number - 1
}

func (p *part) add(h handed) {
	p.events = append(p.events, numbered{h, p.read})
	p.bytes += eventCost + h.rows.Bytes()
	for p.bytes > p.most && len(p.events) > 1 {
		p.bytes -= eventCost + p.events[0].rows.Bytes()
		p.events[0] = numbered{}
		p.events = p.events[1:]
	}
}

// reread reads a part of the group at hand from the log, on a connection of its own.
func (r *reader) reread(ctx context.Context, p *part) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // closes the connection
	d, err := r.source.lookInto(ctx, r.group.begins)
	if err != nil {
		return err
	}
	d.parser.RowsUnread = false
	again := &reader{source: r.source, tracker: r.tracker, maps: map[uint64]*mapped{}}
	defer again.packed.Close()
	for p.read < p.until {
		e, err := d.next()
		if err == nil {
			err = again.addTo(p, e)
		}
		if err != nil {
			return r.source.dumpProblem(err, r.group.begins)
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
	if err != nil || m == nil || p.read <= p.first || m.tracked.state != following {
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
