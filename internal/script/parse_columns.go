package script

import "starferry/internal/diag"

// addColumns reads ADD COLUMN name AS expression … or ADD COLUMN (…, …).
func (p *parser) addColumns() (*AddColumns, bool) {
	a := &AddColumns{At: p.take().at}
	if !p.accept("COLUMNS") && !p.keyword("COLUMN") {
		return a, false
	}
	opening := p.peek()
	listed := p.accept("(")
	for {
		column, ok := p.addColumn()
		if !ok {
			return a, false
		}
		a.Columns = append(a.Columns, column)
		a.At.End = column.At.End
		if !listed || !p.accept(",") {
			break
		}
	}
	if listed && !p.accept(")") {
		p.report(CodeUnclosedParen, opening.at, "this parenthesis is never closed", "", "add ) after the last column.")
		return a, false
	}
	a.At.End = p.behind().End
	return a, true
}

func (p *parser) addColumn() (AddColumn, bool) {
	c := AddColumn{}
	var ok bool
	if c.Name, ok = p.name("the new column's name"); !ok {
		return c, false
	}
	c.At.Start = c.Name.At.Start
	if !p.keyword("AS") {
		return c, false
	}
	if c.Expression, ok = p.expression(); !ok {
		return c, false
	}
	if p.accept("COMMENT") {
		if c.Comment, ok = p.comment(); !ok {
			return c, false
		}
	}
	if p.accept("FIRST") {
		c.First = true
	} else if p.accept("AFTER") {
		after, ok := p.name("the column it stands after")
		if !ok {
			return c, false
		}
		c.After = &after
	}
	c.At.End = p.behind().End
	return c, true
}

// dropColumns reads DROP COLUMN name, or DROP COLUMN (a, b).
func (p *parser) dropColumns() (*Columns, bool) {
	c := &Columns{At: p.take().at}
	if !p.accept("COLUMNS") && !p.keyword("COLUMN") {
		return c, false
	}
	ok := true
	if p.peek().is("(") {
		c.Names, ok = p.columnList()
	} else {
		c.Names = make([]Ident, 1)
		c.Names[0], ok = p.name("the column to leave out")
	}
	c.At.End = p.behind().End
	return c, ok
}

// where reads WHERE and the condition.
func (p *parser) where() (*Text, bool) {
	p.take()
	x, ok := p.expression()
	if !ok {
		return nil, false
	}
	return &x, true
}

// expression takes the text up to the comma, parenthesis or keyword that ends it.
func (p *parser) expression() (Text, bool) {
	at, depth := diag.Span{Start: p.peek().at.Start}, 0
	for {
		t := p.peek()
		ends := t.is(",") || t.is(")") || t.is("COMMENT") || t.is("FIRST") || t.is("AFTER") || t.is("WHERE") ||
			(t.is("ADD") || t.is("DROP")) && (p.ahead(1).is("COLUMN") || p.ahead(1).is("COLUMNS"))
		if t.kind == endOfFile || t.is(";") || t.kind == hintOpen || depth == 0 && ends {
			break
		}
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		}
		at.End = p.take().at.End
	}
	if at.End <= at.Start {
		return Text{At: p.behind()}, p.unexpected("an expression", "")
	}
	value, secret, unset := p.written(at, true)
	return Text{Value: value, Secret: secret, Unset: unset, At: at}, true
}
