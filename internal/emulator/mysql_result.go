package emulator

import (
	"encoding/binary"
	"math"
	"strconv"
)

// MySQL type bytes.
const (
	myTiny       = 1
	myShort      = 2
	myLong       = 3
	myFloat      = 4
	myDouble     = 5
	myNull       = 6
	myTimestamp  = 7
	myLongLong   = 8
	myDate       = 10
	myDatetime   = 12
	myNewDecimal = 246
	myBlob       = 252
	myVarString  = 253
	myString     = 254
)

func (t dataType) mysqlType() (typ byte, charset uint16, length uint32) {
	switch t.kind {
	case tNull:
		return myNull, charsetBinary, 0
	case tBoolean:
		return myTiny, charsetBinary, 1
	case tTinyint:
		return myTiny, charsetBinary, 4
	case tSmallint:
		return myShort, charsetBinary, 6
	case tInt:
		return myLong, charsetBinary, 11
	case tBigint:
		return myLongLong, charsetBinary, 20
	case tLargeint:
		return myString, charsetUTF8, 40
	case tFloat:
		return myFloat, charsetBinary, 12
	case tDouble:
		return myDouble, charsetBinary, 22
	case tDecimal:
		return myNewDecimal, charsetBinary, uint32(t.precision + 2)
	case tDate:
		return myDate, charsetBinary, 10
	case tDatetime:
		return myDatetime, charsetBinary, 26
	case tVarbinary:
		return myBlob, charsetBinary, uint32(t.length)
	case tChar:
		return myString, charsetUTF8, uint32(t.length)
	}
	return myVarString, charsetUTF8, uint32(max(t.length, 255))
}

func columnPacket(c resultColumn) []byte {
	b := appendLenText(nil, "def")
	for _, s := range []string{c.db, c.table, c.table, c.name, c.name} {
		b = appendLenText(b, s)
	}
	typ, charset, length := c.typ.mysqlType()
	b = binary.LittleEndian.AppendUint16(append(b, 12), charset)
	b = binary.LittleEndian.AppendUint32(b, length)
	flags := uint16(0)
	if c.notNull {
		flags |= 1
	}
	b = binary.LittleEndian.AppendUint16(append(b, typ), flags)
	return append(b, byte(c.typ.scale), 0, 0)
}

// appendBinaryRow encodes a row for the answer to an executed prepared statement.
func appendBinaryRow(b []byte, columns []resultColumn, row []value) []byte {
	b = append(b, 0)
	bitmap := len(b)
	b = append(b, make([]byte, (len(row)+9)/8)...)
	for i, v := range row {
		typ, _, _ := columns[i].typ.mysqlType()
		if v.kind == vNull || typ == myNull {
			b[bitmap+(i+2)/8] |= 1 << ((i + 2) % 8)
			continue
		}
		switch typ {
		case myTiny:
			b = append(b, byte(v.asInt()))
		case myShort:
			b = binary.LittleEndian.AppendUint16(b, uint16(v.asInt()))
		case myLong:
			b = binary.LittleEndian.AppendUint32(b, uint32(v.asInt()))
		case myLongLong:
			b = binary.LittleEndian.AppendUint64(b, uint64(v.asInt()))
		case myFloat:
			f, _ := v.float()
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(f)))
		case myDouble:
			f, _ := v.float()
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(f))
		case myDate, myDatetime:
			b = appendBinaryDate(b, v.text())
		default:
			b = appendLenText(b, v.printed(columns[i].typ))
		}
	}
	return b
}

func (v value) asInt() int64 {
	if v.kind == vDecimal && v.scale == 0 {
		return v.n.Int64()
	}
	if v.kind == vBool || v.kind == vInt {
		return v.i
	}
	f, _ := v.float()
	return int64(f)
}

func appendBinaryDate(b []byte, s string) []byte {
	number := func(from, to int) uint64 {
		if to > len(s) {
			return 0
		}
		n, _ := strconv.ParseUint(s[from:to], 10, 64)
		return n
	}
	day := binary.LittleEndian.AppendUint16(nil, uint16(number(0, 4)))
	day = append(day, byte(number(5, 7)), byte(number(8, 10)))
	if len(s) <= 10 {
		return append(append(b, 4), day...)
	}
	clock := []byte{byte(number(11, 13)), byte(number(14, 16)), byte(number(17, 19))}
	if len(s) <= 19 {
		return append(append(append(b, 7), day...), clock...)
	}
	b = append(append(append(b, 11), day...), clock...)
	return binary.LittleEndian.AppendUint32(b, uint32(number(20, 26)))
}
