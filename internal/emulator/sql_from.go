package emulator

import (
	"strings"
)

// fromItem is what stands in a FROM clause: a table, a query, a set operation or a join.
type fromItem interface{}

type (
	fromTable struct {
		name  tableName
		alias string
	}
	fromQuery struct {
		st      *selectStmt
		alias   string
		columns []string
	}
	// fromSet is UNION and its like. A query with set operations is read as a SELECT *
	// from one of these, so ORDER BY and LIMIT need no second implementation.
	fromSet struct {
		first    *selectStmt
		branches []setBranch
	}
	setBranch struct {
		op string // UNION, UNION ALL, EXCEPT, INTERSECT
		st *selectStmt
	}
	fromJoin struct {
		kind        string // INNER, CROSS, LEFT, RIGHT, FULL, SEMI, ANTI
		left, right fromItem
		on          expr
		using       []string
	}
	commonTable struct {
		name    string
		columns []string
		st      *selectStmt
	}
)

// queryExpression takes [WITH …] query [UNION …]… [ORDER BY …] [LIMIT …].
func (p *parser) queryExpression() *selectStmt {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		p.setErr(analysisError("the query is nested too deeply"))
		return &selectStmt{limit: -1}
	}
	var with []commonTable
	if p.accept("WITH") {
		if p.accept("RECURSIVE") {
			p.refuse("WITH RECURSIVE")
		}
		for {
			c := commonTable{name: p.ident()}
			if p.isOp("(") {
				c.columns = p.identList()
			}
			p.expect("AS")
			c.st = p.parenthesizedQuery()
			with = append(with, c)
			if !p.acceptOp(",") {
				break
			}
		}
	}
	st := p.setOperations()
	tailed := st.limit >= 0 || st.offset > 0 || len(st.orderBy) > 0 // it stood in parentheses
	if p.isWord("ORDER") || p.isWord("LIMIT") {
		if tailed {
			st = selectAll(&fromQuery{st: st})
		}
		p.queryTail(st)
	}
	if p.isWord("INTO") {
		p.refuse("INTO")
	}
	if with != nil {
		if st.with != nil {
			st = selectAll(&fromQuery{st: st})
		}
		st.with = with
	}
	return st
}

func selectAll(from fromItem) *selectStmt {
	return &selectStmt{items: []selectItem{{star: true}}, from: from, limit: -1}
}

// setOperations takes queries joined by UNION and EXCEPT, which bind less than INTERSECT.
func (p *parser) setOperations() *selectStmt {
	return p.setChain(func() *selectStmt { return p.setChain(p.queryTerm, "INTERSECT") }, "UNION", "EXCEPT", "MINUS")
}

func (p *parser) setChain(operand func() *selectStmt, words ...string) *selectStmt {
	first := operand()
	var branches []setBranch
	for p.err == nil {
		op := ""
		for _, w := range words {
			if p.accept(w) {
				op = w
			}
		}
		if op == "" {
			break
		}
		if op == "MINUS" {
			op = "EXCEPT"
		}
		if !p.accept("DISTINCT") && p.accept("ALL") {
			if op != "UNION" {
				p.refuse(op + " ALL")
			}
			op = "UNION ALL"
		}
		branches = append(branches, setBranch{op, operand()})
	}
	if branches == nil {
		return first
	}
	return selectAll(&fromSet{first, branches})
}

func (p *parser) queryTerm() *selectStmt {
	if p.isOp("(") {
		return p.parenthesizedQuery()
	}
	return p.selectCore()
}

func (p *parser) parenthesizedQuery() *selectStmt {
	p.expectOp("(")
	st := p.queryExpression()
	p.expectOp(")")
	return st
}

// startsQuery tells a query in parentheses from an expression or a join in parentheses.
func (p *parser) startsQuery() bool {
	i := p.i
	for i-p.i <= maxDepth && p.toks[i].kind == tokOp && p.toks[i].text == "(" {
		i++ // what is nested deeper is refused anyway, and the last token is no parenthesis
	}
	return p.toks[i].upper == "SELECT" || p.toks[i].upper == "WITH"
}

func (p *parser) fromClause() fromItem {
	item := p.joinChain()
	for ; p.acceptOp(","); p.link() {
		item = &fromJoin{kind: "CROSS", left: item, right: p.joinChain()}
	}
	return item
}

