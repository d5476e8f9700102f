package starrocks

import (
	"testing"

	"starferry/internal/change"
	"starferry/internal/ferry"
)

// TestRowsOfDifferentFormsShareBatches: rows that need different forms in turn must
// not make a batch of each few rows: the target takes a batch per publish, not more.
func TestRowsOfDifferentFormsShareBatches(t *testing.T) {
	t.Parallel()
	schema := &change.Table{Name: change.Name{Database: "d", Table: "t"}, Key: []int{0}, Columns: []change.Column{
		{Name: "id", Type: change.Type{Base: change.Int}},
		{Name: "note", Type: change.Type{Base: change.VarChar, Length: 20, Charset: "utf8mb4"}, Nullable: true},
	}}
	layout := &ferry.Layout{Source: schema, Columns: []ferry.LayoutColumn{
		{Name: "id", Type: schema.Columns[0].Type, Key: true}, {Name: "note", From: 1, Type: schema.Columns[1].Type},
	}}
	l := &loads{csv: newCSVRules([]byte{1}, []byte{2})}
	notes := []string{"plain", "a\x01b", `a "quote"`, "a\x02b", `"`, "nul\x00\x01"}
	var current ferry.Batch
	batches := 0
	for i := range 1000 {
		rows := change.NewRows(2)
		rows.AddBytes([]byte("7"))
		rows.AddBytes([]byte(notes[i%len(notes)]))
		for current == nil || !add(t, current, ferry.Upsert, rows, 0) {
			current = l.NewBatch(layout, rows, 0)
			batches++
		}
	}
	if batches > 3 {
		t.Errorf("1000 rows made %d batches, want 3 at most: one of each form", batches)
	}
	rows := change.NewRows(2)
	rows.AddBytes([]byte("8"))
	rows.AddBytes([]byte("plain"))
	if form := l.NewBatch(layout, rows, 0).(*batch).form; form != plain {
		t.Errorf("the batch after the widest has form %d, want the narrowest again", form)
	}
}
