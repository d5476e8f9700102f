package expression

import (
	"bytes"
	"fmt"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// A condition (WHERE) chooses rows of the source. It is evaluated here, on the cells of a
// row, and not by StarRocks inside the load, so that a copy sends no row that nobody wants
// and a comparison of both sides knows which rows belong there. Its language is small: what
// it says must not depend on a collation, a zone or a version. Nothing is allocated for a
// row.

// Condition is a condition on the rows of one version of a table.
type Condition struct{ root *test }

// test is a node of a condition.
type test struct {
	form   form
	text   string // the operator
	not    bool
	args   []*test
	values []operand
}

// operand is a column, or a literal as a cell of the family.
type operand struct {
	column int    // -1 for a literal
	cell   []byte // of a literal; nil is NULL
	family Family
}

// answer is true, false or unknown.
type answer int8

const (
	no answer = iota
	yes
	unknown
)

func answerOf(b bool) answer {
	if b {
		return yes
	}
	return no
}

func (a answer) not() answer {
	if a == unknown {
		return unknown
	}
	return 1 - a
}

// On makes the condition ready for the rows of a table. The error is an *Error.
func (x *Expression) On(table *change.Table) (*Condition, error) {
	root, err := testOf(x.root, table)
	if err != nil {
		return nil, err
	}
	return &Condition{root}, nil
}

// CheckCondition finds what no table makes right.
func (x *Expression) CheckCondition() error {
	var err error
	x.root.walk(func(n *node) {
		switch n.form {
		case call, cast, caseWhen:
			if err == nil {
				err = cannotTest(n, "a condition on rows calls no functions")
			}
		case operator:
			if err == nil && strings.Contains("+ - * / % ||", n.text) {
				err = cannotTest(n, "a condition on rows computes nothing")
			}
		}
	})
	if err == nil && isValue(x.root) {
		err = cannotTest(x.root, "this is no condition")
	}
	return err
}

const conditionFix = "compare columns with values or with each other, by = <> < <= > >= IN BETWEEN LIKE IS NULL, and join that by AND, OR, NOT."

func cannotTest(n *node, message string) error { return &Error{n.at, message, conditionFix} }

func isValue(n *node) bool { return n.form == literal || n.form == numeral || n.form == null }

func testOf(n *node, table *change.Table) (*test, error) {
	t := &test{form: n.form, text: n.text, not: n.not}
	if n.form == operator && (n.text == "AND" || n.text == "OR" || n.text == "NOT") {
		for _, a := range n.args {
			arg, err := testOf(a, table)
			if err != nil {
				return nil, err
			}
			t.args = append(t.args, arg)
		}
		return t, nil
	}
	if n.form == column || n.form == truth {
		return truthTest(n, table)
	}
	if len(n.args) == 0 || n.form == call || n.form == cast || n.form == caseWhen {
		return nil, cannotTest(n, "a condition on rows compares columns and values, and nothing else")
	}
	family, err := familyOf(n.args, table)
	if err != nil {
		return nil, err
	}
	if n.form == like && family != Text {
		return nil, cannotTest(n, "LIKE takes a column of text")
	}
	for _, a := range n.args {
		v, err := operandOf(a, family, table)
		if err != nil {
			return nil, err
		}
		t.values = append(t.values, v)
	}
	if n.form == like {
		t.values = append(t.values, operand{column: -1, cell: []byte(n.text), family: Text})
	}
	return t, nil
}

// truthTest is a column of truth by itself, or TRUE.
func truthTest(n *node, table *change.Table) (*test, error) {
	family, err := familyOf([]*node{n}, table)
	if err != nil {
		return nil, err
	}
	if family != Boolean {
		return nil, cannotTest(n, n.text+" by itself is no condition")
	}
	v, err := operandOf(n, Boolean, table)
	return &test{form: operator, text: "=", values: []operand{v, {column: -1, cell: []byte("1"), family: Boolean}}}, err
}

// familyOf is what all these values are compared as.
func familyOf(nodes []*node, table *change.Table) (Family, error) {
	all, literals := None, None
	for _, n := range nodes {
		f := None
		switch n.form {
		case column:
			i := table.Index(n.text)
			if i < 0 {
				return None, &Error{n.at, fmt.Sprintf("%s has no column `%s`", table.Name, n.text), "name one of: " + strings.Join(columnNames(table), ", ") + "."}
			}
			if f = sourceFamily(table.Columns[i].Type); f == None {
				return None, &Error{n.at, fmt.Sprintf("column `%s` is %s, whose values are not compared", n.text, strings.ToUpper(table.Columns[i].Type.String())), conditionFix}
			}
			if all != None && all != f && !(all.isTime() && f.isTime()) {
				return None, cannotTest(n, fmt.Sprintf("column `%s` is %s and cannot be compared with %s", n.text, f, all))
			}
			all = max(all, f)
			continue
		case literal:
			f = Text
		case numeral:
			f = Decimal
		case truth:
			f = Boolean
		case null:
			continue
		default:
			return None, cannotTest(n, "a condition on rows compares columns and values, and nothing else")
		}
		if literals != None && literals != f {
			return None, cannotTest(n, "these values are of different kinds")
		}
		literals = f
	}
	if all == None {
		all = literals
	}
	return max(all, Boolean), nil
}

func columnNames(table *change.Table) []string {
	names := make([]string, len(table.Columns))
	for i := range table.Columns {
		names[i] = table.Columns[i].Name
	}
	return names
}

// sourceFamily is what values of a source column are compared as; None: they are not.
func sourceFamily(t change.Type) Family {
	switch t.Base {
	case change.Decimal, change.Year:
		return Decimal
	case change.Bit:
		if t.Length == 1 {
			return Boolean
		}
		return Decimal
	case change.Boolean:
		return Boolean
	case change.Date:
		return Date
	case change.DateTime, change.Timestamp:
		return DateTime
	case change.Enum, change.UUID:
		return Text
	}
	switch {
	case t.IsInteger():
		return Decimal
	case t.IsText():
		return Text
	}
	return None
}

func operandOf(n *node, family Family, table *change.Table) (operand, error) {
	wrong := func() (operand, error) {
		return operand{}, cannotTest(n, fmt.Sprintf("%s is not %s", readable(n), family))
	}
	v := operand{column: -1, family: family}
	switch n.form {
	case column:
		v.column = table.Index(n.text)
		v.family = sourceFamily(table.Columns[v.column].Type)
	case null:
		return v, nil
	case truth:
		if family != Boolean {
			return wrong()
		}
		v.cell = []byte{'0'}
		if n.text == "TRUE" {
			v.cell[0] = '1'
		}
	case numeral:
		if family != Decimal && family != Boolean || family == Boolean && n.text != "0" && n.text != "1" {
			return wrong()
		}
		v.cell = []byte(n.text)
	case literal:
		if family == Decimal || family == Boolean || family.isTime() && !isMoment(n.text) {
			return wrong()
		}
		v.cell = []byte(n.text)
	}
	if v.column < 0 && v.cell == nil {
		v.cell = []byte{}
	}
	return v, nil
}

func readable(n *node) string {
	if n.form == literal {
		return "'" + n.text + "'"
	}
	return n.text
}

const moment = "0000-00-00 00:00:00.000000"

// isMoment tells 'yyyy-MM-dd', with 'HH:mm:ss' and a fraction or without.
func isMoment(s string) bool {
	if len(s) != 10 && len(s) != 19 && (len(s) < 21 || len(s) > len(moment)) {
		return false
	}
	for i := range len(s) {
		if digit := isDigit(moment[i]); digit != isDigit(s[i]) || !digit && s[i] != moment[i] {
			return false
		}
	}
	return change.IsDate([]byte(s))
}

// Keeps tells whether a row is chosen: the condition is true for it, not unknown.
func (c *Condition) Keeps(rows *change.Rows, row int) bool { return c.root.ask(rows, row) == yes }

func (t *test) ask(rows *change.Rows, row int) answer {
	switch {
	case t.form == operator && t.text == "NOT":
		return t.args[0].ask(rows, row).not()
	case t.form == operator && len(t.args) > 0:
		// AND ends with the first no, OR with the first yes.
		ending := answerOf(t.text == "OR")
		all := ending.not()
		for _, a := range t.args {
			switch is := a.ask(rows, row); is {
			case ending:
				return ending
			case unknown:
				all = unknown
			}
		}
		return all
	}
	is := t.compare(rows, row)
	if t.not {
		return is.not()
	}
	return is
}

func (t *test) compare(rows *change.Rows, row int) answer {
	first, isNullValue := t.values[0].of(rows, row)
	switch {
	case t.form == isNull:
		return answerOf(isNullValue)
	case isNullValue:
		return unknown
	case t.form == in:
		found := no
		for i := range t.values[1:] {
			switch v, null := t.values[i+1].of(rows, row); {
			case null:
				found = unknown
			case t.order(first, v, i+1) == 0:
				return yes
			}
		}
		return found
	case t.form == like:
		return answerOf(matches(first, t.values[1].cell))
	}
	second, null := t.values[1].of(rows, row)
	if t.form == between {
		low := unknown
		if !null {
			low = answerOf(t.order(first, second, 1) >= 0)
		}
		third, null := t.values[2].of(rows, row)
		high := unknown
		if !null {
			high = answerOf(t.order(first, third, 2) <= 0)
		}
		switch {
		case low == no || high == no:
			return no
		case low == unknown || high == unknown:
			return unknown
		}
		return yes
	}
	if null {
		return unknown
	}
	order := t.order(first, second, 1)
	switch t.text {
	case "=":
		return answerOf(order == 0)
	case "<>":
		return answerOf(order != 0)
	case "<":
		return answerOf(order < 0)
	case "<=":
		return answerOf(order <= 0)
	case ">":
		return answerOf(order > 0)
	}
	return answerOf(order >= 0)
}

func (o *operand) of(rows *change.Rows, row int) (cell []byte, null bool) {
	if o.column < 0 {
		return o.cell, o.cell == nil
	}
	return rows.Cell(row, o.column), rows.Null(row, o.column)
}

func (t *test) order(a, b []byte, i int) int {
	switch {
	case t.values[0].family == Decimal:
		return compareNumbers(a, b)
	case t.values[0].family.isTime() || t.values[i].family.isTime():
		return compareMoments(a, b)
	}
	return bytes.Compare(a, b)
}

// compareMoments compares times of different precision: what is left out is zero.
func compareMoments(a, b []byte) int {
	for i := range len(moment) {
		x, y := moment[i], moment[i]
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			return int(x) - int(y)
		}
	}
	return 0
}

