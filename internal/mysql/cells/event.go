package cells

import (
	"encoding/binary"
	"errors"

	"starferry/internal/change"
	"starferry/internal/mysql/binlog"
)

// event is a rows event taken apart: what it does, and its row images.
type event struct {
	kind       change.Kind
	version    int // 1, or 2 with extra data in the header
	compressed bool
	partial    bool // JSON values may be differences
}

// events are the rows events by their kind; the rest is nothing.
var events = [256]event{
	binlog.KindWriteRowsV1:     {kind: change.Insert, version: 1},
	binlog.KindUpdateRowsV1:    {kind: change.Update, version: 1},
	binlog.KindDeleteRowsV1:    {kind: change.Delete, version: 1},
	binlog.KindWriteRows:       {kind: change.Insert, version: 2},
	binlog.KindUpdateRows:      {kind: change.Update, version: 2},
	binlog.KindDeleteRows:      {kind: change.Delete, version: 2},
	binlog.KindPartialUpdate:   {kind: change.Update, version: 2, partial: true},
	binlog.KindMariaWriteRows:  {kind: change.Insert, version: 1, compressed: true},
	binlog.KindMariaUpdateRows: {kind: change.Update, version: 1, compressed: true},
	binlog.KindMariaDeleteRows: {kind: change.Delete, version: 1, compressed: true},
}

// KindOf is what a rows event does; 0 for other events.
func KindOf(k binlog.Kind) change.Kind { return events[k].kind }

var (
	errTruncated = errors.New("the event ends too early")
	errTableID   = errors.New("the event belongs to another table map")
	errColumns   = errors.New("the event has another number of columns")
	errImage     = errors.New("the row image lacks columns")
)

// header checks the head of a rows event body and returns the row images after it,
// compressed if they are.
func (e event) header(body []byte, tableID uint64, columns int) ([]byte, error) {
	const fixed = 8 // six bytes of table id, two of flags
	if len(body) < fixed {
		return nil, errTruncated
	}
	if id := binary.LittleEndian.Uint64(body) & (1<<48 - 1); id != tableID {
		return nil, errTableID
	}
	p := body[fixed:]
	if e.version == 2 {
		if len(p) < 2 {
			return nil, errTruncated
		}
		// The length of the extra data counts its own two bytes.
		extra := int(binary.LittleEndian.Uint16(p))
		if extra < 2 || extra > len(p) {
			return nil, errTruncated
		}
		p = p[extra:]
	}
	count, n := packedInt(p)
	if n == 0 {
		return nil, errTruncated
	}
	if count != uint64(columns) {
		return nil, errColumns
	}
	p = p[n:]
	bitmaps := 1
	if e.kind == change.Update {
		bitmaps = 2
	}
	for range bitmaps {
		size := (columns + 7) / 8
		if len(p) < size {
			return nil, errTruncated
		}
		if !allSet(p[:size], columns) {
			return nil, errImage
		}
		p = p[size:]
	}
	return p, nil
}

// allSet tells whether the first n bits of a bitmap are set.
func allSet(bitmap []byte, n int) bool {
	for _, b := range bitmap[:n/8] {
		if b != 0xff {
			return false
		}
	}
	rest := byte(1)<<(n%8) - 1
	return rest == 0 || bitmap[n/8]&rest == rest
}

// packedInt reads a length-encoded integer; n is its size, 0 when it is cut off.
func packedInt(p []byte) (v uint64, n int) {
	if len(p) == 0 {
		return 0, 0
	}
	switch p[0] {
	case 0xfc:
		n = 3
	case 0xfd:
		n = 4
	case 0xfe:
		n = 9
	case 0xfb, 0xff:
		return 0, 0
	default:
		return uint64(p[0]), 1
	}
	if len(p) < n {
		return 0, 0
	}
	return littleEndian(p[1:n]), n
}

// littleEndian reads an integer of up to eight bytes.
func littleEndian(p []byte) (v uint64) {
	for i := len(p) - 1; i >= 0; i-- {
		v = v<<8 | uint64(p[i])
	}
	return v
}

// bigEndian reads an integer of up to eight bytes.
func bigEndian(p []byte) (v uint64) {
	for _, b := range p {
		v = v<<8 | uint64(b)
	}
	return v
}
