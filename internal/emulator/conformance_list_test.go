package emulator

import (
	"os"
	"strings"
	"testing"
)

// listed is one row of docs/conformance.md.
type listed struct{ id, state, note string }

func readConformanceList(t *testing.T) []listed {
	t.Helper()
	text, err := os.ReadFile("../../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	var list []listed
	inTable := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "| id |"):
			inTable = true
		case !strings.HasPrefix(line, "|"):
			inTable = false
		case inTable && !strings.HasPrefix(line, "|---"):
			cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |"), " | ")
			if len(cells) != 5 {
				t.Errorf("a row of %d cells: %s", len(cells), line)
				continue
			}
			list = append(list, listed{cells[0], cells[3], cells[4]})
		}
	}
	return list
}

// The list says exactly what the table of cases holds: neither promises more than the other.
func TestConformanceList(t *testing.T) {
	t.Parallel()
	cases := map[string]bool{}
	for _, c := range conformanceTable() {
		if cases[c.id] || len(c.steps) == 0 {
			t.Errorf("case %s is there twice, or has no steps", c.id)
		}
		cases[c.id] = true
	}
	count := map[string]int{}
	seen := map[string]bool{}
	for _, row := range readConformanceList(t) {
		count[row.state]++
		if seen[row.id] {
			t.Errorf("%s is listed twice", row.id)
		}
		seen[row.id] = true
		switch row.state {
		case "in":
			if name, _, _ := strings.Cut(row.note, ";"); name != "TestConformance/"+row.id || !cases[row.id] {
				t.Errorf("%s is said to be in: its case is %q, and there is one: %v", row.id, name, cases[row.id])
			}
		case "out":
			if cases[row.id] || row.note == "" {
				t.Errorf("%s is said to be %s (%s), and there is a case: %v", row.id, row.state, row.note, cases[row.id])
			}
		default:
			t.Errorf("%s has the state %q", row.id, row.state)
		}
	}
	for id := range cases {
		if !seen[id] {
			t.Errorf("case %s is not listed", id)
		}
	}
	t.Logf("conformance: %d rows in docs/conformance.md, %d in, %d out", len(seen), count["in"], count["out"])
}
