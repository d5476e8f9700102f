package mysql

import (
	"testing"

	"starferry/internal/change"
)

// A column that comes by a statement of the log is refused for what the log does not tell of
// its type, as one that is there at the start is.
func TestOldUUIDsAreRefusedFromTheLogToo(t *testing.T) {
	t.Parallel()
	table := &change.Table{Key: []int{0}, Columns: []change.Column{{Name: "id", Type: change.Type{Base: change.Int}}, {Name: "u", Type: change.Type{Base: change.UUID}}}}
	for _, c := range []struct {
		major, minor, patch int
		refused             bool
	}{{10, 11, 4, true}, {10, 11, 5, false}, {11, 0, 2, true}, {11, 0, 3, false}, {11, 1, 1, true}, {11, 1, 2, false}, {11, 4, 0, false}} {
		s := &Source{server: ServerInfo{Flavor: MariaDB, Major: c.major, Minor: c.minor, Patch: c.patch}}
		if err := s.usable(table); (err != nil) != c.refused {
			t.Errorf("%d.%d.%d: %v", c.major, c.minor, c.patch, err)
		}
	}
}

// What CREATE TABLE … LIKE copies is known of a table as it is at this place, which a table
// that is about to join is not: it was read later.
func TestATableThatJoinsIsNoModel(t *testing.T) {
	t.Parallel()
	name := change.Name{Database: "d", Table: "t"}
	one := &tracked{name: name, table: &change.Table{Name: name}, state: joining}
	tr := &tracker{source: &Source{}, tables: map[change.Name]*tracked{name: one}}
	d := &statementReader{reader: &reader{source: tr.source, tracker: tr}}
	if d.shapeOf(name) != nil {
		t.Error("its columns of later are taken")
	}
	one.state = following
	if shape := d.shapeOf(name); shape == nil || shape.Name != name {
		t.Error("its columns are not known")
	}
}
