package starrocks

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// mostDigits is how many digits say which DOUBLE is meant.
const mostDigits = 17

// appendDocument appends a JSON document so that the order of members, spaces, escapes
// and the spelling of numbers do not count. StarRocks keeps a fraction or an exponent
// as a DOUBLE: such numbers of 17 digits and less are compared as that, longer ones
// and integers exactly.
func appendDocument(dst, cell []byte) ([]byte, bool) {
	if !utf8.Valid(cell) {
		return dst, false
	}
	decoder := json.NewDecoder(bytes.NewReader(cell))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return dst, false
	}
	if _, err := decoder.Token(); err != io.EOF {
		return dst, false
	}
	return appendNode(dst, document), true
}

func appendNode(dst []byte, node any) []byte {
	switch node := node.(type) {
	case nil:
		return append(dst, 'n')
	case bool:
		if node {
			return append(dst, 't')
		}
		return append(dst, 'f')
	case json.Number:
		return append(appendJSONNumber(append(dst, '#'), []byte(node)), ';')
	case string:
		return appendSized(dst, node)
	case []any:
		dst = append(dst, '[')
		for _, element := range node {
			dst = appendNode(dst, element)
		}
		return append(dst, ']')
	case map[string]any:
		dst = append(dst, '{')
		for _, name := range slices.Sorted(maps.Keys(node)) {
			dst = appendNode(appendSized(dst, name), node[name])
		}
		return append(dst, '}')
	}
	return dst
}

func appendSized(dst []byte, text string) []byte {
	dst = strconv.AppendInt(append(dst, '"'), int64(len(text)), 10)
	return append(append(dst, ':'), text...)
}

func appendJSONNumber(dst, text []byte) []byte {
	if bytes.ContainsAny(text, ".eE") && significant(text) <= mostDigits {
		if v, err := strconv.ParseFloat(string(text), 64); err == nil {
			var scratch [32]byte
			text = strconv.AppendFloat(scratch[:0], v, 'e', -1, 64)
		}
	}
	start := len(dst)
	dst, ok := appendNumber(dst, text)
	if !ok { // an exponent beyond any number
		dst = append(append(dst[:start], unread), text...)
	}
	return dst
}

// significant counts the digits of a number without the zeros around them.
func significant(text []byte) int {
	if at := bytes.IndexAny(text, "eE"); at >= 0 {
		text = text[:at]
	}
	first, last, n := -1, -1, 0
	for _, c := range text {
		if c < '0' || c > '9' {
			continue
		}
		if c != '0' {
			if first < 0 {
				first = n
			}
			last = n
		}
		n++
	}
	if first < 0 {
		return 0
	}
	return last - first + 1
}
