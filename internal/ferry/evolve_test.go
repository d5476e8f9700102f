package ferry

import (
	"slices"
	"strings"
	"testing"

	"starferry/internal/change"
)

func column(name string, base change.Base, nullable bool) change.Column {
	return change.Column{Name: name, Type: change.Type{Base: base}, Nullable: nullable}
}

func schemaOf(columns ...change.Column) *change.Table {
	return &change.Table{Name: change.Name{Database: "d", Table: "t"}, Key: []int{0}, Columns: columns}
}

var idColumn = column("id", change.Int, false)

// The tutorial's fixed policy: what is carried from one row's schema to the next.
func TestFixedPolicy(t *testing.T) {
	t.Parallel()
	a, b := column("a", change.Int, true), column("b", change.VarChar, true)
	required := column("r", change.Int, false)
	wide := change.Column{Name: "a", Type: change.Type{Base: change.Int, Length: 11, Zerofill: true}, Nullable: true}
	collated := change.Column{Name: "b", Type: change.Type{Base: change.VarChar, Collation: "utf8mb4_bin"}, Nullable: true}
	for name, c := range map[string]struct {
		old, new *change.Table
		refused  string // part of it; "" when carried
	}{
		"nothing":                   {schemaOf(idColumn, a), schemaOf(idColumn, a), ""},
		"order":                     {schemaOf(idColumn, a, b), schemaOf(idColumn, b, a), ""},
		"nullable added":            {schemaOf(idColumn, a), schemaOf(idColumn, a, b), ""},
		"nullable dropped":          {schemaOf(idColumn, a, b), schemaOf(idColumn, b), ""},
		"renamed":                   {schemaOf(idColumn, a), schemaOf(idColumn, column("z", change.Int, true)), ""},
		"display width":             {schemaOf(idColumn, a), schemaOf(idColumn, wide), ""},
		"collation":                 {schemaOf(idColumn, b), schemaOf(idColumn, collated), ""},
		"case of the name":          {schemaOf(idColumn, a), schemaOf(idColumn, column("A", change.Int, true)), ""},
		"NOT NULL added":            {schemaOf(idColumn), schemaOf(idColumn, required), "`r` NOT NULL was added"},
		"NOT NULL dropped":          {schemaOf(idColumn, required), schemaOf(idColumn), "`r` NOT NULL was dropped"},
		"type":                      {schemaOf(idColumn, a), schemaOf(idColumn, column("a", change.BigInt, true)), "from int to bigint"},
		"nullability":               {schemaOf(idColumn, a), schemaOf(idColumn, column("a", change.Int, false)), "from NULL to NOT NULL"},
		"key":                       {schemaOf(idColumn, a), &change.Table{Key: []int{0, 1}, Columns: []change.Column{idColumn, a}}, "primary key changed from (id) to (id, a)"},
		"several, all in one go":    {schemaOf(idColumn, a, required), schemaOf(idColumn, column("a", change.Text, true)), "`r` NOT NULL was dropped"},
		"several, the other of two": {schemaOf(idColumn, a, required), schemaOf(idColumn, column("a", change.Text, true)), "from int to text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := (&SchemaPolicy{}).judge(schemaChanges(c.old, c.new))
			refused := strings.Join(v.refused, "; ")
			if c.refused == "" && refused != "" || !strings.Contains(refused, c.refused) {
				t.Errorf("refused %q, want %q", refused, c.refused)
			}
		})
	}
}

func TestFitListsWhatTheTargetLacks(t *testing.T) {
	t.Parallel()
	schema := schemaOf(idColumn, column("a", change.Int, true), column("r", change.Int, false))
	missing, refused := fit(schema, []TargetColumn{{Name: "ID", Key: true}, {Name: "kept", Nullable: true}, {Name: "mine"}}, false)
	if len(missing) != 1 || missing[0].Name != "a" {
		t.Errorf("missing %v", missing)
	}
	if len(refused) != 2 || !strings.Contains(refused[0], "`r`") || !strings.Contains(refused[1], "`mine`") {
		t.Errorf("refused %q", refused)
	}
	if _, refused := fit(schemaOf(idColumn), []TargetColumn{{Name: "id"}, {Name: "uid", Key: true}}, false); len(refused) != 2 {
		t.Errorf("another key: refused %q", refused)
	}
}

// A column that is altered before its first row was what it was for the rows before.
func TestAddedColumnsAreRememberedAsTheyWere(t *testing.T) {
	t.Parallel()
	seven, nine := "7", "9"
	a := func(def *string) change.Column {
		return change.Column{Name: "a", Type: change.Type{Base: change.Int}, Nullable: true, Default: def}
	}
	versions := []*change.Table{schemaOf(idColumn), schemaOf(idColumn, a(&seven)), schemaOf(idColumn, a(nil)), schemaOf(idColumn, a(nil), column("b", change.Int, true))}
	var added []change.Column
	for i := 1; i < len(versions); i++ {
		added = addedColumns(added, versions[i-1], versions[i])
	}
	if len(added) != 2 || added[0].Default != &seven || added[1].Name != "b" {
		t.Errorf("added %v", added)
	}
	added = addedColumns(added, versions[3], schemaOf(idColumn))
	if added = addedColumns(added, schemaOf(idColumn), schemaOf(idColumn, a(&nine))); len(added) != 1 || added[0].Default != &nine {
		t.Errorf("dropped and added again: %v", added)
	}
}

func TestKeyOfAnotherOrderIsAnother(t *testing.T) {
	t.Parallel()
	text := func(collation string) change.Column {
		return change.Column{Name: "k", Type: change.Type{Base: change.VarChar, Length: 9, Charset: "utf8mb4", Collation: collation}}
	}
	if !sameKey(schemaOf(text("utf8mb4_bin")), schemaOf(text("utf8mb4_bin"), idColumn)) || sameKey(schemaOf(text("utf8mb4_bin")), schemaOf(text("utf8mb4_0900_ai_ci"))) ||
		sameKey(schemaOf(idColumn, text("x")), &change.Table{Key: []int{0, 1}, Columns: []change.Column{idColumn, text("x")}}) {
		t.Error("keys are compared wrongly")
	}
}

func TestLayoutFillsKeptColumnsWithNull(t *testing.T) {
	t.Parallel()
	layout := newLayout(schemaOf(column("a", change.Int, true), idColumn), []TargetColumn{{Name: "id", Key: true}, {Name: "gone", Nullable: true}, {Name: "A", Nullable: true}})
	var from []int
	for _, c := range layout.Columns {
		from = append(from, c.From)
	}
	if !slices.Equal(from, []int{1, -1, 0}) || !layout.Columns[0].Key {
		t.Errorf("filled from %v", from)
	}
}
