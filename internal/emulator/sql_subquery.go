package emulator

// subqueryExpr is a query inside an expression. Invariant: a query that does not mention
// the rows around it runs once per statement; one that does is asked again for each row,
// but reads its tables once and finds its rows by the equalities with the outer row.
// Rejected: turning correlated queries into joins, which has a case of its own for every
// combination of NULL, NOT and aggregate.
type subqueryExpr struct {
	kind subqueryKind
	x    expr // of x IN (…)
	not  bool
	st   *selectStmt
	q    *query

	answered bool // the fields below hold the answer of a query that runs once
	one      value
	list     *valueList
}

type subqueryKind uint8

const (
	scalarQuery subqueryKind = iota
	existsQuery
	inQuery
)

func (e *subqueryExpr) parts() []expr {
	if e.x == nil {
		return nil
	}
	return []expr{e.x}
}

func (p *parser) subquery(kind subqueryKind, x expr, not bool) expr {
	return &subqueryExpr{kind: kind, x: x, not: not, st: p.parenthesizedQuery()}
}

func (q *query) bindSubquery(e *subqueryExpr) error {
	if e.q != nil {
		return nil
	}
	sub, err := q.session().bindQuery(e.st, q.scope.params, q, q.with)
	if err != nil {
		return err
	}
	if len(sub.columns) != 1 && e.kind == scalarQuery {
		return analysisError("Scalar subquery should output one column")
	}
	if len(sub.columns) != 1 && e.kind == inQuery {
		return analysisError("subquery must return the same number of columns as provided by the IN predicate")
	}
	for _, ref := range sub.outerRefs {
		if ref.depth > 1 {
			further := *ref
			further.depth--
			q.outerRefs = append(q.outerRefs, &further)
		}
	}
	if e.kind == scalarQuery && len(sub.outerRefs) > 0 && sub.st.where != nil {
		for _, c := range conjuncts(sub.st.where, nil) {
			b, ok := c.(*binaryExpr)
			if reach(c) != inside && !(ok && b.op == "=") {
				return notEmulated("a scalar subquery that is correlated by another comparison than =")
			}
		}
	}
	sub.findOneRow = e.kind == existsQuery
	e.q = sub
	return nil
}

// where expressions of a correlated query reach.
type reachKind uint8

const (
	inside  reachKind = iota // its own rows at most
	outside                  // rows around it, and not its own
	both
)

func reach(e expr) reachKind {
	own, outer := false, false
	note := func(depth int) {
		if depth > 0 {
			outer = true
		} else {
			own = true
		}
	}
	err := walk(e, func(x expr) error {
		switch n := x.(type) {
		case *columnRef:
			note(n.depth)
		case *subqueryExpr:
			note(0)
			for _, ref := range n.q.outerRefs {
				note(ref.depth - 1)
			}
		}
		return nil
	})
	switch {
	case err != nil || own && outer:
		return both
	case outer:
		return outside
	}
	return inside
}

func (e *subqueryExpr) eval(r *rowScope) (value, error) {
	if e.q == nil {
		return null, notEmulated("a subquery here")
	}
	if !e.answered || len(e.q.outerRefs) > 0 {
		e.q.scope.outer = r
		rs, err := e.q.run()
		if err != nil {
			return null, err
		}
		if err := e.answer(rs); err != nil {
			return null, err
		}
	}
	if e.kind != inQuery {
		return e.one, nil
	}
	x, err := e.x.eval(r)
	if err != nil {
		return null, err
	}
	found, known := e.list.contains(x)
	if !known {
		return null, nil
	}
	return boolValue(found != e.not), nil
}

func (e *subqueryExpr) answer(rs *resultSet) error {
	e.answered = true
	switch e.kind {
	case existsQuery:
		e.one = boolValue((len(rs.rows) > 0) != e.not)
	case inQuery:
		e.list = newValueList(e, rs)
	default:
		if len(rs.rows) > 1 {
			return ddlError("Expected LE 1 to be returned by expression")
		}
		e.one = null
		if len(rs.rows) == 1 {
			e.one = rs.rows[0][0]
		}
	}
	return nil
}

// valueList is the right side of IN.
type valueList struct {
	empty, hasNull bool
	class          keyClass
	hashed         map[string]bool // nil when bytes cannot decide
	values         []value
	key            []byte
}

