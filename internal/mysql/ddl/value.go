package ddl

import (
	"strings"

	"starferry/internal/change"
)

// defaultValue is a DEFAULT as written.
type defaultValue struct {
	class   defaultClass
	literal token  // of class literalDefault
	sign    string // "-" before a number
	// temporal is DATE, TIME or TIMESTAMP before the literal, charset what an introducer names.
	temporal, charset string
	text              string // of class expressionDefault
}

type defaultClass uint8

const (
	noDefault defaultClass = iota
	nullDefault
	literalDefault
	expressionDefault
)

// attributes are the words at which a default expression without parentheses,
// which MariaDB allows, ends.
var attributes = map[string]bool{
	"NOT": true, "NULL": true, "AUTO_INCREMENT": true, "UNIQUE": true, "PRIMARY": true, "KEY": true,
	"COMMENT": true, "CHECK": true, "CONSTRAINT": true, "REFERENCES": true, "ON": true, "INVISIBLE": true,
	"FIRST": true, "AFTER": true, "GENERATED": true, "AS": true, "WITH": true, "WITHOUT": true,
	"COMPRESSED": true, "COLLATE": true, "DEFAULT": true, "PERSISTENT": true, "VISIBLE": true,
	"COLUMN_FORMAT": true, "STORAGE": true, "ENGINE_ATTRIBUTE": true, "SECONDARY_ENGINE_ATTRIBUTE": true,
	"SERIAL": true, "SRID": true, "PARTITION": true,
}

// defaultValue takes what follows DEFAULT; false when it cannot be read.
func (c *cursor) defaultValue() (defaultValue, bool) {
	from := c.at
	v := c.literal()
	if v.class != noDefault && c.defaultEnds() {
		return v, true
	}
	c.at = from
	if now, ok := c.now(); ok && c.defaultEnds() {
		return defaultValue{class: expressionDefault, text: now}, true
	}
	c.at = from
	for first := true; !c.done() && !c.is(",") && !c.is(")"); first = false {
		if t := c.peek(0); !first && t.kind == word && attributes[t.upper] {
			break
		}
		if c.is("(") {
			if !c.parentheses() {
				return v, false
			}
			continue
		}
		c.next()
	}
	if c.at == from {
		return v, false
	}
	return c.unwrapped(from), true
}

// unwrapped makes a default of the expression since token from. CURRENT_TIMESTAMP
// in parentheses is what it is without, and MariaDB takes a literal in parentheses
// for the literal.
func (c *cursor) unwrapped(from int) defaultValue {
	source := c.lexer.src[c.tokens[from].start:c.tokens[c.at-1].stop]
	inner := strings.TrimSpace(source)
	for strings.HasPrefix(inner, "(") && strings.HasSuffix(inner, ")") {
		inner = strings.TrimSpace(inner[1 : len(inner)-1])
	}
	sub := newCursor(inner, c.session)
	if now, ok := sub.now(); ok && sub.done() {
		return defaultValue{class: expressionDefault, text: now}
	}
	sub.at = 0
	if v := sub.literal(); c.session.MariaDB && v.class != noDefault && sub.done() {
		return v
	}
	return defaultValue{class: expressionDefault, text: source}
}

func (c *cursor) defaultEnds() bool {
	t := c.peek(0)
	return c.done() || c.is(",") || c.is(")") || t.kind == word && (attributes[t.upper] || !operators[t.upper])
}

// operators are words that go on with an expression.
var operators = map[string]bool{
	"AND": true, "OR": true, "XOR": true, "DIV": true, "MOD": true, "IS": true, "IN": true, "LIKE": true,
	"BETWEEN": true, "REGEXP": true, "RLIKE": true,
}

// literal takes NULL, TRUE, FALSE, a string, a number with its sign, or bits;
// noDefault when none comes next.
func (c *cursor) literal() defaultValue {
	if c.accept("NULL") {
		return defaultValue{class: nullDefault}
	}
	for _, w := range [...]string{"TRUE", "FALSE"} {
		if c.is(w) {
			t := c.next()
			t.kind, t.text = number, map[string]string{"TRUE": "1", "FALSE": "0"}[w]
			return defaultValue{class: literalDefault, literal: t}
		}
	}
	v := defaultValue{class: literalDefault}
	for _, w := range [...]string{"DATE", "TIME", "TIMESTAMP"} {
		if c.is(w) && c.peek(1).kind == text {
			v.temporal = c.next().upper
		}
	}
	sign := c.acceptAny("-", "+")
	v.charset = c.introducer()
	t := c.peek(0)
	switch {
	case t.kind == number:
		c.next()
	case sign == "" && (t.kind == text || t.kind == bits):
		c.next()
		for t.kind == text && c.peek(0).kind == text {
			t.text += c.next().text
		}
	default:
		return defaultValue{}
	}
	if sign == "+" {
		sign = ""
	}
	v.literal, v.sign = t, sign
	return v
}

// now takes CURRENT_TIMESTAMP and its synonyms and gives the canonical text.
func (c *cursor) now() (string, bool) {
	if c.acceptAny("CURRENT_TIMESTAMP", "NOW", "LOCALTIME", "LOCALTIMESTAMP") == "" {
		return "", false
	}
	if !c.accept("(") {
		return "CURRENT_TIMESTAMP", true
	}
	digits := ""
	if t := c.peek(0); t.kind == number {
		digits = c.next().text
	}
	if !c.accept(")") {
		return "", false
	}
	if digits == "" || digits == "0" {
		return "CURRENT_TIMESTAMP", true
	}
	return "CURRENT_TIMESTAMP(" + digits + ")", true
}

// setDefault puts a default as written into a column of a known type; false when its value
// is not known.
func setDefault(column *change.Column, v defaultValue) (known bool) {
	column.Default, column.DefaultExpression = nil, ""
	switch v.class {
	case literalDefault:
		text, ok := literalText(column.Type, v)
		if !ok {
			return false
		}
		column.Default = &text
	case expressionDefault:
		column.DefaultExpression = v.text
	}
	return true
}

// written is the default as an error names it.
func (v *defaultValue) written() string { return "DEFAULT " + shorten(v.sign+v.literal.text) }

// unknownDefault is why a column cannot be told whose default setDefault does not know.
const unknownDefault = "which value it is for its column depends on the server"
