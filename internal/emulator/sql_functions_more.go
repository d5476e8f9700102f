package emulator

import (
	"math"
	"math/big"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// Functions of numbers, texts and times that queries use and loads do not; those of
// loads are in load_functions.go.
func init() {
	text := func(least, most int, f func(a []value) value) function {
		return function{least, most, typeText, false, pure(f)}
	}
	number := func(f func(x float64) float64) function {
		return function{1, 1, typeDouble, false, pure(func(a []value) value { return floatOf(a[0], f) })}
	}
	part := func(f func(t time.Time) int) function {
		return function{1, 1, typeInt, false, pure(func(a []value) value {
			t, ok := timeOf(a[0])
			if !ok {
				return null
			}
			return intValue(int64(f(t)))
		})}
	}
	for name, f := range map[string]function{
		"ROUND":    {1, 2, typeDouble, false, pure(func(a []value) value { return roundTo(a, true) })},
		"TRUNCATE": {2, 2, typeDouble, false, pure(func(a []value) value { return roundTo(a, false) })},
		"POW": {2, 2, typeDouble, false, pure(func(a []value) value {
			return floatOf(a[0], func(x float64) float64 { y, _ := a[1].float(); return math.Pow(x, y) })
		})},
		"SQRT": number(math.Sqrt),
		"EXP":  number(math.Exp),
		"LN":   number(math.Log),
		"SIGN": {1, 1, dataType{kind: tTinyint}, false, pure(func(a []value) value {
			order, known := compareValues(a[0], intValue(0))
			if !known {
				return null
			}
			return intValue(int64(order))
		})},
		"GREATEST": {1, 255, dataType{}, false, pure(func(a []value) value { return extreme(a, 1) })},
		"LEAST":    {1, 255, dataType{}, false, pure(func(a []value) value { return extreme(a, -1) })},
		"LPAD":     text(3, 3, func(a []value) value { return pad(a, true) }),
		"RPAD":     text(3, 3, func(a []value) value { return pad(a, false) }),
		"REPEAT":   text(2, 2, repeat),
		"REVERSE":  text(1, 1, reversed),
		"INSTR":    {2, 2, typeInt, false, pure(func(a []value) value { return position(a[0].text(), a[1].text()) })},
		"LOCATE":   {2, 2, typeInt, false, pure(func(a []value) value { return position(a[1].text(), a[0].text()) })},
		"ASCII": {1, 1, typeInt, false, pure(func(a []value) value {
			if s := a[0].text(); s != "" {
				return intValue(int64(s[0]))
			}
			return intValue(0)
		})},
		"QUARTER":   part(func(t time.Time) int { return (int(t.Month()) + 2) / 3 }),
		"DAYOFWEEK": part(func(t time.Time) int { return int(t.Weekday()) + 1 }),
		"DAYOFYEAR": part(time.Time.YearDay),
		"DATEDIFF":  {2, 2, typeInt, false, pure(dateDifference)},
		"DATE_ADD":  {3, 3, typeTime, false, pure(func(a []value) value { return shiftTime(a, 1) })},
		"DATE_SUB":  {3, 3, typeTime, false, pure(func(a []value) value { return shiftTime(a, -1) })},
	} {
		functions[name] = f
	}
	for alias, name := range map[string]string{"POWER": "POW", "DAYOFMONTH": "DAY"} {
		functions[alias] = functions[name]
	}
}

func floatOf(v value, f func(float64) float64) value {
	x, ok := v.float()
	if !ok {
		return null
	}
	if y := f(x); !math.IsNaN(y) && !math.IsInf(y, 0) {
		return floatValue(y)
	}
	return null
}

// roundTo rounds half away from zero, or cuts, at a number of digits.
func roundTo(a []value, half bool) value {
	digits := 0
	if len(a) == 2 {
		n, ok := a[1].float()
		if !ok {
			return null
		}
		digits = int(min(max(n, -38), 38))
	}
	if a[0].kind == vFloat || !a[0].isNumber() {
		return floatOf(a[0], func(x float64) float64 {
			shift := math.Pow(10, float64(digits))
			if half {
				return math.Round(x*shift) / shift
			}
			return math.Trunc(x*shift) / shift
		})
	}
	n, scale := a[0].decimal()
	if digits >= scale {
		return a[0]
	}
	cut := new(big.Int).Quo(n, powerOfTen(scale-digits-1))
	if half {
		cut = dropDigit(cut)
	} else {
		cut.Quo(cut, big.NewInt(10))
	}
	if digits < 0 {
		cut, digits = cut.Mul(cut, powerOfTen(-digits)), 0
	}
	if digits == 0 && cut.IsInt64() {
		return intValue(cut.Int64())
	}
	return value{kind: vDecimal, n: cut, scale: digits}
}

func extreme(a []value, want int) value {
	best := a[0]
	for _, v := range a[1:] {
		if order, known := compareValues(v, best); known && order == want {
			best = v
		}
	}
	return best
}

// maxText bounds what functions that repeat may produce; StarRocks answers NULL beyond.
const maxText = 1 << 20

func pad(a []value, left bool) value {
	runes, fill := []rune(a[0].text()), []rune(a[2].text())
	n, ok := a[1].float()
	switch {
	case !ok || n < 0 || n > maxText:
		return null
	case int(n) <= len(runes):
		return textValue(string(runes[:int(n)]))
	case len(fill) == 0:
		return textValue(string(runes))
	}
	var added []rune
	for i := range int(n) - len(runes) {
		added = append(added, fill[i%len(fill)])
	}
	if left {
		return textValue(string(added) + string(runes))
	}
	return textValue(string(runes) + string(added))
}

func repeat(a []value) value {
	n, ok := a[1].float()
	s := a[0].text()
	switch {
	case !ok || n*float64(len(s)) > maxText:
		return null
	case n < 1:
		return textValue("")
	}
	return textValue(strings.Repeat(s, int(n)))
}

func reversed(a []value) value {
	runes := []rune(a[0].text())
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	return textValue(string(runes))
}

func position(s, part string) value {
	at := strings.Index(s, part)
	if at < 0 {
		return intValue(0)
	}
	return intValue(int64(utf8.RuneCountInString(s[:at]) + 1))
}

const timeForm = "2006-01-02 15:04:05.999999"

func dateOf(v value) value {
	t, ok := timeOf(v)
	if !ok {
		return null
	}
	return value{kind: vDate, s: t.Format(time.DateOnly)}
}

func dateDifference(a []value) value {
	x, ok1 := timeOf(dateOf(a[0]))
	y, ok2 := timeOf(dateOf(a[1]))
	if !ok1 || !ok2 {
		return null
	}
	return intValue(int64(x.Sub(y) / (24 * time.Hour)))
}

// shiftTime adds an interval: a[1] times the unit a[2]. The end of a month stays within
// its month.
func shiftTime(a []value, sign int64) value {
	t, ok := timeOf(a[0])
	n, isNumber := a[1].float()
	if !ok || !isNumber || math.Abs(n) > 1e9 {
		return null
	}
	amount := sign * int64(n)
	months := int64(0)
	switch a[2].s {
	case "YEAR":
		months = 12 * amount
	case "QUARTER":
		months = 3 * amount
	case "MONTH":
		months = amount
	case "WEEK":
		t = t.AddDate(0, 0, int(7*amount))
	case "DAY":
		t = t.AddDate(0, 0, int(amount))
	default:
		t = t.Add(time.Duration(amount) * clockUnits[a[2].s])
	}
	if months != 0 {
		first := time.Date(t.Year(), t.Month()+time.Month(months), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
		last := first.AddDate(0, 1, -1).Day()
		t = first.AddDate(0, 0, min(t.Day(), last)-1)
	}
	if t.Year() < 0 || t.Year() > 9999 {
		return null
	}
	text, ok := convertText(dataType{kind: tDatetime}, []byte(t.Format(timeForm)), nil)
	if !ok {
		return null
	}
	return value{kind: vDatetime, s: string(text)}
}

var clockUnits = map[string]time.Duration{
	"HOUR": time.Hour, "MINUTE": time.Minute, "SECOND": time.Second, "MILLISECOND": time.Millisecond, "MICROSECOND": time.Microsecond,
}

var intervalUnits = wordSet("YEAR QUARTER MONTH WEEK DAY HOUR MINUTE SECOND MILLISECOND MICROSECOND")

// matchRegexp finds a pattern anywhere in the text.
func matchRegexp(x, y value) (value, error) {
	if x.kind == vNull || y.kind == vNull {
		return null, nil
	}
	pattern, err := regexp.Compile(y.text())
	if err != nil {
		return null, ddlError("Invalid regex expression: %s", y.text())
	}
	return boolValue(pattern.MatchString(x.text())), nil
}
