package packets

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// The packets of an answer to SELECT of two columns; forms are those with and without
// CLIENT_DEPRECATE_EOF.
var (
	twoColumns = []byte{2}
	definition = append([]byte("\x03def\x00\x00\x00\x01c\x00\x0c"), make([]byte, 12)...)
	eof        = []byte{0xfe, 0, 0, 2, 0}
	okAsEOF    = []byte{0xfe, 0, 0, 2, 0, 0, 0}
	refusal    = append([]byte{0xff, 0xd0, 0x0b}, "#HY000Query execution was interrupted"...)
)

// textRow is a row of texts; nil is NULL.
func textRow(values ...any) (row []byte) {
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			row = append(row, 0xfb)
		case string:
			row = append(mysql.AppendLengthEncodedInteger(row, uint64(len(v))), v...)
		}
	}
	return row
}

func answer(parts ...[]byte) (wire []byte) {
	for _, p := range parts {
		wire = append(wire, packet(p)...)
	}
	return wire
}

func read(wireBytes []byte) *Reader {
	return NewReader(&wire{left: wireBytes, pieces: func() int { return 1 << 16 }}, 0)
}

// rows reads an answer to its end.
func rows(r *Reader) (texts []string, columns int, err error) {
	a, err := r.Answer()
	if err != nil || a.Columns == 0 {
		return nil, 0, err
	}
	for {
		row, err := a.Row()
		if err == io.EOF {
			return texts, a.Columns, nil
		}
		if err != nil {
			return texts, a.Columns, err
		}
		var values []string
		for range a.Columns {
			value, rest, ok := Value(row)
			if !ok {
				return texts, a.Columns, ErrMalformed
			}
			text := fmt.Sprintf("%d bytes", len(value))
			if len(value) < 100 {
				text = string(value)
			}
			if value == nil {
				text = "NULL"
			}
			values, row = append(values, text), rest
		}
		texts = append(texts, strings.Join(values, "|"))
	}
}

func TestAnswersWithAndWithoutEOFs(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("x", 20<<20)
	all := [][]byte{textRow("a", nil), textRow("", "\xfe\xff\x00"), textRow(strings.Repeat("y", 251), strings.Repeat("z", 70_000)), textRow(huge, "behind"), textRow(huge[:wholeSize-9], nil), textRow(nil, nil)}
	want := []string{"a|NULL", "|\xfe\xff\x00", "251 bytes|70000 bytes", "20971520 bytes|behind", "16777206 bytes|NULL", "NULL|NULL"}
	head := [][]byte{twoColumns, definition, definition}
	old := answer(slices.Concat(head, [][]byte{eof}, all, [][]byte{eof})...)
	deprecated := answer(slices.Concat(head, all, [][]byte{okAsEOF})...)
	none := slices.Concat(answer(slices.Concat(head, [][]byte{eof, eof})...), answer(slices.Concat(head, [][]byte{okAsEOF})...), answer([]byte{0, 0, 0, 2, 0, 0, 0}))
	r := read(slices.Concat(old, deprecated, none))
	for i, want := range [][]string{want, want, nil, nil, nil} {
		got, columns, err := rows(r)
		if err != nil || !slices.Equal(got, want) || columns != 2 && i < 4 {
			t.Fatalf("answer %d: %q of %d columns, %v", i, got, columns, err)
		}
	}
	if r.Buffered() {
		t.Error("something is left")
	}
}

