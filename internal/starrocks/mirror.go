package starrocks

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"starferry/internal/change"
	"starferry/internal/ferry"
)

// Invariant: what is read holds every load that was visible before the call. A load is
// visible at the leader first, and a frontend that follows it may lag, so every read
// begins with SYNC on its own connection: that waits until this frontend has seen all
// the leader had. (Asking the leader alone was the other way; only administrators may
// ask who that is.)
//
// Keys are found one by one, never by ranges of the source: the two sides order text
// differently. Only ReadKeys walks along the order, StarRocks' own.

// reading is a layout ready for queries.
type reading struct {
	target change.Name
	source *change.Table
	// columns are the indexes into layout.Columns that are filled from the source.
	columns []int
	// key holds the indexes into source.Key, in the order of the target's key, which is
	// what its rows are sorted by.
	key    []int
	layout *ferry.Layout
	// computed are columns whose values StarRocks itself holds against what they are computed
	// from; ReadRows gives what it finds behind the cells of the source's columns.
	computed []computedColumn
	// part is a condition that all rows read meet, "" for none: those of one shard.
	part string
}

func newReading(target change.Name, layout *ferry.Layout, computed []computedColumn) (*reading, error) {
	r := &reading{target: target, source: layout.Source, layout: layout, computed: computed}
	for i := range layout.Columns {
		from := layout.Columns[i].From
		if constant := layout.Columns[i].Constant; constant != nil {
			if r.part != "" {
				r.part += " AND "
			}
			r.part += quoteName(layout.Columns[i].Name) + " = " + quoteText(string(constant))
		}
		if from < 0 {
			continue
		}
		r.columns = append(r.columns, i)
		for n, k := range layout.Source.Key {
			if k == from && layout.Columns[i].Key {
				r.key = append(r.key, n)
			}
		}
	}
	if len(r.key) == 0 || len(r.key) != len(layout.Source.Key) {
		return nil, fmt.Errorf("the layout of %s does not hold the key of %s", target, layout.Source.Name)
	}
	return r, nil
}

// keyColumn is the source column of part n of the key.
func (r *reading) keyColumn(n int) *change.Column { return &r.source.Columns[r.source.Key[n]] }

// name is the target's name of a source column.
func (r *reading) name(from int) string {
	for _, i := range r.columns {
		if r.layout.Columns[i].From == from {
			return quoteName(r.layout.Columns[i].Name)
		}
	}
	return quoteName(r.source.Columns[from].Name)
}

// ReadRows reads the rows with these keys.
func (c *Client) ReadRows(ctx context.Context, target change.Name, layout *ferry.Layout, keys *change.Rows) (*change.Rows, []int, error) {
	r, err := newReading(target, layout, c.computedOf(target, layout))
	if err != nil {
		return nil, nil, err
	}
	rows := change.NewRows(len(r.source.Columns) + len(r.computed))
	at := make([]int, keys.Len())
	if keys.Len() == 0 {
		return rows, at, nil
	}
	conn, err := c.synced(ctx)
	if err != nil {
		return nil, nil, c.sqlProblem("reading "+target.String(), err)
	}
	defer conn.Close()
	for begin := 0; begin < keys.Len(); {
		query, end := r.rowsQuery(keys, begin)
		if err := r.read(ctx, conn, query, rows); err != nil {
			return nil, nil, c.tableProblem("reading "+target.String(), target, err)
		}
		begin = end
	}
	found := make(map[string]int, rows.Len())
	var scratch []byte
	for i := range rows.Len() {
		scratch = r.appendRowKey(scratch[:0], rows, i, r.source.Key)
		// Of rows that a computed part of the key keeps apart, the wrong one is shown.
		if other, twice := found[string(scratch)]; !twice || r.wrong(rows, other) == 0 {
			found[string(scratch)] = i
		}
	}
	whole := make([]int, len(r.source.Key))
	for n := range whole {
		whole[n] = n
	}
	for i := range at {
		scratch = r.appendRowKey(scratch[:0], keys, i, whole)
		row, ok := found[string(scratch)]
		if !ok {
			row = -1
		}
		at[i] = row
	}
	return rows, at, nil
}

// wrong is the place of the first computed column that is not what it should be, 0 when
// there is none.
func (r *reading) wrong(rows *change.Rows, row int) int {
	for n := len(r.source.Columns); n < rows.Width(); n++ {
		if string(rows.Cell(row, n)) == "0" {
			return n
		}
	}
	return 0
}

