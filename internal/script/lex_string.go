package script

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// quotedString reads 'text'. Two quotes stand for one, and a backslash is only a
// backslash. A string may span lines (a table's properties often do), which makes a
// forgotten quote swallow the text up to the next quote in the file. It gives itself
// away there: what follows that quote is the inside of another string, not something
// that can follow a string. Then the string ends where it most likely should have.
func (l *lexer) quotedString(size int, quote byte) {
	start := l.pos
	var text strings.Builder
	i := start + size
	for ; i < len(l.text); i++ {
		if l.text[i] != quote {
			text.WriteByte(l.text[i])
			continue
		}
		if i+1 < len(l.text) && l.text[i+1] == quote {
			text.WriteByte(quote)
			i++
			continue
		}
		break
	}
	closed := i < len(l.text)
	line := start + lineEnd(l.text[start:])
	switch {
	case closed && i < line && !l.wordAt(i+1), closed && i > line && l.mayFollowString(i+1):
		l.add(str, text.String(), start, i+1)
	case closed && i < line:
		l.unclosedString(start+size, i)
	default:
		l.unclosedString(start+size, line)
	}
}

func (l *lexer) wordAt(pos int) bool {
	r, _ := utf8.DecodeRuneInString(l.text[pos:])
	return pos < len(l.text) && isWordRune(r)
}

func (l *lexer) mayFollowString(pos int) bool {
	r, _ := utf8.DecodeRuneInString(l.text[pos:])
	return pos == len(l.text) || unicode.IsSpace(r) || strings.ContainsRune(",)=;*-/(", r)
}

// unclosedString ends a string whose text begins at from, at the latest before end,
// and before the punctuation that most likely belongs to the list or statement around
// it. Of several such strings on a line the first is the cause, and reported.
func (l *lexer) unclosedString(from, end int) {
	body := strings.TrimRight(l.text[from:end], " \t\r,;)=")
	for {
		shorter := strings.TrimRight(strings.TrimSuffix(body, "*/"), " \t\r,;)=")
		if shorter == body {
			break
		}
		body = shorter
	}
	end = from + len(body)
	if line, _ := l.file.Position(from); line != l.unclosed {
		l.report(CodeUnclosedQuote, from-1, end, "this quote is never closed",
			"add the closing '. A quote inside a string is written twice: ''.")
		l.unclosed = line
	}
	l.add(str, body, from-1, end)
}
