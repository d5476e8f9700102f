package starrocks

import (
	"fmt"
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/ferry"
)

// checkReadBack wants the rows of a batch back, from the whole and from its halves'
// halves.
func checkReadBack(t *testing.T, whole *batch, want []decoded) {
	t.Helper()
	var parts []ferry.Batch
	var halve func(b ferry.Batch)
	halve = func(b ferry.Batch) {
		if b.Rows() < 2 {
			parts = append(parts, b)
			return
		}
		first, second := b.Split()
		if first.Bytes()+second.Bytes() != b.Bytes() || first.Rows()+second.Rows() != b.Rows() || first.Rows() == 0 || second.Rows() == 0 {
			t.Fatalf("halves of %d and %d rows, %d and %d bytes", first.Rows(), second.Rows(), first.Bytes(), second.Bytes())
		}
		halve(first)
		halve(second)
	}
	if whole.Rows() > 0 {
		halve(whole)
	}
	for i, row := range want {
		checkRead(t, whole, i, row)
		checkRead(t, parts[i], 0, row)
	}
}

func checkRead(t *testing.T, b ferry.Batch, i int, want decoded) {
	t.Helper()
	op, rows, err := b.Read(i)
	if err != nil {
		t.Fatal(err)
	}
	if string(opText(op)) != want.op || rows.Len() != 1 {
		t.Fatalf("row %d: %v, %d rows", i, op, rows.Len())
	}
	for c, cell := range want.cells {
		if rows.Null(0, c) != (cell == nil) || cell != nil && string(rows.Cell(0, c)) != *cell {
			t.Fatalf("row %d, cell %d: %q, NULL %v", i, c, rows.Cell(0, c), rows.Null(0, c))
		}
	}
}

func TestRowsAreReadBackFromTheLoad(t *testing.T) {
	t.Parallel()
	for _, special := range []string{"plain", "tab\there", `"quoted", \N` + "\n\x00"} {
		l := testLoads(t, LoadOptions{})
		rows := change.NewRows(4)
		for i := range 5 {
			rows.AddString(fmt.Sprint(i))
			rows.AddString(special)
			rows.AddString("")
			rows.AddNull()
		}
		b := l.NewBatch(testLayout(change.Type{Base: change.Int}, text, text, text), rows, 0).(*batch)
		for i := range rows.Len() {
			if !add(t, b, ferry.Op(i%2), rows, i) {
				t.Fatal(b.form)
			}
		}
		checkReadBack(t, b, decode(t, l, b))
	}
}

// The halves of a refused load are sent like any other, and their memory, which is one,
// goes to nobody else while one of them is left.
func TestHalvesAreSent(t *testing.T) {
	t.Parallel()
	k := newCluster(t)
	l := k.client().Loads(ferry.Route{Target: testTarget})
	first, second := twoRows(l).Split()
	want := bytesOf(second.(*batch))
	k.reply = fmt.Sprintf(goodReply, 1, 1)
	if err := l.Send(t.Context(), "sf_1", first); err != nil {
		t.Fatal(err)
	}
	other := newBatch(l.(*loads).plan, l.(*loads).csv, plain)
	p := other.body.room(1000)
	other.body.add(p, append(p.bytes, strings.Repeat("x", 1000)...))
	if err := l.Send(t.Context(), "sf_2", second); err != nil {
		t.Fatal(err)
	}
	if len(k.bodies) != 2 || k.bodies[1] != want {
		t.Errorf("%q, want %q", k.bodies, want)
	}
}
