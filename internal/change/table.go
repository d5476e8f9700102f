package change

import (
	"fmt"
	"slices"
	"strings"
)

// Name names a table on either side. Comparison is exact; folding of case, where
// a server does it, happens before a Name is made.
type Name struct {
	Database string
	Table    string
}

func (n Name) String() string { return n.Database + "." + n.Table }

// Column is one column of a Table.
type Column struct {
	Name     string
	Type     Type
	Nullable bool
	// Default is the literal default as text, unquoted; nil when there is none,
	// when it is NULL, or when it is an expression (then DefaultExpression holds it).
	Default           *string
	DefaultExpression string
	AutoIncrement     bool
	Generated         bool // VIRTUAL or STORED; logged in row images like any other column
	Invisible         bool
	Comment           string
	// Was is the column's name in the version before, when it had another; and its own
	// name when that version had another column of this name.
	Was string
}

// Table is one version of a source table's schema. A Table is immutable once it
// has been handed out, and the same version is always the same pointer, so that
// "has the schema changed?" is a pointer comparison on the road of a row.
type Table struct {
	Name
	// Version counts the schemas of this table from 1, in the order of the log.
	Version int
	Columns []Column
	// Key holds the indexes into Columns of the primary key, in key order. Empty
	// when the table has none.
	Key       []int
	Charset   string // default of the table, for columns added later without one
	Collation string
	Comment   string
}

// Index returns where the column of that name stands, or -1. Column names are
// compared without regard to case, as both servers do.
func (t *Table) Index(column string) int {
	for i := range t.Columns {
		if strings.EqualFold(t.Columns[i].Name, column) {
			return i
		}
	}
	return -1
}

// IsKey tells whether column i is part of the primary key.
func (t *Table) IsKey(i int) bool {
	for _, k := range t.Key {
		if k == i {
			return true
		}
	}
	return false
}

// KeyNames returns the names of the key columns in key order.
func (t *Table) KeyNames() []string {
	names := make([]string, len(t.Key))
	for i, k := range t.Key {
		names[i] = t.Columns[k].Name
	}
	return names
}

// Base is the kind of value a column holds, without its parameters.
type Base uint8

// The types of MySQL and MariaDB. JSON is MySQL's binary type; MariaDB's JSON is
// LongText.
const (
	Unknown Base = iota
	TinyInt
	SmallInt
	MediumInt
	Int
	BigInt
	Bit
	Decimal
	Float
	Double
	Char
	VarChar
	TinyText
	Text
	MediumText
	LongText
	Binary
	VarBinary
	TinyBlob
	Blob
	MediumBlob
	LongBlob
	Enum
	Set
	JSON
	Date
	Time
	DateTime
	Timestamp
	Year
	Geometry
	Vector
	UUID
	INET4
	INET6
	Boolean // TINYINT(1), where the deployment takes it for one
)

var baseNames = [...]string{
	Unknown: "unknown", TinyInt: "tinyint", SmallInt: "smallint", MediumInt: "mediumint", Int: "int",
	BigInt: "bigint", Bit: "bit", Decimal: "decimal", Float: "float", Double: "double",
	Char: "char", VarChar: "varchar", TinyText: "tinytext", Text: "text", MediumText: "mediumtext",
	LongText: "longtext", Binary: "binary", VarBinary: "varbinary", TinyBlob: "tinyblob", Blob: "blob",
	MediumBlob: "mediumblob", LongBlob: "longblob", Enum: "enum", Set: "set", JSON: "json",
	Date: "date", Time: "time", DateTime: "datetime", Timestamp: "timestamp", Year: "year",
	Geometry: "geometry", Vector: "vector", UUID: "uuid", INET4: "inet4", INET6: "inet6", Boolean: "boolean",
}

func (b Base) String() string {
	if int(b) < len(baseNames) {
		return baseNames[b]
	}
	return fmt.Sprintf("base(%d)", uint8(b))
}

