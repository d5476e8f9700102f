package emulator

import (
	"math"
	"math/big"
	"strings"
	"unicode/utf8"
)

func (e *literal) eval(*rowScope) (value, error) { return e.v, nil }

func (e *columnRef) eval(r *rowScope) (value, error) {
	for range e.depth {
		r = r.outer
	}
	if e.index >= len(r.cells) {
		return null, errUnresolved(e.name)
	}
	return r.cells[e.index], nil
}

func (e *paramRef) eval(r *rowScope) (value, error) {
	if e.n >= len(r.params) {
		return null, nil
	}
	return r.params[e.n], nil
}

func (e *variableRef) eval(r *rowScope) (value, error) { return r.session.variable(e) }

func negate(v value) value {
	switch v.kind {
	case vBool, vInt:
		if v.i == math.MinInt64 {
			return value{kind: vDecimal, n: new(big.Int).Neg(big.NewInt(v.i))}
		}
		return intValue(-v.i)
	case vDecimal:
		n := new(big.Int).Neg(v.n)
		if v.scale == 0 && n.IsInt64() {
			return intValue(n.Int64())
		}
		return value{kind: vDecimal, n: n, scale: v.scale}
	}
	f, ok := v.float()
	if !ok {
		return null
	}
	return floatValue(-f)
}

func (e *unaryExpr) eval(r *rowScope) (value, error) {
	v, err := e.x.eval(r)
	if err != nil {
		return null, err
	}
	if e.op == "-" {
		return negate(v), nil
	}
	is, known := v.truth()
	if !known {
		return null, nil
	}
	return boolValue(!is), nil
}

func (e *binaryExpr) eval(r *rowScope) (value, error) {
	x, err := e.x.eval(r)
	if err != nil {
		return null, err
	}
	if e.op == "AND" || e.op == "OR" {
		return e.evalLogic(x, r)
	}
	y, err := e.y.eval(r)
	if err != nil {
		return null, err
	}
	switch e.op {
	case "/":
		return e.divide(x, y), nil
	case "+", "-", "*", "%", "DIV":
		return arithmetic(e.op, x, y), nil
	case "REGEXP":
		return matchRegexp(x, y)
	case "LIKE":
		if x.kind == vNull || y.kind == vNull {
			return null, nil
		}
		return boolValue(likeMatch(x.text(), y.text())), nil
	case "<=>":
		if x.kind == vNull || y.kind == vNull {
			return boolValue(x.kind == y.kind), nil
		}
	}
	order, known := compareValues(x, y)
	if !known {
		return null, nil
	}
	switch e.op {
	case "=", "<=>":
		return boolValue(order == 0), nil
	case "<>":
		return boolValue(order != 0), nil
	case "<":
		return boolValue(order < 0), nil
	case "<=":
		return boolValue(order <= 0), nil
	case ">":
		return boolValue(order > 0), nil
	}
	return boolValue(order >= 0), nil
}

// divide gives a DECIMAL only where a DECIMAL is divided or divides.
func (e *binaryExpr) divide(x, y value) value {
	exact := x.isNumber() && y.isNumber() && x.kind != vFloat && y.kind != vFloat
	if exact && (x.kind == vDecimal || y.kind == vDecimal) {
		if t := e.resultType(); t.kind == tDecimal {
			return divideDecimals(x, y, t.scale)
		}
	}
	return arithmetic("/", x, y)
}

func (e *binaryExpr) evalLogic(x value, r *rowScope) (value, error) {
	decides := e.op == "OR"
	is, known := x.truth()
	if known && is == decides {
		return boolValue(decides), nil
	}
	y, err := e.y.eval(r)
	if err != nil {
		return null, err
	}
	is2, known2 := y.truth()
	switch {
	case known2 && is2 == decides:
		return boolValue(decides), nil
	case known && known2:
		return boolValue(!decides), nil
	}
	return null, nil
}

func arithmetic(op string, x, y value) value {
	if x.kind == vNull || y.kind == vNull {
		return null
	}
	exact := x.isNumber() && y.isNumber() && x.kind != vFloat && y.kind != vFloat
	if !exact || op == "/" {
		return floatArithmetic(op, x, y)
	}
	if x.kind == vInt && y.kind == vInt {
		if sum := x.i + y.i; op == "+" && (sum > x.i) == (y.i > 0) {
			return intValue(sum)
		}
		if difference := x.i - y.i; op == "-" && (difference < x.i) == (y.i > 0) {
			return intValue(difference)
		}
	}
	a, b, scale := alignDecimals(x, y)
	n := new(big.Int)
	switch op {
	case "+":
		n.Add(a, b)
	case "-":
		n.Sub(a, b)
	case "*":
		n.Mul(a, b)
		_, sx := x.decimal()
		_, sy := y.decimal()
		n = rescale(n, 2*scale, sx+sy)
		scale = sx + sy
	case "%":
		if b.Sign() == 0 {
			return null
		}
		n.Rem(a, b)
	case "DIV":
		if b.Sign() == 0 {
			return null
		}
		n.Quo(a, b)
		scale = 0
	}
	if scale == 0 && n.IsInt64() {
		return intValue(n.Int64())
	}
	return value{kind: vDecimal, n: n, scale: scale}
}

