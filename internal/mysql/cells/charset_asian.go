package cells

import (
	"sync"
	"unicode/utf8"

	xtext "golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// Invariant: these charsets give the characters that both servers give, code by code,
// which is neither what the standards of these names say nor what golang.org/x/text
// gives; a test compares every code with both servers. Most of each table is the same
// in x/text: it is made from there when a column first needs it, and what differs is
// written down in differences. Tables of our own were the alternative: 130,000 lines
// that nobody can read.

// shape is how the bytes of a charset make characters: one byte below 0x80, a lead and
// a trail byte, or what the fields say.
type shape struct {
	lead, trail span
	single      span // bytes above 0x7f that are a character by themselves
	threes      bool // 0x8f begins three bytes, 0x8e a lead and a trail of its own
	fours       bool // a lead byte and a digit begin four bytes
	from        xtext.Encoding
}

// span is pairs of first and last bytes.
type span []byte

func (s span) has(b byte) bool {
	for i := 0; i+1 < len(s); i += 2 {
		if b >= s[i] && b <= s[i+1] {
			return true
		}
	}
	return false
}

var (
	kana     = span{0xa1, 0xdf} // half-width katakana
	shiftJIS = shape{lead: span{0x81, 0x9f, 0xe0, 0xfc}, trail: span{0x40, 0x7e, 0x80, 0xfc}, single: kana, from: japanese.ShiftJIS}
	eucJP    = shape{lead: span{0xa1, 0xfe}, trail: span{0xa1, 0xfe}, threes: true, from: japanese.EUCJP}
)

var shapes = map[string]shape{
	"big5":    {lead: span{0xa1, 0xf9}, trail: span{0x40, 0x7e, 0xa1, 0xfe}, from: traditionalchinese.Big5},
	"cp932":   shiftJIS,
	"eucjpms": eucJP,
	"euckr":   {lead: span{0x81, 0xfe}, trail: span{0x41, 0x5a, 0x61, 0x7a, 0x81, 0xfe}, from: korean.EUCKR},
	"gb18030": {lead: span{0x81, 0xfe}, trail: span{0x40, 0x7e, 0x80, 0xfe}, fours: true, from: simplifiedchinese.GB18030},
	"gb2312":  {lead: span{0xa1, 0xf7}, trail: span{0xa1, 0xfe}, from: simplifiedchinese.GBK},
	"gbk":     {lead: span{0x81, 0xfe}, trail: span{0x40, 0x7e, 0x80, 0xfe}, from: simplifiedchinese.GBK},
	"sjis":    shiftJIS,
	"ujis":    eucJP,
}

func init() {
	for name, s := range shapes {
		longest := 2
		switch {
		case s.threes:
			longest = 3
		case s.fours:
			longest = 4
		}
		table := sync.OnceValue(func() *charTable { return newCharTable(name, &s) })
		encodings[name] = &encoding{maxLength: longest, wide: func(dst, src []byte) []byte { return table().append(dst, src) },
			exact: func(src, _ []byte) bool { return table().exact(src) }}
	}
}

// size is how many bytes the character at the head of p has, 0 when there is none.
func (s *shape) size(p []byte) int {
	switch {
	case s.single.has(p[0]):
		return 1
	case s.threes && p[0] == 0x8f:
		if len(p) > 2 && s.trail.has(p[1]) && s.trail.has(p[2]) {
			return 3
		}
		return 0
	case s.threes && p[0] == 0x8e:
		if len(p) > 1 && kana.has(p[1]) {
			return 2
		}
		return 0
	case len(p) < 2 || !s.lead.has(p[0]):
		return 0
	case s.trail.has(p[1]):
		return 2
	case s.fours && len(p) > 3 && isDigit(p[1]) && s.lead.has(p[2]) && isDigit(p[3]):
		return 4
	}
	return 0
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

const (
	// GB18030's characters of four bytes are numbered in the order of their bytes. The
	// first ones stand for what is left of the basic plane, later ones for the others.
	basicFours  = 39420
	higherFours = 189000
)

func fourNumber(p []byte) int {
	return ((int(p[0]-0x81)*10+int(p[1]-'0'))*126+int(p[2]-0x81))*10 + int(p[3]-'0')
}

// charTable holds what the codes of a charset mean, 0 where they mean nothing.
type charTable struct {
	shape   *shape
	singles [128]uint16     // by byte - 0x80
	doubles [1 << 15]uint16 // by lead byte - 0x80 and trail byte
	threes  []uint16        // the same of the two bytes after 0x8f
	fours   []uint16        // by number
	// second are the codes whose character the servers write with another one; ascii
	// tells that one of them is a byte below 0x80.
	second map[string]bool
	ascii  bool
}

func newCharTable(name string, s *shape) *charTable {
	t := &charTable{shape: s}
	if s.threes {
		t.threes = make([]uint16, 1<<15)
	}
	if s.fours {
		t.fours = make([]uint16, basicFours)
	}
	decoder := s.from.NewDecoder()
	for code := range t.codes() {
		var text [utf8.UTFMax * 4]byte
		decoder.Reset()
		n, _, err := decoder.Transform(text[:], code, true)
		if r, size := utf8.DecodeRune(text[:n]); err == nil && size == n && r != utf8.RuneError {
			*t.at(code) = uint16(r)
		}
	}
	for _, d := range differences[name] {
		for code := d.first; code <= d.last; code++ {
			var r rune
			if d.means != 0 {
				r = d.means + rune(code-d.first)
			}
			*t.at(codeBytes(code)) = uint16(r)
		}
	}
	t.findSeconds(s.from)
	return t
}

// findSeconds finds the codes of characters that have several. Which of them the servers
// write is what x/text writes, but for the cases below; a test asks them.
func (t *charTable) findSeconds(from xtext.Encoding) {
	t.second = map[string]bool{}
	codes := map[uint16][]string{}
	for code := range t.codes() {
		if r := *t.at(code); r != 0 {
			codes[r] = append(codes[r], string(code))
		}
	}
	encoder := from.NewEncoder()
	for r, all := range codes {
		if r < utf8.RuneSelf && from == japanese.ShiftJIS { // its backslash is not the byte
			t.second[string(rune(r))], t.ascii = true, true
			continue
		}
		written, err := encoder.String(string(rune(r)))
		if err != nil {
			written = all[0]
		}
		if last := all[len(all)-1]; written[0] == 0xed || written[0] == 0xee && last[0] >= 0xfa { // IBM's own codes before NEC's
			written = last
		}
		for _, code := range all {
			if code != written && (len(all) > 1 || r < utf8.RuneSelf) || r == utf8.RuneError {
				t.second[code] = true
			}
		}
	}
}

// exact tells text whose every code is the one the servers write for its character.
func (t *charTable) exact(src []byte) bool {
	for len(src) > 0 {
		if src[0] < utf8.RuneSelf {
			if t.ascii && t.second[string(src[:1])] {
				return false
			}
			src = src[1:]
			continue
		}
		n := t.shape.size(src)
		if n == 0 || t.meaning(src[:n]) == 0 || t.second[string(src[:n])] {
			return false
		}
		src = src[n:]
	}
	return true
}

// codeBytes are the bytes of a code as it is written: 0x8ea1.
func codeBytes(code uint32) []byte {
	switch {
	case code > 0xffffff:
		return []byte{byte(code >> 24), byte(code >> 16), byte(code >> 8), byte(code)}
	case code > 0xffff:
		return []byte{byte(code >> 16), byte(code >> 8), byte(code)}
	case code > 0xff:
		return []byte{byte(code >> 8), byte(code)}
	}
	return []byte{byte(code)}
}

// codes gives every code above 0x7f that the shape allows and a table can hold.
func (t *charTable) codes() func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for code := uint32(0x80); code < 0x10000; code++ {
			if p := codeBytes(code); t.shape.size(p) == len(p) && !yield(p) {
				return
			}
		}
		for code := uint32(0x8f8080); t.threes != nil && code < 0x900000; code++ {
			if p := codeBytes(code); t.shape.size(p) == len(p) && !yield(p) {
				return
			}
		}
		for n := range len(t.fours) {
			if !yield([]byte{byte(0x81 + n/12600), byte('0' + n/1260%10), byte(0x81 + n/10%126), byte('0' + n%10)}) {
				return
			}
		}
	}
}

