package emulator

import "strings"

// minimumJSONText is the length a text column must exceed to take a JSON column's values.
const minimumJSONText = 16

// modifyColumn replaces a column of the schema by one of another definition. It reports
// whether anything differs. The column keeps its id: the cells stay where they are and
// are converted at the end of the job.
func (s *session) modifyColumn(t *table, clause alterClause) (changed bool, err error) {
	d := clause.columns[0]
	old := t.column(d.name)
	if old == nil {
		return false, ddlError("Column[%s] does not exists", d.name)
	}
	if err := t.mayModify(old, d); err != nil {
		return false, err
	}
	col, err := s.analyzeColumn(d, t.model, old.key)
	if err != nil {
		return false, err
	}
	col.name, col.identity = old.name, old.identity
	moved, err := t.place(col, clause, old)
	if err != nil {
		return false, err
	}
	if old.same(col) {
		if moved {
			t.replace(old, old, clause)
		}
		return moved, nil
	}
	if err := old.mayBecome(col); err != nil {
		return false, err
	}
	col.id, col.fill = old.id, old.fill
	t.replace(old, col, clause)
	return true, nil
}

// mayModify refuses columns that no MODIFY may touch.
func (t *table) mayModify(old *column, d columnDef) error {
	switch {
	case old.key && t.model == primaryKeys:
		return analysisError("Can not modify key column: %s for primary key table", d.name)
	case t.isSortColumn(old.name):
		return analysisError("Can not modify sort column in primary data model table")
	case old.key:
		return notEmulated("MODIFY of a key column")
	case old.auto || d.autoIncrement:
		return notEmulated("MODIFY from or to AUTO_INCREMENT")
	case d.key && t.model == primaryKeys:
		return analysisError("Can not modify non-key column: %s to key column for primary key table", d.name)
	case d.typ.kind == tTime:
		return analysisError("Unsupported data type: TIME")
	}
	return nil
}

func (t *table) isSortColumn(name string) bool {
	for _, n := range t.orderBy {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// place checks the position of a MODIFY; it reports whether the column moves.
func (t *table) place(col *column, clause alterClause, old *column) (bool, error) {
	switch {
	case clause.first && !col.key:
		return false, ddlError("Invalid column order. value should be after key. index[%s]", t.name)
	case clause.after == "":
		return false, nil
	}
	at := t.position(clause.after)
	switch {
	case at < 0:
		return false, ddlError("Column[%s] does not exists", clause.after)
	case t.columns[at] == old:
		return false, ddlError("Column[%s] modify position is invalid", clause.after)
	case at < len(t.keyColumns())-1 && !col.key:
		return false, ddlError("Invalid column order. value should be after key. index[%s]", t.name)
	}
	return at+1 != t.position(old.name), nil
}

func (t *table) position(name string) int {
	for i, c := range t.columns {
		if strings.EqualFold(c.name, name) {
			return i
		}
	}
	return -1
}

// replace puts col where old was, or where the clause says.
func (t *table) replace(old, col *column, clause alterClause) {
	out := make([]*column, 0, len(t.columns))
	for _, c := range t.columns {
		if c != old {
			out = append(out, c)
		} else if clause.after == "" {
			out = append(out, col)
		}
		if clause.after != "" && strings.EqualFold(c.name, clause.after) {
			out = append(out, col)
		}
	}
	t.columns = out
}

// same tells whether two definitions of a column are one: a MODIFY to the definition
// that is in force does nothing.
func (c *column) same(o *column) bool {
	return c.typ == o.typ && c.key == o.key && c.nullable == o.nullable && c.def == o.def && c.comment == o.comment
}

// mayBecome applies the rules of type changes, in the order in which StarRocks does.
func (c *column) mayBecome(o *column) error {
	from, to := c.typ, o.typ
	switch {
	case !changeAllowed(from, to):
		return analysisError("Can not change %s to %s", from, to)
	case c.nullable && !o.nullable:
		return analysisError("Can not change from nullable to non-nullable")
	case c.def != o.def:
		return analysisError("Can not change default value")
	case from.isText() && to.isText() && from.length > to.length:
		return analysisError("Cannot shorten string length")
	case from.kind == tJSON && to.isText() && to.length <= minimumJSONText:
		return analysisError("JSON needs minimum length of %d", minimumJSONText)
	}
	return nil
}

// typeChanges lists what each kind may become, apart from itself.
var typeChanges = map[typeKind][]typeKind{
	tTinyint:  {tSmallint, tInt, tBigint, tLargeint, tDouble, tVarchar},
	tSmallint: {tInt, tBigint, tLargeint, tDouble, tVarchar},
	tInt:      {tBigint, tLargeint, tDouble, tVarchar, tDate},
	tBigint:   {tLargeint, tDouble, tVarchar},
	tLargeint: {tVarchar},
	tFloat:    {tDouble, tVarchar},
	tDouble:   {tVarchar},
	tDecimal:  {tVarchar},
	tChar:     {tVarchar},
	tVarchar:  {tTinyint, tSmallint, tInt, tBigint, tLargeint, tFloat, tDouble, tDate, tDecimal, tJSON},
	tJSON:     {tVarchar},
	tDate:     {tDatetime},
	tDatetime: {tDate},
}

func changeAllowed(from, to dataType) bool {
	switch {
	case from.kind == tDecimal && to.kind == tDecimal:
		return to.scale >= from.scale && to.precision-to.scale >= from.precision-from.scale
	case from.kind == tDecimal && to.kind == tVarchar:
		return to.length >= from.precision+2 // with sign and point
	case from.kind == to.kind:
		return from.kind != tVarbinary || to.length >= from.length
	}
	for _, k := range typeChanges[from.kind] {
		if k == to.kind {
			return true
		}
	}
	return false
}
