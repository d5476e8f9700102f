package starrocks

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"starferry/internal/change"
)

const (
	maxVarchar = 1048576 // bytes of the widest VARCHAR
	maxDecimal = 38      // digits of DECIMAL before StarRocks 4.0
)

// typed is what a source type becomes at the target.
type typed struct {
	text string // StarRocks type, as it is written in DDL
	note string // what people should know, "" when the types are the same
	// keyBytes is the widest encoding of a value inside a primary key.
	keyBytes int
	// refusal says why the type cannot be carried, "" when it can.
	refusal string
}

// has is what types a cluster has.
type has struct {
	wideDecimal bool // DECIMAL of up to 76 digits
	varbinary   bool
}

// typesOf tells what a version (as current_version() gives it) has. An unknown version
// has no wide DECIMAL, and VARBINARY, which is older.
func typesOf(version string) has {
	r, known := releaseOf(version)
	return has{wideDecimal: known && r.since(4, 0, 0), varbinary: !known || r.since(3, 0, 0)}
}

// targetType maps a source type. key tells that the column is part of the primary key.
func targetType(t change.Type, key bool, cluster has) typed {
	switch t.Base {
	case change.TinyInt, change.SmallInt, change.MediumInt, change.Int, change.BigInt:
		return integerType(t)
	case change.Bit:
		if t.Length == 1 {
			return typed{text: "BOOLEAN", keyBytes: 1}
		}
		if t.Length >= 64 {
			return typed{text: "LARGEINT", note: "BIT(64) as its unsigned value", keyBytes: 16}
		}
		return typed{text: "BIGINT", note: "BIT as its unsigned value", keyBytes: 8}
	case change.Boolean:
		return typed{text: "BOOLEAN", note: "a value other than 0 and 1 is refused and stops the table", keyBytes: 1}
	case change.Geometry:
		return typed{text: fmt.Sprintf("VARCHAR(%d)", maxVarchar), note: "WKT in the order x y, behind SRID=…; where the SRID is not 0", refusal: keyRefusal(key, "GEOMETRY")}
	case change.Vector:
		return typed{text: fmt.Sprintf("VARCHAR(%d)", maxVarchar), note: "VECTOR as text, [1,2.5]: CAST(… AS ARRAY<FLOAT>) reads it", refusal: keyRefusal(key, "VECTOR")}
	case change.UUID:
		return varchar(36, "")
	case change.INET4:
		return varchar(15, "")
	case change.INET6:
		return varchar(45, "")
	case change.Year:
		return typed{text: "SMALLINT", keyBytes: 2}
	case change.Decimal:
		return decimalType(t, key, cluster.wideDecimal)
	case change.Float, change.Double, change.JSON:
		return approximateType(t, key)
	case change.Date:
		return typed{text: "DATE", keyBytes: 4}
	case change.DateTime:
		return typed{text: "DATETIME", keyBytes: 8}
	case change.Timestamp:
		zone := t.Zone
		if zone == "" {
			zone = "UTC"
		}
		return typed{text: "DATETIME", note: "TIMESTAMP in " + zone, keyBytes: 8}
	case change.Time:
		return varchar(17, "TIME as text: StarRocks has no such column type, and MySQL's goes to 838:59:59")
	}
	if t.IsBinary() {
		return binaryType(t, key, cluster.varbinary)
	}
	return textType(t)
}

// binaryType leaves the length out: MySQL has checked it, and versions of StarRocks show
// it in different ways.
func binaryType(t change.Type, key, varbinary bool) typed {
	switch {
	case key && t.Length > 0:
		return varchar(2*t.Length, "bytes as hexadecimal digits, as HEX() prints them: StarRocks allows no VARBINARY in a primary key")
	case key:
		return typed{refusal: keyRefusal(key, strings.ToUpper(t.Base.String()))}
	case !varbinary:
		return typed{refusal: "VARBINARY needs StarRocks 3.0"}
	case t.Base == change.MediumBlob || t.Base == change.LongBlob:
		return typed{text: "VARBINARY", note: beyondMiB}
	}
	return typed{text: "VARBINARY"}
}

const beyondMiB = "a value of more than 1 MiB is refused by StarRocks and stops the table"

