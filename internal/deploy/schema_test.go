package deploy

import (
	"testing"

	"starferry/internal/ferry"
	"starferry/internal/plan"
)

// TestScriptsSayWhatTheFerryKnows: the names of a script are those that a ferry goes by.
func TestScriptsSayWhatTheFerryKnows(t *testing.T) {
	t.Parallel()
	for kind := ferry.AddColumn; kind <= ferry.TruncateTable; kind++ {
		found := false
		for _, name := range plan.SchemaKinds {
			found = found || name == kind.String()
		}
		if found == (kind == ferry.AlterKey) {
			t.Errorf("%v can be said in a script: %t", kind, found)
		}
	}
	for _, name := range []string{"ctas", "immediate", "evolve", "ignore", "exception"} {
		if got := schemaPolicy(plan.Schema{Behavior: name}).Behavior.String(); got != name {
			t.Errorf("%s is taken for %s", name, got)
		}
		if schemaMeaning(plan.Schema{Behavior: name}) == "" {
			t.Errorf("explain does not say what %s is", name)
		}
	}
}
