package emulator

import (
	"slices"
	"strings"
)

type (
	selectItem struct {
		x     expr
		alias string
		text  string // of the expression, the name of the column
		star  bool
		table string // of t.*
	}
	orderItem struct {
		x          expr
		desc       bool
		nullsFirst bool
	}
	selectStmt struct {
		distinct      bool
		items         []selectItem
		with          []commonTable
		from          fromItem
		where, having expr
		groupBy       []expr
		orderBy       []orderItem
		limit, offset int // limit -1: none
	}
)

// selectCore takes one SELECT without ORDER BY and LIMIT, which belong to the whole query.
func (p *parser) selectCore() *selectStmt {
	p.expect("SELECT")
	st := &selectStmt{limit: -1, distinct: p.accept("DISTINCT")}
	if !st.distinct {
		p.accept("ALL")
	}
	for {
		st.items = append(st.items, p.selectItem())
		if !p.acceptOp(",") {
			break
		}
	}
	if p.accept("FROM") && !p.accept("DUAL") {
		st.from = p.fromClause()
	}
	if p.accept("WHERE") {
		st.where = p.expr()
	}
	if p.accept("GROUP", "BY") {
		st.groupBy = p.exprList()
	}
	if p.accept("HAVING") {
		st.having = p.expr()
	}
	return st
}

func (p *parser) queryTail(st *selectStmt) {
	if p.accept("ORDER", "BY") {
		st.orderBy = p.orderItems()
	}
	if p.accept("LIMIT") {
		st.limit = p.expectInt()
		switch {
		case p.accept("OFFSET"):
			st.offset = p.expectInt()
		case p.acceptOp(","):
			st.offset, st.limit = st.limit, p.expectInt()
		}
	}
}

func (p *parser) selectItem() selectItem {
	if p.acceptOp("*") {
		return selectItem{star: true}
	}
	if t := p.peek(); (t.kind == tokWord || t.kind == tokQuoted) && p.i+2 < len(p.toks) && p.toks[p.i+1].text == "." && p.toks[p.i+2].text == "*" && p.toks[p.i+2].kind == tokOp {
		p.i += 3
		return selectItem{star: true, table: t.text}
	}
	from := p.i
	item := selectItem{x: p.expr()}
	if p.err != nil {
		return item
	}
	item.text = p.src[p.toks[from].start:p.toks[p.i-1].end]
	if ref, ok := item.x.(*columnRef); ok {
		item.text = ref.name
	}
	if p.accept("AS") {
		item.alias = p.identOrString()
	} else if t := p.peek(); t.kind == tokQuoted || t.kind == tokString || t.kind == tokWord && !reservedWords[t.upper] {
		item.alias = p.identOrString()
	}
	return item
}

func (p *parser) orderItems() []orderItem {
	var items []orderItem
	for {
		o := orderItem{x: p.expr()}
		o.desc = p.accept("DESC")
		if !o.desc {
			p.accept("ASC")
		}
		o.nullsFirst = !o.desc // NULL is the lowest value
		if p.accept("NULLS", "FIRST") {
			o.nullsFirst = true
		} else if p.accept("NULLS", "LAST") {
			o.nullsFirst = false
		}
		items = append(items, o)
		if !p.acceptOp(",") {
			return items
		}
	}
}

// relation is what a query reads: a table, a virtual one of information_schema, the
// answer of another query, or a join of such.
type relation struct {
	db, name string
	columns  []resultColumn
	needed   []bool      // the cells somebody reads; nil: all
	parts    []*relation // of a join
	join     *join
	table    *table     // nil: it is no table
	access   *keyAccess // to a part of the table; nil: all is read
	order    rowOrder   // in which scan yields; only for tables
	place    uint64     // storage place of the row that scan yields
	size     int        // rows, when known without reading them; -1 otherwise
	scan     func(yield func(cells []value) error) error
}

func (r *relation) use(i int) {
	if r.needed != nil {
		r.needed[i] = true
	}
}

func (r *relation) setOrder(o rowOrder) {
	r.order = o
	for _, p := range r.parts {
		p.setOrder(o)
	}
}

type resultColumn struct {
	name, table, db string
	typ             dataType
	notNull         bool

	qualifier, qualifierDB string // the name of its table in the query
	hidden, merged         bool   // by USING: away, and standing for both
}

// resultSet is the answer to a query.
type resultSet struct {
	columns []resultColumn
	rows    [][]value
}

// query is a bound SELECT.
type query struct {
	st      *selectStmt
	rel     *relation
	items   []selectItem
	columns []resultColumn
	aggs    []*callExpr
	orderBy []orderItem
	scope   *rowScope

	outer       *query       // around a subquery
	outerRefs   []*columnRef // to rows around; none: the query runs once
	fromDepends bool         // its FROM holds some of them
	correlated  *correlation
	findOneRow  bool // that there is a row is all the answer
	with        *tables
}

func (q *query) session() *session { return q.scope.session }

