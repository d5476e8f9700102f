package emulator

import (
	"encoding/binary"
	"strings"
)

// conditionColumn is the column of merge_condition, nil without one.
func (p *loadPlan) conditionColumn(given []bool) (*column, error) {
	name := p.opts.update.condition
	if name == "" {
		return nil, nil
	}
	if p.table.model != primaryKeys {
		return nil, ddlError("Conditional update only support primary key table %s", p.table.name)
	}
	i := columnIndex(p.columns, name)
	if i < 0 || given != nil && !given[i] {
		return nil, ddlError("Merge condition column %s does not exist. If you are doing partial update with condition update, please check condition column is in the given update columns. "+
			"Otherwise please check condition column is in table %s", name, p.table.name)
	}
	c := p.columns[i]
	if c.key {
		return nil, ddlError("Merge condition column %s should not be primary key!", name)
	}
	if c.typ.isText() || c.typ.kind == tJSON || c.typ.kind == tVarbinary {
		return nil, ddlError("Merge condition column %s has invalid type maybe bitmap/hll/percentile/json/varchar!", name)
	}
	return c, nil
}

// errConditionalDelete fails a load that deletes under a merge condition.
func (p *loadPlan) errConditionalDelete() error {
	return ddlError("memtable of tablet %d delete with condition column %s", p.table.id+1, strings.ToLower(p.opts.update.condition))
}

// older tells whether a row loses against the one that is there: equal ones win, and
// NULL is smaller than everything.
func (s *tableStore) older(r *updateRule, row, old string) bool {
	_, fresh := s.rowCells(row)
	_, stored := s.rowCells(old)
	a, aNull := decodeCell(fresh[r.Condition])
	b, bNull := decodeCell(stored[r.Condition])
	switch {
	case bNull:
		return false
	case aNull:
		return true
	}
	t := s.types[r.Condition]
	order, known := compareValues(cellValue(t, a, false), cellValue(t, b, false))
	return known && order < 0
}

// decodeCell reads one cell; an absent one is NULL.
func decodeCell(cell string) (text string, isNull bool) {
	size, n := uvarint(cell)
	if size == 0 {
		return "", true
	}
	return cell[n:], false
}

func appendUvarint(b []byte, n uint64) []byte { return binary.AppendUvarint(b, n) }
