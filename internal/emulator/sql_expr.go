package emulator

import (
	"strings"
)

// expr is a node of an expression tree. Column references carry their place in the row
// after bind; evaluation never looks anything up by name.
type expr interface {
	eval(r *rowScope) (value, error)
	parts() []expr
}

// rowScope is what an expression is evaluated against: the cells of one row, the
// results of aggregates for one group, and the session.
type rowScope struct {
	cells   []value
	aggs    []value
	session *session
	params  []value
	outer   *rowScope // of the query around a subquery
}

type (
	literal   struct{ v value }
	columnRef struct {
		db, table, name string
		index           int
		depth           int // how many queries further out
		bound           bool
		typ             dataType
	}
	unaryExpr struct {
		op string
		x  expr
	}
	binaryExpr struct {
		op   string
		x, y expr
	}
	inExpr struct {
		x        expr
		list     []expr
		not      bool
		constant *constantList // nil until it is known
	}
	betweenExpr struct {
		x, low, high expr
		not          bool
	}
	isNullExpr struct {
		x   expr
		not bool
	}
	isTruthExpr struct { // IS [NOT] TRUE, IS [NOT] FALSE
		x          expr
		truth, not bool
	}
	callExpr struct {
		name     string // upper case
		args     []expr
		distinct bool
		star     bool
		agg      int // index in rowScope.aggs, -1 for plain functions

		orderBy   []orderItem // of group_concat
		separator expr
	}
	caseExpr struct {
		operand, other expr
		when, then     []expr
	}
	castExpr struct {
		x   expr
		typ dataType
	}
	variableRef struct {
		name string
		user bool
	}
	paramRef struct{ n int }
)

func (e *literal) parts() []expr     { return nil }
func (e *columnRef) parts() []expr   { return nil }
func (e *unaryExpr) parts() []expr   { return []expr{e.x} }
func (e *binaryExpr) parts() []expr  { return []expr{e.x, e.y} }
func (e *inExpr) parts() []expr      { return append([]expr{e.x}, e.list...) }
func (e *betweenExpr) parts() []expr { return []expr{e.x, e.low, e.high} }
func (e *isNullExpr) parts() []expr  { return []expr{e.x} }
func (e *isTruthExpr) parts() []expr { return []expr{e.x} }
func (e *callExpr) parts() []expr {
	all := e.args
	if e.separator != nil {
		all = append(all[:len(all):len(all)], e.separator)
	}
	for _, o := range e.orderBy {
		all = append(all[:len(all):len(all)], o.x)
	}
	return all
}
func (e *castExpr) parts() []expr    { return []expr{e.x} }
func (e *variableRef) parts() []expr { return nil }
func (e *paramRef) parts() []expr    { return nil }
func (e *caseExpr) parts() []expr {
	all := append(append([]expr{}, e.when...), e.then...)
	if e.operand != nil {
		all = append(all, e.operand)
	}
	return append(all, e.otherParts()...)
}

func (e *caseExpr) otherParts() []expr {
	if e.other == nil {
		return nil
	}
	return []expr{e.other}
}

// walk visits e and everything below it.
func walk(e expr, visit func(expr) error) error {
	if e == nil {
		return nil
	}
	if err := visit(e); err != nil {
		return err
	}
	for _, x := range e.parts() {
		if err := walk(x, visit); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) expr() expr { return p.orExpr() }

func (p *parser) exprList() []expr {
	list := []expr{p.expr()}
	for p.acceptOp(",") {
		list = append(list, p.expr())
	}
	return list
}

func (p *parser) orExpr() expr {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		p.setErr(analysisError("the expression is nested too deeply"))
	}
	e := p.andExpr()
	for p.accept("OR") || p.acceptOp("||") {
		p.link()
		e = &binaryExpr{op: "OR", x: e, y: p.andExpr()}
	}
	return e
}

func (p *parser) andExpr() expr {
	e := p.notExpr()
	for p.accept("AND") || p.acceptOp("&&") {
		p.link()
		e = &binaryExpr{"AND", e, p.notExpr()}
	}
	return e
}

func (p *parser) notExpr() expr {
	negate := false
	for p.accept("NOT") || p.acceptOp("!") {
		negate = !negate
	}
	e := p.predicate()
	if negate {
		return &unaryExpr{"NOT", e}
	}
	return e
}

