package cells

import "encoding/binary"

// appendQuoted appends the JSON string of the first n bytes of p as MySQL quotes it: only
// what must be escaped is. The strings of documents are short: they are looked at and
// copied eight bytes at a time, the last eight with what stands behind the text in p.
func appendQuoted(dst, p []byte, n int) []byte {
	start := len(dst)
	dst = room(dst, n+10)
	quoted := dst[start : start+n+10]
	quoted[0] = '"'
	for i := 0; i < n; i += 8 {
		if i+8 > len(p) {
			if n < 8 {
				return appendEscaped(dst, p[:n])
			}
			i = n - 8 // some of them once more
		}
		word := binary.LittleEndian.Uint64(p[i:])
		binary.LittleEndian.PutUint64(quoted[1+i:], word)
		if left := n - i; left < 8 {
			word |= ^uint64(0) << (8 * left) // what is not of the text needs no escape
		}
		if needsEscape(word) {
			return appendEscaped(dst, p[:n])
		}
	}
	quoted[n+1] = '"'
	return dst[:start+n+2]
}

// needsEscape tells whether one of eight bytes is a control character, '"' or '\\'. A byte
// below b, and without its high bit, has it when b is taken away: 1 finds zeros. The borrow
// of such a byte may mark the next one as well, which changes nothing.
func needsEscape(word uint64) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	quotes, slashes := word^'"'*ones, word^'\\'*ones
	return ((word-' '*ones)&^word|(quotes-ones)&^quotes|(slashes-ones)&^slashes)&high != 0
}

// appendEscaped is appendQuoted one byte after the other.
func appendEscaped(dst, text []byte) []byte {
	dst = append(dst, '"')
	plain := 0
	for i, b := range text {
		if b >= 0x20 && b != '"' && b != '\\' {
			continue
		}
		dst = append(dst, text[plain:i]...)
		plain = i + 1
		switch b {
		case '"', '\\':
			dst = append(dst, '\\', b)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\r':
			dst = append(dst, '\\', 'r')
		default:
			const hex = "0123456789abcdef"
			dst = append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		}
	}
	dst = append(dst, text[plain:]...)
	return append(dst, '"')
}
