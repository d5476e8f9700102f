package plan

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"starferry/internal/change"
)

// utc are the ways to say UTC.
var utc = []string{"UTC", "+00:00", "Etc/UTC", "Z", "GMT", "Etc/GMT", "GMT+0", "UTC+0"}

// javaOffset is what Java calls an offset: GMT+8, UTC-3:30.
var javaOffset = regexp.MustCompile(`^(?i:GMT|UTC)([+-])(\d{1,2})(?::?(\d\d))?$`)

// parseZone gives the name of the zone TIMESTAMP columns are written in, "" for UTC.
func parseZone(text string) (string, error) {
	if slices.ContainsFunc(utc, func(same string) bool { return strings.EqualFold(same, text) }) {
		return "", nil
	}
	if m := javaOffset.FindStringSubmatch(text); m != nil {
		hours, minutes := m[2], m[3]
		if len(hours) == 1 {
			hours = "0" + hours
		}
		if minutes == "" {
			minutes = "00"
		}
		text = m[1] + hours + ":" + minutes
	}
	if _, err := change.ParseZone(text); err != nil {
		return "", errors.New("write the name of a zone, 'Asia/Shanghai', or an offset, '+08:00'")
	}
	return text, nil
}

func checkZone(text string) error {
	_, err := parseZone(text)
	return err
}
