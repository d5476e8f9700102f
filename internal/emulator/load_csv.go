package emulator

import (
	"bytes"
	"errors"
	"io"
	"slices"
)

// csvReader splits a stream into rows. Without enclose and escape it only looks for the
// delimiters (a quote is data); with either it is a state machine.
type csvReader struct {
	r          io.Reader
	o          *loadOptions
	buf        []byte
	start, end int // unread part of buf
	eof        bool
	fields     [][]byte
	arena      []byte
	ends       []int
}

const (
	csvChunk  = 256 << 10
	maxCSVRow = 512 << 20
)

var errRowTooLarge = ddlError("The size of a csv row exceeds the limit of 512MB")

func newCSVReader(r io.Reader, o *loadOptions) *csvReader {
	return &csvReader{r: r, o: o, buf: make([]byte, csvChunk)}
}

// more reads on; false at the end of the stream.
func (c *csvReader) more() (bool, error) {
	if c.eof {
		return false, nil
	}
	if c.start > 0 {
		copy(c.buf, c.buf[c.start:c.end])
		c.start, c.end = 0, c.end-c.start
	}
	if c.end == len(c.buf) {
		if len(c.buf) >= maxCSVRow {
			return false, errRowTooLarge
		}
		c.buf = append(c.buf, make([]byte, len(c.buf))...)
	}
	n, err := c.r.Read(c.buf[c.end:])
	c.end += n
	if errors.Is(err, io.EOF) {
		c.eof = true
		return true, nil
	}
	return true, err
}

// next gives the raw text of a row and its fields; both are valid until the next call.
// A row of zero bytes is skipped here. io.EOF ends the stream.
func (c *csvReader) next() (raw []byte, fields [][]byte, err error) {
	for {
		raw, err = c.physicalRow()
		if err != nil {
			return nil, nil, err
		}
		if len(raw) == 0 {
			continue
		}
		if c.o.enclose == 0 && c.o.escape == 0 {
			return raw, c.split(raw), nil
		}
		return raw, c.unquoted(), nil
	}
}

func (c *csvReader) physicalRow() ([]byte, error) {
	scanned := 0
	s := quoteState{}
	for {
		window := c.buf[c.start:c.end]
		var length int
		var found bool
		if c.o.enclose == 0 && c.o.escape == 0 {
			from := max(0, scanned-len(c.o.rowDelimiter)+1)
			length = bytes.Index(window[from:], c.o.rowDelimiter)
			found = length >= 0
			length += from
		} else {
			length, found = c.scanQuoted(&s, window)
		}
		if found {
			raw := window[:length]
			c.start += length + len(c.o.rowDelimiter)
			return raw, nil
		}
		scanned = len(window)
		if c.eof {
			if len(window) == 0 {
				return nil, io.EOF
			}
			if s.active { // the stream is over: what is left is the last row
				c.finishQuoted(&s, window)
			}
			c.start = c.end
			return window, nil
		}
		if _, err := c.more(); err != nil {
			return nil, err
		}
	}
}

func (c *csvReader) split(raw []byte) [][]byte {
	c.fields = c.fields[:0]
	for {
		i := bytes.Index(raw, c.o.columnSeparator)
		if i < 0 {
			return append(c.fields, c.trim(raw))
		}
		c.fields = append(c.fields, c.trim(raw[:i]))
		raw = raw[i+len(c.o.columnSeparator):]
	}
}

func (c *csvReader) trim(f []byte) []byte {
	if c.o.trimSpace {
		return bytes.Trim(f, " ")
	}
	return f
}

// quoteState is where the state machine stands; it survives reading on.
type quoteState struct {
	active   bool
	at       int
	inside   bool // between two enclose characters
	enclosed bool // the field began with one
	begun    bool // the field has a byte that is not a trimmed blank
	solid    int  // end in the arena of what trimming must keep
	start    int  // of the field in the arena
	closed   int  // 1 + the end in the arena of an enclosed beginning, 0 without one
}

