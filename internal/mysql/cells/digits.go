package cells

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
)

// Digits are written eight at a time, as one word whose lowest byte is the first of them:
// no loop, and no branch on how long a number is, which nobody can foresee. What is written
// may reach beyond the end of dst into its spare room, never further than digitRoom.

// digitRoom is room for any number of 64 bits with its sign.
const digitRoom = 24

const zeros = 0x3030303030303030 // eight times '0'

// room makes room for n bytes behind dst.
func room(dst []byte, n int) []byte {
	if cap(dst)-len(dst) < n {
		return slices.Grow(dst, n)
	}
	return dst
}

// eightDigits has a digit of v, which is below 10^8, in each byte, the first in the lowest.
// It divides both halves by 100, then all four pairs by 10: multiplications by 2^20/100
// and 2^10/10, rounded up, that are exact for numbers as small as these.
func eightDigits(v uint32) uint64 {
	halves := uint64(v/10_000) | uint64(v%10_000)<<32
	hundreds := halves * 10_486 >> 20 & 0x0000007f_0000007f
	pairs := hundreds | (halves-100*hundreds)<<16
	tens := pairs * 103 >> 10 & 0x000f_000f_000f_000f
	return tens | (pairs-10*tens)<<8
}

// appendUint appends v without leading zeros.
func appendUint(dst []byte, v uint64) []byte {
	dst = room(dst, digitRoom)
	switch {
	case v < 1e8:
		return appendFirst(dst, uint32(v))
	case v < 1e16:
		return appendEight(appendFirst(dst, uint32(v/1e8)), uint32(v%1e8))
	}
	dst = appendFirst(dst, uint32(v/1e16))
	v %= 1e16
	return appendEight(appendEight(dst, uint32(v/1e8)), uint32(v%1e8))
}

func appendInt(dst []byte, v int64) []byte {
	dst = room(dst, digitRoom)
	n := len(dst)
	sign := v >> 63 // all ones for a negative number
	dst = dst[:n+1]
	dst[n] = '-'
	return appendUint(dst[:n-int(sign)], uint64((v^sign)-sign))
}

// appendFirst appends v < 10^8 without leading zeros where there is room for eight bytes.
func appendFirst(dst []byte, v uint32) []byte {
	n := len(dst)
	if v < 1000 {
		text := threeDigits[v]
		binary.LittleEndian.PutUint32(dst[n:n+4], text)
		return dst[:n+int(text>>24)]
	}
	digits := eightDigits(v)
	skip := bits.TrailingZeros64(digits|1<<63) &^ 7 // at least one digit stays
	binary.LittleEndian.PutUint64(dst[n:n+8], (digits|zeros)>>skip)
	return dst[:n+8-skip/8]
}

// appendEight appends v < 10^8 with leading zeros where there is room for eight bytes.
func appendEight(dst []byte, v uint32) []byte {
	n := len(dst)
	binary.LittleEndian.PutUint64(dst[n:n+8], eightDigits(v)|zeros)
	return dst[:n+8]
}

// appendDigits appends v, which has at most n digits, n ≤ 9, with zeros before it.
func appendDigits(dst []byte, v uint32, n int) []byte {
	dst = room(dst, digitRoom)
	if n == 9 {
		dst = append(dst, byte('0'+v/1e8))
		return appendEight(dst, v%1e8)
	}
	end := len(dst)
	binary.LittleEndian.PutUint64(dst[end:end+8], (eightDigits(v)|zeros)>>(64-8*n))
	return dst[:end+n]
}

// twoDigits are the texts 00 to 99, the first digit in the lower byte.
var twoDigits = func() (texts [100]uint16) {
	for v := range texts {
		texts[v] = uint16('0'+v%10)<<8 | uint16('0'+v/10)
	}
	return texts
}()

// putTwo writes v < 100 at the head of p.
func putTwo(p []byte, v uint32) { binary.LittleEndian.PutUint16(p, twoDigits[v]) }

// threeDigits are the texts 0 to 999, the first digit in the lowest byte, and in the highest
// how many digits they are.
var threeDigits = func() (texts [1000]uint32) {
	for v := range texts {
		text := strconv.Itoa(v)
		for i := range text {
			texts[v] |= uint32(text[i]) << (8 * i)
		}
		texts[v] |= uint32(len(text)) << 24
	}
	return texts
}()
