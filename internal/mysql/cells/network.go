package cells

import (
	"encoding/hex"
	"net/netip"
	"strconv"

	"starferry/internal/change"
)

// MariaDB's UUID, INET4 and INET6 are bytes of a fixed length in the log, and text in
// the answer to a SELECT.

var fixedTexts = map[change.Base]func(dst, p []byte) []byte{change.UUID: appendUUID, change.INET4: appendINET4, change.INET6: appendINET6}

func appendUUID(dst, p []byte) []byte {
	for i, end := range [...]int{4, 6, 8, 10, 16} {
		start := [...]int{0, 4, 6, 8, 10}[i]
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, p[start:end])
	}
	return dst
}

func appendINET4(dst, p []byte) []byte { return netip.AddrFrom4([4]byte(p)).AppendTo(dst) }

// appendINET6 writes an address as MariaDB does: :: for the first of the longest runs of
// zeros, also when it is one, and IPv4 in dots behind 96 bits of zeros or 80 of them and
// 16 ones.
func appendINET6(dst, p []byte) []byte {
	group := func(i int) uint64 { return bigEndian(p[2*i : 2*i+2]) }
	gap, length := 0, 0
	for i := 0; i < 8; i++ {
		n := 0
		for i+n < 8 && group(i+n) == 0 {
			n++
		}
		if n > length {
			gap, length = i, n
		}
		i += n
	}
	if gap == 0 && (length == 6 || length == 5 && group(5) == 0xffff) {
		dst = append(dst, "::"...)
		if length == 5 {
			dst = append(dst, "ffff:"...)
		}
		return appendINET4(dst, p[12:])
	}
	for i := 0; i < 8; i++ {
		if length > 0 && i == gap {
			dst = append(dst, "::"...)
			i += length - 1
			continue
		}
		if i > 0 && (length == 0 || i != gap+length) {
			dst = append(dst, ':')
		}
		dst = strconv.AppendUint(dst, group(i), 16)
	}
	return dst
}
