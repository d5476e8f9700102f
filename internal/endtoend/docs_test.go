package endtoend

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

var update = flag.Bool("update", false, "write the parts of docs/schema-changes.md anew")

// TestSchemaDocs: the page says what the tests of each line say.
func TestSchemaDocs(t *testing.T) {
	t.Parallel()
	const page = "../../docs/schema-changes.md"
	var b strings.Builder
	b.WriteString("The table has " + "`" + strings.ReplaceAll(lineColumns, ", ", "`, `") + "`.\n\n| change | for example | the target's columns then | row 1, not written since |\n|---|---|---|---|\n")
	for _, s := range supportedLines {
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", s.line, strings.Join(replaceAll(s.run, "TABLE", "t"), "; "), strings.ReplaceAll(s.columns, "|", ", "), strings.ReplaceAll(s.rows[0], "|", ", "))
	}
	testbed.DocSection(t, page, "supported", b.String(), *update)
	b.Reset()
	b.WriteString("| change | for example | the message |\n|---|---|---|\n")
	for _, u := range unsupportedLines {
		fmt.Fprintf(&b, "| %s | `ALTER TABLE t %s` | %s |\n", u.line, u.run, u.says)
	}
	testbed.DocSection(t, page, "unsupported", b.String(), *update)
}
