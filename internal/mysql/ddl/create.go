package ddl

import (
	"slices"
	"strings"

	"starferry/internal/change"
)

// body is what stands between the parentheses of CREATE TABLE.
type body struct {
	definitions []*definition
	key         []string
	unique      [][]string // the columns of unique keys
	notNull     []string   // columns that a PERIOD makes NOT NULL
	reason      string     // why the columns cannot be known
	clause      string
}

// createTable reads what follows CREATE … TABLE.
func (c *cursor) createTable(orReplace, temporary bool) (Statement, error) {
	s := &CreateTable{OrReplace: orReplace, Temporary: temporary}
	s.IfNotExists = c.accept("IF", "NOT", "EXISTS")
	var ok bool
	if s.Name, ok = c.tableName(); !ok {
		return nil, unreadable(c.lexer.src, "the name of the table is missing")
	}
	if c.accept("LIKE") || c.accept("(", "LIKE") {
		like, ok := c.tableName()
		if !ok {
			return nil, unreadable(c.lexer.src, "the name after LIKE is missing")
		}
		s.Like = &like
		return s, nil
	}
	var b body
	columns := c.is("(") && !startsQuery(c.peek(1)) && !c.is("(", "(")
	if columns {
		c.next()
		c.body(&b)
	}
	if b.reason != "" {
		s.Problem = &Unsupported{Code: CodeUnsupported, Table: s.Name, Clause: b.clause, Reason: b.reason}
		return s, nil
	}
	o := c.tableOptions()
	s.Select = o.query
	switch {
	case s.Select:
	case o.reason != "":
		s.Problem = &Unsupported{Code: CodeUnsupported, Table: s.Name, Clause: o.clause, Reason: o.reason}
	case !columns || c.peek(0).kind == broken:
		s.Problem = &Unsupported{Code: CodeUnreadable, Table: s.Name, Clause: shorten(c.lexer.src), Reason: "the statement does not end as one"}
	default:
		s.Table, s.Problem = c.session.makeTable(s.Name, &b, &o)
	}
	return s, nil
}

func startsQuery(t token) bool {
	switch t.upper {
	case "SELECT", "WITH", "VALUES", "TABLE":
		return true
	}
	return false
}

// body takes the elements up to the closing parenthesis.
func (c *cursor) body(b *body) {
	for {
		from := c.at
		if reason := c.element(b); reason != "" {
			c.skipTo()
			b.reason, b.clause = reason, c.since(from)
			return
		}
		switch {
		case c.accept(","):
		case c.accept(")"):
			return
		default:
			c.skipTo()
			b.reason, b.clause = "the list of columns cannot be read", c.since(from)
			return
		}
	}
}

// element takes a column or a constraint.
func (c *cursor) element(b *body) string {
	if c.constraint(b) {
		return ""
	}
	if c.is("PERIOD", "FOR", "SYSTEM_TIME") || c.is("PERIOD", "FOR", "SYSTEM") {
		return "system versioning"
	}
	if c.is("PRIMARY") || c.is("CONSTRAINT") {
		return "the key cannot be read"
	}
	name, ok := c.columnName()
	if !ok {
		return "the name of a column is missing"
	}
	d, reason := c.definition(name)
	if reason != "" {
		return reason
	}
	if d.primary {
		b.key = []string{name}
	}
	if d.unique {
		b.unique = append(b.unique, []string{name})
	}
	b.definitions = append(b.definitions, &d)
	return ""
}

// constraint takes an index, a key, a check or a period; false when none comes
// next. What concerns columns is put into b.
func (c *cursor) constraint(b *body) bool {
	from := c.at
	if c.accept("CONSTRAINT") {
		c.accept("IF", "NOT", "EXISTS")
		if !c.is("PRIMARY") && !c.is("UNIQUE") && !c.is("FOREIGN") && !c.is("CHECK") {
			c.name()
		}
	}
	switch {
	case c.accept("PRIMARY", "KEY"):
		if b.key = c.keyParts(); b.key == nil {
			c.at = from
			return false
		}
	case c.accept("UNIQUE"):
		parts := c.at
		if unique := c.keyParts(); unique != nil {
			b.unique = append(b.unique, unique)
		} else {
			c.at = parts // of expressions
		}
	case c.is("KEY") || c.is("INDEX") || c.is("FULLTEXT") || c.is("SPATIAL") || c.is("FOREIGN") || c.is("CHECK") || c.is("VECTOR", "INDEX") || c.is("VECTOR", "KEY"):
	case c.is("PERIOD", "FOR") && !c.is("PERIOD", "FOR", "SYSTEM_TIME") && c.periodFor(&b.notNull):
	default:
		c.at = from
		return false
	}
	c.skipTo()
	return true
}

// periodFor takes PERIOD FOR name (a, b), which makes a and b NOT NULL.
func (c *cursor) periodFor(notNull *[]string) bool {
	from := c.at
	c.at += 2
	_, ok := c.name()
	if !ok || !c.is("(") {
		c.at = from
		return false
	}
	*notNull = append(*notNull, c.nameList()...)
	return true
}

