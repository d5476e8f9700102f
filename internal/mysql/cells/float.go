package cells

import (
	"math"
	"strconv"
)

// maxPlain is how far the point may stand from the digits' start, either way, for
// MySQL to print a number without an exponent (further to the right only if digits
// remain behind it).
const maxPlain = 15

func appendFloat32(dst []byte, v float32) ([]byte, int, error) {
	dst, err := appendShortest(dst, float64(v), 32)
	return dst, 4, err
}

func appendFloat64(dst []byte, v float64) ([]byte, int, error) {
	dst, err := appendShortest(dst, v, 64)
	return dst, 8, err
}

// appendShortest appends the fewest digits that give the same bits again, in the
// notation MySQL prints in JSON: plain while the point is within 15 places, else with
// an exponent that has neither plus nor leading zeros. (Elsewhere MySQL and MariaDB
// go over to exponents earlier when the room they reserve is short.)
func appendShortest(dst []byte, v float64, bits int) ([]byte, error) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return dst, errFloat
	}
	if v == 0 {
		if math.Signbit(v) {
			dst = append(dst, '-')
		}
		return append(dst, '0'), nil
	}
	var scratch [32]byte
	text := strconv.AppendFloat(scratch[:0], v, 'e', -1, bits)
	if text[0] == '-' {
		dst = append(dst, '-')
		text = text[1:]
	}
	// d.ddde±xx: the digits without the point, and the place of the point.
	mantissa := len(text) - 1
	for text[mantissa] != 'e' {
		mantissa--
	}
	point := 0
	for _, digit := range text[mantissa+2:] {
		point = point*10 + int(digit-'0')
	}
	if text[mantissa+1] == '-' {
		point = -point
	}
	point++
	digits := text[:1]
	if mantissa > 2 {
		copy(text[1:], text[2:mantissa])
		digits = text[:mantissa-1]
	}
	if point < 1-maxPlain || point > maxPlain && len(digits) <= point {
		return appendExponent(dst, digits, point-1), nil
	}
	return appendPlain(dst, digits, point), nil
}

func appendExponent(dst, digits []byte, exponent int) []byte {
	dst = append(dst, digits[0])
	if len(digits) > 1 {
		dst = append(dst, '.')
		dst = append(dst, digits[1:]...)
	}
	dst = append(dst, 'e')
	return strconv.AppendInt(dst, int64(exponent), 10)
}

func appendPlain(dst, digits []byte, point int) []byte {
	if point <= 0 {
		dst = append(dst, '0', '.')
		for ; point < 0; point++ {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	if point >= len(digits) {
		dst = append(dst, digits...)
		for range point - len(digits) {
			dst = append(dst, '0')
		}
		return dst
	}
	dst = append(dst, digits[:point]...)
	dst = append(dst, '.')
	return append(dst, digits[point:]...)
}
