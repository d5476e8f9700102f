package cells

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
)

// MySQL's binary JSON becomes the text that SELECT prints. Invariant: what is
// printed is bounded by the size of the document, though its offsets may point
// anywhere: a made-up document whose entries share their values would otherwise
// print exponentially much. Building a tree first and printing that was rejected:
// it allocates per value and has to be bounded all the same.

// Types of binary JSON values.
const (
	jsonSmallObject = 0x00
	jsonLargeObject = 0x01
	jsonSmallArray  = 0x02
	jsonLargeArray  = 0x03
	jsonLiteral     = 0x04
	jsonInt16       = 0x05
	jsonUint16      = 0x06
	jsonInt32       = 0x07
	jsonUint32      = 0x08
	jsonInt64       = 0x09
	jsonUint64      = 0x0a
	jsonDouble      = 0x0b
	jsonString      = 0x0c
	jsonOpaque      = 0x0f
)

const (
	// maxJSONDepth is above the server's limit of 100.
	maxJSONDepth = 128
	// A value takes three bytes at least, and the text of one of a few bytes is
	// short: an escaped character is six bytes for one, an empty opaque value
	// about twenty for five.
	jsonExpansion, jsonSlack = 12, 64
)

var (
	errJSON      = errors.New("the bytes are no JSON document")
	errJSONDepth = errors.New("the JSON document is nested too deeply")
)

// jsonPrinter appends the text of one document.
type jsonPrinter struct {
	dst   []byte
	limit int // dst must not grow beyond this
	depth int
}

// appendJSON appends the text of a document. Nothing at all stands for null: what
// the server stores for NULL in a NOT NULL column with INSERT IGNORE.
func appendJSON(dst, document []byte) ([]byte, error) {
	if len(document) == 0 {
		return append(dst, "null"...), nil
	}
	j := jsonPrinter{dst: dst, limit: len(dst) + jsonExpansion*len(document) + jsonSlack}
	err := j.value(document[0], document[1:])
	return j.dst, err
}

// value prints the value of that type at the head of p.
func (j *jsonPrinter) value(kind byte, p []byte) error {
	if len(j.dst) > j.limit {
		return errJSON
	}
	switch kind {
	case jsonSmallObject, jsonSmallArray:
		return j.container(p, kind == jsonSmallObject, 2)
	case jsonLargeObject, jsonLargeArray:
		return j.container(p, kind == jsonLargeObject, 4)
	case jsonLiteral:
		return j.literal(p)
	case jsonString:
		size, n, err := jsonSize(p)
		if err != nil {
			return err
		}
		j.dst = appendQuoted(j.dst, p[size:], n)
		return nil
	case jsonOpaque:
		return j.opaque(p)
	}
	return j.number(kind, p)
}

func (j *jsonPrinter) literal(p []byte) error {
	if len(p) == 0 {
		return errJSON
	}
	switch p[0] {
	case 0:
		j.dst = append(j.dst, "null"...)
	case 1:
		j.dst = append(j.dst, "true"...)
	case 2:
		j.dst = append(j.dst, "false"...)
	default:
		return errJSON
	}
	return nil
}

var jsonNumberSizes = [...]int{jsonInt16: 2, jsonUint16: 2, jsonInt32: 4, jsonUint32: 4, jsonInt64: 8, jsonUint64: 8, jsonDouble: 8}

func (j *jsonPrinter) number(kind byte, p []byte) error {
	if kind > jsonDouble || len(p) < jsonNumberSizes[kind] {
		return errJSON
	}
	switch kind {
	case jsonInt16:
		j.dst = appendInt(j.dst, int64(int16(binary.LittleEndian.Uint16(p))))
	case jsonUint16:
		j.dst = appendUint(j.dst, uint64(binary.LittleEndian.Uint16(p)))
	case jsonInt32:
		j.dst = appendInt(j.dst, int64(int32(binary.LittleEndian.Uint32(p))))
	case jsonUint32:
		j.dst = appendUint(j.dst, uint64(binary.LittleEndian.Uint32(p)))
	case jsonInt64:
		j.dst = appendInt(j.dst, int64(binary.LittleEndian.Uint64(p)))
	case jsonUint64:
		j.dst = appendUint(j.dst, binary.LittleEndian.Uint64(p))
	case jsonDouble:
		return j.double(math.Float64frombits(binary.LittleEndian.Uint64(p)))
	}
	return nil
}

