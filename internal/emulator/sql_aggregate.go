package emulator

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

var aggregateNames = wordSet("COUNT SUM MIN MAX AVG ANY_VALUE GROUP_CONCAT")

// isAggregate also tells MIN(x) from a plain function by name alone.
func (e *callExpr) isAggregate() bool { return aggregateNames[e.name] }

func (e *callExpr) checkAggregate() error {
	fits := len(e.args) == 1
	switch {
	case e.name == "COUNT" && e.star:
		fits = len(e.args) == 0
	case e.star:
		fits = false
	case e.name == "COUNT" && e.distinct, e.name == "GROUP_CONCAT":
		fits = len(e.args) > 0
	}
	if !fits {
		return analysisError("No matching function with signature: %s(%d arguments)", strings.ToLower(e.name), len(e.args))
	}
	return walkAll(e.args, func(x expr) error {
		if c, ok := x.(*callExpr); ok && c.isAggregate() {
			return analysisError("Aggregate functions can't be nested")
		}
		return nil
	})
}

func walkAll(list []expr, visit func(expr) error) error {
	for _, e := range list {
		if err := walk(e, visit); err != nil {
			return err
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
	texts    []outRow // of group_concat, with their sort keys
}

// accumulate adds the row of the scope. NULLs do not count.
func (s *aggregate) accumulate(a *callExpr, r *rowScope) error {
	if a.star {
		s.count++
		return nil
	}
	var single [1]value
	args := single[:0]
	for _, x := range a.args {
		v, err := x.eval(r)
		if err != nil {
			return err
		}
		if v.kind == vNull {
			if a.name == "ANY_VALUE" {
				break
			}
			return nil
		}
		args = append(args, v)
	}
	if len(args) < len(a.args) {
		return nil
	}
	if a.distinct {
		if s.distinct == nil {
			s.distinct = map[string]bool{}
		}
		k := rowKey(args)
		if s.distinct[k] {
			return nil
		}
		s.distinct[k] = true
	}
	if a.name == "GROUP_CONCAT" {
		return s.addText(a, args, r)
	}
	s.add(a, args[0])
	return nil
}

func (s *aggregate) add(a *callExpr, v value) {
	s.count++
	switch a.name {
	case "SUM", "AVG":
		if !v.isNumber() {
			f, _ := v.float()
			v = floatValue(f)
		}
		if s.count == 1 {
			s.sum = v
			if v.kind == vDecimal {
				s.sum.n = new(big.Int).Set(v.n) // ours to add to
			}
			return
		}
		if s.sum.kind == vDecimal && v.kind == vDecimal && s.sum.scale == v.scale {
			s.sum.n.Add(s.sum.n, v.n)
			return
		}
		s.sum = arithmetic("+", s.sum, v)
	case "MIN", "MAX":
		order, _ := compareValues(v, s.best)
		if s.best.kind == vNull || a.name == "MIN" && order < 0 || a.name == "MAX" && order > 0 {
			s.best = v
		}
	case "ANY_VALUE":
		if s.count == 1 {
			s.best = v
		}
	}
}

func (s *aggregate) addText(a *callExpr, args []value, r *rowScope) error {
	s.count++
	var b strings.Builder
	for _, v := range args {
		b.WriteString(v.text())
	}
	row := outRow{cells: []value{textValue(b.String())}}
	for _, o := range a.orderBy {
		v, err := o.x.eval(r)
		if err != nil {
			return err
		}
		row.keys = append(row.keys, v)
	}
	s.texts = append(s.texts, row)
	return nil
}

func (s *aggregate) result(a *callExpr, r *rowScope) (value, error) {
	switch {
	case a.name == "COUNT":
		return intValue(s.count), nil
	case s.count == 0:
		return null, nil
	case a.name == "GROUP_CONCAT":
		return s.concatenated(a, r)
	case a.name == "SUM":
		if s.sum.kind == vBool {
			return intValue(s.sum.i), nil
		}
		return s.sum, nil
	case a.name == "AVG":
		if t := a.resultType(); t.kind == tDecimal && s.sum.kind == vDecimal {
			return divideDecimals(s.sum, intValue(s.count), t.scale), nil
		}
		return floatArithmetic("/", s.sum, intValue(s.count)), nil
	}
	return s.best, nil
}

func (s *aggregate) concatenated(a *callExpr, r *rowScope) (value, error) {
	separator := ","
	if a.separator != nil {
		v, err := a.separator.eval(r)
		if err != nil {
			return null, err
		}
		separator = v.text()
	}
	slices.SortStableFunc(s.texts, func(x, y outRow) int { return compareKeys(a.orderBy, x.keys, y.keys) })
	texts := make([]string, len(s.texts))
	for i, t := range s.texts {
		texts[i] = t.cells[0].s
	}
	return textValue(strings.Join(texts, separator)), nil
}

// resultType is what a call is declared as; functions that pass their arguments on have
// the type all of them fit in.
func (e *callExpr) resultType() dataType {
	switch e.name {
	case "COUNT":
		return typeBigint
	case "AVG", "SUM", "MIN", "MAX", "ANY_VALUE", "ABS", "NULLIF", "MOD", "ROUND", "TRUNCATE":
		if len(e.args) == 0 {
			return typeText
		}
		return e.numericType(typeOf(e.args[0]))
	case "IFNULL", "COALESCE", "GREATEST", "LEAST":
		return typeOfAll(e.args)
	case "IF":
		if len(e.args) == 3 {
			return typeOfAll(e.args[1:])
		}
	case "DATE_ADD", "DATE_SUB":
		return typeTime
	case "GROUP_CONCAT":
		return typeText
	}
	return functions[e.name].typ
}

func (e *callExpr) numericType(t dataType) dataType {
	switch e.name {
	case "AVG":
		if t.kind == tDecimal {
			return dataType{kind: tDecimal, precision: 38, scale: quotientScale(t.scale)}
		}
		return typeDouble
	case "SUM":
		return sumType(t)
	case "ROUND", "TRUNCATE":
		return e.roundedType(t)
	case "MOD":
		if len(e.args) == 2 {
			return (&binaryExpr{op: "%", x: e.args[0], y: e.args[1]}).resultType()
		}
	case "ABS":
		if t.isText() {
			return typeDouble
		}
	}
	return t
}

// roundedType: a DECIMAL keeps the digits asked for, without digits a DOUBLE becomes a BIGINT.
func (e *callExpr) roundedType(t dataType) dataType {
	if t.kind != tDecimal {
		if len(e.args) == 1 {
			return typeBigint
		}
		return typeDouble
	}
	scale := 0
	if len(e.args) == 2 {
		scale = t.scale
		if l, ok := e.args[1].(*literal); ok && l.v.kind == vInt {
			scale = int(min(max(l.v.i, 0), int64(t.scale)))
		}
	}
	return dataType{kind: tDecimal, precision: 38, scale: scale}
}

func sumType(t dataType) dataType {
	switch {
	case t.kind == tDecimal:
		return dataType{kind: tDecimal, precision: 38, scale: t.scale}
	case t.kind == tLargeint:
		return t
	case t.isInteger() || t.kind == tBoolean:
		return typeBigint
	}
	return typeDouble
}

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
		if sub, ok := e.(*subqueryExpr); ok {
			for _, ref := range sub.q.outerRefs {
				own := *ref
				if own.depth--; own.depth > 0 {
					continue
				}
				if err := check(&own); err != nil {
					return err
				}
			}
		}
		if isKey(e) {
			return nil
		}
		if c, ok := e.(*callExpr); ok && c.agg >= 0 {
			return nil
		}
		if ref, ok := e.(*columnRef); ok && ref.depth == 0 {
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
	for _, o := range q.orderBy {
		if err := check(o.x); err != nil {
			return err
		}
	}
	if q.st.having == nil {
		return nil
	}
	return check(q.st.having)
}

func sameExpr(a, b expr) bool {
	x, ok1 := a.(*columnRef)
	y, ok2 := b.(*columnRef)
	if ok1 && ok2 {
		return x.index == y.index && x.depth == y.depth
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
		return "#" + strconv.Itoa(n.depth) + ":" + strconv.Itoa(n.index)
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
	case *caseExpr:
		fmt.Fprint(&b, "CASE", n.operand != nil, n.other != nil)
	case *isNullExpr:
		fmt.Fprint(&b, "NULL", n.not)
	case *isTruthExpr:
		fmt.Fprint(&b, "TRUTH", n.truth, n.not)
	case *inExpr:
		fmt.Fprint(&b, "IN", n.not)
	case *betweenExpr:
		fmt.Fprint(&b, "BETWEEN", n.not)
	default:
		return fmt.Sprintf("%p", e)
	}
	for _, x := range e.parts() {
		b.WriteString("(" + exprText(x) + ")")
	}
	return b.String()
}
