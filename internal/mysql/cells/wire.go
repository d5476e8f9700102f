package cells

import (
	"fmt"

	"github.com/go-mysql-org/go-mysql/mysql"

	"starferry/internal/change"
	"starferry/internal/mysql/binlog"
)

// wire is a column type as a TABLE_MAP tells it: the code, and its metadata taken
// apart: precision and scale; bytes of CHAR, VARCHAR, BINARY, VARBINARY; bits;
// bytes of the length of a BLOB or of an ENUM or SET value; fraction digits.
type wire struct {
	code byte
	a, b int
}

// wireAt reads the type of column i out of a TABLE_MAP.
func wireAt(m *binlog.TableMap, i int) wire {
	code, meta := m.Types[i], int(m.Metas[i])
	high, low := meta>>8, meta&0xff
	switch code {
	case mysql.MYSQL_TYPE_STRING:
		// The high byte is the real type; lengths above 255 hide two bits in it,
		// inverted.
		if high == 0 {
			return wire{code: code, a: low}
		}
		if high&0x30 != 0x30 {
			return wire{code: byte(high | 0x30), a: low | (high&0x30^0x30)<<4}
		}
		return wire{code: byte(high), a: low}
	case mysql.MYSQL_TYPE_VAR_STRING:
		return wire{code: mysql.MYSQL_TYPE_VARCHAR, a: meta}
	case mysql.MYSQL_TYPE_NEWDECIMAL:
		return wire{code: code, a: high, b: low}
	case mysql.MYSQL_TYPE_BIT:
		return wire{code: code, a: high*8 + low}
	}
	return wire{code: code, a: meta}
}

var fixedCodes = map[change.Base]wire{
	change.TinyInt:    {code: mysql.MYSQL_TYPE_TINY},
	change.SmallInt:   {code: mysql.MYSQL_TYPE_SHORT},
	change.MediumInt:  {code: mysql.MYSQL_TYPE_INT24},
	change.Int:        {code: mysql.MYSQL_TYPE_LONG},
	change.BigInt:     {code: mysql.MYSQL_TYPE_LONGLONG},
	change.Float:      {code: mysql.MYSQL_TYPE_FLOAT, a: 4},
	change.Double:     {code: mysql.MYSQL_TYPE_DOUBLE, a: 8},
	change.TinyText:   {code: mysql.MYSQL_TYPE_BLOB, a: 1},
	change.Text:       {code: mysql.MYSQL_TYPE_BLOB, a: 2},
	change.MediumText: {code: mysql.MYSQL_TYPE_BLOB, a: 3},
	change.LongText:   {code: mysql.MYSQL_TYPE_BLOB, a: 4},
	change.TinyBlob:   {code: mysql.MYSQL_TYPE_BLOB, a: 1},
	change.Blob:       {code: mysql.MYSQL_TYPE_BLOB, a: 2},
	change.MediumBlob: {code: mysql.MYSQL_TYPE_BLOB, a: 3},
	change.LongBlob:   {code: mysql.MYSQL_TYPE_BLOB, a: 4},
	change.JSON:       {code: mysql.MYSQL_TYPE_JSON, a: 4},
	change.Date:       {code: mysql.MYSQL_TYPE_DATE},
	change.Year:       {code: mysql.MYSQL_TYPE_YEAR},
	change.Boolean:    {code: mysql.MYSQL_TYPE_TINY},
	change.Geometry:   {code: mysql.MYSQL_TYPE_GEOMETRY, a: 4},
	change.Vector:     {code: mysql.MYSQL_TYPE_VECTOR, a: 4},
	change.UUID:       {code: mysql.MYSQL_TYPE_STRING, a: 16},
	change.INET4:      {code: mysql.MYSQL_TYPE_STRING, a: 4},
	change.INET6:      {code: mysql.MYSQL_TYPE_STRING, a: 16},
}

