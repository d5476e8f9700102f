package mysql

import (
	"fmt"
	"testing"

	"starferry/internal/change"
)

// Tables that nobody follows are forgotten when there are too many, the oldest first; two
// that change places are never taken for each other.
func TestOthersAreBounded(t *testing.T) {
	t.Parallel()
	name := func(i int) change.Name { return change.Name{Database: "d", Table: fmt.Sprint("x", i)} }
	tr := &tracker{source: &Source{}, tables: map[change.Name]*tracked{{Database: "d", Table: "t"}: {}}}
	d := &statementReader{reader: &reader{source: tr.source, tracker: tr}}
	wide := func(comment string) *change.Table {
		return &change.Table{Comment: comment, Columns: make([]change.Column, othersMax/10)}
	}
	for i := range 13 {
		d.remember(name(i), wide(fmt.Sprint(i)))
	}
	if tr.others.tables[name(2)] != nil || tr.others.tables[name(3)] == nil || tr.others.columns != othersMax || len(tr.others.order) != 10 {
		t.Errorf("%d tables, %d columns", len(tr.others.tables), tr.others.columns)
	}
	a, b := tr.others.tables[name(3)], tr.others.tables[name(4)]
	for one, table := range map[change.Name]*change.Table{name(3): b, name(4): a} { // RENAME x3 TO z, x4 TO x3, z TO x4
		if err := d.settle(t.Context(), &place{name: one, there: true, table: table}); err != nil {
			t.Fatal(err)
		}
	}
	if tr.others.tables[name(3)] != b || tr.others.tables[name(4)] != a {
		t.Error("two tables have changed places, and their columns have not")
	}
	d.forget(name(5))
	d.remember(name(6), wide("anew"))
	if tr.others.columns != 9*othersMax/10 || len(tr.others.order) != 9 || tr.others.tables[name(6)].Comment != "anew" {
		t.Errorf("%d tables, %d columns", len(tr.others.tables), tr.others.columns)
	}
}