func newValueList(e *subqueryExpr, rs *resultSet) *valueList {
	l := &valueList{empty: len(rs.rows) == 0}
	var ok bool
	if l.class, ok = classOf(e.x, e.q.items[0].x); ok && len(e.q.outerRefs) == 0 {
		l.hashed = map[string]bool{}
	}
	for _, row := range rs.rows {
		v := row[0]
		switch {
		case v.kind == vNull:
			l.hasNull = true
		case l.hashed != nil:
			if key, ok := l.class.append(nil, v); ok {
				l.hashed[string(key)] = true
			}
		default:
			l.values = append(l.values, v)
		}
	}
	return l
}

// contains follows three-valued logic: a NULL on either side makes "no" unknown.
func (l *valueList) contains(x value) (found, known bool) {
	switch {
	case l.empty:
		return false, true
	case x.kind == vNull:
		return false, false
	case l.hashed != nil:
		key, ok := l.class.append(l.key[:0], x)
		l.key = key
		found = ok && l.hashed[string(key)]
	default:
		for _, v := range l.values {
			if order, known := compareValues(x, v); known && order == 0 {
				found = true
				break
			}
		}
	}
	return found, found || !l.hasNull
}

// correlation finds the rows of a correlated query that an outer row asks for.
type correlation struct {
	rows    *heldRows
	keys    []joinKey // left: of the outer row, right: of the query's own
	buckets map[string][]int32
	every   []int32
	key     []byte
}

// correlatedScan is the scan of a query that runs once per outer row. A FROM that
// itself depends on the outer row is read anew each time.
func (q *query) correlatedScan(yield func([]value) error) error {
	if q.fromDepends {
		return q.rel.scan(yield)
	}
	cells := make([]value, len(q.rel.columns))
	own := &rowScope{session: q.scope.session, params: q.scope.params, outer: q.scope.outer, cells: cells}
	if q.correlated == nil {
		c := &correlation{rows: q.rel.hold(), buckets: map[string][]int32{}}
		if err := q.correlate(c, own, cells); err != nil {
			return err
		}
		q.correlated = c
	}
	c := q.correlated
	candidates := c.every
	if len(c.keys) > 0 {
		ok, err := c.spell(own, func(k joinKey) expr { return k.left })
		if err != nil || !ok {
			return err
		}
		candidates = c.buckets[string(c.key)]
	}
	for _, at := range candidates {
		c.rows.copyTo(cells, int(at))
		if err := yield(cells); err != nil {
			return err
		}
	}
	return nil
}

// correlate reads the rows once and hashes them by what is compared with outer rows.
func (q *query) correlate(c *correlation, own *rowScope, cells []value) error {
	var always []expr // what no outer row can change
	if q.st.where != nil {
		for _, e := range conjuncts(q.st.where, nil) {
			if reach(e) == inside {
				always = append(always, e)
			}
			b, ok := e.(*binaryExpr)
			if !ok || b.op != "=" {
				continue
			}
			class, ok := classOf(b.x, b.y)
			switch x, y := reach(b.x), reach(b.y); {
			case !ok:
			case x == outside && y == inside:
				c.keys = append(c.keys, joinKey{b.x, b.y, class})
			case x == inside && y == outside:
				c.keys = append(c.keys, joinKey{b.y, b.x, class})
			}
		}
	}
	q.rel.setOrder(anyOrder)
	err := q.rel.scan(func(row []value) error {
		copy(cells, row)
		if holds, err := allTrue(always, own); err != nil || !holds {
			return err
		}
		at := int32(c.rows.count)
		c.rows.add(row)
		if len(c.keys) == 0 {
			c.every = append(c.every, at)
			return nil
		}
		ok, err := c.spell(own, func(k joinKey) expr { return k.right })
		if ok {
			c.buckets[string(c.key)] = append(c.buckets[string(c.key)], at)
		}
		return err
	})
	clear(cells)
	return err
}

func (c *correlation) spell(r *rowScope, of func(joinKey) expr) (ok bool, err error) {
	c.key = c.key[:0]
	for _, k := range c.keys {
		v, err := of(k).eval(r)
		if err != nil {
			return false, err
		}
		if c.key, ok = k.class.append(c.key, v); !ok {
			return false, nil
		}
	}
	return true, nil
}
