package emulator

import (
	"fmt"
	"strings"
	"testing"
)

const benchmarkRows = 1_000_000

func benchmarkTable() *table {
	cols := []*column{{id: 1, name: "id", typ: dataType{kind: tBigint}, key: true}, {id: 2, name: "name", typ: dataType{kind: tVarchar, length: 100}, nullable: true},
		{id: 3, name: "at", typ: dataType{kind: tDatetime}, nullable: true}, {id: 4, name: "n", typ: dataType{kind: tInt}, nullable: true}}
	t := &table{columns: cols, store: newTableStore()}
	t.store.addSchema(cols)
	return t
}

// benchmarkLoad is one load of a body, from its bytes into the store.
func benchmarkLoad(b *testing.B, t *table, o *loadOptions, body string) {
	b.Helper()
	s := &Server{catalog: newCatalog()}
	plan, err := s.planLoad(t, o)
	if err != nil {
		b.Fatal(err)
	}
	if err := t.loadInto(plan, body); err != nil {
		b.Fatal(err)
	}
	if t.store.count() != benchmarkRows {
		b.Fatal(t.store.count())
	}
}

func (t *table) loadInto(plan *loadPlan, body string) error {
	l := &loader{plan: plan, delta: &delta{rule: plan.update}, builder: newRowBuilder(t, t.columns, 0, 128)}
	if err := l.load(strings.NewReader(body)); err != nil {
		return err
	}
	t.store.apply(l.delta)
	return nil
}

// BenchmarkLoad is the way of a million small rows into the store: new keys, keys that
// are there, and JSON.
func BenchmarkLoad(b *testing.B) {
	var csv, json strings.Builder
	for i := range benchmarkRows {
		csv.Write(appendPadded(nil, i, 7))
		csv.WriteString("\tsome name\t2024-01-02 03:04:05\t12345\n")
		fmt.Fprintf(&json, `{"id":%d,"name":"some name","at":"2024-01-02 03:04:05","n":12345}`+"\n", i)
	}
	asJSON := mustOptions(b)
	asJSON.json = true
	for _, c := range []struct {
		name, body string
		o          *loadOptions
		filled     bool
	}{{"csv-insert", csv.String(), mustOptions(b), false}, {"csv-replace", csv.String(), mustOptions(b), true}, {"json-insert", json.String(), asJSON, false}} {
		b.Run(c.name, func(b *testing.B) {
			filled := benchmarkTable()
			if c.filled {
				benchmarkLoad(b, filled, c.o, c.body)
			}
			b.SetBytes(int64(len(c.body)))
			b.ResetTimer()
			for b.Loop() {
				t := filled
				if !c.filled {
					t = benchmarkTable()
				}
				benchmarkLoad(b, t, c.o, c.body)
			}
			b.ReportMetric(benchmarkRows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func mustOptions(b *testing.B) *loadOptions {
	o, err := parseLoadOptions(nil, 0)
	if err != nil {
		b.Fatal(err)
	}
	return o
}
