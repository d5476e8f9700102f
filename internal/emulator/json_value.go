package emulator

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
)

type jsonKind uint8

const (
	jsonNull jsonKind = iota
	jsonBool
	jsonNumber
	jsonString
	jsonObject
	jsonArray
)

// jsonToken is one value of a document: its text, and for a string its decoded bytes.
type jsonToken struct {
	kind  jsonKind
	text  []byte
	value []byte
}

// jsonFromText makes a JSON value of a text: parsed when it looks like a document,
// else kept as a JSON string.
func jsonFromText(in, dst []byte) ([]byte, bool) {
	if len(in) > maxJSONBytes {
		return dst, false
	}
	trimmed := bytes.TrimSpace(in)
	if len(trimmed) > 0 && strings.IndexByte(`{["`, trimmed[0]) >= 0 {
		return normalizeJSON(trimmed, dst)
	}
	if len(trimmed) > 0 && json.Valid(trimmed) {
		return normalizeJSON(trimmed, dst)
	}
	return appendJSONString(dst, string(in)), true
}

// normalizeJSON rewrites a document as StarRocks stores it: keys sorted, ": " and ", "
// as separators, numbers respelled.
func normalizeJSON(text, dst []byte) ([]byte, bool) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return dst, false
	}
	if _, err := dec.Token(); err != io.EOF {
		return dst, false
	}
	return appendJSON(dst, v), true
}

func appendJSON(dst []byte, v any) []byte {
	switch x := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, x)
	case json.Number:
		return appendJSONNumber(dst, string(x))
	case string:
		return appendJSONString(dst, x)
	case []any:
		dst = append(dst, '[')
		for i, e := range x {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendJSON(dst, e)
		}
		return append(dst, ']')
	case map[string]any:
		keys := make([]string, 0, len(x))
		for k := range x {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		dst = append(dst, '{')
		for i, k := range keys {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = append(appendJSONString(dst, k), ": "...)
			dst = appendJSON(dst, x[k])
		}
		return append(dst, '}')
	}
	return dst
}

func appendJSONNumber(dst []byte, s string) []byte {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return strconv.AppendInt(dst, i, 10)
	}
	if u, err := strconv.ParseUint(s, 10, 64); err == nil {
		return strconv.AppendUint(dst, u, 10)
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return append(dst, s...)
	}
	return append(dst, formatDouble(f, 64)...)
}

func appendJSONString(dst []byte, s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return append(dst, `""`...)
	}
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}
