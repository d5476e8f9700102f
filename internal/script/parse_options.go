package script

import (
	"fmt"

	"starferry/internal/diag"
)

// options reads ('k' = 'v', …) after its keyword, which began at start.
func (p *parser) options(keyword string, start int) (*Options, bool) {
	opening := p.peek()
	if !p.accept("(") {
		return nil, p.unexpected("( after "+keyword, "")
	}
	list := &Options{}
	for {
		if p.endsList() {
			break
		}
		if p.peek().is(",") {
			p.extraComma()
			continue
		}
		if option, ok := p.option(); ok {
			list.List = append(list.List, option)
		}
		if !p.separator() {
			break
		}
	}
	list.At = diag.Span{Start: start, End: p.behind().Start}
	if p.accept(")") {
		list.At.End = p.behind().Start
		return list, true
	}
	// The list reaches into the next clause: the parenthesis is what is missing.
	line, _ := p.file.Position(list.At.End)
	p.report(CodeUnclosedParen, opening.at, "this parenthesis is never closed", "",
		fmt.Sprintf("add ) after the last entry of %s, at the end of line %d.", keyword, line))
	return list, true
}

// endsList tells the end of a list, or what can only stand behind one.
func (p *parser) endsList() bool {
	t := p.peek()
	switch t.kind {
	case endOfFile, hintOpen, hintClose:
		return true
	case word:
		return t.is("AS") || p.atHead()
	}
	return t.is(")") || t.is(";")
}

func (p *parser) extraComma() {
	at := p.take().at
	p.report(CodeExtraComma, at, "there is an option missing before this comma, or the comma is one too many", "", "remove the comma.")
}

// separator stands between two options: a comma, reported when it is missing. It
// returns false at the end of the list.
func (p *parser) separator() bool {
	if p.peek().is(",") {
		comma := p.take()
		if p.peek().is(")") {
			p.report(CodeExtraComma, comma.at, "there is nothing after this comma", "", "remove the comma.")
		}
		return true
	}
	if p.endsList() {
		return false
	}
	if p.peek().kind == str || p.looksLikeOption() {
		p.report(CodeMissingComma, p.behind(), "two options stand without a comma between them", ", expected here", "add a comma.")
		return true
	}
	p.unexpected(", or )", "")
	for !p.endsList() && !p.peek().is(",") && p.peek().kind != str {
		p.take()
	}
	p.accept(",")
	return !p.endsList()
}

// looksLikeOption tells a bare name with = behind it.
func (p *parser) looksLikeOption() bool {
	if p.peek().kind != word {
		return false
	}
	n := 1
	for p.ahead(n).kind == word || p.ahead(n).is(".") || p.ahead(n).is("-") {
		n++
	}
	return p.ahead(n).is("=")
}

// option reads one 'key' = 'value'. False: it could not be read, and the list goes
// on with the token at hand.
func (p *parser) option() (Option, bool) {
	key, ok := p.optionKey()
	if !ok {
		return Option{}, false
	}
	if !p.accept("=") {
		return Option{}, p.missingEquals(key)
	}
	value, ok := p.optionValue(key)
	return Option{Key: key, Value: value, At: diag.Span{Start: key.At.Start, End: value.At.End}}, ok
}

func (p *parser) optionKey() (Text, bool) {
	if t := p.peek(); t.kind == str {
		p.take()
		return t.value(), true
	}
	if !p.looksLikeOption() {
		p.unexpected("an option 'name' = 'value'", "")
		for !p.endsList() && !p.peek().is(",") && p.peek().kind != str {
			p.take()
		}
		return Text{}, false
	}
	start := p.peek().at.Start
	for !p.peek().is("=") {
		p.take()
	}
	at := diag.Span{Start: start, End: p.behind().Start}
	name := p.file.Text[at.Start:at.End]
	p.report(CodeUnquotedOption, at, "the name of an option stands between single quotes", "", "write '"+name+"'.")
	return Text{Value: name, At: at}, true
}

// missingEquals reports what stands, or does not, between a key and its value.
func (p *parser) missingEquals(key Text) bool {
	t := p.peek()
	switch {
	case t.kind == str && p.ahead(1).is("="), t.is(","), p.endsList():
		p.report(CodeMissingEquals, key.At, fmt.Sprintf("option '%s' has no value", key.Value), "",
			fmt.Sprintf("write '%s' = 'value'.", key.Value))
	case t.kind == str:
		p.report(CodeMissingEquals, p.behind(), fmt.Sprintf("there is no = after '%s'", key.Value), "= expected here", "add =.")
		p.take()
	case t.is(":"), t.kind == other && p.ahead(1).kind == str:
		p.report(CodeMissingEquals, t.at, fmt.Sprintf("expected = after '%s', found %s", key.Value, t.describe()), "", "write =.")
		for !p.endsList() && !p.peek().is(",") {
			p.take()
		}
	default:
		p.unexpected(fmt.Sprintf("= after '%s'", key.Value), "")
		for !p.endsList() && !p.peek().is(",") {
			p.take()
		}
	}
	return false
}

func (p *parser) optionValue(key Text) (Text, bool) {
	t := p.peek()
	if t.kind == str {
		p.take()
		return t.value(), true
	}
	if t.is(",") || p.endsList() {
		p.report(CodeMissingEquals, key.At, fmt.Sprintf("option '%s' has no value", key.Value), "",
			fmt.Sprintf("write '%s' = 'value'.", key.Value))
		return Text{}, false
	}
	start := t.at.Start
	for !p.peek().is(",") && p.peek().kind != str && !p.endsList() {
		p.take()
	}
	at := diag.Span{Start: start, End: p.behind().Start}
	p.report(CodeUnquotedOption, at, fmt.Sprintf("the value of '%s' stands between single quotes", key.Value), "", "put ' before and after it.")
	return Text{Value: p.file.Text[at.Start:at.End], At: at}, at.End > at.Start
}

// hint reads /*+ OPTIONS (…) */.
func (p *parser) hint() (*Options, bool) {
	start := p.take().at.Start
	var list *Options
	ok := true
	if p.accept("OPTIONS") || p.misspelled("OPTIONS") != "" {
		list, ok = p.options("OPTIONS", start)
	} else {
		p.unexpected("OPTIONS in the hint", "write /*+ OPTIONS ('name' = 'value') */.")
	}
	if p.peek().kind != hintClose && ok && list != nil && !p.endsList() {
		p.unexpected("*/", "")
	}
	for k := p.peek().kind; k != hintClose && k != endOfFile; k = p.peek().kind {
		p.take()
	}
	if p.peek().kind == hintClose {
		p.take()
	}
	if list != nil {
		list.At.End = p.behind().Start
	}
	return list, true
}
