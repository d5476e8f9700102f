package ddl

import (
	"strconv"
	"strings"

	"starferry/internal/change"
)

// dataType is a type as a statement writes it, before the defaults of the table
// are known.
type dataType struct {
	base               change.Base
	arguments          []int // length, or precision and scale
	unsigned, zerofill bool
	members            []string
	charset, collation string
	binary             bool // the attribute BINARY: the charset's _bin collation
	serial             bool // SERIAL: not a type but a column
}

// simpleTypes are the types of one word; what follows them is read by their base.
var simpleTypes = map[string]change.Base{
	"TINYINT": change.TinyInt, "INT1": change.TinyInt, "BOOL": change.TinyInt, "BOOLEAN": change.TinyInt,
	"SMALLINT": change.SmallInt, "INT2": change.SmallInt,
	"MEDIUMINT": change.MediumInt, "INT3": change.MediumInt, "MIDDLEINT": change.MediumInt,
	"INT": change.Int, "INTEGER": change.Int, "INT4": change.Int,
	"BIGINT": change.BigInt, "INT8": change.BigInt, "SERIAL": change.BigInt, "BIT": change.Bit,
	"DECIMAL": change.Decimal, "DEC": change.Decimal, "NUMERIC": change.Decimal, "FIXED": change.Decimal,
	"FLOAT": change.Float, "FLOAT4": change.Float, "DOUBLE": change.Double, "FLOAT8": change.Double, "REAL": change.Double,
	"CHAR": change.Char, "CHARACTER": change.Char, "NCHAR": change.Char, "NATIONAL": change.Char,
	"VARCHAR": change.VarChar, "VARCHARACTER": change.VarChar, "NVARCHAR": change.VarChar,
	"TINYTEXT": change.TinyText, "TEXT": change.Text, "MEDIUMTEXT": change.MediumText, "LONGTEXT": change.LongText,
	"LONG": change.MediumText, "BINARY": change.Binary, "VARBINARY": change.VarBinary,
	"TINYBLOB": change.TinyBlob, "BLOB": change.Blob, "MEDIUMBLOB": change.MediumBlob, "LONGBLOB": change.LongBlob,
	"ENUM": change.Enum, "SET": change.Set, "JSON": change.JSON, "VECTOR": change.Vector,
	"DATE": change.Date, "TIME": change.Time, "DATETIME": change.DateTime, "TIMESTAMP": change.Timestamp, "YEAR": change.Year,
	"GEOMETRY": change.Geometry, "POINT": change.Geometry, "LINESTRING": change.Geometry, "POLYGON": change.Geometry,
	"MULTIPOINT": change.Geometry, "MULTILINESTRING": change.Geometry, "MULTIPOLYGON": change.Geometry,
	"GEOMETRYCOLLECTION": change.Geometry, "GEOMCOLLECTION": change.Geometry,
	"UUID": change.UUID, "INET4": change.INET4, "INET6": change.INET6,
}

// dataType takes a data type with the attributes that belong to it; false when it
// is not one that is known.
func (c *cursor) dataType() (dataType, bool) {
	c.accept("MARIADB_SCHEMA", ".")
	t := c.peek(0)
	base, known := simpleTypes[t.upper]
	if t.kind != word || !known || c.session.OracleMode {
		return dataType{}, false
	}
	c.next()
	d := dataType{base: base}
	switch t.upper {
	case "BOOL", "BOOLEAN":
		d.arguments = []int{1}
		return d, true
	case "SERIAL":
		d.unsigned, d.serial = true, true
		return d, true
	case "NCHAR", "NATIONAL", "NVARCHAR", "CHAR", "CHARACTER":
		c.characterWords(&d, t.upper)
	case "LONG":
		c.longWords(&d)
	case "DOUBLE":
		c.accept("PRECISION")
	case "REAL":
		if c.session.RealAsFloat {
			d.base = change.Float
		}
	case "JSON":
		if c.session.MariaDB {
			d.base, d.charset, d.collation = change.LongText, "utf8mb4", "utf8mb4_bin"
			return d, true
		}
	}
	return d, c.arguments(&d) && c.typeAttributes(&d)
}

// characterWords takes what may follow NATIONAL, NCHAR and CHAR.
func (c *cursor) characterWords(d *dataType, first string) {
	if first == "NATIONAL" {
		if word := c.acceptAny("VARCHAR", "VARCHARACTER", "CHARACTER", "CHAR"); strings.HasPrefix(word, "VAR") {
			d.base = change.VarChar
		}
	}
	if c.acceptAny("VARYING", "VARCHAR", "VARCHARACTER") != "" {
		d.base = change.VarChar
	}
	if first[0] == 'N' {
		d.charset = "utf8mb3"
	}
}

// longWords takes what may follow LONG.
func (c *cursor) longWords(d *dataType) {
	switch {
	case c.accept("VARBINARY"):
		d.base = change.MediumBlob
	case c.accept("CHAR", "VARYING"), c.accept("CHARACTER", "VARYING"), c.accept("VARCHAR"), c.accept("VARCHARACTER"):
	}
}

// arguments takes (n), (p,s) or ('a','b').
func (c *cursor) arguments(d *dataType) bool {
	if !c.accept("(") {
		return d.base != change.Enum && d.base != change.Set
	}
	for {
		c.introducer()
		t := c.next()
		switch {
		case d.base == change.Enum || d.base == change.Set:
			if t.kind != text && t.kind != bits {
				return false
			}
			member := t.text
			for c.peek(0).kind == text {
				member += c.next().text
			}
			d.members = append(d.members, strings.TrimRight(member, " "))
		case t.kind == number:
			n, err := strconv.ParseUint(t.text, 10, 40)
			if err != nil {
				return false
			}
			d.arguments = append(d.arguments, int(n))
		default:
			return false
		}
		if c.accept(")") {
			return true
		}
		if !c.accept(",") {
			return false
		}
	}
}

// introducer passes the charset before a literal, as in _utf8mb4'a', and names it.
func (c *cursor) introducer() string {
	t := c.peek(0)
	if t.kind == word && t.text[0] == '_' && (c.peek(1).kind == text || c.peek(1).kind == bits) {
		return canonicalCharset(strings.ToLower(c.next().text[1:]))
	}
	return ""
}

// typeAttributes takes the attributes that stand directly behind a type.
func (c *cursor) typeAttributes(d *dataType) bool {
	for {
		switch {
		case c.accept("UNSIGNED"):
			d.unsigned = true
		case c.accept("SIGNED"):
		case c.accept("ZEROFILL"):
			d.zerofill, d.unsigned = true, true
		case c.accept("CHARACTER", "SET"), c.accept("CHAR", "SET"), c.accept("CHARSET"):
			name, ok := c.charsetName()
			if !ok {
				return false
			}
			d.charset = name
		case c.accept("ASCII"):
			d.charset = "latin1"
		case c.accept("UNICODE"):
			d.charset = "ucs2"
		case c.accept("BYTE"):
			d.charset = "binary"
		case c.is("BINARY"):
			c.next()
			d.binary = true
		case c.accept("COMPRESSED"):
			if c.accept("=") {
				c.next()
			}
		default:
			return true
		}
	}
}

// charsetName takes the name of a charset or collation, quoted in any way.
func (c *cursor) charsetName() (string, bool) {
	if t := c.peek(0); t.kind == text || t.kind == word || t.kind == quoted {
		return strings.ToLower(c.next().text), true
	}
	return "", false
}

func (d *dataType) argument(i, absent int) int {
	if i < len(d.arguments) {
		return d.arguments[i]
	}
	return absent
}
