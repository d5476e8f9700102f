package ddl

import (
	"starferry/internal/change"
)

// definition is a column as a statement writes it.
type definition struct {
	name      string
	typ       dataType
	null      nullability
	value     defaultValue
	comment   string
	auto      bool
	primary   bool // inline PRIMARY KEY
	unique    bool
	generated bool
	invisible bool
	onUpdate  bool // ON UPDATE CURRENT_TIMESTAMP
}

type nullability uint8

const (
	unsaid nullability = iota
	nullable
	notNull
)

// definition takes a type and its attributes; a reason when it cannot, for which
// the caller knows the clause.
func (c *cursor) definition(name string) (definition, string) {
	d := definition{name: name}
	var ok bool
	if d.typ, ok = c.dataType(); !ok {
		if c.session.OracleMode {
			return d, "types have other meanings in sql_mode=ORACLE"
		}
		return d, "the type of column " + name + " is not known"
	}
	if d.typ.serial {
		d.null, d.auto, d.unique = notNull, true, true
	}
	for !c.attributesEnd() {
		if reason := c.attribute(&d); reason != "" {
			return d, reason
		}
	}
	return d, ""
}

func (c *cursor) attributesEnd() bool {
	return c.done() || c.is(",") || c.is(")") || c.is("FIRST") || c.is("AFTER") || c.is("PARTITION") || c.is("REMOVE", "PARTITIONING")
}

// attribute takes one attribute of a column.
func (c *cursor) attribute(d *definition) string {
	unknown := "the attribute " + shorten(c.peek(0).text) + " of column " + d.name + " is not known"
	switch {
	case c.accept("NOT", "NULL"):
		d.null = notNull
	case c.accept("NULL"):
		d.null = nullable
	case c.accept("NOT", "SECONDARY"), c.accept("ENFORCED"), c.accept("NOT", "ENFORCED"), c.accept("VISIBLE"), c.accept("WITHOUT", "SYSTEM", "VERSIONING"):
	case c.accept("DEFAULT"):
		if d.value, d.null = c.columnDefault(d); d.value.class == noDefault {
			return "the default of column " + d.name + " cannot be read"
		}
	case c.accept("ON", "UPDATE"):
		if _, ok := c.now(); !ok {
			return unknown
		}
		d.onUpdate = true
	case c.accept("AUTO_INCREMENT"):
		d.auto, d.null = true, notNull
	case c.accept("SERIAL", "DEFAULT", "VALUE"):
		d.auto, d.unique, d.null = true, true, notNull
	case c.accept("UNIQUE"):
		c.accept("KEY")
		d.unique = true
	case c.accept("PRIMARY", "KEY"), c.accept("PRIMARY"), c.accept("KEY"):
		d.primary, d.null = true, notNull
	case c.accept("COMMENT"):
		if c.peek(0).kind != text {
			return unknown
		}
		d.comment = c.next().text
	case c.accept("INVISIBLE"):
		d.invisible = true
	case c.is("GENERATED") || c.is("AS"):
		return c.generation(d)
	case c.acceptAny("VIRTUAL", "STORED", "PERSISTENT") != "":
	case c.is("CHARACTER", "SET") || c.is("CHARSET") || c.is("BINARY") || c.is("ASCII") || c.is("UNICODE") || c.is("COMPRESSED") || c.is("COLLATE"):
		return c.lateTypeAttribute(d, unknown)
	default:
		return c.harmlessAttribute(unknown)
	}
	return ""
}

// columnDefault takes what follows DEFAULT; the nullability is that of d, which a
// default does not change.
func (c *cursor) columnDefault(d *definition) (defaultValue, nullability) {
	v, ok := c.defaultValue()
	if !ok {
		return defaultValue{}, d.null
	}
	return v, d.null
}

func (c *cursor) generation(d *definition) string {
	c.accept("GENERATED")
	c.accept("ALWAYS")
	if !c.accept("AS") || !c.parentheses() {
		return "the generation of column " + d.name + " is not by an expression"
	}
	d.generated = true
	return ""
}

// lateTypeAttribute takes an attribute of the type that stands among the others.
func (c *cursor) lateTypeAttribute(d *definition, unknown string) string {
	if c.accept("COLLATE") {
		name, ok := c.charsetName()
		if !ok {
			return unknown
		}
		if d.typ.charset != "utf8mb4" || d.typ.base != change.LongText || d.typ.collation == "" {
			d.typ.collation = name
		}
		return ""
	}
	if !c.typeAttributes(&d.typ) {
		return unknown
	}
	return ""
}

