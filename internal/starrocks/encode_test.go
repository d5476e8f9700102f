package starrocks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// decoded is a row as a backend would read it.
type decoded struct {
	cells []*string
	op    string
}

// decodePlain splits as the reader without quoting does: rows first, empty ones
// left out, then fields.
func decodePlain(t *testing.T, body, separator, delimiter string) []decoded {
	t.Helper()
	var rows []decoded
	for _, line := range strings.Split(body, delimiter) {
		if line == "" {
			continue
		}
		rows = append(rows, decodedRow(strings.Split(line, separator)))
	}
	return rows
}

func decodedRow(fields []string) decoded {
	row := decoded{op: fields[len(fields)-1]}
	for _, f := range fields[:len(fields)-1] {
		if f == `\N` {
			row.cells = append(row.cells, nil)
			continue
		}
		row.cells = append(row.cells, &f)
	}
	return row
}

// decodeQuoted is the state machine of the reader with an enclosing character and
// no escape character, whose unset value is NUL.
func decodeQuoted(t *testing.T, body, separator, delimiter string) []decoded {
	t.Helper()
	var rows []decoded
	var fields []string
	var field []byte
	enclosed, atStart := false, true
	endField := func() { fields, field, atStart = append(fields, string(field)), nil, true }
	for i := 0; i < len(body); {
		c := body[i]
		switch {
		case c == 0:
			t.Fatal("NUL is an escape character to this reader")
		case enclosed && c == '"':
			enclosed = false
			i++
		case enclosed:
			field = append(field, c)
			i++
		case strings.HasPrefix(body[i:], delimiter):
			endField()
			if len(fields) > 1 || fields[0] != "" {
				rows = append(rows, decodedRow(fields))
			}
			fields = nil
			i += len(delimiter)
		case strings.HasPrefix(body[i:], separator):
			endField()
			i += len(separator)
		case c == '"' && atStart:
			enclosed, atStart = true, false
			i++
		case c == '"':
			t.Fatal("what a quote in the middle means differs between versions")
		default:
			field, atStart = append(field, c), false
			i++
		}
	}
	return rows
}

