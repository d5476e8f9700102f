package expression

import (
	"fmt"
	"slices"
	"strings"

	"starferry/internal/diag"
)

// form is what a node of an expression is.
type form uint8

const (
	column   form = iota
	literal       // a text
	numeral       // a number
	truth         // TRUE, FALSE
	null          // NULL
	call          // a function of the table
	operator      // arithmetic, comparison, AND, OR, NOT, ||
	cast          // CAST(x AS type)
	caseWhen      // pairs of condition and value, then the value of ELSE if there is one
	in            // x [NOT] IN (…)
	between       // x [NOT] BETWEEN a AND b
	like          // x [NOT] LIKE 'pattern'
	isNull        // x IS [NOT] NULL
)

type node struct {
	form form
	// text is the name of a column or function, an operator, or a literal.
	text     string
	not      bool
	args     []*node
	to       Type // of a cast
	function *Function
	at       diag.Span
	// typ is what resolve found.
	typ Type
}

// Expression is a parsed expression.
type Expression struct {
	Text string
	root *node
}

// maxDepth bounds how deep an expression is nested, maxNodes how large it is: a backend
// has limits of its own.
const (
	maxDepth = 64
	maxNodes = 1000
)

type parser struct {
	tokens []token
	pos    int
	depth  int
	nodes  int
}

// Parse reads an expression of Flink SQL. The error is an *Error.
func Parse(s string) (*Expression, error) {
	tokens, err := lex(s)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	root, err := p.or()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != end {
		return nil, p.unexpected("an operator or the end of the expression")
	}
	return &Expression{Text: s, root: root}, nil
}

func (p *parser) peek() token { return p.tokens[p.pos] }

func (p *parser) take() token {
	t := p.tokens[p.pos]
	if t.kind != end {
		p.pos++
	}
	return t
}

func (p *parser) accept(what string) bool {
	if p.peek().is(what) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) unexpected(expected string) error {
	t := p.peek()
	fix := "correct the expression; docs/expressions.md lists what one may hold."
	if t.kind == sign && elsewhere[t.text] != "" {
		fix = "write " + elsewhere[t.text] + "."
	}
	return &Error{t.at, fmt.Sprintf("expected %s, found %s", expected, t.describe()), fix}
}

func (p *parser) need(what string) error {
	if p.accept(what) {
		return nil
	}
	return p.unexpected(what)
}

// node makes a node that begins at a token and ends with the last one taken.
func (p *parser) node(n node, begin diag.Span) *node {
	n.at = diag.Span{Start: begin.Start, End: max(p.tokens[max(p.pos-1, 0)].at.End, begin.End)}
	return &n
}

func (p *parser) or() (*node, error)  { return p.chain(p.and, "OR") }
func (p *parser) and() (*node, error) { return p.chain(p.negation, "AND") }
func (p *parser) sum() (*node, error) { return p.chain(p.product, "+", "-") }

func (p *parser) concatenation() (*node, error) { return p.chain(p.sum, "||") }
func (p *parser) product() (*node, error)       { return p.chain(p.unary, "*", "/", "%") }

// chain reads operands of operators that bind alike, from the left.
func (p *parser) chain(operand func() (*node, error), operators ...string) (*node, error) {
	begin := p.peek().at
	left, err := operand()
	for err == nil {
		t := p.peek()
		if !slices.ContainsFunc(operators, t.is) {
			return left, nil
		}
		if p.nodes++; p.nodes > maxNodes {
			return nil, &Error{t.at, "the expression is too long", "make it shorter."}
		}
		p.take()
		var right *node
		if right, err = operand(); err == nil {
			left = p.node(node{form: operator, text: strings.ToUpper(t.text), args: []*node{left, right}}, begin)
		}
	}
	return nil, err
}

// deeper guards against expressions that are nested too deep.
func (p *parser) deeper(read func() (*node, error)) (*node, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.nodes++; p.depth > maxDepth || p.nodes > maxNodes {
		return nil, &Error{p.peek().at, "the expression is nested too deep, or too long", "make it simpler."}
	}
	return read()
}

func (p *parser) negation() (*node, error) {
	begin := p.peek().at
	if !p.accept("NOT") {
		return p.comparison()
	}
	x, err := p.deeper(p.negation)
	if err != nil {
		return nil, err
	}
	return p.node(node{form: operator, text: "NOT", args: []*node{x}}, begin), nil
}

