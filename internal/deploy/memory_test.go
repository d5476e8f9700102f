package deploy

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"starferry/internal/plan"
)

// Rows have half of what the process may have, and a script that asks for more hears of it.
func TestRowsHaveHalfOfTheMemory(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rows, process, want int
		origin              string
		warned              bool
	}{
		{96 << 20, DefaultMemory, 96 << 20, "default", false},
		{128 << 20, DefaultMemory, 128 << 20, "SET", false},
		{96 << 20, 128 << 20, 64 << 20, "default", false},
		{512 << 20, DefaultMemory, 128 << 20, "SET", true},
	} {
		out := &bytes.Buffer{}
		p := &plan.Plan{Settings: plan.Settings{Memory: c.rows, PageBytes: 24 << 20}, Options: []plan.OptionInForce{{Key: "memory", Value: "x", Origin: c.origin}}}
		printer := newPrinter(Options{Out: out, ProgressInterval: time.Hour}, "orders")
		bounded := boundMemory(p, c.process, printer)
		printer.close(nil)
		if got := bounded.Settings.Memory; got != c.want || bounded.Settings.PageBytes > c.want/4 || p.Settings.Memory != c.rows {
			t.Errorf("%d of %d: %d for rows, %d for a page", c.rows, c.process, got, bounded.Settings.PageBytes)
		}
		if warned := strings.Contains(out.String(), "is cut to 128mb") && strings.Contains(out.String(), "--memory 1024mb"); warned != c.warned {
			t.Errorf("%d of %d: said %q", c.rows, c.process, out)
		}
	}
	for process := LeastMemory; process <= 8<<30; process *= 2 {
		if limit := goMemory(process / 2); limit > int64(process) {
			t.Errorf("a process of %d bytes lets the runtime have %d", process, limit)
		}
	}
}
