package emulator

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// function is one scalar function. Unless keepNull is set, a NULL argument gives NULL.
type function struct {
	min, max int
	typ      dataType
	keepNull bool
	call     func(r *rowScope, a []value) (value, error)
}

var (
	typeText   = dataType{kind: tVarchar, length: stringLength}
	typeBigint = dataType{kind: tBigint}
	typeInt    = dataType{kind: tInt}
	typeDouble = dataType{kind: tDouble}
	typeTime   = dataType{kind: tDatetime}
)

func pure(f func(a []value) value) func(*rowScope, []value) (value, error) {
	return func(_ *rowScope, a []value) (value, error) { return f(a), nil }
}

var functions = map[string]function{
	"CONCAT": {1, 255, typeText, false, pure(func(a []value) value {
		var b strings.Builder
		for _, v := range a {
			b.WriteString(v.text())
		}
		return textValue(b.String())
	})},
	"CONCAT_WS": {1, 255, typeText, true, pure(concatWS)},
	"LENGTH":    {1, 1, typeInt, false, pure(func(a []value) value { return intValue(int64(len(a[0].text()))) })},
	"CHAR_LENGTH": {1, 1, typeInt, false, pure(func(a []value) value {
		return intValue(int64(utf8.RuneCountInString(a[0].text())))
	})},
	"UPPER": {1, 1, typeText, false, pure(func(a []value) value { return textValue(strings.ToUpper(a[0].text())) })},
	"LOWER": {1, 1, typeText, false, pure(func(a []value) value { return textValue(strings.ToLower(a[0].text())) })},
	"TRIM":  {1, 1, typeText, false, pure(func(a []value) value { return textValue(strings.Trim(a[0].text(), " ")) })},
	"HEX": {1, 1, typeText, false, pure(func(a []value) value {
		if a[0].kind == vInt || a[0].kind == vBool {
			return textValue(strings.ToUpper(strconv.FormatUint(uint64(a[0].i), 16)))
		}
		return textValue(strings.ToUpper(hex.EncodeToString([]byte(a[0].text()))))
	})},
	"UNHEX":       {1, 1, typeText, false, pure(func(a []value) value { return textOr(unhex(a[0].text())) })},
	"TO_BINARY":   {1, 2, dataType{kind: tVarbinary, length: maxVarcharBytes}, false, toBinary},
	"FROM_BINARY": {1, 2, typeText, false, fromBinary},
	"MD5": {1, 1, typeText, false, pure(func(a []value) value {
		sum := md5.Sum([]byte(a[0].text()))
		return textValue(hex.EncodeToString(sum[:]))
	})},
	"IFNULL":   {2, 2, dataType{}, true, pure(firstNotNull)},
	"COALESCE": {1, 255, dataType{}, true, pure(firstNotNull)},
	"NULLIF":   {2, 2, dataType{}, true, pure(nullIf)},
	"IF":       {3, 3, dataType{}, true, pure(ifThen)},
	"ABS":      {1, 1, dataType{}, false, pure(absolute)},
	"MOD":      {2, 2, typeBigint, false, pure(func(a []value) value { return arithmetic("%", a[0], a[1]) })},
	"FLOOR":    {1, 1, typeBigint, false, pure(func(a []value) value { return rounded(a[0], math.Floor) })},
	"CEIL":     {1, 1, typeBigint, false, pure(func(a []value) value { return rounded(a[0], math.Ceil) })},
	"LEFT":     {2, 2, typeText, false, pure(func(a []value) value { return substring(a[0].text(), 1, a[1].i) })},
	"RIGHT":    {2, 2, typeText, false, pure(func(a []value) value { return substring(a[0].text(), -a[1].i, a[1].i) })},
	"SUBSTRING": {2, 3, typeText, false, pure(func(a []value) value {
		n := int64(math.MaxInt32)
		if len(a) == 3 {
			n = a[2].i
		}
		return substring(a[0].text(), a[1].i, n)
	})},
	"REPLACE": {3, 3, typeText, false, pure(func(a []value) value {
		return textValue(strings.ReplaceAll(a[0].text(), a[1].text(), a[2].text()))
	})},
	"NOW":               {0, 1, typeTime, false, now},
	"CURRENT_TIMESTAMP": {0, 1, typeTime, false, now},
	"LOCALTIME":         {0, 0, typeTime, false, now},
	"LOCALTIMESTAMP":    {0, 0, typeTime, false, now},
	"CURRENT_DATE": {0, 0, dataType{kind: tDate}, false, func(r *rowScope, a []value) (value, error) {
		v, err := now(r, a)
		return value{kind: vDate, s: v.s[:10]}, err
	}},
	"UNIX_TIMESTAMP": {0, 0, typeBigint, false, pure(func([]value) value { return intValue(time.Now().Unix()) })},
	"VERSION": {0, 0, typeText, false, func(r *rowScope, _ []value) (value, error) {
		return textValue(r.session.server.handshakeVersion()), nil
	}},
	"CURRENT_VERSION": {0, 0, typeText, false, func(r *rowScope, _ []value) (value, error) {
		return textValue(r.session.server.fullVersion()), nil
	}},
	"DATABASE": {0, 0, typeText, false, func(r *rowScope, _ []value) (value, error) {
		if r.session.db == "" {
			return null, nil
		}
		return textValue(r.session.db), nil
	}},
	"USER": {0, 0, typeText, false, func(r *rowScope, _ []value) (value, error) {
		return textValue("'" + r.session.user + "'@'" + r.session.remote + "'"), nil
	}},
	"CURRENT_USER": {0, 0, typeText, false, func(r *rowScope, _ []value) (value, error) {
		return textValue(identity(r.session.user)), nil
	}},
	"CURRENT_ROLE":  {0, 0, typeText, false, pure(func([]value) value { return textValue("NONE") })},
	"CONNECTION_ID": {0, 0, typeBigint, false, func(r *rowScope, _ []value) (value, error) { return intValue(int64(r.session.id)), nil }},
}

