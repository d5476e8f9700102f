package script

import (
	"regexp"

	"starferry/internal/diag"
)

// secretWord tells the names of options whose values are never shown.
var secretWord = regexp.MustCompile(`(?i)passw|secret|token|access-?key|credential`)

// onlyVariables tells a value that shows nothing: it stands elsewhere.
var onlyVariables = regexp.MustCompile(`^(\$\{` + variableName + `\})+$`)

// IsSecretKey tells whether an option of that name holds something to hide.
func IsSecretKey(key string) bool { return secretWord.MatchString(key) }

// Hide notes in a file that was not parsed where its passwords stand.
func Hide(file *diag.File) {
	tokens, findings := lex(file)
	file.Hidden = newParser(file, tokens, findings).hide()
}

// hide finds the passwords of a script, so that no finding shows them with the line
// it points at. It works on tokens, since a script that does not parse is shown too;
// on a line whose quotes are in disorder everything behind the name is hidden.
func (p *parser) hide() []diag.Span {
	var hidden []diag.Span
	for i, t := range p.tokens {
		if t.kind != str && t.kind != word || !IsSecretKey(t.text) {
			continue
		}
		line, _ := p.file.Position(t.at.Start)
		if p.unread[line] {
			behind := t.at.Start + secretWord.FindStringIndex(p.file.Text[t.at.Start:])[1]
			hidden = append(hidden, diag.Span{Start: behind, End: behind + lineEnd(p.file.Text[behind:])})
			continue
		}
		next := i + 1
		for p.isBetween(next) {
			next++
		}
		value := p.tokens[min(next, len(p.tokens)-1)]
		if value.kind == str && onlyVariables.MatchString(value.text) {
			continue
		}
		if value.kind == str || value.kind == word || next > i+1 {
			hidden = append(hidden, p.valueSpan(min(next, len(p.tokens)-1)))
		}
	}
	return hidden
}

// isBetween tells what stands between a name and its value.
func (p *parser) isBetween(i int) bool {
	return i < len(p.tokens) && (p.tokens[i].is("=") || p.tokens[i].is(":"))
}

// valueSpan covers the value that begins with token i: a string, or bare text up to
// the end of the entry.
func (p *parser) valueSpan(i int) diag.Span {
	at := p.tokens[i].at
	if p.tokens[i].kind == str {
		return at
	}
	for ; i < len(p.tokens) && p.tokens[i].kind != endOfFile && p.tokens[i].kind != str; i++ {
		if t := p.tokens[i]; t.is(",") || t.is(")") || t.is(";") {
			break
		}
		at.End = p.tokens[i].at.End
	}
	return at
}
