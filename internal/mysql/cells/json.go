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
	if err := j.members(p, p[2*width:head], p[head:head+count*valueEntry], width); err != nil {
		return err
	}
	j.dst = append(j.dst, end)
	j.depth--
	return nil
}

// members prints the members of a container; keys is empty for an array. The usual values
// are printed right here: a call for each, and j.dst written back, cost as much as most of
// them do.
func (j *jsonPrinter) members(p, keys, values []byte, width int) (err error) {
	dst := j.dst
	for first := true; len(values) > 0; first = false {
		if !first {
			dst = append(dst, ',', ' ')
		}
		if len(keys) > 0 {
			offset, length := jsonOffset(keys, width), int(binary.LittleEndian.Uint16(keys[width:]))
			if offset+length > len(p) {
				return errJSON
			}
			dst = append(appendQuoted(dst, p[offset:], length), ':', ' ')
			keys = keys[width+2:]
		}
		if len(dst) > j.limit {
			return errJSON
		}
		kind, value := values[0], values[1:width+1]
		values = values[width+1:]
		switch kind {
		case jsonInt16:
			dst = appendInt(dst, int64(int16(binary.LittleEndian.Uint16(value))))
			continue
		case jsonLiteral, jsonUint16: // in the entry
		case jsonInt32, jsonUint32:
			if width == 2 {
				value, err = jsonAt(p, value, width)
			}
		default:
			value, err = jsonAt(p, value, width)
		}
		if err != nil {
			return err
		}
		if kind == jsonString {
			size, n, err := jsonSize(value)
			if err != nil {
				return err
			}
			dst = appendQuoted(dst, value[size:], n)
			continue
		}
		j.dst = dst
		if err := j.value(kind, value); err != nil {
			return err
		}
		dst = j.dst
	}
	j.dst = dst
	return nil
}

// jsonAt is what an entry points to.
func jsonAt(container, entry []byte, width int) ([]byte, error) {
	offset := jsonOffset(entry, width)
	if offset == 0 || offset >= len(container) {
		return nil, errJSON
	}
	return container[offset:], nil
}

// jsonOffset reads an offset, number or size of that width.
func jsonOffset(p []byte, width int) int {
	if width == 2 {
		return int(binary.LittleEndian.Uint16(p))
	}
	return int(binary.LittleEndian.Uint32(p))
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
