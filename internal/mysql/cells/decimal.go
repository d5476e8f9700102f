package cells

import "encoding/binary"

// DECIMAL is stored as groups of nine digits in four bytes, from the point outwards
// on both sides; the digits left over take as many bytes as they need, at the very
// front and at the very end. Big-endian, so that it sorts as bytes: the first bit is
// inverted, and every byte of a negative number.

// partial is the bytes that 0 to 9 digits take.
var partial = [10]int{0, 1, 1, 2, 2, 3, 3, 4, 4, 4}

func decimalSize(precision, scale int) int {
	whole := precision - scale
	return whole/9*4 + partial[whole%9] + scale/9*4 + partial[scale%9]
}

var powers = [10]uint32{1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000}

// appendDecimal appends the text of a number with that many digits before and
// after the point, held by exactly the bytes p.
func appendDecimal(dst, p []byte, whole, scale int) ([]byte, error) {
	if len(p) == 0 {
		return dst, errDecimal
	}
	g := decimalGroups{p: p, flip: 0x80, ok: true}
	if p[0]&0x80 == 0 {
		g.mask = 0xffffffff
		dst = append(dst, '-')
	}
	start := len(dst)
	for digits := whole % 9; whole > 0; digits = 9 {
		if digits == 0 {
			continue
		}
		whole -= digits
		v := g.next(digits)
		switch {
		case len(dst) > start:
			dst = appendDigits(dst, v, 9)
		case v != 0:
			dst = appendDigits(dst, v, digitsOf(v))
		}
	}
	if len(dst) == start {
		dst = append(dst, '0')
	}
	if scale > 0 {
		dst = append(dst, '.')
	}
	for scale > 0 && g.ok {
		digits := min(scale, 9)
		scale -= digits
		dst = appendDigits(dst, g.next(digits), digits)
	}
	if !g.ok {
		return dst, errDecimal
	}
	return dst, nil
}

// decimalGroups takes the groups of digits off the bytes of a number.
type decimalGroups struct {
	p    []byte
	mask uint32 // all ones for a negative number
	flip byte   // the bit of the sign, in the first byte only
	ok   bool   // every group had as many digits as it may
}

func (g *decimalGroups) next(digits int) uint32 {
	n := partial[digits]
	var v uint32
	if n == 4 {
		v = binary.BigEndian.Uint32(g.p) ^ uint32(g.flip)<<24 ^ g.mask
	} else {
		for _, b := range g.p[:n] {
			v = v<<8 | uint32(b^g.flip^byte(g.mask))
			g.flip = 0
		}
	}
	g.flip = 0
	g.p = g.p[n:]
	if v >= powers[digits] {
		g.ok = false
		return 0
	}
	return v
}

func digitsOf(v uint32) int {
	n := 1
	for n < 10 && v >= powers[n] {
		n++
	}
	return n
}

// appendDigits appends v, which has at most n digits, n ≤ 9, with zeros before it.
func appendDigits(dst []byte, v uint32, n int) []byte {
	var digits [9]byte
	for i := n - 1; i >= 0; i-- {
		digits[i] = byte('0' + v%10)
		v /= 10
	}
	return append(dst, digits[:n]...)
}
