package emulator

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"
)

const maxJSONBody = 100 << 20

// jsonPath is one entry of jsonpaths: keys and array positions from the root of a row.
type jsonPath []jsonStep

type jsonStep struct {
	key   string
	index int // -1 for a key
}

func parseJSONPaths(text string) ([]jsonPath, error) {
	var list []string
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, ddlError("Invalid json path: %s", text)
	}
	var out []jsonPath
	for _, s := range list {
		p, err := parseJSONPath(s)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func parseJSONPath(s string) (jsonPath, error) {
	bad := func() (jsonPath, error) { return nil, ddlError("Invalid json path: %s", s) }
	if !strings.HasPrefix(s, "$") {
		return bad()
	}
	if strings.Contains(s, "*") {
		return nil, ddlError("not implemented by the embedded server: wildcards in jsonpaths: %s", s)
	}
	path := jsonPath{}
	for rest := s[1:]; rest != ""; {
		switch {
		case rest[0] == '.' && strings.HasPrefix(rest, `."`):
			end := strings.IndexByte(rest[2:], '"')
			if end < 0 {
				return bad()
			}
			path = append(path, jsonStep{key: rest[2 : 2+end], index: -1})
			rest = rest[3+end:]
		case rest[0] == '.':
			end := strings.IndexAny(rest[1:], ".[") + 1
			if end == 0 {
				end = len(rest)
			}
			if end == 1 {
				return bad()
			}
			path = append(path, jsonStep{key: rest[1:end], index: -1})
			rest = rest[end:]
		case rest[0] == '[':
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return bad()
			}
			n, err := strconv.Atoi(rest[1:end])
			if err != nil || n < 0 {
				return bad()
			}
			path = append(path, jsonStep{index: n})
			rest = rest[end+1:]
		default:
			return bad()
		}
	}
	return path, nil
}

// find follows a path into a document; false when something on it is missing.
func (p jsonPath) find(doc []byte) ([]byte, bool) {
	for _, step := range p {
		doc = bytes.TrimSpace(doc)
		if len(doc) == 0 {
			return nil, false
		}
		if step.index >= 0 {
			var list []json.RawMessage
			if doc[0] != '[' || json.Unmarshal(doc, &list) != nil || step.index >= len(list) {
				return nil, false
			}
			doc = list[step.index]
			continue
		}
		members, err := objectMembers(doc)
		if err != nil {
			return nil, false
		}
		found := false
		for _, m := range members {
			if m.key == step.key {
				doc, found = m.text, true
				break // a key given twice: the first wins
			}
		}
		if !found {
			return nil, false
		}
	}
	return doc, true
}

type jsonMember struct {
	key  string
	text []byte
}

// objectMembers lists the members of an object in their order, duplicates included.
func objectMembers(doc []byte) ([]jsonMember, error) {
	dec := json.NewDecoder(bytes.NewReader(doc))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, ddlError("parse error. the value should be an object: %s", clip(doc))
	}
	var out []jsonMember
	for dec.More() {
		k, err := dec.Token()
		if err != nil {
			return nil, ddlError("parse error. %s", err)
		}
		key, _ := k.(string)
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, ddlError("parse error. %s", err)
		}
		out = append(out, jsonMember{key: key, text: raw})
	}
	if _, err := dec.Token(); err != nil {
		return nil, ddlError("parse error. %s", err)
	}
	return out, nil
}

func clip(b []byte) string {
	if len(b) > 128 {
		b = b[:128]
	}
	return string(bytes.ToValidUTF8(b, []byte("?")))
}

// loadJSON reads a stream of objects, or one array of them.
func (l *loader) loadJSON(body io.Reader) error {
	data, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	if len(data) > maxJSONBody && !l.plan.opts.ignoreJSONSize {
		return errJSONTooLarge(int64(len(data)))
	}
	var paths []jsonPath
	if l.plan.opts.jsonPaths != "" {
		if paths, err = parseJSONPaths(l.plan.opts.jsonPaths); err != nil {
			return err
		}
		if len(paths) > len(l.plan.sources) {
			return ddlError("jsonpaths has %d paths for %d columns", len(paths), len(l.plan.sources))
		}
	}
	rest := bytes.TrimLeft(data, blanks)
	if len(rest) == 0 {
		return nil
	}
	strip := l.plan.opts.stripOuterArray
	switch c := rest[0]; {
	case c == '[' && !strip:
		return l.jsonFault("parse error. The value is array type in json document stream, you can set strip_outer_array=true to parse each element of the array as individual rows", rest)
	case c == '{' && strip:
		return l.jsonFault("the value should be array type with strip_outer_array=true, value: "+clip(rest), rest)
	case c != '{' && c != '[':
		return l.jsonFault("parse error. illegal json started with ["+string(c)+"]", rest)
	}
	dec := json.NewDecoder(bytes.NewReader(rest))
	for {
		if strip {
			err = l.jsonArray(dec, paths)
		} else {
			err = l.jsonValue(dec, paths)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
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

func (l *loader) jsonArray(dec *json.Decoder, paths []jsonPath) error {
	t, err := dec.Token()
	if err == io.EOF {
		return io.EOF
	}
	if err != nil || t != json.Delim('[') {
		return l.jsonFault("parse error. illegal json document", nil)
	}
	for dec.More() {
		if err := l.jsonValue(dec, paths); err != nil {
			if err == io.EOF {
				return l.jsonFault("parse error. unexpected end of the document", nil)
			}
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return l.jsonFault("parse error. "+err.Error(), nil)
	}
	return nil
}

func (l *loader) jsonValue(dec *json.Decoder, paths []jsonPath) error {
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		if err == io.EOF {
			return io.EOF
		}
		return l.jsonFault("parse error. "+err.Error(), nil)
	}
	return l.jsonRow(raw, paths)
}

func (l *loader) jsonRow(raw []byte, paths []jsonPath) error {
	values := make([]sourceValue, len(l.plan.sources))
	for i := range values {
		values[i] = sourceValue{json: true, null: true}
	}
	set := func(i int, text []byte) bool {
		tok, ok := readToken(text)
		values[i] = sourceValue{json: true, null: tok.kind == jsonNull, tok: tok}
		return ok
	}
	if paths != nil {
		for i, p := range paths {
			if text, ok := p.find(raw); ok && !set(i, text) {
				return l.jsonFault("parse error. illegal json value", text)
			}
		}
		return l.row(values, func() string { return clip(raw) })
	}
	members, err := objectMembers(raw)
	if err != nil {
		l.counts.total++
		l.filter(messageOf(err), clip(raw))
		return nil
	}
	for _, m := range members {
		for i, name := range l.plan.sources {
			if name == m.key && values[i].null && values[i].tok.text == nil && !set(i, m.text) {
				return l.jsonFault("parse error. illegal json value", m.text)
			}
		}
	}
	return l.row(values, func() string { return clip(raw) })
}
