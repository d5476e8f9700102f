package main

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// table is a result set as text.
type table struct {
	names   []string
	numeric []bool // to be set flush right
	rows    [][]string
}

// String draws the table as the stock client does.
func (t *table) String() string {
	widths := make([]int, len(t.names))
	for _, row := range append([][]string{t.names}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	rule := func() {
		for _, w := range widths {
			b.WriteString("+" + strings.Repeat("-", w+2))
		}
		b.WriteString("+\n")
	}
	line := func(cells []string, right []bool) {
		for i, cell := range cells {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if right != nil && right[i] {
				cell = pad + cell
			} else {
				cell += pad
			}
			b.WriteString("| " + cell + " ")
		}
		b.WriteString("|\n")
	}
	rule()
	line(t.names, nil)
	rule()
	for _, row := range t.rows {
		line(row, t.numeric)
	}
	if len(t.rows) > 0 {
		rule()
	}
	return b.String()
}

// sameAs compares names and rows; a SELECT without ORDER BY gives rows in any order.
func (t *table) sameAs(other *table) bool {
	flat := func(t *table) []string {
		rows := make([]string, len(t.rows))
		for i, row := range t.rows {
			rows[i] = strings.Join(row, "\x00")
		}
		slices.Sort(rows)
		return rows
	}
	return slices.Equal(t.names, other.names) && slices.Equal(flat(t), flat(other))
}

// indented draws the table below the prompts.
func (t *table) indented() string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(t.String(), "\n"), "\n", "\n  ")
}
