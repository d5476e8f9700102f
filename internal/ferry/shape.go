package ferry

import (
	"fmt"
	"slices"
	"strings"

	"starferry/internal/change"
)

// A target may be shaped by its statement: columns that are left out or computed, a key
// with more in it than the source's, rows that are chosen.
//
// Invariant: the target has a row of the source, under the key that its values give, while
// the filter keeps it, and no other row of its source key. So an UPDATE that changes
// anything the key is made of deletes the row under its old key, which the full image of
// the row before gives; and one behind which the filter does not keep the row deletes it.

// Filter chooses rows.
type Filter interface {
	// For is the filter for rows of one version of a table. An error says why there is none.
	For(table *change.Table) (keep func(rows *change.Rows, row int) bool, err error)
}

// leftOut is a version of a table without the columns that the target does not have: what
// becomes of them is no schema change.
func (r *Route) leftOut(schema *change.Table) *change.Table {
	if len(r.LeftOut) == 0 || schema == nil {
		return schema
	}
	seen := *schema
	seen.Columns, seen.Key = nil, nil
	place := make([]int, len(schema.Columns))
	for i := range schema.Columns {
		place[i] = len(seen.Columns)
		if !containsName(r.LeftOut, schema.Columns[i].Name) {
			seen.Columns = append(seen.Columns, schema.Columns[i])
		}
	}
	for _, k := range schema.Key {
		seen.Key = append(seen.Key, place[k])
	}
	return &seen
}

func containsName(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// fitComputed lists what keeps the computed columns of a target from being computed.
func fitComputed(schema *change.Table, columns []TargetColumn) (refused []string) {
	for _, c := range columns {
		if !c.Computed {
			continue
		}
		if schema.Index(c.Name) >= 0 {
			refused = append(refused, fmt.Sprintf("the source has a column `%s` now, which the target computes", c.Name))
		}
		for _, input := range c.Inputs {
			if schema.Index(input) < 0 {
				refused = append(refused, fmt.Sprintf("column `%s` is gone, which `%s` is computed from", input, c.Name))
			}
		}
	}
	return refused
}

// shaped completes a layout.
func (l *Layout) shaped(columns []TargetColumn) {
	l.KeyInputs = slices.Clone(l.Source.Key)
	add := func(i int) {
		if i >= 0 && !slices.Contains(l.KeyInputs, i) {
			l.KeyInputs = append(l.KeyInputs, i)
		}
	}
	for _, c := range columns {
		if c.Computed {
			l.Computed = append(l.Computed, c.Name)
		}
		switch {
		case c.Key && c.Computed:
			for _, input := range c.Inputs {
				add(l.Source.Index(input))
			}
		case c.Key:
			add(l.Source.Index(c.Name))
		}
	}
}

// shapedLayout is the layout of rows of this version.
func (t *table) shapedLayout(schema *change.Table) (*Layout, error) {
	return t.route.shape(t.layoutOf(schema))
}

func (r *Route) shape(layout *Layout) (*Layout, error) {
	for i := range layout.Columns {
		if containsName(r.LeftOut, layout.Columns[i].Name) {
			layout.Columns[i].From = -1
		}
	}
	if r.Filter == nil {
		return layout, nil
	}
	var err error
	layout.Keep, err = r.Filter.For(layout.Source)
	return layout, err
}

// columnName is the name of what Mirror.Differs gives.
func (l *Layout) columnName(i int) string {
	if i < len(l.Source.Columns) {
		return l.Source.Columns[i].Name
	}
	return l.Computed[i-len(l.Source.Columns)]
}

// keeps tells whether the target has this row.
func (l *Layout) keeps(rows *change.Rows, row int) bool { return l.Keep == nil || l.Keep(rows, row) }
