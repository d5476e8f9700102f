package plan

import (
	"time"

	"starferry/internal/script"
)

// Startup says where a first start begins.
type Startup struct {
	Mode   string // one of those below
	File   string
	Offset uint64
	GTIDs  string
	Time   time.Time
}

const (
	Initial  = "initial"         // a copy, then the log
	Snapshot = "snapshot"        // a copy, then the end
	Earliest = "earliest-offset" // the log from its beginning
	Latest   = "latest-offset"   // the log from its end
	Specific = "specific-offset" // the log from a file and position, or behind a set of GTIDs
	AtTime   = "timestamp"       // the log from a time
)

// Copies tells that tables are copied.
func (s Startup) Copies() bool { return s.Mode == Initial || s.Mode == Snapshot || s.Mode == "" }

const (
	startupMode   = "scan.startup.mode"
	startupFile   = "scan.startup.specific-offset.file"
	startupPos    = "scan.startup.specific-offset.pos"
	startupGTIDs  = "scan.startup.specific-offset.gtid-set"
	startupMillis = "scan.startup.timestamp-millis"
)

// startup reads where a first start begins.
func (c *compiler) startup(st *script.CreateTableAs, options layers) Startup {
	s := Startup{Mode: options.text(startupMode, InOptions)}
	written := map[string]*bound{}
	for _, key := range []string{startupFile, startupPos, startupGTIDs, startupMillis} {
		written[key], _ = options.get(key)
	}
	wants := map[string][]string{Specific: {startupFile, startupPos, startupGTIDs}, AtTime: {startupMillis}}
	for mode, keys := range wants {
		for _, key := range keys {
			if b := written[key]; b != nil && mode != s.Mode {
				c.info(CodeNoEffect, b.text.Key.At, "'"+key+"' has no effect here: it only means something with '"+startupMode+"' = '"+mode+"'", "")
				written[key] = nil
			}
		}
	}
	at := c.placeOf(options, st.Source.At, startupMode)
	file, pos, gtids, millis := written[startupFile], written[startupPos], written[startupGTIDs], written[startupMillis]
	switch {
	case s.Mode == Specific && gtids != nil && (file != nil || pos != nil):
		c.error(CodeStartup, gtids.text.At, "a set of GTIDs and a file are two places to begin at", "remove one of them.")
	case s.Mode == Specific && gtids != nil:
		s.GTIDs = gtids.value
	case s.Mode == Specific && file == nil:
		c.error(CodeStartup, at, "'"+startupMode+"' = '"+Specific+"' does not say which", "add '"+startupFile+"' and '"+startupPos+"', or '"+startupGTIDs+"'.")
	case s.Mode == Specific:
		s.File, s.Offset = file.value, uint64(options.number(startupPos, InOptions))
	case c.mentioned(startupMillis) || c.mentioned(startupFile) || c.mentioned(startupPos):
	case s.Mode == AtTime && millis == nil:
		c.error(CodeStartup, at, "'"+startupMode+"' = '"+AtTime+"' does not say which", "add '"+startupMillis+"': milliseconds since 1970 in UTC.")
	case s.Mode == AtTime:
		s.Time = time.UnixMilli(millis.number).UTC()
	}
	return s
}
