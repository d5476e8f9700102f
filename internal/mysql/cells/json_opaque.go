package cells

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// base64Line is the bytes that fill a line of 76 characters of base64.
const base64Line = 57

// opaque prints a value of an SQL type that JSON has none for: the number of the
// type, then its bytes.
func (j *jsonPrinter) opaque(p []byte) (err error) {
	if len(p) < 1 {
		return errJSON
	}
	kind := p[0]
	size, n, err := jsonSize(p[1:])
	if err != nil {
		return err
	}
	value := p[1+size : 1+size+n]
	switch kind {
	case mysql.MYSQL_TYPE_NEWDECIMAL:
		if len(value) < 2 {
			return errJSON
		}
		precision, scale := int(value[0]), int(value[1])
		if scale > precision || len(value)-2 != decimalSize(precision, scale) {
			return errJSON
		}
		j.dst, err = appendDecimal(j.dst, value[2:], precision-scale, scale)
		return err
	case mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_TIME, mysql.MYSQL_TYPE_DATETIME, mysql.MYSQL_TYPE_TIMESTAMP:
		if len(value) != 8 {
			return errJSON
		}
		j.dst = append(j.dst, '"')
		if j.dst, err = appendPacked(j.dst, kind, int64(binary.LittleEndian.Uint64(value))); err != nil {
			return err
		}
		j.dst = append(j.dst, '"')
		return nil
	}
	j.dst = append(j.dst, `"base64:type`...)
	j.dst = appendUint(j.dst, uint64(kind))
	j.dst = append(j.dst, ':')
	// The server breaks lines after 76 characters, and escapes the line feed.
	for ; len(value) > base64Line; value = value[base64Line:] {
		j.dst = base64.StdEncoding.AppendEncode(j.dst, value[:base64Line])
		j.dst = append(j.dst, '\\', 'n')
	}
	j.dst = base64.StdEncoding.AppendEncode(j.dst, value)
	j.dst = append(j.dst, '"')
	return nil
}

// appendPacked appends a date or time in the format the server computes with: 24
// bits of microseconds below the fields of the column format. The fraction always
// has six digits.
func appendPacked(dst []byte, kind byte, packed int64) ([]byte, error) {
	if packed < 0 {
		if kind != mysql.MYSQL_TYPE_TIME {
			return dst, errDate
		}
		dst = append(dst, '-')
		packed = -packed
	}
	v, micro := uint64(packed)>>24, uint32(packed&(1<<24-1))
	if kind == mysql.MYSQL_TYPE_TIME {
		if v>>12 > 838 {
			return dst, errDate
		}
		return appendClock(dst, uint32(v>>12), uint32(v>>6&63), uint32(v&63), micro, 6)
	}
	yearMonth := v >> 22
	if yearMonth > 9999*13+12 {
		return dst, errDate
	}
	dst, err := appendDate(dst, uint32(yearMonth/13), uint32(yearMonth%13), uint32(v>>17&31))
	if err != nil || kind == mysql.MYSQL_TYPE_DATE {
		return dst, err
	}
	dst = append(dst, ' ')
	return appendClock(dst, uint32(v>>12&31), uint32(v>>6&63), uint32(v&63), micro, 6)
}
