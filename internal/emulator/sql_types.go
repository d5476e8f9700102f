package emulator

import (
	"math"
	"math/big"
)

func (t dataType) isExact() bool {
	return t.kind == tBoolean || t.isInteger() || t.kind == tDecimal
}
func (t dataType) isNumeric() bool {
	return t.isExact() || t.kind == tFloat || t.kind == tDouble
}
func (t dataType) isTime() bool { return t.kind == tDate || t.kind == tDatetime }

// typeOf is the static type of an expression: what the field of a result is declared as.
func typeOf(e expr) dataType {
	switch x := e.(type) {
	case *columnRef:
		return x.typ
	case *castExpr:
		return x.typ
	case *literal:
		return literalType(x.v)
	case *inExpr, *betweenExpr, *isNullExpr, *isTruthExpr:
		return dataType{kind: tBoolean}
	case *subqueryExpr:
		if x.kind == scalarQuery && x.q != nil {
			return x.q.columns[0].typ
		}
		return dataType{kind: tBoolean}
	case *unaryExpr:
		if x.op == "NOT" {
			return dataType{kind: tBoolean}
		}
		return typeOf(x.x)
	case *binaryExpr:
		return x.resultType()
	case *caseExpr:
		return typeOfAll(append(append([]expr{}, x.then...), x.otherParts()...))
	case *callExpr:
		return x.resultType()
	}
	return typeText
}

// typeOfAll is the type that holds the values of every one of the expressions.
func typeOfAll(list []expr) dataType {
	t := dataType{kind: tNull}
	for _, e := range list {
		t = commonType(t, typeOf(e))
	}
	return t
}

// commonType is the type that two columns of a UNION, or two branches of a CASE, have in
// common.
func commonType(a, b dataType) dataType {
	switch {
	case a == b || b.kind == tNull:
		return a
	case a.kind == tNull:
		return b
	case a.isNumeric() && b.isNumeric():
		return commonNumber(a, b)
	case a.isTime() && b.isTime():
		return typeTime
	case a.kind == b.kind && a.kind != tChar:
		return dataType{kind: a.kind, length: max(a.length, b.length)}
	}
	return dataType{kind: tVarchar, length: max(a.length, b.length, 1)}
}

func commonNumber(a, b dataType) dataType {
	switch {
	case !a.isExact() || !b.isExact():
		return typeDouble
	case a.kind == tDecimal || b.kind == tDecimal:
		a, b = a.asDecimal(), b.asDecimal()
		scale := max(a.scale, b.scale)
		return dataType{kind: tDecimal, precision: min(38, max(a.precision-a.scale, b.precision-b.scale)+scale), scale: scale}
	}
	return dataType{kind: max(a.kind, b.kind)} // the kinds of integers are in order of width
}

// asDecimal is the decimal type that an exact number is taken for beside a decimal.
func (t dataType) asDecimal() dataType {
	switch t.kind {
	case tDecimal:
		return t
	case tLargeint:
		return dataType{kind: tDecimal, precision: 38}
	case tBigint:
		return dataType{kind: tDecimal, precision: 18}
	}
	return dataType{kind: tDecimal, precision: 9}
}

func literalType(v value) dataType {
	switch v.kind {
	case vNull:
		return dataType{kind: tNull}
	case vBool:
		return dataType{kind: tBoolean}
	case vInt:
		for _, k := range []typeKind{tTinyint, tSmallint, tInt} {
			if v.i >= bounds[k][0] && v.i <= bounds[k][1] {
				return dataType{kind: k}
			}
		}
		return typeBigint
	case vDecimal:
		if v.scale == 0 {
			return dataType{kind: tLargeint}
		}
		digits := len(new(big.Int).Abs(v.n).String())
		return dataType{kind: tDecimal, precision: min(38, max(digits, v.scale)), scale: v.scale}
	case vFloat:
		return typeDouble
	case vDate:
		return dataType{kind: tDate}
	case vDatetime:
		return typeTime
	}
	return dataType{kind: tVarchar, length: max(1, len(v.s))}
}

