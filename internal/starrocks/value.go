package starrocks

import (
	"bytes"
	"encoding/hex"
	"math"
	"strconv"

	"starferry/internal/change"
)

// Invariant: two cells of one source type hold the same value exactly when their
// canonical bytes are the same. StarRocks keeps values, not spellings: it drops the
// fraction of a time when it is 0 and prints an exponent where MySQL prints zeros.
//
// Rejected: comparing hashes that StarRocks computes. They depend on how it prints a
// value, which differs between versions, and say nothing of what is different.

// sameValue compares a cell of the source with one that StarRocks gave.
func sameValue(t *change.Type, a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var first, second [128]byte
	return bytes.Equal(appendCanonical(first[:0], t, a), appendCanonical(second[:0], t, b))
}

// Marks before the canonical bytes of what is not what its type says; no canonical
// form begins with them.
const unread = '?'

func appendCanonical(dst []byte, t *change.Type, cell []byte) []byte {
	start := len(dst)
	done := false
	switch t.Base {
	case change.Boolean, change.TinyInt, change.SmallInt, change.MediumInt, change.Int, change.BigInt, change.Bit, change.Year, change.Decimal:
		dst, done = appendNumber(dst, cell)
	case change.Float:
		dst, done = appendFloat(dst, cell, 32)
	case change.Double:
		dst, done = appendFloat(dst, cell, 64)
	case change.DateTime, change.Timestamp:
		return append(dst, trimFraction(cell)...)
	case change.JSON:
		dst, done = appendDocument(dst, cell)
	default:
		// DATE has one spelling. TIME, ENUM and SET are carried as their text.
		return append(dst, cell...)
	}
	if !done {
		dst = append(append(dst[:start], unread), cell...)
	}
	return dst
}

// appendNumber appends a decimal number as its sign, its digits without zeros around
// them, and the power of ten of the last: 10, 10.0 and 1e1 are 1e1.
func appendNumber(dst, text []byte) ([]byte, bool) {
	negative := false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		negative, text = text[0] == '-', text[1:]
	}
	exponent := 0
	if at := bytes.IndexAny(text, "eE"); at >= 0 {
		power, err := strconv.ParseInt(string(text[at+1:]), 10, 32)
		if err != nil {
			return dst, false
		}
		exponent, text = int(power), text[:at]
	}
	if negative {
		dst = append(dst, '-')
	}
	start := len(dst)
	point, digits := false, 0
	for _, c := range text {
		switch {
		case c == '.' && !point:
			point = true
			continue
		case c < '0' || c > '9':
			return dst, false
		}
		digits++
		if point {
			exponent--
		}
		if c != '0' || len(dst) > start {
			dst = append(dst, c)
		}
	}
	if digits == 0 {
		return dst, false
	}
	for len(dst) > start && dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
		exponent++
	}
	if len(dst) == start { // zero has no sign
		if negative {
			dst = dst[:start-1]
		}
		return append(dst, '0'), true
	}
	return strconv.AppendInt(append(dst, 'e'), int64(exponent), 10), true
}

// appendFloat appends the bits of a number; the two zeros are equal, as they are to
// both servers.
func appendFloat(dst, text []byte, bits int) ([]byte, bool) {
	v, err := strconv.ParseFloat(string(text), bits)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return dst, false
	}
	if v == 0 {
		v = 0
	}
	return strconv.AppendUint(dst, math.Float64bits(v), 16), true
}

// trimFraction drops the zeros that end the fraction of a time.
func trimFraction(cell []byte) []byte {
	if bytes.IndexByte(cell, '.') < 0 {
		return cell
	}
	return bytes.TrimSuffix(bytes.TrimRight(cell, "0"), []byte{'.'})
}

// appendSourceText appends a StarRocks answer as the text that the source gives the
// same value, as far as that can be told; a key must be exactly that text.
func appendSourceText(dst []byte, t *change.Type, key bool, answer []byte) []byte {
	if key && t.IsBinary() { // see columnPlan.appendField
		if decoded, err := hex.AppendDecode(dst, answer); err == nil {
			return decoded
		}
	}
	switch t.Base {
	case change.DateTime, change.Timestamp:
		whole, fraction, _ := bytes.Cut(answer, []byte{'.'})
		fraction = bytes.TrimRight(fraction, "0")
		dst = append(dst, whole...)
		if t.Fraction > 0 || len(fraction) > 0 {
			dst = append(dst, '.')
			dst = append(dst, fraction...)
		}
		for n := len(fraction); n < t.Fraction; n++ {
			dst = append(dst, '0')
		}
		return dst
	case change.Year:
		for n := len(answer); n < 4; n++ {
			dst = append(dst, '0')
		}
	}
	return append(dst, answer...)
}
