package emulator

import (
	"strconv"
	"strings"
)

// parser walks the tokens of one statement. After the first error it stands at the end
// of the input, so every accept fails and every loop over a list ends; callers look at
// err once, at the end.
type parser struct {
	src    string
	toks   []token
	i      int
	params int
	depth  int
	links  int
	err    error
}

// maxDepth bounds nested expressions, so that no input exhausts the stack.
const maxDepth = 200

// maxLinks bounds a + b + c and its like in one statement: such a tree is as deep as it is
// long.
const maxLinks = 100_000

// link counts one operator between two operands.
func (p *parser) link() {
	if p.links++; p.links > maxLinks {
		p.setErr(analysisError("the statement has more than %d operators", maxLinks))
	}
}

func (p *parser) peek() token { return p.toks[p.i] }

func (p *parser) next() token {
	t := p.toks[p.i]
	if t.kind != tokEnd {
		p.i++
	}
	return t
}

func (p *parser) setErr(err error) {
	if p.err == nil {
		p.err = err
	}
	p.i = len(p.toks) - 1
}

func (p *parser) failAt(t token) { p.setErr(syntaxErrorAt(p.src, t.start, t.text)) }
func (p *parser) fail()          { p.failAt(p.peek()) }

func (p *parser) refuse(what string) { p.setErr(notEmulated(what)) }

func (p *parser) isWord(w string) bool { t := p.peek(); return t.kind == tokWord && t.upper == w }

// accept takes the given keywords if all of them follow.
func (p *parser) accept(words ...string) bool {
	if p.i+len(words) >= len(p.toks) {
		return false
	}
	for n, w := range words {
		if t := p.toks[p.i+n]; t.kind != tokWord || t.upper != w {
			return false
		}
	}
	p.i += len(words)
	return true
}

func (p *parser) expect(words ...string) {
	for _, w := range words {
		if !p.accept(w) {
			p.fail()
			return
		}
	}
}

func (p *parser) isOp(op string) bool { t := p.peek(); return t.kind == tokOp && t.text == op }

func (p *parser) acceptOp(op string) bool {
	if p.isOp(op) {
		p.i++
		return true
	}
	return false
}

func (p *parser) expectOp(op string) {
	if !p.acceptOp(op) {
		p.fail()
	}
}

func (p *parser) expectInt() int {
	t := p.peek()
	n, err := strconv.Atoi(t.text)
	if t.kind != tokNumber || err != nil {
		p.fail()
		return 0
	}
	p.next()
	return n
}

func (p *parser) expectString() string {
	t := p.peek()
	if t.kind != tokString {
		p.fail()
		return ""
	}
	p.next()
	return t.text
}

// ident takes a name: quoted, or a word that is not reserved.
func (p *parser) ident() string {
	t := p.peek()
	if t.kind == tokQuoted && t.text != "" || t.kind == tokWord && !reservedWords[t.upper] {
		p.next()
		return t.text
	}
	p.fail()
	return ""
}

func (p *parser) identOrString() string {
	if p.peek().kind == tokString {
		return p.next().text
	}
	return p.ident()
}

// tableName takes [catalog.][database.]table.
func (p *parser) tableName() tableName {
	parts := []string{p.ident()}
	for len(parts) < 3 && p.acceptOp(".") {
		t := p.peek()
		if t.kind == tokWord { // after a dot every word is a name
			p.next()
			parts = append(parts, t.text)
			continue
		}
		parts = append(parts, p.ident())
	}
	if len(parts) == 3 {
		if !strings.EqualFold(parts[0], "default_catalog") {
			p.setErr(analysisError("Unknown catalog '%s'", parts[0]))
		}
		parts = parts[1:]
	}
	if len(parts) == 1 {
		return tableName{table: parts[0]}
	}
	return tableName{db: parts[0], table: parts[1]}
}

func (p *parser) databaseName() string {
	name := p.ident()
	if p.acceptOp(".") {
		if !strings.EqualFold(name, "default_catalog") {
			p.setErr(analysisError("Unknown catalog '%s'", name))
		}
		name = p.ident()
	}
	return name
}

func (p *parser) identList() []string {
	p.expectOp("(")
	names := []string{p.ident()}
	for p.acceptOp(",") {
		names = append(names, p.ident())
	}
	p.expectOp(")")
	return names
}

// properties takes ("k" = "v", …).
func (p *parser) properties() map[string]string {
	m := map[string]string{}
	p.expectOp("(")
	for {
		k := p.identOrString()
		p.expectOp("=")
		m[k] = p.identOrString()
		if !p.acceptOp(",") {
			break
		}
	}
	p.expectOp(")")
	return m
}

type tableName struct{ db, table string }

// statement is one parsed statement; the executor switches on its type.
type statement any

// splitStatements cuts a text at its semicolons, as StarRocks does even without the
// multi-statement capability.
func splitStatements(src string) ([][]token, error) {
	toks, err := lex(src)
	if err != nil {
		return nil, err
	}
	var out [][]token
	from := 0
	for i, t := range toks {
		end := t.kind == tokEnd
		if !end && !(t.kind == tokOp && t.text == ";") {
			continue
		}
		if i > from {
			one := append([]token(nil), toks[from:i]...)
			out = append(out, append(one, token{kind: tokEnd, text: "<EOF>", start: t.start, end: t.start}))
		}
		from = i + 1
	}
	return out, nil
}

// parseStatement parses the tokens of one statement; params is the number of "?".
func parseStatement(src string, toks []token) (st statement, params int, err error) {
	p := &parser{src: src, toks: toks}
	st = p.statement()
	if p.err == nil && p.peek().kind != tokEnd {
		p.fail()
	}
	return st, p.params, p.err
}

func (p *parser) statement() statement {
	t := p.peek()
	switch t.upper {
	case "SELECT", "WITH":
		return p.queryExpression()
	case "CREATE", "DROP", "ALTER", "TRUNCATE":
		return p.ddlStatement()
	case "CANCEL":
		return p.cancelStatement()
	case "INSERT":
		return p.insertStatement()
	case "DELETE":
		return p.deleteStatement()
	case "SHOW":
		return p.showStatement()
	case "ADMIN":
		return p.adminStatement()
	case "DESC", "DESCRIBE", "EXPLAIN":
		p.next()
		if p.isWord("SELECT") {
			p.refuse("EXPLAIN")
			return nil
		}
		return showStmt{what: "desc", table: p.tableName(), limit: -1}
	case "GRANT", "REVOKE":
		return p.grantStatement()
	case "SET":
		return p.setStatement()
	case "USE":
		p.next()
		return useStmt{db: p.databaseName()}
	case "COMMIT", "ROLLBACK", "SYNC": // one frontend has nothing to catch up with
		p.next()
		return emptyStmt{}
	case "BEGIN", "START", "UPDATE", "KILL", "REFRESH", "ANALYZE", "SUBMIT", "EXPORT", "RECOVER", "BACKUP", "RESTORE", "LOAD":
		p.refuse(t.upper)
		return nil
	}
	if t.kind == tokOp && t.text == "(" {
		return p.queryExpression()
	}
	p.fail()
	return nil
}

type (
	useStmt   struct{ db string }
	emptyStmt struct{}
)