func (p *parser) predicate() expr {
	e := p.sum()
	for ; p.err == nil; p.link() {
		t := p.peek()
		if t.kind == tokOp {
			switch t.text {
			case "=", "<>", "!=", "<", ">", "<=", ">=", "<=>":
				p.next()
				e = &binaryExpr{strings.Replace(t.text, "!=", "<>", 1), e, p.sum()}
				continue
			}
			return e
		}
		if p.accept("IS") {
			not := p.accept("NOT")
			switch {
			case p.accept("NULL"):
				e = &isNullExpr{e, not}
			case p.accept("TRUE"):
				e = &isTruthExpr{e, true, not}
			case p.accept("FALSE"):
				e = &isTruthExpr{e, false, not}
			default:
				p.fail()
			}
			continue
		}
		not := false
		if p.isWord("NOT") && p.i+1 < len(p.toks) && wordSet("IN LIKE BETWEEN REGEXP RLIKE")[p.toks[p.i+1].upper] {
			p.next()
			not = true
		}
		switch {
		case p.accept("IN"):
			if p.isOp("(") && p.startsQuery() {
				e = p.subquery(inQuery, e, not)
				continue
			}
			p.expectOp("(")
			e = &inExpr{x: e, list: p.exprList(), not: not}
			p.expectOp(")")
		case p.isWord("LIKE"), p.isWord("REGEXP"), p.isWord("RLIKE"):
			op := "REGEXP"
			if p.next().upper == "LIKE" {
				op = "LIKE"
			}
			var like expr = &binaryExpr{op, e, p.sum()}
			if not {
				like = &unaryExpr{"NOT", like}
			}
			e = like
		case p.accept("BETWEEN"):
			low := p.sum()
			p.expect("AND")
			e = &betweenExpr{e, low, p.sum(), not}
		default:
			return e
		}
	}
	return e
}

func (p *parser) sum() expr {
	e := p.product()
	for ; ; p.link() {
		switch {
		case p.acceptOp("+"):
			e = p.addition("+", "DATE_ADD", e)
		case p.acceptOp("-"):
			e = p.addition("-", "DATE_SUB", e)
		default:
			return e
		}
	}
}

// addition takes the right side of + and -, which may be an interval of time.
func (p *parser) addition(op, timeFunction string, left expr) expr {
	if p.isInterval() {
		amount, unit := p.interval()
		return &callExpr{name: timeFunction, args: []expr{left, amount, unit}, agg: -1}
	}
	return &binaryExpr{op, left, p.product()}
}

// isInterval tells INTERVAL 1 DAY from a column of that name.
func (p *parser) isInterval() bool {
	return p.isWord("INTERVAL") && p.toks[p.i+1].kind != tokEnd && (p.toks[p.i+1].kind != tokOp || p.toks[p.i+1].text == "(" || p.toks[p.i+1].text == "-")
}

func (p *parser) interval() (amount, unit expr) {
	p.expect("INTERVAL")
	amount = p.sum()
	t := p.next()
	if t.kind != tokWord || !intervalUnits[t.upper] {
		p.failAt(t)
	}
	return amount, &literal{textValue(t.upper)}
}

func (p *parser) product() expr {
	e := p.unary()
	for ; ; p.link() {
		switch {
		case p.acceptOp("*"):
			e = &binaryExpr{"*", e, p.unary()}
		case p.acceptOp("/"):
			e = &binaryExpr{"/", e, p.unary()}
		case p.acceptOp("%"), p.accept("MOD"):
			e = &binaryExpr{"%", e, p.unary()}
		case p.accept("DIV"):
			e = &binaryExpr{"DIV", e, p.unary()}
		default:
			return e
		}
	}
}

func (p *parser) unary() expr {
	minus := false
	for {
		if p.acceptOp("-") {
			minus = !minus
			continue
		}
		if !p.acceptOp("+") {
			break
		}
	}
	e := p.primary()
	if !minus {
		return e
	}
	if l, ok := e.(*literal); ok && l.v.isNumber() {
		return &literal{negate(l.v)}
	}
	return &unaryExpr{"-", e}
}

func (p *parser) primary() expr {
	t := p.peek()
	switch t.kind {
	case tokNumber:
		p.next()
		return &literal{numberLiteral(t.text)}
	case tokString:
		p.next()
		return &literal{textValue(t.text)}
	case tokParam:
		p.next()
		p.params++
		return &paramRef{p.params - 1}
	case tokOp:
		switch t.text {
		case "(":
			if p.startsQuery() {
				return p.subquery(scalarQuery, nil, false)
			}
			p.next()
			e := p.expr()
			if p.isOp(",") {
				p.refuse("row values")
			}
			p.expectOp(")")
			return e
		case "@@":
			p.next()
			return p.systemVariable()
		case "@":
			p.next()
			return &variableRef{name: p.ident(), user: true}
		}
		p.fail()
		return &literal{}
	case tokWord:
		if e := p.keywordExpr(t); e != nil {
			return e
		}
	}
	return p.columnOrCall()
}

func (p *parser) systemVariable() expr {
	name := p.ident()
	if (strings.EqualFold(name, "session") || strings.EqualFold(name, "global")) && p.acceptOp(".") {
		name = p.ident()
	}
	return &variableRef{name: strings.ToLower(name)}
}

