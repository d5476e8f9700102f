package expression

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Function is a function that an expression may call.
type Function struct {
	Name  string
	Usage string // how it is written
	Gives string // for people: its result
	Min   int
	Max   int  // -1: any number
	Bare  bool // may be written without parentheses
	// Volatile: another call gives another value.
	Volatile bool
	// Example is an expression of literals, Is the value that StarRocks gives for it; ""
	// for what is volatile.
	Example, Is string
	// result is the type for arguments, or what is wrong with them.
	result func(args []*node) (Type, string)
	// write prints the call; nil prints it under its own name.
	write func(args []string, nodes []*node) string
}

// Functions is every function there is, by name. docs/expressions.md is made from it.
func Functions() []*Function { return functions }

// Names are the names of the functions.
func Names() []string {
	names := make([]string, len(functions))
	for i, f := range functions {
		names[i] = f.Name
	}
	return names
}

func findFunction(name string) *Function {
	if other, ok := otherNames[strings.ToUpper(name)]; ok {
		name = other
	}
	for _, f := range functions {
		if strings.EqualFold(f.Name, name) {
			return f
		}
	}
	return nil
}

// otherNames are second names of functions.
var otherNames = map[string]string{"SUBSTR": "SUBSTRING", "CURRENT_TIMESTAMP": "NOW", "LOCALTIMESTAMP": "NOW", "CHARACTER_LENGTH": "CHAR_LENGTH", "CEILING": "CEIL"}

var functions []*Function

