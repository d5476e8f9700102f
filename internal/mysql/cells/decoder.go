package cells

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/go-mysql-org/go-mysql/replication"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// Decoder decodes the row images of one table version under one TABLE_MAP. It may
// be kept as long as both stay the same, and used by one goroutine at a time.
type Decoder struct {
	table   *change.Table
	id      uint64
	told    told
	columns []column
	nulls   int // bytes of the NULL bitmap of a row image
}

// told is what a TABLE_MAP says, a copy of its own.
type told struct {
	types, signs      []byte
	metas             []uint16
	names             [][]byte
	charset, charsets []uint64
}

// NewDecoder verifies the TABLE_MAP (see Verify) and prepares the decoding.
func NewDecoder(t *change.Table, m *replication.TableMapEvent) (*Decoder, error) {
	if err := Verify(t, m); err != nil {
		return nil, err
	}
	d := &Decoder{table: t, id: m.TableID, told: toldBy(m), columns: make([]column, len(t.Columns)), nulls: (len(t.Columns) + 7) / 8}
	for i := range t.Columns {
		d.columns[i] = newColumn(&t.Columns[i].Type, wireAt(m, i))
		if t.IsKey(i) && d.columns[i].op == opConverted {
			d.columns[i].exact = d.columns[i].encoding.exact
		}
	}
	return d, nil
}

func toldBy(m *replication.TableMapEvent) told {
	t := told{
		types: bytes.Clone(m.ColumnType), signs: bytes.Clone(m.SignednessBitmap), metas: slices.Clone(m.ColumnMeta),
		charset: slices.Clone(m.DefaultCharset), charsets: slices.Clone(m.ColumnCharset),
	}
	for _, name := range m.ColumnName {
		t.names = append(t.names, bytes.Clone(name))
	}
	return t
}

// Serves tells whether the Decoder was made for this version of the table and a
// TABLE_MAP that says the same, so that none has to be made for every transaction.
// A table id means something else after the server was started anew: drop all
// decoders when the stream is connected again.
func (d *Decoder) Serves(t *change.Table, m *replication.TableMapEvent) bool {
	w := &d.told
	return d.table == t && d.id == m.TableID && bytes.Equal(w.types, m.ColumnType) && slices.Equal(w.metas, m.ColumnMeta) &&
		bytes.Equal(w.signs, m.SignednessBitmap) && slices.Equal(w.charset, m.DefaultCharset) &&
		slices.Equal(w.charsets, m.ColumnCharset) && slices.EqualFunc(w.names, m.ColumnName, bytes.Equal)
}

// Decode appends the rows of the body of a rows event (without the common header
// and the checksum) to rows, whose width must be the number of columns; for an
// Update before and after image alternate. After an error, a *diag.Problem, rows
// holds what it held before.
func (d *Decoder) Decode(eventType replication.EventType, body []byte, rows *change.Rows) (change.Kind, error) {
	e, ok := events[eventType]
	if !ok {
		return 0, d.broken(fmt.Errorf("event type %s is not known", eventType))
	}
	if e.partial {
		return 0, d.partial("the log holds parts of JSON values only",
			"SET GLOBAL binlog_row_value_options = ''; then connect the writing sessions anew.")
	}
	if rows.Width() != len(d.columns) {
		return 0, d.broken(fmt.Errorf("rows of %d cells were given for %d columns", rows.Width(), len(d.columns)))
	}
	images, err := e.header(body, d.id, len(d.columns))
	if err == nil && e.compressed {
		images, err = inflate(images)
	}
	if errors.Is(err, errImage) {
		return 0, d.partial(err.Error(),
			"SET GLOBAL binlog_row_image = FULL; then connect the writing sessions anew.")
	}
	if err != nil {
		return 0, d.broken(err)
	}
	before := rows.Len()
	if err := d.images(e.kind, images, rows); err != nil {
		rows.Truncate(before)
		return 0, d.broken(err)
	}
	return e.kind, nil
}

