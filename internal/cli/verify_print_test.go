package cli

import (
	"strings"
	"testing"

	"starferry/internal/control"
)

// A source that goes into two targets has two lines, which tell the targets.
func TestVerifyTellsTargetsApart(t *testing.T) {
	t.Parallel()
	name := func(table string) control.Table { return control.Table{Database: "d", Table: table} }
	r := &verifyReport{Tables: []tableReport{
		{Result: control.Result{Source: name("a"), Target: name("b")}}, {Result: control.Result{Source: name("a"), Target: name("c")}}, {Result: control.Result{Source: name("e"), Target: name("f")}},
	}}
	var b strings.Builder
	r.print(&b)
	for _, want := range []string{"d.a -> d.b ", "d.a -> d.c ", "\nd.e  "} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
