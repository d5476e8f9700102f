package starrocks

import "strings"

// token is a word, a quoted name, a string or one punctuation character of a piece
// of StarRocks SQL. The reader is only as clever as telling clauses apart needs: it
// never fails, except on a quote that is not closed.
type token struct {
	kind  tokenKind
	text  string // without quotes
	start int    // offset of its first byte
	end   int
}

type tokenKind uint8

const (
	word tokenKind = iota
	quotedName
	literal
	punctuation
)

// is tells an unquoted word or a punctuation character, without regard to case.
func (t token) is(text string) bool {
	return (t.kind == word || t.kind == punctuation) && strings.EqualFold(t.text, text)
}

// tokenize splits SQL; ok is false when a quote or comment is not closed.
func tokenize(sql string) (tokens []token, ok bool) {
	for i := 0; i < len(sql); {
		c := sql[i]
		switch {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			i++
		case strings.HasPrefix(sql[i:], "/*"):
			n := strings.Index(sql[i+2:], "*/")
			if n < 0 {
				return tokens, false
			}
			i += n + 4
		case strings.HasPrefix(sql[i:], "--"):
			n := strings.IndexByte(sql[i:], '\n')
			if n < 0 {
				return tokens, true
			}
			i += n + 1
		case c == '`' || c == '\'' || c == '"':
			text, n, closed := readQuoted(sql[i:])
			if !closed {
				return tokens, false
			}
			kind := literal
			if c == '`' {
				kind = quotedName
			}
			tokens = append(tokens, token{kind, text, i, i + n})
			i += n
		case isWordByte(c):
			n := i
			for n < len(sql) && isWordByte(sql[n]) {
				n++
			}
			tokens = append(tokens, token{word, sql[i:n], i, n})
			i = n
		default:
			tokens = append(tokens, token{punctuation, sql[i : i+1], i, i + 1})
			i++
		}
	}
	return tokens, true
}

func isWordByte(c byte) bool {
	return c == '_' || c == '$' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// readQuoted reads a quoted text from its first quote: the text, its length in sql,
// and whether it is closed.
func readQuoted(sql string) (text string, length int, closed bool) {
	quote := sql[0]
	var b strings.Builder
	for i := 1; i < len(sql); i++ {
		switch {
		case sql[i] == '\\' && quote != '`' && i+1 < len(sql):
			i++
			b.WriteByte(sql[i])
		case sql[i] != quote:
			b.WriteByte(sql[i])
		case i+1 < len(sql) && sql[i+1] == quote:
			i++
			b.WriteByte(quote)
		default:
			return b.String(), i + 1, true
		}
	}
	return "", len(sql), false
}

// nameList reads "( name, name )" from tokens[0]; n is how many tokens it took, 0
// when it is no such list.
func nameList(tokens []token) (names []string, n int) {
	if len(tokens) == 0 || !tokens[0].is("(") {
		return nil, 0
	}
	for i := 1; i+1 < len(tokens); i += 2 {
		if tokens[i].kind != word && tokens[i].kind != quotedName {
			return nil, 0
		}
		names = append(names, tokens[i].text)
		switch {
		case tokens[i+1].is(")"):
			return names, i + 2
		case !tokens[i+1].is(","):
			return nil, 0
		}
	}
	return nil, 0
}

// primaryKey finds "PRIMARY KEY ( … )" and gives its names, nil without one.
func primaryKey(tokens []token) []string {
	for i := 0; i+2 < len(tokens); i++ {
		if tokens[i].is("primary") && tokens[i+1].is("key") {
			if names, n := nameList(tokens[i+2:]); n > 0 {
				return names
			}
		}
	}
	return nil
}

// keyClauseEnd is where "PRIMARY KEY ( … )" ends, 0 without one.
func keyClauseEnd(tokens []token) int {
	for i := 0; i+2 < len(tokens); i++ {
		if tokens[i].is("primary") && tokens[i+1].is("key") {
			if _, n := nameList(tokens[i+2:]); n > 0 {
				return tokens[i+1+n].end
			}
		}
	}
	return 0
}
