package binlog

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
)

// maxInflated bounds what a compressed event may claim to unpack to: a server does not
// write events above 1 GiB.
const maxInflated = 1 << 30

// keptInflated is the memory that an Inflater keeps between two events.
const keptInflated = 1 << 20

// Inflater unpacks MariaDB's compressed events, again and again with the same memory.
type Inflater struct {
	in  bytes.Reader
	z   io.ReadCloser
	out bytes.Buffer
}

// Inflate unpacks one byte whose low three bits are the size of the length, the length,
// and a zlib stream. What it returns is good until the next call. The memory grows with
// what the stream really holds, not with what the length claims.
func (i *Inflater) Inflate(p []byte) ([]byte, error) {
	if i.out.Reset(); i.out.Cap() > keptInflated {
		i.out = bytes.Buffer{}
	}
	c := cut{p: p}
	size := uint64(0)
	for _, b := range c.bytes(int(c.uint(1) & 7)) {
		size = size<<8 | uint64(b)
	}
	if c.bad {
		return nil, errCut
	}
	if size > maxInflated {
		return nil, fmt.Errorf("the compressed event claims %d bytes", size)
	}
	if err := i.open(c.p); err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	n, err := io.Copy(&i.out, io.LimitReader(i.z, int64(size)+1))
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	if uint64(n) != size {
		return nil, fmt.Errorf("the compressed event claims %d bytes and holds %d", size, n)
	}
	return i.out.Bytes(), nil
}

func (i *Inflater) open(p []byte) (err error) {
	i.in.Reset(p)
	if again, ok := i.z.(zlib.Resetter); ok {
		return again.Reset(&i.in, nil)
	}
	i.z, err = zlib.NewReader(&i.in)
	return err
}
