package change

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // one binary: the machine may have no files of zones, or other ones
)

// ParseZone reads a time zone: a name (Asia/Shanghai) or an offset (+08:00).
func ParseZone(name string) (*time.Location, error) {
	if at, err := time.Parse("-07:00", name); err == nil {
		_, offset := at.Zone()
		return time.FixedZone(name, offset), nil
	}
	if name == "" || strings.EqualFold(name, "SYSTEM") || strings.EqualFold(name, "Local") {
		return nil, fmt.Errorf("%q is another zone on another machine", name)
	}
	return time.LoadLocation(name)
}
