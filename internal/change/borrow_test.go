package change

import (
	"testing"
)

func TestBorrowedRowsAreUsedAgainWhenNobodyHoldsThem(t *testing.T) {
	kept := NewRows(1)
	kept.AddString("kept")
	kept.Release() // not borrowed: nothing happens
	kept.Hold()
	kept.Release()
	rows := BorrowRows(2)
	rows.AddString("a")
	rows.AddNull()
	rows.Hold()
	rows.Release()
	if rows.Len() != 1 || string(rows.Cell(0, 0)) != "a" || !rows.Null(0, 1) {
		t.Error("rows that somebody holds were given up")
	}
	other := BorrowRows(1)
	if other == rows {
		t.Error("rows that somebody holds were given to another")
	}
	rows.Release()
	other.Release()
	for range 100 {
		if again := BorrowRows(3); again == kept {
			t.Fatal("rows that were not borrowed were given to another")
		} else if again.Len() != 0 || again.Width() != 3 {
			t.Fatalf("borrowed rows hold %d rows of %d cells", again.Len(), again.Width())
		} else {
			again.Release()
		}
	}
	if string(kept.Cell(0, 0)) != "kept" {
		t.Error("rows that were not borrowed were changed")
	}
}

func TestBorrowingDoesNotAllocate(t *testing.T) {
	cell := make([]byte, 1000)
	allocations := testing.AllocsPerRun(1000, func() {
		rows := BorrowRows(2)
		for range 20 {
			rows.AddBytes(cell)
		}
		rows.Release()
	})
	if allocations > 0 {
		t.Errorf("%v allocations", allocations)
	}
}