// decodeJSON reads concatenated objects.
func decodeJSON(t *testing.T, body string, names []string) []decoded {
	t.Helper()
	var rows []decoded
	reader := json.NewDecoder(strings.NewReader(body))
	for reader.More() {
		var object map[string]json.RawMessage
		if err := reader.Decode(&object); err != nil {
			t.Fatalf("%v in %q", err, body)
		}
		row := decoded{op: string(object["__op"])}
		for _, name := range names {
			raw, ok := object[name]
			switch {
			case !ok:
				t.Fatalf("no %q in %q", name, body)
			case string(raw) == "null":
				row.cells = append(row.cells, nil)
			case raw[0] == '"':
				var text string
				if err := json.Unmarshal(raw, &text); err != nil {
					t.Fatal(err)
				}
				row.cells = append(row.cells, &text)
			default:
				text := string(raw)
				row.cells = append(row.cells, &text)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func testLayout(types ...change.Type) *ferry.Layout {
	source := &change.Table{Name: change.Name{Database: "d", Table: "t"}, Key: []int{0}}
	layout := &ferry.Layout{Source: source}
	for i, typ := range types {
		name := fmt.Sprintf("c%d", i)
		source.Columns = append(source.Columns, change.Column{Name: name, Type: typ})
		layout.Columns = append(layout.Columns, ferry.LayoutColumn{Name: name, From: i, Type: typ, Key: i == 0, Nullable: i%2 == 1})
	}
	return layout
}

var text = change.Type{Base: change.VarChar, Length: 100, Charset: "utf8mb4"}

func testLoads(t testing.TB, o LoadOptions) *loads {
	t.Helper()
	c := &Client{options: map[change.Name]LoadOptions{}, wait: sleep}
	target := change.Name{Database: "d", Table: "t"}
	if err := c.Configure(target, o); err != nil {
		t.Fatal(err)
	}
	return c.Loads(ferry.Route{Target: target}).(*loads)
}

func decode(t *testing.T, l *loads, b *batch) []decoded {
	t.Helper()
	switch b.form {
	case plain:
		return decodePlain(t, bytesOf(b), string(l.csv.separator), string(l.csv.delimiter))
	case quoted:
		return decodeQuoted(t, bytesOf(b), string(l.csv.separator), string(l.csv.delimiter))
	}
	var names []string
	for _, c := range b.plan.layout.Columns {
		names = append(names, c.Name)
	}
	return decodeJSON(t, bytesOf(b), names)
}

// bytesOf is what a load of the batch holds.
func bytesOf(b *batch) string {
	var all strings.Builder
	for _, p := range b.body.pieces {
		all.Write(p.bytes)
	}
	return all.String()
}

// roomyPiece is one that many rows fit into.
func roomyPiece() *piece {
	return &piece{bytes: make([]byte, 0, 1<<20), ends: make([]uint32, 0, 1<<13)}
}

func checkRow(t *testing.T, got decoded, op ferry.Op, rows *change.Rows, row int) {
	t.Helper()
	if len(got.cells) != rows.Width() || got.op != string(opText(op)) {
		t.Fatalf("%d cells with op %q, want %d with %q", len(got.cells), got.op, rows.Width(), opText(op))
	}
	for i := range rows.Width() {
		null, want := rows.Null(row, i), string(rows.Cell(row, i))
		if op == ferry.Delete && i > 0 { // not the key: see testLayout
			null, want = null || i%2 == 1, ""
		}
		switch {
		case null != (got.cells[i] == nil):
			t.Fatalf("cell %d: NULL is wrong", i)
		case got.cells[i] != nil && *got.cells[i] != want:
			t.Fatalf("cell %d: %q, want %q", i, *got.cells[i], want)
		}
	}
}

// add wants no error: false is that the form does not carry the row.
func add(t testing.TB, b ferry.Batch, op ferry.Op, rows *change.Rows, row int) bool {
	t.Helper()
	added, err := b.Add(op, rows, row)
	if err != nil {
		t.Fatal(err)
	}
	return added
}

func TestFormIsTheNarrowestThatCarriesTheRow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cells     []string
		separator string
		want      ferry.Form
	}{
		{[]string{"a", "b"}, `\x01`, plain},
		{[]string{"", ""}, `\x01`, plain},
		{[]string{"tab\there", "line\nbreak \"quoted\" \x00 \r\n"}, `\x01`, plain},
		{[]string{"\x01", "b"}, `\x01`, quoted},
		{[]string{"a", "\x02"}, `\x01`, quoted},
		{[]string{"\x01", `say "x"`}, `\x01`, jsonLines},
		{[]string{"\x01", "\x00"}, `\x01`, jsonLines},
		{[]string{`\N`, "b"}, `\x01`, jsonLines},
		{[]string{"a|", "|b"}, "||", quoted},
		{[]string{"a", "b"}, `1`, jsonLines},
		{[]string{"a", "b"}, `\x02`, jsonLines}, // the same as the row delimiter
		{[]string{"a", "b"}, `"`, plain},
		{[]string{`a"`, "b"}, `"`, jsonLines},
	} {
		l := testLoads(t, LoadOptions{ColumnSeparator: c.separator, RowDelimiter: `\x02`})
		rows := change.NewRows(2)
		for _, cell := range c.cells {
			rows.AddString(cell)
		}
		b := l.NewBatch(testLayout(text, text), rows, 0).(*batch)
		if b.form != c.want {
			t.Errorf("%q with separator %s: %d, want %d", c.cells, c.separator, b.form, c.want)
		}
		if !add(t, b, ferry.Upsert, rows, 0) || !add(t, b, ferry.Delete, rows, 0) {
			t.Errorf("%q does not fit its own form", c.cells)
			continue
		}
		checkRow(t, decode(t, l, b)[0], ferry.Upsert, rows, 0)
		checkRow(t, decode(t, l, b)[1], ferry.Delete, rows, 0)
	}
}

func TestDocumentsTravelAsValues(t *testing.T) {
	t.Parallel()
	l := testLoads(t, LoadOptions{})
	layout := testLayout(change.Type{Base: change.BigInt}, change.Type{Base: change.JSON})
	for document, want := range map[string]ferry.Form{
		`{"a": 1}`: plain, `[1, 2]`: plain, `{"a": "\t"}`: plain, `12345678901234567890`: jsonLines,
		`"text"`: jsonLines, `true`: jsonLines, `null`: jsonLines, "{\"a\":\t1}": jsonLines,
	} {
		rows := change.NewRows(2)
		rows.AddString("1")
		rows.AddString(document)
		b := l.NewBatch(layout, rows, 0).(*batch)
		if b.form != want {
			t.Errorf("%s: %d, want %d", document, b.form, want)
		}
		if !add(t, b, ferry.Upsert, rows, 0) || b.form == jsonLines && !strings.Contains(bytesOf(b), `"c1":`+document+`,"__op":0}`) {
			t.Errorf("%s: %q", document, bytesOf(b))
		}
	}
}

func TestRowsThatDoNotFitAreNotAdded(t *testing.T) {
	t.Parallel()
	l := testLoads(t, LoadOptions{})
	rows := change.NewRows(2)
	for _, cell := range []string{"1", "plain", "2", "a\tb", "3", `\N`, "4", "again"} {
		rows.AddString(cell)
	}
	layout := testLayout(text, text)
	b := l.NewBatch(layout, rows, 0)
	if !add(t, b, ferry.Upsert, rows, 0) {
		t.Fatal("the first row does not fit")
	}
	size := b.Bytes()
	if add(t, b, ferry.Upsert, rows, 1) || add(t, b, ferry.Upsert, rows, 2) || b.Rows() != 1 || b.Bytes() != size {
		t.Fatal("a row that does not fit was added")
	}
	if !add(t, b, ferry.Upsert, rows, 3) || b.Rows() != 2 {
		t.Fatal("the batch does not go on")
	}
	all := l.NewBatch(layout, rows, 2)
	for row := range 4 {
		if !add(t, all, ferry.Upsert, rows, row) {
			t.Errorf("JSON does not carry row %d", row)
		}
	}
	for row, got := range decode(t, l, all.(*batch)) {
		checkRow(t, got, ferry.Upsert, rows, row)
	}
}

func TestDroppedColumnsAreExplicitNulls(t *testing.T) {
	t.Parallel()
	layout := testLayout(text, text)
	layout.Columns[1].From = -1
	for _, cell := range []string{"a", `\N`} {
		l := testLoads(t, LoadOptions{})
		rows := change.NewRows(2)
		rows.AddString(cell)
		rows.AddString("dropped")
		b := l.NewBatch(layout, rows, 0).(*batch)
		add(t, b, ferry.Upsert, rows, 0)
		if got := decode(t, l, b)[0]; got.cells[1] != nil || *got.cells[0] != cell {
			t.Errorf("%d: %q", b.form, bytesOf(b))
		}
	}
}

func TestInvalidTextIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	l := testLoads(t, LoadOptions{})
	rows := change.NewRows(2)
	rows.AddString("key-7")
	rows.AddBytes([]byte{'a', 0xff})
	b := l.NewBatch(testLayout(text, text), rows, 0)
	added, err := b.Add(ferry.Upsert, rows, 0)
	p := diag.Find(err)
	if added || b.Rows() != 0 || p == nil || p.Code != CodeText || p.Class != diag.Refused || !strings.Contains(p.Message, "`c1`") {
		t.Fatal(added, err)
	}
	if !add(t, b, ferry.Delete, rows, 0) {
		t.Error("a delete needs its key and no more")
	}
}

func TestAddDoesNotAllocatePerCell(t *testing.T) {
	for _, want := range []ferry.Form{plain, quoted, jsonLines} {
		l := testLoads(t, LoadOptions{})
		rows := change.NewRows(3)
		rows.AddString("12345")
		rows.AddString(map[ferry.Form]string{plain: "some text", quoted: "tab\t", jsonLines: `\N`}[want])
		rows.AddNull()
		b := l.NewBatch(testLayout(change.Type{Base: change.Int}, text, text), rows, 0).(*batch)
		if b.form != want {
			t.Fatal(b.form)
		}
		b.body.pieces = []*piece{roomyPiece()}
		if n := testing.AllocsPerRun(1000, func() { b.Add(ferry.Upsert, rows, 0) }); n != 0 {
			t.Errorf("%d: %v allocations per row", want, n)
		}
	}
}

func FuzzEncode(f *testing.F) {
	f.Add("a", "b", "c", `\x01`, `\x02`, true)
	f.Add(`\N`, "", "\"\x00", "||", "\r\n", false)
	f.Add("a|", "|", "\\", "|@|", "^^", false)
	f.Add("\x01\x02", "x", "é", "é", `\n`, false)
	f.Fuzz(func(t *testing.T, a, b, c, separator, delimiter string, null bool) {
		o := LoadOptions{ColumnSeparator: separator, RowDelimiter: delimiter}
		if o.Check() != nil {
			return
		}
		l := testLoads(t, o)
		rows := change.NewRows(3)
		for _, row := range [][]string{{a, b, c}, {c, a, b}, {"k", "1", "-2.5"}} {
			rows.AddString(row[0])
			rows.AddString(row[1])
			if null {
				rows.AddNull()
			} else {
				rows.AddString(row[2])
			}
		}
		layout := testLayout(text, text, text)
		valid := utf8.ValidString(a) && utf8.ValidString(b) && utf8.ValidString(c)
		for first := range rows.Len() {
			batch := l.NewBatch(layout, rows, first).(*batch)
			var added []int
			for row := first; row < rows.Len(); row++ {
				carried, err := batch.Add(ferry.Op(row&1), rows, row)
				switch {
				case carried:
					added = append(added, row)
				case err != nil && valid:
					t.Fatal(err)
				case err == nil && row == first:
					t.Fatalf("row %d does not fit the form %d chosen for it", row, batch.form)
				}
			}
			got := decode(t, l, batch)
			if len(got) != len(added) || len(got) != batch.Rows() {
				t.Fatalf("%d rows of %d in %q", len(got), len(added), bytesOf(batch))
			}
			for i, row := range added {
				checkRow(t, got[i], ferry.Op(row&1), rows, row)
			}
			checkReadBack(t, batch, got)
		}
	})
}

func TestParseSeparator(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		`\x01`: "\x01", `\X0102`: "\x01\x02", `0x7c`: "|", `\t`: "\t", `\n`: "\n", `\r\n`: "\\r\n", ",": ",", "|@|": "|@|", "，": "，", `a\tb`: "a\tb",
	} {
		got, err := ParseSeparator(written)
		if err != nil || string(got) != want {
			t.Errorf("%s: %q %v, want %q", written, got, err, want)
		}
	}
	for _, written := range []string{"", `\x`, `\x1`, `\xzz`, `\x80`, strings.Repeat("x", 51), "，\t"} {
		_, err := ParseSeparator(written)
		if p := diag.Find(err); p == nil || p.Code != CodeSeparator || p.Fix == "" {
			t.Errorf("%q: %v", written, err)
		}
	}
}

