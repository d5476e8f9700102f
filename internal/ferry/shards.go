package ferry

import (
	"fmt"
	"slices"
	"strings"

	"starferry/internal/change"
)

// How one shard's schema stands beside the columns of a target that others fill too.
//
// Invariant: the target has every column that a shard has, and beyond the key it takes
// NULL in each. A shard has NULL where it has no such column. So a column that is added
// to all shards, one after the other, is appended once; one that is dropped is kept; and
// a shard that joins later brings what it has more.

// fit is fit for the table beside its target.
func (t *table) fit(schema *change.Table) (missing []change.Column, refused []string) {
	if !t.route.Merged {
		return fit(schema, t.columns, t.route.Schema.appends())
	}
	var columns []TargetColumn
	for _, name := range MergedColumns {
		if schema.Index(name) >= 0 {
			refused = append(refused, fmt.Sprintf("the source table has a column `%s` itself", name))
		}
		if at := indexOf(t.columns, name); at < 0 || !t.columns[at].Key {
			refused = append(refused, fmt.Sprintf("the target has no key column `%s`", name))
		}
	}
	for _, c := range t.columns {
		if t.route.constant(c.Name) == nil {
			columns = append(columns, c)
		}
	}
	if len(refused) > 0 {
		return nil, refused
	}
	return fit(schema, columns, true)
}

// narrow are the columns of a merged target that cannot hold everything this shard has.
func (t *table) narrow(schema *change.Table) (changes []Reshape) {
	for _, c := range t.columns {
		if at := schema.Index(c.Name); t.route.Merged && c.Narrow && at >= 0 {
			changes = append(changes, Reshape{Kind: AlterType, From: &schema.Columns[at], To: &schema.Columns[at]})
		}
	}
	return changes
}

// layoutOf is how rows of this version become the target's.
func (t *table) layoutOf(schema *change.Table) *Layout {
	layout := newLayout(schema, t.columns)
	for i := range layout.Columns {
		c := &layout.Columns[i]
		if c.Constant = t.route.constant(c.Name); c.Constant != nil {
			c.From, c.Type = -1, change.Type{Base: change.VarChar}
		}
	}
	return layout
}

// mendsFor says why rows that a shard has already are not at the target as they are at the
// source, now that it gets a column which another shard has brought: they have NULL there,
// or the default of that time.
func (t *table) mendsFor(schema *change.Table) (why []string) {
	if !t.route.Merged || t.seen == nil || t.seen == schema {
		return nil
	}
	for i := range schema.Columns {
		c := &schema.Columns[i]
		at := indexOf(t.columns, c.Name)
		if at < 0 || t.seen.Index(c.Name) >= 0 || slices.Contains(t.appended, strings.ToLower(c.Name)) {
			continue
		}
		if t.columns[at].Default || c.Default != nil || c.DefaultExpression != "" || c.Generated || !c.Nullable {
			why = append(why, fmt.Sprintf("column `%s` came to the target with another shard", c.Name))
		}
	}
	return why
}
