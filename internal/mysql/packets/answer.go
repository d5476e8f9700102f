package packets

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// Invariant: what follows a row is told by its first byte and its length alone. A row
// begins with the length of its first value, which is 0xfb for NULL and 0xfe only for one
// that is longer than 16 MiB: no packet that ends an answer is that long. So nothing has
// to be known of what was negotiated, and an answer is read to its very end, or the
// connection is of no use any more.

// ErrMalformed is an answer that does not keep to the protocol: where the next one begins
// is not known.
var ErrMalformed = errors.New("the server's answer does not keep to the protocol")

const (
	okPacket    = 0x00
	localInfile = 0xfb // asks for a file of the client; as a value, NULL
	endPacket   = 0xfe
	errorPacket = 0xff

	// endSize is the packet that ends the column definitions, and the rows, where no OK
	// stands for it.
	endSize = 5
)

// Answer is the answer to a statement, which is read to its end before the next statement.
type Answer struct {
	packets *Reader
	// Columns is how many a row has; 0: there are no rows, the statement was carried out.
	Columns int
	first   []byte // was read to see whether it is a row
}

// Answer begins to read the answer to a statement. What the server refuses it for is a
// *mysql.MyError; the connection goes on with the next statement.
func (r *Reader) Answer() (Answer, error) {
	a := Answer{packets: r}
	p, err := a.packet()
	switch {
	case err != nil:
		return a, err
	case p[0] == okPacket:
		return a, nil
	case p[0] == localInfile:
		return a, fmt.Errorf("%w: it asks for a file", ErrMalformed)
	}
	columns, rest, ok := length(p)
	if !ok || len(rest) > 0 || columns == 0 || columns > 0xffff {
		return a, fmt.Errorf("%w: no number of columns", ErrMalformed)
	}
	a.Columns = int(columns)
	for range a.Columns {
		if _, err := a.packet(); err != nil {
			return a, err
		}
	}
	if a.first, err = a.packet(); err == nil && a.first[0] == endPacket && len(a.first) == endSize {
		a.first = nil
	}
	return a, err
}

// Row is the next row, good until the next call, for Value to take apart; io.EOF at the
// end. An error of the server ends the answer as well.
func (a *Answer) Row() ([]byte, error) {
	p := a.first
	if p == nil {
		var err error
		if p, err = a.packet(); err != nil {
			return nil, err
		}
	}
	a.first = nil
	if p[0] == endPacket && len(p) < wholeSize {
		return nil, io.EOF
	}
	return p, nil
}

// Ahead is how many bytes of the next row are read at least: 16 MiB for a longer one.
func (a *Answer) Ahead() (int, error) {
	if a.first != nil {
		return len(a.first), nil
	}
	return a.packets.ahead()
}

// packet is a packet that is none of an error.
func (a *Answer) packet() ([]byte, error) {
	p, err := a.packets.Next()
	switch {
	case err != nil:
		return nil, unexpected(err)
	case len(p) == 0:
		return nil, fmt.Errorf("%w: an empty packet", ErrMalformed)
	case p[0] == errorPacket:
		return nil, serverError(p)
	}
	return p, nil
}

// serverError is what the server says of a statement that it refuses.
func serverError(p []byte) error {
	const head, state = 3, 6
	if len(p) < head {
		return fmt.Errorf("%w: an error without a number", ErrMalformed)
	}
	e := &mysql.MyError{Code: binary.LittleEndian.Uint16(p[1:]), State: mysql.DEFAULT_MYSQL_STATE}
	if p = p[head:]; len(p) >= state && p[0] == '#' {
		e.State, p = string(p[1:state]), p[state:]
	}
	e.Message = string(p)
	return e
}

// Value takes the next value off a row; nil is NULL, an empty one is not.
func Value(row []byte) (value, rest []byte, ok bool) {
	if len(row) > 0 {
		if n := int(row[0]); n < localInfile && n < len(row) {
			return row[1 : 1+n : 1+n], row[1+n:], true
		}
	}
	return longValue(row)
}

func longValue(row []byte) (value, rest []byte, ok bool) {
	if len(row) > 0 && row[0] == localInfile {
		return nil, row[1:], true
	}
	n, rest, ok := length(row)
	if !ok || n > uint64(len(rest)) {
		return nil, nil, false
	}
	return rest[:n:n], rest[n:], true
}

// length is a number of one to nine bytes.
func length(p []byte) (n uint64, rest []byte, ok bool) {
	if len(p) == 0 {
		return 0, nil, false
	}
	size := 1
	switch p[0] {
	case 0xfb, 0xff:
		return 0, nil, false
	case 0xfc:
		size = 3
	case 0xfd:
		size = 4
	case 0xfe:
		size = 9
	default:
		return uint64(p[0]), p[1:], true
	}
	if len(p) < size {
		return 0, nil, false
	}
	for i := size - 1; i > 0; i-- {
		n = n<<8 | uint64(p[i])
	}
	return n, p[size:], true
}
