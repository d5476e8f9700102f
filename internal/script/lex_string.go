package script

import "strings"

// quotedString reads 'text'. Two quotes stand for one, and a backslash is only a
// backslash. A string may span lines (a table's properties often do), which makes a
// forgotten quote swallow the text up to the next quote in the file. It gives itself
// away there: what follows that quote is the inside of another string, not one of
// the characters that can follow a string. Then the string ends on its own line.
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
	spansLines := strings.ContainsRune(l.text[start:min(i, len(l.text))], '\n')
	if i < len(l.text) && (!spansLines || mayFollowString(l.text[i+1:])) {
		l.add(str, text.String(), start, i+1)
		return
	}
	l.unclosedString(start, size)
}

func mayFollowString(rest string) bool {
	return rest == "" || strings.ContainsRune(" \t\r\n,)=;*-/(", rune(rest[0]))
}

// unclosedString ends the string at the end of its line, before the punctuation
// that most likely belongs to the list or statement around it.
func (l *lexer) unclosedString(start, size int) {
	line := l.text[start : start+lineEnd(l.text[start:])]
	body := strings.TrimRight(line[size:], " \t\r,;)")
	for {
		shorter := strings.TrimRight(strings.TrimSuffix(body, "*/"), " \t\r,;)")
		if shorter == body {
			break
		}
		body = shorter
	}
	end := start + size + len(body)
	l.report(CodeUnclosedQuote, start, end, "this quote is never closed",
		"add the closing '. A quote inside a string is written twice: ''.")
	l.add(str, body, start, end)
}
