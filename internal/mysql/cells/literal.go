package cells

import (
	"encoding/hex"
	"slices"
	"strconv"

	"starferry/internal/change"
)

// KeyLiteral appends an SQL literal for the cell of a key column, to compare the
// column with in the WHERE of the next page. The comparison is the column's own
// (its collation, its zone), exact, and may use the index. Whatever the bytes of
// the cell are, and whatever the sql_mode, the literal is one token.
func KeyLiteral(dst []byte, c *change.Column, cell []byte) []byte {
	t := &c.Type
	switch {
	case t.IsInteger(), t.Base == change.Boolean, t.Base == change.Decimal, t.Base == change.Bit, t.Base == change.Year:
		if consistsOf(cell, "0123456789.-") {
			return append(dst, cell...)
		}
	case t.Base == change.Date, t.Base == change.DateTime, t.Base == change.Timestamp, t.Base == change.Time:
		if consistsOf(cell, "0123456789.-: ") {
			dst = append(dst, '\'')
			dst = append(dst, cell...)
			return append(dst, '\'')
		}
	case t.Base == change.UUID, t.Base == change.INET4, t.Base == change.INET6:
		if consistsOf(cell, "0123456789abcdef.-:") {
			dst = append(dst, '\'')
			dst = append(dst, cell...)
			return append(dst, '\'')
		}
	case t.Base == change.Enum, t.Base == change.Set:
		// They are ordered by number, not by text.
		if number, ok := memberNumber(t, cell); ok {
			return strconv.AppendUint(dst, number, 10)
		}
	}
	if !t.IsBinary() {
		dst = append(dst, "_utf8mb4 "...)
	}
	dst = append(dst, 'x', '\'')
	dst = hex.AppendEncode(dst, cell)
	return append(dst, '\'')
}

func consistsOf(cell []byte, allowed string) bool {
	for _, b := range cell {
		found := false
		for i := range len(allowed) {
			found = found || allowed[i] == b
		}
		if !found {
			return false
		}
	}
	return len(cell) > 0
}

// memberNumber is the number the server stores for the text of an ENUM or SET.
func memberNumber(t *change.Type, cell []byte) (uint64, bool) {
	if len(cell) == 0 {
		return 0, true
	}
	if t.Base == change.Enum {
		i := slices.Index(t.Members, string(cell))
		return uint64(i + 1), i >= 0
	}
	var bits uint64
	for rest := string(cell) + ","; rest != ""; {
		i := slices.IndexFunc(t.Members, func(m string) bool {
			return len(rest) > len(m) && rest[:len(m)] == m && rest[len(m)] == ','
		})
		if i < 0 {
			return 0, false
		}
		bits |= 1 << i
		rest = rest[len(t.Members[i])+1:]
	}
	return bits, true
}
