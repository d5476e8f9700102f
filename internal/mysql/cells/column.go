package cells

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"

	"github.com/go-mysql-org/go-mysql/mysql"

	"starferry/internal/change"
)

// op says how a column's bytes become a cell; chosen once per column.
type op uint8

const (
	opInt8 op = iota + 1
	opUint8
	opInt16
	opUint16
	opInt24
	opUint24
	opInt32
	opUint32
	opInt64
	opUint64
	opBit
	opDecimal
	opFloat
	opDouble
	opText      // UTF-8 as it is
	opChar      // the same without trailing spaces, which are not part of the value
	opConverted // text of another charset
	opBytes
	opBinary // padded to its length
	opEnum
	opSet
	opJSON
	opYear
	opDate
	opTime
	opDateTime
	opTimestamp
	opFixed // UUID, INET4, INET6
	opGeometry
	opVector
	opOldTime // the formats before MySQL 5.6
	opOldDateTime
	opOldTimestamp
)

// fixedSizes are the sizes of values whose type alone says them.
var fixedSizes = map[op]int{
	opInt8: 1, opUint8: 1, opInt16: 2, opUint16: 2, opInt24: 3, opUint24: 3, opInt32: 4, opUint32: 4,
	opInt64: 8, opUint64: 8, opFloat: 4, opDouble: 8, opYear: 1, opDate: 3,
	opOldTime: 3, opOldDateTime: 8, opOldTimestamp: 4,
}

// temporalSize is what stands before the fraction, which takes a byte per two digits.
var temporalSize = map[change.Base]int{change.Time: 3, change.DateTime: 5, change.Timestamp: 4}

func opOf(t *change.Type, w wire) op {
	unsigned := op(0)
	if t.Unsigned || t.Zerofill {
		unsigned = 1 // the unsigned op follows the signed one
	}
	switch t.Base {
	case change.TinyInt:
		return opInt8 + unsigned
	case change.SmallInt:
		return opInt16 + unsigned
	case change.MediumInt:
		return opInt24 + unsigned
	case change.Int:
		return opInt32 + unsigned
	case change.BigInt:
		return opInt64 + unsigned
	case change.Binary:
		return opBinary
	case change.Time, change.DateTime, change.Timestamp:
		return temporalOps[w.code]
	}
	if t.IsText() {
		switch {
		case !encodings[t.Charset].isUTF8():
			return opConverted
		case t.Base == change.Char:
			return opChar
		}
		return opText
	}
	return baseOps[t.Base]
}

var temporalOps = map[byte]op{
	mysql.MYSQL_TYPE_TIME2: opTime, mysql.MYSQL_TYPE_DATETIME2: opDateTime, mysql.MYSQL_TYPE_TIMESTAMP2: opTimestamp,
	mysql.MYSQL_TYPE_TIME: opOldTime, mysql.MYSQL_TYPE_DATETIME: opOldDateTime, mysql.MYSQL_TYPE_TIMESTAMP: opOldTimestamp,
}

var baseOps = map[change.Base]op{
	change.Bit: opBit, change.Decimal: opDecimal, change.Float: opFloat, change.Double: opDouble,
	change.VarBinary: opBytes, change.TinyBlob: opBytes, change.Blob: opBytes, change.MediumBlob: opBytes, change.LongBlob: opBytes,
	change.Enum: opEnum, change.Set: opSet, change.JSON: opJSON, change.Year: opYear, change.Date: opDate,
	change.Boolean: opInt8, change.UUID: opFixed, change.INET4: opFixed, change.INET6: opFixed,
	change.Geometry: opGeometry, change.Vector: opVector,
}

// column decodes the values of one column.
type column struct {
	op       op
	strip    bool // opConverted of a CHAR: without trailing spaces
	size     int  // bytes of the value, or of the length before it
	length   int  // greatest length; of DECIMAL the digits before the point
	scale    int
	fraction int
	encoding *encoding
	members  []string
	pad      []byte // NULs, as many as a BINARY is long; of opFixed room for one value
	fixed    func(dst, p []byte) []byte
	exact    func(src, converted []byte) bool // of a key: see encoding
	clock    clock
}

var (
	errLength  = errors.New("the value is longer than its type")
	errMember  = errors.New("the value has no member in the schema known here")
	errDecimal = errors.New("the bytes are no decimal number")
	errFloat   = errors.New("the value is not a number")
	errDate    = errors.New("the bytes are no date or time")
	errInexact = errors.New("the key has a code without a character of its own: in UTF-8 another key may be the same text")
)