func init() {
	functions = []*Function{
		{Name: "ABS", Usage: "ABS(number)", Gives: "without its sign", Min: 1, Max: 1, Example: "ABS(-3)", Is: "3", result: sameNumber},
		{Name: "CEIL", Usage: "CEIL(number)", Gives: "BIGINT, the next whole number above", Min: 1, Max: 1, Example: "CEIL(1.2)", Is: "2", result: toWhole},
		{Name: "CHAR_LENGTH", Usage: "CHAR_LENGTH(text)", Gives: "INT, the number of characters", Min: 1, Max: 1, Example: "CHAR_LENGTH('añb')", Is: "3", result: of(simpleTypes["INT"], Text)},
		{Name: "COALESCE", Usage: "COALESCE(x, y, …)", Gives: "the first that is not NULL", Min: 1, Max: -1, Example: "COALESCE(NULL, 'a')", Is: "a", result: oneOf(0)},
		{Name: "CONCAT", Usage: "CONCAT(text, text, …)", Gives: "one behind the other; NULL when one is NULL", Min: 1, Max: -1, Example: "CONCAT('a', 'b')", Is: "ab", result: joined},
		{Name: "CONCAT_WS", Usage: "CONCAT_WS(separator, text, …)", Gives: "joined by the separator, without those that are NULL", Min: 2, Max: -1, Example: "CONCAT_WS('-', 'a', NULL, 'b')", Is: "a-b", result: joinedBy},
		{Name: "CURRENT_DATE", Usage: "CURRENT_DATE", Gives: "DATE of the load, in the zone of 'sink.properties.timezone', UTC by default", Max: 0, Bare: true, Volatile: true, result: of(date),
			write: func([]string, []*node) string { return "CURRENT_DATE()" }},
		{Name: "DATE_FORMAT", Usage: "DATE_FORMAT(time, 'pattern')", Gives: "text by a pattern of Java: yyyy yy MM dd HH mm ss SSSSSS, signs, and 'text'", Min: 2, Max: 2,
			Example: "DATE_FORMAT(CAST('2026-03-09 01:02:03' AS TIMESTAMP), 'yyyyMMdd')", Is: "20260309", result: formatted,
			write: func(args []string, nodes []*node) string {
				pattern, _, _ := timePattern(nodes[1].text)
				return "DATE_FORMAT(" + args[0] + ", " + quoteText(pattern) + ")"
			}},
		{Name: "DAYOFMONTH", Usage: "DAYOFMONTH(time)", Gives: "INT", Min: 1, Max: 1, Example: "DAYOFMONTH(CAST('2026-03-09' AS DATE))", Is: "9", result: ofTime, write: named("DAY")},
		{Name: "FLOOR", Usage: "FLOOR(number)", Gives: "BIGINT, the next whole number below", Min: 1, Max: 1, Example: "FLOOR(1.8)", Is: "1", result: toWhole},
		{Name: "HOUR", Usage: "HOUR(time)", Gives: "INT", Min: 1, Max: 1, Example: "HOUR(CAST('2026-03-09 01:02:03' AS TIMESTAMP))", Is: "1", result: ofTime},
		{Name: "IF", Usage: "IF(condition, x, y)", Gives: "x where the condition is true, else y", Min: 3, Max: 3, Example: "IF(1 < 2, 'a', 'b')", Is: "a", result: oneIf},
		{Name: "IFNULL", Usage: "IFNULL(x, y)", Gives: "y where x is NULL", Min: 2, Max: 2, Example: "IFNULL(NULL, 'b')", Is: "b", result: oneOf(0)},
		{Name: "LOWER", Usage: "LOWER(text)", Gives: "in small letters, as StarRocks knows them", Min: 1, Max: 1, Example: "LOWER('AbC')", Is: "abc", result: sameText},
		{Name: "LTRIM", Usage: "LTRIM(text)", Gives: "without spaces before it", Min: 1, Max: 1, Example: "LTRIM('  a')", Is: "a", result: sameText},
		{Name: "MD5", Usage: "MD5(text)", Gives: "32 hexadecimal digits", Min: 1, Max: 1, Example: "MD5('a')", Is: "0cc175b9c0f1b6a831c399e269772661", result: of(textOf(32), Text)},
		{Name: "MINUTE", Usage: "MINUTE(time)", Gives: "INT", Min: 1, Max: 1, Example: "MINUTE(CAST('2026-03-09 01:02:03' AS TIMESTAMP))", Is: "2", result: ofTime},
		{Name: "MOD", Usage: "MOD(whole, whole)", Gives: "BIGINT, what a division leaves", Min: 2, Max: 2, Example: "MOD(7, 3)", Is: "1", result: of(bigint, Integer, Integer)},
		{Name: "MONTH", Usage: "MONTH(time)", Gives: "INT", Min: 1, Max: 1, Example: "MONTH(CAST('2026-03-09' AS DATE))", Is: "3", result: ofTime},
		{Name: "NOW", Usage: "NOW()", Gives: "DATETIME of the load, in the zone of 'sink.properties.timezone', UTC by default", Max: 0, Bare: false, Volatile: true, result: of(datetime)},
		{Name: "NULLIF", Usage: "NULLIF(x, y)", Gives: "NULL where both are equal, else x", Min: 2, Max: 2, Example: "NULLIF('a', 'b')", Is: "a", result: oneOf(0)},
		{Name: "REPLACE", Usage: "REPLACE(text, from, to)", Gives: "with every from replaced", Min: 3, Max: 3, Example: "REPLACE('aXb', 'X', '-')", Is: "a-b", result: of(textOf(maxText), Text, Text, Text)},
		{Name: "RTRIM", Usage: "RTRIM(text)", Gives: "without spaces behind it", Min: 1, Max: 1, Example: "RTRIM('a  ')", Is: "a", result: sameText},
		{Name: "SECOND", Usage: "SECOND(time)", Gives: "INT", Min: 1, Max: 1, Example: "SECOND(CAST('2026-03-09 01:02:03' AS TIMESTAMP))", Is: "3", result: ofTime},
		{Name: "SUBSTRING", Usage: "SUBSTRING(text, from [, length])", Gives: "characters, counted from 1", Min: 2, Max: 3, Example: "SUBSTRING('abcd', 2, 2)", Is: "bc", result: part},
		{Name: "TO_DATE", Usage: "TO_DATE(time or text)", Gives: "DATE", Min: 1, Max: 1, Example: "TO_DATE('2026-03-09 01:02:03')", Is: "2026-03-09", result: toDate},
		{Name: "TRIM", Usage: "TRIM(text)", Gives: "without spaces around it", Min: 1, Max: 1, Example: "TRIM(' a ')", Is: "a", result: sameText},
		{Name: "UPPER", Usage: "UPPER(text)", Gives: "in capital letters, as StarRocks knows them", Min: 1, Max: 1, Example: "UPPER('AbC')", Is: "ABC", result: sameText},
		{Name: "YEAR", Usage: "YEAR(time)", Gives: "INT", Min: 1, Max: 1, Example: "YEAR(CAST('2026-03-09' AS DATE))", Is: "2026", result: ofTime},
	}
}

func named(name string) func([]string, []*node) string {
	return func(args []string, _ []*node) string { return name + "(" + strings.Join(args, ", ") + ")" }
}

// of is a fixed type for arguments of these families.
func of(t Type, families ...Family) func([]*node) (Type, string) {
	return func(args []*node) (Type, string) {
		for i, a := range args {
			if f := a.typ.Family; f != families[i] && f != None {
				return t, fmt.Sprintf("argument %d is %s, not %s", i+1, f, families[i])
			}
		}
		return t, ""
	}
}

func sameNumber(args []*node) (Type, string) {
	if t := args[0].typ; t.Family.isNumber() {
		return t, ""
	}
	return Type{}, fmt.Sprintf("it takes a number, not %s", args[0].typ.Family)
}

