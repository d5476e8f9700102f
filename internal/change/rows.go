package change

import (
	"encoding/binary"
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// Rows is one or more rows of one table as text cells: one byte arena, the end of
// every cell, and which cells are NULL. Nothing on the road of a row becomes an
// interface value and no cell is allocated by itself: decoders append to the
// arena, encoders copy from it.
//
// The text of a cell is the same whether the row was read by SELECT or from the
// log: that is the parity law, kept by the source.
//
// A Rows is built by one goroutine (Reset, then per cell Buffer and AddCell, or
// AddNull) and may be read by any number afterwards.
type Rows struct {
	width int
	arena []byte
	ends  []uint32
	nulls []uint64
	// holders is how many there are of borrowed rows.
	holders atomic.Int32
}

// MaxArena is how many bytes of cells a Rows can hold; AddCell panics above it.
// Sources split what they hand over long before: one event of a log is at most
// 1 GiB per row image.
const MaxArena = math.MaxUint32

// NewRows returns an empty Rows whose rows have width cells.
func NewRows(width int) *Rows {
	r := &Rows{}
	r.Reset(width)
	return r
}

// shelf has what borrowed rows were in; what came last goes first. A sync.Pool would be
// emptied by the collector again and again, and the rows of a transaction of one row cost as
// many allocations anew as those of a large one. That one goroutine borrows and another
// gives back is the rule here: the mutex costs no more than a Pool's way from one to the other.
var shelf struct {
	mutex sync.Mutex
	rows  []*Rows
	bytes int // their capacity
}

const (
	// shelvedBytes is the largest memory that is kept for other rows, shelfBytes that of all
	// together: as much as may be on its way at a time.
	shelvedBytes = 1 << 20
	shelfBytes   = 4 << 20
	// shelvedCost is what rows cost beside their capacity.
	shelvedCost = 128
)

// BorrowRows is NewRows in memory that others used, and will use: whoever took the rows
// last gives them back by Release, and then nothing of them may be used any more. Rows that
// nobody gives back are garbage like any other. The loop gives back the rows of an event
// when it is done with the event; a source that keeps them beside holds them.
func BorrowRows(width int) *Rows {
	r := fromShelf()
	r.Reset(width)
	r.holders.Store(1)
	return r
}

// Hold has the rows stay until one more has released them. Only who holds them may call it.
func (r *Rows) Hold() {
	if r.holders.Load() > 0 {
		r.holders.Add(1)
	}
}

// Release gives up the rows. Of rows that were not borrowed it does nothing.
func (r *Rows) Release() {
	if r.holders.Load() == 0 || r.holders.Add(-1) > 0 {
		return
	}
	size := shelvedCost + r.Capacity()
	if size > shelvedBytes {
		return
	}
	shelf.mutex.Lock()
	if shelf.bytes+size <= shelfBytes {
		shelf.rows = append(shelf.rows, r)
		shelf.bytes += size
	}
	shelf.mutex.Unlock()
}

func fromShelf() *Rows {
	shelf.mutex.Lock()
	defer shelf.mutex.Unlock()
	n := len(shelf.rows) - 1
	if n < 0 {
		return new(Rows)
	}
	r := shelf.rows[n]
	shelf.rows[n], shelf.rows = nil, shelf.rows[:n]
	shelf.bytes -= shelvedCost + r.Capacity()
	return r
}

// Reset forgets all rows, keeps the memory, and sets the number of cells per row.
func (r *Rows) Reset(width int) {
	r.width = width
	r.arena = r.arena[:0]
	r.ends = slices.Grow(r.ends[:0], width)
	clear(r.nulls)
	r.nulls = r.nulls[:0]
}

// Buffer returns the arena to append the next cell to; hand the result to AddCell.
func (r *Rows) Buffer() []byte { return r.arena }

// AddCell ends the cell that was appended to the slice Buffer returned.
func (r *Rows) AddCell(arena []byte) {
	if len(arena) > MaxArena {
		panic("change: more than 4 GiB of cells in one Rows")
	}
	r.arena = arena
	r.end(false)
}

// AddBytes appends a cell with these bytes.
func (r *Rows) AddBytes(cell []byte) { r.AddCell(append(r.arena, cell...)) }

// AddString appends a cell with this text.
func (r *Rows) AddString(cell string) { r.AddCell(append(r.arena, cell...)) }

// AddNull appends a NULL.
func (r *Rows) AddNull() { r.end(true) }

func (r *Rows) end(null bool) {
	i := len(r.ends)
	r.ends = append(r.ends, uint32(len(r.arena)))
	if i&63 == 0 {
		r.nulls = append(r.nulls, 0)
	}
	if null {
		r.nulls[i>>6] |= 1 << (i & 63)
	}
}

// Width is the number of cells of a row.
func (r *Rows) Width() int { return r.width }

// Len is the number of complete rows.
func (r *Rows) Len() int {
	if r.width == 0 {
		return 0
	}
	return len(r.ends) / r.width
}

// Bytes is the memory the rows hold, for budgets.
func (r *Rows) Bytes() int { return len(r.arena) + 4*len(r.ends) + 8*len(r.nulls) }

// Grow makes room for cells of so many bytes more.
func (r *Rows) Grow(bytes int) { r.arena = slices.Grow(r.arena, bytes) }

// Capacity is the memory that is kept for rows to come.
func (r *Rows) Capacity() int { return cap(r.arena) + 4*cap(r.ends) + 8*cap(r.nulls) }

// Null tells whether a cell is NULL.
func (r *Rows) Null(row, column int) bool {
	i := row*r.width + column
	return r.nulls[i>>6]&(1<<(i&63)) != 0
}

// Cell returns the bytes of a cell, empty for NULL. They belong to the Rows and
// must not be changed.
func (r *Rows) Cell(row, column int) []byte {
	i := row*r.width + column
	start := uint32(0)
	if i > 0 {
		start = r.ends[i-1]
	}
	return r.arena[start:r.ends[i]:r.ends[i]]
}

// RowBytes is the bytes of the cells of a row.
func (r *Rows) RowBytes(row int) int {
	start, i := uint32(0), row*r.width
	if i > 0 {
		start = r.ends[i-1]
	}
	return int(r.ends[i+r.width-1] - start)
}

// Truncate forgets the rows after the first n.
func (r *Rows) Truncate(n int) {
	cells := n * r.width
	if cells >= len(r.ends) {
		return
	}
	for i := cells; i < len(r.ends); i++ {
		r.nulls[i>>6] &^= 1 << (i & 63)
	}
	r.ends = r.ends[:cells]
	r.nulls = r.nulls[:(cells+63)/64]
	r.arena = r.arena[:0]
	if cells > 0 {
		r.arena = r.arena[:r.ends[cells-1]]
	}
}

// AppendKey appends the cells of the key columns, each with its length before it,
// so that two rows have the same key bytes exactly when their key cells are the
// same bytes. Key columns are never NULL.
func (r *Rows) AppendKey(dst []byte, row int, key []int) []byte {
	for _, column := range key {
		cell := r.Cell(row, column)
		dst = binary.AppendUvarint(dst, uint64(len(cell)))
		dst = append(dst, cell...)
	}
	return dst
}
