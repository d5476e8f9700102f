// Package packets reads what a MySQL server sends after its handshake, packet by
// packet, without an allocation per packet.
//
// The client library keeps the handshake, TLS and the commands; its own packet layer
// copies every packet into memory of its own.
package packets

import (
	"fmt"
	"io"
	"net"
	"time"
)

const (
	headSize  = 4
	wholeSize = 1<<24 - 1 // a packet as long as this is followed by the rest of it
	// bufferSize is what is read at once, and what stays allocated between packets.
	bufferSize = 256 << 10
)

// Reader reads the packets of one connection. It belongs to one goroutine.
type Reader struct {
	conn    net.Conn
	silence time.Duration
	buffer  []byte
	head    int // of what was read and not handed out
	tail    int
	long    []byte    // a packet of several parts
	arrived time.Time // when something was read last
}

// NewReader reads from a connection of which nothing is buffered elsewhere. A read that
// gets no byte for as long as silence ends with a time-out; 0 is no limit.
func NewReader(conn net.Conn, silence time.Duration) *Reader {
	return &Reader{conn: conn, silence: silence, buffer: make([]byte, bufferSize)}
}

// Next returns the payload of the next packet; it is good until the next call. Errors are
// those of the connection; io.ErrUnexpectedEOF is an end within a packet.
func (r *Reader) Next() ([]byte, error) {
	payload, size, err := r.part()
	if err != nil || size < wholeSize {
		return payload, err
	}
	r.long = append(r.long[:0], payload...)
	for size == wholeSize {
		if payload, size, err = r.part(); err != nil {
			return nil, unexpected(err)
		}
		r.long = append(r.long, payload...)
	}
	long := r.long
	r.long = nil // such packets are rare, and as long as 1 GiB
	return long, nil
}

// Buffered tells whether the next packet has arrived whole, so that Next does not wait. Of
// one of several parts it is not told.
func (r *Reader) Buffered() bool {
	waiting := r.buffer[r.head:r.tail]
	if len(waiting) < headSize {
		return false
	}
	size := sizeOf(waiting)
	return size < wholeSize && len(waiting) >= headSize+size
}

// Arrived is when the packet at hand, or what was read behind it, came: the clock as it was
// behind the last read, which is asked once for all packets that come together.
func (r *Reader) Arrived() time.Time { return r.arrived }

// sizeOf is the length in the head of a packet.
func sizeOf(head []byte) int { return int(head[0]) | int(head[1])<<8 | int(head[2])<<16 }

// ahead is the size of the next packet of the wire.
func (r *Reader) ahead() (int, error) {
	if err := r.need(headSize); err != nil {
		return 0, err
	}
	return sizeOf(r.buffer[r.head:]), nil
}

// part is the payload of one packet of the wire.
func (r *Reader) part() (payload []byte, size int, err error) {
	if size, err = r.ahead(); err != nil {
		return nil, 0, err
	}
	if err := r.need(headSize + size); err != nil {
		return nil, 0, unexpected(err)
	}
	payload = r.buffer[r.head+headSize : r.head+headSize+size : r.head+headSize+size]
	r.head += headSize + size
	return payload, size, nil
}

// need has n bytes from head on in the buffer.
func (r *Reader) need(n int) error {
	if r.tail-r.head >= n {
		return nil
	}
	r.makeRoom(n)
	for r.tail-r.head < n {
		if r.silence > 0 {
			if err := r.conn.SetReadDeadline(time.Now().Add(r.silence)); err != nil {
				return err
			}
		}
		read, err := r.conn.Read(r.buffer[r.tail:])
		r.tail += read
		r.arrived = time.Now()
		switch {
		case r.tail-r.head >= n: // err comes again
		case err == io.EOF && r.tail > r.head:
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		case read == 0:
			return fmt.Errorf("reading: %w", io.ErrNoProgress)
		}
	}
	return nil
}

// makeRoom moves what waits to the begin of a buffer that holds n bytes. One that grew
// for a long packet is let go when nothing of it waits any more.
func (r *Reader) makeRoom(n int) {
	size := max(bufferSize, n)
	waiting := r.buffer[r.head:r.tail]
	if len(r.buffer) < size || len(r.buffer) > bufferSize && len(waiting) <= bufferSize && size == bufferSize {
		r.buffer = make([]byte, size)
	}
	r.tail = copy(r.buffer, waiting)
	r.head = 0
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
