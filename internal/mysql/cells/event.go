package cells

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-mysql-org/go-mysql/replication"

	"starferry/internal/change"
)

// event is a rows event taken apart: what it does, and its row images.
type event struct {
	kind       change.Kind
	version    int // 1, or 2 with extra data in the header
	compressed bool
	partial    bool // JSON values may be differences
}

var events = map[replication.EventType]event{
	replication.WRITE_ROWS_EVENTv1:                      {kind: change.Insert, version: 1},
	replication.UPDATE_ROWS_EVENTv1:                     {kind: change.Update, version: 1},
	replication.DELETE_ROWS_EVENTv1:                     {kind: change.Delete, version: 1},
	replication.WRITE_ROWS_EVENTv2:                      {kind: change.Insert, version: 2},
	replication.UPDATE_ROWS_EVENTv2:                     {kind: change.Update, version: 2},
	replication.DELETE_ROWS_EVENTv2:                     {kind: change.Delete, version: 2},
	replication.PARTIAL_UPDATE_ROWS_EVENT:               {kind: change.Update, version: 2, partial: true},
	replication.MARIADB_WRITE_ROWS_COMPRESSED_EVENT_V1:  {kind: change.Insert, version: 1, compressed: true},
	replication.MARIADB_UPDATE_ROWS_COMPRESSED_EVENT_V1: {kind: change.Update, version: 1, compressed: true},
	replication.MARIADB_DELETE_ROWS_COMPRESSED_EVENT_V1: {kind: change.Delete, version: 1, compressed: true},
}

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

// maxImages bounds what a compressed event may claim to unpack to: a server does
// not write events above 1 GiB.
const maxImages = 1 << 30

// inflate unpacks the row images of MariaDB's compressed events: one byte whose low
// three bits are the size of the length, the length, and a zlib stream. The memory
// grows with what the stream really holds, not with what the length claims.
func inflate(images []byte) ([]byte, error) {
	if len(images) == 0 {
		return nil, errTruncated
	}
	sizeBytes := int(images[0] & 7)
	if len(images) < 1+sizeBytes {
		return nil, errTruncated
	}
	size := bigEndian(images[1 : 1+sizeBytes])
	if size > maxImages {
		return nil, fmt.Errorf("the compressed event claims %d bytes", size)
	}
	z, err := zlib.NewReader(bytes.NewReader(images[1+sizeBytes:]))
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(z, int64(size)+1))
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	if uint64(n) != size {
		return nil, fmt.Errorf("the compressed event claims %d bytes and holds %d", size, n)
	}
	return out.Bytes(), nil
}
