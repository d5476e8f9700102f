package change

import (
	"cmp"
	"strconv"
	"strings"
)

// Position is a place in the source's log.
//
// File and Offset say how far the stream has read on the server it reads from
// and are what marks are compared by; Offset is counted in 64 bits. GTIDs is the
// set of transactions before this place, in the server's own notation, and is
// filled only where the position may be saved or registered (Event.Resumable) and
// only on a server that has GTIDs.
//
// What follows is for the source alone, and filled where GTIDs would be. Server is
// whose log File and Offset are of, and Begun when that file was begun, in seconds of
// the server's clock: on another server, or in a data directory that was put back,
// the same name is another file. Undecided says, in the source's own notation, which
// transactions before this place are prepared and not decided yet.
type Position struct {
	File      string `json:"file"`
	Offset    uint64 `json:"offset"`
	GTIDs     string `json:"gtids,omitempty"`
	Server    string `json:"server,omitempty"`
	Begun     uint32 `json:"begun,omitempty"`
	Undecided string `json:"undecided,omitempty"`
}

// IsZero tells a Position that says nothing.
func (p Position) IsZero() bool { return p == Position{} }

// Reached tells whether a stream at p has delivered everything before mark. Both
// must come from the same server.
func (p Position) Reached(mark Position) bool { return p.Compare(mark) >= 0 }

// Compare orders two positions of one server's log by number of the file, then
// offset. GTIDs are not looked at: a set may have gaps and is no order.
func (p Position) Compare(o Position) int {
	if p.File != o.File { // the numbers are parsed where files change only
		if n := cmp.Compare(fileNumber(p.File), fileNumber(o.File)); n != 0 {
			return n
		}
	}
	return cmp.Compare(p.Offset, o.Offset)
}

func (p Position) String() string {
	if p.File == "" {
		return p.GTIDs
	}
	return p.File + ":" + strconv.FormatUint(p.Offset, 10)
}

// fileNumber is the numeric suffix of a log file's name: 412 of mysql-bin.000412.
// A name without one counts as 0.
func fileNumber(file string) uint64 {
	n, err := strconv.ParseUint(file[strings.LastIndexByte(file, '.')+1:], 10, 64)
	if err != nil {
		return 0
	}
	return n
}
