package emulator

import (
	"strconv"
	"strings"
	"time"
)

// The date functions that loads use in their columns header.
func init() {
	for name, f := range map[string]func(time.Time) int{
		"YEAR": time.Time.Year, "MONTH": func(t time.Time) int { return int(t.Month()) }, "DAY": time.Time.Day,
		"HOUR": time.Time.Hour, "MINUTE": time.Time.Minute, "SECOND": time.Time.Second,
	} {
		addFunction(name, function{1, 1, typeInt, false, pure(func(a []value) value {
			t, ok := timeOf(a[0])
			if !ok {
				return null
			}
			return intValue(int64(f(t)))
		})})
	}
	toDate := function{1, 1, dataType{kind: tDate}, false, pure(func(a []value) value { return castValue(dataType{kind: tDate}, a[0]) })}
	addFunction("TO_DATE", toDate)
	addFunction("DATE", toDate)
	addFunction("FROM_UNIXTIME", function{1, 2, typeText, false, fromUnixtime})
	addFunction("DATE_FORMAT", function{2, 2, typeText, false, pure(func(a []value) value {
		t, ok := timeOf(a[0])
		if !ok {
			return null
		}
		return textOr(formatTime(t, a[1].text()))
	})})
	addFunction("UUID", function{0, 0, typeText, false, pure(func([]value) value { return textValue(newUUID()) })})
	addFunction("LTRIM", function{1, 1, typeText, false, pure(func(a []value) value { return textValue(strings.TrimLeft(a[0].text(), " ")) })})
	addFunction("RTRIM", function{1, 1, typeText, false, pure(func(a []value) value { return textValue(strings.TrimRight(a[0].text(), " ")) })})
}

func addFunction(name string, f function) {
	if _, there := functions[name]; !there {
		functions[name] = f
	}
}

func timeOf(v value) (time.Time, bool) {
	cell, ok := convertText(dataType{kind: tDatetime}, []byte(v.text()), nil)
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.DateTime, string(cell))
	return t, err == nil
}

// fromUnixtime shows a number of seconds in the time zone of the load or the session.
func fromUnixtime(r *rowScope, a []value) (value, error) {
	seconds, err := strconv.ParseInt(a[0].text(), 10, 64)
	if err != nil || seconds < 0 || seconds > 253402243199 {
		return null, nil
	}
	format := "%Y-%m-%d %H:%i:%s"
	if len(a) == 2 {
		format = a[1].text()
	}
	return textOr(formatTime(time.Unix(seconds, 0).In(r.session.location()), format)), nil
}

var timeFormats = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'c': "1", 'd': "02", 'e': "2", 'H': "15", 'i': "04", 's': "05", 'S': "05",
	'M': "January", 'b': "Jan", 'W': "Monday", 'a': "Mon", 'p': "PM", 'h': "03", 'I': "03", 'T': "15:04:05", 'j': "002",
}

// formatTime knows the usual directives of MySQL; another one gives NULL.
func formatTime(t time.Time, format string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		layout, known := timeFormats[format[i]]
		switch {
		case format[i] == 'f':
			b.WriteString(strings.TrimPrefix(t.Format(".000000"), "."))
		case known:
			b.WriteString(t.Format(layout))
		case format[i] == '%':
			b.WriteByte('%')
		default:
			return "", false
		}
	}
	return b.String(), true
}
