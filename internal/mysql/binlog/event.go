package binlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

const (
	headSize     = 19
	checksumSize = 4
)

// FlagArtificial marks an event that is not in the file: the server made it for the
// connection.
const FlagArtificial = 0x20

var (
	errCut      = errors.New("the event is cut short")
	errChecksum = errors.New("the checksum of the event is wrong")
)

// Event is one event of the log. Body is what stands between its head and its checksum; of
// the event that begins a file, where a checksum has its place in any case, with that.
type Event struct {
	Time   uint32 // seconds since 1970, by the clock of the server that made it
	Kind   Kind
	Server uint32
	Size   uint32 // with head and checksum
	End    uint32 // the offset of its end in the file, without what is above 32 bits; 0 when not told
	Flags  uint16
	Body   []byte
}

// Artificial tells that the event is not in the file.
func (e *Event) Artificial() bool { return e.Flags&FlagArtificial != 0 }

// readHead frames the event that p holds, and leaves its checksum in the body.
func (e *Event) readHead(p []byte) error {
	if len(p) < headSize {
		return errCut
	}
	e.Time = binary.LittleEndian.Uint32(p)
	e.Kind = Kind(p[4])
	e.Server = binary.LittleEndian.Uint32(p[5:])
	e.Size = binary.LittleEndian.Uint32(p[9:])
	e.End = binary.LittleEndian.Uint32(p[13:])
	e.Flags = binary.LittleEndian.Uint16(p[17:])
	if uint64(e.Size) != uint64(len(p)) {
		return fmt.Errorf("an event of kind %s says that it has %d bytes, and has %d", e.Kind, e.Size, len(p))
	}
	e.Body = p[headSize:]
	return nil
}

// Parser frames the events of one dump connection. Whether they have checksums is said
// by the first event of every file.
type Parser struct {
	// RowsUnread: nobody looks at rows, so the checksums of events with them, by far the
	// most of a log, are left out.
	RowsUnread bool

	described bool
	checksums bool
}

// Parse frames the event that p holds.
func (r *Parser) Parse(p []byte, e *Event) error {
	if err := e.readHead(p); err != nil {
		return err
	}
	switch {
	case e.Kind == KindFormat:
		f, err := e.Format()
		if err != nil {
			return err
		}
		r.described, r.checksums = true, f.Checksums
		if r.checksums && !goodChecksum(p) {
			return errChecksum
		}
	case r.checksums:
		if len(e.Body) < checksumSize {
			return errCut
		}
		if !(r.RowsUnread && e.Kind.HasRows()) && !goodChecksum(p) {
			return errChecksum
		}
		e.Body = e.Body[:len(e.Body)-checksumSize]
	case !r.described && e.Kind == KindRotate && len(e.Body) > checksumSize && goodChecksum(p):
		// The first one comes before the event that says whether there are checksums.
		e.Body = e.Body[:len(e.Body)-checksumSize]
	}
	return nil
}

func goodChecksum(p []byte) bool {
	end := len(p) - checksumSize
	return crc32.ChecksumIEEE(p[:end]) == binary.LittleEndian.Uint32(p[end:])
}

// cut takes bytes off the head of an event. After an error it gives nothing but zeros.
type cut struct {
	p   []byte
	bad bool
}

func (c *cut) bytes(n int) []byte {
	if n < 0 || n > len(c.p) {
		c.p, c.bad = nil, true
		return nil
	}
	taken := c.p[:n:n]
	c.p = c.p[n:]
	return taken
}

// uint takes a little-endian number of n bytes.
func (c *cut) uint(n int) (v uint64) {
	p := c.bytes(n)
	for i := len(p) - 1; i >= 0; i-- {
		v = v<<8 | uint64(p[i])
	}
	return v
}

// packed takes a number as the protocol packs it: up to 250 in one byte, else that many
// behind one that says how many.
func (c *cut) packed() uint64 {
	switch first := c.uint(1); first {
	case 0xfc:
		return c.uint(2)
	case 0xfd:
		return c.uint(3)
	case 0xfe:
		return c.uint(8)
	case 0xfb, 0xff:
		c.bad = true
		return 0
	default:
		return first
	}
}

// packedBytes takes bytes with their packed length before them.
func (c *cut) packedBytes() []byte { return c.bytes(c.length(c.packed())) }

// length is n as a length of what is left; -1, which is none, when it is beyond.
func (c *cut) length(n uint64) int {
	if n > uint64(len(c.p)) {
		return -1
	}
	return int(n)
}

func (c *cut) err() error {
	if c.bad {
		return errCut
	}
	return nil
}
