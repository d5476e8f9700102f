package mysql

import (
	"slices"

	"starferry/internal/change"
)

// Treatment is what the deployment makes of some types of the source.
type Treatment struct {
	Booleans  bool             // TINYINT(1) is BOOLEAN
	Zone      string           // TIMESTAMP is written in this zone; "" is UTC
	ZeroDates change.ZeroDates // what becomes of 0000-00-00 and its like
}

// of is a version of a table with the treatment in its types. Columns that are the same
// in the version before keep theirs: how the values of a column look must not
// change in the middle of its rows. Key columns are left alone but for BOOLEAN: in a
// zone two moments may have one text, and rounding makes one key of two.
func (v Treatment) of(t, before *change.Table) *change.Table {
	treated := *t
	treated.Columns = slices.Clone(t.Columns)
	t = &treated
	for i := range t.Columns {
		c := &t.Columns[i]
		if before != nil {
			if at := before.Index(c.Name); at >= 0 && before.Columns[at].Type.Equal(c.Type) {
				continue
			}
		}
		switch c.Type.Base {
		case change.TinyInt:
			if v.Booleans && c.Type.Length == 1 && !c.Type.Unsigned {
				c.Type = change.Type{Base: change.Boolean}
			}
		case change.Timestamp, change.Date, change.DateTime:
			if t.IsKey(i) {
				continue
			}
			c.Type.ZeroDates = v.ZeroDates
			if c.Type.Base == change.Timestamp {
				c.Type.Zone = v.Zone
			}
		}
	}
	return &treated
}
