package emulator

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// jsonPath is one entry of jsonpaths, or json_root: the steps after the $. None of them
// is the row itself.
type jsonPath struct {
	steps []jsonStep
	text  string
}

// jsonStep takes a member of an object and then, unless index is noIndex, an element of
// the array found there.
type jsonStep struct {
	key   string // * is the first member
	index int
}

const (
	noIndex  = -1
	anyIndex = -2 // [*], which finds nothing
)

// parseJSONPaths reads the jsonpaths header, a JSON array of paths.
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

var jsonStepForm = regexp.MustCompile(`^([^"\[\]]*)(?:\[([0-9]+|\*)\])?$`)

// parseJSONPath reads $.key."key with.dots"[0].*; an index right after the $ is ignored,
// as a row is an object.
func parseJSONPath(text string) (jsonPath, error) {
	p := jsonPath{text: text}
	for i, part := range splitJSONPath(text) {
		m := jsonStepForm.FindStringSubmatch(part)
		if m == nil || i == 0 && m[1] != "$" {
			return p, ddlError("Invalid json path: %s", part)
		}
		if i == 0 {
			continue
		}
		step := jsonStep{key: m[1], index: noIndex}
		switch m[2] {
		case "":
		case "*":
			step.index = anyIndex
		default:
			n, err := strconv.ParseInt(m[2], 10, 32)
			if err != nil {
				return p, ddlError("Invalid json path: %s", part)
			}
			step.index = int(n)
		}
		p.steps = append(p.steps, step)
	}
	return p, nil
}

// splitJSONPath splits at dots outside quotes and drops the quotes; a backslash protects
// the next character.
func splitJSONPath(text string) []string {
	parts, quoted := []string{""}, false
	last := func() *string { return &parts[len(parts)-1] }
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			*last() += string(text[i])
		case c == '"':
			quoted = !quoted
		case c == '.' && !quoted:
			parts = append(parts, "")
		default:
			*last() += string(c)
		}
	}
	return parts
}

// find follows the path into a document that the scanner has accepted. Nothing there, or
// null, is nil; an index into something that is no array makes the row bad.
func (p jsonPath) find(doc []byte) (text []byte, bad string) {
	for _, step := range p.steps {
		if doc[0] != '{' {
			return nil, ""
		}
		var found []byte
		eachMember(doc, 0, 0, func(key, text []byte) {
			if found == nil && (step.key == "*" || jsonKeyIs(key, step.key)) {
				found = text // a key given twice: the first wins
			}
		})
		if found == nil {
			return nil, ""
		}
		doc = found
		if step.index == noIndex {
			continue
		}
		switch doc[0] {
		case '[':
		case 'n':
			return nil, ""
		default:
			return nil, fmt.Sprintf("failed to access field as array, field: %s, jsonpath: %s", step.key, p.text)
		}
		n := 0
		found = nil
		eachElement(doc, 0, 0, func(text []byte) {
			if n == step.index {
				found = text
			}
			n++
		})
		if found == nil {
			return nil, ""
		}
		doc = found
	}
	if doc[0] == 'n' {
		return nil, ""
	}
	return doc, ""
}

func jsonKeyIs(quoted []byte, key string) bool {
	if len(quoted) == len(key)+2 && string(quoted[1:len(quoted)-1]) == key && !strings.Contains(key, `\`) {
		return true
	}
	plain, ok := unescapeJSON(quoted)
	return ok && string(plain) == key
}
