package emulator

import (
	"bytes"
	"encoding/json"
	"unicode/utf16"
	"unicode/utf8"
)

// The scanner walks a JSON text in place: it finds where values end and checks their
// grammar, and copies nothing. The caller has checked that the text is UTF-8.

// maxJSONDepth is the nesting at which StarRocks' parser gives up.
const maxJSONDepth = 1024

func skipBlanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns the end of the value that begins at i, or -1 when it is malformed.
func skipValue(b []byte, i, depth int) int {
	if i >= len(b) || depth > maxJSONDepth {
		return -1
	}
	switch c := b[i]; {
	case c == '"':
		return skipString(b, i)
	case c == '{':
		return eachMember(b, i, depth, nil)
	case c == '[':
		return eachElement(b, i, depth, nil)
	case c == '-' || isDigit(c):
		return skipNumber(b, i)
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if len(b)-i >= len(word) && string(b[i:i+len(word)]) == word {
			return i + len(word)
		}
	}
	return -1
}

func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c < 0x20:
			return -1
		case c == '\\':
			i++
			if i >= len(b) || bytes.IndexByte([]byte(`"\/bfnrtu`), b[i]) < 0 {
				return -1
			}
			if b[i] == 'u' {
				if _, ok := hex4(b, i+1); !ok {
					return -1
				}
				i += 4
			}
		}
	}
	return -1
}

func hex4(b []byte, i int) (r rune, ok bool) {
	if i+4 > len(b) {
		return 0, false
	}
	for _, c := range b[i : i+4] {
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

func skipNumber(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	digits := func() bool {
		from := i
		for i < len(b) && isDigit(b[i]) {
			i++
		}
		return i > from
	}
	first := i
	if !digits() || b[first] == '0' && i > first+1 {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		i++
		if !digits() {
			return -1
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '-' || b[i] == '+') {
			i++
		}
		if !digits() {
			return -1
		}
	}
	return i
}

// eachMember visits the members of the object that begins at i, in their order, and
// returns its end or -1. key is as it stands in the text, quotes included.
func eachMember(b []byte, i, depth int, visit func(key, text []byte)) int {
	i = skipBlanks(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return -1
		}
		keyEnd := skipString(b, i)
		if keyEnd < 0 {
			return -1
		}
		colon := skipBlanks(b, keyEnd)
		if colon >= len(b) || b[colon] != ':' {
			return -1
		}
		from := skipBlanks(b, colon+1)
		end := skipValue(b, from, depth+1)
		if end < 0 {
			return -1
		}
		if visit != nil {
			visit(b[i:keyEnd], b[from:end])
		}
		i = skipBlanks(b, end)
		if i >= len(b) {
			return -1
		}
		if b[i] == '}' {
			return i + 1
		}
		if b[i] != ',' {
			return -1
		}
		i = skipBlanks(b, i+1)
	}
}

// eachElement visits the elements of the array that begins at i and returns its end or -1.
func eachElement(b []byte, i, depth int, visit func(text []byte)) int {
	i = skipBlanks(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		end := skipValue(b, i, depth+1)
		if end < 0 {
			return -1
		}
		if visit != nil {
			visit(b[i:end])
		}
		i = skipBlanks(b, end)
		if i >= len(b) {
			return -1
		}
		if b[i] == ']' {
			return i + 1
		}
		if b[i] != ',' {
			return -1
		}
		i = skipBlanks(b, i+1)
	}
}

// unescapeJSON decodes a string with its quotes. Without escapes the result is part of
// the text; half a surrogate pair is an error.
func unescapeJSON(text []byte) ([]byte, bool) {
	text = text[1 : len(text)-1]
	at := bytes.IndexByte(text, '\\')
	if at < 0 {
		return text, true
	}
	out := append(make([]byte, 0, len(text)), text[:at]...)
	for i := at; i < len(text); i++ {
		if text[i] != '\\' {
			out = append(out, text[i])
			continue
		}
		i++
		switch c := text[i]; c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, _ := hex4(text, i+1)
			i += 4
			if utf16.IsSurrogate(r) {
				if i+6 >= len(text) || text[i+1] != '\\' || text[i+2] != 'u' {
					return nil, false
				}
				low, _ := hex4(text, i+3)
				if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
					return nil, false
				}
				i += 6
			}
			out = utf8.AppendRune(out, r)
		default: // a quote, a backslash or a slash
			out = append(out, c)
		}
	}
	return out, true
}

// readToken classifies the text of a JSON value that the scanner has accepted.
func readToken(text []byte) (jsonToken, bool) {
	t := jsonToken{text: text}
	switch text[0] {
	case 'n':
		t.kind = jsonNull
	case 't', 'f':
		t.kind = jsonBool
	case '"':
		t.kind = jsonString
		var ok bool
		t.value, ok = unescapeJSON(text)
		return t, ok
	case '{':
		t.kind = jsonObject
	case '[':
		t.kind = jsonArray
	default:
		t.kind = jsonNumber
	}
	return t, true
}

func compactJSON(dst *bytes.Buffer, text []byte) error { return json.Compact(dst, text) }
