package ddl

import "starferry/internal/change"

// rowVerbs read, behind the verb of a statement that may change rows, the names
// of tables that it can have changed.
var rowVerbs = map[string]func(*cursor) []change.Name{
	"INSERT": (*cursor).insertTarget, "REPLACE": (*cursor).insertTarget,
	"UPDATE": (*cursor).joinedTables, "DELETE": (*cursor).joinedTables, "WITH": (*cursor).joinedTables,
	"LOAD": (*cursor).loadTarget,
	"CALL": (*cursor).noNames, "DO": (*cursor).noNames, "SELECT": (*cursor).noNames,
}

func (c *cursor) noNames() []change.Name { return nil }

func (c *cursor) insertTarget() []change.Name {
	for c.acceptAny("LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "INTO") != "" {
	}
	if name, ok := c.tableName(); ok {
		return []change.Name{name}
	}
	return nil
}

func (c *cursor) loadTarget() []change.Name {
	for !c.done() {
		if c.accept("INTO", "TABLE") {
			if name, ok := c.tableName(); ok {
				return []change.Name{name}
			}
			return nil
		}
		c.next()
	}
	return nil
}

// joinedTables gives every table named where tables are named: at the start, behind
// a comma, FROM, JOIN and USING, outside of parentheses that are no join. It ends
// at SET or WHERE. Aliases come along: more names than changed are said, not fewer.
func (c *cursor) joinedTables() []change.Name {
	var names []change.Name
	expected := true
	for !c.done() && !c.is("SET") && !c.is("WHERE") && !c.is("RETURNING") {
		switch {
		case c.acceptAny("LOW_PRIORITY", "QUICK", "IGNORE", "RECURSIVE", "LATERAL") != "":
		case c.acceptAny(",", "FROM", "JOIN", "USING", "STRAIGHT_JOIN", "UPDATE", "DELETE") != "":
			expected = true
		case c.is("(") && !(expected && isNameToken(c.peek(1)) && !startsQuery(c.peek(1))):
			if !c.parentheses() {
				return names
			}
			expected = false
		case c.accept("("), c.accept(")"):
		case expected && c.isName():
			if dot, star := c.peek(1), c.peek(2); dot.text == "." && star.kind == mark && star.text == "*" {
				names = append(names, change.Name{Database: c.session.Database, Table: c.next().text})
				c.at += 2
				expected = false
				continue
			}
			name, ok := c.tableName()
			if !ok {
				return names
			}
			names = append(names, name)
			if c.accept(".") {
				c.accept("*")
			}
			expected = false
		default:
			c.next()
		}
	}
	return names
}
