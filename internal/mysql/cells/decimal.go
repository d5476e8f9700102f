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
	dst = g.appendWhole(dst, whole)
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
	flip uint32 // the bit of the sign, as it stands in the first byte
	ok   bool   // every group had as many digits as it may
}

// appendWhole appends what stands before the point.
func (g *decimalGroups) appendWhole(dst []byte, digits int) []byte {
	var v uint64
	if first := digits % 9; first > 0 {
		v = uint64(g.next(first))
	}
	if digits >= 9 {
		v = v*1e9 + uint64(g.next(9))
	}
	// From here on v has the leading zeros, if there is more.
	more := max(0, digits/9-1)
	for ; more > 0 && v == 0; more-- {
		v = uint64(g.next(9))
	}
	dst = appendUint(dst, v)
	for ; more > 0; more-- {
		dst = appendDigits(dst, g.next(9), 9)
	}
	return dst
}

// next takes a group of one to nine digits.
func (g *decimalGroups) next(digits int) uint32 {
	n := partial[digits]
	var v uint32
	switch p := g.p; n {
	case 1:
		v = uint32(p[0])
	case 2:
		v = uint32(binary.BigEndian.Uint16(p))
	case 3:
		v = uint32(p[0])<<16 | uint32(p[1])<<8 | uint32(p[2])
	default:
		v = binary.BigEndian.Uint32(p)
	}
	unused := 32 - 8*n
	v ^= g.mask>>unused ^ g.flip<<(24-unused)
	g.flip = 0
	g.p = g.p[n:]
	if v >= powers[digits] {
		g.ok = false
		return 0
	}
	return v
}
