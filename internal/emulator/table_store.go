package emulator

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"
)

// tableStore keeps the rows of one table. Invariant: a row begins with the number of the
// schema it was written under, so adding or dropping a column touches no row; its cells
// have the types in force, so only MODIFY COLUMN rewrites rows. Rejected: a struct per
// row, which costs several times the memory of the data.
type tableStore struct {
	mu      sync.RWMutex
	rows    map[string]string // encoded key → row
	schemas [][]storedColumn  // by schema number
	types   map[int]dataType  // of the cells of every column there ever was, by id
	changed int               // the schema number of the latest change of a type
	nextRow uint64            // the key of a duplicate-key table
	// ordered are the keys in order, since somebody asked for it, and addedKeys those that
	// came since; keys that are gone stay in both. nil: nobody asked.
	ordered, addedKeys []string

	autoUsed int64 // the last number of an AUTO_INCREMENT column

	commitMu  sync.Mutex    // keeps the order of commits; taken before mu
	published chan struct{} // closed when the last committed load is visible

	versions  int       // since the last compaction
	added     time.Time // when the latest of them was
	compacted time.Time
	now       func() time.Time

	epoch int // the number of TRUNCATEs; a load of an earlier one never becomes visible
}

// storedColumn is one cell of the rows of a schema number.
type storedColumn struct {
	id  int
	typ dataType // when the schema was new
}

func newTableStore() *tableStore { return newClockedStore(time.Now) }

func newClockedStore(now func() time.Time) *tableStore {
	done := make(chan struct{})
	close(done)
	return &tableStore{rows: map[string]string{}, types: map[int]dataType{}, published: done, versions: 1, added: now(), compacted: now(), now: now}
}

// addSchema starts a new schema number with the given columns. Cells of a column whose
// type is another now are rewritten.
func (s *tableStore) addSchema(columns []*column) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cols := make([]storedColumn, len(columns))
	for i, c := range columns {
		cols[i] = storedColumn{id: c.id, typ: c.typ}
	}
	s.schemas = append(s.schemas, cols)
	s.changeTypes(cols)
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
	places  [][]int    // schema number → cell of each column, -1 when the row lacks it
	types   []dataType // of the cells, when a MODIFY came after the columns were looked up
	fills   []value    // what rows older than the column read
	offsets []int
	needed  []bool // the cells to decode; nil: all
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
		r.types = append(r.types, s.types[c.id])
		v := null
		switch {
		case c.fill != nil:
			v = castValue(c.typ, textValue(*c.fill))
		case c.def.set:
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
		if r.needed != nil && !r.needed[i] {
			continue
		}
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
		dst[i] = cellValue(r.types[i], row[at:at+int(size)-1], false)
		if to := r.columns[i].typ; to != r.types[i] {
			dst[i] = changeType(dst[i], r.types[i], to)
		}
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
	ops  []deltaOp
	buf  []byte
	rule *updateRule // nil: rows replace rows
	// dropped are rows that came and were not kept.
	dropped int64
}

// changes is how many rows came, several of one key included.
func (d *delta) changes() int64 { return int64(len(d.ops)) + d.dropped }

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

// publish makes a load that was committed in the given epoch visible.
func (s *tableStore) publish(d *delta, epoch int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if epoch == s.epoch {
		s.applyLocked(d)
	}
}

// apply makes a load visible.
func (s *tableStore) apply(d *delta) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.applyLocked(d)
}

func (s *tableStore) applyLocked(d *delta) {
	d = s.inTypesOfNow(d)
	if d.rule != nil {
		s.applyRule(d)
		s.addVersion()
		return
	}
	if len(s.rows) == 0 {
		s.rows = make(map[string]string, len(d.ops))
	}
	for _, op := range d.ops {
		key := op.blob[:op.key]
		if op.delete {
			delete(s.rows, key)
			continue
		}
		before := len(s.rows)
		s.rows[key] = op.blob[op.key:]
		if len(s.rows) > before {
			s.keyAdded(key)
		} else { // the map has kept the old key, and by it the old blob
			delete(s.rows, key)
			s.rows[key] = op.blob[op.key:]
		}
	}
	s.addVersion()
}

// keyAdded keeps the order of the keys, where anybody wants to know it.
func (s *tableStore) keyAdded(key string) {
	if s.ordered != nil {
		s.addedKeys = append(s.addedKeys, key)
	}
}

// truncate throws away the rows, and what is committed and not visible yet. The tablets
// are new ones, with one version.
func (s *tableStore) truncate() {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows, s.ordered, s.addedKeys = map[string]string{}, nil, nil
	s.epoch++
	s.versions, s.added, s.compacted = 1, s.now(), s.now()
}

// newRowKey numbers the rows of a duplicate-key table.
func (s *tableStore) newRowKey() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextRow++
	return binary.BigEndian.AppendUint64(nil, s.nextRow)
}