// double prints a number so that it is read as a double again: 1.0, not 1.
func (j *jsonPrinter) double(v float64) (err error) {
	start := len(j.dst)
	if j.dst, err = appendShortest(j.dst, v, 64); err != nil {
		return err
	}
	if v == math.Trunc(v) && bytes.IndexByte(j.dst[start:], 'e') < 0 {
		j.dst = append(j.dst, '.', '0')
	}
	return nil
}

// container prints an object or array. It begins with the number of members and
// its size in bytes, then come an entry per key (offset, length in two bytes) and
// per value (type, and offset or, if it fits, the value itself). All offsets count
// from the head of the container; width is their size.
func (j *jsonPrinter) container(p []byte, object bool, width int) error {
	if j.depth++; j.depth > maxJSONDepth {
		return errJSONDepth
	}
	if len(p) < 2*width {
		return errJSON
	}
	count, size := jsonOffset(p, width), jsonOffset(p[width:], width)
	keyEntry, valueEntry := width+2, width+1
	head := 2 * width
	if object {
		head += count * keyEntry
	}
	if size > len(p) || head+count*valueEntry > size {
		return errJSON
	}
	p = p[:size]
	open, end := byte('['), byte(']')
	if object {
		open, end = '{', '}'
	}
	j.dst = append(j.dst, open)
	keys, values := p[2*width:head], p[head:head+count*valueEntry]
	for first := true; len(values) > 0; first = false {
		if !first {
			j.dst = append(j.dst, ',', ' ')
		}
		if object {
			if err := j.key(p, keys, width); err != nil {
				return err
			}
			keys = keys[keyEntry:]
		}
		if err := j.entry(p, values[:valueEntry], width); err != nil {
			return err
		}
		values = values[valueEntry:]
	}
	j.dst = append(j.dst, end)
	j.depth--
	return nil
}

// jsonOffset reads an offset, number or size of that width.
func jsonOffset(p []byte, width int) int {
	if width == 2 {
		return int(binary.LittleEndian.Uint16(p))
	}
	return int(binary.LittleEndian.Uint32(p))
}

func (j *jsonPrinter) key(container, entry []byte, width int) error {
	offset, length := jsonOffset(entry, width), int(binary.LittleEndian.Uint16(entry[width:]))
	if offset+length > len(container) || len(j.dst) > j.limit {
		return errJSON
	}
	j.dst = appendQuoted(j.dst, container[offset:], length)
	j.dst = append(j.dst, ':', ' ')
	return nil
}

// entry prints the value that a value entry holds or points to.
func (j *jsonPrinter) entry(container, entry []byte, width int) error {
	kind := entry[0]
	inline := kind == jsonLiteral || kind == jsonInt16 || kind == jsonUint16 ||
		width == 4 && (kind == jsonInt32 || kind == jsonUint32)
	if inline {
		return j.value(kind, entry[1:])
	}
	offset := jsonOffset(entry[1:], width)
	if offset == 0 || offset >= len(container) {
		return errJSON
	}
	return j.value(kind, container[offset:])
}

// jsonSize reads the length n of bytes that are behind it, seven bits per byte; size is its own.
func jsonSize(p []byte) (size, n int, err error) {
	if len(p) > 0 && p[0] < 0x80 {
		size, n = 1, int(p[0])
	} else {
		var length uint64
		if length, size = binary.Uvarint(p); size <= 0 || size > 5 {
			return 0, 0, errJSON
		}
		n = int(length)
	}
	if n > len(p)-size {
		return 0, 0, errJSON
	}
	return size, n, nil
}
