package ddl

import (
	"slices"

	"starferry/internal/change"
)

// Undo gives the version of a table before an ALTER that did nothing but add columns which
// are NULL in the rows there were (and perhaps change the comment): t without them. False
// for any other: what was there before is not in the statement, or the rows that were there
// got values that no row event tells.
func Undo(t *change.Table, a *AlterTable) (before *change.Table, ok bool) {
	copied := *t
	before = &copied
	before.Columns, before.Key = slices.Clone(t.Columns), slices.Clone(t.Key)
	for _, one := range slices.Backward(a.Changes) {
		switch one := one.(type) {
		case *TableComment:
		case *AddColumn:
			at := before.Index(one.column.name)
			if one.IfNotExists || at < 0 || before.IsKey(at) || !startsNull(&before.Columns[at]) {
				return nil, false
			}
			before.Columns = slices.Delete(before.Columns, at, at+1)
			for i, key := range before.Key {
				if key > at {
					before.Key[i]--
				}
			}
		default:
			return nil, false
		}
	}
	return before, a.RenameTo == nil
}

// startsNull tells a column that is NULL in every row when it is added.
func startsNull(c *change.Column) bool {
	return c.Nullable && c.Default == nil && c.DefaultExpression == "" && !c.Generated
}
