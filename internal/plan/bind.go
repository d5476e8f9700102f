package plan

import (
	"fmt"
	"slices"
	"strings"

	"starferry/internal/diag"
	"starferry/internal/script"
)

// bound is an option as written, with its meaning.
type bound struct {
	option *Option
	key    string // as in the table; the written one for a member of a family
	text   script.Option
	value  string // as written, trimmed; the table's spelling for an Enum
	number int64  // Int; Duration in milliseconds; Size in bytes
}

// layer is one list of options and where it stands.
type layer struct {
	origin string
	list   []*bound
}

func (l *layer) get(key string) *bound {
	if l == nil {
		return nil
	}
	for _, b := range l.list {
		if b.key == key {
			return b
		}
	}
	return nil
}

// layers are lists of options, the strongest first.
type layers []*layer

// get returns the strongest entry and its list's origin; nil when nobody wrote it.
func (ls layers) get(key string) (*bound, string) {
	for _, l := range ls {
		if b := l.get(key); b != nil {
			return b, l.origin
		}
	}
	return nil, ""
}

// unset tells that an option has a value that nobody gave: what the lists say as a whole is
// not known.
func (ls layers) unset() bool {
	return slices.ContainsFunc(ls, func(l *layer) bool {
		return l != nil && slices.ContainsFunc(l.list, func(b *bound) bool { return b.text.Value.Unset })
	})
}

// text returns the value in force: what is written, else the table's default.
func (ls layers) text(key string, where Scope) string {
	if b, _ := ls.get(key); b != nil {
		return b.value
	}
	return find(key, where).Default
}

// number returns the value in force of a number, duration (ms) or size (bytes).
func (ls layers) number(key string, where Scope) int64 {
	if b, _ := ls.get(key); b != nil {
		return b.number
	}
	o := find(key, where)
	if o.Default == "" {
		return 0
	}
	// The defaults of the table are checked by a test.
	_, n, _ := checkValue(o, o.Default)
	return n
}

// bind looks every option of a list up and checks it. Options that are refused or
// mean nothing are reported and left out.
func (c *compiler) bind(list *script.Options, where Scope, origin string) *layer {
	l := &layer{origin: origin}
	if list == nil {
		return l
	}
	for _, text := range list.List {
		b := c.bindOne(text, where)
		if b == nil {
			continue
		}
		if twice := l.get(b.key); twice != nil {
			line, _ := c.file.Position(twice.text.At.Start)
			c.error(CodeOptionTwice, text.Key.At, fmt.Sprintf("option '%s' is written twice: already on line %d", text.Key.Value, line), "remove one of them.")
			continue
		}
		l.list = append(l.list, b)
	}
	return l
}

func (c *compiler) bindOne(text script.Option, where Scope) *bound {
	key := strings.TrimSpace(text.Key.Value)
	option := find(key, where)
	if option == nil || isTypo(option, key, where) {
		c.unknownOption(text.Key, where)
		return nil
	}
	if option.Effect == Refused {
		c.error(CodeRefusedOption, text.Key.At, fmt.Sprintf("'%s' is not supported: %s", key, option.Why), option.Instead)
		return nil
	}
	if option.Effect == NoEffect {
		c.info(CodeNoEffect, text.Key.At, fmt.Sprintf("'%s' has no effect here: %s", key, option.Why), "")
		return nil
	}
	if at := text.Value.At; option.Secret && text.Value.Value != "" && !strings.Contains(c.file.Text[at.Start:at.End], "${") {
		c.passwords = append(c.passwords, at)
	}
	if text.Value.Unset {
		return c.unchecked(text, option, key)
	}
	value, number, err := checkValue(option, text.Value.Value)
	if err != nil {
		c.invalidValue(text, option, err.Error())
		return nil
	}
	if option.Effect == Limited && !oneOf(value, option.Values) {
		c.error(CodeRefusedOption, text.Value.At, fmt.Sprintf("'%s' = %s is not supported: %s", key, shownValue(text.Value, option), option.Why), option.Instead)
		return nil
	}
	canonical := option.Key
	if option.isFamily() {
		canonical = key
	}
	b := &bound{option: option, key: canonical, text: text, value: value, number: number}
	if option.Only != 0 {
		c.someWays = append(c.someWays, b)
	}
	return b
}

// unchecked stands for an option whose value nobody gave: a finding says so.
func (c *compiler) unchecked(text script.Option, option *Option, key string) *bound {
	value, number, _ := checkValue(option, option.Default) // a test checks the defaults
	if !option.isFamily() {
		key = option.Key
	}
	return &bound{option: option, key: key, text: text, value: value, number: number}
}

// shownValue is a value in a message.
func shownValue(text script.Text, option *Option) string {
	if option.Secret || text.Secret {
		return "this"
	}
	return "'" + text.Value + "'"
}

func (c *compiler) invalidValue(text script.Option, option *Option, why string) {
	c.error(CodeInvalidValue, text.Value.At, fmt.Sprintf("%s is not a value of '%s'", shownValue(text.Value, option), strings.TrimSpace(text.Key.Value)), why+".")
}

func (c *compiler) unknownOption(key script.Text, where Scope) {
	f := diag.Finding{
		Code: CodeUnknownOption, Severity: diag.Error, File: c.file, Span: key.At,
		Message: fmt.Sprintf("unknown option '%s' in %s", key.Value, where.phrase()),
		Fix:     "remove it. All options are listed in docs/options.md.",
	}
	if near := nearestKey(key.Value, where); near != "" {
		f.Label = fmt.Sprintf("did you mean '%s'?", near)
		f.Fix = fmt.Sprintf("rename it to '%s'.", near)
	} else if other := elsewhere(strings.TrimSpace(key.Value)); other != 0 {
		f.Label = "an option of " + other.phrase()
		f.Fix = "move it to " + other.phrase() + "."
	}
	c.findings = append(c.findings, f)
}

// isTypo tells a key that only a family without effect matches while it is nearly
// the name of an option in force beside it: 'execution.checkpointing.intervall'.
func isTypo(option *Option, key string, where Scope) bool {
	if !option.isFamily() || option.Effect == Refused {
		return false
	}
	dot := strings.LastIndexByte(key, '.')
	var beside []string
	for i := range table {
		o := &table[i]
		if o.Where&where == 0 || o.Effect == NoEffect || o.isFamily() {
			continue
		}
		for _, name := range append([]string{o.Key}, o.Aliases...) {
			if last := strings.LastIndexByte(name, '.'); last == dot && name[:last+1] == key[:dot+1] {
				beside = append(beside, name[last+1:])
			}
		}
	}
	return diag.Nearest(key[dot+1:], beside) != ""
}

func oneOf(value string, values []string) bool {
	for _, v := range values {
		if sameWord(v, value) {
			return true
		}
	}
	return false
}
