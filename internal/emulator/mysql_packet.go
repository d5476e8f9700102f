package emulator

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
)

// packetConn frames MySQL packets. Writes are buffered: a row is no system call.
type packetConn struct {
	net.Conn
	r     *bufio.Reader
	w     *bufio.Writer
	seq   byte
	limit int // of a packet of the client
}

const (
	maxPayload = 1<<24 - 1
	// maxCommand bounds what a client may send as one command.
	maxCommand = 64 << 20
	// maxLogin bounds what comes before the user is known.
	maxLogin = 64 << 10
)

var errPacketTooLarge = errors.New("packet larger than max_allowed_packet")

func newPacketConn(c net.Conn) *packetConn {
	return &packetConn{Conn: c, r: bufio.NewReader(c), w: bufio.NewWriterSize(c, 64<<10), limit: maxLogin}
}

// read takes one packet. Its memory grows with what has arrived, not with what the head
// announces.
func (c *packetConn) read() ([]byte, error) {
	var payload bytes.Buffer
	for {
		var head [4]byte
		if _, err := io.ReadFull(c.r, head[:]); err != nil {
			return nil, err
		}
		n := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
		c.seq = head[3] + 1
		if payload.Len()+n > c.limit {
			return nil, errPacketTooLarge
		}
		if _, err := io.CopyN(&payload, c.r, int64(n)); err != nil {
			return nil, err
		}
		if n < maxPayload {
			return payload.Bytes(), nil
		}
	}
}

func (c *packetConn) write(payload []byte) error {
	for {
		n := min(len(payload), maxPayload)
		head := [4]byte{byte(n), byte(n >> 8), byte(n >> 16), c.seq}
		c.seq++
		if _, err := c.w.Write(head[:]); err != nil {
			return err
		}
		if _, err := c.w.Write(payload[:n]); err != nil {
			return err
		}
		if n < maxPayload {
			return nil
		}
		payload = payload[n:]
	}
}

func appendLenEnc(b []byte, n uint64) []byte {
	switch {
	case n < 251:
		return append(b, byte(n))
	case n < 1<<16:
		return binary.LittleEndian.AppendUint16(append(b, 0xfc), uint16(n))
	case n < 1<<24:
		return append(b, 0xfd, byte(n), byte(n>>8), byte(n>>16))
	}
	return binary.LittleEndian.AppendUint64(append(b, 0xfe), n)
}

func appendLenText(b []byte, s string) []byte { return append(appendLenEnc(b, uint64(len(s))), s...) }

// field reads from a payload; after the first short read everything is zero and bad is set.
type field struct {
	b   []byte
	bad bool
}

func (f *field) take(n int) []byte {
	if n < 0 || n > len(f.b) {
		f.bad, f.b = true, nil
		return make([]byte, max(0, min(n, 8)))
	}
	out := f.b[:n]
	f.b = f.b[n:]
	return out
}

func (f *field) byte() byte     { return f.take(1)[0] }
func (f *field) uint16() uint16 { return binary.LittleEndian.Uint16(f.take(2)) }
func (f *field) uint32() uint32 { return binary.LittleEndian.Uint32(f.take(4)) }
func (f *field) uint64() uint64 { return binary.LittleEndian.Uint64(f.take(8)) }

// zeroTerminated reads up to a zero byte; the last one of a packet may lack it.
func (f *field) zeroTerminated() string {
	for i, c := range f.b {
		if c == 0 {
			out := string(f.b[:i])
			f.b = f.b[i+1:]
			return out
		}
	}
	out := string(f.b)
	f.b = nil
	return out
}

func (f *field) lenText() string {
	n := uint64(f.byte())
	switch n {
	case 0xfc:
		n = uint64(f.uint16())
	case 0xfd:
		b := f.take(3)
		n = uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16
	case 0xfe:
		n = f.uint64()
	}
	if n > uint64(len(f.b)) {
		f.bad = true
		return ""
	}
	return string(f.take(int(n)))
}
