package cells

import (
	"sync"
	"time"

	"starferry/internal/change"
)

// clock makes the text of a date or time what the deployment wants: in its zone, and
// with something else in place of what is no date. Both read paths use it on the same
// text, so that they agree. The zero value leaves the text alone.
type clock struct {
	zero change.ZeroDates
	zone *time.Location // nil: UTC
}

func clockOf(t *change.Type) clock {
	c := clock{zero: t.ZeroDates}
	if t.Zone != "" && t.Base == change.Timestamp {
		c.zone = location(t.Zone)
	}
	return c
}

var locations sync.Map // name → *time.Location

// location is the zone of a name that was checked when the script was read.
func location(name string) *time.Location {
	if known, ok := locations.Load(name); ok {
		return known.(*time.Location)
	}
	zone, err := change.ParseZone(name)
	if err != nil {
		panic("cells: " + err.Error())
	}
	locations.Store(name, zone)
	return zone
}

// inZone rewrites a moment in UTC, which must be a date, in place.
func (c *clock) inZone(text []byte) {
	if c.zone == nil || text[0] == '0' && string(text[:4]) == "0000" {
		return
	}
	n := func(from, to int) (v int) {
		for _, b := range text[from:to] {
			v = v*10 + int(b-'0')
		}
		return v
	}
	at := time.Date(n(0, 4), time.Month(n(5, 7)), n(8, 10), n(11, 13), n(14, 16), n(17, 19), 0, time.UTC).In(c.zone)
	year, month, day := at.Date()
	hour, minute, second := at.Clock()
	whole := appendFour(text[:0], uint32(year))
	for i, v := range [...]int{int(month), day, hour, minute, second} {
		whole = appendTwo(append(whole, "-- ::"[i]), uint32(v))
	}
}

// date puts something else in place of what is no date; false is NULL.
func (c *clock) date(text []byte) bool {
	if change.IsDate(text) {
		return true
	}
	if c.zero == change.NullZeroDates {
		return false
	}
	// Years are four digits, so that the nearest date has as many bytes.
	if string(text[:10]) == "0000-00-00" {
		copy(text, "0001-01-01")
		return true
	}
	if string(text[5:7]) == "00" {
		copy(text[5:], "01-01")
		return true
	}
	if string(text[8:10]) == "00" {
		copy(text[8:], "01")
		return true
	}
	appendTwo(text[8:8], uint32(change.DaysOfMonth(text)))
	return true
}
