package script

import "starferry/internal/diag"

// createCatalog reads what follows CREATE CATALOG.
func (p *parser) createCatalog() (Statement, bool) {
	c := &CreateCatalog{IfNotExists: p.ifNotExists()}
	var ok bool
	if c.Name, ok = p.name("the catalog's name"); !ok {
		return c, false
	}
	if p.accept("COMMENT") {
		if _, ok := p.text("the comment"); !ok {
			return c, false
		}
	}
	start := p.peek().at.Start
	if !p.keyword("WITH") {
		return c, false
	}
	c.With, ok = p.options("WITH", start)
	return c, ok
}

func (p *parser) dropCatalog() (Statement, bool) {
	d := &DropCatalog{}
	if p.accept("IF") {
		d.IfExists = true
		if !p.keyword("EXISTS") {
			return d, false
		}
	}
	var ok bool
	d.Name, ok = p.name("the catalog's name")
	return d, ok
}

// ifNotExists reads an optional IF NOT EXISTS.
func (p *parser) ifNotExists() bool {
	if !p.accept("IF") {
		return false
	}
	if !p.accept("NOT") {
		p.report(CodeUnexpected, p.peek().at, "expected NOT after IF", "", "write IF NOT EXISTS.")
	}
	return p.keyword("EXISTS")
}

func (p *parser) use() (Statement, bool) {
	if p.peek().is("MODULES") && p.ahead(1).isName() {
		return p.foreign("USE MODULES", noFunctions)
	}
	isCatalog := p.accept("CATALOG")
	if !isCatalog && p.ahead(1).isName() && !p.ahead(1).is(".") {
		isCatalog = p.misspelled("CATALOG") != ""
	}
	if isCatalog {
		u := &UseCatalog{}
		var ok bool
		u.Name, ok = p.name("the catalog's name")
		return u, ok
	}
	u := &Use{}
	var ok bool
	if u.Path, ok = p.path("a database's name"); ok && len(u.Path.Parts) > 2 {
		p.report(CodeUnexpected, u.Path.At, "USE takes a database, or a catalog and a database", "", "write USE catalog.database.")
		return u, false
	}
	return u, ok
}

// setOption reads SET 'k' = 'v' and the bare SET k = v, whose value reaches to the
// semicolon.
func (p *parser) setOption() (Statement, bool) {
	s := &Set{}
	if t := p.peek(); t.is(";") || t.kind == endOfFile {
		return p.foreign("SET without a name", "'starferry explain SCRIPT' lists the options in force")
	}
	s.Key = p.bareText(func(t token) bool { return t.is("=") })
	if !p.peek().is("=") {
		if t := p.peek(); t.kind == str {
			p.report(CodeMissingEquals, p.behind(), "there is no = between the setting and its value", "= expected here", "add =.")
			p.take()
			return s, true
		}
		return s, p.unexpected("= after the setting's name", "write SET 'name' = 'value';")
	}
	p.take()
	s.Value = p.bareText(func(token) bool { return false })
	if s.Value.At.Start == s.Value.At.End {
		return s, p.unexpected("a value after =", "write SET 'name' = 'value';")
	}
	return s, true
}

func (p *parser) reset() (Statement, bool) {
	r := &Reset{}
	if t := p.peek(); t.is(";") || t.kind == endOfFile {
		return r, true
	}
	key := p.bareText(func(token) bool { return false })
	r.Key = &key
	return r, true
}

// bareText reads a string literal, or the text as it stands up to the end of the
// statement or a token that ends it.
func (p *parser) bareText(ends func(token) bool) Text {
	if t := p.peek(); t.kind == str {
		p.take()
		return t.value()
	}
	at := diag.Span{Start: p.peek().at.Start, End: p.peek().at.Start}
	for t := p.peek(); t.kind != endOfFile && t.kind != str && !t.is(";") && !ends(t) && !p.atHead(); t = p.peek() {
		at.End = p.take().at.End
	}
	value, secret, unset := p.written(at, false)
	return Text{Value: value, Secret: secret, Unset: unset, At: at}
}

func (p *parser) beginSet(execute bool) (Statement, bool) {
	b := &BeginStatementSet{}
	words := []string{"STATEMENT", "SET"}
	if execute {
		words = append(words, "BEGIN")
	}
	for _, w := range words {
		if !p.keyword(w) {
			return b, false
		}
	}
	b.At = diag.Span{Start: p.tokens[p.pos-len(words)-1].at.Start, End: p.behind().Start}
	if p.set != nil {
		p.report(CodeStatementSet, b.At, "a statement set cannot stand inside another", "", "write END; before it.")
		b.Broken = true
	}
	p.set = b
	return b, true
}

func (p *parser) endSet() (Statement, bool) {
	if p.set == nil {
		p.report(CodeStatementSet, p.tokens[p.pos-1].at, "END without BEGIN STATEMENT SET", "", "remove it.")
	}
	p.set = nil
	return &EndStatementSet{}, true
}