// Type is a column type with its parameters. Fields that a Base does not use are
// zero, so that two Types are the same type when Equal says so.
type Type struct {
	Base     Base
	Unsigned bool
	Zerofill bool
	// Length is characters for CHAR and VARCHAR, bytes for BINARY and VARBINARY,
	// bits for BIT, and the display width (0 when absent) for integers: only
	// TINYINT(1) gives it a meaning.
	Length int
	// Precision and Scale belong to DECIMAL, and to FLOAT(p,s) and DOUBLE(p,s).
	Precision int
	Scale     int
	// Fraction is the digits after the second, 0 to 6, of TIME, DATETIME and TIMESTAMP.
	Fraction  int
	Charset   string // of character types, ENUM and SET
	Collation string
	Members   []string // of ENUM and SET

	// The following are no part of a type at the source, but say what the deployment
	// makes of its values. They never change for a column that has joined.

	// Zone is the time zone the text of a TIMESTAMP is written in; "" is UTC.
	Zone string
	// ZeroDates says what becomes of dates that are none, such as 0000-00-00, in DATE,
	// DATETIME and TIMESTAMP.
	ZeroDates ZeroDates
}

// ZeroDates says what becomes of dates that are none.
type ZeroDates string

const (
	KeepZeroDates  ZeroDates = ""      // the text as it is, which the target refuses
	NullZeroDates  ZeroDates = "null"  // NULL, also in a column that is NOT NULL at the source
	RoundZeroDates ZeroDates = "round" // the nearest date: 0001-01-01 for 0000-00-00
)

// Treated prints what the deployment makes of the values: "in UTC", "as BOOLEAN".
func (t Type) Treated() string {
	says := "as it is"
	switch {
	case t.Base == Boolean:
		says = "as BOOLEAN"
	case t.Base == TinyInt:
		says = "as a number"
	case t.Base == Timestamp && t.Zone == "":
		says = "in UTC"
	case t.Base == Timestamp:
		says = "in " + t.Zone
	case t.ZeroDates != KeepZeroDates:
		return "with zero dates " + zeroDatesSay[t.ZeroDates]
	}
	if t.ZeroDates != KeepZeroDates {
		says += ", with zero dates " + zeroDatesSay[t.ZeroDates]
	}
	return says
}

var zeroDatesSay = map[ZeroDates]string{NullZeroDates: "as NULL", RoundZeroDates: "rounded"}

// Equal compares two types, parameters and all.
func (t Type) Equal(o Type) bool {
	return t.Base == o.Base && t.Unsigned == o.Unsigned && t.Zerofill == o.Zerofill &&
		t.Length == o.Length && t.Precision == o.Precision && t.Scale == o.Scale &&
		t.Fraction == o.Fraction && t.Charset == o.Charset && t.Collation == o.Collation &&
		t.Zone == o.Zone && t.ZeroDates == o.ZeroDates &&
		slices.Equal(t.Members, o.Members)
}

// IsInteger tells TINYINT to BIGINT.
func (t Type) IsInteger() bool { return t.Base >= TinyInt && t.Base <= BigInt }

// IsText tells the character types, whose bytes are in Charset.
func (t Type) IsText() bool { return t.Base >= Char && t.Base <= LongText }

// IsBinary tells BINARY, VARBINARY and the BLOBs.
func (t Type) IsBinary() bool { return t.Base >= Binary && t.Base <= LongBlob }

// String prints the type as MySQL would, without charset and collation.
func (t Type) String() string {
	s := t.Base.String()
	switch t.Base {
	case TinyInt:
		if t.Length == 1 {
			s += "(1)"
		}
	case Boolean:
		s = "tinyint(1)"
	case Vector:
		if t.Length > 0 {
			s += fmt.Sprintf("(%d)", t.Length)
		}
	case Char, VarChar, Binary, VarBinary, Bit:
		s += fmt.Sprintf("(%d)", t.Length)
	case Decimal:
		s += fmt.Sprintf("(%d,%d)", t.Precision, t.Scale)
	case Float, Double:
		if t.Precision > 0 {
			s += fmt.Sprintf("(%d,%d)", t.Precision, t.Scale)
		}
	case Time, DateTime, Timestamp:
		if t.Fraction > 0 {
			s += fmt.Sprintf("(%d)", t.Fraction)
		}
	case Enum, Set:
		quoted := make([]string, len(t.Members))
		for i, m := range t.Members {
			quoted[i] = "'" + strings.ReplaceAll(m, "'", "''") + "'"
		}
		s += "(" + strings.Join(quoted, ",") + ")"
	}
	if t.Unsigned {
		s += " unsigned"
	}
	if t.Zerofill {
		s += " zerofill"
	}
	return s
}
