package emulator

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"
)

// tableStore keeps the rows of one table. Invariant: a row is written once and never
// rewritten; it begins with the number of the schema it was written under, so adding or
// dropping a column touches no row. Rejected: a struct per row, which costs several
// times the memory of the data.
type tableStore struct {
	mu      sync.RWMutex
	rows    map[string]string // encoded key → row
	schemas [][]storedColumn  // by schema number
	nextRow uint64            // the key of a duplicate-key table

	commitMu  sync.Mutex    // keeps the order of commits; taken before mu
	published chan struct{} // closed when the last committed load is visible

	versions  int // since the last compaction
	compacted time.Time
}

// storedColumn is one cell of the rows of a schema number.
type storedColumn struct{ id int }

func newTableStore() *tableStore {
	done := make(chan struct{})
	close(done)
	return &tableStore{rows: map[string]string{}, published: done, versions: 1, compacted: time.Now()}
}

// addSchema starts a new schema number with the given columns.
func (s *tableStore) addSchema(columns []*column) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cols := make([]storedColumn, len(columns))
	for i, c := range columns {
		cols[i] = storedColumn{id: c.id}
	}
	s.schemas = append(s.schemas, cols)
}

func (s *tableStore) schemaNumber() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.schemas) - 1
}

// A cell is its length plus one as uvarint, then its bytes; length 0 is NULL.

func appendCell(row []byte, cell []byte, isNull bool) []byte {
	if isNull {
		return append(row, 0)
	}
	row = binary.AppendUvarint(row, uint64(len(cell))+1)
	return append(row, cell...)
}

func uvarint(s string) (v uint64, n int) {
	for shift := uint(0); n < len(s) && shift < 64; shift += 7 {
		c := s[n]
		n++
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v, n
		}
	}
	return 0, len(s)
}

// rowReader gives the cells of stored rows in the order of the schema in force.
type rowReader struct {
	columns []*column
	places  [][]int // schema number → cell of each column, -1 when the row lacks it
	fills   []value // what rows older than the column read
	offsets []int
}

func (s *tableStore) reader(columns []*column) *rowReader {
	r := &rowReader{columns: columns}
	for _, stored := range s.schemas {
		place := make([]int, len(columns))
		for i, c := range columns {
			place[i] = slices.IndexFunc(stored, func(x storedColumn) bool { return x.id == c.id })
		}
		r.places = append(r.places, place)
	}
	for _, c := range columns {
		v := null
		if c.def.set {
			v = castValue(c.typ, textValue(c.def.text))
		}
		r.fills = append(r.fills, v)
	}
	return r
}

// cells decodes a row into dst, which has one place per column.
func (r *rowReader) cells(row string, dst []value) {
	schema, n := uvarint(row)
	row = row[n:]
	place := r.places[schema]
	starts := r.offsets[:0]
	for at := 0; at < len(row); {
		starts = append(starts, at)
		size, n := uvarint(row[at:])
		at += n
		if size > 0 {
			at += int(size) - 1
		}
	}
	r.offsets = starts
	for i, p := range place {
		if p < 0 || p >= len(starts) {
			dst[i] = r.fills[i]
			continue
		}
		at := starts[p]
		size, n := uvarint(row[at:])
		if size == 0 {
			dst[i] = null
			continue
		}
		at += n
		dst[i] = cellValue(r.columns[i].typ, row[at:at+int(size)-1], false)
	}
}

var storageSeed = maphash.MakeSeed()

type storedRow struct {
	key, row string
	hash     uint64
}

type rowOrder uint8

const (
	// storageOrder is by a hash of the key: stable, and never the order anybody asked for.
	storageOrder rowOrder = iota
	keyOrder
	anyOrder // by chance; the hash of each row is still given
)

// snapshot lists the visible rows.
func (s *tableStore) snapshot(columns []*column, order rowOrder) ([]storedRow, *rowReader) {
	s.mu.RLock()
	out := make([]storedRow, 0, len(s.rows))
	for k, r := range s.rows {
		out = append(out, storedRow{key: k, row: r})
	}
	reader := s.reader(columns)
	s.mu.RUnlock()
	if order == keyOrder {
		slices.SortFunc(out, func(a, b storedRow) int { return strings.Compare(a.key, b.key) })
		return out, reader
	}
	for i := range out {
		out[i].hash = maphash.String(storageSeed, out[i].key)
	}
	if order == anyOrder {
		return out, reader
	}
	slices.SortFunc(out, func(a, b storedRow) int {
		if a.hash != b.hash {
			if a.hash < b.hash {
				return -1
			}
			return 1
		}
		return strings.Compare(a.key, b.key)
	})
	return out, reader
}

func (s *tableStore) count() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.rows)
}

// delta is what one transaction does to a table, in order: the last entry of a key wins.
type delta struct {
	ops []deltaOp
	buf []byte
}

type deltaOp struct {
	blob   string // key, then row
	key    int32  // length of the key
	delete bool
}

func (d *delta) put(key, row []byte) {
	d.buf = append(append(d.buf[:0], key...), row...)
	d.ops = append(d.ops, deltaOp{blob: string(d.buf), key: int32(len(key))})
}

func (d *delta) remove(key []byte) {
	d.ops = append(d.ops, deltaOp{blob: string(key), key: int32(len(key)), delete: true})
}

func (s *tableStore) apply(d *delta) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, op := range d.ops {
		key := op.blob[:op.key]
		delete(s.rows, key) // also before a put: the map would keep the old blob alive by its key
		if !op.delete {
			s.rows[key] = op.blob[op.key:]
		}
	}
	s.versions++
}

func (s *tableStore) truncate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = map[string]string{}
}

// compactionPause is how long StarRocks leaves a tablet alone between two compactions.
const compactionPause = 120 * time.Second

// versionCount is the number of versions a load adds to, after any compaction due.
func (s *tableStore) versionCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.Sub(s.compacted) >= compactionPause {
		s.versions, s.compacted = 1, now
	}
	return s.versions
}

// newRowKey numbers the rows of a duplicate-key table.
func (s *tableStore) newRowKey() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextRow++
	return binary.BigEndian.AppendUint64(nil, s.nextRow)
}
