package emulator

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
)

// rowBuilder collects the cells of one row, in column order, and turns them into a key
// and a stored row. Its buffers are reused from row to row.
type rowBuilder struct {
	table   *table
	columns []*column
	schema  int
	keys    int
	limit   int

	text  []byte // canonical cells, end to end
	ends  []int
	nulls []bool
	key   []byte
	row   []byte
}

func newRowBuilder(t *table, cols []*column, schema, keyLimit int) *rowBuilder {
	b := &rowBuilder{table: t, columns: cols, schema: schema, limit: keyLimit}
	for b.keys < len(cols) && cols[b.keys].key {
		b.keys++
	}
	return b
}

func (b *rowBuilder) reset() { b.text, b.ends, b.nulls = b.text[:0], b.ends[:0], b.nulls[:0] }

func (b *rowBuilder) add(cell []byte) {
	b.text = append(b.text, cell...)
	b.ends = append(b.ends, len(b.text))
	b.nulls = append(b.nulls, false)
}

func (b *rowBuilder) addNull() {
	b.ends = append(b.ends, len(b.text))
	b.nulls = append(b.nulls, true)
}

func (b *rowBuilder) cell(i int) []byte {
	from := 0
	if i > 0 {
		from = b.ends[i-1]
	}
	return b.text[from:b.ends[i]]
}

// errKeyTooLong fails the whole load, as it does in StarRocks.
var errKeyTooLong = ddlError("primary key size exceed the limit.")

func (b *rowBuilder) encodeKey() error {
	if b.table.model == duplicateKeys {
		b.key = append(b.key[:0], b.table.store.newRowKey()...)
		return nil
	}
	b.key = b.key[:0]
	for i := range b.keys {
		b.key = appendKey(b.key, b.columns[i].typ, b.cell(i), i == b.keys-1)
	}
	if len(b.key) > b.limit {
		return errKeyTooLong
	}
	return nil
}

// put adds the row to a delta.
func (b *rowBuilder) put(d *delta) error {
	if err := b.encodeKey(); err != nil {
		return err
	}
	b.row = binary.AppendUvarint(b.row[:0], uint64(b.schema))
	for i := range b.columns {
		b.row = appendCell(b.row, b.cell(i), b.nulls[i])
	}
	d.put(b.key, b.row)
	return nil
}

// remove adds the deletion of the row's key to a delta.
func (b *rowBuilder) remove(d *delta) error {
	if err := b.encodeKey(); err != nil {
		return err
	}
	d.remove(b.key)
	return nil
}

// printed is the row as the messages about filtered rows show it.
func (b *rowBuilder) printed(op int) string {
	s := "["
	for i := range b.columns {
		if i > 0 {
			s += ", "
		}
		switch {
		case i >= len(b.nulls) || b.nulls[i]:
			s += "NULL"
		case b.columns[i].typ.isText() || b.columns[i].typ.kind == tVarbinary:
			s += "'" + string(b.cell(i)) + "'"
		default:
			s += string(b.cell(i))
		}
	}
	if b.table.model == primaryKeys {
		s += fmt.Sprintf(", %d", op)
	}
	return s + "]"
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func splitAddr(addr string) (host, port string) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr, ""
	}
	return host, port
}
