package starrocks_test

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/ferry"
	"starferry/internal/starrocks"
)

// anyByteTable has text and bytes, with NULL and without, and a key of bytes and text.
func anyByteTable(database string) *change.Table {
	text := func(n int) change.Type { return change.Type{Base: change.VarChar, Length: n, Charset: "utf8mb4"} }
	return &change.Table{Name: change.Name{Database: database, Table: "bytes"}, Version: 1, Key: []int{0, 1}, Columns: []change.Column{
		{Name: "k", Type: change.Type{Base: change.VarBinary, Length: 8}},
		{Name: "t", Type: text(12)},
		{Name: "maybe", Type: text(2000), Nullable: true},
		{Name: "always", Type: text(2000)},
		{Name: "blob", Type: change.Type{Base: change.Blob}, Nullable: true},
		{Name: "bytes", Type: change.Type{Base: change.Binary, Length: 20}},
		{Name: "n", Type: change.Type{Base: change.Decimal, Precision: 20, Scale: 4}, Nullable: true},
		{Name: "__hex_4", Type: text(20), Nullable: true},
	}}
}

// randomSeparator has 1 to 50 bytes.
func randomSeparator(r *rand.Rand) string {
	pools := []string{"\x01\x02\x03\x1f\t\x0b", ",;|@#^~", "|@|", "abcN\\0 1\"'", "é€，"}
	for {
		pool := []rune(pools[r.IntN(len(pools))])
		var b strings.Builder
		for b.Len() < 1+r.IntN(3)*r.IntN(25) {
			b.WriteRune(pool[r.IntN(len(pool))])
		}
		if written := b.String(); (starrocks.LoadOptions{ColumnSeparator: written, RowDelimiter: `\x01`}).Check() == nil {
			return written
		}
	}
}

