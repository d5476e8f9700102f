package script

import (
	"strings"

	"starferry/internal/diag"
)

type kind uint8

const (
	endOfFile kind = iota
	word           // an unquoted name, keyword, number or ${variable}
	quoted         // a `name`
	str            // a 'string'
	punct          // one of ( ) , = ; .
	hintOpen       // /*+
	hintClose      // */
	other          // any other character
)

// token is a piece of the text; text is without quotes and with doubled quotes
// resolved.
type token struct {
	kind kind
	text string
	at   diag.Span
	// replaced: the text has values of variables; secret: of one that is never shown;
	// unset: of one that has no value.
	replaced, secret, unset bool
}

// is tells a given punctuation mark or, without regard to case, a given keyword.
func (t token) is(text string) bool {
	switch t.kind {
	case word:
		return strings.EqualFold(t.text, text)
	case punct, other:
		return t.text == text
	}
	return false
}

// value is a string literal.
func (t token) value() Text { return Text{Value: t.text, Secret: t.secret, Unset: t.unset, At: t.at} }

func (t token) isName() bool { return t.kind == word || t.kind == quoted }

// describe says what a token is, for "found …".
func (t token) describe() string {
	switch t.kind {
	case endOfFile:
		return "the end of the script"
	case str:
		// A string may be a password: it is never repeated.
		return "a string"
	case hintOpen:
		return "a hint /*+"
	case hintClose:
		return "the end of the hint */"
	case quoted:
		if t.replaced || t.unset {
			return "a variable"
		}
		return "`" + t.text + "`"
	}
	return "'" + t.text + "'"
}
