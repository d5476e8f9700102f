package ferry

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

var update = flag.Bool("update", false, "write the parts of docs/schema-changes.md anew")

// TestPolicyDocs: the page says what the policies do.
func TestPolicyDocs(t *testing.T) {
	t.Parallel()
	says := strings.NewReplacer("rename.column", "renames", "drop.column", "drops", "alter.column.type", "widens, or stops", "alter.column.nullability", "to NULL: carries; to NOT NULL: stops",
		"alter.column.comment", "carries", ", repair", " and mends", "skip z", "keeps the old, without the new", "skip b", "leaves it out", "held", "keeps it as it is", "stop", "stops")
	var b strings.Builder
	b.WriteString("| change | kind | ctas, immediate | evolve | ignored |\n|---|---|---|---|---|\n")
	for _, c := range policyCases {
		old, new := c.tables()
		cells := []string{c.ctas, c.evolve, c.ignore}
		carried := map[string]string{"renamed": "appends the new, keeps the old with NULL", "dropped": "keeps it with NULL", "added": "appends it", "added NOT NULL": "appends it"}[c.name]
		for i := range cells {
			cells[i] = says.Replace(cells[i])
			switch {
			case cells[i] == "" && i < 2 && carried != "":
				cells[i] = carried
			case cells[i] == "" && c.name == "dropped":
				cells[i] = "keeps it with NULL"
			case cells[i] == "":
				cells[i] = "nothing"
			}
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s |\n", c.name, schemaChanges(old, new)[0].kind, strings.Join(cells, " | "))
	}
	b.WriteString("| another primary key | | stops | stops | stops |\n")
	testbed.DocSection(t, "../../docs/schema-changes.md", "policies", b.String(), *update)
	for kind := range schemaKinds {
		if !slices.Contains([]SchemaKind{AlterKey, TruncateTable}, SchemaKind(kind)) && !strings.Contains(b.String(), SchemaKind(kind).String()) {
			t.Errorf("no case of %v", SchemaKind(kind))
		}
	}
}