func (p *parser) comparison() (*node, error) {
	begin := p.peek().at
	x, err := p.concatenation()
	if err != nil {
		return nil, err
	}
	t := p.peek()
	if slices.ContainsFunc([]string{"=", "<>", "!=", "<", "<=", ">", ">="}, t.is) {
		p.take()
		y, err := p.concatenation()
		if err != nil {
			return nil, err
		}
		name := t.text
		if name == "!=" {
			name = "<>"
		}
		return p.node(node{form: operator, text: name, args: []*node{x, y}}, begin), nil
	}
	if p.accept("IS") {
		n := node{form: isNull, not: p.accept("NOT"), args: []*node{x}}
		if err := p.need("NULL"); err != nil {
			return nil, err
		}
		return p.node(n, begin), nil
	}
	not := p.accept("NOT")
	switch {
	case p.accept("IN"):
		return p.list(x, not, begin)
	case p.accept("BETWEEN"):
		low, err := p.concatenation()
		if err != nil {
			return nil, err
		}
		if err := p.need("AND"); err != nil {
			return nil, err
		}
		high, err := p.concatenation()
		if err != nil {
			return nil, err
		}
		return p.node(node{form: between, not: not, args: []*node{x, low, high}}, begin), nil
	case p.accept("LIKE"):
		if t := p.peek(); t.kind != text || strings.ContainsFunc(t.text, unsendable) {
			return nil, p.unexpected("a pattern in quotes after LIKE, without control characters")
		}
		pattern := p.take()
		return p.node(node{form: like, not: not, text: pattern.text, args: []*node{x}}, begin), nil
	case not:
		return nil, p.unexpected("IN, BETWEEN or LIKE after NOT")
	}
	return x, nil
}

func (p *parser) list(x *node, not bool, begin diag.Span) (*node, error) {
	if err := p.need("("); err != nil {
		return nil, err
	}
	args, err := p.arguments()
	if err != nil {
		return nil, err
	}
	if len(args) == 0 {
		return nil, p.unexpected("a value in the list of IN")
	}
	return p.node(node{form: in, not: not, args: append([]*node{x}, args...)}, begin), nil
}

// arguments reads what stands between parentheses, the opening one is taken.
func (p *parser) arguments() (args []*node, err error) {
	if p.accept(")") {
		return nil, nil
	}
	for {
		x, err := p.deeper(p.or)
		if err != nil {
			return nil, err
		}
		args = append(args, x)
		if p.accept(")") {
			return args, nil
		}
		if !p.accept(",") {
			return nil, p.unexpected(", or )")
		}
	}
}

func (p *parser) unary() (*node, error) {
	begin := p.peek().at
	switch {
	case p.accept("+"):
		return p.deeper(p.unary)
	case p.accept("-"):
		x, err := p.deeper(p.unary)
		if err != nil {
			return nil, err
		}
		if x.form == numeral && !strings.HasPrefix(x.text, "-") {
			return p.node(node{form: numeral, text: "-" + x.text}, begin), nil
		}
		return p.node(node{form: operator, text: "-", args: []*node{x}}, begin), nil
	}
	return p.primary()
}

func (p *parser) primary() (*node, error) {
	t := p.peek()
	switch {
	case t.kind == text:
		if strings.ContainsFunc(t.text, unsendable) {
			return nil, &Error{t.at, "a text with control characters cannot be sent in a header", "take them out."}
		}
		p.take()
		return p.node(node{form: literal, text: t.text}, t.at), nil
	case t.kind == number:
		return p.numeral()
	case t.kind == quoted:
		p.take()
		return p.node(node{form: column, text: t.text}, t.at), nil
	case p.accept("("):
		x, err := p.deeper(p.or)
		if err != nil {
			return nil, err
		}
		return x, p.need(")")
	case p.accept("NULL"):
		return p.node(node{form: null}, t.at), nil
	case t.is("TRUE"), t.is("FALSE"):
		p.take()
		return p.node(node{form: truth, text: strings.ToUpper(t.text)}, t.at), nil
	case p.accept("CASE"):
		return p.caseWhen(t.at)
	case t.is("CAST") && p.tokens[p.pos+1].is("("):
		p.pos += 2
		return p.cast(t.at)
	case t.kind == word:
		return p.named()
	}
	return nil, p.unexpected("a column, a value or a function")
}

// unsendable are characters that a header of a load cannot hold, and that have no escape.
func unsendable(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f }

func (p *parser) numeral() (*node, error) {
	t := p.take()
	digits := strings.Trim(t.text, ".")
	if strings.Count(t.text, ".") > 1 || digits == "" || len(digits) > 38 {
		return nil, &Error{t.at, t.text + " is no number that StarRocks takes", "write at most 38 digits, and one point."}
	}
	return p.node(node{form: numeral, text: t.text}, t.at), nil
}