func integerType(t change.Type) typed {
	signed := map[change.Base]typed{
		change.TinyInt:   {text: "TINYINT", keyBytes: 1},
		change.SmallInt:  {text: "SMALLINT", keyBytes: 2},
		change.MediumInt: {text: "INT", note: "MEDIUMINT needs the next wider type", keyBytes: 4},
		change.Int:       {text: "INT", keyBytes: 4},
		change.BigInt:    {text: "BIGINT", keyBytes: 8},
	}
	unsigned := map[change.Base]typed{
		change.TinyInt:   {text: "SMALLINT", keyBytes: 2},
		change.SmallInt:  {text: "INT", keyBytes: 4},
		change.MediumInt: {text: "INT", keyBytes: 4},
		change.Int:       {text: "BIGINT", keyBytes: 8},
		change.BigInt:    {text: "LARGEINT", keyBytes: 16},
	}
	if !t.Unsigned {
		return signed[t.Base]
	}
	u := unsigned[t.Base]
	u.note = "unsigned needs the next wider type"
	return u
}

func decimalType(t change.Type, key, wideDecimal bool) typed {
	// A sign, a point and a zero before it.
	width := t.Precision + 3
	switch {
	case key:
		return varchar(width, "StarRocks allows no DECIMAL in a primary key")
	case t.Precision <= maxDecimal || wideDecimal:
		return typed{text: fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)}
	}
	return varchar(width, fmt.Sprintf("DECIMAL of more than %d digits needs StarRocks 4.0", maxDecimal))
}

func approximateType(t change.Type, key bool) typed {
	name := strings.ToUpper(t.Base.String())
	if key {
		return typed{refusal: keyRefusal(key, name)}
	}
	if t.Base == change.JSON {
		return typed{text: name, note: "the JSON value null arrives as NULL"}
	}
	return typed{text: name}
}

func keyRefusal(key bool, name string) string {
	if !key {
		return ""
	}
	return name + " cannot be part of a StarRocks primary key"
}

func textType(t change.Type) typed {
	perCharacter := bytesPerCharacter(t.Charset)
	note := ""
	if perCharacter > 1 {
		note = fmt.Sprintf("%d bytes per character", perCharacter)
	}
	switch t.Base {
	case change.Char, change.VarChar:
		return varchar(t.Length*perCharacter, note)
	case change.TinyText, change.Text:
		return varchar(maxVarchar, "")
	case change.MediumText, change.LongText:
		return varchar(maxVarchar, beyondMiB)
	case change.Enum:
		longest := 0
		for _, m := range t.Members {
			longest = max(longest, len(m))
		}
		return varchar(longest, "ENUM as its text")
	case change.Set:
		all := max(0, len(t.Members)-1)
		for _, m := range t.Members {
			all += len(m)
		}
		return varchar(all, "SET as its text, members separated by commas")
	}
	return typed{refusal: fmt.Sprintf("type %s is not carried yet", strings.ToUpper(t.String()))}
}

func varchar(bytes int, note string) typed {
	bytes = min(max(bytes, 1), maxVarchar)
	return typed{text: fmt.Sprintf("VARCHAR(%d)", bytes), note: note, keyBytes: bytes}
}

// targetDefault gives the literal default for the target column, or why there is
// none. Every load names every column, so a default only fills the rows that exist
// when a column is added.
func targetDefault(c *change.Column) (literal *string, note string) {
	if c.DefaultExpression != "" {
		return nil, "the default is an expression and is not carried; every row brings its value"
	}
	if c.Default == nil {
		return nil, ""
	}
	text := *c.Default
	if c.Type.IsBinary() {
		return nil, "StarRocks takes no default of VARBINARY, it is not carried"
	}
	switch c.Type.Base {
	case change.Bit:
		digits := strings.TrimSuffix(strings.TrimPrefix(strings.ToLower(text), "b'"), "'")
		base := 10
		if digits != text {
			base = 2
		}
		n, ok := new(big.Int).SetString(digits, base)
		if !ok {
			return nil, "the default cannot be written for StarRocks and is not carried"
		}
		text = n.String()
	case change.Timestamp:
		return nil, "a literal default of TIMESTAMP depends on the session's time zone and is not carried"
	case change.Date, change.DateTime:
		if c.Type.ZeroDates == change.NullZeroDates && !change.IsDate([]byte(text)) {
			return nil, ""
		}
		if !change.IsDate([]byte(text)) || text[:4] == "0000" {
			return nil, "StarRocks has no such date, the default is not carried"
		}
	case change.Float:
		if v, err := strconv.ParseFloat(text, 64); err != nil || float64(float32(v)) != v {
			return nil, "StarRocks refuses this default of FLOAT, it is not carried"
		}
	}
	return &text, ""
}
