package plan

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkLint compiles a script of 100 tables; a person waits for it.
func BenchmarkLint(b *testing.B) {
	text := manyTables(b, 100)
	for b.Loop() {
		if p, findings := compile(text); p == nil || len(p.Routes) != 100 {
			b.Fatal(findings)
		}
	}
}

// manyTables repeats the tutorial's statement.
func manyTables(tb testing.TB, n int) string {
	tb.Helper()
	input := goldenInputs(tb)["tutorial_simple"]
	catalogs, statement, ok := strings.Cut(input, "CREATE TABLE")
	if !ok {
		tb.Fatalf("no CREATE TABLE in %q", input)
	}
	var text strings.Builder
	text.WriteString(catalogs)
	for i := range n {
		text.WriteString("CREATE TABLE" + strings.ReplaceAll(statement, "runoob_tbl1", fmt.Sprintf("t%d", i)) + "\n")
	}
	return text.String()
}
