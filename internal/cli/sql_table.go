package cli

import (
	"bufio"
	"database/sql"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// table is the answer to a query, as text.
type table struct {
	names   []string
	numeric []bool
	rows    [][]string
}

func readTable(rows *sql.Rows) (*table, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	t := &table{}
	for _, kind := range types {
		t.names = append(t.names, visible(kind.Name()))
		t.numeric = append(t.numeric, isNumeric(kind.DatabaseTypeName()))
	}
	cells := make([]sql.RawBytes, len(types))
	places := make([]any, len(types))
	for i := range cells {
		places[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(places...); err != nil {
			return nil, err
		}
		row := make([]string, len(cells))
		for i, cell := range cells {
			row[i] = "NULL"
			if cell != nil {
				row[i] = visible(string(cell))
			}
		}
		t.rows = append(t.rows, row)
	}
	return t, rows.Err()
}

func isNumeric(kind string) bool {
	kind = strings.TrimPrefix(kind, "UNSIGNED ")
	return slices.Contains([]string{
		"TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT", "DECIMAL", "FLOAT", "DOUBLE", "YEAR",
	}, kind)
}

// visible shows what a terminal would swallow or obey; line ends stay.
func visible(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' && r != '\n' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r >= 0x80 && r < 0xa0:
			fmt.Fprintf(&b, `\u%04x`, r)
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// print draws the box that the stock client draws. A cell of several lines takes
// as many lines of the box.
func (t *table) print(w io.Writer) error {
	widths := make([]int, len(t.names))
	for _, row := range append([][]string{t.names}, t.rows...) {
		for i, cell := range row {
			for _, line := range strings.Split(cell, "\n") {
				widths[i] = max(widths[i], columnsOf(line))
			}
		}
	}
	border := "+"
	for _, width := range widths {
		border += strings.Repeat("-", width+2) + "+"
	}
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, border)
	printRow(out, t.names, widths, make([]bool, len(widths)))
	fmt.Fprintln(out, border)
	for _, row := range t.rows {
		printRow(out, row, widths, t.numeric)
	}
	fmt.Fprintln(out, border)
	return out.Flush()
}

func printRow(w io.Writer, cells []string, widths []int, right []bool) {
	lines := make([][]string, len(cells))
	height := 1
	for i, cell := range cells {
		lines[i] = strings.Split(cell, "\n")
		height = max(height, len(lines[i]))
	}
	for y := range height {
		for i, width := range widths {
			line := ""
			if y < len(lines[i]) {
				line = lines[i][y]
			}
			blanks := strings.Repeat(" ", width-columnsOf(line))
			if right[i] {
				fmt.Fprintf(w, "| %s%s ", blanks, line)
			} else {
				fmt.Fprintf(w, "| %s%s ", line, blanks)
			}
		}
		fmt.Fprintln(w, "|")
	}
}

// columnsOf is the width of a text on a terminal: East Asian wide characters and
// emoji take two columns.
func columnsOf(s string) int {
	n := 0
	for _, r := range s {
		n++
		if isWide(r) {
			n++
		}
	}
	return n
}

func isWide(r rune) bool {
	return r >= 0x1100 && (r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 ||
		r >= 0xf900 && r <= 0xfaff || r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 ||
		r >= 0xffe0 && r <= 0xffe6 || r >= 0x1f300 && r <= 0x1faff || r >= 0x20000 && r <= 0x3fffd)
}
