package emulator

import (
	"cmp"
	"container/heap"
	"slices"
)

// outRow is a row of the answer with its sort keys.
type outRow struct {
	cells []value
	keys  []value
	place uint64 // in storage order
	seen  int    // how many rows came before
}

func (q *query) run() (*resultSet, error) {
	var rows []outRow
	var err error
	if q.grouped() {
		rows, err = q.runGrouped()
	} else {
		rows, err = q.runPlain()
	}
	if err != nil {
		return nil, err
	}
	if q.st.distinct {
		rows = distinctRows(rows)
	}
	rows = rows[min(q.st.offset, len(rows)):]
	if q.st.limit >= 0 {
		rows = rows[:min(q.st.limit, len(rows))]
	}
	rs := &resultSet{columns: q.columns, rows: make([][]value, len(rows))}
	for i, r := range rows {
		rs.rows[i] = r.cells
	}
	return rs, nil
}

// compareRows orders rows as asked, and rows that are equal so by their place in storage.
func (q *query) compareRows(a, b outRow) int {
	if order := compareKeys(q.orderBy, a.keys, b.keys); order != 0 {
		return order
	}
	if a.place != b.place {
		return cmp.Compare(a.place, b.place)
	}
	return cmp.Compare(a.seen, b.seen)
}

func compareKeys(orderBy []orderItem, a, b []value) int {
	for i, o := range orderBy {
		x, y := a[i], b[i]
		if (x.kind == vNull) != (y.kind == vNull) {
			if (x.kind == vNull) == o.nullsFirst {
				return -1
			}
			return 1
		}
		order, known := compareValues(x, y)
		if !known || order == 0 {
			continue
		}
		if o.desc {
			return -order
		}
		return order
	}
	return 0
}

func distinctRows(rows []outRow) []outRow {
	seen := map[string]bool{}
	return slices.DeleteFunc(rows, func(r outRow) bool {
		k := rowKey(r.cells)
		if seen[k] {
			return true
		}
		seen[k] = true
		return false
	})
}

// rowKey spells values so that equal rows have equal keys.
func rowKey(cells []value) string { return string(appendKeyCells(nil, cells)) }

func appendKeyCells(b []byte, cells []value) []byte {
	for _, v := range cells {
		b = appendCell(b, []byte(v.text()), v.kind == vNull)
	}
	return b
}

// selected reads the rows that pass WHERE; the scope holds each in turn.
func (q *query) selected(yield func() error) error {
	scan := q.rel.scan
	if len(q.outerRefs) > 0 {
		scan = q.correlatedScan
	}
	return scan(func(cells []value) error {
		q.scope.cells = cells
		if q.st.where != nil {
			v, err := q.st.where.eval(q.scope)
			if err != nil {
				return err
			}
			if is, known := v.truth(); !is || !known {
				return nil
			}
		}
		return yield()
	})
}

// output evaluates the select list and the sort keys for the scope as it stands.
func (q *query) output() (outRow, error) {
	row := outRow{cells: make([]value, len(q.items)), place: q.rel.place}
	for i, item := range q.items {
		v, err := item.x.eval(q.scope)
		if err != nil {
			return row, err
		}
		if _, plain := item.x.(*columnRef); !plain {
			v = conform(q.columns[i].typ, v)
		}
		row.cells[i] = v
	}
	for _, o := range q.orderBy {
		v, err := o.x.eval(q.scope)
		if err != nil {
			return row, err
		}
		row.keys = append(row.keys, v)
	}
	return row, nil
}

// errEnough stops a scan that has found all it needs.
var errEnough = newSQLError(0, "", "enough rows")

func (q *query) runPlain() ([]outRow, error) {
	enough := -1
	switch {
	case q.findOneRow:
		enough = 1
	case q.st.limit >= 0 && !q.st.distinct:
		enough = q.st.limit + q.st.offset
	}
	keep := &topRows{q: q, limit: enough}
	if q.st.where != nil || len(q.orderBy) > 0 {
		// Few of many rows: it is cheaper to put what passes in order than everything.
		q.rel.setOrder(anyOrder)
	} else if enough >= 0 || q.findOneRow {
		keep.asTheyCome = true
	}
	keep.asTheyCome = keep.asTheyCome || q.findOneRow
	if q.rel.join != nil && len(q.orderBy) == 0 {
		q.rel.setOrder(storageOrder) // the answer has no other order
	}
	if q.rel.access = q.accessByKey(enough); q.rel.access != nil && q.rel.access.walk {
		keep.asTheyCome = true
	}
	err := q.selected(func() error {
		if keep.full() {
			return errEnough
		}
		row, err := q.output()
		if err == nil {
			keep.add(row)
		}
		return err
	})
	if err == errEnough {
		err = nil
	}
	return keep.sorted(), err
}

