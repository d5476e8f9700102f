package starrocks

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"starferry/internal/change"
	"starferry/internal/ferry"
)

// Layout is that of the batch's rows.
func (b *batch) Layout() *ferry.Layout { return b.plan.layout }

// Form is that of the batch's bytes.
func (b *batch) Form() ferry.Form { return b.form }

// Split halves the batch; the halves share its memory.
func (b *batch) Split() (first, second ferry.Batch) {
	left, right := *b, *b
	left.rows = b.rows / 2
	right.rows = b.rows - left.rows
	left.body, right.body = b.body.cut(left.rows)
	left.part, right.part = true, true
	left.size, right.size = left.body.size, right.body.size
	return &left, &right
}

// Read gives back a row from the bytes of the load.
func (b *batch) Read(row int) (ferry.Op, *change.Rows, error) {
	line := b.body.row(row)
	if b.form == jsonLines {
		return b.readJSON(line)
	}
	return b.readCSV(line)
}

func (b *batch) readCSV(line []byte) (ferry.Op, *change.Rows, error) {
	rows := change.NewRows(len(b.plan.columns))
	line = line[:len(line)-len(b.csv.delimiter)]
	for i := range b.plan.columns {
		var cell []byte
		enclosed := b.form == quoted && len(line) > 0 && line[0] == enclose
		if enclosed {
			// The form carries no cell with the enclosing character in it.
			end := bytes.IndexByte(line[1:], enclose)
			if end < 0 {
				return 0, nil, fmt.Errorf("no closing %q in %q", enclose, line)
			}
			cell, line = line[1:end+1], line[end+2:]
		}
		before, after, found := bytes.Cut(line, b.csv.separator)
		if !found || enclosed && len(before) > 0 {
			return 0, nil, fmt.Errorf("no separator in %q", line)
		}
		if !enclosed {
			cell = before
		}
		line = after
		if !enclosed && bytes.Equal(cell, nullField) {
			rows.AddNull()
		} else if err := b.plan.columns[i].readField(rows, cell); err != nil {
			return 0, nil, err
		}
	}
	op, err := readOp(line)
	return op, rows, err
}

func (b *batch) readJSON(line []byte) (ferry.Op, *change.Rows, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(line, &object); err != nil {
		return 0, nil, fmt.Errorf("reading %q: %w", line, err)
	}
	rows := change.NewRows(len(b.plan.columns))
	for i := range b.plan.columns {
		value := object[b.plan.columns[i].field]
		switch {
		case len(value) == 0 || string(value) == "null":
			rows.AddNull()
		case b.plan.columns[i].kind == document:
			rows.AddBytes(value)
		default:
			var cell string
			if err := json.Unmarshal(value, &cell); err != nil {
				return 0, nil, fmt.Errorf("reading %q: %w", value, err)
			}
			if err := b.plan.columns[i].readField(rows, []byte(cell)); err != nil {
				return 0, nil, err
			}
		}
	}
	op, err := readOp(object["__op"])
	return op, rows, err
}

// readField appends the cell that a load holds as field.
func (c *columnPlan) readField(rows *change.Rows, field []byte) error {
	if c.kind != octets {
		rows.AddBytes(field)
		return nil
	}
	arena, err := hex.AppendDecode(rows.Buffer(), field)
	rows.AddCell(arena)
	return err
}

func readOp(text []byte) (ferry.Op, error) {
	for _, op := range []ferry.Op{ferry.Upsert, ferry.Delete} {
		if len(text) == 1 && text[0] == opText(op) {
			return op, nil
		}
	}
	return 0, fmt.Errorf("%q is no operation", text)
}
