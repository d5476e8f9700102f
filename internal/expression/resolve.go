package expression

import (
	"fmt"
	"strings"
)

// Scope tells the type of a column by its name; why is set when there is none to read.
type Scope func(name string) (t Type, why string)

// Typed is an expression whose columns are known.
type Typed struct {
	root  *node
	scope Scope
}

// Resolve finds the types of an expression. The error is an *Error.
func (x *Expression) Resolve(scope Scope) (*Typed, error) {
	root, err := resolve(x.root, scope)
	if err != nil {
		return nil, err
	}
	if root.typ.Family == None {
		return nil, &Error{root.at, "the expression is NULL, which has no type", "CAST it to one."}
	}
	return &Typed{root, scope}, nil
}

// Check finds what can be known to be wrong before the columns are.
func (x *Expression) Check() error {
	var err error
	x.root.walk(func(n *node) {
		if err == nil && n.function != nil && n.function.Name == "DATE_FORMAT" && n.args[1].form == literal {
			if _, _, why := timePattern(n.args[1].text); why != "" {
				err = &Error{n.at, "DATE_FORMAT: " + why, "see docs/expressions.md."}
			}
		}
	})
	return err
}

// Type is the type of the value.
func (t *Typed) Type() Type { return t.root.typ }

// resolve is a copy of a node with types: an expression is resolved anew for every
// version of its table.
func resolve(from *node, scope Scope) (*node, error) {
	n := *from
	n.args = make([]*node, len(from.args))
	for i := range from.args {
		var err error
		if n.args[i], err = resolve(from.args[i], scope); err != nil {
			return nil, err
		}
	}
	t, why := n.typeOf(scope)
	if why != "" {
		fix := "docs/expressions.md says what an expression may hold."
		if n.form == column {
			fix = "name another column."
		}
		return nil, &Error{n.at, why, fix}
	}
	n.typ = t
	return &n, nil
}

func (n *node) typeOf(scope Scope) (Type, string) {
	switch n.form {
	case column:
		return scope(n.text)
	case literal:
		return textOf(len(n.text)), ""
	case numeral:
		return numeralType(n.text), ""
	case truth:
		return boolean, ""
	case null:
		return Type{}, ""
	case call:
		t, why := n.function.result(n.args)
		if why != "" {
			why = n.text + ": " + why
		}
		return t, why
	case operator:
		return n.operatorType()
	case cast:
		return n.castType()
	case caseWhen:
		return n.caseType()
	case isNull:
		return boolean, ""
	case like:
		if f := n.args[0].typ.Family; f != Text && f != None {
			return boolean, fmt.Sprintf("LIKE takes a text, not %s", f)
		}
		if strings.Contains(n.text, `\`) {
			return boolean, "a backslash in the pattern of LIKE would mean different things"
		}
		return boolean, ""
	}
	for _, a := range n.args[1:] {
		if why := comparable(n.args[0].typ, a.typ); why != "" {
			return boolean, why
		}
	}
	return boolean, ""
}

func numeralType(text string) Type {
	digits := strings.TrimPrefix(text, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	switch {
	case point:
		return Type{Decimal, fmt.Sprintf("DECIMAL(%d,%d)", max(len(whole)+len(fraction), 1), len(fraction)), len(text) + 1}
	case len(digits) <= 18:
		return bigint
	}
	return simpleTypes["LARGEINT"]
}

func (n *node) operatorType() (Type, string) {
	a := n.args[0].typ
	switch n.text {
	case "AND", "OR", "NOT":
		for _, arg := range n.args {
			if f := arg.typ.Family; f != Boolean && f != None {
				return boolean, fmt.Sprintf("%s takes conditions, not %s", n.text, f)
			}
		}
		return boolean, ""
	case "||":
		t, why := joined(n.args)
		if why != "" {
			why = "||: " + why
		}
		return t, why
	case "=", "<>", "<", "<=", ">", ">=":
		return boolean, comparable(a, n.args[1].typ)
	}
	for _, arg := range n.args {
		if f := arg.typ.Family; !f.isNumber() && f != None {
			return Type{}, fmt.Sprintf("%s takes numbers, not %s", n.text, f)
		}
	}
	whole := true
	for _, arg := range n.args {
		whole = whole && arg.typ.Family == Integer
	}
	switch {
	case whole && n.text != "/":
		return bigint, ""
	case n.text == "%":
		return Type{}, "% takes whole numbers"
	}
	return double, ""
}

// comparable says why two types cannot be compared. Text beside another type would be
// compared in ways that differ between versions.
func comparable(a, b Type) string {
	switch {
	case a.Family == None, b.Family == None, a.Family == b.Family, a.Family.isNumber() && b.Family.isNumber(), a.Family.isTime() && b.Family.isTime():
		return ""
	}
	return fmt.Sprintf("%s cannot be compared with %s; CAST one of them", a.Family, b.Family)
}

func (n *node) castType() (Type, string) {
	from, to := n.args[0].typ, n.to
	bad := false
	switch to.Family {
	case Text:
		bad = from.Family == Boolean || from.Family == Double
		if n.limit() == 0 && from.Family != None {
			to = textOf(from.Bytes)
		}
	case Boolean:
		bad = from.Family != Integer && from.Family != Boolean
	case Date, DateTime:
		bad = from.Family != Text && !from.Family.isTime()
	default:
		bad = from.Family.isTime()
	}
	if bad && from.Family != None {
		return to, fmt.Sprintf("%s is not cast to %s here: the two dialects do it in different ways", from.Family, to.SQL)
	}
	return to, ""
}

// limit is the number of characters that a CAST to VARCHAR(n) leaves, 0 for all.
func (n *node) limit() int {
	if n.to.Family != Text || n.to.Bytes == maxText {
		return 0
	}
	return n.to.Bytes / 4
}

func (n *node) caseType() (Type, string) {
	var values []Type
	for i := 0; i < len(n.args); i++ {
		if i%2 == 0 && i+1 < len(n.args) {
			if f := n.args[i].typ.Family; f != Boolean && f != None {
				return Type{}, fmt.Sprintf("WHEN takes a condition, not %s", f)
			}
			continue
		}
		values = append(values, n.args[i].typ)
	}
	t, ok := together(values...)
	if !ok {
		return t, "the values of this CASE are of types that do not go together; use CAST"
	}
	return t, ""
}