// runSelect runs a query on what is visible at one moment: StarRocks takes the versions of
// all its tables under their locks, and makes a transaction visible under the same.
func (s *session) runSelect(st *selectStmt, params []value) (*resultSet, error) {
	s.server.moment.RLock()
	defer s.server.moment.RUnlock()
	q, err := s.bindSelect(st, params)
	if err != nil {
		return nil, err
	}
	return q.run()
}

func (s *session) bindSelect(st *selectStmt, params []value) (*query, error) {
	return s.bindQuery(st, params, nil, nil)
}

// bindQuery resolves the names of a query; outer is the query around a subquery.
func (s *session) bindQuery(st *selectStmt, params []value, outer *query, with *tables) (*query, error) {
	q := &query{st: st, outer: outer, with: with, scope: &rowScope{session: s, params: params}}
	if err := q.bindWith(st.with); err != nil {
		return nil, err
	}
	q.rel = &relation{size: 1, scan: func(yield func([]value) error) error { return yield(nil) }}
	if st.from != nil {
		rel, err := q.open(st.from)
		if err != nil {
			return nil, err
		}
		q.rel = rel
	}
	q.fromDepends = len(q.outerRefs) > 0
	return q, q.bindClauses()
}

// selectFrom runs a SELECT on a given relation, whatever its FROM says.
func (s *session) selectFrom(st *selectStmt, rel *relation) (*resultSet, error) {
	q := &query{st: st, rel: rel, scope: &rowScope{session: s}}
	if err := q.bindClauses(); err != nil {
		return nil, err
	}
	return q.run()
}

func (q *query) bindClauses() error {
	if err := q.expandItems(); err != nil {
		return err
	}
	if q.st.where != nil {
		if err := q.bind(q.st.where, false); err != nil {
			return err
		}
		q.offerToJoin()
	}
	for i, g := range q.st.groupBy {
		if at, ok := q.ordinal(g); ok {
			q.st.groupBy[i] = q.items[at].x
		} else if !q.rel.has(g) {
			q.st.groupBy[i] = q.replaceAliases(g)
		}
		if err := q.bind(q.st.groupBy[i], false); err != nil {
			return err
		}
	}
	for _, item := range q.items {
		if err := q.bind(item.x, true); err != nil {
			return err
		}
	}
	if q.st.having != nil {
		q.st.having = q.replaceAliases(q.st.having)
		if err := q.bind(q.st.having, true); err != nil {
			return err
		}
	}
	if err := q.bindOrder(); err != nil {
		return err
	}
	q.filterByHaving()
	for _, item := range q.items {
		c := resultColumn{name: item.alias, typ: typeOf(item.x)}
		if c.name == "" {
			c.name = item.text
		}
		if ref, ok := item.x.(*columnRef); ok && ref.depth == 0 {
			from := q.rel.columns[ref.index]
			c.table, c.db, c.notNull = from.table, from.db, from.notNull
		}
		q.columns = append(q.columns, c)
	}
	return q.checkGroups()
}

// bindOrder resolves ORDER BY: first among the names of the answer, then in the tables.
func (q *query) bindOrder() error {
	for _, o := range q.st.orderBy {
		if at, ok := q.ordinal(o.x); ok {
			o.x = q.items[at].x
		} else if at, ok := q.aliased(o.x); ok {
			o.x = q.items[at].x
		} else if err := q.bind(o.x, true); err != nil {
			return err
		}
		if q.st.distinct && !slices.ContainsFunc(q.items, func(i selectItem) bool { return sameExpr(i.x, o.x) }) {
			return analysisError("for SELECT DISTINCT, ORDER BY expressions must appear in select list")
		}
		q.orderBy = append(q.orderBy, o)
	}
	return nil
}

// offerToJoin lets joins use the equalities of WHERE, as FROM a, b WHERE a.x = b.y means.
func (q *query) offerToJoin() {
	if q.rel.join == nil {
		return
	}
	for _, c := range conjuncts(q.st.where, nil) {
		b, ok := c.(*binaryExpr)
		if !ok || b.op != "=" {
			continue
		}
		x, ok1 := b.x.(*columnRef)
		y, ok2 := b.y.(*columnRef)
		if ok1 && ok2 && x.depth == 0 && y.depth == 0 {
			q.rel.join.adopt(x, y)
		}
	}
}

// has tells that an expression is the plain name of a column of the relation.
func (r *relation) has(e expr) bool {
	ref, ok := e.(*columnRef)
	return ok && slices.ContainsFunc(r.columns, func(c resultColumn) bool { return equalName(c.name, ref.name) })
}

