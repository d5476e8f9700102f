package script

import (
	"fmt"
	"strings"

	"starferry/internal/diag"
)

// parser reads statements from tokens. Its methods return false when a statement
// cannot be read on; the finding has then been reported.
type parser struct {
	file     *diag.File
	tokens   []token
	pos      int
	findings []diag.Finding
	// unread holds the lines on which the lexer found something unclosed: whatever
	// seems wrong there follows from it.
	unread map[int]bool
	// start is the first token of the statement at hand.
	start int
	// broken tells that the statement at hand has an error.
	broken bool
	// set is the open BEGIN STATEMENT SET, nil outside.
	set *BeginStatementSet
}

func newParser(file *diag.File, tokens []token, findings []diag.Finding) *parser {
	p := &parser{file: file, tokens: tokens, findings: findings, unread: map[int]bool{}}
	for _, f := range findings {
		line, _ := file.Position(f.Span.Start)
		p.unread[line] = true
	}
	return p
}

// Parse reads a script and notes in file where its passwords stand. All findings come at once, in the order of the text; the
// script holds whatever could be read and is never nil.
func Parse(file *diag.File) (*Script, []diag.Finding) { return ParseWith(file, noValues{}) }

// ParseWith is Parse for a script whose variables have these values.
func ParseWith(file *diag.File, values Values) (*Script, []diag.Finding) {
	tokens, findings := lex(file)
	p := newParser(file, tokens, findings)
	file.Hidden = p.hide()
	s := &Script{File: file, Secrets: p.replaceVariables(values)}
	for p.peek().kind != endOfFile {
		if p.peek().is(";") {
			p.pos++
			continue
		}
		s.Statements = append(s.Statements, p.statement())
	}
	if p.set != nil && !p.set.Broken {
		p.report(CodeStatementSet, p.set.At, "this statement set is never ended", "", "write END; after its last statement.")
	}
	diag.Sort(p.findings)
	s.Broken = diag.HasErrors(p.findings)
	return s, p.findings
}

// statement reads one statement and its end; it always moves forward.
func (p *parser) statement() Statement {
	start, reported := p.pos, len(p.findings)
	p.start, p.broken = start, false
	read, ok := p.dispatch()
	if ok {
		p.endStatement(read)
	} else {
		p.skipStatement()
	}
	if p.pos == start {
		p.pos++
	}
	at := diag.Span{Start: p.tokens[start].at.Start, End: p.tokens[p.pos-1].at.End}
	if last := p.tokens[p.pos-1]; last.is(";") && p.pos-1 > start {
		at.End = p.tokens[p.pos-2].at.End
	}
	if read == nil {
		return &Unread{Node{At: at, Broken: true}}
	}
	node := nodeOf(read)
	node.At = at
	node.Broken = p.broken || !ok || len(p.findings) > reported || p.touchesUnread(at)
	return read
}

func nodeOf(s Statement) *Node {
	switch s := s.(type) {
	case *CreateCatalog:
		return &s.Node
	case *DropCatalog:
		return &s.Node
	case *UseCatalog:
		return &s.Node
	case *Use:
		return &s.Node
	case *Set:
		return &s.Node
	case *Reset:
		return &s.Node
	case *CreateTableAs:
		return &s.Node
	case *CreateDatabaseAs:
		return &s.Node
	case *BeginStatementSet:
		return &s.Node
	case *EndStatementSet:
		return &s.Node
	case *Show:
		return &s.Node
	case *Describe:
		return &s.Node
	case *Explain:
		return &s.Node
	case *Unread:
		return &s.Node
	}
	return new(Node)
}

func (p *parser) touchesUnread(at diag.Span) bool {
	if len(p.unread) == 0 {
		return false
	}
	first, _ := p.file.Position(at.Start)
	last, _ := p.file.Position(at.End)
	for line := range p.unread {
		if first <= line && line <= last {
			return true
		}
	}
	return false
}

func (p *parser) peek() token { return p.tokens[p.pos] }

// ahead looks n tokens further; the last token is the end of the file for ever.
func (p *parser) ahead(n int) token { return p.tokens[min(p.pos+n, len(p.tokens)-1)] }

// take returns the token at hand and moves on, but never past the end.
func (p *parser) take() token {
	t := p.tokens[p.pos]
	if t.kind != endOfFile {
		p.pos++
	}
	return t
}

// behind is the empty span after the last token taken: where something is missing.
func (p *parser) behind() diag.Span {
	if p.pos == 0 {
		return diag.Span{}
	}
	end := p.tokens[p.pos-1].at.End
	return diag.Span{Start: end, End: end}
}

func (p *parser) report(code diag.Code, at diag.Span, message, label, fix string) {
	p.broken = true
	if line, _ := p.file.Position(at.Start); p.unread[line] {
		return
	}
	p.findings = append(p.findings, diag.Finding{
		Code: code, Severity: diag.Error, Message: message, Label: label, Fix: fix,
		File: p.file, Span: at,
	})
}

// unexpected reports the token at hand where something else was wanted.
func (p *parser) unexpected(wanted, fix string) bool {
	t := p.peek()
	at := t.at
	if t.kind == endOfFile || t.is(";") {
		at = p.behind()
	}
	if fix == "" {
		fix = "write " + wanted + " here."
	}
	p.report(CodeUnexpected, at, fmt.Sprintf("expected %s, found %s", wanted, t.describe()), "", fix)
	return false
}

