package script

import (
	"slices"
	"strings"

	"starferry/internal/diag"
)

// show reads what follows SHOW; what is none of ours is refused by its name.
func (p *parser) show(head token) (Statement, bool) {
	s := &Show{}
	switch t := p.peek(); {
	case p.accept("CATALOGS"):
		s.What = "CATALOGS"
	case t.is("DATABASES"), t.is("SCHEMAS"), t.is("TABLES"):
		p.take()
		s.What = strings.ToUpper(t.text)
		if s.What == "SCHEMAS" {
			s.What = "DATABASES"
		}
		if !p.from(s, false) {
			return s, false
		}
	case t.is("COLUMNS"), t.is("FIELDS"):
		p.take()
		s.What = "COLUMNS"
		if !p.from(s, true) {
			return s, false
		}
	case t.is("CREATE") && (p.ahead(1).is("TABLE") || p.ahead(1).is("CATALOG")):
		p.take()
		s.What = "CREATE " + strings.ToUpper(p.take().text)
		return s, p.of(s)
	case t.is("CURRENT") && (p.ahead(1).is("CATALOG") || p.ahead(1).is("DATABASE")):
		p.take()
		s.What = "CURRENT " + strings.ToUpper(p.take().text)
		return s, true
	default:
		if p.misspelled("CATALOGS", "DATABASES", "TABLES", "COLUMNS") != "" {
			return s, false
		}
		return p.foreignNamed(head, useShow)
	}
	return s, p.like(s)
}

// from reads FROM name or IN name, which must stand there if needed is set.
func (p *parser) from(s *Show, needed bool) bool {
	if !p.accept("FROM") && !p.accept("IN") {
		return !needed || p.unexpected("FROM and a table's name", "write SHOW COLUMNS FROM catalog.database.table.")
	}
	return p.of(s)
}

func (p *parser) of(s *Show) bool {
	path, ok := p.path("a name")
	if !ok {
		return false
	}
	most := map[string]int{"DATABASES": 1, "TABLES": 2, "CREATE CATALOG": 1}[s.What]
	if most > 0 && len(path.Parts) > most {
		p.report(CodeUnexpected, path.At, "the name has too many parts for SHOW "+s.What, "",
			map[int]string{1: "write a catalog's name.", 2: "write a database's name, or catalog.database."}[most])
		return false
	}
	s.Of = &path
	return true
}

// like reads an optional [NOT] LIKE 'pattern' or ILIKE.
func (p *parser) like(s *Show) bool {
	if p.peek().is("NOT") && (p.ahead(1).is("LIKE") || p.ahead(1).is("ILIKE")) {
		p.take()
		s.Not = true
	}
	if !p.accept("LIKE") {
		if s.AnyCase = p.accept("ILIKE"); !s.AnyCase {
			return true
		}
	}
	text, ok := p.text("a pattern")
	s.Like = &text
	return ok
}

// describe reads what follows DESCRIBE or DESC.
func (p *parser) describe(head token) (Statement, bool) {
	if t := p.peek(); t.is("JOB") || t.is("FUNCTION") || t.is("MODEL") {
		return p.foreignNamed(head, useShow)
	}
	d := &Describe{}
	if p.peek().is("CATALOG") && p.ahead(1).isName() {
		p.take()
		d.Catalog = true
	} else if p.peek().is("TABLE") && p.ahead(1).isName() {
		p.take()
	}
	if p.peek().is("EXTENDED") && p.ahead(1).isName() {
		p.take()
	}
	var ok bool
	d.Of, ok = p.path("a name")
	if ok && d.Catalog && len(d.Of.Parts) > 1 {
		p.report(CodeUnexpected, d.Of.At, "a catalog's name has one part", "", "write DESCRIBE CATALOG name.")
		return d, false
	}
	return d, ok
}

// explainDetails are what Flink's EXPLAIN takes before its statement; they say nothing
// here.
var explainDetails = []string{"ESTIMATED_COST", "CHANGELOG_MODE", "PLAN_ADVICE", "JSON_EXECUTION_PLAN"}

// explain reads EXPLAIN [PLAN FOR] statement, or EXPLAIN STATEMENT SET BEGIN … END.
func (p *parser) explain(head token) (Statement, bool) {
	e := &Explain{}
	switch {
	case p.peek().is("PLAN") && p.ahead(1).is("FOR"):
		p.take()
		p.take()
	case p.atDetail():
		for p.take(); p.peek().is(",") || p.atDetail(); {
			p.take()
		}
	}
	switch t := p.peek(); {
	case t.is("STATEMENT") && p.ahead(1).is("SET"), t.is("EXECUTE") && p.ahead(1).is("STATEMENT"):
		return e, p.explainedSet(e)
	case t.is("CREATE") && (p.ahead(1).is("TABLE") || p.ahead(1).is("DATABASE") || p.ahead(1).is("SCHEMA")):
		p.take()
		inner, ok := p.create()
		e.add(p, inner, t.at.Start)
		return e, ok
	}
	return p.foreignNamed(head, useExplain)
}

func (p *parser) atDetail() bool {
	return p.peek().kind == word && slices.Contains(explainDetails, strings.ToUpper(p.peek().text))
}

func (e *Explain) add(p *parser, inner Statement, start int) {
	if inner == nil {
		return
	}
	node := nodeOf(inner)
	node.At = diag.Span{Start: start, End: max(start, p.behind().End)}
	node.Broken = node.Broken || p.broken
	e.Statements = append(e.Statements, inner)
}

// explainedSet reads STATEMENT SET BEGIN statement; … END.
func (p *parser) explainedSet(e *Explain) bool {
	begin := p.peek().at
	p.accept("EXECUTE")
	for _, w := range []string{"STATEMENT", "SET", "BEGIN"} {
		if !p.keyword(w) {
			return false
		}
	}
	p.accept(";")
	for {
		switch t := p.peek(); {
		case t.kind == endOfFile:
			p.report(CodeStatementSet, begin, "this statement set is never ended", "", "write END; after its last statement.")
			return false
		case t.is("END"):
			p.take()
			return true
		case t.is(";"):
			p.take()
		case t.is("CREATE") && (p.ahead(1).is("TABLE") || p.ahead(1).is("DATABASE") || p.ahead(1).is("SCHEMA")):
			p.take()
			inner, ok := p.create()
			e.add(p, inner, t.at.Start)
			if !ok {
				p.skipStatement()
			} else if next := p.peek(); !next.is(";") && !next.is("END") && next.kind != endOfFile {
				p.unexpected("; after the statement", "end it with a semicolon.")
				p.skipStatement()
			}
		default:
			p.unexpected("CREATE TABLE, CREATE DATABASE or END", "a statement set holds the statements that move rows.")
			p.take()
			p.skipStatement()
		}
	}
}