func toWhole(args []*node) (Type, string) {
	_, why := sameNumber(args)
	return bigint, why
}

func sameText(args []*node) (Type, string) {
	if t := args[0].typ; t.Family == Text {
		return t, ""
	}
	return Type{}, fmt.Sprintf("it takes a text, not %s; CAST(… AS STRING) makes one", args[0].typ.Family)
}

func oneOf(from int) func([]*node) (Type, string) {
	return func(args []*node) (Type, string) {
		types := make([]Type, 0, len(args))
		for _, a := range args[from:] {
			types = append(types, a.typ)
		}
		t, ok := together(types...)
		if !ok {
			return t, "its arguments are of types that do not go together; use CAST"
		}
		return t, ""
	}
}

func oneIf(args []*node) (Type, string) {
	if f := args[0].typ.Family; f != Boolean && f != None {
		return Type{}, fmt.Sprintf("its first argument is %s, not a condition", f)
	}
	return oneOf(1)(args)
}

func joined(args []*node) (Type, string) {
	bytes := 0
	for i, a := range args {
		switch a.typ.Family {
		case Text, Integer, Decimal, None:
			bytes += a.typ.Bytes
		default:
			return Type{}, fmt.Sprintf("argument %d is %s, not a text; CAST(… AS STRING) or DATE_FORMAT makes one", i+1, a.typ.Family)
		}
	}
	return textOf(bytes), ""
}

func joinedBy(args []*node) (Type, string) {
	t, why := joined(args)
	return textOf(t.Bytes + args[0].typ.Bytes*len(args)), why
}

func ofTime(args []*node) (Type, string) {
	t := simpleTypes["INT"]
	if f := args[0].typ.Family; !f.isTime() {
		return t, fmt.Sprintf("it takes a DATE or DATETIME, not %s; CAST(… AS TIMESTAMP) makes one", f)
	}
	return t, ""
}

func toDate(args []*node) (Type, string) {
	if f := args[0].typ.Family; !f.isTime() && f != Text {
		return date, fmt.Sprintf("it takes a time or a text, not %s", f)
	}
	return date, ""
}

func part(args []*node) (Type, string) {
	t, why := sameText(args)
	if why != "" {
		return t, why
	}
	for _, a := range args[1:] {
		if a.typ.Family != Integer {
			return t, "from and length are whole numbers"
		}
	}
	if len(args) == 3 && args[2].form == numeral {
		if n, err := strconv.Atoi(args[2].text); err == nil && n > 0 && n < maxText/4 {
			t = textOf(min(t.Bytes, 4*n))
		}
	}
	return t, ""
}

func formatted(args []*node) (Type, string) {
	if _, why := ofTime(args); why != "" {
		return Type{}, why
	}
	if args[1].form != literal {
		return Type{}, "its pattern is a text in quotes"
	}
	_, bytes, why := timePattern(args[1].text)
	return textOf(bytes), why
}

// timeLetters are the letters of Java's patterns that StarRocks can print, and how long
// what they print is.
var timeLetters = []struct {
	java, starrocks string
	bytes           int
}{
	{"yyyy", "%Y", 4}, {"yy", "%y", 2}, {"MM", "%m", 2}, {"dd", "%d", 2}, {"HH", "%H", 2}, {"mm", "%i", 2}, {"ss", "%s", 2}, {"SSSSSS", "%f", 6},
}

// timePattern makes a pattern of StarRocks of one of Java.
func timePattern(java string) (pattern string, bytes int, why string) {
	var b strings.Builder
	for i := 0; i < len(java); {
		c := java[i]
		if c == '\'' {
			inside, next, ok := cutQuoted(java, i)
			if !ok {
				return "", 0, "a quote in its pattern is not closed"
			}
			if inside == "" {
				inside = "'"
			}
			b.WriteString(strings.ReplaceAll(inside, "%", "%%"))
			bytes += len(inside)
			i = next
			continue
		}
		n := 1
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			for i+n < len(java) && java[i+n] == c {
				n++
			}
			at := slices.IndexFunc(timeLetters, func(l struct {
				java, starrocks string
				bytes           int
			}) bool {
				return l.java == java[i:i+n]
			})
			if at < 0 {
				return "", 0, fmt.Sprintf("%s in its pattern is not one of yyyy yy MM dd HH mm ss SSSSSS", java[i:i+n])
			}
			b.WriteString(timeLetters[at].starrocks)
			bytes += timeLetters[at].bytes
		} else {
			if c == '%' {
				b.WriteByte('%')
			}
			b.WriteByte(c)
			bytes++
		}
		i += n
	}
	if bytes == 0 || bytes > 100 {
		return "", 0, "its pattern is empty, or gives more than 100 characters"
	}
	return b.String(), bytes, ""
}
