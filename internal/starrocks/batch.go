package starrocks

import (
	"fmt"
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
	form form
	body []byte
	rows int
	size int
	// full tells that a row came which the form could not carry.
	full bool
	// bad is the first row that no form can carry. The batch is then refused before
	// anything is sent: StarRocks would only say "Invalid UTF-8 row".
	bad error
	// sent tells that body went back to the pool.
	sent bool
}

var bodies = sync.Pool{New: func() any { return new([]byte) }}

func newBatch(plan *layoutPlan, csv *csvRules, f form) *batch {
	return &batch{plan: plan, csv: csv, form: f, body: (*bodies.Get().(*[]byte))[:0]}
}

// Rows is the number of rows added.
func (b *batch) Rows() int { return b.rows }

// Bytes is the size of the load so far.
func (b *batch) Bytes() int { return b.size }

// release gives the memory back. Nothing may read body any more.
func (b *batch) release() {
	body := b.body
	b.body, b.sent = nil, true
	bodies.Put(&body)
}

// Add appends an upsert or delete; false when the form of the batch cannot carry the
// row. A row that no form can carry is taken, and Send then refuses the batch.
func (b *batch) Add(op ferry.Op, rows *change.Rows, row int) bool {
	if column, why := b.plan.badText(rows, row); column >= 0 {
		b.refuse(rows, row, column, why)
		b.rows++
		return true
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
		return false
	}
	b.rows++
	b.size = len(b.body)
	return true
}

func (b *batch) refuse(rows *change.Rows, row, column int, why string) {
	if b.bad != nil {
		return
	}
	layout := b.plan.layout
	b.bad = &diag.Problem{
		Code:    CodeText,
		Message: fmt.Sprintf("column `%s` of table %s, row %s: the value %s and StarRocks cannot store it", layout.Columns[column].Name, layout.Source.Name, describeKey(layout, rows, row), why),
		Fix:     "correct the value at the source (for text: its bytes do not fit its character set), or take the table out of the script.",
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
		if c.from < 0 || rows.Null(row, c.from) {
			body = append(body, nullField...)
		} else {
			cell := rows.Cell(row, c.from)
			if csv.needs(c.kind, cell) != plain {
				return false
			}
			body = append(body, cell...)
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
		if c.from < 0 || rows.Null(row, c.from) {
			body = append(body, nullField...)
		} else {
			cell := rows.Cell(row, c.from)
			need := csv.needs(c.kind, cell)
			if need == jsonLines || !csv.fitsQuoted(c.kind, cell) {
				return false
			}
			if need == quoted {
				body = append(body, enclose)
				body = append(body, cell...)
				body = append(body, enclose)
			} else {
				body = append(body, cell...)
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
		if c.from < 0 || rows.Null(row, c.from) {
			body = append(body, "null"...)
			continue
		}
		cell := rows.Cell(row, c.from)
		if c.kind != document {
			body = appendJSONText(body, cell)
			continue
		}
		if !validDocument(cell) {
			b.refuse(rows, row, i, "is not a JSON document")
			return true
		}
		body = append(body, cell...)
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
