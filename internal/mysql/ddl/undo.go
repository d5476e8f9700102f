package ddl

import (
	"slices"

	"starferry/internal/change"
)

// Undo gives the version of a table before an ALTER that did nothing but add columns which
// take NULL (and perhaps change the comment): t without them. False for any other: what
// was there before is not in the statement.
func Undo(t *change.Table, a *AlterTable) (before *change.Table, ok bool) {
	copied := *t
	before = &copied
	before.Columns, before.Key = slices.Clone(t.Columns), slices.Clone(t.Key)
	for _, one := range slices.Backward(a.Changes) {
		switch one := one.(type) {
		case *TableComment:
		case *AddColumn:
			at := before.Index(one.column.name)
			if one.IfNotExists || at < 0 || before.IsKey(at) || !before.Columns[at].Nullable {
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