func (d *Decoder) images(kind change.Kind, images []byte, rows *change.Rows) (err error) {
	decoded := 0
	for len(images) > 0 {
		if images, err = d.image(images, rows); err != nil {
			return err
		}
		decoded++
	}
	if kind == change.Update && decoded%2 != 0 {
		return errors.New("an update lacks its after image")
	}
	return nil
}

// image appends one row and returns what follows it.
func (d *Decoder) image(p []byte, rows *change.Rows) ([]byte, error) {
	if len(p) < d.nulls {
		return nil, errTruncated
	}
	nulls := p[:d.nulls]
	p = p[d.nulls:]
	for i := range d.columns {
		if nulls[i>>3]&(1<<(i&7)) != 0 {
			rows.AddNull()
			continue
		}
		c := &d.columns[i]
		if len(p) < c.size {
			return nil, d.at(i, errTruncated)
		}
		start := len(rows.Buffer())
		arena, n, err := c.append(rows.Buffer(), p)
		if err != nil {
			return nil, d.at(i, err)
		}
		if c.clock.zero != change.KeepZeroDates && !c.clock.date(arena[start:]) {
			rows.AddNull()
			p = p[n:]
			continue
		}
		if len(arena) > change.MaxArena {
			return nil, d.at(i, errors.New("the rows of one event are more than 4 GiB of text"))
		}
		rows.AddCell(arena)
		p = p[n:]
	}
	return p, nil
}

func (d *Decoder) at(i int, err error) error {
	c := &d.table.Columns[i]
	return fmt.Errorf("column `%s` (%s): %w", c.Name, c.Type, err)
}

func (d *Decoder) broken(err error) error {
	return &diag.Problem{
		Code: CodeBrokenImage, Class: diag.Refused,
		Message: fmt.Sprintf("table %s: a row image in the log cannot be read with the schema in force (version %d)", d.table.Name, d.table.Version),
		Fix:     "if it happens again, report it with the output of mysqlbinlog -vvv for this position.",
		Cause:   err,
	}
}

func (d *Decoder) partial(what, fix string) error {
	return &diag.Problem{
		Code: CodePartialImage, Class: diag.Refused,
		Message: fmt.Sprintf("table %s: %s", d.table.Name, what),
		Fix:     fix,
	}
}

// members of ENUM and SET are shared with the schema, which is immutable.
func newColumn(t *change.Type, w wire) column {
	c := column{op: opOf(t, w), length: w.a, scale: w.b, fraction: t.Fraction, members: t.Members}
	switch c.op {
	case opDecimal:
		c.length -= w.b
		c.size = decimalSize(w.a, w.b)
	case opText, opConverted:
		c.encoding = encodings[t.Charset]
		c.strip = t.Base == change.Char
	}
	switch c.op {
	case opText, opConverted, opBytes, opBinary, opJSON, opFixed, opGeometry, opVector:
		c.size, c.length = lengthPrefix(w)
	case opBit:
		c.size = (w.a + 7) / 8
	case opEnum, opSet:
		c.size = w.a
	case opTime, opDateTime, opTimestamp:
		c.size = temporalSize[t.Base] + (t.Fraction+1)/2
	default:
		if c.size == 0 {
			c.size = fixedSizes[c.op]
		}
	}
	switch c.op {
	case opBinary:
		c.pad = slices.Repeat([]byte{0}, w.a)
	case opFixed:
		c.fixed, c.pad = fixedTexts[t.Base], make([]byte, c.length)
	}
	c.clock = clockOf(t)
	return c
}

// lengthPrefix says how many bytes of length stand before a value, and how much
// it may be at most.
func lengthPrefix(w wire) (size, limit int) {
	switch {
	case !w.isVarSized():
		return w.a, 1<<(8*w.a) - 1
	case w.a < 256:
		return 1, w.a
	}
	return 2, w.a
}
