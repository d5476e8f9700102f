package expression

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

var update = flag.Bool("update", false, "write the page of docs anew")

// TestDocs: the page lists what an expression may hold, and no more.
func TestDocs(t *testing.T) {
	const page = "../../docs/expressions.md"
	testbed.DocSection(t, page, "casts:", strings.Join(castNames(), ", ")+".\n", *update)
	var b strings.Builder
	b.WriteString("| function | gives | example |\n|---|---|---|\n")
	for _, f := range Functions() {
		example := ""
		if f.Example != "" {
			example = fmt.Sprintf("`%s` is `%s`", f.Example, f.Is)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Usage, f.Gives, example)
	}
	testbed.DocSection(t, page, "functions:", b.String(), *update)
}
