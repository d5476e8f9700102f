package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// updateOptions are the headers that make a load change rows instead of replacing them.
type updateOptions struct {
	partial   bool
	mode      string // row, auto or column
	condition string
}

func (u *updateOptions) parse(h http.Header) error {
	if err := headerBool(h, "partial_update", &u.partial, "Invalid partial update flag format. Must be bool type"); err != nil {
		return err
	}
	u.mode = "row"
	if m := h.Get("partial_update_mode"); m == "auto" || m == "column" {
		u.mode = m // anything else is ignored
	}
	u.condition = h.Get("merge_condition")
	return nil
}

// givenColumns marks the columns that a partial update brings: those the columns header
// mentions, in any case of letters. Every key column must be among them.
func (p *loadPlan) givenColumns(mapped map[string]expr) ([]bool, error) {
	if p.table.model != primaryKeys {
		return nil, ddlError("Only primary key table support partial update")
	}
	given := make([]bool, len(p.columns))
	for i, c := range p.columns {
		given[i] = p.opts.columns != "" && (p.sourceIndex(c.name) >= 0 || mapped[strings.ToLower(c.name)] != nil)
		if c.key && !given[i] {
			return nil, ddlError("key column %s not in partial update columns", c.name)
		}
	}
	if p.opts.update.mode != "row" && strings.EqualFold(p.table.properties["storage_type"], "column_with_row") {
		return nil, ddlError("column with row table only support row mode partial update")
	}
	return given, nil
}

// sortKeyConflict is what a writer says at the first upsert of a partial update that does
// not fit the ORDER BY of the table: the sort key must be complete, and modes that write
// columns by themselves cannot move a row.
func (p *loadPlan) sortKeyConflict(given []bool) error {
	for i, c := range p.columns {
		if !slices.ContainsFunc(p.table.orderBy, func(n string) bool { return strings.EqualFold(n, c.name) }) {
			continue
		}
		if !given[i] || p.opts.update.mode != "row" && !c.key {
			return ddlError("partial update on table with sort key must provide all sort key columns")
		}
	}
	return nil
}

// absentValue is what a column that a partial update leaves out gets in a row that is
// new: its default, NULL, or else the zero of its type.
func absentValue(c *column, scope *rowScope) value {
	v, err := missingValue(c, scope)
	if err == nil {
		return v
	}
	switch c.typ.kind {
	case tChar, tVarchar, tVarbinary:
		return textValue("")
	case tDate:
		return textValue("0000-01-01")
	case tDatetime:
		return textValue("0000-01-01 00:00:00")
	case tJSON:
		return value{kind: vJSON, s: "null"}
	}
	return intValue(0)
}

// updateRule is how the rows of a delta meet the rows that are there. It is applied when
// the load becomes visible, so it sees every load that was committed before.
type updateRule struct {
	Partial   bool           `json:",omitempty"`
	Given     []int          `json:",omitempty"` // ids of the columns of a partial update
	Fills     map[int][]byte `json:",omitempty"` // cells of columns that rows older than the column read, where new rows get others
	Condition int            `json:",omitempty"` // id of the column of merge_condition
}

// updateRule of a plan is nil when rows simply replace rows.
func (p *loadPlan) rule(given []bool) (*updateRule, error) {
	condition, err := p.conditionColumn(given)
	if err != nil || given == nil && condition == nil {
		return nil, err
	}
	r := &updateRule{Partial: given != nil, Fills: map[int][]byte{}}
	for i, c := range p.columns {
		switch {
		case given == nil:
		case given[i]:
			r.Given = append(r.Given, c.id)
		case c.fill != nil:
			cell, ok := storeValue(c.typ, textValue(*c.fill))
			r.Fills[c.id] = appendCell(nil, cell, !ok)
		}
	}
	if condition != nil {
		r.Condition = condition.id
	}
	return r, nil
}

// applyRule is tableStore.apply for a delta with a rule; the caller holds mu. A partial
// update knows only the last operation of a key, as the memtable it comes from does: an
// upsert after a delete in one load still finds the row that was there.
func (s *tableStore) applyRule(d *delta) {
	last := map[string]int{}
	if d.rule.Condition == 0 {
		for i, op := range d.ops {
			last[op.blob[:op.key]] = i
		}
	}
	for i, op := range d.ops {
		key, row := op.blob[:op.key], op.blob[op.key:]
		if n, ok := last[key]; ok && n != i {
			continue
		}
		old, exists := s.rows[key]
		if op.delete {
			delete(s.rows, key)
			continue
		}
		if exists && d.rule.Condition != 0 && s.older(d.rule, row, old) {
			continue
		}
		if exists && d.rule.Partial {
			row = s.mergeRows(d.rule, row, old)
		}
		delete(s.rows, key)
		s.rows[key] = row
		if !exists {
			s.keyAdded(key)
		}
	}
}

// rowCells finds the cells of a stored row by column id.
func (s *tableStore) rowCells(row string) (schema int, cells map[int]string) {
	n, at := uvarint(row)
	if n >= uint64(len(s.schemas)) {
		return 0, nil
	}
	cells = map[int]string{}
	for _, c := range s.schemas[n] {
		if at >= len(row) {
			break
		}
		size, w := uvarint(row[at:])
		end := at + w
		if size > 0 {
			end += int(size) - 1
		}
		cells[c.id] = row[at:end]
		at = end
	}
	return int(n), cells
}

// mergeRows takes the given columns from the new row and the others from the old one. The
// result has the younger schema of the two.
func (s *tableStore) mergeRows(r *updateRule, row, old string) string {
	schema, fresh := s.rowCells(row)
	oldSchema, stored := s.rowCells(old)
	schema = max(schema, oldSchema)
	out := appendUvarint(nil, uint64(schema))
	for _, c := range s.schemas[schema] {
		cell, ok := stored[c.id]
		f, isNew := fresh[c.id]
		switch fill, filled := r.Fills[c.id]; {
		case isNew && slices.Contains(r.Given, c.id):
			cell, ok = f, true
		case ok:
		case filled:
			cell, ok = string(fill), true
		case isNew:
			cell, ok = f, true
		}
		if !ok {
			cell = "\x00" // unreachable: the younger schema is that of one of the two rows
		}
		out = append(out, cell...)
	}
	return string(out)
}

// ruleFlag marks the entry of a journal record that is a rule and no operation.
const ruleFlag = 2

// appendTo writes the rule in the form of an operation: no key, the rule as JSON.
func (r *updateRule) appendTo(b []byte) ([]byte, error) {
	if r == nil {
		return b, nil
	}
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	b = append(b, ruleFlag, 0)
	b = appendUvarint(b, uint64(len(text)))
	return append(b, text...), nil
}

// readRule is nil when the text is no rule.
func readRule(text []byte) *updateRule {
	r := &updateRule{}
	if json.Unmarshal(text, r) != nil {
		return nil
	}
	return r
}
