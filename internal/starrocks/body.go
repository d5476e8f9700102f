package starrocks

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// body is the bytes of a load, in pieces: it grows without being copied, and what it holds
// of memory is little more than it has bytes, also where thousands of tables have a few rows
// each. A row is in one piece.
//
// Rejected: one slice per load. It is copied as it grows, and a pool of slices gives a table
// with three rows one that has held 24 MB.
type body struct {
	pieces []*piece
	size   int
}

// piece is some rows. Its memory is from a pool, unless it is of none of the usual sizes.
type piece struct {
	bytes []byte
	// ends are the ends of the rows, counted from base bytes before the piece.
	ends []uint32
	base uint32
}

// Pieces have leastPiece, or four times as much and so on: as much as makes a quarter of the
// body at most, so that little of it is empty.
const (
	leastPiece = 4 << 10
	pieceSizes = 4
	mostPiece  = leastPiece << (2 * (pieceSizes - 1)) // 256 KiB
)

var pieces [pieceSizes]sync.Pool

// room is the piece for a row that will have about n bytes.
func (b *body) room(n int) *piece {
	if last := len(b.pieces) - 1; last >= 0 && cap(b.pieces[last].bytes)-len(b.pieces[last].bytes) >= n {
		return b.pieces[last]
	}
	size := leastPiece
	for size < mostPiece && size*4 <= b.size/4 {
		size *= 4
	}
	p := newPiece(max(n, size))
	b.pieces = append(b.pieces, p)
	return p
}

func newPiece(n int) *piece {
	for i := range pieces {
		if size := leastPiece << (2 * i); n <= size || i == pieceSizes-1 && n <= mostPiece {
			if p, ok := pieces[i].Get().(*piece); ok {
				return p
			}
			return &piece{bytes: make([]byte, 0, size)}
		}
	}
	return &piece{bytes: make([]byte, 0, n)}
}

// add ends the row that was appended to the bytes of p, the piece that room gave for it.
func (b *body) add(p *piece, appended []byte) {
	b.size += len(appended) - len(p.bytes)
	p.bytes = appended
	p.ends = append(p.ends, uint32(len(appended)))
}

// row is the bytes of a row.
func (b *body) row(n int) []byte {
	for _, p := range b.pieces {
		if n < len(p.ends) {
			start := p.base
			if n > 0 {
				start = p.ends[n-1]
			}
			return p.bytes[start-p.base : p.ends[n]-p.base]
		}
		n -= len(p.ends)
	}
	return nil
}

// cut gives the first rows and the others, which share the memory.
func (b *body) cut(rows int) (first, second body) {
	for _, p := range b.pieces {
		n := min(rows, len(p.ends))
		rows -= n
		middle := p.base
		if n > 0 {
			middle = p.ends[n-1]
		}
		at := middle - p.base
		first.share(&piece{bytes: p.bytes[:at:at], ends: p.ends[:n:n], base: p.base})
		second.share(&piece{bytes: p.bytes[at:], ends: p.ends[n:], base: middle})
	}
	return first, second
}

func (b *body) share(p *piece) {
	if len(p.ends) > 0 {
		b.pieces = append(b.pieces, p)
		b.size += len(p.bytes)
	}
}

// free gives the memory back.
func (b *body) free() {
	for _, p := range b.pieces {
		for i := range pieces {
			if cap(p.bytes) == leastPiece<<(2*i) {
				p.bytes, p.ends = p.bytes[:0], p.ends[:0]
				pieces[i].Put(p)
				break
			}
		}
	}
	*b = body{}
}

// upload is the body of a load on its way. It knows whether any of it has left, which
// decides whether a failed request can have had an effect.
type upload struct {
	body    *body
	started atomic.Bool
	// reading counts the readers that the transport has not closed yet: while there
	// are any, the bytes are not ours to use again.
	reading atomic.Int32
}

// open gives the body anew, from its first byte.
func (u *upload) open() io.ReadCloser {
	u.reading.Add(1)
	r := &uploadReader{upload: u, left: make(net.Buffers, len(u.body.pieces))}
	for i, p := range u.body.pieces {
		r.left[i] = p.bytes
	}
	return r
}

type uploadReader struct {
	upload *upload
	left   net.Buffers
	closed atomic.Bool
}

func (r *uploadReader) Read(p []byte) (int, error) {
	r.upload.started.Store(true)
	return r.left.Read(p)
}

func (r *uploadReader) Close() error {
	if !r.closed.Swap(true) {
		r.upload.reading.Add(-1)
	}
	return nil
}

// sender is a connection that sends the pieces of a body as they are. net/http would copy
// it through a buffer of 32 KiB, which costs the processor as much again as sending does.
type sender struct{ net.Conn }

func (s sender) ReadFrom(from io.Reader) (int64, error) {
	if limited, ok := from.(*io.LimitedReader); ok {
		if r, ok := limited.R.(*uploadReader); ok {
			r.upload.started.Store(true)
			sent, err := r.left.WriteTo(s.Conn)
			limited.N -= sent
			return sent, err
		}
	}
	return io.Copy(struct{ io.Writer }{s.Conn}, from)
}
