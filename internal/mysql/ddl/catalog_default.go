package ddl

import (
	"strings"

	"starferry/internal/change"
)

// ParseDefault reads information_schema.columns.COLUMN_DEFAULT (nil for NULL) with
// its EXTRA for a column of type t, and gives what change.Column holds: the text of
// a literal, or an expression; neither when there is no default.
func ParseDefault(columnDefault *string, extra string, t change.Type, mariaDB bool) (literal *string, expression string) {
	if columnDefault == nil {
		return nil, ""
	}
	column := change.Column{Type: t}
	source := *columnDefault
	c := newCursor(source, &Session{MariaDB: mariaDB})
	switch {
	case mariaDB:
		v, ok := c.defaultValue()
		if !ok || !c.done() {
			v = defaultValue{class: expressionDefault, text: source}
		}
		if !setDefault(&column, v) {
			printed := v.sign + v.literal.text
			column.Default = &printed
		}
	case strings.Contains(strings.ToUpper(extra), "DEFAULT_GENERATED"):
		setDefault(&column, catalogExpression(c, source))
	default:
		if now, ok := c.now(); ok && c.done() && (t.Base == change.Timestamp || t.Base == change.DateTime) {
			return nil, now
		}
		literal := catalogLiteral(t, source)
		if !setDefault(&column, defaultValue{class: literalDefault, literal: literal}) {
			column.Default = &literal.text
		}
	}
	return column.Default, column.DefaultExpression
}

func catalogExpression(c *cursor, source string) defaultValue {
	if now, ok := c.now(); ok && c.done() {
		source = now
	}
	return defaultValue{class: expressionDefault, text: source}
}

// catalogLiteral: MySQL prints the value itself, but b'101' for BIT and 0x41 for
// binary types.
func catalogLiteral(t change.Type, source string) token {
	if t.IsBinary() && source == "0x" {
		return token{kind: bits}
	}
	if t.Base == change.Bit || t.IsBinary() {
		if literal := newCursor(source, &Session{}).peek(0); literal.kind == bits && literal.stop == len(source) {
			return literal
		}
	}
	return token{kind: text, text: source}
}
