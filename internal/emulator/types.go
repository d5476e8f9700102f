package emulator

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

type typeKind uint8

const (
	tNull typeKind = iota
	tBoolean
	tTinyint
	tSmallint
	tInt
	tBigint
	tLargeint
	tFloat
	tDouble
	tDecimal
	tDate
	tDatetime
	tChar
	tVarchar
	tVarbinary
	tJSON
	tTime // parses; no column can have it
)

const (
	stringLength    = 65533
	maxVarcharBytes = 1048576
	maxJSONBytes    = 16 << 20
)

// dataType is a column type. length is in bytes for CHAR, VARCHAR and VARBINARY.
type dataType struct {
	kind             typeKind
	length           int
	precision, scale int
	v2               bool // DECIMALV2: kept as DECIMAL(27,9), printed without the zeros at its end
}

var kindNames = map[typeKind]string{
	tNull: "NULL_TYPE", tBoolean: "BOOLEAN", tTinyint: "TINYINT", tSmallint: "SMALLINT", tInt: "INT", tBigint: "BIGINT",
	tLargeint: "LARGEINT", tFloat: "FLOAT", tDouble: "DOUBLE", tDecimal: "DECIMAL", tDate: "DATE", tDatetime: "DATETIME",
	tChar: "CHAR", tVarchar: "VARCHAR", tVarbinary: "VARBINARY", tJSON: "JSON", tTime: "TIME",
}

// String is the type as error messages name it, for example VARCHAR(10).
func (t dataType) String() string {
	switch t.kind {
	case tDecimal:
		return fmt.Sprintf("DECIMAL%s(%d,%d)", t.decimalWidth(), t.precision, t.scale)
	case tChar, tVarchar, tVarbinary:
		return fmt.Sprintf("%s(%d)", kindNames[t.kind], t.length)
	}
	return kindNames[t.kind]
}

func (t dataType) decimalWidth() string {
	switch {
	case t.v2:
		return "V2"
	case t.precision <= 9:
		return "32"
	case t.precision <= 18:
		return "64"
	case t.precision <= 38:
		return "128"
	}
	return "256"
}

// shown is the type as SHOW CREATE TABLE and DESC print it.
func (t dataType) shown() string {
	switch t.kind {
	case tTinyint:
		return "tinyint(4)"
	case tSmallint:
		return "smallint(6)"
	case tInt:
		return "int(11)"
	case tBigint:
		return "bigint(20)"
	case tLargeint:
		return "largeint(40)"
	case tDecimal:
		return fmt.Sprintf("decimal(%d, %d)", t.precision, t.scale)
	case tChar, tVarchar, tVarbinary:
		return fmt.Sprintf("%s(%d)", strings.ToLower(kindNames[t.kind]), t.length)
	}
	return strings.ToLower(kindNames[t.kind])
}

func (t dataType) isInteger() bool { return t.kind >= tTinyint && t.kind <= tLargeint }
func (t dataType) isText() bool    { return t.kind == tChar || t.kind == tVarchar }

var bounds = map[typeKind][2]int64{
	tTinyint: {-1 << 7, 1<<7 - 1}, tSmallint: {-1 << 15, 1<<15 - 1},
	tInt: {-1 << 31, 1<<31 - 1}, tBigint: {-1 << 63, 1<<63 - 1},
}

var (
	minLargeint = new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), 127))
	maxLargeint = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 127), big.NewInt(1))
)

// parseType reads a type as the grammar accepts it; what MySQL knows and StarRocks
// does not (UNSIGNED, ENUM, DATETIME(6), …) is a syntax error.
func (p *parser) parseType() dataType {
	t := p.next()
	if t.kind != tokWord {
		p.failAt(t)
		return dataType{}
	}
	switch t.upper {
	case "BOOLEAN", "DATE", "DATETIME", "JSON", "FLOAT", "DOUBLE", "TIME":
		return dataType{kind: plainKinds[t.upper]}
	case "TINYINT", "SMALLINT", "INT", "INTEGER", "BIGINT", "LARGEINT", "SIGNED":
		if p.acceptOp("(") { // display width
			p.expectInt()
			p.expectOp(")")
		}
		return dataType{kind: plainKinds[t.upper]}
	case "CHAR":
		return dataType{kind: tChar, length: p.typeLength(1)}
	case "VARCHAR":
		return dataType{kind: tVarchar, length: p.typeLength(1)}
	case "STRING", "TEXT":
		if t.upper == "STRING" {
			p.typeLength(0)
		}
		return dataType{kind: tVarchar, length: stringLength}
	case "BINARY", "VARBINARY":
		return dataType{kind: tVarbinary, length: p.typeLength(maxVarcharBytes)}
	case "DECIMAL", "NUMERIC", "NUMBER", "DECIMAL32", "DECIMAL64", "DECIMAL128", "DECIMAL256", "DECIMALV2":
		d := dataType{kind: tDecimal, precision: 10, v2: t.upper == "DECIMALV2"}
		if d.v2 {
			d.precision = 9
		}
		if p.acceptOp("(") {
			d.precision = p.expectInt()
			if p.acceptOp(",") {
				d.scale = p.expectInt()
			}
			p.expectOp(")")
		}
		return d
	case "ARRAY", "MAP", "STRUCT", "BITMAP", "HLL", "PERCENTILE", "VARIANT":
		p.refuse("columns of type " + t.upper)
		return dataType{}
	}
	p.failAt(t)
	return dataType{}
}

