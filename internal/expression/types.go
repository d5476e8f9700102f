// Package expression reads the expressions of a script: those that StarRocks evaluates
// inside a load (ADD COLUMN), and the conditions on rows that are evaluated here (WHERE).
//
// Invariant: what it takes, it can tell the type of, and StarRocks of every supported
// version evaluates to the value that docs/expressions.md states. Everything else is
// refused before anything starts, with the place in the script. Passing the text on as it
// is written was the other way: a mistake would then stop the first load, and a function
// that both dialects know would do what it does elsewhere.
package expression

import (
	"fmt"
	"strconv"
	"strings"
)

// Family is what a value can be compared and computed with.
type Family uint8

const (
	None Family = iota // NULL
	Boolean
	Integer
	Decimal
	Double
	Text
	Date
	DateTime
)

func (f Family) String() string {
	return [...]string{"NULL", "BOOLEAN", "an integer", "DECIMAL", "DOUBLE", "text", "DATE", "DATETIME"}[f]
}

func (f Family) isNumber() bool { return f == Integer || f == Decimal || f == Double }
func (f Family) isTime() bool   { return f == Date || f == DateTime }

// Type is a type of StarRocks.
type Type struct {
	Family Family
	// SQL is the type as DDL writes it.
	SQL string
	// Bytes is the length of the longest text, also of another type's as text.
	Bytes int
}

// maxText is the length of StarRocks' STRING.
const maxText = 65533

func textOf(bytes int) Type {
	bytes = min(max(bytes, 1), maxText)
	return Type{Text, fmt.Sprintf("VARCHAR(%d)", bytes), bytes}
}

var (
	bigint   = Type{Integer, "BIGINT", 20}
	double   = Type{Double, "DOUBLE", 24}
	boolean  = Type{Boolean, "BOOLEAN", 1}
	date     = Type{Date, "DATE", 10}
	datetime = Type{DateTime, "DATETIME", 26}
)

var simpleTypes = map[string]Type{
	"BOOLEAN": boolean, "TINYINT": {Integer, "TINYINT", 4}, "SMALLINT": {Integer, "SMALLINT", 6}, "INT": {Integer, "INT", 11},
	"BIGINT": bigint, "LARGEINT": {Integer, "LARGEINT", 40}, "FLOAT": {Double, "FLOAT", 24}, "DOUBLE": double, "DATE": date, "DATETIME": datetime,
}

// TypeOf is the type of a StarRocks column; false for those that no expression reads.
func TypeOf(sql string) (Type, bool) {
	if t, ok := simpleTypes[sql]; ok {
		return t, true
	}
	name, rest, _ := strings.Cut(strings.TrimSuffix(sql, ")"), "(")
	first, _, _ := strings.Cut(rest, ",")
	n, err := strconv.Atoi(first)
	switch {
	case err != nil:
		return Type{}, false
	case name == "VARCHAR":
		return Type{Text, sql, n}, true
	case name == "DECIMAL":
		return Type{Decimal, sql, n + 3}, true
	}
	return Type{}, false
}

// casts are the types of a CAST as Flink names them.
var casts = []struct {
	name string
	to   Type
}{
	{"BOOLEAN", boolean}, {"TINYINT", simpleTypes["TINYINT"]}, {"SMALLINT", simpleTypes["SMALLINT"]}, {"INT", simpleTypes["INT"]},
	{"INTEGER", simpleTypes["INT"]}, {"BIGINT", bigint}, {"DOUBLE", double}, {"STRING", textOf(maxText)}, {"DATE", date}, {"TIMESTAMP", datetime},
}

func castNames() []string {
	names := make([]string, len(casts))
	for i := range casts {
		names[i] = casts[i].name
	}
	return append(names, "DECIMAL(p,s)", "VARCHAR(n)")
}

// castType is the type that a CAST names. TIMESTAMP(n) has six digits here, as StarRocks'.
func castType(written string) (Type, bool) {
	for _, c := range casts {
		if c.name == written {
			return c.to, true
		}
	}
	name, rest, sized := strings.Cut(strings.TrimSuffix(written, ")"), "(")
	if !sized {
		return Type{}, false
	}
	first, second, two := strings.Cut(rest, ",")
	n, err := strconv.Atoi(first)
	if err != nil || n < 0 {
		return Type{}, false
	}
	switch {
	case name == "TIMESTAMP" && !two && n <= 6:
		return datetime, true
	case name == "VARCHAR" && !two && n >= 1:
		// n characters are up to four bytes each here; the value is not cut.
		return textOf(min(n, maxText) * 4), true
	case name == "DECIMAL" || name == "NUMERIC":
		scale := 0
		if two {
			if scale, err = strconv.Atoi(second); err != nil || scale < 0 {
				return Type{}, false
			}
		}
		if n < 1 || n > 38 || scale > n {
			return Type{}, false
		}
		return Type{Decimal, fmt.Sprintf("DECIMAL(%d,%d)", n, scale), n + 3}, true
	}
	return Type{}, false
}

// together is the type of a value that is one of several; false when they do not go
// together.
func together(types ...Type) (Type, bool) {
	all := Type{}
	for _, t := range types {
		switch {
		case t.Family == None:
		case all.Family == None || all == t:
			all = t
		case all.Family == Text && t.Family == Text:
			all = textOf(max(all.Bytes, t.Bytes))
		case all.Family == Integer && t.Family == Integer:
			all = wider(all, t)
		case all.Family.isNumber() && t.Family.isNumber():
			all = double
		case all.Family.isTime() && t.Family.isTime():
			all = datetime
		default:
			return Type{}, false
		}
	}
	return all, true
}

func wider(a, b Type) Type {
	if b.Bytes > a.Bytes {
		return b
	}
	return a
}
