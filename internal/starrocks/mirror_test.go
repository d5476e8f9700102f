package starrocks_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/emulator"
	"starferry/internal/ferry"
	"starferry/internal/starrocks"
)

// specimen is a type and texts of values that all differ from one another, as the
// source gives them.
type specimen struct {
	typ   change.Type
	texts []string
}

func integer(base change.Base, unsigned bool, texts ...string) specimen {
	return specimen{change.Type{Base: base, Unsigned: unsigned}, texts}
}

func textual(base change.Base, length int, texts ...string) specimen {
	return specimen{change.Type{Base: base, Length: length, Charset: "utf8mb4"}, texts}
}

func decimal(precision, scale int, texts ...string) specimen {
	return specimen{change.Type{Base: change.Decimal, Precision: precision, Scale: scale}, texts}
}

func temporal(base change.Base, fraction int, texts ...string) specimen {
	return specimen{change.Type{Base: base, Fraction: fraction}, texts}
}

// strangeTexts are hard to write into a statement.
var strangeTexts = []string{"", " ", "a", "A", "a ", `\`, `\\`, `"`, `'`, `""`, "%", `\%`, `\_`, "a\x00b", "\n", "\t\x01\x02", `\N`, "é", "𝄞", "null", "x'27'", "-- x", "/* x */", ";"}

func zooOfValues() []specimen {
	nines := strings.Repeat("9", 28) + "." + strings.Repeat("9", 10)
	return []specimen{
		integer(change.TinyInt, false, "-128", "127", "0"), integer(change.TinyInt, true, "0", "255"),
		integer(change.SmallInt, false, "-32768", "32767"), integer(change.SmallInt, true, "0", "65535"),
		integer(change.MediumInt, false, "-8388608", "8388607"), integer(change.MediumInt, true, "0", "16777215"),
		integer(change.Int, false, "-2147483648", "2147483647"), integer(change.Int, true, "0", "4294967295"),
		integer(change.BigInt, false, "-9223372036854775808", "9223372036854775807", "9007199254740993", "9007199254740992"),
		integer(change.BigInt, true, "0", "18446744073709551615", "18446744073709551614"),
		{change.Type{Base: change.Bit, Length: 1}, []string{"0", "1"}}, {change.Type{Base: change.Bit, Length: 64}, []string{"1", "18446744073709551615"}},
		decimal(10, 2, "1.50", "-99999999.99", "0.00", "0.01", "1.51"), decimal(38, 10, "0.0000000001", "-"+nines, nines), decimal(20, 0, "0", "12345678901234567890"),
		decimal(65, 0, "1", strings.Repeat("9", 65)), decimal(65, 30, "0.000000000000000000000000000001", "-1.500000000000000000000000000000"),
		{change.Type{Base: change.Float}, []string{"0", "0.1", "-2.5", "16777216", "16777218", "3.4028235e38", "1e-45", "1.1754944e-38", "123456790"}},
		{change.Type{Base: change.Double}, []string{"0", "0.1", "0.30000000000000004", "0.3", "1.7976931348623157e308", "5e-324", "1e22", "1e23", "-1e-15", "123456789012345680"}},
		textual(change.VarChar, 20, strangeTexts...), textual(change.Char, 10, "", "ab", "Ab"), textual(change.LongText, 0, "a\tb", strings.Repeat("é", 3000), strings.Repeat("é", 2999)+"e"),
		{change.Type{Base: change.Enum, Charset: "utf8mb4", Members: []string{"a", "it's", "é"}}, []string{"a", "it's", "é", ""}},
		{change.Type{Base: change.Set, Charset: "utf8mb4", Members: []string{"a", "b"}}, []string{"", "a", "a,b"}},
		temporal(change.Date, 0, "0001-01-01", "9999-12-31", "2024-02-29"),
		temporal(change.DateTime, 0, "2020-01-02 03:04:05", "0001-01-01 00:00:00", "9999-12-31 23:59:59"), temporal(change.DateTime, 3, "2020-01-02 03:04:05.000", "2020-01-02 03:04:05.120", "2020-01-02 03:04:05.123"),
		temporal(change.DateTime, 6, "2020-01-02 03:04:05.000000", "2020-01-02 03:04:05.000001", "2020-01-02 03:04:05.100000"),
		temporal(change.Timestamp, 0, "1970-01-01 00:00:01", "2038-01-19 03:14:07"), temporal(change.Timestamp, 6, "2024-10-27 01:30:00.500000", "2024-10-27 01:30:00.000000"),
		temporal(change.Time, 0, "-838:59:59", "00:00:00", "12:00:00"), temporal(change.Time, 6, "-00:00:00.000001", "00:00:00.000000"),
		{change.Type{Base: change.Year}, []string{"0000", "1901", "2155"}},
		{change.Type{Base: change.JSON}, []string{`{"a": 1, "bb": [1, 2.5, null]}`, `[]`, `{}`, `"text"`, `12`, `1.5`, `true`, `{"a": 1, "bb": [1, 2.5, 0]}`, `{"n": 9007199254740993}`, `{"n": 9007199254740992}`, `{"u": 18446744073709551615}`, `{"x": 1e100}`, `{"s": "\u0001 \" é"}`}},
	}
}

// zooTable has one column per specimen behind a key.
func zooTable(specimens []specimen) *change.Table {
	table := &change.Table{Name: change.Name{Database: "z", Table: "zoo"}, Key: []int{0}, Columns: []change.Column{{Name: "id", Type: change.Type{Base: change.Int}}}}
	for i, s := range specimens {
		table.Columns = append(table.Columns, change.Column{Name: fmt.Sprintf("c%d %s", i, s.typ.Base), Type: s.typ, Nullable: true})
	}
	return table
}

// zooRow appends a row whose column change has another value than in row i of the zoo;
// none when change is 0. A row beyond every specimen is NULLs.
func zooRow(rows *change.Rows, specimens []specimen, i, other int) {
	rows.AddString(fmt.Sprint(i))
	for n, s := range specimens {
		at := i
		if other == n+1 {
			at = i + 1
		}
		if at > len(s.texts) && other == n+1 {
			at = 0
		}
		if at >= len(s.texts) {
			rows.AddNull()
			continue
		}
		rows.AddString(s.texts[at])
	}
}

func TestTheZooIsReadBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t, w.admin)
	specimens := zooOfValues()
	source := zooTable(specimens)
	target := w.table("zoo")
	if _, err := c.Prepare(t.Context(), starrocks.TableSpec{Target: target, Source: source, Simple: true, Properties: "buckets 2"}); err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, s := range specimens {
		count = max(count, len(s.texts)+1)
	}
	layout := layoutOf(source)
	// What was dropped at the source is kept at the target and not compared.
	layout.Columns = append(layout.Columns, ferry.LayoutColumn{Name: "kept", From: -1})
	w.exec(t, "ALTER TABLE "+w.database+".zoo ADD COLUMN kept INT NULL DEFAULT '5'")
	rows, keys := change.NewRows(len(source.Columns)), change.NewRows(1)
	for i := range count {
		zooRow(rows, specimens, i, 0)
	}
	for _, i := range []int{7, 100000, 0} {
		keys.AddString(fmt.Sprint(i))
	}
	for i := range count {
		keys.AddString(fmt.Sprint(i))
	}
	for _, format := range []string{"csv", "json"} {
		if err := c.Configure(target, starrocks.LoadOptions{Headers: map[string]string{"format": format}}); err != nil {
			t.Fatal(err)
		}
		load(t, c, target, layout, ferry.Upsert, rows)
		read, at, err := c.ReadRows(t.Context(), target, layout, keys)
		if err != nil {
			t.Fatal(err)
		}
		if read.Len() != count || at[1] != -1 || at[0] != at[3+7] || at[2] != at[3] {
			t.Fatalf("%d rows, %v", read.Len(), at)
		}
		for i := range count {
			if column := c.Differs(layout, rows, i, read, at[3+i]); column != -1 {
				t.Errorf("%s row %d: column %s differs: %q was loaded, %q read", format, i, source.Columns[column].Name, rows.Cell(i, column), read.Cell(at[3+i], column))
			}
			for n := range specimens {
				changed := change.NewRows(len(source.Columns))
				zooRow(changed, specimens, i, n+1)
				if got := c.Differs(layout, changed, 0, read, at[3+i]); got != n+1 {
					t.Errorf("%s row %d: %q against %q differs in %d, want %d", format, i, changed.Cell(0, n+1), read.Cell(at[3+i], n+1), got, n+1)
				}
			}
		}
		// What was read can be loaded again and stays the same.
		load(t, c, target, layout, ferry.Upsert, read)
		again, at, err := c.ReadRows(t.Context(), target, layout, keys)
		if err != nil {
			t.Fatal(err)
		}
		for i := range count {
			if column := c.Differs(layout, rows, i, again, at[3+i]); column != -1 {
				t.Errorf("%s row %d loaded twice: column %s differs", format, i, source.Columns[column].Name)
			}
		}
		load(t, c, target, layout, ferry.Delete, rows)
	}
}

func TestJSONNullIsNullThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t, w.admin)
	source := &change.Table{Name: change.Name{Database: "s", Table: "docs"}, Key: []int{0}, Columns: []change.Column{
		{Name: "k", Type: change.Type{Base: change.Int}}, {Name: "doc", Type: change.Type{Base: change.JSON}, Nullable: true}}}
	target := w.table("docs")
	if _, err := c.Prepare(t.Context(), starrocks.TableSpec{Target: target, Source: source, Simple: true, Properties: "buckets 1"}); err != nil {
		t.Fatal(err)
	}
	layout := layoutOf(source)
	load(t, c, target, layout, ferry.Upsert, rowsOf(2, "1", "null", "2", `"null"`))
	read, at, err := c.ReadRows(t.Context(), target, layout, rowsOf(1, "1", "2"))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		source string
		row    int
		want   int
	}{{"null", 0, -1}, {"<null>", 0, -1}, {`"null"`, 0, 1}, {`"null"`, 1, -1}, {"null", 1, 1}, {"<null>", 1, 1}} {
		if got := c.Differs(layout, rowsOf(2, fmt.Sprint(x.row+1), x.source), 0, read, at[x.row]); got != x.want {
			t.Errorf("%s against row %d: %d", x.source, x.row, got)
		}
	}
}