// wireOf is what a TABLE_MAP must say for a column of type t, which is supported.
func wireOf(t *change.Type) wire {
	switch t.Base {
	case change.Bit:
		return wire{code: mysql.MYSQL_TYPE_BIT, a: t.Length}
	case change.Decimal:
		return wire{code: mysql.MYSQL_TYPE_NEWDECIMAL, a: t.Precision, b: t.Scale}
	case change.Char:
		return wire{code: mysql.MYSQL_TYPE_STRING, a: t.Length * encodings[t.Charset].maxLength}
	case change.VarChar:
		return wire{code: mysql.MYSQL_TYPE_VARCHAR, a: t.Length * encodings[t.Charset].maxLength}
	case change.Binary:
		return wire{code: mysql.MYSQL_TYPE_STRING, a: t.Length}
	case change.VarBinary:
		return wire{code: mysql.MYSQL_TYPE_VARCHAR, a: t.Length}
	case change.Enum:
		if len(t.Members) < 256 {
			return wire{code: mysql.MYSQL_TYPE_ENUM, a: 1}
		}
		return wire{code: mysql.MYSQL_TYPE_ENUM, a: 2}
	case change.Set:
		if n := (len(t.Members) + 7) / 8; n <= 4 {
			return wire{code: mysql.MYSQL_TYPE_SET, a: n}
		}
		return wire{code: mysql.MYSQL_TYPE_SET, a: 8}
	case change.Time:
		return wire{code: mysql.MYSQL_TYPE_TIME2, a: t.Fraction}
	case change.DateTime:
		return wire{code: mysql.MYSQL_TYPE_DATETIME2, a: t.Fraction}
	case change.Timestamp:
		return wire{code: mysql.MYSQL_TYPE_TIMESTAMP2, a: t.Fraction}
	}
	return fixedCodes[t.Base]
}

// oldTemporal gives the code that tables made before MySQL 5.6 (on MariaDB: with
// mysql56_temporal_format=OFF) use for the same type, 0 when there is none.
func oldTemporal(t *change.Type) byte {
	switch t.Base {
	case change.Time:
		return mysql.MYSQL_TYPE_TIME
	case change.DateTime:
		return mysql.MYSQL_TYPE_DATETIME
	case change.Timestamp:
		return mysql.MYSQL_TYPE_TIMESTAMP
	}
	return 0
}

// isVarSized tells the types whose metadata is a length in bytes.
func (w wire) isVarSized() bool {
	return w.code == mysql.MYSQL_TYPE_STRING || w.code == mysql.MYSQL_TYPE_VARCHAR
}

var wireNames = map[byte]string{
	mysql.MYSQL_TYPE_TINY: "tinyint", mysql.MYSQL_TYPE_SHORT: "smallint", mysql.MYSQL_TYPE_INT24: "mediumint",
	mysql.MYSQL_TYPE_LONG: "int", mysql.MYSQL_TYPE_LONGLONG: "bigint", mysql.MYSQL_TYPE_FLOAT: "float",
	mysql.MYSQL_TYPE_DOUBLE: "double", mysql.MYSQL_TYPE_JSON: "json", mysql.MYSQL_TYPE_DATE: "date",
	mysql.MYSQL_TYPE_YEAR: "year", mysql.MYSQL_TYPE_TIME: "time in the format before 5.6",
	mysql.MYSQL_TYPE_DATETIME:  "datetime in the format before 5.6",
	mysql.MYSQL_TYPE_TIMESTAMP: "timestamp in the format before 5.6",
	mysql.MYSQL_TYPE_DECIMAL:   "decimal in the format before 5.0",
	mysql.MYSQL_TYPE_GEOMETRY:  "geometry", mysql.MYSQL_TYPE_VECTOR: "vector",
	140: "compressed text or blob", 141: "compressed varchar or varbinary",
}

func (w wire) String() string {
	switch w.code {
	case mysql.MYSQL_TYPE_STRING:
		return fmt.Sprintf("char or binary of %d bytes", w.a)
	case mysql.MYSQL_TYPE_VARCHAR:
		return fmt.Sprintf("varchar or varbinary of %d bytes", w.a)
	case mysql.MYSQL_TYPE_NEWDECIMAL:
		return fmt.Sprintf("decimal(%d,%d)", w.a, w.b)
	case mysql.MYSQL_TYPE_BIT:
		return fmt.Sprintf("bit(%d)", w.a)
	case mysql.MYSQL_TYPE_BLOB:
		return fmt.Sprintf("text or blob with %d bytes of length", w.a)
	case mysql.MYSQL_TYPE_ENUM:
		return fmt.Sprintf("enum of %d bytes", w.a)
	case mysql.MYSQL_TYPE_SET:
		return fmt.Sprintf("set of %d bytes", w.a)
	case mysql.MYSQL_TYPE_TIME2:
		return fmt.Sprintf("time(%d)", w.a)
	case mysql.MYSQL_TYPE_DATETIME2:
		return fmt.Sprintf("datetime(%d)", w.a)
	case mysql.MYSQL_TYPE_TIMESTAMP2:
		return fmt.Sprintf("timestamp(%d)", w.a)
	}
	if name, ok := wireNames[w.code]; ok {
		return name
	}
	return fmt.Sprintf("type number %d", w.code)
}
