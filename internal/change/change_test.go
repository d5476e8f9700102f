package change

import (
	"testing"
)

func TestRowsKeepCellsAndNulls(t *testing.T) {
	t.Parallel()
	r := NewRows(3)
	for row := range 50 {
		r.AddString("k")
		if row%2 == 0 {
			r.AddNull()
		} else {
			r.AddString("")
		}
		r.AddCell(append(r.Buffer(), byte('a'+row%26)))
	}
	if r.Len() != 50 || r.Width() != 3 {
		t.Fatalf("len %d width %d", r.Len(), r.Width())
	}
	for row := range 50 {
		if got := string(r.Cell(row, 2)); got != string(rune('a'+row%26)) {
			t.Errorf("row %d: %q", row, got)
		}
		if r.Null(row, 1) != (row%2 == 0) || r.Null(row, 0) {
			t.Errorf("row %d: NULLs are wrong", row)
		}
	}
	r.Truncate(3)
	r.AddString("x")
	r.AddString("y")
	r.AddNull()
	if r.Len() != 4 || string(r.Cell(3, 1)) != "y" || !r.Null(3, 2) || r.Null(3, 1) {
		t.Error("rows after Truncate are wrong")
	}
}

func TestKeysDifferWhenCellsDiffer(t *testing.T) {
	t.Parallel()
	r := NewRows(2)
	for _, cell := range []string{"a", "bc", "ab", "c", "a", "bc"} {
		r.AddString(cell)
	}
	key := []int{0, 1}
	first, second, third := string(r.AppendKey(nil, 0, key)), string(r.AppendKey(nil, 1, key)), string(r.AppendKey(nil, 2, key))
	if first == second || first != third {
		t.Errorf("keys %q %q %q", first, second, third)
	}
}

func TestPositionsAreOrderedByFileNumberThenOffset(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b Position
		want int
	}{
		{Position{File: "bin.000009", Offset: 900}, Position{File: "bin.000010", Offset: 4}, -1},
		{Position{File: "bin.999999", Offset: 1}, Position{File: "bin.1000000", Offset: 1}, -1},
		{Position{File: "bin.000001", Offset: 5 << 32}, Position{File: "bin.000001", Offset: 5}, 1},
		{Position{File: "bin.000001", Offset: 5, GTIDs: "x:1"}, Position{File: "bin.000001", Offset: 5}, 0},
	} {
		if got := c.a.Compare(c.b); got != c.want {
			t.Errorf("%v against %v: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestTypesPrintAsMySQLPrintsThem(t *testing.T) {
	t.Parallel()
	for want, typ := range map[string]Type{
		"int unsigned":      {Base: Int, Unsigned: true},
		"tinyint(1)":        {Base: TinyInt, Length: 1},
		"varchar(100)":      {Base: VarChar, Length: 100},
		"decimal(10,2)":     {Base: Decimal, Precision: 10, Scale: 2},
		"timestamp(6)":      {Base: Timestamp, Fraction: 6},
		"enum('a','it''s')": {Base: Enum, Members: []string{"a", "it's"}},
	} {
		if got := typ.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	a := Type{Base: Enum, Members: []string{"a", "b"}}
	if a.Equal(Type{Base: Enum, Members: []string{"a b"}}) || !a.Equal(Type{Base: Enum, Members: []string{"a", "b"}}) {
		t.Error("Equal is wrong about members")
	}
}
