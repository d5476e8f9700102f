package ddl

import (
	"encoding/hex"
	"math/big"
	"strings"
)

type kind uint8

const (
	end    kind = iota // of the text
	word               // an unquoted name or keyword
	quoted             // a quoted name
	text               // a string
	number             // a decimal number, without sign
	bits               // a hexadecimal or bit literal; text holds its bytes
	mark               // one character of punctuation
	broken             // an unterminated quote or comment; the text ends here
)

// token is one word of a statement. upper is set for words only, so that a quoted
// name is never taken for a keyword.
type token struct {
	kind        kind
	text        string
	upper       string
	start, stop int // bytes of the statement
}

// lexer splits a statement into tokens as the servers do. The contents of
// /*!80023 … */ and, on MariaDB, /*M!100301 … */ are code: what a server skipped
// as being for a newer version, it has turned into an ordinary comment in its log.
type lexer struct {
	src       string
	at        int
	session   *Session
	inVersion bool // inside a comment that is code
	afterName bool // the last token is a name and nothing stands between: "." follows as in a.1b
	afterDot  bool // the last token is such a dot
}

func (l *lexer) next() token {
	before := l.at
	if !l.skipSpace() {
		return token{kind: broken, start: l.at, stop: len(l.src)}
	}
	if l.at > before {
		l.afterName = false
	}
	t := token{start: l.at}
	if l.at >= len(l.src) {
		t.stop = l.at
		return t
	}
	l.scan(&t)
	t.stop = l.at
	dot := t.kind == mark && t.text == "."
	l.afterDot = dot && l.afterName
	l.afterName = t.kind == word || t.kind == quoted
	return t
}

func (l *lexer) scan(t *token) {
	c := l.src[l.at]
	switch {
	case c == '`' || c == '"' && l.session.ANSIQuotes:
		t.kind = quoted
		l.quote(t, c, false)
	case c == '\'' || c == '"':
		t.kind = text
		l.quote(t, c, !l.session.NoBackslashEscapes)
	case (c == 'x' || c == 'X' || c == 'b' || c == 'B' || c == 'n' || c == 'N') && l.peek(1) == '\'':
		l.prefixed(t, c|0x20)
	case isDigit(c) || c == '.' && isDigit(l.peek(1)) && !l.afterName:
		if l.afterDot || !l.number(t) {
			l.word(t)
		}
	case isNameByte(c):
		l.word(t)
	default:
		t.kind, t.text = mark, l.src[l.at:l.at+1]
		l.at++
	}
}

func (l *lexer) peek(n int) byte {
	if l.at+n < len(l.src) {
		return l.src[l.at+n]
	}
	return 0
}

func (l *lexer) word(t *token) {
	for l.at < len(l.src) && isNameByte(l.src[l.at]) {
		l.at++
	}
	t.kind, t.text = word, l.src[t.start:l.at]
	t.upper = strings.ToUpper(t.text)
}

// skipSpace passes white space and comments; false when a comment does not end.
func (l *lexer) skipSpace() bool {
	for l.at < len(l.src) {
		rest := l.src[l.at:]
		switch {
		case isSpace(rest[0]):
			l.at++
		case rest[0] == '#' || strings.HasPrefix(rest, "--") && (len(rest) == 2 || rest[2] <= ' '):
			l.skipLine(rest)
		case l.inVersion && strings.HasPrefix(rest, "*/"):
			l.inVersion = false
			l.at += 2
		case strings.HasPrefix(rest, "/*"):
			if !l.comment(rest) {
				return false
			}
		default:
			return true
		}
	}
	return true
}

func (l *lexer) skipLine(rest string) {
	if n := strings.IndexByte(rest, '\n'); n >= 0 {
		l.at += n + 1
		return
	}
	l.at = len(l.src)
}

func (l *lexer) comment(rest string) bool {
	code := 0
	switch {
	case strings.HasPrefix(rest, "/*!"):
		code = 3
		if l.session.MariaDB && strings.HasPrefix(rest, "/*!M") {
			code = 4
		}
	case l.session.MariaDB && strings.HasPrefix(rest, "/*M!"):
		code = 4
	}
	if code > 0 {
		digits := code
		for digits < len(rest) && digits < code+6 && isDigit(rest[digits]) {
			digits++
		}
		if version := rest[code:digits]; !l.forMySQLOnly(rest[2], version) {
			if len(version) < 5 {
				digits = code
			}
			l.inVersion = true
			l.at += digits
			return true
		}
	}
	stop := strings.Index(rest[2:], "*/")
	if stop < 0 {
		l.at = len(l.src)
		return false
	}
	l.at += 2 + stop + 2
	return true
}