// functionWords are reserved words that are also functions.
var functionWords = wordSet("LEFT RIGHT IF REPLACE MOD CURRENT_USER CURRENT_TIMESTAMP CURRENT_DATE CURRENT_TIME LOCALTIME LOCALTIMESTAMP DATABASE SCHEMA CHAR CURRENT_ROLE")

func (p *parser) keywordExpr(t token) expr {
	switch t.upper {
	case "NULL":
		p.next()
		return &literal{}
	case "TRUE", "FALSE":
		p.next()
		return &literal{boolValue(t.upper == "TRUE")}
	case "CASE":
		p.next()
		return p.caseExpr()
	case "EXISTS":
		p.next()
		return p.subquery(existsQuery, nil, false)
	case "CAST":
		p.next()
		p.expectOp("(")
		x := p.expr()
		p.expect("AS")
		typ := p.castType()
		p.expectOp(")")
		return &castExpr{x, typ}
	case "DATE", "DATETIME":
		if p.toks[p.i+1].kind == tokString {
			p.next()
			return &castExpr{&literal{textValue(p.next().text)}, dataType{kind: plainKinds[t.upper]}}
		}
	case "BINARY":
		if n := p.toks[p.i+1]; n.kind == tokString || n.kind == tokQuoted || n.kind == tokWord && !reservedWords[n.upper] {
			p.next()
			return p.unary()
		}
	}
	if functionWords[t.upper] {
		p.next()
		if p.isOp("(") {
			return p.call(t.upper)
		}
		if strings.HasPrefix(t.upper, "CURRENT_") || strings.HasPrefix(t.upper, "LOCALTIME") {
			return &callExpr{name: t.upper, agg: -1}
		}
		p.failAt(t)
	}
	return nil
}

// castType also takes the lengths-free CHAR and VARCHAR, which hold any text here.
func (p *parser) castType() dataType {
	bare := p.isWord("CHAR") || p.isWord("VARCHAR")
	from := p.i
	typ := p.parseType()
	if bare && p.i == from+1 {
		typ = dataType{kind: tVarchar, length: maxVarcharBytes}
	}
	return typ
}

func (p *parser) caseExpr() expr {
	e := &caseExpr{}
	if !p.isWord("WHEN") {
		e.operand = p.expr()
	}
	for p.accept("WHEN") {
		e.when = append(e.when, p.expr())
		p.expect("THEN")
		e.then = append(e.then, p.expr())
	}
	if len(e.when) == 0 {
		p.fail()
	}
	if p.accept("ELSE") {
		e.other = p.expr()
	}
	p.expect("END")
	return e
}

func (p *parser) columnOrCall() expr {
	name := p.ident()
	if p.err != nil {
		return &literal{}
	}
	if p.isOp("(") {
		return p.call(strings.ToUpper(name))
	}
	ref := &columnRef{name: name}
	for p.acceptOp(".") { // [[db.]table.]column
		t := p.peek()
		if t.kind == tokWord {
			p.next()
		} else {
			t.text = p.ident()
		}
		ref.db, ref.table, ref.name = ref.table, ref.name, t.text
	}
	return ref
}

func (p *parser) call(name string) expr {
	e := &callExpr{name: name, agg: -1}
	p.expectOp("(")
	if p.acceptOp(")") {
		return e
	}
	if p.acceptOp("*") {
		e.star = true
		p.expectOp(")")
		return e
	}
	e.distinct = p.accept("DISTINCT")
	if wordSet("DATE_ADD DATE_SUB ADDDATE SUBDATE")[name] {
		return p.dateShift(e)
	}
	e.args = p.exprList()
	if name == "GROUP_CONCAT" {
		if p.accept("ORDER", "BY") {
			e.orderBy = p.orderItems()
		}
		if p.accept("SEPARATOR") {
			e.separator = &literal{textValue(p.expectString())}
		}
	}
	p.expectOp(")")
	return e
}

// dateShift takes (time, INTERVAL n unit), or (time, n) for days.
func (p *parser) dateShift(e *callExpr) expr {
	e.name = map[bool]string{true: "DATE_SUB", false: "DATE_ADD"}[strings.Contains(e.name, "SUB")]
	e.args = []expr{p.expr()}
	p.expectOp(",")
	var amount, unit expr = nil, &literal{textValue("DAY")}
	if p.isInterval() {
		amount, unit = p.interval()
	} else {
		amount = p.expr()
	}
	e.args = append(e.args, amount, unit)
	p.expectOp(")")
	return e
}

func numberLiteral(text string) value {
	if strings.ContainsAny(text, "eE") {
		f, _ := value{kind: vText, s: text}.float()
		return floatValue(f)
	}
	n, scale, ok := parseDecimal([]byte(text))
	switch {
	case !ok:
		return null
	case scale == 0 && n.IsInt64():
		return intValue(n.Int64())
	}
	return value{kind: vDecimal, n: n, scale: scale}
}
