package emulator

import (
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokWord
	tokQuoted // `name`
	tokString // 'text' or "text"
	tokNumber
	tokOp
	tokParam // ?
)

// token is one lexical element. text is unescaped for names and strings; upper is set
// for words only, so that a quoted name never matches a keyword.
type token struct {
	kind       tokenKind
	text       string
	upper      string
	start, end int
}

var longOps = []string{"<=>", "<=", ">=", "<>", "!=", "||", "&&", "@@", ":="}

// lex splits a statement text. The last token is always tokEnd.
func lex(src string) ([]token, error) {
	var out []token
	for i := 0; i < len(src); {
		c := src[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0:
			i++
		case c == '-' && strings.HasPrefix(src[i:], "--"), c == '#':
			for i < len(src) && src[i] != '\n' {
				i++
			}
		case strings.HasPrefix(src[i:], "/*"):
			n := strings.Index(src[i+2:], "*/")
			if n < 0 {
				return nil, syntaxErrorAt(src, i, "/*")
			}
			i += n + 4
		case c == '\'' || c == '"' || c == '`':
			text, end, ok := lexQuoted(src, i)
			if !ok {
				return nil, syntaxErrorAt(src, i, string(c))
			}
			kind := tokString
			if c == '`' {
				kind = tokQuoted
			}
			out = append(out, token{kind: kind, text: text, start: i, end: end})
			i = end
		case c >= '0' && c <= '9' || c == '.' && i+1 < len(src) && isDigit(src[i+1]):
			end, isWord := lexNumber(src, i)
			t := token{kind: tokNumber, text: src[i:end], start: i, end: end}
			if isWord {
				t.kind, t.upper = tokWord, strings.ToUpper(t.text)
			}
			out = append(out, t)
			i = end
		case isWordByte(c):
			end := i
			for end < len(src) && isWordByte(src[end]) {
				end++
			}
			t := src[i:end]
			out = append(out, token{kind: tokWord, text: t, upper: strings.ToUpper(t), start: i, end: end})
			i = end
		case c == '?':
			out = append(out, token{kind: tokParam, text: "?", start: i, end: i + 1})
			i++
		default:
			op := lexOp(src[i:])
			out = append(out, token{kind: tokOp, text: op, start: i, end: i + len(op)})
			i += len(op)
		}
	}
	return append(out, token{kind: tokEnd, text: "<EOF>", start: len(src), end: len(src)}), nil
}

func lexOp(s string) string {
	for _, op := range longOps {
		if strings.HasPrefix(s, op) {
			return op
		}
	}
	_, n := utf8.DecodeRuneInString(s)
	return s[:n]
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWordByte(c byte) bool {
	return c == '_' || c == '$' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c) || c >= 0x80
}

// lexNumber finds the end of a number; a name may start with digits, as in 1a.
func lexNumber(src string, i int) (end int, isWord bool) {
	start := i
	for i < len(src) && isDigit(src[i]) {
		i++
	}
	if i < len(src) && src[i] == '.' {
		i++
		for i < len(src) && isDigit(src[i]) {
			i++
		}
	}
	if i < len(src) && (src[i] == 'e' || src[i] == 'E') {
		j := i + 1
		if j < len(src) && (src[j] == '+' || src[j] == '-') {
			j++
		}
		if j < len(src) && isDigit(src[j]) {
			for j < len(src) && isDigit(src[j]) {
				j++
			}
			i = j
		}
	}
	if i < len(src) && isWordByte(src[i]) && !strings.ContainsAny(src[start:i], ".+-") {
		for i < len(src) && isWordByte(src[i]) {
			i++
		}
		return i, true
	}
	return i, false
}

// lexQuoted reads a quoted text: doubled quotes stand for one, and backslash escapes
// work except in names.
func lexQuoted(src string, i int) (text string, end int, ok bool) {
	quote := src[i]
	var b strings.Builder
	for i++; i < len(src); i++ {
		c := src[i]
		switch {
		case c == quote && i+1 < len(src) && src[i+1] == quote:
			b.WriteByte(quote)
			i++
		case c == quote:
			return b.String(), i + 1, true
		case c == '\\' && quote != '`' && i+1 < len(src):
			i++
			b.WriteString(unescape(src[i]))
		default:
			b.WriteByte(c)
		}
	}
	return "", i, false
}

func unescape(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case 'r':
		return "\r"
	case 'b':
		return "\b"
	case '0':
		return "\x00"
	case 'Z':
		return "\x1a"
	case '%', '_':
		return "\\" + string(c)
	}
	return string([]byte{c})
}

// syntaxErrorAt is the parser's refusal of the input at a byte offset.
func syntaxErrorAt(src string, at int, input string) error {
	line := 1 + strings.Count(src[:at], "\n")
	col := at - (strings.LastIndexByte(src[:at], '\n') + 1)
	return newSQLError(1064, "HY000", "Getting syntax error at line %d, column %d. Detail message: Unexpected input '%s', the most similar input is {<EOF>, ';'}.", line, col, input)
}

var reservedWords = wordSet(`ADD ALL ALTER ANALYZE AND ARRAY AS ASC ASOF BETWEEN BIGINT BITMAP BITSHIFTLEFT BITSHIFTRIGHT
BITSHIFTRIGHTLOGICAL BOTH BY CASE CHAR CHARACTER CHECK COLLATE COLUMN COMPACTION CONVERT CREATE CROSS CUBE CURRENT_DATE
CURRENT_GROUP CURRENT_ROLE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER CURRENT_WAREHOUSE DATABASE DATABASES DECIMAL DECIMAL128
DECIMAL256 DECIMAL32 DECIMAL64 DECIMALV2 DEFAULT DEFERRED DELETE DENSE_RANK DESC DESCRIBE DISTINCT DIV DOUBLE DROP DUAL ELSE
EXISTS EXPLAIN FALSE FILES FIRST_VALUE FLOAT FOR FORCE FROM FULL FUNCTION GIN GRANT GROUP GROUPING GROUPING_ID GROUPS HAVING
HLL IF IGNORE IMMEDIATE IN INDEX INFILE INNER INSERT INT INTEGER INTERSECT INTO INVOKER IS JOIN JSON KEY KEYS KILL LAG LARGEINT
LAST_QUERY_ID LAST_VALUE LATERAL LEAD LEFT LIKE LIMIT LOAD LOCALTIME LOCALTIMESTAMP MAXVALUE MICROSECOND MILLISECOND MOD NOT
NTILE NULL ON OPTIMIZE OR ORDER OUTER OUTFILE OVER PARTITION PERCENTILE PREPARE PRIMARY PROCEDURE RANGE READ REGEXP RELEASE
RENAME REPLACE REVOKE RIGHT RLIKE ROWS ROW_NUMBER SCHEMA SCHEMAS SELECT SET SET_VAR SHOW SMALLINT TABLE TERMINATED TEXT THEN
TINYINT TO TRUE UNION UNIQUE UNSIGNED UPDATE USE USING VALUES VARCHAR VARIANT WHEN WHERE WITH`)

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		set[w] = true
	}
	return set
}