// forMySQLOnly tells /*!50700 … to /*!99999 …, which MariaDB does not execute.
func (l *lexer) forMySQLOnly(sign byte, version string) bool {
	return l.session.MariaDB && sign == '!' && len(version) == 5 && version >= "50700"
}

func (l *lexer) quote(t *token, q byte, escapes bool) {
	l.at++
	start := l.at
	var b strings.Builder
	for l.at < len(l.src) {
		switch c := l.src[l.at]; {
		case c == q && l.peek(1) == q:
			b.WriteString(l.src[start : l.at+1])
			l.at += 2
			start = l.at
		case c == q:
			b.WriteString(l.src[start:l.at])
			l.at++
			t.text = b.String()
			return
		case c == '\\' && escapes && l.at+1 < len(l.src):
			b.WriteString(l.src[start:l.at])
			b.WriteString(unescape(l.src[l.at+1]))
			l.at += 2
			start = l.at
		default:
			l.at++
		}
	}
	t.kind = broken
}

func unescape(c byte) string {
	switch c {
	case '0':
		return "\x00"
	case 'b':
		return "\b"
	case 'n':
		return "\n"
	case 'r':
		return "\r"
	case 't':
		return "\t"
	case 'Z':
		return "\x1a"
	case '%', '_':
		return `\` + string(c)
	}
	return string([]byte{c})
}

// prefixed reads x'41', b'01' and n'text'.
func (l *lexer) prefixed(t *token, prefix byte) {
	l.at++
	if prefix == 'n' {
		t.kind = text
		l.quote(t, '\'', !l.session.NoBackslashEscapes)
		return
	}
	l.quote(t, '\'', false)
	if t.kind == broken {
		return
	}
	var ok bool
	t.kind = bits
	if t.text, ok = literalBytes(t.text, prefix == 'x'); !ok {
		t.kind = broken
	}
}

// number reads 12, 1.5, .5, 1e-3, 0x41 and 0b01; false when it is a name that
// starts with a digit.
func (l *lexer) number(t *token) bool {
	stop := l.at
	for stop < len(l.src) && isNameByte(l.src[stop]) {
		stop++
	}
	lead := l.src[l.at:stop]
	if len(lead) > 2 && lead[0] == '0' && (lead[1] == 'x' || lead[1] == 'b') {
		if decoded, ok := literalBytes(lead[2:], lead[1] == 'x'); ok {
			t.kind, t.text = bits, decoded
			l.at = stop
			return true
		}
	}
	at := l.digits(l.at)
	if at < len(l.src) && l.src[at] == '.' {
		at = l.digits(at + 1)
	} else if at < stop && l.src[at]|0x20 != 'e' {
		return false
	}
	if at < len(l.src) && l.src[at]|0x20 == 'e' {
		exponent := at + 1
		if exponent < len(l.src) && (l.src[exponent] == '+' || l.src[exponent] == '-') {
			exponent++
		}
		if after := l.digits(exponent); after > exponent {
			at = after
		} else if !strings.Contains(l.src[l.at:at], ".") {
			return false
		}
	}
	if at < stop {
		return false
	}
	t.kind, t.text = number, l.src[l.at:at]
	l.at = at
	return true
}

func (l *lexer) digits(at int) int {
	for at < len(l.src) && isDigit(l.src[at]) {
		at++
	}
	return at
}

// literalBytes are the bytes of a hexadecimal or bit literal, most significant first.
func literalBytes(digits string, hexadecimal bool) (string, bool) {
	if hexadecimal {
		if len(digits)%2 == 1 {
			digits = "0" + digits
		}
		b, err := hex.DecodeString(digits)
		return string(b), err == nil
	}
	if strings.Trim(digits, "01") != "" {
		return "", false
	}
	n, ok := new(big.Int).SetString("0"+digits, 2)
	if !ok {
		return "", false
	}
	b := make([]byte, (len(digits)+7)/8)
	n.FillBytes(b)
	return string(b), true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' || c == 0 }

func isNameByte(c byte) bool {
	return c >= 0x80 || c == '_' || c == '$' || isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z'
}
