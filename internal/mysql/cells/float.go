package cells

import (
	"encoding/binary"
	"math"
	mathbits "math/bits"
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
	if size := math.Abs(v); size >= 1e-14 && size < 1e14 { // plain for certain, whatever digits come
		if short, ok := appendFew(dst, v, bits); ok {
			return short, nil
		}
		return strconv.AppendFloat(dst, v, 'f', -1, bits), nil
	}
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

// appendFew appends a number between 1e-14 and 1e14 if it has at most eight digits behind
// the point, as most numbers that people enter have; ok is false if it has more.
//
// Two texts of that many places are further apart than the numbers of the type are: at most
// one of them is read as v, and then all of its digits but zeros at the end are needed.
func appendFew(dst []byte, v float64, bits int) (_ []byte, ok bool) {
	precision := 52
	if bits == 32 {
		precision = 23
	}
	size := math.Abs(v)
	fine := precision + 1023 - int(math.Float64bits(size)>>52) // the step at v is 2^-fine
	if fine < 1 {
		return dst, false
	}
	places := min(fine*1233>>12, 8) // 10^places < 2^fine
	power := exactPowers[places]
	digits := int64(size*power + 0.5)
	// One rounding of two exact numbers. For a float32 it is rounded twice, but a number of
	// so few digits is halfway between two float32 or further from there than 2^-53 of it.
	if read := float64(digits) / power; read != size && (bits == 64 || float32(read) != float32(size)) {
		return dst, false
	}
	whole := int64(size)
	fraction := eightDigits(uint32(digits-whole*int64(power)) * powers[8-places])
	dst = room(dst, 2*digitRoom)
	if v < 0 {
		dst = append(dst, '-')
	}
	dst = appendUint(dst, uint64(whole))
	if fraction == 0 {
		return dst, true
	}
	dst = append(dst, '.')
	n := len(dst)
	binary.LittleEndian.PutUint64(dst[n:n+8], fraction|zeros)
	return dst[:n+8-mathbits.LeadingZeros64(fraction)/8], true
}

func appendExponent(dst, digits []byte, exponent int) []byte {
	dst = append(dst, digits[0])
	if len(digits) > 1 {
		dst = append(dst, '.')
		dst = append(dst, digits[1:]...)
	}
	dst = append(dst, 'e')
	return appendInt(dst, int64(exponent))
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

// plain is a number in a text without an exponent.
type plain struct {
	negative bool
	digits   uint64 // as if there were no point
	count    int    // of digits, without leading zeros
	fraction int    // digits behind the point
	// canonical: no zero stands where appendShortest would print none.
	canonical bool
}

// readPlain reads a text of at most 19 digits.
func readPlain(text []byte) (n plain, ok bool) {
	i := 0
	if len(text) > 0 && text[0] == '-' {
		n.negative = true
		i = 1
	}
	begin, point := i, -1
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			n.digits = n.digits*10 + uint64(c-'0')
			if n.digits > 0 {
				n.count++
			}
			if n.count > 19 {
				return n, false
			}
		case c == '.' && point < 0 && i > begin:
			point = i
		default:
			return n, false
		}
	}
	whole := len(text)
	if point >= 0 {
		whole, n.fraction = point, len(text)-point-1
	}
	if whole == begin {
		return n, false
	}
	n.canonical = (text[begin] != '0' || whole == begin+1) && (point < 0 || n.fraction > 0 && text[len(text)-1] != '0')
	return n, true
}

// exactPowers are the powers of ten that a float64 holds exactly.
var exactPowers = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// value is the number, at most one unit of its last place off; exact tells that it is the
// nearest float64: one rounding of two exact ones.
func (n *plain) value() (v float64, exact bool) {
	v = float64(n.digits) / exactPowers[n.fraction]
	if n.negative {
		v = -v
	}
	return v, n.digits < 1<<53
}