// randomText is made of what could be taken for something else.
func randomText(r *rand.Rand, separator, delimiter string, most int) string {
	pieces := []string{separator, delimiter, `\N`, `\`, `"`, `""`, "\n", "\r\n", "\t", "\x00", "'", "NULL", "x", "é", "😀", "\u2028", " ", "0", `\n`, `{"a":1}`}
	if separator != "" {
		pieces = append(pieces, separator[:1], separator[len(separator)-1:])
	}
	var b strings.Builder
	for range r.IntN(6) {
		piece := pieces[r.IntN(len(pieces))]
		if b.Len()+len(piece) > most || !utf8.ValidString(piece) {
			continue
		}
		b.WriteString(piece)
	}
	if r.IntN(8) == 0 {
		return `\N`
	}
	return b.String()
}

func randomBytes(r *rand.Rand, most int) string {
	b := make([]byte, r.IntN(most+1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

// calmText is what CSV carries without anything.
func calmText(r *rand.Rand) string {
	pieces := []string{"w", "", "ö 𝄞", "\r", "\\", "Z?\x00"}
	return pieces[r.IntN(len(pieces))] + pieces[r.IntN(len(pieces))]
}

func anyByteRow(r *rand.Rand, rows *change.Rows, id int, text func(most int) string) {
	orNull := func(text string) {
		if r.IntN(5) == 0 {
			rows.AddNull()
		} else {
			rows.AddString(text)
		}
	}
	rows.AddString(string([]byte{byte(id), byte(id >> 8)}) + randomBytes(r, 6))
	rows.AddString(text(40))
	orNull(text(2000))
	rows.AddString(text(2000))
	orNull(randomBytes(r, 300))
	rows.AddString(fmt.Sprintf("%-20s", randomBytes(r, 20)))
	orNull(strconv.Itoa(r.IntN(1000)-500) + ".2500")
	orNull("plain")
}

// TestAnyByteTravelsWithAnySeparator loads random rows with random separators, one by
// one and in a transaction, and reads them back. STARFERRY_BYTES_ROUNDS goes on longer,
// STARFERRY_BYTES_SEED begins elsewhere.
func TestAnyByteTravelsWithAnySeparator(t *testing.T) {
	t.Parallel()
	rounds, first := 40, uint64(1)
	if n, err := strconv.Atoi(os.Getenv("STARFERRY_BYTES_ROUNDS")); err == nil {
		rounds = n
	}
	if n, err := strconv.ParseUint(os.Getenv("STARFERRY_BYTES_SEED"), 10, 64); err == nil {
		first = n
	}
	w := newWorld(t)
	c := w.client(t, w.admin)
	source := anyByteTable(w.database)
	target := w.table("bytes")
	if _, err := c.Prepare(t.Context(), starrocks.TableSpec{Target: target, Source: source, Simple: true, Properties: "buckets 1"}); err != nil {
		t.Fatal(err)
	}
	layout := layoutOf(source)
	for i := range layout.Columns {
		layout.Columns[i].Nullable = source.Columns[i].Nullable
	}
	forms := map[ferry.Form]int{}
	for seed := first; seed < first+uint64(rounds); seed++ {
		r := rand.New(rand.NewPCG(seed, 7))
		o := starrocks.LoadOptions{ColumnSeparator: randomSeparator(r), RowDelimiter: randomSeparator(r)}
		if o.Check() != nil {
			o.RowDelimiter = `\x02`
		}
		if err := c.Configure(target, o); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, inside := range []bool{false, true} {
			text := func(most int) string { return randomText(r, o.ColumnSeparator, o.RowDelimiter, most) }
			if seed%3 == 0 {
				text = func(int) string { return calmText(r) }
			}
			rows := change.NewRows(len(source.Columns))
			for id := range 30 {
				anyByteRow(r, rows, id, text)
			}
			w.exec(t, "TRUNCATE TABLE "+target.String())
			if inside {
				forms[transact(t, c, target, layout, rows)]++
			} else {
				load(t, c, target, layout, ferry.Upsert, rows)
			}
			checkAnyBytes(t, w, c, target, layout, rows, fmt.Sprintf("seed %d, separators %q %q, in a transaction %t", seed, o.ColumnSeparator, o.RowDelimiter, inside))
		}
	}
	t.Logf("%d rounds of 60 rows; transactions by form: %v", rounds, forms)
}

// transact loads rows in one transaction, in the narrowest form that carries them all.
func transact(t *testing.T, c *starrocks.Client, target change.Name, layout *ferry.Layout, rows *change.Rows) ferry.Form {
	t.Helper()
	transactions, x := c.Transactions(), checkpoint.Label{Table: target, Label: label()}
	loads := c.Loads(ferry.Route{Target: target})
	batch := loads.NewBatchIn(layout, 0)
	for row := 0; row < rows.Len(); row++ {
		if carried(t, batch, ferry.Upsert, rows, row) {
			continue
		}
		if batch.Form() == 2 {
			t.Fatalf("row %d fits no form", row)
		}
		batch, row = loads.NewBatchIn(layout, 2), -1
	}
	if err := transactions.Begin(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	if err := loads.Append(t.Context(), x, batch); err != nil {
		t.Fatal(err)
	}
	if err := transactions.Prepare(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	if err := transactions.Commit(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	return batch.Form()
}

// checkAnyBytes reads the table back in two ways: with the client, and past it.
func checkAnyBytes(t *testing.T, w *world, c *starrocks.Client, target change.Name, layout *ferry.Layout, rows *change.Rows, what string) {
	t.Helper()
	keys := change.NewRows(2)
	for row := range rows.Len() {
		keys.AddBytes(rows.Cell(row, 0))
		keys.AddBytes(rows.Cell(row, 1))
	}
	read, at, err := c.ReadRows(t.Context(), target, layout, keys)
	if err != nil {
		t.Fatal(what, err)
	}
	for row := range rows.Len() {
		if at[row] < 0 {
			t.Fatalf("%s: row %q is not there", what, cellsOf(rows, row))
		}
		if n := c.Differs(layout, rows, row, read, at[row]); n >= 0 {
			t.Fatalf("%s: column %s of row %q is %q", what, layout.Columns[n].Name, cellsOf(rows, row), cellsOf(read, at[row]))
		}
	}
	got := map[string]bool{}
	for _, line := range w.read(t, "SELECT k, HEX(t), HEX(maybe), HEX(always), HEX(`blob`), HEX(bytes) FROM "+target.String()) {
		got[line] = true
	}
	for row := range rows.Len() {
		var want []string
		for column := range 6 {
			text := strings.ToUpper(hex.EncodeToString(rows.Cell(row, column)))
			if rows.Null(row, column) {
				text = "<null>"
			}
			want = append(want, text)
		}
		if !got[strings.Join(want, "|")] {
			t.Fatalf("%s: row %q is not there", what, want)
		}
	}
}
