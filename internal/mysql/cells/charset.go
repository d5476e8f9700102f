package cells

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"starferry/internal/change"
)

// encoding turns the bytes of one charset into UTF-8 exactly as the server does for
// character_set_results=utf8mb4.
type encoding struct {
	maxLength int                          // bytes per character at most
	upper     *[128]rune                   // of single-byte charsets that hold ASCII: what 0x80 to 0xff mean
	wide      func(dst, src []byte) []byte // of all other charsets but UTF-8
	// exact tells text that no other text of the charset is converted to as well, such
	// as one with a code that has no character: a key must be that. nil: all text is.
	exact func(src, converted []byte) bool
}

// encodings holds the charsets that are carried, which are all that the servers have.
// Another one is refused: a conversion that differs from the server's in one character
// would break the parity law.
var encodings = map[string]*encoding{
	"utf8mb4": {maxLength: 4},
	"utf8mb3": {maxLength: 3},
	"utf8":    {maxLength: 3}, // the older name of utf8mb3
	"ucs2":    {maxLength: 2, wide: fromUCS2, exact: asManyMarks(0, '?')},
	"utf16":   {maxLength: 4, wide: fromUTF16, exact: asManyMarks(0, '?')},
	"utf16le": {maxLength: 4, wide: fromUTF16LE, exact: asManyMarks('?', 0)},
	"utf32":   {maxLength: 4, wide: fromUTF32, exact: asManyMarks(0, 0, 0, '?')},
	"swe7":    {maxLength: 1, wide: fromSwe7, exact: asManyMarks('?')},
}

func init() {
	for name, upper := range singleByte {
		table := new([128]rune)
		i := 0
		for _, r := range upper {
			table[i] = r
			i++
		}
		encodings[name] = &encoding{maxLength: 1, upper: table, exact: func(src, _ []byte) bool {
			for _, b := range src {
				if b >= 0x80 && (table[b-0x80] == '?' || table[b-0x80] == utf8.RuneError) {
					return false
				}
			}
			return true
		}}
	}
}

// asManyMarks tells text in which every question mark is one.
func asManyMarks(mark ...byte) func(src, converted []byte) bool {
	return func(src, converted []byte) bool {
		marks := 0
		for i := 0; i+len(mark) <= len(src); i += len(mark) {
			if bytes.Equal(src[i:i+len(mark)], mark) {
				marks++
			}
		}
		return bytes.Count(converted, []byte{'?'}) == marks
	}
}

// isUTF8 tells the charsets whose bytes are the cell as they are.
func (e *encoding) isUTF8() bool { return e.upper == nil && e.wide == nil }

func (e *encoding) append(dst, src []byte) []byte {
	switch {
	case e.upper != nil:
		return appendSingleByte(dst, src, e.upper)
	case e.wide != nil:
		return e.wide(dst, src)
	}
	return append(dst, src...)
}

func appendSingleByte(dst, src []byte, upper *[128]rune) []byte {
	for len(src) > 0 {
		n := 0
		for n < len(src) && src[n] < 0x80 {
			n++
		}
		dst = append(dst, src[:n]...)
		src = src[n:]
		for len(src) > 0 && src[0] >= 0x80 {
			dst = utf8.AppendRune(dst, upper[src[0]-0x80])
			src = src[1:]
		}
	}
	return dst
}

func fromUCS2(dst, src []byte) []byte {
	for ; len(src) >= 2; src = src[2:] {
		dst = appendRune(dst, rune(binary.BigEndian.Uint16(src)))
	}
	return dst
}

func fromUTF16(dst, src []byte) []byte   { return fromUnits(dst, src, binary.BigEndian) }
func fromUTF16LE(dst, src []byte) []byte { return fromUnits(dst, src, binary.LittleEndian) }

func fromUnits(dst, src []byte, order binary.ByteOrder) []byte {
	for len(src) >= 2 {
		unit := rune(order.Uint16(src))
		src = src[2:]
		if unit&0xfc00 == 0xd800 && len(src) >= 2 {
			if low := rune(order.Uint16(src)); low&0xfc00 == 0xdc00 {
				src = src[2:]
				unit = 0x10000 + (unit-0xd800)<<10 + low - 0xdc00
			}
		}
		dst = appendRune(dst, unit)
	}
	return dst
}

func fromUTF32(dst, src []byte) []byte {
	for ; len(src) >= 4; src = src[4:] {
		dst = appendRune(dst, rune(min(binary.BigEndian.Uint32(src), utf8.MaxRune+1)))
	}
	return dst
}

// swe7 has Swedish letters where ASCII has brackets.
const swe7From, swe7To = "@[\\]^`{|}~", "ÉÄÖÅÜéäöåü"

func fromSwe7(dst, src []byte) []byte {
	letters := []rune(swe7To)
	for _, b := range src {
		if i := strings.IndexByte(swe7From, b); i >= 0 {
			dst = utf8.AppendRune(dst, letters[i])
		} else if b < 0x7f {
			dst = append(dst, b)
		} else {
			dst = append(dst, '?')
		}
	}
	return dst
}

// appendRune appends what the server prints for a code point; it prints a question
// mark for what has none in UTF-8.
func appendRune(dst []byte, r rune) []byte {
	if !utf8.ValidRune(r) {
		return append(dst, '?')
	}
	return utf8.AppendRune(dst, r)
}

// charsetName is the charset of a column in the words of a TABLE_MAP.
func charsetName(t *change.Type) string {
	switch {
	case t.IsText() && t.Charset == "utf8":
		return "utf8mb3"
	case t.IsText():
		return t.Charset
	}
	return "binary"
}

// sameCharset compares the charset of a TABLE_MAP with a column's. "" is a
// collation that is not known here: it says nothing.
func sameCharset(charset string, t *change.Type) bool {
	return charset == "" || charset == charsetName(t)
}
