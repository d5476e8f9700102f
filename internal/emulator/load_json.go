package emulator

import (
	"bytes"
	"io"
	"unicode/utf8"
)

const (
	maxJSONBody   = 100 << 20
	maxJSONStream = 4 << 30 // one document stream
)

// jsonReader takes the rows out of a body of JSON. Its row buffers are reused.
type jsonReader struct {
	l      *loader
	paths  []jsonPath
	root   *jsonPath
	index  map[string]int // source name → place
	values []sourceValue
}

// loadJSON reads a stream of objects, or arrays of them.
func (l *loader) loadJSON(body io.Reader) error {
	o := l.plan.opts
	r := &jsonReader{l: l, index: map[string]int{}, values: make([]sourceValue, len(l.plan.sources))}
	var err error
	if o.jsonPaths != "" {
		if r.paths, err = parseJSONPaths(o.jsonPaths); err != nil {
			return err
		}
	}
	if o.jsonRoot != "" {
		root, err := parseJSONPath(o.jsonRoot)
		if err != nil {
			return err
		}
		r.root = &root
	}
	for i, name := range l.plan.sources {
		r.index[name] = i
	}
	data, err := io.ReadAll(io.LimitReader(body, maxJSONStream+1))
	switch {
	case err != nil:
		return err
	case len(data) > maxJSONStream:
		return ddlError("The json document stream exceeds the limit of %d bytes", maxJSONStream)
	case len(data) > maxJSONBody && !o.ignoreJSONSize && o.compression == noCodec:
		return errJSONTooLarge(int64(len(data)))
	}
	return r.stream(data)
}

func errJSONTooLarge(size int64) error {
	return ddlError("The size of this batch exceed the max size [%d]  of json type data  data [ %d ]. Set ignore_json_size to skip the check, although it may lead huge memory consuming.", maxJSONBody, size)
}

// jsonFault is a data error that ends the load.
func (l *loader) jsonFault(reason string, at []byte) error {
	l.counts.total++
	l.filter(reason, clip(at))
	return ddlError("%s", reason)
}

func clip(b []byte) string {
	if len(b) > 128 {
		b = b[:128]
	}
	return string(bytes.ToValidUTF8(b, []byte("?")))
}

// stream applies the framing: objects one after another, or arrays of objects, which
// need strip_outer_array unless json_root looks into their elements anyway.
func (r *jsonReader) stream(data []byte) error {
	strip := r.l.plan.opts.stripOuterArray
	i := skipBlanks(data, 0)
	if i == len(data) {
		return nil
	}
	if !utf8.Valid(data) {
		return r.l.jsonFault("parse error. UTF8_ERROR: The input is not valid UTF-8", data[i:])
	}
	first := data[i]
	switch {
	case first != '{' && first != '[':
		return r.l.jsonFault("parse error. illegal json started with ["+string(rune(first))+"]", data[i:])
	case r.root != nil:
	case first == '[' && !strip:
		return r.l.jsonFault("parse error. The value is array type in json document stream, you can set strip_outer_array=true to parse each element of the array as individual rows", data[i:])
	case first == '{' && strip:
		return r.l.jsonFault("the value should be array type with strip_outer_array=true, value: "+clip(data[i:]), data[i:])
	}
	for ; i < len(data); i = skipBlanks(data, i) {
		if data[i] != first {
			return r.l.jsonFault("parse error. The value should be object type in json document stream", data[i:])
		}
		end := skipValue(data, i, 0)
		if end < 0 {
			return r.l.jsonFault("parse error. TAPE_ERROR: The JSON document has an improper structure: missing or superfluous commas, braces, missing keys, etc.", data[i:])
		}
		if err := r.document(data[i:end]); err != nil {
			return err
		}
		i = end
	}
	return nil
}

// document is one top-level value: an object, or an array of them.
func (r *jsonReader) document(text []byte) error {
	if text[0] == '{' {
		return r.element(text)
	}
	var err error
	eachElement(text, 0, 0, func(e []byte) {
		if err == nil {
			err = r.element(e)
		}
	})
	return err
}

// element is one object of the outer level; json_root finds the row or, with
// strip_outer_array, the array of rows inside it.
func (r *jsonReader) element(text []byte) error {
	if text[0] != '{' {
		return r.l.jsonFault("parse error. Failed to iterate json array as object. error: INCORRECT_TYPE: The JSON element does not have the requested type.", text)
	}
	if r.root == nil {
		return r.row(text)
	}
	inner, bad := r.root.find(text)
	if len(r.root.steps) == 0 {
		bad = "empty json path"
	}
	switch {
	case bad != "":
		return r.l.jsonFault("parse error. "+bad, text)
	case inner == nil:
		return r.l.jsonFault("parse error. unable to find key: "+r.root.text, text)
	case !r.l.plan.opts.stripOuterArray && inner[0] != '{':
		return r.l.jsonFault("parse error. the value should be object type in json document stream with json root, value: "+clip(inner), inner)
	case !r.l.plan.opts.stripOuterArray:
		return r.row(inner)
	case inner[0] != '[':
		return r.l.jsonFault("parse error. the value under json root should be array type with strip_outer_array=true in json document stream with root, value: "+clip(inner), inner)
	}
	var err error
	eachElement(inner, 0, 0, func(e []byte) {
		switch {
		case err != nil:
		case e[0] != '{':
			err = r.l.jsonFault("parse error. the value should be object type in expanded json document stream with json root, value: "+clip(e), e)
		default:
			err = r.row(e)
		}
	})
	return err
}

// row maps one object to the sources, by key or by path.
func (r *jsonReader) row(text []byte) error {
	for i := range r.values {
		r.values[i] = sourceValue{json: true, null: true}
	}
	bad := ""
	if r.paths != nil {
		bad = r.byPath(text)
	} else {
		eachMember(text, 0, 0, func(key, value []byte) {
			i, ok := r.sourceOf(key)
			if ok && r.values[i].tok.text == nil && !r.set(i, value) {
				bad = "construct row in object order failed, error: STRING_ERROR: Problem while parsing a string"
			}
		})
	}
	if bad != "" {
		r.l.counts.total++
		r.l.filter(bad, clip(text))
		return nil
	}
	return r.l.row(r.values, func() string { return clip(text) })
}

func (r *jsonReader) sourceOf(key []byte) (int, bool) {
	plain, ok := unescapeJSON(key)
	if !ok {
		return 0, false
	}
	i, ok := r.index[string(plain)]
	return i, ok
}

func (r *jsonReader) set(i int, text []byte) bool {
	tok, ok := readToken(text)
	r.values[i] = sourceValue{json: true, null: tok.kind == jsonNull, tok: tok}
	return ok
}

// byPath fills the sources in the order of the paths. Sources without a path are NULL,
// paths without a source are ignored.
func (r *jsonReader) byPath(row []byte) (bad string) {
	for i, p := range r.paths[:min(len(r.paths), len(r.values))] {
		if len(p.steps) == 0 {
			r.values[i] = sourceValue{json: true, whole: true, tok: jsonToken{kind: jsonObject, text: row}}
			continue
		}
		text, reason := p.find(row)
		if reason != "" {
			return reason
		}
		if text != nil && !r.set(i, text) {
			return "STRING_ERROR: Problem while parsing a string"
		}
	}
	return ""
}
