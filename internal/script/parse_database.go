package script

// createDatabase reads what follows CREATE DATABASE.
func (p *parser) createDatabase() (Statement, bool) {
	c := &CreateDatabaseAs{IfNotExists: p.ifNotExists()}
	var ok bool
	if c.Name, ok = p.path("the target database's name"); !ok {
		return c, false
	}
	if len(c.Name.Parts) > 2 {
		p.report(CodeUnexpected, c.Name.At, "a database's name has at most two parts", "", "write catalog.database.")
		return c, false
	}
	for {
		switch p.clause("COMMENT", "WITH", "AS") {
		case "COMMENT":
			p.once(c.Comment == nil, "COMMENT", p.wordAt())
			c.Comment, ok = p.comment()
		case "WITH":
			p.once(c.With == nil, "WITH", p.wordAt())
			c.With, ok = p.options("WITH", p.wordAt().Start)
		case "AS":
			return p.asDatabase(c)
		case ";":
			return p.otherCreateDatabase()
		default:
			return c, p.unexpected("COMMENT, WITH or AS DATABASE", "")
		}
		if !ok {
			return c, false
		}
	}
}

func (p *parser) asDatabase(c *CreateDatabaseAs) (Statement, bool) {
	if !p.accept("SCHEMA") && !p.keyword("DATABASE") {
		return c, false
	}
	var ok bool
	if c.Source, ok = p.path("the source database's name"); !ok {
		return c, false
	}
	seen := map[string]bool{}
	for ok {
		t := p.peek()
		if t.kind == hintOpen {
			p.once(c.Hint == nil, "OPTIONS", t.at)
			c.Hint, ok = p.hint()
			continue
		}
		clause := p.databaseClause()
		if clause == "" {
			return c, true
		}
		p.once(!seen[clause], clause, t.at)
		seen[clause] = true
		switch clause {
		case "INCLUDING":
			ok = p.including(c)
		case "EXCLUDING":
			c.Excluding, ok = p.tableList()
		case "RENAME":
			c.Renames, ok = p.renames()
		}
	}
	return c, false
}

// databaseClause takes the keyword of a clause behind AS DATABASE; "" is none.
func (p *parser) databaseClause() string {
	for _, k := range []string{"INCLUDING", "EXCLUDING", "RENAME"} {
		if p.accept(k) {
			return k
		}
	}
	if p.atHead() {
		return ""
	}
	return p.misspelled("INCLUDING", "EXCLUDING")
}

func (p *parser) including(c *CreateDatabaseAs) bool {
	if p.accept("ALL") {
		return p.accept("TABLE") || p.keyword("TABLES")
	}
	var ok bool
	c.Including, ok = p.tableList()
	return ok
}

// renames reads TABLE 'pattern' TO 'name', 'pattern' TO 'name'.
func (p *parser) renames() ([]Rename, bool) {
	if !p.accept("TABLES") && !p.keyword("TABLE") {
		return nil, false
	}
	var all []Rename
	for {
		var r Rename
		var ok bool
		if r.From, ok = p.text("the pattern of source tables"); !ok || !p.keyword("TO") {
			return all, false
		}
		if r.To, ok = p.text("the target table's name"); !ok {
			return all, false
		}
		all = append(all, r)
		if !p.accept(",") {
			return all, true
		}
	}
}

// tableList reads TABLE 'a', 'b'.
func (p *parser) tableList() ([]Text, bool) {
	if !p.accept("TABLES") && !p.keyword("TABLE") {
		return nil, false
	}
	var names []Text
	for {
		name, ok := p.text("a table's name")
		if !ok {
			return names, false
		}
		names = append(names, name)
		if p.accept(",") {
			continue
		}
		if p.peek().kind != str {
			return names, true
		}
		p.report(CodeMissingComma, p.behind(), "two names stand without a comma between them", ", expected here", "add a comma.")
	}
}
