package deploy

import (
	"fmt"
	"os"
	"runtime/debug"

	"starferry/internal/plan"
)

// The memory of a process, and the least it can do with. Half of it is what rows on their
// way may have.
const (
	DefaultMemory = 256 << 20
	LeastMemory   = 64 << 20
)

// boundMemory has a plan keep to the memory of its process. It says what it had to cut of
// what the script asks for; what it did not ask for gives way in silence.
func boundMemory(p *plan.Plan, process int, out *printer) *plan.Plan {
	most := process / 2
	if p.Settings.Memory <= most {
		return p
	}
	for _, o := range p.Options {
		if o.Key == "memory" && o.Origin != "default" {
			out.say(fmt.Sprintf("warning: SET 'memory' = '%s' is cut to %dmb, half of what the process may have\n   = To fix: start it with --memory %dmb", o.Value, most>>20, 2*p.Settings.Memory>>20))
		}
	}
	bounded := *p
	bounded.Settings.Memory = most
	bounded.Settings.PageBytes = min(bounded.Settings.PageBytes, bounded.Settings.MostPage())
	return &bounded
}

// goMemory is how much memory the runtime may have for a ferry with so many bytes for
// rows before it collects garbage more often than it would by itself, which is when half
// of all memory is garbage: a quarter more, and what a ferry needs anyway. It is less than
// a process has whose rows keep to half of it.
func goMemory(rows int) int64 { return int64(rows) + int64(rows)/4 + 24<<20 }

// limitMemory holds the garbage of a process within bounds, unless its environment does.
func limitMemory(rows int) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(goMemory(rows))
	}
}
