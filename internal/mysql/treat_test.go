package mysql

import (
	"slices"
	"testing"

	"starferry/internal/change"
)

// TestTheKeyIsNeverTreated: two moments of one text would be one row.
func TestTheKeyIsNeverTreated(t *testing.T) {
	berlin := Treatment{Zone: "Europe/Berlin", ZeroDates: change.RoundZeroDates}
	raw := &change.Table{Key: []int{0}, Columns: []change.Column{
		{Name: "id", Type: change.Type{Base: change.Int}},
		{Name: "at", Type: change.Type{Base: change.Timestamp}},
		{Name: "day", Type: change.Type{Base: change.Date}},
	}}
	joined := berlin.of(raw, nil)
	if at := joined.Columns[1].Type; at.Zone != berlin.Zone || at.ZeroDates != berlin.ZeroDates {
		t.Fatalf("%+v", at)
	}
	for name, next := range map[string]change.Table{
		"by ALTER":      {Columns: joined.Columns, Key: []int{1, 2}},
		"looked up":     {Columns: raw.Columns, Key: []int{1, 2}},
		"and more keys": {Columns: joined.Columns, Key: []int{0, 2, 1}},
	} {
		for _, of := range []Treatment{berlin, {}} {
			keyed := of.of(&next, joined)
			for _, c := range keyed.Columns[1:] {
				if c.Type.Zone != "" || c.Type.ZeroDates != "" {
					t.Errorf("%s: %s is a key with %+v", name, c.Name, c.Type)
				}
			}
			again := of.of(&change.Table{Columns: keyed.Columns, Key: []int{0}}, keyed)
			if at := again.Columns[1].Type; at.Zone != of.Zone || at.ZeroDates != of.ZeroDates {
				t.Errorf("%s: out of the key again it has %+v, want %+v", name, at, of)
			}
		}
	}
	if at := joined.Columns[1].Type; at.Zone != berlin.Zone {
		t.Errorf("the version before was changed: %+v", at)
	}
}

// TestARenamedColumnKeepsItsTreatment whatever the options say now: its values go on in
// the same rows.
func TestARenamedColumnKeepsItsTreatment(t *testing.T) {
	joined := Treatment{Zone: "Europe/Berlin", Booleans: true}.of(&change.Table{Key: []int{0}, Columns: []change.Column{
		{Name: "id", Type: change.Type{Base: change.Int}},
		{Name: "at", Type: change.Type{Base: change.Timestamp}},
		{Name: "flag", Type: change.Type{Base: change.TinyInt, Length: 1}},
	}}, nil)
	next := *joined
	next.Columns = []change.Column{joined.Columns[0], joined.Columns[1], joined.Columns[2], {Name: "at", Type: change.Type{Base: change.Timestamp}}}
	next.Columns[1].Name, next.Columns[1].Was = "moment", "at"
	got := Treatment{Zone: "Asia/Tokyo"}.of(&next, joined)
	if zone := got.Columns[1].Type.Zone; zone != "Europe/Berlin" {
		t.Errorf("the renamed one is in %q", zone)
	}
	if got.Columns[2].Type.Base != change.Boolean {
		t.Errorf("%+v", got.Columns[2].Type)
	}
	if zone := got.Columns[3].Type.Zone; zone != "Asia/Tokyo" {
		t.Errorf("the new one is in %q", zone)
	}
}

// TestWhatAnotherTreatmentWouldMakeOfATable is said column by column; the same one makes
// nothing else of it.
func TestWhatAnotherTreatmentWouldMakeOfATable(t *testing.T) {
	raw := &change.Table{Key: []int{0}, Columns: []change.Column{
		{Name: "key", Type: change.Type{Base: change.Timestamp}},
		{Name: "at", Type: change.Type{Base: change.Timestamp}},
		{Name: "day", Type: change.Type{Base: change.Date}},
		{Name: "flag", Type: change.Type{Base: change.TinyInt, Length: 1}},
		{Name: "n", Type: change.Type{Base: change.TinyInt, Length: 2}},
	}}
	utc, berlin := Treatment{}, Treatment{Zone: "Europe/Berlin", Booleans: true, ZeroDates: change.NullZeroDates}
	for _, c := range []struct {
		was, is Treatment
		want    []string
	}{
		{utc, utc, nil},
		{berlin, berlin, nil},
		{utc, berlin, []string{"`at` is in UTC, not in Europe/Berlin, with zero dates as NULL", "`day` is as it is, not with zero dates as NULL", "`flag` is as a number, not as BOOLEAN"}},
		{berlin, utc, []string{"`at` is in Europe/Berlin, with zero dates as NULL, not in UTC", "`day` is with zero dates as NULL, not as it is", "`flag` is as BOOLEAN, not as a number"}},
	} {
		if says := c.is.Differs(c.was.of(raw, nil)); !slices.Equal(says, c.want) {
			t.Errorf("%q, want %q", says, c.want)
		}
	}
}
