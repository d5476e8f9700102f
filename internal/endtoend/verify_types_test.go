package endtoend

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// worsen writes rows of the zoo over at the target, each with another column emptied,
// takes one away and brings one that never was; it gives what a verify says of them.
func (w *world) worsen(t *testing.T, columns []sourceColumn, last int) (wanted []string) {
	t.Helper()
	names, rows := w.readTarget(t, "zoo")
	id := slices.Index(names, "id")
	quoted := "`" + strings.Join(names, "`, `") + "`"
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(names)), ", ")
	insert := fmt.Sprintf("INSERT INTO %s.zoo (%s) VALUES (%s)", w.database, quoted, marks)
	write := func(number int, change func(cells []any)) {
		at := slices.IndexFunc(rows, func(cells []sql.NullString) bool { return cells[id].String == fmt.Sprint(number) })
		cells := make([]any, len(names))
		for i, cell := range rows[at] {
			if cell.Valid {
				cells[i] = cell.String
			}
		}
		change(cells)
		if _, err := w.admin.ExecContext(t.Context(), insert, cells...); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range columns {
		write(1+i, func(cells []any) { cells[slices.Index(names, c.name)] = nil })
		wanted = append(wanted, fmt.Sprintf(`different id="%d" %s`, 1+i, c.name))
	}
	write(1, func(cells []any) { cells[id] = 9001 })
	w.target(t, fmt.Sprintf("DELETE FROM %s.zoo WHERE id = %d", w.database, last))
	wanted = append(wanted, fmt.Sprintf(`missing id="%d" `, last), `superfluous id="9001" `)
	slices.Sort(wanted)
	return wanted
}

// TestVerifySeesDamageInEveryType: whatever column is damaged at the target, a verify says
// exactly that, while other tables change, and a repair mends it.
func TestVerifySeesDamageInEveryType(t *testing.T) {
	t.Parallel()
	for name, start := range bothServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, start(t))
			load := &workload{w: w, seed: seed(t), rows: 20_000, parts: 50}
			load.fill(t)
			z := zooOf(w.source.Flavor)
			w.exec(t, z.create(), z.insert(0))
			script := w.write(t, "zoo.sql", w.script("", route{from: "zoo", to: "zoo"}, route{from: "orders", to: "orders"}))
			p := w.start(t, script)
			load.begin(t, 2)
			waitLine(t, p, "state=streaming")
			w.awaitEqual(t, "zoo")
			columns := slices.DeleteFunc(w.sourceColumns(t, "zoo"), func(c sourceColumn) bool { return c.key })
			const some = 18 // and two more: as many examples as a report has
			if z.rows() < some+2 {
				t.Fatalf("only %d rows", z.rows())
			}
			for part := range slices.Chunk(columns, some) {
				wanted := w.worsen(t, part, z.rows()-1)
				r, o := w.verify(t, 1, script, "--table", w.database+".zoo")
				if got := r.examples("zoo"); !slices.Equal(got, wanted) {
					t.Errorf("found\n%s\nwant\n%s\n%s", strings.Join(got, "\n"), strings.Join(wanted, "\n"), o)
				}
				r, o = w.verify(t, 0, script, "--table", w.database+".zoo", "--repair")
				if b := r.Tables[0].Before; b == nil || b.Different != len(part) || b.Missing != 1 || b.Superfluous != 1 {
					t.Errorf("%+v %s", r, o)
				}
				w.compare(t, "zoo", "zoo")
			}
			load.end()
			w.verify(t, 0, script)
			w.stop(t, p)
		})
	}
}