// resultType follows StarRocks: sums and products of integers take the next wider type,
// a quotient of integers is a DOUBLE, a quotient with a DECIMAL gains six digits.
func (e *binaryExpr) resultType() dataType {
	switch e.op {
	case "+", "-", "*", "%", "DIV", "/":
	default:
		return dataType{kind: tBoolean}
	}
	a, b := typeOf(e.x), typeOf(e.y)
	switch {
	case e.op == "DIV":
		if a.kind == tLargeint || b.kind == tLargeint {
			return dataType{kind: tLargeint}
		}
		return typeBigint
	case a.kind == tNull && b.kind == tNull:
		return typeDouble
	case !a.isExact() && a.kind != tNull || !b.isExact() && b.kind != tNull:
		return typeDouble
	case a.kind == tDecimal || b.kind == tDecimal:
		return decimalResult(e.op, a.asDecimal(), b.asDecimal())
	case e.op == "/":
		return typeDouble
	}
	wide := dataType{kind: max(a.kind, b.kind, tTinyint)}
	if e.op != "%" && wide.kind < tBigint {
		wide.kind = min(wide.kind+1, tBigint)
	}
	return wide
}

func decimalResult(op string, a, b dataType) dataType {
	scale := max(a.scale, b.scale)
	precision := 38
	switch op {
	case "+", "-":
		precision = max(a.precision-a.scale, b.precision-b.scale) + scale + 1
	case "*":
		precision, scale = a.precision+b.precision, a.scale+b.scale
	case "/":
		scale = quotientScale(a.scale)
	}
	return dataType{kind: tDecimal, precision: min(38, precision), scale: min(38, scale)}
}

func quotientScale(dividend int) int {
	switch {
	case dividend <= 6:
		return dividend + 6
	case dividend <= 12:
		return 12
	}
	return dividend
}

// divideDecimals rounds half away from zero.
func divideDecimals(x, y value, scale int) value {
	a, b, _ := alignDecimals(x, y)
	if b.Sign() == 0 {
		return null
	}
	n := new(big.Int).Mul(a, powerOfTen(scale+1))
	n.Quo(n, b)
	return value{kind: vDecimal, n: dropDigit(n), scale: scale}
}

func dropDigit(n *big.Int) *big.Int {
	ten, rest := big.NewInt(10), new(big.Int)
	quotient, _ := new(big.Int).QuoRem(n, ten, rest)
	if rest.Int64() >= 5 {
		quotient.Add(quotient, big.NewInt(1))
	} else if rest.Int64() <= -5 {
		quotient.Sub(quotient, big.NewInt(1))
	}
	return quotient
}

// conform makes a value one of the type that its column is declared as.
func conform(t dataType, v value) value {
	switch v.kind {
	case vNull:
		return v
	case vBool, vInt:
		if t.isInteger() && t.kind != tLargeint || t.kind == tBoolean {
			return v
		}
		if t.kind == tLargeint || t.kind == tDecimal {
			n, scale := v.decimal()
			return value{kind: vDecimal, n: scaleUp(n, t.scale-scale), scale: t.scale}
		}
	case vDecimal:
		return conformDecimal(t, v)
	case vFloat:
		if t.kind == tDouble || t.kind == tFloat {
			return v
		}
	case vText:
		if t.isText() {
			return v
		}
	case vDate, vDatetime, vBytes, vJSON:
		if t.kind == map[valueKind]typeKind{vDate: tDate, vDatetime: tDatetime, vBytes: tVarbinary, vJSON: tJSON}[v.kind] {
			return v
		}
	}
	switch {
	case t.kind == tNull:
		return v
	case t.kind == tDouble || t.kind == tFloat:
		f, ok := v.float()
		if !ok {
			return null
		}
		return floatValue(f)
	case t.isText():
		return textValue(v.text())
	}
	return castValue(t, v)
}

func conformDecimal(t dataType, v value) value {
	switch {
	case t.kind == tDecimal && v.scale == t.scale:
		return v
	case t.kind == tDecimal && v.scale < t.scale:
		return value{kind: vDecimal, n: scaleUp(v.n, t.scale-v.scale), scale: t.scale}
	case t.kind == tDecimal:
		n := new(big.Int).Quo(v.n, powerOfTen(v.scale-t.scale-1))
		return value{kind: vDecimal, n: dropDigit(n), scale: t.scale}
	case t.kind == tLargeint && v.scale == 0:
		return v
	case t.kind == tBigint && v.scale == 0: // 64 bits wrap round
		low := new(big.Int).And(v.n, new(big.Int).SetUint64(math.MaxUint64))
		return intValue(int64(low.Uint64()))
	case t.kind == tDouble || t.kind == tFloat:
		f, _ := v.float()
		return floatValue(f)
	case t.isText():
		return textValue(v.text())
	}
	return castValue(t, v)
}
