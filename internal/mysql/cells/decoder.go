package cells

import (
	"errors"
	"fmt"
	"slices"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/mysql/binlog"
)

// Decoder decodes the row images of one table version under one TABLE_MAP. It may
// be kept as long as both stay the same, and used by one goroutine at a time.
type Decoder struct {
	table    *change.Table
	id       uint64
	columns  []column
	nulls    int // bytes of the NULL bitmap of a row image
	inflater binlog.Inflater
}

// NewDecoder verifies the TABLE_MAP (see Verify) and prepares the decoding.
func NewDecoder(t *change.Table, m *binlog.TableMap) (*Decoder, error) {
	if err := Verify(t, m); err != nil {
		return nil, err
	}
	d := &Decoder{table: t, id: m.ID, columns: make([]column, len(t.Columns)), nulls: (len(t.Columns) + 7) / 8}
	for i := range t.Columns {
		d.columns[i] = newColumn(&t.Columns[i].Type, wireAt(m, i))
		if t.IsKey(i) && d.columns[i].op == opConverted {
			d.columns[i].exact = d.columns[i].encoding.exact
		}
	}
	return d, nil
}

// Decode appends the rows of the body of a rows event (without the common header
// and the checksum) to rows, whose width must be the number of columns; for an
// Update before and after image alternate. After an error, a *diag.Problem, rows
// holds what it held before.
func (d *Decoder) Decode(kind binlog.Kind, body []byte, rows *change.Rows) error {
	e := &events[kind]
	if e.kind == 0 {
		return d.broken(fmt.Errorf("an event of kind %s has no rows", kind))
	}
	if e.partial {
		return d.partial("the log holds parts of JSON values only",
			"SET GLOBAL binlog_row_value_options = ''; then connect the writing sessions anew.")
	}
	if rows.Width() != len(d.columns) {
		return d.broken(fmt.Errorf("rows of %d cells were given for %d columns", rows.Width(), len(d.columns)))
	}
	images, err := e.header(body, d.id, len(d.columns))
	if err == nil && e.compressed {
		images, err = d.inflater.Inflate(images)
	}
	if errors.Is(err, errImage) {
		return d.partial(err.Error(),
			"SET GLOBAL binlog_row_image = FULL; then connect the writing sessions anew.")
	}
	if err != nil {
		return d.broken(err)
	}
	before := rows.Len()
	if err := d.images(e.kind, images, rows); err != nil {
		rows.Truncate(before)
		return d.broken(err)
	}
	return nil
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
	return broken(d.table, "a row image", err)
}

// BrokenMap is what a TABLE_MAP is that cannot be read.
func BrokenMap(t *change.Table, err error) error {
	return broken(t, "what is said of its columns", err)
}

func broken(t *change.Table, what string, err error) error {
	return &diag.Problem{
		Code: CodeBrokenImage, Class: diag.Refused,
		Message: fmt.Sprintf("table %s: %s in the log cannot be read with the schema in force (version %d)", t.Name, what, t.Version),
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
	case opConverted:
		c.encoding = encodings[t.Charset]
		c.strip = t.Base == change.Char
	}
	switch c.op {
	case opText, opChar, opConverted, opBytes, opBinary, opJSON, opFixed, opGeometry, opVector:
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
