package emulator

import (
	"cmp"
	"math/big"
	"slices"
	"strings"
)

// outRow is a row of the answer with its sort keys.
type outRow struct {
	cells []value
	keys  []value
	place uint64 // in storage order
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
	if len(q.orderBy) > 0 {
		slices.SortStableFunc(rows, q.compareRows)
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

func (q *query) compareRows(a, b outRow) int {
	for i, o := range q.orderBy {
		x, y := a.keys[i], b.keys[i]
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
func rowKey(cells []value) string {
	var b []byte
	for _, v := range cells {
		b = appendCell(b, []byte(v.text()), v.kind == vNull)
	}
	return string(b)
}

// selected reads the rows that pass WHERE; the scope holds each in turn.
func (q *query) selected(yield func() error) error {
	return q.rel.scan(func(cells []value) error {
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
	var rows []outRow
	enough := -1
	if q.st.limit >= 0 && len(q.orderBy) == 0 && !q.st.distinct {
		enough = q.st.limit + q.st.offset
	}
	if q.st.where != nil {
		// Few of many rows: it is cheaper to put what passes in order than everything.
		q.rel.order, enough = anyOrder, -1
	}
	err := q.selected(func() error {
		if len(rows) == enough {
			return errEnough
		}
		row, err := q.output()
		rows = append(rows, row)
		return err
	})
	if err == errEnough {
		err = nil
	}
	if q.rel.order == anyOrder {
		slices.SortStableFunc(rows, func(a, b outRow) int { return cmp.Compare(a.place, b.place) })
	}
	return rows, err
}

type group struct {
	first  []value // cells of the first row, for the grouped columns
	states []aggregate
}

func (q *query) runGrouped() ([]outRow, error) {
	if rows, ok := q.countOnly(); ok {
		return rows, nil
	}
	if len(q.st.groupBy) == 0 {
		q.rel.order = anyOrder
	}
	groups := map[string]*group{}
	var order []*group
	keys := make([]value, len(q.st.groupBy))
	err := q.selected(func() error {
		for i, g := range q.st.groupBy {
			v, err := g.eval(q.scope)
			if err != nil {
				return err
			}
			keys[i] = v
		}
		k := rowKey(keys)
		g := groups[k]
		if g == nil {
			g = &group{first: slices.Clone(q.scope.cells), states: make([]aggregate, len(q.aggs))}
			groups[k] = g
			order = append(order, g)
		}
		return q.accumulate(g)
	})
	if err != nil {
		return nil, err
	}
	if len(order) == 0 && len(q.st.groupBy) == 0 {
		order = []*group{{first: make([]value, len(q.rel.columns)), states: make([]aggregate, len(q.aggs))}}
	}
	var rows []outRow
	for _, g := range order {
		q.scope.cells = g.first
		q.scope.aggs = make([]value, len(q.aggs))
		for i, a := range q.aggs {
			q.scope.aggs[i] = g.states[i].result(a)
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
		rows = append(rows, row)
	}
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

func (q *query) accumulate(g *group) error {
	for i, a := range q.aggs {
		if a.star {
			g.states[i].count++
			continue
		}
		v, err := a.args[0].eval(q.scope)
		if err != nil {
			return err
		}
		if v.kind != vNull {
			g.states[i].add(a, v)
		}
	}
	return nil
}

// aggregate is the running state of one aggregate in one group.
type aggregate struct {
	count    int64
	sum      value
	best     value
	distinct map[string]bool
}

func (s *aggregate) add(a *callExpr, v value) {
	if a.distinct {
		if s.distinct == nil {
			s.distinct = map[string]bool{}
		}
		if s.distinct[v.text()] {
			return
		}
		s.distinct[strings.Clone(v.text())] = true
	}
	s.count++
	switch a.name {
	case "SUM", "AVG":
		if !v.isNumber() {
			f, _ := v.float()
			v = floatValue(f)
		}
		if s.count == 1 {
			s.sum = v
			return
		}
		s.sum = arithmetic("+", s.sum, v)
	case "MIN", "MAX":
		order, _ := compareValues(v, s.best)
		if s.best.kind == vNull || a.name == "MIN" && order < 0 || a.name == "MAX" && order > 0 {
			s.best = v
		}
	}
}

func (s *aggregate) result(a *callExpr) value {
	switch {
	case a.name == "COUNT":
		return intValue(s.count)
	case s.count == 0:
		return null
	case a.name == "SUM":
		if s.sum.kind == vBool {
			return intValue(s.sum.i)
		}
		return s.sum
	case a.name == "AVG":
		return averageOf(s.sum, s.count)
	}
	return s.best
}

func averageOf(sum value, n int64) value {
	if sum.kind == vDecimal {
		f, _ := new(big.Rat).SetFrac(sum.n, powerOfTen(sum.scale)).Float64()
		return floatValue(f / float64(n))
	}
	return floatArithmetic("/", sum, intValue(n))
}
