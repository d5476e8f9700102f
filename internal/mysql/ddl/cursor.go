package ddl

import (
	"strings"

	"starferry/internal/change"
)

// cursor walks over the tokens of a statement, which are read on demand: most
// statements are recognised by their first word.
type cursor struct {
	lexer   lexer
	tokens  []token
	at      int
	session *Session
}

func newCursor(src string, s *Session) *cursor {
	return &cursor{lexer: lexer{src: src, session: s}, session: s}
}

func (c *cursor) peek(n int) token {
	for len(c.tokens) <= c.at+n {
		if last := len(c.tokens) - 1; last >= 0 && (c.tokens[last].kind == end || c.tokens[last].kind == broken) {
			return c.tokens[last]
		}
		c.tokens = append(c.tokens, c.lexer.next())
	}
	return c.tokens[c.at+n]
}

// next takes a token; at the end of the text it gives the end again and again.
func (c *cursor) next() token {
	t := c.peek(0)
	if t.kind != end && t.kind != broken {
		c.at++
	}
	return t
}

func (c *cursor) done() bool {
	t := c.peek(0)
	return t.kind == end || t.kind == broken || t.kind == mark && t.text == ";"
}

// is tells whether the next tokens are these words, marks being words of one
// character that is no letter.
func (c *cursor) is(words ...string) bool {
	for i, w := range words {
		t := c.peek(i)
		if t.kind == word && t.upper == w || t.kind == mark && t.text == w {
			continue
		}
		return false
	}
	return true
}

// accept takes the words when they come next.
func (c *cursor) accept(words ...string) bool {
	if !c.is(words...) {
		return false
	}
	c.at += len(words)
	return true
}

// acceptAny takes one of the words when it comes next and gives it, else "".
func (c *cursor) acceptAny(words ...string) string {
	for _, w := range words {
		if c.accept(w) {
			return w
		}
	}
	return ""
}

// isName tells whether a name, quoted or not, comes next.
func (c *cursor) isName() bool { return isNameToken(c.peek(0)) }

func isNameToken(t token) bool { return t.kind == word || t.kind == quoted }

func (c *cursor) name() (string, bool) {
	if !c.isName() {
		return "", false
	}
	return c.next().text, true
}

// tableName takes table, database.table or .table.
func (c *cursor) tableName() (change.Name, bool) {
	c.accept(".")
	first, ok := c.name()
	if !ok {
		return change.Name{}, false
	}
	if !c.accept(".") {
		return change.Name{Database: c.session.Database, Table: first}, true
	}
	second, ok := c.name()
	return change.Name{Database: first, Table: second}, ok
}

// columnName takes column, table.column or database.table.column: the last counts.
func (c *cursor) columnName() (string, bool) {
	c.accept(".")
	name, ok := c.name()
	for ok && c.accept(".") {
		name, ok = c.name()
	}
	return name, ok
}

// parentheses skips a balanced group that comes next; false when none does or it
// does not end.
func (c *cursor) parentheses() bool {
	if !c.is("(") {
		return false
	}
	depth := 0
	for {
		t := c.next()
		switch {
		case t.kind == end || t.kind == broken:
			return false
		case t.kind == mark && t.text == "(":
			depth++
		case t.kind == mark && t.text == ")":
			if depth--; depth == 0 {
				return true
			}
		}
	}
}

// skipTo skips to a comma or closing parenthesis outside of parentheses, or to the
// end of the statement.
func (c *cursor) skipTo() {
	for !c.done() && !c.is(",") && !c.is(")") {
		if c.is("(") {
			if !c.parentheses() {
				return
			}
			continue
		}
		c.next()
	}
}

// since is the text from token number from up to here.
func (c *cursor) since(from int) string {
	if from >= c.at || from >= len(c.tokens) {
		return shorten(strings.TrimSpace(c.lexer.src[min(c.peek(0).start, len(c.lexer.src)):]))
	}
	return shorten(c.lexer.src[c.tokens[from].start:c.tokens[c.at-1].stop])
}