// at is where the meaning of a code stands.
func (t *charTable) at(p []byte) *uint16 {
	switch len(p) {
	case 1:
		return &t.singles[p[0]-0x80]
	case 2:
		return &t.doubles[int(p[0]-0x80)<<8|int(p[1])]
	case 3:
		return &t.threes[int(p[1]-0x80)<<8|int(p[2])]
	}
	return &t.fours[fourNumber(p)]
}

// append appends text as the servers print it: a question mark for a code that means
// nothing, and for a byte that is not of a character, which they do not store.
func (t *charTable) append(dst, src []byte) []byte {
	for len(src) > 0 {
		if src[0] < utf8.RuneSelf {
			dst = append(dst, src[0])
			src = src[1:]
			continue
		}
		n := t.shape.size(src)
		if n == 0 {
			dst = append(dst, '?')
			src = src[1:]
			continue
		}
		dst = appendMeaning(dst, t.meaning(src[:n]))
		src = src[n:]
	}
	return dst
}

func (t *charTable) meaning(p []byte) rune {
	if len(p) == 4 {
		switch n := fourNumber(p); {
		case n >= higherFours && n <= higherFours+utf8.MaxRune-0x10000:
			return rune(n - higherFours + 0x10000)
		case n >= basicFours:
			return 0
		}
	}
	return rune(*t.at(p))
}

func appendMeaning(dst []byte, r rune) []byte {
	if r == 0 {
		return append(dst, '?')
	}
	return utf8.AppendRune(dst, r)
}