func TestErrorsOfTheServerEndAnAnswer(t *testing.T) {
	t.Parallel()
	one := textRow("a", "b")
	for name, c := range map[string]struct {
		wire [][]byte
		rows int
	}{
		"at once":                  {[][]byte{refusal}, 0},
		"in place of a definition": {[][]byte{twoColumns, definition, refusal}, 0},
		"before the first row":     {[][]byte{twoColumns, definition, definition, refusal}, 0},
		"behind the first EOF":     {[][]byte{twoColumns, definition, definition, eof, refusal}, 0},
		"between rows":             {[][]byte{twoColumns, definition, definition, eof, one, one, refusal}, 2},
		"between rows without EOF": {[][]byte{twoColumns, definition, definition, one, refusal}, 1},
	} {
		r := read(slices.Concat(answer(c.wire...), answer(twoColumns, definition, definition, eof, one, eof)))
		got, _, err := rows(r)
		var server *mysql.MyError
		if !errors.As(err, &server) || server.Code != 3024 || server.State != "HY000" || !strings.Contains(server.Message, "interrupted") || len(got) != c.rows {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if got, _, err := rows(r); err != nil || len(got) != 1 {
			t.Errorf("%s: the next answer: %q, %v", name, got, err)
		}
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	head := [][]byte{twoColumns, definition, definition, eof}
	for name, packets := range map[string][][]byte{
		"empty":                 {{}},
		"asks for a file":       {append([]byte{0xfb}, "/etc/passwd"...)},
		"no column":             {{0xfc, 0, 0}},
		"half a number":         {{0xfc, 1}},
		"more than a number":    {{2, 2}},
		"an error without one":  {{0xff, 1}},
		"an empty row":          append(slices.Clone(head), []byte{}),
		"a value too long":      append(slices.Clone(head), []byte{5, 'a', 'b'}),
		"a length cut short":    append(slices.Clone(head), []byte{0xfd, 1, 2}),
		"too few values":        append(slices.Clone(head), textRow("a")),
		"a length beyond sense": append(slices.Clone(head), append([]byte{1, 'a', 0xfe}, bytes.Repeat([]byte{0xff}, 8)...)),
	} {
		if _, _, err := rows(read(answer(packets...))); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	whole := answer(slices.Concat(head, [][]byte{textRow("a", "b")})...)
	for n := range whole {
		if _, _, err := rows(read(whole[:n])); err != io.ErrUnexpectedEOF {
			t.Fatalf("cut behind %d bytes: %v", n, err)
		}
	}
}

func TestWhatIsAhead(t *testing.T) {
	t.Parallel()
	a, err := read(answer(twoColumns, definition, definition, textRow("a", "b"), textRow(strings.Repeat("x", 1000), nil), okAsEOF)).Answer()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{4, 1004, len(okAsEOF)} {
		if n, err := a.Ahead(); err != nil || n != want {
			t.Errorf("%d bytes ahead, want %d: %v", n, want, err)
		}
		if _, err := a.Row(); err != nil && err != io.EOF {
			t.Fatal(err)
		}
	}
}

// FuzzAnswer feeds packets of any content: reading ends with rows, an error of the server,
// or one of the reader, and what is taken apart lies within the packet.
func FuzzAnswer(f *testing.F) {
	seed := func(parts ...[]byte) {
		var all []byte
		for _, p := range parts {
			all = append(binary.LittleEndian.AppendUint16(all, uint16(len(p))), p...)
		}
		f.Add(all)
	}
	seed(twoColumns, definition, definition, eof, textRow("a", nil), textRow("", strings.Repeat("z", 300)), eof)
	seed(twoColumns, definition, definition, textRow("a", nil), okAsEOF)
	seed(twoColumns, definition, refusal)
	seed([]byte{0, 0, 0, 2, 0, 0, 0})
	f.Fuzz(func(t *testing.T, packets []byte) {
		var all []byte
		for len(packets) >= 2 {
			n := min(int(binary.LittleEndian.Uint16(packets)), len(packets)-2)
			all = append(all, packet(packets[2:2+n])...)
			packets = packets[2+n:]
		}
		r := read(all)
		texts, columns, err := rows(r)
		var server *mysql.MyError
		if err != nil && !errors.Is(err, ErrMalformed) && err != io.ErrUnexpectedEOF && !errors.As(err, &server) {
			t.Fatalf("%v", err)
		}
		if len(texts) > 0 && columns == 0 {
			t.Fatal("rows of no column")
		}
	})
}

// FuzzValue takes rows of any bytes apart, and compares with the client library.
func FuzzValue(f *testing.F) {
	f.Add(textRow("a", nil, strings.Repeat("b", 300)))
	f.Add([]byte{0xfe, 1, 0, 0, 0, 0, 0, 0, 0, 'x'})
	f.Add([]byte{0xff, 1})
	f.Fuzz(func(t *testing.T, row []byte) {
		for len(row) > 0 {
			value, rest, ok := Value(row)
			if !ok {
				return
			}
			if len(rest) >= len(row) {
				t.Fatal("nothing was taken")
			}
			theirs, null, n, err := mysql.LengthEncodedString(row)
			if err != nil || null != (value == nil) || !bytes.Equal(theirs, value) || n != len(row)-len(rest) {
				t.Fatalf("%x: %q of %d bytes, theirs %q of %d bytes, %v", row, value, len(row)-len(rest), theirs, n, err)
			}
			row = rest
		}
	})
}
