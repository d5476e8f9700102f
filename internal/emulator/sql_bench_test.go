package emulator

import (
	"fmt"
	"strings"
	"testing"
)

// speedQueries are those of docs/decisions/0001-query-engine.md.
var speedQueries = []struct{ name, query string }{
	{"all", "SELECT * FROM t"},
	{"count+sum", "SELECT count(*), sum(k) FROM t"},
	{"sum-decimal", "SELECT count(*), sum(m) FROM t"},
	{"group", "SELECT k, count(*), sum(m) FROM t GROUP BY k"},
	{"top10", "SELECT id, name FROM t ORDER BY m DESC, id LIMIT 10"},
	{"key", "SELECT * FROM t WHERE id = 777777"},
	{"like", "SELECT count(*) FROM t WHERE name LIKE '%99'"},
	{"join-small", "SELECT u.g, count(*), sum(t.m) FROM t JOIN u ON t.k = u.k GROUP BY u.g"},
	{"join-big", "SELECT count(*) FROM t a JOIN t b ON a.id = b.id"},
	{"in", "SELECT count(*) FROM t WHERE k IN (SELECT k FROM u WHERE g = 'group 3')"},
	{"exists", "SELECT count(*) FROM u WHERE EXISTS (SELECT 1 FROM t WHERE t.k = u.k AND t.m > 4990)"},
}

// BenchmarkQuery asks a table of a million rows, and one of a thousand.
func BenchmarkQuery(b *testing.B) {
	s := &Server{catalog: newCatalog()}
	s.catalog.databases["d"] = &database{id: 1, name: "d", tables: map[string]*table{}}
	var big, small strings.Builder
	for i := range 1_000_000 {
		fmt.Fprintf(&big, "%d\tsome name %d\t2024-01-02 03:04:05\t%d\t%d.%02d\n", i, i%1000, i%1000, i%5000, i%100)
	}
	for i := range 1000 {
		fmt.Fprintf(&small, "%d\tgroup %d\n", i, i%10)
	}
	text := dataType{kind: tVarchar, length: 100}
	benchTable(b, s, "t", big.String(), &column{name: "id", typ: typeBigint, key: true}, &column{name: "name", typ: text}, &column{name: "at", typ: typeTime},
		&column{name: "k", typ: typeInt}, &column{name: "m", typ: dataType{kind: tDecimal, precision: 10, scale: 2}})
	benchTable(b, s, "u", small.String(), &column{name: "k", typ: typeInt, key: true}, &column{name: "g", typ: text})
	ss := &session{server: s, user: "root", db: "d", replaying: true}
	for _, q := range speedQueries {
		b.Run(q.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				st, _, err := parseOne(q.query)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := ss.runSelect(st.(*selectStmt), nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchTable(b *testing.B, s *Server, name, csv string, cols ...*column) {
	for i, c := range cols {
		c.id, c.nullable = i+1, !c.key
	}
	t := &table{id: int64(len(name)), db: s.catalog.databases["d"], name: name, columns: cols, store: newTableStore()}
	t.store.addSchema(cols)
	plan, err := s.planLoad(t, mustOptions(b))
	if err != nil {
		b.Fatal(err)
	}
	l := &loader{plan: plan, delta: &delta{}, builder: newRowBuilder(t, cols, 0, 128)}
	if err := l.loadCSV(strings.NewReader(csv)); err != nil {
		b.Fatal(err)
	}
	t.store.apply(l.delta)
	s.catalog.databases["d"].tables[name] = t
}
