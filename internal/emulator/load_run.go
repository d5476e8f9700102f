package emulator

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// loader turns parsed rows into a delta and keeps the accounts of a load.
type loader struct {
	plan       *loadPlan
	builder    *rowBuilder
	delta      *delta
	counts     loadCounts
	errors     []string // lines of the error log
	errorBytes int
	// rejected are the lines of the file of rejected records.
	rejected []string
	discard  bool
	scratch  []byte
	fields   []value
}

// maxErrorLines is how many bad rows a load tells about, and maxErrorBytes how much of them.
const (
	maxErrorLines = 50
	maxErrorBytes = 1 << 20
)

func (l *loader) filter(reason, row string) {
	l.counts.filtered++
	if len(l.errors) < maxErrorLines && l.errorBytes < maxErrorBytes {
		line := fmt.Sprintf("Error: %s. Row: %s", reason, row)
		line = strings.Clone(line[:min(len(line), maxErrorBytes-l.errorBytes)])
		l.errors, l.errorBytes = append(l.errors, line), l.errorBytes+len(line)
	}
	l.reject(reason, row)
}

// row takes one row; the error is one that ends the load.
func (l *loader) row(values []sourceValue, text func() string) error {
	l.counts.total++
	p := l.plan
	l.fields = l.fields[:0]
	l.builder.reset()
	for i, c := range p.columns {
		cell, isNull, err := l.cell(p.targets[i], c.typ, values)
		if err != nil {
			return err
		}
		if isNull == badCell {
			if p.opts.strict {
				l.filter(l.badValue(c, i, values), text())
				return nil
			}
			isNull = nullCell
		}
		if isNull == nullCell {
			l.builder.addNull()
			continue
		}
		l.builder.add(cell)
	}
	op, known := 0, true
	if p.op.source >= 0 || p.op.x != nil {
		var err error
		if op, known, err = l.operation(values); err != nil {
			return err
		}
	}
	if p.where != nil {
		if is, err := p.where.selects(l.builder, op); err != nil || !is {
			l.counts.unselected++
			return err
		}
	}
	if reason := l.nullRefusal(); reason != "" {
		l.filter(reason, l.builder.printed(op))
		return nil
	}
	if !known {
		l.filter("NULL value in non-nullable column '__op'", l.builder.printed(op))
		return nil
	}
	if p.computed {
		if reason := l.sinkRefusal(); reason != "" {
			l.filter(reason, l.builder.printed(op))
			return nil
		}
	}
	l.counts.loaded++
	switch {
	case op != 0 && p.update != nil && p.update.Condition != 0:
		return p.errConditionalDelete()
	case op == 0 && p.sortKey != nil:
		return p.sortKey
	}
	if l.discard {
		return l.builder.encodeKey()
	}
	if op != 0 {
		return l.builder.remove(l.delta)
	}
	return l.builder.put(l.delta)
}

type cellState uint8

const (
	goodCell cellState = iota
	nullCell
	badCell
)

func (l *loader) cell(t loadTarget, typ dataType, values []sourceValue) ([]byte, cellState, error) {
	switch {
	case t.auto:
		l.scratch = strconv.AppendInt(l.scratch[:0], l.plan.table.store.nextAuto(), 10)
		return l.scratch, goodCell, nil
	case t.x != nil:
		v, err := l.evaluate(t.x, values)
		if err != nil {
			return nil, goodCell, err
		}
		if v.kind == vNull {
			return nil, nullCell, nil
		}
		return expressionCell(typ, v)
	case t.source >= 0:
		v := values[t.source]
		if v.null {
			return nil, nullCell, nil
		}
		var ok bool
		if typ.kind == tVarbinary && l.plan.hexBinary && !v.json {
			return hexCell(v.text)
		}
		l.scratch, ok = v.convert(typ, l.scratch[:0])
		return l.scratch, state(ok), nil
	case t.fixed.kind == vNull:
		return nil, nullCell, nil
	}
	cell, ok := storeValue(typ, t.fixed)
	return cell, state(ok), nil
}

func state(ok bool) cellState {
	if ok {
		return goodCell
	}
	return badCell
}

// evaluate computes an expression of the columns header; fields are texts.
func (l *loader) evaluate(x expr, values []sourceValue) (value, error) {
	if len(l.fields) == 0 {
		for _, v := range values {
			l.fields = append(l.fields, v.value())
		}
	}
	l.plan.scope.cells = l.fields
	return x.eval(l.plan.scope)
}

// operation reads __op: 0 or upsert, anything else deletes; ok is false for NULL and
// for what is no number.
func (l *loader) operation(values []sourceValue) (op int, ok bool, err error) {
	t := l.plan.op
	if t.x == nil && values[t.source].json && values[t.source].null {
		return 0, true, nil // a JSON row without the key
	}
	cell, st, err := l.cell(t, dataType{kind: tTinyint}, values)
	if err != nil || st != goodCell {
		return 0, false, err
	}
	if string(cell) == "0" {
		return 0, true, nil
	}
	return 1, true, nil
}

func (l *loader) badValue(c *column, i int, values []sourceValue) string {
	t := l.plan.targets[i]
	if t.source < 0 {
		return fmt.Sprintf("Value is out of range. The type of '%s' is %s", c.name, c.typ)
	}
	v := values[t.source]
	text := v.original()
	if len(text) > 256 {
		text = text[:256]
	}
	switch {
	case v.json && c.typ.isText():
		return fmt.Sprintf("Value length is beyond the capacity. column=%s", c.name)
	case v.json:
		return fmt.Sprintf("Value '%s' is out of range. The type of '%s' is %s", text, c.name, c.typ)
	}
	return fmt.Sprintf("The field (name = %s, pos = %d) is out of range. Type: %s, Value length: %d, Value: %s", c.name, t.source, c.typ, len(v.text), text)
}

// csvRow takes one CSV row: raw is its text, fields its parts after unescaping.
func (l *loader) csvRow(raw []byte, fields [][]byte, values []sourceValue) error {
	if !utf8.Valid(raw) {
		l.counts.total++
		l.filter("Invalid UTF-8 row", string(bytes.ToValidUTF8(raw, []byte("?"))))
		return nil
	}
	if len(fields) != len(l.plan.sources) {
		l.counts.total++
		o := l.plan.opts
		l.filter(fmt.Sprintf("Target column count: %d doesn't match source value column count: %d. Column separator: '%s', Row delimiter: '%s'",
			len(l.plan.sources), len(fields), shownDelimiter(o.columnSeparator), shownDelimiter(o.rowDelimiter)), string(raw))
		return nil
	}
	for i, f := range fields {
		values[i] = sourceValue{text: f, null: len(f) == 2 && f[0] == '\\' && f[1] == 'N'}
	}
	return l.row(values, func() string { return string(raw) })
}

func shownDelimiter(d []byte) string {
	var b bytes.Buffer
	for _, c := range d {
		switch {
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < 0x20:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
