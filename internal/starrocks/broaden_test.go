package starrocks

import (
	"testing"

	"starferry/internal/change"
)

// TestTheWidestOfEachFamily, and what a table that was created with it holds later.
func TestTheWidestOfEachFamily(t *testing.T) {
	t.Parallel()
	unsigned := func(b change.Base) change.Type { return change.Type{Base: b, Unsigned: true} }
	decimal := func(digits int) change.Type {
		return change.Type{Base: change.Decimal, Precision: digits, Scale: 2}
	}
	mapped := func(typ change.Type, key bool, version string) MappedColumn {
		source := &change.Table{Columns: []change.Column{{Name: "c", Type: typ}}}
		if key {
			source.Key = []int{0}
		}
		column, _, err := mapWide(source, 0, typesOf(version), true)
		if err != nil {
			t.Fatal(err)
		}
		return column
	}
	for _, c := range []struct {
		from, to change.Type
		key      bool
		version  string
		is       string
		holds    bool
	}{
		{from: change.Type{Base: change.TinyInt}, to: change.Type{Base: change.BigInt}, is: "BIGINT", holds: true},
		{from: unsigned(change.Int), to: unsigned(change.BigInt), is: "LARGEINT", holds: true},
		{from: unsigned(change.Int), to: change.Type{Base: change.BigInt}, is: "LARGEINT", holds: true},
		{from: unsigned(change.TinyInt), to: unsigned(change.BigInt), key: true, is: "LARGEINT", holds: true},
		{from: change.Type{Base: change.Bit, Length: 2}, to: change.Type{Base: change.Bit, Length: 64}, is: "LARGEINT", holds: true},
		{from: change.Type{Base: change.Bit, Length: 1}, to: change.Type{Base: change.Bit, Length: 8}, is: "BOOLEAN"},
		{from: decimal(10), to: decimal(38), is: "DECIMAL(38,2)", holds: true},
		{from: decimal(10), to: decimal(40), is: "DECIMAL(38,2)"},
		{from: decimal(10), to: decimal(40), version: "4.0.1", is: "DECIMAL(38,2)"},
		{from: change.Type{Base: change.VarChar, Length: 9, Charset: "latin1"}, to: change.Type{Base: change.VarChar, Length: 10, Charset: "latin1"}, key: true, is: "VARCHAR(27)"},
	} {
		version := c.version
		if version == "" {
			version = "3.5.0"
		}
		from, to := mapped(c.from, c.key, version), mapped(c.to, c.key, version)
		if from.Type != c.is || to.isHeldBy(from.Type) != c.holds {
			t.Errorf("%s, key %t: %s, which holds %s: %t", c.from, c.key, from.Type, c.to, to.isHeldBy(from.Type))
		}
	}
}