// replaceAliases puts select items where GROUP BY and HAVING name them; the name of a
// column comes before an alias.
func (q *query) replaceAliases(e expr) expr {
	if ref, ok := e.(*columnRef); ok {
		if at, ok := q.aliased(ref); ok && !q.rel.has(ref) {
			return q.items[at].x
		}
		return e
	}
	replace := func(x *expr) {
		if *x != nil {
			*x = q.replaceAliases(*x)
		}
	}
	switch n := e.(type) {
	case *unaryExpr:
		replace(&n.x)
	case *binaryExpr:
		replace(&n.x)
		replace(&n.y)
	case *inExpr:
		replace(&n.x)
	case *betweenExpr:
		replace(&n.x)
		replace(&n.low)
		replace(&n.high)
	case *isNullExpr:
		replace(&n.x)
	case *castExpr:
		replace(&n.x)
	case *callExpr:
		for i := range n.args {
			if !n.isAggregate() {
				replace(&n.args[i])
			}
		}
	}
	return e
}

func equalName(a, b string) bool { return strings.EqualFold(a, b) }

func (q *query) expandItems() error {
	for _, item := range q.st.items {
		if !item.star {
			q.items = append(q.items, item)
			continue
		}
		if q.st.from == nil {
			return analysisError("No tables used")
		}
		before := len(q.items)
		for _, merged := range []bool{true, false} { // what USING merged comes first
			for i, c := range q.rel.columns {
				if c.merged == merged && !c.hidden && item.table == "" || item.table != "" && !merged && q.isTable(item.table, c) {
					q.items = append(q.items, selectItem{x: q.rel.columnAt(i), text: c.name})
				}
			}
		}
		if item.table != "" && len(q.items) == before {
			return analysisError("Unknown table '%s'", item.table)
		}
	}
	return nil
}

// isTable tells that a column belongs to the table of that name.
func (q *query) isTable(name string, c resultColumn) bool {
	if c.qualifier == "" {
		return equalName(name, q.rel.name)
	}
	return equalName(name, c.qualifier)
}

// ordinal and aliased find the select item that ORDER BY 2 or ORDER BY alias means.
func (q *query) ordinal(e expr) (int, bool) {
	l, ok := e.(*literal)
	if !ok || l.v.kind != vInt || l.v.i < 1 || int(l.v.i) > len(q.items) {
		return 0, false
	}
	return int(l.v.i) - 1, true
}

func (q *query) aliased(e expr) (int, bool) {
	ref, ok := e.(*columnRef)
	if !ok || ref.table != "" {
		return 0, false
	}
	at := slices.IndexFunc(q.items, func(i selectItem) bool { return i.alias != "" && strings.EqualFold(i.alias, ref.name) })
	return at, at >= 0
}

// bind resolves the names of an expression and numbers its aggregates.
func (q *query) bind(e expr, aggregates bool) error {
	return walk(e, func(x expr) error {
		switch n := x.(type) {
		case *columnRef:
			return q.bindColumn(n)
		case *subqueryExpr:
			return q.bindSubquery(n)
		case *callExpr:
			if !n.isAggregate() {
				return n.check()
			}
			if !aggregates {
				return analysisError("%s cannot contain aggregations", "WHERE clause")
			}
			if err := n.checkAggregate(); err != nil {
				return err
			}
			if n.agg < 0 {
				n.agg = len(q.aggs)
				q.aggs = append(q.aggs, n)
			}
		}
		return nil
	})
}

func (q *query) bindColumn(ref *columnRef) error {
	if ref.bound {
		if ref.depth == 0 {
			q.rel.use(ref.index)
		}
		return nil
	}
	depth := 0
	for at := q; at != nil; at = at.outer {
		i, err := at.lookUp(ref)
		if err != nil {
			return err
		}
		if i >= 0 {
			ref.index, ref.depth, ref.typ, ref.bound = i, depth, at.rel.columns[i].typ, true
			at.rel.use(i)
			if depth > 0 {
				q.outerRefs = append(q.outerRefs, ref)
			}
			return nil
		}
		depth++
	}
	name := ref.name
	if ref.table != "" {
		name = ref.table + "." + name
	}
	return errUnresolved(name)
}

// lookUp finds the column of a relation that a name means, -1 when there is none.
func (q *query) lookUp(ref *columnRef) (int, error) {
	found := -1
	for i, c := range q.rel.columns {
		switch {
		case !equalName(c.name, ref.name):
		case ref.table == "" && c.hidden:
		case ref.table != "" && !q.isTable(ref.table, c):
		case ref.db != "" && c.qualifierDB != ref.db && c.qualifier != "":
		case found >= 0:
			return 0, analysisError("Column '%s' is ambiguous", ref.name)
		default:
			found = i
		}
	}
	return found, nil
}

func (q *query) grouped() bool { return len(q.aggs) > 0 || len(q.st.groupBy) > 0 }

// filterByHaving makes HAVING without groups and aggregates what it is in StarRocks too:
// one more condition on rows.
func (q *query) filterByHaving() {
	if q.st.having == nil || q.grouped() {
		return
	}
	if q.st.where == nil {
		q.st.where = q.st.having
	} else {
		q.st.where = &binaryExpr{"AND", q.st.where, q.st.having}
	}
	q.st.having = nil
}
