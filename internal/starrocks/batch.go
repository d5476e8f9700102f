package starrocks

import (
	"errors"
	"fmt"
	"math"
	"sync"

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
	body []byte
	// ends are the ends of the rows, counted from base bytes before the body.
	ends []uint32
	base uint32
	rows int
	size int
	// full tells that a row came which the form could not carry.
	full bool
	// part tells that body belongs to another batch too.
	part bool
	// sent tells that body went back to the pool.
	sent bool
}

var bodies = sync.Pool{New: func() any { return new([]byte) }}

func newBatch(plan *layoutPlan, csv *csvRules, f ferry.Form) *batch {
	return &batch{plan: plan, csv: csv, form: f, body: (*bodies.Get().(*[]byte))[:0]}
}

// Rows is the number of rows added.
func (b *batch) Rows() int { return b.rows }

// Bytes is the size of the load so far.
func (b *batch) Bytes() int { return b.size }

// taken is called when StarRocks has a batch for good; sent is how it was sent. Its memory
// is used again, unless the connection still has it in hand.
func (b *batch) taken(sent *upload) {
	body := b.body
	b.body, b.ends, b.sent = nil, nil, true
	if !b.part && sent.reading.Load() == 0 {
		bodies.Put(&body)
	}
}

// errTooLarge refuses a row behind which the ends of rows could not be counted.
var errTooLarge = errors.New("a load of it would have 4 GiB or more")

// Add appends an upsert or delete; false when the form of the batch cannot carry the
// row. A row that no form can carry is an error: StarRocks would only say "Invalid
// UTF-8 row", of the whole load.
func (b *batch) Add(op ferry.Op, rows *change.Rows, row int) (bool, error) {
	if column, why := b.plan.badText(op, rows, row, b.form == jsonLines); column >= 0 {
		return false, b.plan.unfit(column, why)
	}
	start := len(b.body)
	carried := false
	switch b.form {
	case plain:
		carried = b.addPlain(op, rows, row)
	case quoted:
		carried = b.addQuoted(op, rows, row)
	case jsonLines:
		carried = b.addJSON(op, rows, row)
	}
	if !carried {
		b.body = b.body[:start]
		b.full = true
		return false, nil
	}
	if uint64(len(b.body)) > math.MaxUint32 {
		b.body = b.body[:start]
		return false, errTooLarge
	}
	b.rows++
	b.size = len(b.body)
	b.ends = append(b.ends, uint32(b.size))
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

func (b *batch) addPlain(op ferry.Op, rows *change.Rows, row int) bool {
	body, csv := b.body, b.csv
	for i := range b.plan.columns {
		c := &b.plan.columns[i]
		if cell, null := c.sent(op, rows, row); null {
			body = append(body, nullField...)
		} else {
			if csv.needs(c.kind, cell) != plain {
				return false
			}
			body = c.appendField(body, cell)
		}
		body = append(body, csv.separator...)
	}
	body = append(body, opText(op))
	b.body = append(body, csv.delimiter...)
	return true
}

func (b *batch) addQuoted(op ferry.Op, rows *change.Rows, row int) bool {
	body, csv := b.body, b.csv
	for i := range b.plan.columns {
		c := &b.plan.columns[i]
		if cell, null := c.sent(op, rows, row); null {
			body = append(body, nullField...)
		} else {
			need := csv.needs(c.kind, cell)
			if need == jsonLines || !csv.fitsQuoted(c.kind, cell) {
				return false
			}
			if need == quoted {
				body = append(body, enclose)
				body = append(body, cell...)
				body = append(body, enclose)
			} else {
				body = c.appendField(body, cell)
			}
		}
		body = append(body, csv.separator...)
	}
	body = append(body, opText(op))
	b.body = append(body, csv.delimiter...)
	return true
}

// addJSON writes every value but JSON documents as a string: StarRocks casts them
// to the column's type from their text, so no number loses digits on the way.
func (b *batch) addJSON(op ferry.Op, rows *change.Rows, row int) bool {
	body := b.body
	for i := range b.plan.columns {
		c := &b.plan.columns[i]
		body = append(body, c.jsonKey...)
		cell, null := c.sent(op, rows, row)
		if null {
			body = append(body, "null"...)
			continue
		}
		switch c.kind {
		case document:
			body = append(body, cell...)
		case octets:
			body = append(appendHex(append(body, '"'), cell), '"')
		default:
			body = appendJSONText(body, cell)
		}
	}
	body = append(body, `,"__op":`...)
	b.body = append(body, opText(op), '}', '\n')
	return true
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
