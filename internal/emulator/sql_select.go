package emulator

import (
	"fmt"
	"slices"
	"strconv"
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
		from          *tableName
		alias         string
		where, having expr
		groupBy       []expr
		orderBy       []orderItem
		limit, offset int // limit -1: none
	}
)

func (p *parser) selectStatement() statement {
	p.expect("SELECT")
	st := &selectStmt{limit: -1, distinct: p.accept("DISTINCT")}
	for {
		st.items = append(st.items, p.selectItem())
		if !p.acceptOp(",") {
			break
		}
	}
	if p.accept("FROM") && !p.accept("DUAL") {
		p.fromClause(st)
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
	if p.isWord("UNION") || p.isWord("INTERSECT") || p.isWord("EXCEPT") || p.isWord("INTO") {
		p.refuse(p.peek().upper)
	}
	return st
}

func (p *parser) fromClause(st *selectStmt) {
	if p.isOp("(") {
		p.refuse("a subquery")
		return
	}
	name := p.tableName()
	st.from = &name
	if p.accept("AS") {
		st.alias = p.ident()
	} else if t := p.peek(); t.kind == tokQuoted || t.kind == tokWord && !reservedWords[t.upper] && t.upper != "OFFSET" && t.upper != "EXCEPT" {
		st.alias = p.ident()
	}
	if p.isOp(",") || p.isWord("JOIN") || p.isWord("LEFT") || p.isWord("RIGHT") || p.isWord("INNER") || p.isWord("CROSS") || p.isWord("FULL") {
		p.refuse("joins")
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

// relation is what a query reads: a table, or a virtual one of information_schema.
type relation struct {
	db, name string
	columns  []resultColumn
	order    rowOrder // in which scan yields; only for tables
	place    uint64   // storage place of the row that scan yields
	size     int      // rows, when known without reading them; -1 otherwise
	scan     func(yield func(cells []value) error) error
}

type resultColumn struct {
	name, table, db string
	typ             dataType
	notNull         bool
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
}

func (s *session) runSelect(st *selectStmt, params []value) (*resultSet, error) {
	q, err := s.bindSelect(st, params)
	if err != nil {
		return nil, err
	}
	return q.run()
}

func (s *session) bindSelect(st *selectStmt, params []value) (*query, error) {
	rel := &relation{size: 1, scan: func(yield func([]value) error) error { return yield(nil) }}
	if st.from != nil {
		var err error
		if rel, err = s.relation(*st.from); err != nil {
			return nil, err
		}
	}
	return s.bindTo(st, rel, params)
}

// selectFrom runs a SELECT on a given relation, whatever its FROM says.
func (s *session) selectFrom(st *selectStmt, rel *relation) (*resultSet, error) {
	q, err := s.bindTo(st, rel, nil)
	if err != nil {
		return nil, err
	}
	return q.run()
}

func (s *session) bindTo(st *selectStmt, rel *relation, params []value) (*query, error) {
	q := &query{st: st, rel: rel, scope: &rowScope{session: s, params: params}}
	if err := q.expandItems(); err != nil {
		return nil, err
	}
	if st.where != nil {
		if err := q.bind(st.where, false); err != nil {
			return nil, err
		}
	}
	for i, g := range st.groupBy {
		if at, ok := q.ordinal(g); ok {
			st.groupBy[i] = q.items[at].x
		} else if at, ok := q.aliased(g); ok {
			st.groupBy[i] = q.items[at].x
		} else if err := q.bind(g, false); err != nil {
			return nil, err
		}
	}
	for _, item := range q.items {
		if err := q.bind(item.x, true); err != nil {
			return nil, err
		}
	}
	if st.having != nil {
		if err := q.bind(st.having, true); err != nil {
			return nil, err
		}
	}
	for _, o := range st.orderBy {
		if at, ok := q.ordinal(o.x); ok {
			o.x = q.items[at].x
		} else if at, ok := q.aliased(o.x); ok {
			o.x = q.items[at].x
		} else if err := q.bind(o.x, true); err != nil {
			return nil, err
		}
		q.orderBy = append(q.orderBy, o)
	}
	for _, item := range q.items {
		c := resultColumn{name: item.alias, typ: typeOf(item.x)}
		if c.name == "" {
			c.name = item.text
		}
		if ref, ok := item.x.(*columnRef); ok {
			c.table, c.db, c.notNull = rel.name, rel.db, rel.columns[ref.index].notNull
		}
		q.columns = append(q.columns, c)
	}
	return q, q.checkGroups()
}

func (q *query) expandItems() error {
	for _, item := range q.st.items {
		if !item.star {
			q.items = append(q.items, item)
			continue
		}
		if q.st.from == nil {
			return analysisError("No tables used")
		}
		if item.table != "" && !q.isTable(item.table) {
			return analysisError("Unknown table '%s'", item.table)
		}
		for i, c := range q.rel.columns {
			q.items = append(q.items, selectItem{x: &columnRef{name: c.name, index: i, typ: c.typ}, text: c.name})
		}
	}
	return nil
}

func (q *query) isTable(name string) bool {
	if q.st.alias != "" {
		return name == q.st.alias
	}
	return strings.EqualFold(name, q.rel.name)
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
		case *callExpr:
			if !n.isAggregate() {
				return n.check()
			}
			if !aggregates {
				return analysisError("%s cannot contain aggregations", "WHERE clause")
			}
			if n.star != (n.name == "COUNT" && len(n.args) == 0) || !n.star && len(n.args) != 1 {
				return analysisError("No matching function with signature: %s(%d arguments)", strings.ToLower(n.name), len(n.args))
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
	if ref.table == "" || q.isTable(ref.table) {
		for i, c := range q.rel.columns {
			if strings.EqualFold(c.name, ref.name) {
				ref.index, ref.typ = i, c.typ
				return nil
			}
		}
	}
	name := ref.name
	if ref.table != "" {
		name = ref.table + "." + name
	}
	return errUnresolved(name)
}

func (q *query) grouped() bool { return len(q.aggs) > 0 || len(q.st.groupBy) > 0 || q.st.having != nil }

// checkGroups refuses a column that is neither grouped nor aggregated.
func (q *query) checkGroups() error {
	if !q.grouped() {
		return nil
	}
	isKey := func(e expr) bool {
		return slices.ContainsFunc(q.st.groupBy, func(g expr) bool { return sameExpr(g, e) })
	}
	var check func(e expr) error
	check = func(e expr) error {
		if isKey(e) {
			return nil
		}
		if c, ok := e.(*callExpr); ok && c.agg >= 0 {
			return nil
		}
		if ref, ok := e.(*columnRef); ok {
			return analysisError("'%s' must be an aggregate expression or appear in GROUP BY clause", ref.name)
		}
		for _, x := range e.parts() {
			if err := check(x); err != nil {
				return err
			}
		}
		return nil
	}
	for _, item := range q.items {
		if err := check(item.x); err != nil {
			return err
		}
	}
	return nil
}

func sameExpr(a, b expr) bool {
	x, ok1 := a.(*columnRef)
	y, ok2 := b.(*columnRef)
	if ok1 && ok2 {
		return x.index == y.index
	}
	if ok1 != ok2 {
		return false
	}
	if a == b {
		return true
	}
	return fmt.Sprintf("%T", a) == fmt.Sprintf("%T", b) && exprText(a) == exprText(b)
}

// exprText spells an expression out, to compare a select item with a group.
func exprText(e expr) string {
	var b strings.Builder
	switch n := e.(type) {
	case *columnRef:
		return "#" + strconv.Itoa(n.index)
	case *literal:
		return strconv.Quote(n.v.text())
	case *callExpr:
		b.WriteString(n.name)
	case *binaryExpr:
		b.WriteString(n.op)
	case *unaryExpr:
		b.WriteString(n.op)
	case *castExpr:
		b.WriteString(n.typ.String())
	default:
		return fmt.Sprintf("%p", e)
	}
	for _, x := range e.parts() {
		b.WriteString("(" + exprText(x) + ")")
	}
	return b.String()
}
