package starrocks

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// batch is rows as the bytes of a load (ferry.Batch). It is filled by one goroutine
// and then sent, perhaps more than once; after a load that StarRocks took, its
// memory goes back to the pool and only its counts remain.
type batch struct {
	plan *layoutPlan
	csv  *csvRules
	form ferry.Form
	body body
	rows int
	size int
	// full tells that a row came which the form could not carry.
	full bool
	// part tells that body belongs to another batch too.
	part bool
	// sent tells that body went back to the pool.
	sent bool
}

func newBatch(plan *layoutPlan, csv *csvRules, f ferry.Form) *batch {
	return &batch{plan: plan, csv: csv, form: f}
}

// Rows is the number of rows added.
func (b *batch) Rows() int { return b.rows }

// Bytes is the size of the load so far.
func (b *batch) Bytes() int { return b.size }

// taken is called when StarRocks has a batch for good; sent is how it was sent. Its memory
// is used again, unless the connection still has it in hand.
func (b *batch) taken(sent *upload) {
	b.sent = true
	if b.part || sent.reading.Load() > 0 {
		b.body = body{}
		return
	}
	b.body.free()
}

// errTooLarge refuses a row behind which the ends of rows could not be counted.
var errTooLarge = errors.New("a load of it would have 4 GiB or more")

// fault is the first cell that a batch cannot take; column is -1 when there is none. Without
// a reason other forms can carry the cell.
type fault struct {
	column int
	why    string
}

var carried = fault{column: -1}

// Add appends an upsert or delete; false when the form of the batch cannot carry the
// row. A row that no form can carry is an error: StarRocks would only say "Invalid
// UTF-8 row", of the whole load.
func (b *batch) Add(op ferry.Op, rows *change.Rows, row int) (bool, error) {
	p := b.body.room(b.plan.room(b.form, rows.RowBytes(row)))
	var appended []byte
	var found fault
	switch b.form {
	case plain:
		appended, found = b.appendPlain(p.bytes, op, rows, row)
	case quoted:
		appended, found = b.appendQuoted(p.bytes, op, rows, row)
	case jsonLines:
		appended, found = b.appendJSON(p.bytes, op, rows, row)
	}
	if found.column >= 0 && found.why == "" {
		// No other form is any use to a row with a cell that none carries.
		found = b.plan.badText(op, rows, row, found.column+1)
		if found.column < 0 {
			b.full = true
			return false, nil
		}
	}
	switch {
	case found.column >= 0:
		return false, b.plan.unfit(found.column, found.why)
	case uint64(b.size)+uint64(len(appended)-len(p.bytes)) > math.MaxUint32:
		return false, errTooLarge
	}
	b.body.add(p, appended)
	b.rows++
	b.size = b.body.size
	return true, nil
}

// unfit says why a row cannot be carried.
func (p *layoutPlan) unfit(column int, why string) error {
	fix := "correct the value at the source (for text: its bytes do not fit its character set)."
	switch p.columns[column].kind {
	case moment:
		fix = "correct the value at the source; or choose what becomes of such dates with 'zero-date.behavior' = 'convert-to-null' or 'round', and copy the table anew."
	case truth:
		fix = "correct the value at the source; or take 'catalog.table.treat-tinyint1-as-boolean' out, and copy the table anew."
	}
	return &diag.Problem{
		Code:    CodeText,
		Message: fmt.Sprintf("the value of column `%s` %s and StarRocks cannot store it", p.layout.Columns[column].Name, why),
		Fix:     fix,
	}
}

// opText is what __op holds.
func opText(op ferry.Op) byte {
	if op == ferry.Delete {
		return '1'
	}
	return '0'
}

func (b *batch) appendPlain(dst []byte, op ferry.Op, rows *change.Rows, row int) ([]byte, fault) {
	csv := b.csv
	for i := range b.plan.columns {
		c := &b.plan.columns[i]
		cell, null := c.sent(op, rows, row)
		switch {
		case null:
			dst = append(dst, nullField...)
		case csv.asItIs(c.kind, cell):
			dst = append(dst, cell...)
		default:
			if why := c.refuses(cell); why != "" {
				return nil, fault{i, why}
			}
			if csv.needs(c.kind, cell) != plain {
				return nil, fault{column: i}
			}
			dst = c.appendField(dst, cell)
		}
		if csv.single { // without a call: a tenth of a wide row
			dst = append(dst, csv.separator[0])
		} else {
			dst = append(dst, csv.separator...)
		}
	}
	dst = append(dst, opText(op))
	return append(dst, csv.delimiter...), carried
}

func (b *batch) appendQuoted(dst []byte, op ferry.Op, rows *change.Rows, row int) ([]byte, fault) {
	csv := b.csv
	for i := range b.plan.columns {
		c := &b.plan.columns[i]
		if cell, null := c.sent(op, rows, row); null {
			dst = append(dst, nullField...)
		} else {
			if why := c.refuses(cell); why != "" {
				return nil, fault{i, why}
			}
			need := csv.needs(c.kind, cell)
			if need == jsonLines || !csv.fitsQuoted(c.kind, cell) {
				return nil, fault{column: i}
			}
			if need == quoted {
				dst = append(dst, enclose)
				dst = append(dst, cell...)
				dst = append(dst, enclose)
			} else {
				dst = c.appendField(dst, cell)
			}
		}
		dst = append(dst, csv.separator...)
	}
	dst = append(dst, opText(op))
	return append(dst, csv.delimiter...), carried
}

// appendJSON writes every value but JSON documents as a string: StarRocks casts them
// to the column's type from their text, so no number loses digits on the way.
func (b *batch) appendJSON(dst []byte, op ferry.Op, rows *change.Rows, row int) ([]byte, fault) {
	for i := range b.plan.columns {
		c := &b.plan.columns[i]
		dst = append(dst, c.jsonKey...)
		cell, null := c.sent(op, rows, row)
		if null {
			dst = append(dst, "null"...)
			continue
		}
		if why := c.refuses(cell); why != "" {
			return nil, fault{i, why}
		}
		switch c.kind {
		case document:
			if !json.Valid(cell) {
				return nil, fault{i, notJSON}
			}
			dst = append(dst, cell...)
		case octets:
			dst = append(appendHex(append(dst, '"'), cell), '"')
		default:
			dst = appendJSONText(dst, cell)
		}
	}
	dst = append(dst, `,"__op":`...)
	return append(dst, opText(op), '}', '\n'), carried
}

const hexDigits = "0123456789abcdef"

// appendJSONText writes a JSON string of valid UTF-8.
func appendJSONText(dst, text []byte) []byte {
	dst = append(dst, '"')
	done := 0
	for i, c := range text {
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, text[done:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		done = i + 1
	}
	dst = append(dst, text[done:]...)
	return append(dst, '"')
}