// appendRowKey appends the canonical key of a row whose key cells are at these places.
func (r *reading) appendRowKey(dst []byte, rows *change.Rows, row int, at []int) []byte {
	for n, column := range at {
		start := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		dst = appendCanonical(dst, &r.keyColumn(n).Type, rows.Cell(row, column))
		length := len(dst) - start - 4
		dst[start], dst[start+1], dst[start+2], dst[start+3] = byte(length>>24), byte(length>>16), byte(length>>8), byte(length)
	}
	return dst
}

// synced is a connection that sees everything that is visible now.
func (c *Client) synced(ctx context.Context) (*sql.Conn, error) {
	conn, err := c.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, "SYNC"); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// read appends the answer to a query for all columns of the layout.
func (r *reading) read(ctx context.Context, conn *sql.Conn, query string, into *change.Rows) error {
	answer, err := conn.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer answer.Close()
	cells := make([]sql.RawBytes, len(r.columns)+len(r.computed))
	targets := make([]any, len(cells))
	// place is where the cell of a source column is in the answer, -1 for nowhere.
	place := make([]int, len(r.source.Columns))
	for i := range place {
		place[i] = -1
	}
	for n, i := range r.columns {
		place[r.layout.Columns[i].From] = n
	}
	for n := range cells {
		targets[n] = &cells[n]
	}
	for answer.Next() {
		if err := answer.Scan(targets...); err != nil {
			return err
		}
		for from, n := range place {
			if n < 0 || cells[n] == nil {
				into.AddNull()
				continue
			}
			into.AddCell(appendSourceText(into.Buffer(), &r.source.Columns[from].Type, r.layout.Columns[r.columns[n]].Key, cells[n]))
		}
		for _, cell := range cells[len(r.columns):] {
			into.AddBytes(cell)
		}
	}
	return answer.Err()
}

// ReadKeys reads the keys behind after, in the order of the target's key.
func (c *Client) ReadKeys(ctx context.Context, target change.Name, layout *ferry.Layout, after *change.Rows, limit int) (*change.Rows, error) {
	r, err := newReading(target, layout, c.computedOf(target, layout))
	if err != nil {
		return nil, err
	}
	conn, err := c.synced(ctx)
	if err != nil {
		return nil, c.sqlProblem("reading the keys of "+target.String(), err)
	}
	defer conn.Close()
	keys := change.NewRows(len(r.source.Key))
	if err := r.readKeys(ctx, conn, r.keysQuery(after, limit), keys); err != nil {
		return nil, c.tableProblem("reading the keys of "+target.String(), target, err)
	}
	return keys, nil
}

func (r *reading) readKeys(ctx context.Context, conn *sql.Conn, query string, into *change.Rows) error {
	answer, err := conn.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer answer.Close()
	cells := make([]sql.RawBytes, len(r.source.Key))
	targets := make([]any, len(cells))
	for n := range cells {
		targets[n] = &cells[n]
	}
	for answer.Next() {
		if err := answer.Scan(targets...); err != nil {
			return err
		}
		for n, cell := range cells {
			into.AddCell(appendSourceText(into.Buffer(), &r.keyColumn(n).Type, true, cell))
		}
	}
	return answer.Err()
}

// Differs returns the first column of the source whose value is another in the target's
// row, or -1. The JSON document null is NULL at the target: it has no other form there.
func (c *Client) Differs(layout *ferry.Layout, source *change.Rows, i int, target *change.Rows, j int) int {
	first := -1
	for n := range layout.Columns {
		from := layout.Columns[n].From
		if from < 0 || first >= 0 && from > first {
			continue
		}
		t := &layout.Source.Columns[from].Type
		mine, theirs := source.Null(i, from), target.Null(j, from)
		same := mine && theirs
		switch {
		case !mine && !theirs:
			same = sameValue(t, source.Cell(i, from), target.Cell(j, from))
		case !mine && theirs && t.Base == change.JSON:
			same = strings.TrimSpace(string(source.Cell(i, from))) == "null"
		}
		if !same {
			first = from
		}
	}
	for n := len(layout.Source.Columns); first < 0 && n < target.Width(); n++ {
		if !target.Null(j, n) && string(target.Cell(j, n)) == "0" {
			first = n
		}
	}
	return first
}