func floatArithmetic(op string, x, y value) value {
	a, ok1 := x.float()
	b, ok2 := y.float()
	if !ok1 || !ok2 {
		return null
	}
	switch op {
	case "+":
		return floatValue(a + b)
	case "-":
		return floatValue(a - b)
	case "*":
		return floatValue(a * b)
	}
	if b == 0 {
		return null
	}
	switch op {
	case "/":
		return floatValue(a / b)
	case "%":
		return floatValue(math.Mod(a, b))
	}
	return intValue(int64(a / b))
}

// likeMatch matches % and _, with backslash as escape.
func likeMatch(s, pattern string) bool {
	// back is where to resume after the last %: the usual greedy walk without recursion.
	si, pi, backS, backP := 0, 0, -1, -1
	for si < len(s) {
		_, n := utf8.DecodeRuneInString(s[si:])
		switch {
		case pi < len(pattern) && pattern[pi] == '%':
			pi++
			backS, backP = si, pi
			continue
		case pi < len(pattern) && pattern[pi] == '_':
			si += n
			pi++
			continue
		case pi < len(pattern):
			p, w := pattern[pi], 1
			if p == '\\' && pi+1 < len(pattern) {
				p, w = pattern[pi+1], 2
			}
			if s[si] == p {
				si++
				pi += w
				continue
			}
		}
		if backP < 0 {
			return false
		}
		backS++
		si, pi = backS, backP
	}
	return strings.Trim(pattern[pi:], "%") == ""
}

func (e *betweenExpr) eval(r *rowScope) (value, error) {
	x, err := e.x.eval(r)
	if err != nil {
		return null, err
	}
	once := &literal{x}
	within := &binaryExpr{op: "AND", x: &binaryExpr{op: ">=", x: once, y: e.low}, y: &binaryExpr{op: "<=", x: once, y: e.high}}
	if e.not {
		return (&unaryExpr{"NOT", within}).eval(r)
	}
	return within.eval(r)
}

func (e *isNullExpr) eval(r *rowScope) (value, error) {
	x, err := e.x.eval(r)
	return boolValue((x.kind == vNull) != e.not), err
}

func (e *isTruthExpr) eval(r *rowScope) (value, error) {
	x, err := e.x.eval(r)
	is, known := x.truth()
	return boolValue((known && is == e.truth) != e.not), err
}

func (e *caseExpr) eval(r *rowScope) (value, error) {
	var operand expr
	if e.operand != nil {
		v, err := e.operand.eval(r)
		if err != nil {
			return null, err
		}
		operand = &literal{v}
	}
	for i, w := range e.when {
		test := w
		if operand != nil {
			test = &binaryExpr{"=", operand, w}
		}
		v, err := test.eval(r)
		if err != nil {
			return null, err
		}
		if is, known := v.truth(); is && known {
			return e.then[i].eval(r)
		}
	}
	if e.other == nil {
		return null, nil
	}
	return e.other.eval(r)
}

func (e *castExpr) eval(r *rowScope) (value, error) {
	x, err := e.x.eval(r)
	if err != nil || x.kind == vNull {
		return null, err
	}
	return castValue(e.typ, x), nil
}

// castValue casts as an expression does: what does not fit is NULL.
func castValue(t dataType, v value) value {
	if v.kind == vNull {
		return null
	}
	cell, ok := storeValue(t, v)
	if !ok {
		return null
	}
	return cellValue(t, string(cell), false)
}

// storeValue is the canonical cell of a value in a column of type t.
func storeValue(t dataType, v value) (cell []byte, ok bool) {
	switch {
	case t.kind == tJSON && v.kind == vJSON:
		return []byte(v.s), true
	case t.kind == tJSON && v.isNumber():
		return []byte(v.text()), true
	case t.isInteger() && v.kind == vFloat:
		n, _ := new(big.Float).SetFloat64(v.f).Int(nil)
		return convertText(t, n.Append(nil, 10), nil)
	}
	return convertText(t, []byte(v.text()), nil)
}