// keywords are words that are no names unless they stand in back-quotes.
var keywords = []string{"AND", "AS", "BETWEEN", "BY", "CASE", "ELSE", "END", "FROM", "IN", "IS", "LIKE", "NOT", "NULL", "OR", "SELECT", "THEN", "WHEN", "WHERE"}

// named reads a function or a column.
func (p *parser) named() (*node, error) {
	t := p.peek()
	if slices.ContainsFunc(keywords, t.is) {
		return nil, p.unexpected("a column, a value or a function")
	}
	p.take()
	f := findFunction(t.text)
	if p.peek().is("(") {
		if f == nil {
			fix := "use one of these: " + strings.Join(Names(), ", ") + ". docs/expressions.md says what they do."
			if near := diag.Nearest(t.text, Names()); near != "" {
				fix = "write " + near + ", if that was meant. Else " + fix
			}
			return nil, &Error{t.at, fmt.Sprintf("there is no function %s here", strings.ToUpper(t.text)), fix}
		}
		p.take()
		args, err := p.arguments()
		if err != nil {
			return nil, err
		}
		if len(args) < f.Min || f.Max >= 0 && len(args) > f.Max {
			return nil, &Error{t.at, fmt.Sprintf("%s is written %s", f.Name, f.Usage), "see docs/expressions.md."}
		}
		return p.node(node{form: call, text: f.Name, function: f, args: args}, t.at), nil
	}
	if f != nil && (f.Bare || t.is("CURRENT_TIMESTAMP") || t.is("LOCALTIMESTAMP")) {
		return p.node(node{form: call, text: f.Name, function: f}, t.at), nil
	}
	if p.accept(".") {
		return nil, &Error{t.at, "a column is named by its name alone", "leave " + t.text + ". out."}
	}
	return p.node(node{form: column, text: t.text}, t.at), nil
}

func (p *parser) caseWhen(begin diag.Span) (*node, error) {
	n := node{form: caseWhen}
	var subject *node
	var err error
	if !p.peek().is("WHEN") {
		if subject, err = p.deeper(p.or); err != nil {
			return nil, err
		}
	}
	for p.accept("WHEN") {
		at := p.peek().at
		condition, err := p.deeper(p.or)
		if err != nil {
			return nil, err
		}
		if subject != nil {
			condition = p.node(node{form: operator, text: "=", args: []*node{subject, condition}}, at)
		}
		if err := p.need("THEN"); err != nil {
			return nil, err
		}
		value, err := p.deeper(p.or)
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, condition, value)
	}
	if len(n.args) == 0 {
		return nil, p.unexpected("WHEN")
	}
	if p.accept("ELSE") {
		value, err := p.deeper(p.or)
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, value)
	}
	if err := p.need("END"); err != nil {
		return nil, err
	}
	return p.node(n, begin), nil
}

func (p *parser) cast(begin diag.Span) (*node, error) {
	x, err := p.deeper(p.or)
	if err != nil {
		return nil, err
	}
	if err := p.need("AS"); err != nil {
		return nil, err
	}
	at := p.peek().at
	written := strings.ToUpper(p.take().text)
	if p.accept("(") {
		written += "("
		for p.peek().kind == number || p.peek().is(",") {
			written += p.take().text
		}
		if err := p.need(")"); err != nil {
			return nil, err
		}
		written += ")"
	}
	to, ok := castType(written)
	if !ok {
		return nil, &Error{at, fmt.Sprintf("nothing can be cast to %s here", written), "cast to one of " + strings.Join(castNames(), ", ") + "."}
	}
	if err := p.need(")"); err != nil {
		return nil, err
	}
	return p.node(node{form: cast, to: to, args: []*node{x}}, begin), nil
}

// Columns are the names of the columns an expression reads, each once.
func (x *Expression) Columns() (names []string) {
	x.root.walk(func(n *node) {
		if n.form == column && !slices.ContainsFunc(names, func(s string) bool { return strings.EqualFold(s, n.text) }) {
			names = append(names, n.text)
		}
	})
	return names
}

// IsVolatile tells an expression that gives another value when it is evaluated again.
func (x *Expression) IsVolatile() (volatile bool) {
	x.root.walk(func(n *node) { volatile = volatile || n.function != nil && n.function.Volatile })
	return volatile
}

func (n *node) walk(each func(*node)) {
	each(n)
	for _, a := range n.args {
		a.walk(each)
	}
}