// harmlessAttribute takes the attributes that say nothing of the column's shape.
func (c *cursor) harmlessAttribute(unknown string) string {
	switch {
	case c.accept("CONSTRAINT"):
		if !c.is("CHECK") {
			c.next()
		}
	case c.accept("CHECK"):
		if !c.parentheses() {
			return unknown
		}
	case c.accept("REFERENCES"):
		return c.references(unknown)
	case c.acceptAny("COLUMN_FORMAT", "STORAGE") != "":
		c.next()
	case c.acceptAny("ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE", "SRID", "REF_SYSTEM_ID") != "":
		c.accept("=")
		c.next()
	case c.session.MariaDB && c.isName() && c.peek(1).kind == mark && c.peek(1).text == "=":
		c.at += 2 // an attribute of a storage engine
		c.next()
	default:
		return unknown
	}
	return ""
}

func (c *cursor) references(unknown string) string {
	if _, ok := c.tableName(); !ok {
		return unknown
	}
	if c.is("(") && !c.parentheses() {
		return unknown
	}
	for {
		switch {
		case c.accept("MATCH"):
			c.next()
		case c.accept("ON", "DELETE"), c.is("ON", "UPDATE") && !c.onUpdateNow() && c.accept("ON", "UPDATE"):
			if !c.accept("SET", "NULL") && !c.accept("SET", "DEFAULT") && !c.accept("NO", "ACTION") {
				c.next()
			}
		default:
			return ""
		}
	}
}

// onUpdateNow tells ON UPDATE CURRENT_TIMESTAMP from a foreign key's ON UPDATE.
func (c *cursor) onUpdateNow() bool {
	switch c.peek(2).upper {
	case "CURRENT_TIMESTAMP", "NOW", "LOCALTIME", "LOCALTIMESTAMP":
		return true
	}
	return false
}

// column makes the column that the server makes of a definition; false when the value of its
// default is not known. The primary key's columns become NOT NULL later.
func (d *definition) column(outer textOrder, s *Session) (_ change.Column, known bool) {
	column := change.Column{
		Name: d.name, Type: d.typ.resolve(outer, s), Nullable: d.null != notNull,
		AutoIncrement: d.auto, Generated: d.generated, Invisible: d.invisible, Comment: d.comment,
	}
	if column.Type.Base == change.Timestamp && !s.ExplicitDefaultsForTimestamp && d.null == unsaid && !(d.generated && s.MariaDB) {
		column.Nullable = false
	}
	known = setDefault(&column, d.value)
	if d.zeroTimestamp(&column, s) {
		zero := zeroTime(column.Type.Fraction)
		column.Default = &zero
	}
	return column, known
}

// zeroTimestamp tells a TIMESTAMP NOT NULL that gets a zero default because
// explicit_defaults_for_timestamp is off.
func (d *definition) zeroTimestamp(column *change.Column, s *Session) bool {
	return column.Type.Base == change.Timestamp && !s.ExplicitDefaultsForTimestamp &&
		!column.Nullable && !d.generated && d.value.class == noDefault
}

// becomesKey makes a column NOT NULL because it is of the primary key; d is its definition
// in this statement, nil when it has none there. Without explicit_defaults_for_timestamp
// MariaDB then gives a TIMESTAMP that was said to take NULL its zero, and MySQL gives none
// to one that it defines.
func becomesKey(column *change.Column, d *definition, s *Session) {
	if column.Type.Base == change.Timestamp && !s.ExplicitDefaultsForTimestamp && !column.Generated {
		switch none := column.Default == nil && column.DefaultExpression == ""; {
		case s.MariaDB && column.Nullable && none:
			zero := zeroTime(column.Type.Fraction)
			column.Default = &zero
		case !s.MariaDB && d != nil && d.zeroTimestamp(column, s):
			column.Default = nil
		}
	}
	column.Nullable = false
}

// promoted tells a TIMESTAMP that gets DEFAULT CURRENT_TIMESTAMP when it is the
// first of its table and explicit_defaults_for_timestamp is off.
func (d *definition) promoted() bool {
	return d.null != nullable && d.value.class == noDefault && !d.generated && !d.onUpdate
}

// promoteTimestamp gives the first TIMESTAMP among columns its default; defined is
// the definition of a column in this statement, nil when it has none there.
func promoteTimestamp(columns []*change.Column, defined func(*change.Column) *definition, s *Session) {
	if s.ExplicitDefaultsForTimestamp {
		return
	}
	for _, column := range columns {
		if column.Type.Base != change.Timestamp {
			continue
		}
		if d := defined(column); d != nil && d.promoted() {
			setDefault(column, defaultValue{class: expressionDefault, text: nowText(column.Type.Fraction)})
		}
		return
	}
}