// TestKeysAreReadInOrder walks through tables with keys of every kind.
func TestKeysAreReadInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t, w.admin)
	of := func(s specimen, texts ...string) specimen { return specimen{s.typ, texts} }
	low := of(textual(change.VarChar, 5), "x", "y")
	for name, key := range map[string][]specimen{
		"int": {integer(change.Int, false, "-2147483648", "-1", "0", "5", "2147483647")}, "ubigint": {integer(change.BigInt, true, "0", "9007199254740993", "9007199254740992", "18446744073709551615")},
		"text": {textual(change.VarChar, 20, strangeTexts...)}, "day": {temporal(change.Date, 0, "0001-01-01", "2024-02-29", "9999-12-31")},
		"moment": {temporal(change.DateTime, 3, "2020-01-02 03:04:05.000", "2020-01-02 03:04:05.120", "2020-01-02 03:04:06.000")}, "stamp": {temporal(change.Timestamp, 0, "1970-01-01 00:00:01", "2038-01-19 03:14:07")},
		"amount": {decimal(10, 2, "-1.50", "0.00", "1.50", "10.00")}, "bits": {{change.Type{Base: change.Bit, Length: 9}, []string{"0", "511"}}}, "years": {{change.Type{Base: change.Year}, []string{"0000", "1999"}}},
		"kind": {{change.Type{Base: change.Enum, Charset: "utf8mb4", Members: []string{"b", "a"}}, []string{"b", "a"}}}, "clock": {temporal(change.Time, 0, "-01:00:00", "00:00:00")},
		"few": {low, integer(change.Int, false, "3", "-1", "2", "700")}, "three": {low, temporal(change.DateTime, 6, "2020-01-02 03:04:05.000000", "2020-01-02 03:04:05.000001"), textual(change.VarChar, 20, strangeTexts...)},
	} {
		source := &change.Table{Name: change.Name{Database: "k", Table: name}, Columns: []change.Column{{Name: "v", Type: change.Type{Base: change.Int}, Nullable: true}}}
		rows, keys := change.NewRows(len(key)+1), change.NewRows(len(key))
		each(key, func(cells []string) {
			rows.AddNull()
			for _, cell := range cells {
				rows.AddString(cell)
				keys.AddString(cell)
			}
		})
		for n, s := range key {
			source.Columns = append(source.Columns, change.Column{Name: fmt.Sprintf("k%d", n), Type: s.typ})
			source.Key = append(source.Key, n+1)
		}
		spec := starrocks.TableSpec{Target: w.table(name), Source: source, Simple: true, Properties: "buckets 3"}
		if _, err := c.Prepare(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
		// The columns in the target's order: its key first.
		layout := &ferry.Layout{Source: source}
		for _, from := range append(slices.Clone(source.Key), 0) {
			layout.Columns = append(layout.Columns, ferry.LayoutColumn{Name: source.Columns[from].Name, From: from, Type: source.Columns[from].Type, Key: from > 0})
		}
		load(t, c, spec.Target, layout, ferry.Upsert, rows)
		read, at, err := c.ReadRows(t.Context(), spec.Target, layout, keys)
		if err != nil || read.Len() != rows.Len() {
			t.Fatalf("%s: %d rows of %d: %v", name, read.Len(), rows.Len(), err)
		}
		for i := range at {
			if at[i] < 0 || c.Differs(layout, rows, i, read, at[i]) != -1 {
				t.Errorf("%s: key %q is not found as it is", name, cellsOf(keys, i))
			}
		}
		for _, limit := range []int{1, 3, 1000} {
			walked := walkKeys(t, c, spec.Target, layout, limit)
			want := make([]string, keys.Len())
			for i := range want {
				want[i] = cellsOf(keys, i)
			}
			slices.Sort(walked)
			slices.Sort(want)
			if !slices.Equal(walked, want) {
				t.Errorf("%s, %d at a time: %q, want %q", name, limit, walked, want)
			}
		}
	}
}

