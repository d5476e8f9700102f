package script

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"starferry/internal/diag"
)

// lexer cuts a text into tokens. It never fails: what is not closed is reported and
// ends where it most likely should have ended, so that the rest can still be read.
type lexer struct {
	file     *diag.File
	text     string
	pos      int
	unclosed int // the last line with a string that is not closed
	hint     int // where the open hint began; -1 outside
	tokens   []token
	findings []diag.Finding
}

func lex(file *diag.File) ([]token, []diag.Finding) {
	l := &lexer{file: file, text: file.Text, hint: -1}
	if strings.HasPrefix(l.text, "\ufeff") {
		l.pos = len("\ufeff")
	}
	for l.next() {
	}
	if l.hint >= 0 {
		l.closeHint()
	}
	l.add(endOfFile, "", l.pos, l.pos)
	return l.tokens, l.findings
}

func (l *lexer) add(k kind, text string, start, end int) {
	l.tokens = append(l.tokens, token{kind: k, text: text, at: diag.Span{Start: start, End: end}})
	l.pos = end
}

func (l *lexer) report(code diag.Code, start, end int, message, fix string) {
	l.findings = append(l.findings, diag.Finding{
		Code: code, Severity: diag.Error, Message: message, Fix: fix,
		File: l.file, Span: diag.Span{Start: start, End: end},
	})
}

// next reads one token or skips one stretch of white space or comment; false at the
// end of the text.
func (l *lexer) next() bool {
	if l.pos >= len(l.text) {
		return false
	}
	rest := l.text[l.pos:]
	r, size := utf8.DecodeRuneInString(rest)
	switch {
	case unicode.IsSpace(r) || r == '\u200b' || r == '\ufeff':
		l.pos += size
	case strings.HasPrefix(rest, "--"):
		l.lineComment(rest)
	case strings.HasPrefix(rest, "/*+") && l.hint < 0:
		l.hint = l.pos
		l.add(hintOpen, "/*+", l.pos, l.pos+3)
	case strings.HasPrefix(rest, "/*"):
		l.blockComment(rest)
	case strings.HasPrefix(rest, "*/"):
		l.endOfHint()
	case r == '\'':
		l.quotedString(size, '\'')
	case r == '"', r == '‘', r == '’', r == '“', r == '”':
		l.wrongQuotes(r, size)
	case r == '`':
		l.quotedName()
	case isWordRune(r):
		l.word(rest)
	case r == ';':
		l.semicolon()
	case strings.ContainsRune("(),=.", r):
		l.add(punct, string(r), l.pos, l.pos+size)
	case r == utf8.RuneError && size == 1:
		l.report(CodeNotText, l.pos, l.pos+1, "the script is not UTF-8 text here", "save the file as UTF-8.")
		l.add(other, "?", l.pos, l.pos+1)
	default:
		l.add(other, string(r), l.pos, l.pos+size)
	}
	return true
}

func isWordRune(r rune) bool {
	return r == '_' || r == '$' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

func wordLength(s string) int {
	for i, r := range s {
		if !isWordRune(r) || strings.HasPrefix(s[i:], "${") {
			return i
		}
	}
	return len(s)
}

// lineComment skips to the end of the line. Inside a hint the comment ends before
// the hint does, so that a hint on one line can be closed.
func (l *lexer) lineComment(rest string) {
	end := lineEnd(rest)
	if l.hint >= 0 {
		if i := strings.Index(rest[:end], "*/"); i >= 0 {
			end = i
		}
	}
	l.pos += end
}

func lineEnd(s string) int {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return i
	}
	return len(s)
}

func (l *lexer) blockComment(rest string) {
	if i := strings.Index(rest[2:], "*/"); i >= 0 {
		l.pos += i + 4
		return
	}
	l.report(CodeUnclosedComment, l.pos, l.pos+2, "this comment is never closed", "end it with */.")
	l.pos = len(l.text)
}

func (l *lexer) endOfHint() {
	if l.hint >= 0 {
		l.hint = -1
		l.add(hintClose, "*/", l.pos, l.pos+2)
		return
	}
	l.report(CodeUnclosedComment, l.pos, l.pos+2, "*/ ends a comment or hint that was never opened",
		"remove it, or open the hint with /*+ before OPTIONS.")
	l.pos += 2
}

// semicolon ends a statement and with it a hint that is still open.
func (l *lexer) semicolon() {
	if l.hint >= 0 {
		l.closeHint()
	}
	l.add(punct, ";", l.pos, l.pos+1)
}

func (l *lexer) closeHint() {
	l.report(CodeUnclosedComment, l.hint, l.hint+3, "this hint is never closed", "end it with */ before the semicolon.")
	l.hint = -1
	l.add(hintClose, "", l.pos, l.pos)
}

// word takes a run of letters and digits, with the variables in it: db_${stage}.
func (l *lexer) word(rest string) {
	end := 0
	for end < len(rest) {
		length := wordLength(rest[end:])
		if strings.HasPrefix(rest[end:], "${") {
			closing := strings.IndexAny(rest[end:], "}\n;'")
			if closing < 0 || rest[end+closing] != '}' {
				break
			}
			length = closing + 1
		}
		if length == 0 {
			break
		}
		end += length
	}
	if end == 0 {
		l.add(other, "$", l.pos, l.pos+1)
		return
	}
	l.add(word, rest[:end], l.pos, l.pos+end)
}

// quotedName reads `name`. A name never spans lines.
func (l *lexer) quotedName() {
	start := l.pos
	line := l.text[start : start+lineEnd(l.text[start:])]
	var name strings.Builder
	for i := 1; i < len(line); i++ {
		if line[i] != '`' {
			name.WriteByte(line[i])
			continue
		}
		if i+1 < len(line) && line[i+1] == '`' {
			name.WriteByte('`')
			i++
			continue
		}
		l.add(quoted, name.String(), start, start+i+1)
		return
	}
	length := 1 + wordLength(line[1:])
	l.report(CodeUnclosedQuote, start, start+length, "this back-quote is never closed", "add the closing ` after the name.")
	l.add(quoted, line[1:length], start, start+length)
}

func (l *lexer) wrongQuotes(r rune, size int) {
	closing := map[rune]string{'"': `"`, '‘': "’‘", '’': "’‘", '“': "”“", '”': "”“"}[r]
	start, line := l.pos, l.text[l.pos:l.pos+lineEnd(l.text[l.pos:])]
	text, closed := line[size:], 0
	if i := strings.IndexAny(text, closing); i >= 0 {
		_, closed = utf8.DecodeRuneInString(text[i:])
		text = text[:i]
	} else {
		text = text[:wordLength(text)]
	}
	end := size + len(text) + closed
	l.report(CodeWrongQuotes, start, start+end, "strings stand between single quotes here",
		"use ' at both ends, or ` around a name.")
	l.add(str, text, start, start+end)
}
