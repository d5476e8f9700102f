package mysql

import (
	"context"
	"fmt"

	"github.com/go-mysql-org/go-mysql/replication"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/mysql/cells"
)

// decoder decodes the rows of one table id with one version.
type decoder struct {
	table *change.Table
	cells *cells.Decoder
}

func (r *reader) tableMap(e *replication.TableMapEvent) error {
	m := r.maps[e.TableID]
	if m != nil && m.database == string(e.Schema) && m.table == string(e.Table) {
		m.event = e
		return nil
	}
	m = &mapped{database: string(e.Schema), table: string(e.Table), event: e}
	m.tracked = r.tracker.find(m.database, m.table)
	r.maps[e.TableID] = m
	return nil
}

func (r *reader) rows(ctx context.Context, kind replication.EventType, e *replication.RowsEvent) error {
	body := r.dump.bodies[e]
	if body == nil {
		return nil // the end of a statement without rows
	}
	m := r.maps[e.TableID]
	if m == nil {
		return &diag.Problem{Code: codeDecode, Class: diag.Refused,
			Message: fmt.Sprintf("rows in the log of MySQL %s at %s belong to no table", r.source.address(), r.at), Fix: "report it."}
	}
	if m.tracked == nil {
		return nil
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
	table := m.tracked.table
	what, rows, err := m.decode(kind, body)
	if err != nil {
		return r.giveUp(ctx, m.tracked, r.here(table.Name, err))
	}
	if rows.Len() == 0 {
		return nil
	}
	event := change.Event{Kind: what, Table: table, Rows: rows}
	if r.group.xa != nil {
		return r.hold(event)
	}
	r.group.deliver(table.Name)
	r.group.undo.add(event)
	return r.put(ctx, event)
}

// decode reads the rows of an event with the version of the table in force.
func (m *mapped) decode(kind replication.EventType, body []byte) (what change.Kind, rows *change.Rows, err error) {
	table := m.tracked.table
	if m.decoder == nil || m.decoder.table != table {
		d, err := cells.NewDecoder(table, m.event)
		if err != nil {
			return 0, nil, err
		}
		m.decoder = &decoder{table: table, cells: d}
	}
	rows = change.NewRows(len(table.Columns))
	what, err = m.decoder.cells.Decode(kind, body, rows)
	return what, rows, err
}