// topRows keeps the first rows in the order of the query, all when limit is negative. It
// is a heap whose top is the last of those kept.
type topRows struct {
	q          *query
	limit      int
	asTheyCome bool // the first that come are as good as any
	rows       []outRow
	seen       int
}

func (t *topRows) full() bool {
	return t.limit == 0 || t.asTheyCome && t.limit > 0 && len(t.rows) >= t.limit
}

func (t *topRows) Len() int           { return len(t.rows) }
func (t *topRows) Less(i, j int) bool { return t.q.compareRows(t.rows[i], t.rows[j]) > 0 }
func (t *topRows) Swap(i, j int)      { t.rows[i], t.rows[j] = t.rows[j], t.rows[i] }
func (t *topRows) Push(x any)         { t.rows = append(t.rows, x.(outRow)) }
func (t *topRows) Pop() any           { return nil } // rows are only replaced

func (t *topRows) add(row outRow) {
	t.seen++
	row.seen = t.seen
	switch {
	case t.limit < 0 || t.asTheyCome:
		t.rows = append(t.rows, row)
	case len(t.rows) < t.limit:
		heap.Push(t, row)
	case t.q.compareRows(row, t.rows[0]) < 0:
		t.rows[0] = row
		heap.Fix(t, 0)
	}
}

func (t *topRows) sorted() []outRow {
	if !t.asTheyCome && (len(t.q.orderBy) > 0 || t.q.rel.order == anyOrder) {
		slices.SortFunc(t.rows, t.q.compareRows)
	}
	return t.rows
}

type group struct {
	first  []value // cells of the first row, for the grouped columns
	states []aggregate
	place  uint64 // the first of its rows
}

func (q *query) runGrouped() ([]outRow, error) {
	if rows, ok := q.countOnly(); ok {
		return rows, nil
	}
	// Groups are put in the order of their first rows in storage, which is cheaper than
	// putting the rows in order. The rows of a join have no place there.
	if len(q.st.groupBy) == 0 || q.rel.join == nil {
		q.rel.setOrder(anyOrder)
	}
	groups := map[string]*group{}
	var order []*group
	keys := make([]value, len(q.st.groupBy))
	var key []byte
	err := q.selected(func() error {
		for i, g := range q.st.groupBy {
			v, err := g.eval(q.scope)
			if err != nil {
				return err
			}
			keys[i] = v
		}
		key = appendKeyCells(key[:0], keys)
		g := groups[string(key)]
		if g == nil {
			g = &group{first: slices.Clone(q.scope.cells), states: make([]aggregate, len(q.aggs)), place: q.rel.place}
			groups[string(key)] = g
			order = append(order, g)
		}
		g.place = min(g.place, q.rel.place)
		for i, a := range q.aggs {
			if err := g.states[i].accumulate(a, q.scope); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(order) == 0 && len(q.st.groupBy) == 0 {
		order = []*group{{first: make([]value, len(q.rel.columns)), states: make([]aggregate, len(q.aggs))}}
	}
	return q.finishGroups(order)
}

// finishGroups makes a row of each group that passes HAVING.
func (q *query) finishGroups(order []*group) ([]outRow, error) {
	var rows []outRow
	for _, g := range order {
		q.scope.cells = g.first
		q.scope.aggs = make([]value, len(q.aggs))
		for i, a := range q.aggs {
			v, err := g.states[i].result(a, q.scope)
			if err != nil {
				return nil, err
			}
			q.scope.aggs[i] = v
		}
		if q.st.having != nil {
			v, err := q.st.having.eval(q.scope)
			if err != nil {
				return nil, err
			}
			if is, known := v.truth(); !is || !known {
				continue
			}
		}
		row, err := q.output()
		if err != nil {
			return nil, err
		}
		row.place, row.seen = g.place, len(rows)
		rows = append(rows, row)
	}
	slices.SortFunc(rows, q.compareRows)
	return rows, nil
}

// countOnly answers SELECT count(*) FROM t from the size of the store.
func (q *query) countOnly() ([]outRow, bool) {
	if len(q.items) != 1 || q.st.where != nil || len(q.st.groupBy) > 0 || q.st.having != nil || q.rel.size < 0 || len(q.aggs) != 1 {
		return nil, false
	}
	if c, ok := q.items[0].x.(*callExpr); !ok || !c.star || len(q.orderBy) > 0 {
		return nil, false
	}
	return []outRow{{cells: []value{intValue(int64(q.rel.size))}}}, true
}
