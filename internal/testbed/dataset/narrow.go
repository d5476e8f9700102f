package dataset

import "strconv"

// Narrow is sysbench's table: 200 bytes a row on the wire, 180 of them digits.
var Narrow = &Set{
	Name:    "narrow",
	Width:   4,
	Columns: "id INT NOT NULL AUTO_INCREMENT, k INT NOT NULL DEFAULT 0, c CHAR(120) NOT NULL DEFAULT '', pad CHAR(60) NOT NULL DEFAULT '', PRIMARY KEY (id), KEY k_1 (k)",
	Change:  "k = k + 1, c = REVERSE(c)",
	appendRow: func(dst []byte, r *random, id int) []byte {
		dst = strconv.AppendInt(dst, int64(id), 10)
		dst = append(dst, '\t')
		dst = strconv.AppendUint(dst, 1+r.below(10_000_000), 10)
		dst = append(dst, '\t')
		dst = appendGroups(dst, r, 10)
		dst = append(dst, '\t')
		dst = appendGroups(dst, r, 5)
		return append(dst, '\n')
	},
}

// appendGroups appends n groups of eleven digits with hyphens between.
func appendGroups(dst []byte, r *random, n int) []byte {
	for i := range n {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = appendDigits(dst, r.below(100_000_000_000), 11)
	}
	return dst
}

// appendDigits appends a number with leading zeros.
func appendDigits(dst []byte, number uint64, width int) []byte {
	dst = append(dst, "00000000000000000000"[:width]...)
	for i := len(dst) - 1; number > 0; i-- {
		dst[i] = byte('0' + number%10)
		number /= 10
	}
	return dst
}