func TestSeparatorHeaderIsReadBackTheSame(t *testing.T) {
	t.Parallel()
	for _, separator := range []string{"\x01", "\t", "\n", ",", "|@|", "，", "\r\n"} {
		header, ok := separatorHeader([]byte(separator))
		back, err := ParseSeparator(header)
		if !ok || err != nil || !bytes.Equal(back, []byte(separator)) {
			t.Errorf("%q: %q %v", separator, header, err)
		}
	}
}

// A cell that is taken as it is must be one that the closer look has nothing against; and of
// text no other is looked at closely.
func TestAsItIs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, separators := range [][2]string{{"\x01", "\x02"}, {"\t", "\n"}, {",", "\n"}, {"\x7f", "a"}, {"\x80", "\xff"}, {"||", "\n"}, {"5", "\n"}} {
		rules := newCSVRules([]byte(separators[0]), []byte(separators[1]))
		bytes := append([]byte(separators[0]+separators[1]+`\N{[`), 0, 1, 0x7e, 0x7f, 0x80, 0x81, 0xc3, 0xa9, 0xff)
		for range 20_000 {
			cell := make([]byte, r.IntN(40))
			for i := range cell {
				if cell[i] = byte(' ' + r.IntN(90)); r.IntN(20) == 0 {
					cell[i] = bytes[r.IntN(len(bytes))]
				}
			}
			if runes := []rune("é你😀\u00ff\ufffd"); r.IntN(2) == 0 {
				cell = slices.Insert(cell, r.IntN(len(cell)+1), []byte(string(runes[r.IntN(len(runes)):]))...)
			}
			for kind := digits; kind <= truth; kind++ {
				c := columnPlan{kind: kind}
				carries := c.refuses(cell) == "" && rules.needs(kind, cell) == plain
				if easy := rules.asItIs(kind, cell); easy && !carries {
					t.Fatalf("separators %q, kind %d: %q is taken as it is", separators, kind, cell)
				} else if kind == anyText && rules.single && carries && !easy {
					t.Fatalf("separators %q: %q is looked at twice", separators, cell)
				}
			}
		}
	}
}