// keyParts takes [name] [USING …] (a(10) ASC, b) and gives the columns.
func (c *cursor) keyParts() []string {
	for !c.done() && !c.is("(") && !c.is(",") && !c.is(")") {
		c.next()
	}
	return c.nameList()
}

// nameList takes a list of columns in parentheses, whatever stands behind each.
func (c *cursor) nameList() []string {
	if !c.accept("(") {
		return nil
	}
	var names []string
	for {
		name, ok := c.columnName()
		if !ok {
			return nil
		}
		names = append(names, name)
		if c.is("WITHOUT", "OVERLAPS") {
			return nil // of a period, which is no column
		}
		c.skipTo()
		if c.accept(")") {
			return names
		}
		if !c.accept(",") {
			return nil
		}
	}
}

// options is what the table options of CREATE TABLE say.
type options struct {
	charset, collation string
	comment            string
	query              bool
	reason, clause     string
}

// tableOptions takes everything behind the columns. Options that say nothing of
// columns, and partitions, are passed.
func (c *cursor) tableOptions() options {
	var o options
	for !c.done() {
		from := c.at
		switch {
		case c.accept("CHARACTER", "SET"), c.accept("CHARSET"):
			c.accept("=")
			o.charset, _ = c.charsetName()
		case c.accept("COLLATE"):
			c.accept("=")
			o.collation, _ = c.charsetName()
		case c.accept("COMMENT"):
			c.accept("=")
			o.comment = c.next().text
		case c.accept("WITH", "SYSTEM", "VERSIONING"):
			o.reason, o.clause = "system versioning", c.since(from)
		case startsQuery(c.peek(0)) || c.is("AS"):
			o.query = true
			return o
		case c.is("(") && queryInParentheses(c):
			o.query = true
			return o
		case c.is("("):
			if !c.parentheses() {
				return o
			}
		default:
			if c.next(); c.accept("=") {
				if !c.is("(") {
					c.next() // the value is never a keyword
				}
			}
		}
	}
	if strings.EqualFold(o.charset, "default") {
		o.charset = ""
	}
	if strings.EqualFold(o.collation, "default") {
		o.collation = ""
	}
	return o
}

func queryInParentheses(c *cursor) bool {
	n := 0
	for c.peek(n).kind == mark && c.peek(n).text == "(" {
		n++
	}
	return startsQuery(c.peek(n))
}

// makeTable gives the table that the server makes.
func (s *Session) makeTable(name change.Name, b *body, o *options) (*change.Table, error) {
	order := s.order(o.charset, o.collation, s.databaseOrder())
	t := &change.Table{Name: name, Version: 1, Charset: order.charset, Collation: order.collation, Comment: o.comment}
	key := b.key
	if len(key) == 0 && s.GenerateInvisiblePrimaryKey {
		if b.uniqueNotNull() {
			return nil, &Unsupported{
				Code: CodeUnsupported, Table: name, Clause: "UNIQUE",
				Reason: "whether a primary key is generated beside a unique key of NOT NULL columns depends on the server",
			}
		}
		t.Columns = append(t.Columns, invisibleKey())
		key = []string{invisibleKeyName}
	}
	defined := make(map[*change.Column]*definition)
	t.Columns = slices.Grow(t.Columns, len(b.definitions)) // columns stay where they are
	var columns []*change.Column
	for _, d := range b.definitions {
		if t.Index(d.name) >= 0 {
			return nil, outOfStep(name, d.name, "a column of that name stands before it")
		}
		column, known := d.column(order, s)
		if !known {
			return nil, &Unsupported{Code: CodeUnsupported, Table: name, Clause: d.value.written(), Reason: unknownDefault}
		}
		t.Columns = append(t.Columns, column)
		last := &t.Columns[len(t.Columns)-1]
		columns = append(columns, last)
		defined[last] = d
	}
	promoteTimestamp(columns, func(c *change.Column) *definition { return defined[c] }, s)
	for _, column := range b.notNull {
		if i := t.Index(column); i >= 0 {
			t.Columns[i].Nullable = false
		}
	}
	for _, column := range key {
		i := t.Index(column)
		if i < 0 {
			return nil, outOfStep(name, column, "the primary key names a column that is not there")
		}
		becomesKey(&t.Columns[i], defined[&t.Columns[i]], s)
		t.Key = append(t.Key, i)
	}
	return t, nil
}

// uniqueNotNull tells a unique key that could be the primary key.
func (b *body) uniqueNotNull() bool {
	nullable := make(map[string]bool)
	for _, d := range b.definitions {
		nullable[strings.ToLower(d.name)] = d.null != notNull
	}
	return slices.ContainsFunc(b.unique, func(key []string) bool {
		return !slices.ContainsFunc(key, func(column string) bool { return nullable[strings.ToLower(column)] })
	})
}

const invisibleKeyName = "my_row_id"

// invisibleKey is the column of a generated invisible primary key.
func invisibleKey() change.Column {
	return change.Column{
		Name: invisibleKeyName, Type: change.Type{Base: change.BigInt, Unsigned: true},
		AutoIncrement: true, Invisible: true,
	}
}

func outOfStep(table change.Name, clause, reason string) error {
	return &Unsupported{Code: CodeOutOfStep, Table: table, Clause: shorten(clause), Reason: reason}
}