// scanQuoted reads on from s.at and returns the length of the row once its delimiter is
// seen. It stops short of the end of the window when the next byte could matter.
func (c *csvReader) scanQuoted(s *quoteState, window []byte) (length int, found bool) {
	if !s.active {
		*s = quoteState{active: true}
		c.arena, c.ends = c.arena[:0], c.ends[:0]
	}
	lookahead := max(len(c.o.columnSeparator), len(c.o.rowDelimiter)) + 1
	for s.at < len(window) {
		rest := window[s.at:]
		if len(rest) < lookahead && !c.eof {
			return 0, false
		}
		b := rest[0]
		switch {
		case c.o.escape != 0 && b == c.o.escape && len(rest) > 1 && !(b == c.o.enclose && !s.begun && !s.inside):
			c.reopen(s)
			n := c.protected(rest[1:])
			if n == 0 { // it protects nothing, so it is data
				c.arena = append(c.arena, b)
			}
			c.arena = append(c.arena, rest[1:1+n]...)
			s.begun, s.solid = true, len(c.arena)
			s.at += 1 + n
		case s.inside && b == c.o.enclose:
			if len(rest) > 1 && rest[1] == c.o.enclose {
				c.arena = append(c.arena, b)
				s.at += 2
			} else {
				s.inside, s.closed = false, len(c.arena)+1
				s.at++
			}
			s.solid = len(c.arena)
		case s.inside:
			c.arena = append(c.arena, b)
			s.solid = len(c.arena)
			s.at++
		case bytes.HasPrefix(rest, c.o.columnSeparator):
			c.endField(s)
			s.at += len(c.o.columnSeparator)
		case bytes.HasPrefix(rest, c.o.rowDelimiter):
			c.endField(s)
			return s.at, true
		case c.o.enclose != 0 && b == c.o.enclose && !s.begun:
			s.inside, s.enclosed, s.begun = true, true, true
			s.at++
		case c.o.trimSpace && b == ' ' && !s.begun:
			s.at++
		default:
			if b != ' ' || !c.o.trimSpace {
				c.reopen(s)
			}
			c.arena = append(c.arena, b)
			s.begun = true
			if b != ' ' || !c.o.trimSpace {
				s.solid = len(c.arena)
			}
			s.at++
		}
	}
	return 0, false
}

// protected is the length of what an escape character in front of b makes data.
func (c *csvReader) protected(b []byte) int {
	switch {
	case b[0] == c.o.escape || c.o.enclose != 0 && b[0] == c.o.enclose:
		return 1
	case bytes.HasPrefix(b, c.o.rowDelimiter):
		return len(c.o.rowDelimiter)
	case bytes.HasPrefix(b, c.o.columnSeparator):
		return len(c.o.columnSeparator)
	}
	return 0
}

// reopen takes back that the beginning of a field was enclosed: something follows it, so
// its quotes are data.
func (c *csvReader) reopen(s *quoteState) {
	if s.closed > 0 {
		c.arena = slices.Insert(c.arena, s.closed-1, c.o.enclose)
		c.arena = slices.Insert(c.arena, s.start, c.o.enclose)
		s.closed = 0
	}
}

func (c *csvReader) endField(s *quoteState) {
	c.arena = c.arena[:s.solid]
	c.ends = append(c.ends, len(c.arena))
	*s = quoteState{active: true, at: s.at, solid: len(c.arena), start: len(c.arena)}
}

func (c *csvReader) finishQuoted(s *quoteState, window []byte) {
	c.endField(s)
	s.at = len(window)
}

func (c *csvReader) unquoted() [][]byte {
	c.fields = c.fields[:0]
	from := 0
	for _, end := range c.ends {
		c.fields = append(c.fields, c.arena[from:end])
		from = end
	}
	return c.fields
}

func (l *loader) loadCSV(body io.Reader) error {
	c := newCSVReader(body, l.plan.opts)
	for skipped := range l.plan.opts.skipHeader {
		if _, err := c.physicalRow(); errors.Is(err, io.EOF) {
			return ddlError("The parameter 'skip_header' is set to %d, but there are only %d rows in the csv file", l.plan.opts.skipHeader, skipped)
		} else if err != nil {
			return err
		}
	}
	values := make([]sourceValue, len(l.plan.sources))
	for {
		raw, fields, err := c.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := l.csvRow(raw, fields, values); err != nil {
			return err
		}
	}
}