// compareNumbers compares decimal digits of any length.
func compareNumbers(a, b []byte) int {
	a, minusA := cutMinus(a)
	b, minusB := cutMinus(b)
	switch order := comparePositive(a, b); {
	case isZero(a) && isZero(b):
		return 0
	case minusA && minusB:
		return -order
	case minusA:
		return -1
	case minusB:
		return 1
	default:
		return order
	}
}

func cutMinus(n []byte) ([]byte, bool) {
	if len(n) > 0 && n[0] == '-' {
		return n[1:], true
	}
	return n, false
}

func isZero(n []byte) bool {
	for _, c := range n {
		if c != '0' && c != '.' {
			return false
		}
	}
	return true
}

func comparePositive(a, b []byte) int {
	wholeA, fractionA := cutPoint(a)
	wholeB, fractionB := cutPoint(b)
	wholeA, wholeB = bytes.TrimLeft(wholeA, "0"), bytes.TrimLeft(wholeB, "0")
	if len(wholeA) != len(wholeB) {
		return len(wholeA) - len(wholeB)
	}
	if order := bytes.Compare(wholeA, wholeB); order != 0 {
		return order
	}
	return bytes.Compare(bytes.TrimRight(fractionA, "0"), bytes.TrimRight(fractionB, "0"))
}

func cutPoint(n []byte) (whole, fraction []byte) {
	if i := bytes.IndexByte(n, '.'); i >= 0 {
		return n[:i], n[i+1:]
	}
	return n, nil
}

// matches compares a text with a pattern of LIKE: % is any text, _ one character.
func matches(s, pattern []byte) bool {
	var starS, starP int
	star := false
	i, p := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '%':
			star, starS, starP = true, i, p
			p++
		case p < len(pattern) && pattern[p] == '_':
			i += characterLen(s[i:])
			p++
		case p < len(pattern) && pattern[p] == s[i]:
			i++
			p++
		case star:
			starS++
			i, p = starS, starP+1
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '%' {
		p++
	}
	return p == len(pattern)
}

func characterLen(s []byte) int {
	n := 1
	for n < len(s) && s[n]&0xc0 == 0x80 {
		n++
	}
	return n
}

// In is where an error is in the file in which the expression begins at start.
func (e *Error) In(start int) diag.Span {
	return diag.Span{Start: e.At.Start + start, End: e.At.End + start}
}
