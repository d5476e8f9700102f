package deploy

import (
	"os"
	"runtime/debug"
)

// goMemory is how much memory the runtime may have for a ferry with so many bytes for
// rows before it collects garbage more often than it would by itself, which is when half
// of all memory is garbage: a quarter more, and what a ferry needs anyway.
func goMemory(rows int) int64 { return int64(rows) + int64(rows)/4 + 24<<20 }

// limitMemory holds the garbage of a process within bounds, unless its environment does.
func limitMemory(rows int) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(goMemory(rows))
	}
}