// each gives every combination of the texts.
func each(key []specimen, do func(cells []string)) {
	if len(key) == 0 {
		do(nil)
		return
	}
	for _, text := range key[0].texts {
		each(key[1:], func(rest []string) { do(append([]string{text}, rest...)) })
	}
}

func cellsOf(rows *change.Rows, row int) string {
	var cells []string
	for n := range rows.Width() {
		cells = append(cells, string(rows.Cell(row, n)))
	}
	return fmt.Sprintf("%q", cells)
}

func walkKeys(t *testing.T, c *starrocks.Client, target change.Name, layout *ferry.Layout, limit int) (walked []string) {
	t.Helper()
	var after *change.Rows
	for {
		page, err := c.ReadKeys(t.Context(), target, layout, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		if page.Len() == 0 {
			return walked
		}
		if page.Len() > limit || len(walked) > 10000 {
			t.Fatalf("%d keys, %d asked for, %d before", page.Len(), limit, len(walked))
		}
		for i := range page.Len() {
			walked = append(walked, cellsOf(page, i))
		}
		after = change.NewRows(page.Width())
		for n := range page.Width() {
			after.AddBytes(page.Cell(page.Len()-1, n))
		}
	}
}

// TestManyKeysAreReadInPieces: more keys than one statement may ask for.
func TestManyKeysAreReadInPieces(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client(t, w.admin)
	source := &change.Table{Name: change.Name{Database: "s", Table: "many"}, Key: []int{0, 1}, Columns: []change.Column{
		{Name: "a", Type: change.Type{Base: change.VarChar, Length: 20, Charset: "utf8mb4"}}, {Name: "b", Type: change.Type{Base: change.Int}}}}
	spec := starrocks.TableSpec{Target: w.table("many"), Source: source, Simple: true, Properties: "buckets 1"}
	if _, err := c.Prepare(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	layout := layoutOf(source)
	rows, keys := change.NewRows(2), change.NewRows(2)
	for i := range 9000 {
		prefix := "low"
		if i >= 8000 {
			prefix = fmt.Sprint("high ", i)
		}
		keys.AddString(prefix)
		keys.AddString(fmt.Sprint(i))
		if i%3 > 0 {
			rows.AddString(prefix)
			rows.AddString(fmt.Sprint(i))
		}
	}
	load(t, c, spec.Target, layout, ferry.Upsert, rows)
	read, at, err := c.ReadRows(t.Context(), spec.Target, layout, keys)
	if err != nil || read.Len() != rows.Len() {
		t.Fatalf("%d rows of %d: %v", read.Len(), rows.Len(), err)
	}
	for i, row := range at {
		if (row < 0) != (i%3 == 0) || row >= 0 && string(read.Cell(row, 1)) != string(keys.Cell(i, 1)) {
			t.Fatalf("key %d is in row %d", i, row)
		}
	}
	if none, at, err := c.ReadRows(t.Context(), spec.Target, layout, change.NewRows(2)); err != nil || none.Len() != 0 || len(at) != 0 {
		t.Errorf("%d rows for no keys: %v %v", none.Len(), at, err)
	}
	if _, _, err := c.ReadRows(t.Context(), w.table("none"), layout, keys); code(err) != starrocks.CodeNoTable {
		t.Error(err)
	}
}

// TestReadsCatchUpFirst: a frontend may lag behind the leader, so every read waits for
// it. Without that nothing is read, and a lost connection may be tried again.
func TestReadsCatchUpFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if w.real {
		t.Skip("a real cluster cannot be told to misbehave")
	}
	c := w.client(t, w.admin)
	source := tutorialTable()
	target := w.table("t")
	if _, err := c.Prepare(t.Context(), starrocks.TableSpec{Target: target, Source: source, Simple: true, Properties: "buckets 1"}); err != nil {
		t.Fatal(err)
	}
	layout := layoutOf(source)
	for what, read := range map[string]func() error{
		"rows":     func() error { _, _, err := c.ReadRows(t.Context(), target, layout, rowsOf(1, "1")); return err },
		"keys":     func() error { _, err := c.ReadKeys(t.Context(), target, layout, nil, 10); return err },
		"identity": func() error { _, err := c.Identity(t.Context(), target); return err },
	} {
		w.double.Fault(emulator.Fault{Op: "query", Contains: "SYNC", DropBefore: true, Count: 1})
		if err := read(); !diag.IsTransient(err) {
			t.Errorf("%s are read without waiting for the leader: %v", what, err)
		}
		if err := read(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
