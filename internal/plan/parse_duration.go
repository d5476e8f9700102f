package plan

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// durationUnits are the words that Flink knows.
var durationUnits = map[string]time.Duration{
	"":  time.Millisecond,
	"d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour,
	"h": time.Hour, "hour": time.Hour, "hours": time.Hour,
	"m": time.Minute, "min": time.Minute, "minute": time.Minute, "minutes": time.Minute,
	"s": time.Second, "sec": time.Second, "secs": time.Second, "second": time.Second, "seconds": time.Second,
	"ms": time.Millisecond, "milli": time.Millisecond, "millis": time.Millisecond,
	"millisecond": time.Millisecond, "milliseconds": time.Millisecond,
	"us": time.Microsecond, "µs": time.Microsecond, "micro": time.Microsecond, "micros": time.Microsecond,
	"microsecond": time.Microsecond, "microseconds": time.Microsecond,
	"ns": time.Nanosecond, "nano": time.Nanosecond, "nanos": time.Nanosecond,
	"nanosecond": time.Nanosecond, "nanoseconds": time.Nanosecond,
}

var errDuration = errors.New("a duration is a number and a unit: '1 min', '10 s', '500 ms', '1 h', '2 d'")

// ParseDuration reads a duration as Flink writes it: a whole number and a unit,
// milliseconds when there is none, or ISO 8601 such as PT1M30S. It is never
// negative.
func ParseDuration(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	if len(text) > 1 && (text[0] == 'P' || text[0] == 'p') {
		return parseISODuration(strings.ToUpper(text[1:]))
	}
	number, unit := splitNumber(text)
	scale, ok := durationUnits[strings.ToLower(unit)]
	if number == "" || !ok {
		return 0, errDuration
	}
	return scaled(number, scale)
}

// scaled multiplies without overflowing.
func scaled(number string, scale time.Duration) (time.Duration, error) {
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n > math.MaxInt64/int64(scale) {
		return 0, errors.New("the duration is too long")
	}
	return time.Duration(n) * scale, nil
}

// splitNumber cuts the leading digits off.
func splitNumber(text string) (number, unit string) {
	end := 0
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	return text[:end], strings.TrimSpace(text[end:])
}

// parseISODuration reads what stands behind P: days, then T and hours, minutes,
// seconds.
func parseISODuration(text string) (time.Duration, error) {
	total, units, inTime := time.Duration(0), "D", false
	for text != "" {
		if text[0] == 'T' && !inTime && len(text) > 1 {
			text, units, inTime = text[1:], "HMS", true
			continue
		}
		number, rest := splitNumber(text)
		if number == "" || rest == "" || !strings.Contains(units, rest[:1]) {
			return 0, errDuration
		}
		scale := map[byte]time.Duration{'D': 24 * time.Hour, 'H': time.Hour, 'M': time.Minute, 'S': time.Second}[rest[0]]
		part, err := scaled(number, scale)
		if err != nil || total > math.MaxInt64-part {
			return 0, errors.New("the duration is too long")
		}
		total += part
		units, text = units[strings.Index(units, rest[:1])+1:], rest[1:]
	}
	return total, nil
}