func (p *parser) joinChain() fromItem {
	item := p.fromPrimary()
	for ; p.err == nil; p.link() {
		kind := p.joinKind()
		if kind == "" {
			return item
		}
		j := &fromJoin{kind: kind, left: item, right: p.fromPrimary()}
		switch {
		case p.accept("ON"):
			j.on = p.expr()
		case p.accept("USING"):
			j.using = p.identList()
		case kind != "CROSS" && kind != "INNER":
			p.fail()
		}
		if kind == "CROSS" && (j.on != nil || j.using != nil) {
			j.kind = "INNER"
		}
		item = j
	}
	return item
}

func (p *parser) joinKind() string {
	kind := ""
	switch {
	case p.accept("CROSS"):
		kind = "CROSS"
	case p.accept("INNER"):
		kind = "INNER"
	case p.isWord("LEFT"), p.isWord("RIGHT"), p.isWord("FULL"):
		kind = p.next().upper
		switch {
		case kind == "LEFT" && p.accept("SEMI"):
			kind = "SEMI"
		case kind == "LEFT" && p.accept("ANTI"):
			kind = "ANTI"
		case kind == "RIGHT" && (p.isWord("SEMI") || p.isWord("ANTI")):
			p.refuse("RIGHT " + p.peek().upper + " JOIN")
		default:
			p.accept("OUTER")
		}
	case p.isWord("JOIN"):
		kind = "INNER"
	default:
		return ""
	}
	p.expect("JOIN")
	if p.acceptOp("[") { // a hint, as in JOIN [BROADCAST]
		p.ident()
		p.expectOp("]")
	}
	return kind
}

func (p *parser) fromPrimary() fromItem {
	if p.isOp("(") && !p.startsQuery() {
		p.depth++
		defer func() { p.depth-- }()
		if p.depth > maxDepth {
			p.setErr(analysisError("the query is nested too deeply"))
			return nil
		}
		p.next()
		item := p.fromClause()
		p.expectOp(")")
		return item
	}
	if p.isOp("(") {
		f := &fromQuery{st: p.parenthesizedQuery()}
		if f.alias = p.tableAlias(); f.alias == "" && p.err == nil {
			p.setErr(codedAnalysisError(1248, "42000", "Every derived table must have its own alias"))
		}
		if p.isOp("(") {
			f.columns = p.identList()
		}
		return f
	}
	f := &fromTable{name: p.tableName()}
	f.alias = p.tableAlias()
	return f
}

// notAliases are words that are no names where an alias may stand, without being reserved.
var notAliases = wordSet("OFFSET EXCEPT MINUS SEMI ANTI")

func (p *parser) tableAlias() string {
	if p.accept("AS") {
		return p.identOrString()
	}
	if t := p.peek(); t.kind == tokQuoted || t.kind == tokWord && !reservedWords[t.upper] && !notAliases[t.upper] {
		return p.ident()
	}
	return ""
}

// tables are the common tables that a query sees.
type tables struct {
	outer *tables
	name  string
	rel   func() *relation
}

func (t *tables) find(name string) func() *relation {
	for ; t != nil; t = t.outer {
		if strings.EqualFold(t.name, name) {
			return t.rel
		}
	}
	return nil
}

// open finds the relation of a FROM item and names its columns as the query knows them.
func (q *query) open(item fromItem) (*relation, error) {
	switch f := item.(type) {
	case *fromTable:
		return q.openTable(f)
	case *fromQuery:
		inner, err := q.session().bindQuery(f.st, q.scope.params, nil, q.with)
		if err != nil {
			return nil, err
		}
		rel, err := inner.asRelation(f.columns)
		if err != nil {
			return nil, err
		}
		return rel.called("", f.alias), nil
	case *fromSet:
		return q.openSet(f)
	case *fromJoin:
		return q.openJoin(f)
	}
	return nil, notEmulated("this FROM clause")
}

func (q *query) openTable(f *fromTable) (*relation, error) {
	alias := f.alias
	if f.name.db == "" {
		if common := q.with.find(f.name.table); common != nil {
			if alias == "" {
				alias = f.name.table
			}
			return common().called("", alias), nil
		}
	}
	rel, err := q.session().relation(f.name)
	if err != nil {
		return nil, err
	}
	if alias != "" {
		return rel.called("", alias), nil
	}
	return rel.called(rel.db, rel.name), nil
}

