package emulator

import (
	"strings"
	"testing"
)

// BenchmarkLoad is the way of a million small rows from CSV into the store.
func BenchmarkLoad(b *testing.B) {
	cols := []*column{{id: 1, name: "id", typ: dataType{kind: tBigint}, key: true}, {id: 2, name: "name", typ: dataType{kind: tVarchar, length: 100}, nullable: true},
		{id: 3, name: "at", typ: dataType{kind: tDatetime}, nullable: true}, {id: 4, name: "n", typ: dataType{kind: tInt}, nullable: true}}
	var body strings.Builder
	const rows = 1_000_000
	for i := range rows {
		body.Write(appendPadded(nil, i, 7))
		body.WriteString("\tsome name\t2024-01-02 03:04:05\t12345\n")
	}
	s := &Server{catalog: newCatalog()}
	for b.Loop() {
		tbl := &table{columns: cols, store: newTableStore()}
		tbl.store.addSchema(cols)
		plan, err := s.planLoad(tbl, mustOptions(b))
		if err != nil {
			b.Fatal(err)
		}
		l := &loader{plan: plan, delta: &delta{}, builder: newRowBuilder(tbl, cols, 0, 128)}
		if err := l.loadCSV(strings.NewReader(body.String())); err != nil {
			b.Fatal(err)
		}
		tbl.store.apply(l.delta)
		if tbl.store.count() != rows {
			b.Fatal(tbl.store.count())
		}
	}
	b.SetBytes(int64(body.Len()))
}

func mustOptions(b *testing.B) *loadOptions {
	o, err := parseLoadOptions(nil, 0)
	if err != nil {
		b.Fatal(err)
	}
	return o
}
