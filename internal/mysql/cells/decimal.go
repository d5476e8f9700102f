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
	var mask uint32
	if p[0]&0x80 == 0 {
		mask = 0xffffffff
		dst = append(dst, '-')
	}
	flip := byte(0x80) // the sign's bit, of the first byte only
	start := len(dst)
	group := func(digits int) (uint32, bool) {
		n := partial[digits]
		var v uint32
		if n == 4 {
			v = binary.BigEndian.Uint32(p) ^ uint32(flip)<<24 ^ mask
		} else {
			for i := range n {
				b := p[i] ^ byte(mask)
				if i == 0 {
					b ^= flip
				}
				v = v<<8 | uint32(b)
			}
		}
		flip = 0
		p = p[n:]
		return v, v < powers[digits]
	}
	if digits := whole % 9; digits > 0 {
		v, ok := group(digits)
		if !ok {
			return dst, errDecimal
		}
		if v != 0 {
			dst = appendDigits(dst, v, digitsOf(v))
		}
	}
	for range whole / 9 {
		v, ok := group(9)
		switch {
		case !ok:
			return dst, errDecimal
		case len(dst) > start:
			dst = appendDigits(dst, v, 9)
		case v != 0:
			dst = appendDigits(dst, v, digitsOf(v))
		}
	}
	if len(dst) == start {
		dst = append(dst, '0')
	}
	if scale == 0 {
		return dst, nil
	}
	dst = append(dst, '.')
	for range scale / 9 {
		v, ok := group(9)
		if !ok {
			return dst, errDecimal
		}
		dst = appendDigits(dst, v, 9)
	}
	if digits := scale % 9; digits > 0 {
		v, ok := group(digits)
		if !ok {
			return dst, errDecimal
		}
		dst = appendDigits(dst, v, digits)
	}
	return dst, nil
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
