package emulator

import (
	"bytes"
	"cmp"
	"math/big"
	"strconv"
	"strings"
)

type valueKind uint8

const (
	vNull valueKind = iota
	vBool
	vInt
	vDecimal // n / 10^scale
	vFloat
	vText
	vBytes
	vDate
	vDatetime
	vJSON
)

// value is one SQL value during evaluation. Dates keep their canonical text, which
// compares as they do.
type value struct {
	kind  valueKind
	i     int64
	f     float64
	s     string
	n     *big.Int
	scale int
}

var null = value{}

func intValue(i int64) value     { return value{kind: vInt, i: i} }
func textValue(s string) value   { return value{kind: vText, s: s} }
func floatValue(f float64) value { return value{kind: vFloat, f: f} }
func boolValue(b bool) value {
	if b {
		return value{kind: vBool, i: 1}
	}
	return value{kind: vBool}
}

// cellValue reads a stored cell.
func cellValue(t dataType, cell string, isNull bool) value {
	if isNull {
		return null
	}
	switch t.kind {
	case tBoolean:
		return boolValue(cell == "1")
	case tTinyint, tSmallint, tInt, tBigint:
		i, _ := strconv.ParseInt(cell, 10, 64)
		return intValue(i)
	case tLargeint:
		n, _ := new(big.Int).SetString(cell, 10)
		return value{kind: vDecimal, n: n}
	case tDecimal:
		n, _ := new(big.Int).SetString(strings.Replace(cell, ".", "", 1), 10)
		scale := t.scale
		if t.v2 {
			scale = 0
			if point := strings.IndexByte(cell, '.'); point >= 0 {
				scale = len(cell) - point - 1
			}
		}
		return value{kind: vDecimal, n: n, scale: scale}
	case tFloat, tDouble:
		f, _ := strconv.ParseFloat(cell, 64)
		return floatValue(f)
	case tDate:
		return value{kind: vDate, s: cell}
	case tDatetime:
		return value{kind: vDatetime, s: cell}
	case tVarbinary:
		return value{kind: vBytes, s: cell}
	case tJSON:
		return value{kind: vJSON, s: cell}
	}
	return textValue(cell)
}

// text is the value as the text protocol sends it.
func (v value) text() string {
	switch v.kind {
	case vBool, vInt:
		return strconv.FormatInt(v.i, 10)
	case vDecimal:
		return formatDecimal(v.n, v.scale)
	case vFloat:
		return formatDouble(v.f, 64)
	}
	return v.s
}

func formatDecimal(n *big.Int, scale int) string {
	s := new(big.Int).Abs(n).String()
	if scale > 0 {
		if len(s) <= scale {
			s = strings.Repeat("0", scale+1-len(s)) + s
		}
		s = s[:len(s)-scale] + "." + s[len(s)-scale:]
	}
	if n.Sign() < 0 {
		s = "-" + s
	}
	return s
}

// formatDouble prints the shortest digits that read back as the same number, with an
// exponent where the plain digits would need padding.
func formatDouble(f float64, bits int) string {
	limit := 17
	if bits == 32 {
		limit = 9
	}
	s := strconv.FormatFloat(f, 'e', -1, bits)
	e := strings.IndexByte(s, 'e')
	if e < 0 {
		return s
	}
	if exp, _ := strconv.Atoi(s[e+1:]); exp >= -4 && exp < limit {
		return strconv.FormatFloat(f, 'f', -1, bits)
	}
	return s
}

func (v value) isNumber() bool { return v.kind >= vBool && v.kind <= vFloat }

// float is the value as a DOUBLE; ok is false for text that is no number.
func (v value) float() (f float64, ok bool) {
	switch v.kind {
	case vBool, vInt:
		return float64(v.i), true
	case vFloat:
		return v.f, true
	case vNull:
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(v.text()), 64)
	return f, err == nil
}

// decimal is an exact number as unscaled digits and scale.
func (v value) decimal() (*big.Int, int) {
	if v.kind == vDecimal {
		return v.n, v.scale
	}
	return big.NewInt(v.i), 0
}

func (v value) truth() (is, known bool) {
	switch v.kind {
	case vNull:
		return false, false
	case vBool, vInt:
		return v.i != 0, true
	case vDecimal:
		return v.n.Sign() != 0, true
	}
	if strings.EqualFold(v.s, "true") {
		return true, true
	}
	f, ok := v.float()
	return f != 0, ok
}

// compareValues orders two values; known is false when either is NULL or they cannot
// be compared.
func compareValues(a, b value) (order int, known bool) {
	switch {
	case a.kind == vNull || b.kind == vNull:
		return 0, false
	case a.isNumber() && b.isNumber():
		if a.kind == vFloat || b.kind == vFloat {
			x, _ := a.float()
			y, _ := b.float()
			return cmp.Compare(x, y), true
		}
		if a.kind != vDecimal && b.kind != vDecimal {
			return cmp.Compare(a.i, b.i), true
		}
		x, y, _ := alignDecimals(a, b)
		return x.Cmp(y), true
	case a.isNumber() || b.isNumber():
		return compareNumberText(a, b)
	case a.kind == vDate || a.kind == vDatetime || b.kind == vDate || b.kind == vDatetime:
		x, ok1 := convertText(dataType{kind: tDatetime}, []byte(a.s), nil)
		y, ok2 := convertText(dataType{kind: tDatetime}, []byte(b.s), nil)
		return bytes.Compare(x, y), ok1 && ok2
	}
	return strings.Compare(a.s, b.s), true
}

// compareNumberText compares a number with text: exactly when the text is a plain
// number, so that 20-digit keys are not rounded.
func compareNumberText(a, b value) (int, bool) {
	exact := func(v value) (value, bool) {
		if v.isNumber() {
			return v, v.kind != vFloat
		}
		n, scale, ok := parseDecimal([]byte(strings.TrimSpace(v.s)))
		return value{kind: vDecimal, n: n, scale: scale}, ok
	}
	x, ok1 := exact(a)
	y, ok2 := exact(b)
	if ok1 && ok2 {
		return compareValues(x, y)
	}
	fx, ok1 := a.float()
	fy, ok2 := b.float()
	return cmp.Compare(fx, fy), ok1 && ok2
}

func alignDecimals(a, b value) (x, y *big.Int, scale int) {
	x, sx := a.decimal()
	y, sy := b.decimal()
	scale = max(sx, sy)
	return scaleUp(x, scale-sx), scaleUp(y, scale-sy), scale
}

func scaleUp(n *big.Int, digits int) *big.Int {
	if digits == 0 {
		return n
	}
	return new(big.Int).Mul(n, powerOfTen(digits))
}

func powerOfTen(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }
