package script

import "starferry/internal/diag"

// create reads what follows CREATE.
func (p *parser) create() (Statement, bool) {
	switch t := p.peek(); {
	case p.accept("CATALOG"):
		return p.createCatalog()
	case p.accept("TABLE"):
		return p.createTable()
	case p.accept("DATABASE"), p.accept("SCHEMA"):
		return p.createDatabase()
	case t.is("OR"), t.is("TEMPORARY"), t.is("VIEW"), t.is("FUNCTION"), t.is("MATERIALIZED"), t.is("MODEL"), t.is("CONNECTION"),
		t.is("USER"), t.is("ROLE"), t.is("INDEX"):
		return p.foreignCreate()
	}
	switch p.misspelled("CATALOG", "TABLE", "DATABASE") {
	case "CATALOG":
		return p.createCatalog()
	case "TABLE":
		return p.createTable()
	case "DATABASE":
		return p.createDatabase()
	}
	return nil, p.unexpected("CATALOG, TABLE or DATABASE after CREATE", "")
}

// createTable reads what follows CREATE TABLE. Clauses are taken in any order:
// the order is the printer's business, not a reason to refuse.
func (p *parser) createTable() (Statement, bool) {
	c := &CreateTableAs{IfNotExists: p.ifNotExists()}
	var ok bool
	if c.Name, ok = p.path("the target table's name"); !ok {
		return c, false
	}
	for {
		next := p.clause("COMMENT", "PARTITIONED", "WITH", "AS")
		start := p.peek().at.Start
		switch next {
		case "(":
			if first := p.ahead(1); !first.is("PRIMARY") && !first.is("CONSTRAINT") {
				return p.otherCreateTable("with a list of columns",
					"leave the columns out: AS TABLE takes them from the source table")
			}
			p.once(c.PrimaryKey == nil, "PRIMARY KEY", p.peek().at)
			c.PrimaryKey, ok = p.primaryKey()
		case "COMMENT":
			p.once(c.Comment == nil, next, p.wordAt())
			c.Comment, ok = p.comment()
		case "PARTITIONED":
			p.once(c.PartitionBy == nil, "PARTITIONED BY", p.wordAt())
			c.PartitionBy, ok = p.partitionedBy()
		case "WITH":
			p.once(c.With == nil, next, p.wordAt())
			c.With, ok = p.options("WITH", p.wordAt().Start)
		case "AS":
			return p.asTable(c)
		case "LIKE":
			return p.otherCreateTable("LIKE another", "write CREATE TABLE … WITH (…) AS TABLE catalog.database.table")
		case ";":
			return p.otherCreateTable("without AS TABLE",
				"say where its rows come from: AS TABLE catalog.database.table /*+ OPTIONS (…) */")
		default:
			return c, p.unexpected("COMMENT, PARTITIONED BY, WITH or AS TABLE", "")
		}
		if !ok || p.peek().at.Start == start && next == "" {
			return c, false
		}
	}
}

// wordAt is where the keyword just taken stands.
func (p *parser) wordAt() diag.Span { return p.tokens[p.pos-1].at }

// once reports a clause that stands for a second time: one of the two would be lost.
func (p *parser) once(first bool, clause string, at diag.Span) {
	if !first {
		p.report(CodeUnexpected, at, clause+" is written twice in one statement", "", "write it once, with all it is to say.")
	}
}

// clause takes the keyword that begins the next clause and returns it; "(", "LIKE"
// and ";" (also the end of the script) are returned but not taken, "" is none.
func (p *parser) clause(keywords ...string) string {
	if p.peek().kind == hintOpen {
		p.report(CodeUnexpected, p.peek().at, "the hint stands behind AS TABLE and the source's name", "", "move it there.")
		p.hint()
	}
	t := p.peek()
	for _, k := range keywords {
		if p.accept(k) {
			return k
		}
	}
	switch {
	case t.is("("):
		return "("
	case t.is("LIKE"):
		return "LIKE"
	case t.is(";"), t.kind == endOfFile, p.atHead():
		return ";"
	}
	return p.misspelled(keywords...)
}

func (p *parser) comment() (*Text, bool) {
	text, ok := p.text("the comment")
	return &text, ok
}

// primaryKey reads ( [CONSTRAINT name] PRIMARY KEY (a, b) NOT ENFORCED ).
func (p *parser) primaryKey() (*PrimaryKey, bool) {
	k := &PrimaryKey{At: p.take().at}
	if p.accept("CONSTRAINT") {
		if _, ok := p.name("the constraint's name"); !ok {
			return k, false
		}
	}
	if !p.keyword("PRIMARY") || !p.keyword("KEY") {
		return k, false
	}
	var ok bool
	if k.Columns, ok = p.columnList(); !ok {
		return k, false
	}
	if p.peek().is(")") {
		return k, p.unexpected("NOT ENFORCED", "")
	}
	if !p.keyword("NOT") || !p.keyword("ENFORCED") {
		return k, false
	}
	if !p.accept(")") {
		return k, p.unexpected(") after NOT ENFORCED", "")
	}
	k.At.End = p.behind().End
	return k, true
}

func (p *parser) partitionedBy() (*Columns, bool) {
	c := &Columns{At: p.tokens[p.pos-1].at}
	if !p.keyword("BY") {
		return c, false
	}
	var ok bool
	c.Names, ok = p.columnList()
	c.At.End = p.behind().End
	return c, ok
}

// columnList reads (a, b).
func (p *parser) columnList() ([]Ident, bool) {
	if !p.accept("(") {
		return nil, p.unexpected("( and column names", "")
	}
	var names []Ident
	for {
		name, ok := p.name("a column's name")
		if !ok {
			return names, false
		}
		names = append(names, name)
		if p.accept(",") {
			continue
		}
		if p.accept(")") {
			return names, true
		}
		return names, p.unexpected(", or ) after the column", "")
	}
}

// asTable reads what follows AS.
func (p *parser) asTable(c *CreateTableAs) (Statement, bool) {
	t := p.peek()
	if t.is("SELECT") || t.is("WITH") || t.is("VALUES") || t.is("(") {
		return p.otherCreateTable("AS SELECT", "name the source table: AS TABLE catalog.database.table")
	}
	if t.is("DATABASE") {
		return c, p.unexpected("TABLE after AS", "a whole database is written CREATE DATABASE … AS DATABASE ….")
	}
	if t.isName() && !t.is("TABLE") && (p.ahead(1).is(".") || p.ahead(1).kind == hintOpen) {
		p.report(CodeUnexpected, t.at, "expected TABLE after AS, found "+t.describe(), "", "write AS TABLE before the source's name.")
	} else if !p.keyword("TABLE") {
		return c, false
	}
	var ok bool
	if c.Source, ok = p.path("the source table's name"); !ok {
		return c, false
	}
	for {
		switch t := p.peek(); {
		case t.kind == hintOpen:
			p.once(c.Hint == nil, "OPTIONS", t.at)
			if c.Hint, ok = p.hint(); !ok {
				return c, false
			}
		case t.is("ADD"):
			p.once(c.AddColumns == nil, "ADD COLUMN", t.at)
			if c.AddColumns, ok = p.addColumns(); !ok {
				return c, false
			}
		case t.is("DROP") && (p.ahead(1).is("COLUMN") || p.ahead(1).is("COLUMNS")):
			p.once(c.DropColumns == nil, "DROP COLUMN", t.at)
			if c.DropColumns, ok = p.dropColumns(); !ok {
				return c, false
			}
		case t.is("WHERE"):
			p.once(c.Where == nil, "WHERE", t.at)
			if c.Where, ok = p.where(); !ok {
				return c, false
			}
		case t.is("WITH"), t.is("COMMENT"), t.is("PARTITIONED"):
			return c, p.unexpected("; after the source table", "move "+t.text+" before AS TABLE.")
		case t.is("OPTIONS"):
			return c, p.unexpected("the hint /*+ OPTIONS (…) */", "put /*+ before OPTIONS and */ behind its closing parenthesis.")
		default:
			return c, true
		}
	}
}
