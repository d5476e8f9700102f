package mysql

import (
	"fmt"
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
// change in the middle of its rows. Key columns are left alone but for BOOLEAN, also when
// they become part of the key now: in a zone two moments may have one text, and rounding
// makes one key of two.
func (v Treatment) of(t, before *change.Table) *change.Table {
	treated := *t
	treated.Columns = slices.Clone(t.Columns)
	t = &treated
	for i := range t.Columns {
		c := &t.Columns[i]
		if !isSame(t, before, i) {
			v.treat(c, t.IsKey(i))
		}
	}
	return t
}

// isSame tells that column i of t is one of the version before, of the same type, and in
// the key as it was.
func isSame(t, before *change.Table, i int) bool {
	if before == nil {
		return false
	}
	c := &t.Columns[i]
	name := c.Name
	if c.Was != "" {
		name = c.Was
	}
	at := before.Index(name)
	return at >= 0 && before.Columns[at].Type.Equal(c.Type) && before.IsKey(at) == t.IsKey(i)
}

// Differs says of which columns of a version this treatment would make something else;
// it counts when the table joins anew.
func (v Treatment) Differs(t *change.Table) (says []string) {
	for i := range t.Columns {
		is := &t.Columns[i]
		would := *is
		if would.Type.Base == change.Boolean {
			would.Type = change.Type{Base: change.TinyInt, Length: 1}
		}
		v.treat(&would, t.IsKey(i))
		if !would.Type.Equal(is.Type) {
			says = append(says, fmt.Sprintf("`%s` is %s, not %s", is.Name, is.Type.Treated(), would.Type.Treated()))
		}
	}
	return says
}

func (v Treatment) treat(c *change.Column, key bool) {
	switch c.Type.Base {
	case change.TinyInt:
		if v.Booleans && c.Type.Length == 1 && !c.Type.Unsigned {
			c.Type = change.Type{Base: change.Boolean}
		}
	case change.Timestamp, change.Date, change.DateTime:
		c.Type.Zone, c.Type.ZeroDates = "", change.KeepZeroDates
		if key {
			return
		}
		c.Type.ZeroDates = v.ZeroDates
		if c.Type.Base == change.Timestamp {
			c.Type.Zone = v.Zone
		}
	}
}
