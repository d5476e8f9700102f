package emulator

import (
	"encoding/binary"
	"math"
)

// changeTypes gives the stored rows the types of a new schema; the caller holds mu.
func (s *tableStore) changeTypes(cols []storedColumn) {
	before := map[int]dataType{}
	for _, c := range cols {
		if was, known := s.types[c.id]; known && was != c.typ {
			before[c.id] = was
		}
		s.types[c.id] = c.typ
	}
	if len(before) == 0 {
		return
	}
	s.changed = len(s.schemas) - 1
	for key, row := range s.rows {
		s.rows[key] = s.rewrite(row, func(c storedColumn) dataType {
			if was, ok := before[c.id]; ok {
				return was
			}
			return s.types[c.id]
		})
	}
}

// inTypesOfNow is a load that may have been planned before a type changed, with its
// rows as they have to be stored now.
func (s *tableStore) inTypesOfNow(d *delta) *delta {
	if s.changed == 0 {
		return d
	}
	out := &delta{rule: d.rule, ops: make([]deltaOp, len(d.ops))}
	for i, op := range d.ops {
		out.ops[i] = op
		if op.delete {
			continue
		}
		if schema, _ := uvarint(op.blob[op.key:]); int(schema) < s.changed {
			row := s.rewrite(op.blob[op.key:], func(c storedColumn) dataType { return c.typ })
			out.ops[i].blob = op.blob[:op.key] + row
		}
	}
	return out
}

// rewrite converts the cells of a row from the given types to those in force.
func (s *tableStore) rewrite(row string, from func(storedColumn) dataType) string {
	schema, at := uvarint(row)
	out := binary.AppendUvarint(nil, schema)
	for _, c := range s.schemas[schema] {
		size, n := uvarint(row[at:])
		end := at + n
		if size > 0 {
			end += int(size) - 1
		}
		was, is := from(c), s.types[c.id]
		if size == 0 || was == is {
			out = append(out, row[at:end]...)
		} else {
			v := changeType(cellValue(was, row[at+n:end], false), was, is)
			cell, ok := storeValue(is, v)
			out = appendCell(out, cell, !ok || v.kind == vNull)
		}
		at = end
	}
	return string(out)
}

// changeType is a value of one column type in another that it may be changed to; NULL
// when that cannot hold it.
func changeType(v value, from, to dataType) value {
	switch {
	case v.kind == vNull || from == to:
		return v
	case from.kind == tFloat && to.kind == tDouble:
		return floatValue(float64(float32(v.f)))
	case from.kind == tDatetime && to.kind == tDate:
		return value{kind: vDate, s: v.s[:min(len(v.s), len("2006-01-02"))]}
	case to.isText():
		text := v.printed(from)
		if len(text) > to.length {
			return null
		}
		return textValue(text)
	case v.kind == vFloat && math.IsNaN(v.f):
		return null
	}
	return castValue(to, v)
}
