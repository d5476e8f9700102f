package dataset

import (
	"fmt"
	"strconv"
	"strings"
)

// Ints is a table of so many columns, all INT but the key: what a column costs.
func Ints(columns int) *Set {
	var b strings.Builder
	b.WriteString("id INT NOT NULL AUTO_INCREMENT PRIMARY KEY")
	for i := 1; i < columns; i++ {
		fmt.Fprintf(&b, ", n%d INT NOT NULL", i)
	}
	return &Set{
		Name: fmt.Sprintf("ints_%d", columns), Columns: b.String(), Change: "n1 = n1 + 1", Width: columns,
		appendRow: func(dst []byte, r *random, id int) []byte {
			dst = strconv.AppendInt(dst, int64(id), 10)
			for range columns - 1 {
				dst = strconv.AppendUint(append(dst, '\t'), 1+r.below(2_000_000_000), 10)
			}
			return append(dst, '\n')
		},
	}
}