// called gives the columns of a relation the name by which expressions reach them.
func (r *relation) called(db, name string) *relation {
	named := make([]resultColumn, len(r.columns))
	for i, c := range r.columns {
		c.qualifier, c.qualifierDB, c.hidden, c.merged = name, db, false, false
		named[i] = c
	}
	r.columns, r.needed = named, make([]bool, len(named))
	return r
}

// asRelation makes the answer of a query readable, any number of times, for the price
// of one run.
func (q *query) asRelation(names []string) (*relation, error) {
	if names != nil && len(names) != len(q.columns) {
		return nil, analysisError("Getting columns count: %d, but the query has %d columns", len(names), len(q.columns))
	}
	rel := &relation{size: -1, columns: make([]resultColumn, len(q.columns))}
	for i, c := range q.columns {
		rel.columns[i] = resultColumn{name: c.name, typ: c.typ, notNull: c.notNull}
		if names != nil {
			rel.columns[i].name = names[i]
		}
	}
	var answer *resultSet
	rel.scan = func(yield func([]value) error) error {
		if answer == nil {
			rs, err := q.run()
			if err != nil {
				return err
			}
			answer = rs
		}
		for _, row := range answer.rows {
			if err := yield(row); err != nil {
				return err
			}
		}
		return nil
	}
	return rel, nil
}

// bindWith makes the common tables of a WITH clause known; each may use those before it
// and is computed once, when first read.
func (q *query) bindWith(list []commonTable) error {
	for _, c := range list {
		inner, err := q.session().bindQuery(c.st, q.scope.params, nil, q.with)
		if err != nil {
			return err
		}
		rel, err := inner.asRelation(c.columns)
		if err != nil {
			return err
		}
		q.with = &tables{outer: q.with, name: c.name, rel: func() *relation { copied := *rel; return &copied }}
	}
	return nil
}

// openSet binds UNION, EXCEPT and INTERSECT: columns go by place and take the type that
// holds both sides.
func (q *query) openSet(f *fromSet) (*relation, error) {
	first, err := q.session().bindQuery(f.first, q.scope.params, q.outer, q.with)
	if err != nil {
		return nil, err
	}
	all := []*query{first}
	rel := &relation{size: -1}
	for _, c := range first.columns {
		rel.columns = append(rel.columns, resultColumn{name: c.name, typ: c.typ})
	}
	for _, b := range f.branches {
		next, err := q.session().bindQuery(b.st, q.scope.params, q.outer, q.with)
		if err != nil {
			return nil, err
		}
		if len(next.columns) != len(first.columns) {
			return nil, analysisError("Operands have unequal number of columns")
		}
		for i, c := range next.columns {
			rel.columns[i].typ = commonType(rel.columns[i].typ, c.typ)
		}
		all = append(all, next)
	}
	for _, branch := range all {
		q.outerRefs = append(q.outerRefs, branch.outerRefs...)
	}
	rel.scan = func(yield func([]value) error) error {
		rows, err := q.runSet(f.branches, all, rel.columns)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := yield(row); err != nil {
				return err
			}
		}
		return nil
	}
	return rel, nil
}

func (q *query) runSet(branches []setBranch, all []*query, columns []resultColumn) ([][]value, error) {
	var rows [][]value
	for n, branch := range all {
		branch.scope.outer = q.scope.outer
		rs, err := branch.run()
		if err != nil {
			return nil, err
		}
		for _, row := range rs.rows {
			for i := range row {
				row[i] = conform(columns[i].typ, row[i])
			}
		}
		if n == 0 {
			rows = rs.rows
			continue
		}
		switch branches[n-1].op {
		case "UNION ALL":
			rows = append(rows, rs.rows...)
		case "UNION":
			rows = uniqueRows(append(rows, rs.rows...), nil, false)
		default:
			right := map[string]bool{}
			for _, row := range rs.rows {
				right[rowKey(row)] = true
			}
			rows = uniqueRows(rows, right, branches[n-1].op == "INTERSECT")
		}
	}
	return rows, nil
}

// uniqueRows drops repeated rows and, when other is given, those that are (not) in it.
func uniqueRows(rows [][]value, other map[string]bool, within bool) [][]value {
	seen := map[string]bool{}
	var out [][]value
	for _, row := range rows {
		k := rowKey(row)
		if seen[k] || other != nil && other[k] != within {
			continue
		}
		seen[k] = true
		out = append(out, row)
	}
	return out
}
