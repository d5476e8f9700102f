package emulator

import (
	"bytes"
	"encoding/base64"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// The conversions append the canonical text of a value to dst: the text SELECT prints
// and the store keeps. ok false means the value does not fit the type, which becomes
// NULL or a filtered row, as strict mode decides.

// convertCSV converts a CSV field.
func convertCSV(t dataType, in, dst []byte) (out []byte, ok bool) {
	switch t.kind {
	case tVarbinary:
		raw := in
		if decoded, err := base64.StdEncoding.DecodeString(string(in)); err == nil {
			raw = decoded // raw text that happens to be base64 is corrupted, as in StarRocks
		}
		return append(dst, raw...), len(raw) <= t.length
	case tJSON:
		return jsonFromText(in, dst)
	}
	return convertText(t, in, dst)
}

// convertText casts a text to a type, as INSERT does and as both loaders do for most types.
func convertText(t dataType, in, dst []byte) (out []byte, ok bool) {
	switch t.kind {
	case tBoolean:
		return convertBoolean(in, dst)
	case tTinyint, tSmallint, tInt, tBigint, tLargeint:
		return convertInteger(t.kind, in, dst)
	case tFloat, tDouble:
		return convertFloat(t.kind, in, dst)
	case tDecimal:
		return convertDecimal(t, in, dst)
	case tDate, tDatetime:
		return convertDate(t.kind, in, dst)
	case tChar, tVarchar, tVarbinary:
		return append(dst, in...), len(in) <= t.length
	case tJSON:
		return jsonFromText(in, dst)
	}
	return dst, false
}

func convertBoolean(in, dst []byte) ([]byte, bool) {
	switch strings.ToLower(string(in)) {
	case "true", "1":
		return append(dst, '1'), true
	case "false", "0":
		return append(dst, '0'), true
	}
	f, err := strconv.ParseFloat(string(in), 64)
	if err != nil {
		return dst, false
	}
	if f != 0 {
		return append(dst, '1'), true
	}
	return append(dst, '0'), true
}

const blanks = " \t\n\r\f\v"

// trimBlanks is bytes.Trim for the usual case that there is nothing to trim.
func trimBlanks(in []byte) []byte {
	if len(in) == 0 || in[0] > ' ' && in[len(in)-1] > ' ' {
		return in
	}
	return bytes.Trim(in, blanks)
}

func convertInteger(kind typeKind, in, dst []byte) ([]byte, bool) {
	in = trimBlanks(in)
	if n, ok := parseShortInt(in); ok {
		if b, limited := bounds[kind]; limited && (n < b[0] || n > b[1]) {
			return dst, false
		}
		return strconv.AppendInt(dst, n, 10), true
	}
	n, scale, ok := parseDecimal(in)
	if !ok {
		return dst, false
	}
	if scale > 0 {
		n = new(big.Int).Quo(n, powerOfTen(scale))
	}
	if kind == tLargeint {
		return n.Append(dst, 10), n.Cmp(minLargeint) >= 0 && n.Cmp(maxLargeint) <= 0
	}
	if !n.IsInt64() || n.Int64() < bounds[kind][0] || n.Int64() > bounds[kind][1] {
		return dst, false
	}
	return strconv.AppendInt(dst, n.Int64(), 10), true
}

// parseShortInt reads up to 18 digits without allocating.
func parseShortInt(in []byte) (n int64, ok bool) {
	i, negative := 0, false
	if len(in) > 0 && (in[0] == '-' || in[0] == '+') {
		negative, i = in[0] == '-', 1
	}
	if len(in) == i || len(in)-i > 18 {
		return 0, false
	}
	for ; i < len(in); i++ {
		if !isDigit(in[i]) {
			return 0, false
		}
		n = n*10 + int64(in[i]-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

// parseDecimal reads [-+]digits[.digits][e[-+]digits] exactly. Exponents are limited so
// that a short text cannot ask for a huge number.
func parseDecimal(in []byte) (n *big.Int, scale int, ok bool) {
	mantissa, exponent := in, 0
	if e := bytes.IndexAny(in, "eE"); e >= 0 {
		x, err := strconv.Atoi(string(in[e+1:]))
		if err != nil || x < -400 || x > 400 {
			return nil, 0, false
		}
		mantissa, exponent = in[:e], x
	}
	digits := make([]byte, 0, len(mantissa))
	point, seen := -1, 0
	for i, c := range mantissa {
		switch {
		case i == 0 && (c == '-' || c == '+'):
			if c == '-' {
				digits = append(digits, c)
			}
		case c == '.' && point < 0:
			point = seen
		case isDigit(c):
			digits = append(digits, c)
			seen++
		default:
			return nil, 0, false
		}
	}
	if seen == 0 || seen > 4096 {
		return nil, 0, false
	}
	n, ok = new(big.Int).SetString(string(digits), 10)
	if !ok {
		return nil, 0, false
	}
	if point >= 0 {
		scale = seen - point
	}
	scale -= exponent
	if scale < 0 {
		n, scale = scaleUp(n, -scale), 0
	}
	return n, scale, true
}

func convertDecimal(t dataType, in, dst []byte) ([]byte, bool) {
	n, scale, ok := parseDecimal(bytes.Trim(in, blanks))
	if !ok {
		return dst, false
	}
	if t.v2 { // it is kept with nine digits first, and rounded a second time by the sink
		if n, scale = rescale(n, scale, decimalV2Scale), decimalV2Scale; new(big.Int).Abs(n).Cmp(powerOfTen(decimalV2Digits)) >= 0 {
			return dst, false
		}
	}
	n = rescale(n, scale, t.scale)
	if new(big.Int).Abs(n).Cmp(powerOfTen(t.precision)) >= 0 {
		return dst, false
	}
	text := formatDecimal(n, t.scale)
	if t.v2 && t.scale > 0 {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return append(dst, text...), true
}

// rescale changes the number of fraction digits, rounding half away from zero.
func rescale(n *big.Int, from, to int) *big.Int {
	if to >= from {
		return scaleUp(n, to-from)
	}
	unit := powerOfTen(from - to)
	q, r := new(big.Int).QuoRem(n, unit, new(big.Int))
	if r.Abs(r).Lsh(r, 1).Cmp(unit) >= 0 {
		q.Add(q, big.NewInt(int64(n.Sign())))
	}
	return q
}

func convertFloat(kind typeKind, in, dst []byte) ([]byte, bool) {
	bits := 64
	if kind == tFloat {
		bits = 32
	}
	f, err := strconv.ParseFloat(string(bytes.Trim(in, blanks)), bits)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return dst, false
	}
	return append(dst, formatDouble(f, bits)...), true
}

// convertDate reads YYYY-MM-DD[( |T)HH:MM:SS[.f{1,6}]], YYYYMMDD[HHMMSS], a trailing Z,
// and a trailing offset, which StarRocks ignores without a word.
func convertDate(kind typeKind, in, dst []byte) ([]byte, bool) {
	in = trimBlanks(in)
	var year, month, day, hour, minute, second, micro int
	ok := true
	number := func(from, to int) int {
		n := 0
		for _, c := range in[from:to] {
			ok = ok && isDigit(c)
			n = n*10 + int(c-'0')
		}
		return n
	}
	var rest []byte
	switch {
	case len(in) >= 10 && in[4] == '-' && in[7] == '-':
		year, month, day = number(0, 4), number(5, 7), number(8, 10)
		rest = in[10:]
		if len(in) >= 19 && (in[10] == ' ' || in[10] == 'T') && in[13] == ':' && in[16] == ':' {
			hour, minute, second = number(11, 13), number(14, 16), number(17, 19)
			micro, rest = fraction(in[19:])
		}
	case len(in) == 8 || len(in) == 14:
		year, month, day = number(0, 4), number(4, 6), number(6, 8)
		if len(in) == 14 {
			hour, minute, second = number(8, 10), number(10, 12), number(12, 14)
		}
	default:
		return dst, false
	}
	ok = ok && micro >= 0 && (len(rest) == 0 || string(rest) == "Z" || isOffset(rest)) &&
		month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month) && hour < 24 && minute < 60 && second < 60
	if !ok {
		return dst, false
	}
	dst = appendPadded(append(appendPadded(append(appendPadded(dst, year, 4), '-'), month, 2), '-'), day, 2)
	if kind == tDate {
		return dst, true
	}
	dst = appendPadded(append(appendPadded(append(appendPadded(append(dst, ' '), hour, 2), ':'), minute, 2), ':'), second, 2)
	if micro > 0 {
		dst = appendPadded(append(dst, '.'), micro, 6)
	}
	return dst, true
}

// fraction reads .f{1,6}; more digits or none give -1.
func fraction(in []byte) (micro int, rest []byte) {
	if len(in) == 0 || in[0] != '.' {
		return 0, in
	}
	i := 1
	for i < len(in) && isDigit(in[i]) {
		i++
	}
	if i == 1 || i > 7 {
		return -1, in[i:]
	}
	for k := 1; k <= 6; k++ {
		micro *= 10
		if k < i {
			micro += int(in[k] - '0')
		}
	}
	return micro, in[i:]
}

func isOffset(s []byte) bool {
	return len(s) == 6 && (s[0] == '+' || s[0] == '-') && isDigit(s[1]) && isDigit(s[2]) && s[3] == ':' && isDigit(s[4]) && isDigit(s[5])
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

func appendPadded(dst []byte, n, width int) []byte {
	dst = append(dst, "000000000"[:width]...)
	for i := len(dst) - 1; width > 0; width-- {
		dst[i] = byte('0' + n%10)
		n /= 10
		i--
	}
	return dst
}

// convertJSON converts a value of a JSON document; raw is its text as it stood there.
func convertJSON(t dataType, raw jsonToken, dst []byte) (out []byte, ok bool) {
	switch {
	case t.kind == tJSON:
		if len(raw.text) > maxJSONBytes {
			return dst, false
		}
		return normalizeJSON(raw.text, dst)
	case t.isInteger() && t.kind != tLargeint && raw.kind == jsonNumber:
		return jsonNumberToInteger(t.kind, raw.text, dst)
	case t.isInteger() && raw.kind == jsonBool, raw.kind >= jsonObject && !t.isText():
		return dst, false
	case t.isText() && raw.kind == jsonBool:
		b := byte('0')
		if raw.text[0] == 't' {
			b = '1'
		}
		return append(dst, b), true
	case t.isText() && raw.kind >= jsonObject:
		compact := bytes.NewBuffer(nil)
		if err := compactJSON(compact, raw.text); err != nil {
			return dst, false
		}
		return append(dst, compact.Bytes()...), compact.Len() <= t.length
	}
	text := raw.text
	if raw.kind == jsonString {
		text = raw.value
	}
	return convertText(t, text, dst)
}

// jsonNumberToInteger truncates floats; a BIGINT goes through a double, digits and all.
func jsonNumberToInteger(kind typeKind, text, dst []byte) ([]byte, bool) {
	if !bytes.ContainsAny(text, ".eE") {
		return convertInteger(kind, text, dst)
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return dst, false
	}
	f = math.Trunc(f)
	low, high := float64(bounds[kind][0]), float64(bounds[kind][1])
	if f < low || f > high || kind == tBigint && f >= high {
		return dst, false
	}
	return strconv.AppendInt(dst, int64(f), 10), true
}
