package ddl

import "strings"

// alterTable reads what follows ALTER TABLE. A clause it cannot classify becomes
// an Unhandled, so that only the table concerned stops.
func (c *cursor) alterTable(ignore bool) (Statement, error) {
	a := &AlterTable{IfExists: c.accept("IF", "EXISTS")}
	var ok bool
	if a.Name, ok = c.tableName(); !ok {
		return nil, unreadable(c.lexer.src, "the name of the table is missing")
	}
	c.wait()
	if ignore {
		a.RowsGone = "IGNORE"
	}
	for !c.done() {
		from := c.at
		if reason := c.alterClause(a); reason != "" {
			c.skipTo()
			a.Changes = append(a.Changes, &Unhandled{Clause: c.since(from), Reason: reason})
		}
		if c.is(")") { // nothing opened it
			a.Changes = append(a.Changes, &Unhandled{Clause: c.since(from), Reason: "the statement cannot be read"})
			break
		}
		if !c.accept(",") && c.at == from {
			c.next()
		}
	}
	if c.peek(0).kind == broken {
		a.Changes = append(a.Changes, &Unhandled{Clause: shorten(c.lexer.src), Reason: "a quote or comment does not end"})
	}
	return a, nil
}

func (a *AlterTable) add(changes ...Change) { a.Changes = append(a.Changes, changes...) }

// alterClause takes one clause; a reason when it is not handled.
func (c *cursor) alterClause(a *AlterTable) string {
	switch {
	case c.accept("ADD"):
		return c.addClause(a)
	case c.accept("DROP"):
		return c.dropClause(a)
	case c.accept("MODIFY"):
		return c.changeClause(a, false)
	case c.accept("CHANGE"):
		return c.changeClause(a, true)
	case c.accept("ALTER"):
		return c.alterColumnClause(a)
	case c.accept("RENAME"):
		return c.renameClause(a)
	case c.accept("CONVERT", "TO"):
		return c.convertClause(a)
	case c.is("DEFAULT", "CHARACTER") || c.is("DEFAULT", "CHARSET") || c.is("DEFAULT", "COLLATE") || c.is("CHARACTER", "SET") || c.is("CHARSET") || c.is("COLLATE"):
		return c.charsetClause(a)
	case c.accept("COMMENT"):
		c.accept("=")
		a.add(&TableComment{c.next().text})
		return ""
	case c.accept("ORDER", "BY"):
		c.orderBy()
		return ""
	}
	if taken, reason := c.partitionClause(a); taken {
		return reason
	}
	return c.optionClause(a)
}

// addClause takes what follows ADD.
func (c *cursor) addClause(a *AlterTable) string {
	switch {
	case c.is("PARTITION"):
		c.skipTo()
		return ""
	case c.is("SYSTEM", "VERSIONING") || c.is("PERIOD", "FOR", "SYSTEM_TIME"):
		return "system versioning"
	}
	ifNotExists := c.is("CONSTRAINT", "IF") || c.is("PRIMARY", "KEY", "IF")
	var b body
	if c.constraint(&b) {
		a.addConstraint(&b, ifNotExists)
		return ""
	}
	c.accept("COLUMN")
	ifNotExists = c.accept("IF", "NOT", "EXISTS")
	if c.accept("(") {
		c.body(&b)
		for _, d := range b.definitions {
			a.add(&AddColumn{column: *d, IfNotExists: ifNotExists})
		}
		a.addConstraint(&b, false)
		return b.reason
	}
	name, ok := c.columnName()
	if !ok {
		return "the name of the column is missing"
	}
	d, reason := c.definition(name)
	if reason != "" {
		return reason
	}
	add := &AddColumn{column: d, IfNotExists: ifNotExists}
	if add.First, add.After, ok = c.place(); !ok {
		return "the place of the column cannot be read"
	}
	a.add(add)
	if d.primary {
		a.add(&AddPrimaryKey{Columns: []string{name}})
	}
	return ""
}

func (a *AlterTable) addConstraint(b *body, ifNotExists bool) {
	if len(b.key) > 0 {
		a.add(&AddPrimaryKey{Columns: b.key, IfNotExists: ifNotExists})
	}
	if len(b.notNull) > 0 {
		a.add(&NotNull{b.notNull})
	}
}

// place takes FIRST or AFTER column.
func (c *cursor) place() (first bool, after string, ok bool) {
	if c.accept("FIRST") {
		return true, "", true
	}
	if c.accept("AFTER") {
		after, ok = c.columnName()
		return false, after, ok
	}
	return false, "", true
}

// dropClause takes what follows DROP.
func (c *cursor) dropClause(a *AlterTable) string {
	switch {
	case c.accept("PRIMARY", "KEY"):
		a.add(&DropPrimaryKey{})
		return ""
	case c.is("INDEX") || c.is("KEY") || c.is("CONSTRAINT"):
		c.next()
		ifExists := c.accept("IF", "EXISTS")
		if name, ok := c.name(); ok && strings.EqualFold(name, "PRIMARY") {
			a.add(&DropPrimaryKey{IfExists: ifExists})
		}
		return ""
	case c.is("FOREIGN", "KEY") || c.is("CHECK"):
		c.skipTo()
		return ""
	case c.is("PARTITION"):
		a.RowsGone = "DROP PARTITION"
		c.skipClause()
		return ""
	case c.is("SYSTEM", "VERSIONING") || c.is("PERIOD", "FOR", "SYSTEM_TIME"):
		return "system versioning"
	case c.is("PERIOD", "FOR"):
		c.skipTo()
		return ""
	}
	c.accept("COLUMN")
	drop := &DropColumn{IfExists: c.accept("IF", "EXISTS")}
	var ok bool
	if drop.Column, ok = c.columnName(); !ok {
		return "the name of the column is missing"
	}
	c.acceptAny("RESTRICT", "CASCADE")
	a.add(drop)
	return ""
}

