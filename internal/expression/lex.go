package expression

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"starferry/internal/diag"
)

type kind uint8

const (
	end kind = iota
	word
	quoted // `name`
	number
	text // 'text'
	sign
)

type token struct {
	kind kind
	// text of a word or sign as written, of the others without their quotes.
	text string
	at   diag.Span
}

// is compares a keyword or sign; a quoted name is neither.
func (t token) is(what string) bool {
	return (t.kind == word || t.kind == sign) && strings.EqualFold(t.text, what)
}

func (t token) describe() string {
	switch t.kind {
	case end:
		return "the end"
	case text:
		return "a text"
	}
	return t.text
}

// Error is what is wrong with an expression, and where in its text.
type Error struct {
	At      diag.Span
	Message string
	Fix     string
}

func (e *Error) Error() string { return e.Message }

func lex(s string) ([]token, error) {
	var tokens []token
	for i := 0; i < len(s); {
		c := s[i]
		start := i
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
			continue
		case strings.HasPrefix(s[i:], "--"):
			if n := strings.IndexByte(s[i:], '\n'); n >= 0 {
				i += n
				continue
			}
			i = len(s)
			continue
		case strings.HasPrefix(s[i:], "/*"):
			n := strings.Index(s[i+2:], "*/")
			if n < 0 {
				return nil, &Error{diag.Span{Start: i, End: len(s)}, "this comment is never closed", "add */."}
			}
			i += n + 4
			continue
		case c == '\'' || c == '`':
			value, next, ok := cutQuoted(s, i)
			if !ok {
				return nil, &Error{diag.Span{Start: i, End: len(s)}, fmt.Sprintf("this %c is never closed", c), "close it."}
			}
			k := text
			if c == '`' {
				k = quoted
			}
			i = next
			tokens = append(tokens, token{k, value, diag.Span{Start: start, End: i}})
			continue
		case isDigit(c) || c == '.' && i+1 < len(s) && isDigit(s[i+1]):
			for i++; i < len(s) && (isDigit(s[i]) || s[i] == '.'); i++ {
			}
			tokens = append(tokens, token{number, s[start:i], diag.Span{Start: start, End: i}})
			continue
		case isLetter(c):
			for i++; i < len(s) && (isLetter(s[i]) || isDigit(s[i])); i++ {
			}
			tokens = append(tokens, token{word, s[start:i], diag.Span{Start: start, End: i}})
			continue
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		for _, two := range []string{"<=", ">=", "<>", "!=", "||", "==", "&&"} {
			if strings.HasPrefix(s[i:], two) {
				size = 2
			}
		}
		i += size
		tokens = append(tokens, token{sign, s[start:i], diag.Span{Start: start, End: i}})
	}
	return append(tokens, token{kind: end, at: diag.Span{Start: len(s), End: len(s)}}), nil
}

// elsewhere are the signs of other languages, and what they are here.
var elsewhere = map[string]string{"==": "=", "&&": "AND", "!": "NOT", `"`: "' at both ends of a text"}

// cutQuoted takes what stands in the quotes that open at i; a doubled one is one.
func cutQuoted(s string, i int) (value string, next int, ok bool) {
	quote := s[i]
	var b strings.Builder
	for i++; i < len(s); i++ {
		if s[i] != quote {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == quote {
			b.WriteByte(quote)
			i++
			continue
		}
		return b.String(), i + 1, true
	}
	return "", 0, false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' || c >= utf8.RuneSelf
}
