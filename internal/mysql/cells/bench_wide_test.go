package cells

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"starferry/internal/change"
)

// The shape of the data set wide of internal/testbed/dataset, as random rows: what a
// branch of the decoder costs shows only when it cannot be foreseen.

var wideTypes = []change.Type{
	{Base: change.BigInt}, {Base: change.TinyInt}, {Base: change.SmallInt, Unsigned: true}, {Base: change.Int}, {Base: change.BigInt, Unsigned: true},
	{Base: change.Decimal, Precision: 12, Scale: 2}, {Base: change.Decimal, Precision: 20, Scale: 8}, {Base: change.Float}, {Base: change.Double}, {Base: change.TinyInt},
	{Base: change.Date}, {Base: change.DateTime, Fraction: 6}, {Base: change.Timestamp, Fraction: 3}, {Base: change.Time}, {Base: change.Year},
	utf8mb4(change.Char, 8), utf8mb4(change.VarChar, 64), utf8mb4(change.VarChar, 255),
	{Base: change.Enum, Members: []string{"calm", "glad", "cross", "tired"}}, {Base: change.Set, Members: []string{"a", "b", "c", "d", "e"}},
	{Base: change.VarBinary, Length: 32}, {Base: change.JSON},
}

var wideWords = []string{"river", "stone", "amber", "quiet", "Straße", "čaj", "море", "夜空", "naïve", "copper", "ferry", "north", "lantern", "øy", "😀", "sail"}

// wideRow makes the images of random rows.
type wideRow struct{ *rand.Rand }

func (r wideRow) words(n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = wideWords[r.IntN(len(wideWords))]
	}
	return strings.Join(words, " ")
}

// fixed is a number below limit, of either sign, with digits behind the point.
func (r wideRow) fixed(limit, digits int) string {
	sign := ""
	if r.IntN(4) == 0 {
		sign = "-"
	}
	return fmt.Sprintf("%s%d.%0*d", sign, r.IntN(limit), digits, r.IntN(int(math.Pow10(digits))))
}

func (r wideRow) number(limit, digits int) (v float64) {
	fmt.Sscan(r.fixed(limit, digits), &v)
	return v
}

func (r wideRow) image(row int) []byte {
	nulls := make([]byte, 3)
	var image []byte
	null := func(column, n int) bool {
		is := r.IntN(n) == 0
		if is {
			nulls[column/8] |= 1 << (column % 8)
		}
		return is
	}
	put := func(v uint64, size int) { image = append(image, number(v, size)...) }
	put(uint64(row), 8)
	put(r.Uint64(), 1)
	if !null(2, 10) {
		put(r.Uint64(), 2)
	}
	put(r.Uint64(), 4)
	put(r.Uint64(), 8)
	image = append(image, storedDecimal(r.fixed(1_000_000_000, 2), 12, 2)...)
	if !null(6, 10) {
		image = append(image, storedDecimal(r.fixed(100_000_000, 8), 20, 8)...)
	}
	if !null(7, 20) {
		put(uint64(math.Float32bits(float32(r.number(1_000, 4)))), 4)
	}
	put(math.Float64bits(r.number(1_000_000, 6)), 8)
	put(r.Uint64()&1, 1)
	year, month, day := uint64(1980+r.IntN(50)), uint64(1+r.IntN(12)), uint64(1+r.IntN(28))
	clock := uint64(r.IntN(24)<<12 | r.IntN(60)<<6 | r.IntN(60))
	put(year<<9|month<<5|day, 3)
	image = append(image, bigEnd(1<<39|(year*13+month)<<22|day<<17|clock, 5)...)
	image = append(image, bigEnd(uint64(r.IntN(1_000_000)), 3)...)
	if !null(12, 20) {
		image = append(image, bigEnd(uint64(r.IntN(1<<31)), 4)...)
		image = append(image, bigEnd(uint64(r.IntN(1000)*10), 2)...)
	}
	image = append(image, bigEnd(1<<23|clock, 3)...)
	if !null(14, 20) {
		put(year-1900, 1)
	}
	image = append(image, sized(1, digits(r.IntN(1<<30), 8))...)
	image = append(image, sized(2, []byte(r.words(1+r.IntN(4))))...) // 64 characters may be 256 bytes
	if !null(17, 10) {
		image = append(image, sized(2, []byte(r.words(2+r.IntN(10))))...)
	}
	put(uint64(1+r.IntN(4)), 1)
	put(r.Uint64()&31, 1)
	image = append(image, sized(1, binary.BigEndian.AppendUint64(number(r.Uint64(), 8), r.Uint64()))...)
	if !null(21, 20) {
		image = append(image, sized(4, r.document(row))...)
	}
	return append(nulls, image...)
}

// document is {"id": 1, "last": null, "open": true, "ways": ["a", …], "score": 1.5, "title": "a b", "visits": 7}.
func (r wideRow) document(row int) []byte {
	var ways []jsonMember
	for range 1 + r.IntN(4) {
		ways = append(ways, jsonMember{kind: jsonString, value: sized(1, []byte(r.words(1)))})
	}
	return append([]byte{jsonSmallObject}, jsonBytes(true, []jsonMember{
		{"id", jsonInt32, number(uint64(row), 4)}, {"last", jsonLiteral, []byte{0, 0}}, {"open", jsonLiteral, []byte{1, 0}},
		{"ways", jsonSmallArray, jsonBytes(false, ways)},
		{"score", jsonDouble, number(math.Float64bits(r.number(100, 3)), 8)},
		{"title", jsonString, sized(1, []byte(r.words(2)))}, {"visits", jsonInt16, number(uint64(r.IntN(1000)), 2)},
	})...)
}

// jsonMember is a member of a small object or array; a value of two bytes stands in its entry.
type jsonMember struct {
	key   string
	kind  byte
	value []byte
}

func jsonBytes(object bool, members []jsonMember) []byte {
	head := 4 + 3*len(members)
	if object {
		head += 4 * len(members)
	}
	var keys, entries, tail []byte
	if object {
		for _, m := range members {
			keys = append(append(keys, number(uint64(head+len(tail)), 2)...), number(uint64(len(m.key)), 2)...)
			tail = append(tail, m.key...)
		}
	}
	for _, m := range members {
		entries = append(entries, m.kind)
		if len(m.value) == 2 && m.kind != jsonString {
			entries = append(entries, m.value...)
			continue
		}
		entries = append(entries, number(uint64(head+len(tail)), 2)...)
		tail = append(tail, m.value...)
	}
	all := append(number(uint64(len(members)), 2), number(uint64(head+len(tail)), 2)...)
	return append(append(append(all, keys...), entries...), tail...)
}

// storedDecimal is a DECIMAL as it is stored; text has the digits of the scale.
func storedDecimal(text string, precision, scale int) []byte {
	negative := strings.HasPrefix(text, "-")
	text = strings.Replace(strings.TrimPrefix(text, "-"), ".", "", 1)
	text = strings.Repeat("0", precision-len(text)) + text
	var stored []byte
	take := func(n int) {
		var v uint64
		for _, digit := range text[:n] {
			v = v*10 + uint64(digit-'0')
		}
		text = text[n:]
		stored = append(stored, bigEnd(v, partial[n])...)
	}
	take((precision - scale) % 9)
	for range (precision - scale) / 9 {
		take(9)
	}
	for range scale / 9 {
		take(9)
	}
	take(scale % 9)
	stored[0] ^= 0x80
	if negative {
		for i := range stored {
			stored[i] ^= 0xff
		}
	}
	return stored
}

func bigEnd(v uint64, size int) []byte { return binary.BigEndian.AppendUint64(nil, v)[8-size:] }
