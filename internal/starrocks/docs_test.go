package starrocks

import (
	"fmt"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

// TestWideningDocs: the page says what is widened, and no more.
func TestWideningDocs(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("| from | to |\n|---|---|\n")
	simple := []string{"TINYINT", "SMALLINT", "INT", "BIGINT", "LARGEINT", "FLOAT", "DOUBLE", "DATE", "DATETIME", "JSON", "BOOLEAN"}
	for _, from := range simple {
		var to []string
		for _, one := range append(simple, "VARCHAR(11)", "VARCHAR(40)", "VARBINARY(40)", "DECIMAL(38,0)") {
			if mayWiden(from, one) {
				to = append(to, one)
			}
		}
		if len(to) > 0 {
			fmt.Fprintf(&b, "| %s | %s |\n", from, strings.Join(to, ", "))
		}
	}
	for _, pair := range [][3]string{
		{"VARCHAR(10)", "VARCHAR(11)", "VARCHAR(9)"}, {"VARBINARY(10)", "VARBINARY(11)", "VARBINARY(9)"},
		{"DECIMAL(10,2)", "DECIMAL(12,4)", "DECIMAL(10,4)"}, {"DECIMAL(10,2)", "DECIMAL(11,2)", "DECIMAL(9,2)"},
	} {
		if !mayWiden(pair[0], pair[1]) || mayWiden(pair[0], pair[2]) {
			t.Errorf("%v", pair)
		}
		fmt.Fprintf(&b, "| %s | %s, not %s |\n", pair[0], pair[1], pair[2])
	}
	testbed.DocSection(t, "../../docs/schema-changes.md", "widenings", b.String(), *update)
}