// append appends the cell of the value at the head of p, which has at least
// c.size bytes, and says how many bytes it took.
func (c *column) append(dst, p []byte) ([]byte, int, error) {
	switch c.op {
	case opInt8:
		return appendInt(dst, int64(int8(p[0]))), 1, nil
	case opUint8:
		return appendUint(dst, uint64(p[0])), 1, nil
	case opInt16:
		return appendInt(dst, int64(int16(binary.LittleEndian.Uint16(p)))), 2, nil
	case opUint16:
		return appendUint(dst, uint64(binary.LittleEndian.Uint16(p))), 2, nil
	case opInt24:
		return appendInt(dst, int64(int32(uint24(p)<<8)>>8)), 3, nil
	case opUint24:
		return appendUint(dst, uint64(uint24(p))), 3, nil
	case opInt32:
		return appendInt(dst, int64(int32(binary.LittleEndian.Uint32(p)))), 4, nil
	case opUint32:
		return appendUint(dst, uint64(binary.LittleEndian.Uint32(p))), 4, nil
	case opInt64:
		return appendInt(dst, int64(binary.LittleEndian.Uint64(p))), 8, nil
	case opUint64:
		return appendUint(dst, binary.LittleEndian.Uint64(p)), 8, nil
	case opBit:
		return appendUint(dst, bigEndian(p[:c.size])), c.size, nil
	case opFloat:
		return appendFloat32(dst, math.Float32frombits(binary.LittleEndian.Uint32(p)))
	case opDouble:
		return appendFloat64(dst, math.Float64frombits(binary.LittleEndian.Uint64(p)))
	case opDecimal:
		dst, err := appendDecimal(dst, p[:c.size], c.length, c.scale)
		return dst, c.size, err
	case opText, opChar, opBytes:
		return c.appendText(dst, p)
	case opConverted, opBinary, opJSON, opFixed, opGeometry, opVector:
		return c.appendSized(dst, p)
	case opEnum, opSet:
		dst, err := c.appendMembers(dst, littleEndian(p[:c.size]))
		return dst, c.size, err
	}
	start := len(dst)
	dst, err := c.appendTemporal(dst, p[:c.size])
	if err == nil && c.clock.zone != nil {
		c.clock.inZone(dst[start:])
	}
	return dst, c.size, err
}

// appendText appends a value with its length before it that is the cell as it is.
func (c *column) appendText(dst, p []byte) ([]byte, int, error) {
	size := c.size
	n := c.lengthOf(p)
	if n > c.length {
		return dst, 0, errLength
	}
	p = p[size:]
	if n > len(p) {
		return dst, 0, errTruncated
	}
	size += n
	if c.op == opChar {
		for n > 0 && p[n-1] == ' ' {
			n--
		}
	}
	return appendHead(dst, p, n), size, nil
}

// lengthOf reads the length that stands before a value.
func (c *column) lengthOf(p []byte) int {
	switch c.size {
	case 1:
		return int(p[0])
	case 2:
		return int(binary.LittleEndian.Uint16(p))
	}
	return int(littleEndian(p[:c.size]))
}

// appendHead appends the first n bytes of p. Most values are short: where there are 32
// bytes to read, and room for them, they are copied whatever n is, which saves a call.
func appendHead(dst, p []byte, n int) []byte {
	end := len(dst)
	if n > 32 || len(p) < 32 || cap(dst)-end < 32 {
		return append(dst, p[:n]...)
	}
	from, to := p[:32], dst[end:end+32]
	for i := 0; i < 32; i += 8 {
		binary.LittleEndian.PutUint64(to[i:i+8], binary.LittleEndian.Uint64(from[i:i+8]))
	}
	return dst[:end+n]
}

// appendSized appends a value with its length before it that is not the cell as it is.
func (c *column) appendSized(dst, p []byte) ([]byte, int, error) {
	n := c.lengthOf(p)
	if n > c.length {
		return dst, 0, errLength
	}
	if n > len(p)-c.size {
		return dst, 0, errTruncated
	}
	n += c.size
	value := p[c.size:n]
	start := len(dst)
	var err error
	switch c.op {
	case opJSON:
		dst, err = appendJSON(dst, value)
	case opGeometry:
		dst, err = appendGeometry(dst, value)
	case opVector:
		dst, err = appendVector(dst, value)
	case opFixed:
		clear(c.pad)
		copy(c.pad, value)
		dst = c.fixed(dst, c.pad)
	case opBinary:
		// The log leaves trailing NULs out; they are part of the value.
		dst = append(dst, value...)
		dst = append(dst, c.pad[len(value):]...)
	case opConverted:
		dst = c.encoding.append(dst, value)
		if c.exact != nil && !c.exact(value, dst[start:]) {
			return dst, n, errInexact
		}
		for c.strip && len(dst) > start && dst[len(dst)-1] == ' ' {
			dst = dst[:len(dst)-1]
		}
	}
	return dst, n, err
}

// appendMembers appends the text of an ENUM (v counts from 1, 0 is the empty text
// of a value that was refused) or the comma list of a SET (v is a bit set).
func (c *column) appendMembers(dst []byte, v uint64) ([]byte, error) {
	if c.op == opEnum {
		switch {
		case v == 0:
			return dst, nil
		case v > uint64(len(c.members)):
			return dst, errMember
		}
		return append(dst, c.members[v-1]...), nil
	}
	if n := len(c.members); n < 64 && v>>n != 0 {
		return dst, errMember
	}
	for first := true; v != 0; v &= v - 1 {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, c.members[bits.TrailingZeros64(v)]...)
	}
	return dst, nil
}

func uint24(p []byte) uint32 { return uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16 }
