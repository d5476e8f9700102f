package ferry

import (
	"slices"
	"strings"
	"testing"

	"starferry/internal/change"
)

// oddIDs keeps rows whose first column is odd.
type oddIDs struct{}

func (oddIDs) For(table *change.Table) (func(*change.Rows, int) bool, error) {
	id := table.Index("id")
	return func(rows *change.Rows, row int) bool {
		cell := rows.Cell(row, id)
		return (cell[len(cell)-1]-'0')%2 == 1
	}, nil
}

func TestLayoutOfAShapedTable(t *testing.T) {
	t.Parallel()
	schema := schemaOf(column("at", change.DateTime, true), idColumn, column("secret", change.Text, false), column("region", change.Int, false), column("name", change.Text, true))
	schema.Key = []int{1}
	columns := []TargetColumn{
		{Name: "dt", Key: true, Computed: true, Inputs: []string{"AT"}}, {Name: "region", Key: true}, {Name: "ID", Key: true},
		{Name: "at", Nullable: true}, {Name: "upper", Nullable: true, Computed: true, Inputs: []string{"name"}}, {Name: "name", Nullable: true}, {Name: "secret", Nullable: true},
	}
	r := &Route{LeftOut: []string{"SECRET"}, Filter: oddIDs{}}
	missing, refused := fit(r.leftOut(schema), columns, false)
	if refused = append(refused, fitComputed(schema, columns)...); len(missing)+len(refused) != 0 {
		t.Fatal(missing, refused)
	}
	layout, err := r.shape(newLayout(schema, columns))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(layout.KeyInputs, []int{1, 0, 3}) || !slices.Equal(layout.Computed, []string{"dt", "upper"}) {
		t.Errorf("the key is made of %v, computed are %v", layout.KeyInputs, layout.Computed)
	}
	var from []int
	for _, c := range layout.Columns {
		from = append(from, c.From)
	}
	if !slices.Equal(from, []int{3, 1, 0, 4, -1}) {
		t.Errorf("the columns are filled from %v", from)
	}
	if layout.columnName(6) != "upper" || layout.columnName(1) != "id" {
		t.Error(layout.columnName(6), layout.columnName(1))
	}
	rows := change.NewRows(5)
	for _, id := range []string{"1", "2"} {
		for i := range 5 {
			if i == 1 {
				rows.AddBytes([]byte(id))
			} else {
				rows.AddNull()
			}
		}
	}
	if !layout.keeps(rows, 0) || layout.keeps(rows, 1) {
		t.Error("the filter does not choose the rows")
	}
}

func TestSchemaChangesThatAShapedTableDoesNotSee(t *testing.T) {
	t.Parallel()
	r := &Route{LeftOut: []string{"secret"}}
	old := schemaOf(column("secret", change.Text, false), idColumn)
	old.Key = []int{1}
	changedType := schemaOf(column("secret", change.Int, true), idColumn)
	changedType.Key = []int{1}
	for _, changed := range []*change.Table{schemaOf(idColumn), changedType} {
		if changes := schemaChanges(r.leftOut(old), r.leftOut(changed)); len(changes) != 0 {
			t.Errorf("%+v", changes)
		}
	}
	seen := r.leftOut(old)
	if len(seen.Columns) != 1 || !seen.IsKey(0) {
		t.Errorf("%+v", seen)
	}
	refused := fitComputed(schemaOf(idColumn, column("dt", change.Int, true)), []TargetColumn{{Name: "DT", Computed: true, Inputs: []string{"gone", "id"}}})
	if len(refused) != 2 || !strings.Contains(refused[0], "which the target computes") || !strings.Contains(refused[1], "`gone` is gone") {
		t.Errorf("%q", refused)
	}
}
