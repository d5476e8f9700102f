package binlog

import (
	"bytes"
	"fmt"
)

// Format begins every file: FORMAT_DESCRIPTION.
type Format struct {
	Version   string // of the server
	Created   uint32 // when the server was started, in the first file since; else 0
	Checksums bool
}

const (
	versionSize = 50
	// formatTail stands at the end, since before the oldest server that is followed: a byte
	// for the algorithm of checksums, then a checksum.
	formatTail = 1 + checksumSize
)

// Format reads the event.
func (e *Event) Format() (Format, error) {
	c := cut{p: e.Body}
	version := c.uint(2)
	name := c.bytes(versionSize)
	created, head := c.uint(4), c.uint(1)
	if c.bad || len(c.p) < formatTail {
		return Format{}, errCut
	}
	if version != 4 || head != headSize {
		return Format{}, fmt.Errorf("the log has format %d with heads of %d bytes, and only format 4 is known", version, head)
	}
	name, _, _ = bytes.Cut(name, []byte{0})
	f := Format{Version: string(name), Created: uint32(created)}
	switch algorithm := c.p[len(c.p)-formatTail]; algorithm {
	case 0, 255: // none, not defined
	case 1:
		f.Checksums = true
	default:
		return f, fmt.Errorf("checksum algorithm %d is not known", algorithm)
	}
	return f, nil
}

// Rotate names the file that comes next, and where in it.
type Rotate struct {
	File   []byte
	Offset uint64
}

// Rotate reads the event.
func (e *Event) Rotate() (Rotate, error) {
	c := cut{p: e.Body}
	offset := c.uint(8)
	return Rotate{File: c.p, Offset: offset}, c.err()
}

// Heartbeat tells where the server is when there is nothing to send.
type Heartbeat struct {
	File   []byte
	Offset uint64
	// Short tells that Offset is what an old event says: without what is above 32 bits.
	Short bool
}

const (
	heartbeatFile   = 1
	heartbeatOffset = 2
)

// Heartbeat reads an event of either version.
func (e *Event) Heartbeat() (h Heartbeat, err error) {
	if e.Kind == KindHeartbeat {
		return Heartbeat{File: e.Body, Offset: uint64(e.End), Short: true}, nil
	}
	for c := (cut{p: e.Body}); len(c.p) > 0; {
		field := c.uint(1)
		if field == 0 {
			continue // the end mark
		}
		value := cut{p: c.packedBytes()}
		switch field {
		case heartbeatFile:
			h.File = value.p
		case heartbeatOffset:
			h.Offset = value.packed()
		}
		if c.bad || value.bad {
			return h, errCut
		}
	}
	return h, nil
}
