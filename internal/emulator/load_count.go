package emulator

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

var countBuffers = sync.Pool{New: func() any { return new([csvChunk]byte) }}

// onlyCounts tells whether the rows of a load are counted and not looked at: the server
// keeps none, and they are rows as a client makes them that is measured. What is quoted,
// chosen or JSON is read as ever.
func (l *loader) onlyCounts() bool {
	p := l.plan
	o := p.opts
	return l.discard && !o.json && o.enclose == 0 && o.escape == 0 && o.skipHeader == 0 && len(o.rowDelimiter) == 1 &&
		p.where == nil && p.update == nil && p.sortKey == nil
}

// countRows takes every end of a row for a row: in a benchmark the server is not what is
// to be measured.
func (l *loader) countRows(body io.Reader) error {
	buffer := countBuffers.Get().(*[csvChunk]byte)
	defer countBuffers.Put(buffer)
	ended := true
	for {
		n, err := body.Read(buffer[:])
		if n > 0 {
			l.counts.total += int64(bytes.Count(buffer[:n], l.plan.opts.rowDelimiter))
			ended = buffer[n-1] == l.plan.opts.rowDelimiter[0]
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if !ended {
		l.counts.total++
	}
	l.counts.loaded = l.counts.total
	return nil
}