// accept takes the token at hand if it is the given keyword or mark.
func (p *parser) accept(text string) bool {
	if p.peek().is(text) {
		p.take()
		return true
	}
	return false
}

// keyword takes a keyword that must stand here. A word that is nearly it is
// reported and taken for it, so that the rest of the statement is read as meant.
func (p *parser) keyword(text string) bool {
	if p.accept(text) {
		return true
	}
	if p.misspelled(text) != "" {
		return true
	}
	return p.unexpected(text, "")
}

// misspelled takes the word at hand if it is nearly one of the keywords, and
// returns which.
func (p *parser) misspelled(keywords ...string) string {
	t := p.peek()
	if t.kind != word {
		return ""
	}
	near := diag.Nearest(t.text, keywords)
	if near == "" {
		return ""
	}
	p.report(CodeMisspelledKeyword, t.at, fmt.Sprintf("'%s' is not a keyword here", t.text),
		"did you mean "+near+"?", "write "+near+".")
	p.take()
	return near
}

func (p *parser) name(what string) (Ident, bool) {
	t := p.peek()
	if !t.isName() {
		fix := ""
		if t.kind == str {
			fix = "names stand without quotes, or between back-quotes: `name`."
		}
		return Ident{At: p.behind()}, p.unexpected(what, fix)
	}
	p.take()
	return Ident{Name: t.text, Quoted: t.kind == quoted, Unset: t.unset, At: t.at}, true
}

// path reads name[.name[.name]].
func (p *parser) path(what string) (Path, bool) {
	start := p.peek().at.Start
	var path Path
	for {
		part, ok := p.name(what)
		if !ok {
			return path, false
		}
		path.Parts = append(path.Parts, part)
		path.At = diag.Span{Start: start, End: part.At.End}
		if t := p.peek(); t.is("-") && t.at.Start == part.At.End {
			p.report(CodeUnexpected, diag.Span{Start: start, End: t.at.End},
				"a name with a hyphen stands between back-quotes", "", "write `"+part.Name+"-…`.")
			return path, false
		}
		if t := p.peek(); t.at.Start == part.At.End && (t.is("[") || t.is("*") || t.is("+") || t.is("?") || t.is("|")) {
			p.patternBare(part.At.Start)
			return path, false
		}
		if !p.accept(".") {
			break
		}
		if t := p.peek(); t.is("*") || t.is("[") || t.is("(") {
			p.patternBare(t.at.Start)
			return path, false
		}
	}
	if len(path.Parts) > 3 {
		p.report(CodeUnexpected, path.At, fmt.Sprintf("%s has more than three parts", path), "",
			"write catalog.database.table; a name that contains a dot stands between back-quotes.")
		return path, false
	}
	return path, true
}

// patternBare reports a regular expression that stands without back-quotes, from start on.
func (p *parser) patternBare(start int) {
	end := start
	for t := p.peek(); t.at.Start == end || end == start; t = p.peek() {
		if t.kind == endOfFile || t.is(";") || t.is(",") || t.is(".") && p.ahead(1).at.Start == t.at.End && p.ahead(1).isName() {
			break
		}
		end = p.take().at.End
	}
	at := diag.Span{Start: start, End: end}
	text := p.file.Text[at.Start:at.End]
	fix := "write `" + text + "`."
	if text == "*" {
		fix = "write `.*`; all tables of a database are followed by CREATE DATABASE … AS DATABASE …."
	}
	p.report(CodeUnexpected, at, "a name that is a pattern stands between back-quotes", "", fix)
}

// text reads a string literal.
func (p *parser) text(what string) (Text, bool) {
	t := p.peek()
	if t.kind != str {
		fix := ""
		if t.isName() {
			fix = "write '" + t.text + "'."
		}
		return Text{At: p.behind()}, p.unexpected(what+" in single quotes", fix)
	}
	p.take()
	return t.value(), true
}

// atHead tells whether the token at hand begins a line and a statement.
func (p *parser) atHead() bool {
	t := p.peek()
	if t.kind != word || p.pos == 0 {
		return false
	}
	between := p.file.Text[p.tokens[p.pos-1].at.End:t.at.Start]
	if !strings.Contains(between, "\n") {
		return false
	}
	for _, head := range heads {
		if t.is(head) {
			return true
		}
	}
	return false
}

func (p *parser) endStatement(read Statement) {
	if p.accept(";") || p.peek().kind == endOfFile {
		return
	}
	if begin, ok := read.(*BeginStatementSet); ok && begin == p.set && p.tokens[p.pos-1].is("BEGIN") {
		return // EXECUTE STATEMENT SET BEGIN has no semicolon of its own
	}
	if p.atHead() {
		p.report(CodeMissingSemicolon, p.behind(), "the statement is not ended before the next one begins", "; expected here",
			"end it with a semicolon.")
		return
	}
	p.unexpected("; after the statement", "end the statement with a semicolon before this, or remove it.")
	p.skipStatement()
}

// skipStatement goes on to where the next statement most likely begins.
func (p *parser) skipStatement() {
	for p.peek().kind != endOfFile {
		if p.accept(";") {
			return
		}
		if p.atHead() {
			return
		}
		p.take()
	}
}

// skipToSemicolon ends a statement that is not ours, whatever it contains.
func (p *parser) skipToSemicolon() {
	for p.peek().kind != endOfFile && !p.peek().is(";") {
		p.take()
	}
}