var plainKinds = map[string]typeKind{
	"BOOLEAN": tBoolean, "DATE": tDate, "DATETIME": tDatetime, "JSON": tJSON, "FLOAT": tFloat, "DOUBLE": tDouble, "TIME": tTime,
	"TINYINT": tTinyint, "SMALLINT": tSmallint, "INT": tInt, "INTEGER": tInt, "SIGNED": tInt, "BIGINT": tBigint, "LARGEINT": tLargeint,
}

func (p *parser) typeLength(missing int) int {
	if !p.acceptOp("(") {
		return missing
	}
	n := p.expectInt()
	p.expectOp(")")
	return n
}

// check applies the analyzer's limits. wideDecimals: 4.0 and later store 76 digits.
func (t dataType) check(column string, wideDecimals bool) error {
	switch t.kind {
	case tChar:
		if t.length <= 0 {
			return analysisError("Char size must be > 0: %d", t.length)
		}
		if t.length > 255 {
			return analysisError("Char size must be <= 255: %d", t.length)
		}
	case tVarchar:
		if t.length <= 0 {
			return analysisError("Varchar size must be > 0: %d", t.length)
		}
		if t.length > maxVarcharBytes {
			return analysisError("Varchar size must be <= %d: %d", maxVarcharBytes, t.length)
		}
	case tVarbinary:
		if t.length <= 0 || t.length > maxVarcharBytes {
			return analysisError("Varbinary size must be in [1, %d]: %d", maxVarcharBytes, t.length)
		}
	case tDecimal:
		return t.checkDecimal(wideDecimals)
	case tTime:
		return analysisError("Type:TIME of column:%s does not support", column)
	}
	return nil
}

// The limits of DECIMALV2, whatever its declaration.
const (
	decimalV2Digits = 27
	decimalV2Scale  = 9
)

func (t dataType) checkDecimal(wide bool) error {
	limit := 38
	if wide {
		limit = 76
	}
	switch {
	case t.v2 && (t.precision < 1 || t.precision > decimalV2Digits):
		return analysisError("Precision of decimal must between 1 and 27. Precision was set to: %d", t.precision)
	case t.v2 && (t.scale < 0 || t.scale > decimalV2Scale):
		return analysisError("Scale of decimal must between 0 and 9. Scale was set to: %d", t.scale)
	case t.v2 && t.scale >= t.precision:
		return analysisError("Scale of decimal must be smaller than precision. Scale is %d and precision is %d", t.scale, t.precision)
	case t.precision < 1 || t.precision > limit:
		return analysisError("DECIMAL's precision should range from 1 to %d", limit)
	case t.scale < 0 || t.scale > t.precision:
		return analysisError("DECIMAL's scale(%d) should range from 0 to precision(%d)", t.scale, t.precision)
	}
	return nil
}

// informationType is DATA_TYPE and COLUMN_TYPE of information_schema.columns.
func (t dataType) informationType() (data, column string) {
	switch t.kind {
	case tBoolean:
		return "tinyint", "tinyint(1)"
	case tLargeint:
		return "bigint unsigned", "bigint(20) unsigned"
	case tDecimal:
		return "decimal", fmt.Sprintf("decimal(%d,%d)", t.precision, t.scale)
	}
	return strings.ToLower(kindNames[t.kind]), t.shown()
}

// columnSize and decimalDigits are the two columns StarRocks adds to
// information_schema.columns; ok is false where it leaves them NULL.
func (t dataType) columnSize() (size string, ok bool) {
	switch t.kind {
	case tTinyint:
		return "3", true
	case tSmallint:
		return "5", true
	case tInt:
		return "10", true
	case tBigint:
		return "19", true
	case tLargeint:
		return "40", true
	case tDecimal:
		return strconv.Itoa(t.precision), true
	case tChar, tVarchar, tVarbinary:
		return strconv.Itoa(t.length), true
	}
	return "", false
}
