package ddl

import "strings"

// Parse reads one statement of a binlog. An error means that the statement
// concerns tables and that not even their names can be read; a statement that
// defines columns in a way not handled names its table and tells its problem
// (CreateTable.Problem, Unhandled). Unknown statements are Other.
func Parse(text string, s Session) (Statement, error) {
	c := newCursor(text, &s)
	if c.accept("SET", "STATEMENT") {
		for !c.done() && !c.is("FOR") {
			c.next()
		}
		c.accept("FOR")
	}
	verb := c.peek(0).upper
	switch {
	case c.accept("CREATE"):
		return c.create()
	case c.accept("ALTER"):
		return c.alter()
	case c.accept("DROP"):
		return c.drop()
	case c.accept("RENAME", "TABLE"), c.accept("RENAME", "TABLES"):
		return c.renameTable()
	case c.accept("TRUNCATE"):
		return c.truncate()
	}
	if read := rowVerbs[verb]; read != nil {
		c.next()
		return &RowsByStatement{Verb: verb, Names: read(c)}, nil
	}
	return &Other{Verb: verb}, nil
}

func (c *cursor) create() (Statement, error) {
	orReplace := c.accept("OR", "REPLACE")
	c.accept("EXTERNAL")
	temporary := c.accept("TEMPORARY")
	switch {
	case c.accept("TABLE"):
		return c.createTable(orReplace, temporary)
	case c.accept("DATABASE"), c.accept("SCHEMA"):
		s := &CreateDatabase{OrReplace: orReplace, IfNotExists: c.accept("IF", "NOT", "EXISTS")}
		var ok bool
		if s.Name, ok = c.name(); !ok {
			return nil, unreadable(c.lexer.src, "the name of the database is missing")
		}
		s.Charset, s.Collation = c.databaseOptions()
		return s, nil
	}
	return &Other{Verb: "CREATE " + c.peek(0).upper}, nil
}

// databaseOptions takes charset and collation and completes the one by the other.
func (c *cursor) databaseOptions() (charset, collation string) {
	for !c.done() {
		switch {
		case c.accept("CHARACTER", "SET"), c.accept("CHARSET"):
			c.accept("=")
			charset, _ = c.charsetName()
		case c.accept("COLLATE"):
			c.accept("=")
			collation, _ = c.charsetName()
		default:
			c.next()
		}
	}
	order := c.session.order(charset, collation, textOrder{})
	return order.charset, order.collation
}

func (c *cursor) alter() (Statement, error) {
	c.accept("ONLINE")
	ignore := c.accept("IGNORE")
	switch {
	case c.accept("TABLE"):
		return c.alterTable(ignore)
	case c.accept("DATABASE"), c.accept("SCHEMA"):
		s := &AlterDatabase{Name: c.session.Database}
		if !c.databaseOptionNext() {
			s.Name, _ = c.name()
		}
		s.Charset, s.Collation = c.databaseOptions()
		return s, nil
	}
	return &Other{Verb: "ALTER " + c.peek(0).upper}, nil
}

// databaseOptionNext tells an ALTER DATABASE without a name.
func (c *cursor) databaseOptionNext() bool {
	switch t := c.peek(0); t.upper {
	case "DEFAULT", "CHARACTER", "CHARSET", "COLLATE", "ENCRYPTION", "READ", "COMMENT", "UPGRADE":
		second := c.peek(1)
		return second.kind != end && second.upper != "DEFAULT" && second.upper != "CHARSET" && second.upper != "COLLATE" || t.upper == "DEFAULT"
	}
	return false
}

func (c *cursor) drop() (Statement, error) {
	temporary := c.accept("TEMPORARY")
	switch {
	case c.accept("TABLE"), c.accept("TABLES"):
		s := &DropTable{Temporary: temporary, IfExists: c.accept("IF", "EXISTS")}
		for {
			name, ok := c.tableName()
			if !ok {
				return nil, unreadable(c.lexer.src, "the name of a table is missing")
			}
			s.Names = append(s.Names, name)
			if !c.accept(",") {
				return s, nil
			}
		}
	case c.accept("DATABASE"), c.accept("SCHEMA"):
		s := &DropDatabase{IfExists: c.accept("IF", "EXISTS")}
		var ok bool
		if s.Name, ok = c.name(); !ok {
			return nil, unreadable(c.lexer.src, "the name of the database is missing")
		}
		return s, nil
	case c.accept("INDEX"):
		return c.dropIndex()
	}
	return &Other{Verb: "DROP " + c.peek(0).upper}, nil
}

// dropIndex: DROP INDEX `PRIMARY` ON t drops the primary key.
func (c *cursor) dropIndex() (Statement, error) {
	ifExists := c.accept("IF", "EXISTS")
	if name, ok := c.name(); ok && strings.EqualFold(name, "PRIMARY") && c.accept("ON") {
		table, ok := c.tableName()
		if !ok {
			return nil, unreadable(c.lexer.src, "the name of the table is missing")
		}
		return &AlterTable{Name: table, Changes: []Change{&DropPrimaryKey{IfExists: ifExists}}}, nil
	}
	return &Other{Verb: "DROP INDEX"}, nil
}

func (c *cursor) renameTable() (Statement, error) {
	s := &RenameTable{}
	ifExists := c.accept("IF", "EXISTS")
	for {
		from, ok := c.tableName()
		c.wait()
		if !ok || !c.accept("TO") {
			return nil, unreadable(c.lexer.src, "the names cannot be read")
		}
		to, ok := c.tableName()
		if !ok {
			return nil, unreadable(c.lexer.src, "the new name is missing")
		}
		s.Renames = append(s.Renames, Rename{From: from, To: to, IfExists: ifExists})
		if !c.accept(",") {
			return s, nil
		}
	}
}

// wait takes MariaDB's WAIT n and NOWAIT.
func (c *cursor) wait() {
	if !c.accept("NOWAIT") && c.is("WAIT") && c.peek(1).kind == number {
		c.at += 2
	}
}

func (c *cursor) truncate() (Statement, error) {
	c.accept("TABLE")
	name, ok := c.tableName()
	if !ok {
		return nil, unreadable(c.lexer.src, "the name of the table is missing")
	}
	return &TruncateTable{Name: name}, nil
}
