package binlog

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// Payload reads the events of compressed transactions, one after the other: what is in
// memory is one of them, however long the transaction is. They have no checksums, and
// their ends say nothing.
type Payload struct {
	packed bytes.Reader
	zstd   *zstd.Decoder
	in     *bufio.Reader
	event  []byte
}

const (
	payloadEnd         = 0
	payloadCompression = 2

	compressionZstd = 0
	compressionNone = 255

	// maxWindow is the greatest that a server's levels of compression use.
	maxWindow = 128 << 20
	// payloadStep is how far the memory of an event grows before its bytes are there.
	payloadStep = 1 << 20
	// keptEvent is the memory that is kept between two events.
	keptEvent = 1 << 20
)

// Open begins with the events of e, which must stay as it is until the last of them was
// read.
func (p *Payload) Open(e *Event) error {
	c := cut{p: e.Body}
	compression := uint64(compressionNone)
	for field := c.packed(); field != payloadEnd && !c.bad; field = c.packed() {
		value := cut{p: c.packedBytes()}
		if field == payloadCompression {
			compression = value.packed()
		}
		c.bad = c.bad || value.bad
	}
	if c.bad {
		return errCut
	}
	p.packed.Reset(c.p)
	if p.in == nil {
		p.in = bufio.NewReaderSize(nil, 64<<10)
	}
	switch compression {
	case compressionZstd:
		return p.unpack()
	case compressionNone:
		p.in.Reset(&p.packed)
		return nil
	}
	return fmt.Errorf("the transaction is compressed by an algorithm (%d) that is not known", compression)
}

func (p *Payload) unpack() (err error) {
	if p.zstd == nil {
		// One at a time: in a goroutine of its own it would read ahead.
		p.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return err
		}
	}
	p.in.Reset(p.zstd)
	return p.zstd.Reset(&p.packed)
}

// Next frames the next event, which is good until the next call. last tells that no other
// follows; io.EOF that there was none.
func (p *Payload) Next(e *Event) (last bool, err error) {
	if cap(p.event) > keptEvent {
		p.event = nil
	}
	p.event = slices.Grow(p.event[:0], headSize)[:headSize]
	if _, err := io.ReadFull(p.in, p.event); err != nil {
		return false, err
	}
	size := int(binary.LittleEndian.Uint32(p.event[9:]))
	if size < headSize {
		return false, errCut
	}
	for len(p.event) < size {
		have := len(p.event)
		step := min(size-have, payloadStep)
		p.event = slices.Grow(p.event, step)[:have+step]
		if _, err := io.ReadFull(p.in, p.event[have:]); err != nil {
			return false, unexpected(err)
		}
	}
	switch _, err := p.in.Peek(1); {
	case err == io.EOF:
		last = true
	case err != nil:
		return false, err
	}
	return last, e.readHead(p.event)
}

// Close gives the decoder's memory back.
func (p *Payload) Close() {
	if p.zstd != nil {
		p.zstd.Close()
	}
	*p = Payload{}
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