// skipClause skips a clause whose list of names has commas of its own: no other
// clause can follow it.
func (c *cursor) skipClause() {
	for !c.done() && !c.is(")") {
		c.skipTo()
		if !c.accept(",") {
			return
		}
	}
}

// changeClause takes what follows MODIFY and CHANGE.
func (c *cursor) changeClause(a *AlterTable, renames bool) string {
	c.accept("COLUMN")
	change := &ChangeColumn{IfExists: c.accept("IF", "EXISTS")}
	var ok bool
	if change.From, ok = c.columnName(); !ok {
		return "the name of the column is missing"
	}
	name := change.From
	if renames {
		if name, ok = c.columnName(); !ok {
			return "the new name of the column is missing"
		}
	}
	var reason string
	if change.column, reason = c.definition(name); reason != "" {
		return reason
	}
	if change.First, change.After, ok = c.place(); !ok {
		return "the place of the column cannot be read"
	}
	a.add(change)
	if change.column.primary {
		a.add(&AddPrimaryKey{Columns: []string{name}})
	}
	return ""
}

// alterColumnClause takes what follows ALTER inside of ALTER TABLE.
func (c *cursor) alterColumnClause(a *AlterTable) string {
	if c.is("INDEX") || c.is("KEY") || c.is("CHECK") || c.is("CONSTRAINT") {
		c.skipTo()
		return ""
	}
	c.accept("COLUMN")
	ifExists := c.accept("IF", "EXISTS")
	name, ok := c.columnName()
	switch {
	case !ok:
		return "the name of the column is missing"
	case c.accept("SET", "DEFAULT"):
		v, ok := c.defaultValue()
		if !ok {
			return "the default of column " + name + " cannot be read"
		}
		a.add(&SetDefault{Column: name, value: v, IfExists: ifExists})
	case c.accept("DROP", "DEFAULT"):
		a.add(&SetDefault{Column: name, IfExists: ifExists})
	case c.accept("SET", "VISIBLE"):
		a.add(&SetVisibility{Column: name})
	case c.accept("SET", "INVISIBLE"):
		a.add(&SetVisibility{Column: name, Invisible: true})
	default:
		return "not a change of a column that is known"
	}
	return ""
}

// renameClause takes what follows RENAME inside of ALTER TABLE.
func (c *cursor) renameClause(a *AlterTable) string {
	switch {
	case c.is("INDEX") || c.is("KEY"):
		c.skipTo()
		return ""
	case c.accept("COLUMN"):
		rename := &RenameColumn{IfExists: c.accept("IF", "EXISTS")}
		var from, to bool
		rename.From, from = c.columnName()
		if !from || !c.accept("TO") {
			return "the names cannot be read"
		}
		if rename.To, to = c.name(); !to {
			return "the names cannot be read"
		}
		a.add(rename)
		return ""
	}
	c.acceptAny("TO", "AS", "=")
	to, ok := c.tableName()
	if !ok {
		return "the new name cannot be read"
	}
	a.RenameTo = &to
	return ""
}

// convertClause takes what follows CONVERT TO.
func (c *cursor) convertClause(a *AlterTable) string {
	if !c.accept("CHARACTER", "SET") && !c.accept("CHARSET") {
		return "not a charset"
	}
	change := &TableCharset{Convert: true}
	c.accept("=")
	if !c.accept("DEFAULT") {
		change.Charset, _ = c.charsetName()
	}
	if c.accept("COLLATE") {
		c.accept("=")
		change.Collation, _ = c.charsetName()
	}
	if change.Charset == "binary" {
		return "text columns become binary ones"
	}
	a.add(change)
	return ""
}

// charsetClause takes [DEFAULT] CHARACTER SET and COLLATE.
func (c *cursor) charsetClause(a *AlterTable) string {
	c.accept("DEFAULT")
	change := &TableCharset{}
	collate := c.accept("COLLATE")
	if !collate {
		c.accept("CHARACTER")
		c.acceptAny("SET", "CHARSET")
	}
	c.accept("=")
	name, ok := c.charsetName()
	if !ok {
		return "the charset cannot be read"
	}
	if collate {
		change.Collation = name
	} else {
		change.Charset = name
	}
	a.add(change)
	return ""
}

// orderBy takes a list of columns; the list ends where no column stands between
// two commas.
func (c *cursor) orderBy() {
	for {
		c.columnName()
		c.acceptAny("ASC", "DESC")
		if !c.is(",") || !isNameToken(c.peek(1)) {
			return
		}
		n := 2
		for c.peek(n).kind == mark && c.peek(n).text == "." {
			n += 2
		}
		after := c.peek(n)
		if after.kind != end && after.text != "," && after.upper != "ASC" && after.upper != "DESC" {
			return
		}
		c.next()
	}
}