func init() {
	for alias, name := range map[string]string{
		"CHARACTER_LENGTH": "CHAR_LENGTH", "UCASE": "UPPER", "LCASE": "LOWER", "SUBSTR": "SUBSTRING", "MID": "SUBSTRING",
		"CEILING": "CEIL", "CURDATE": "CURRENT_DATE", "SCHEMA": "DATABASE", "SESSION_USER": "USER",
	} {
		functions[alias] = functions[name]
	}
}

// check refuses unknown functions and wrong numbers of arguments.
func (e *callExpr) check() error {
	f, ok := functions[e.name]
	if !ok || e.distinct || e.star || len(e.args) < f.min || len(e.args) > f.max {
		return analysisError("No matching function with signature: %s(%d arguments)", strings.ToLower(e.name), len(e.args))
	}
	return nil
}

func (e *callExpr) eval(r *rowScope) (value, error) {
	if e.agg >= 0 {
		if e.agg >= len(r.aggs) {
			return null, nil
		}
		return r.aggs[e.agg], nil
	}
	f := functions[e.name]
	if err := e.check(); err != nil {
		return null, err
	}
	args := make([]value, len(e.args))
	for i, a := range e.args {
		v, err := a.eval(r)
		if err != nil {
			return null, err
		}
		if v.kind == vNull && !f.keepNull {
			return null, nil
		}
		args[i] = v
	}
	return f.call(r, args)
}

func concatWS(a []value) value {
	if a[0].kind == vNull {
		return null
	}
	var texts []string
	for _, v := range a[1:] {
		if v.kind != vNull {
			texts = append(texts, v.text())
		}
	}
	return textValue(strings.Join(texts, a[0].text()))
}

func firstNotNull(a []value) value {
	for _, v := range a {
		if v.kind != vNull {
			return v
		}
	}
	return null
}

func nullIf(a []value) value {
	if order, known := compareValues(a[0], a[1]); known && order == 0 {
		return null
	}
	return a[0]
}

func ifThen(a []value) value {
	if is, known := a[0].truth(); is && known {
		return a[1]
	}
	return a[2]
}

func absolute(a []value) value {
	switch a[0].kind {
	case vDecimal:
		return value{kind: vDecimal, n: new(big.Int).Abs(a[0].n), scale: a[0].scale}
	case vBool, vInt:
		if a[0].i < 0 {
			return negate(a[0])
		}
		return a[0]
	}
	f, ok := a[0].float()
	if !ok {
		return null
	}
	return floatValue(math.Abs(f))
}

func rounded(v value, f func(float64) float64) value {
	x, ok := v.float()
	if !ok {
		return null
	}
	return intValue(int64(f(x)))
}

func substring(s string, from, n int64) value {
	runes := []rune(s)
	length := int64(len(runes))
	if from < 0 {
		from = length + from + 1
	}
	if from < 1 || from > length || n <= 0 {
		return textValue("")
	}
	return textValue(string(runes[from-1 : min(length, from-1+min(n, length))]))
}

func unhex(s string) (string, bool) {
	b, err := hex.DecodeString(s)
	return string(b), err == nil
}

func textOr(s string, ok bool) value {
	if !ok {
		return null
	}
	return textValue(s)
}

// binaryFormat is the second argument of to_binary and from_binary, hex by default.
func binaryFormat(a []value) (string, error) {
	if len(a) < 2 {
		return "hex", nil
	}
	switch f := strings.ToLower(a[1].text()); f {
	case "hex", "base64", "encode64", "utf8":
		return f, nil
	default:
		return "", analysisError("Invalid binary format: %s", f)
	}
}

func toBinary(_ *rowScope, a []value) (value, error) {
	format, err := binaryFormat(a)
	if err != nil {
		return null, err
	}
	text := a[0].text()
	switch format {
	case "hex":
		b, ok := unhex(text)
		if !ok {
			return null, nil
		}
		text = b
	case "base64", "encode64":
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return null, nil
		}
		text = string(b)
	}
	return value{kind: vBytes, s: text}, nil
}

func fromBinary(_ *rowScope, a []value) (value, error) {
	format, err := binaryFormat(a)
	if err != nil {
		return null, err
	}
	switch format {
	case "hex":
		return textValue(strings.ToUpper(hex.EncodeToString([]byte(a[0].s)))), nil
	case "base64", "encode64":
		return textValue(base64.StdEncoding.EncodeToString([]byte(a[0].s))), nil
	}
	return textValue(a[0].s), nil
}

func now(r *rowScope, _ []value) (value, error) {
	return value{kind: vDatetime, s: time.Now().In(r.session.location()).Format(time.DateTime)}, nil
}
