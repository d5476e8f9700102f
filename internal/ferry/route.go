package ferry

import (
	"strings"
	"time"

	"starferry/internal/change"
)

// Route is one source table and the target table its rows go to.
type Route struct {
	Source change.Name
	Target change.Name
	// Merged: other routes may have the same Target; see MergedColumns.
	Merged bool
	// ShadowOf is the target whose place Target is to take, with its options; zero when
	// Target is the place.
	ShadowOf change.Name
	// A batch is sent when it is this old, this large, or has this many rows.
	Interval time.Duration
	MaxBytes int
	MaxRows  int
	// LabelPrefix begins every label of the route; "" for none.
	LabelPrefix string
	OnBadRow    OnBadRow
	Schema      SchemaPolicy
	// LeftOut are source columns that the target does not have.
	LeftOut []string
	// Filter chooses the rows that the target has; nil: all.
	Filter Filter
}

// Layout says how a row of one version of the source table becomes a row of the
// target table.
type Layout struct {
	Source  *change.Table
	Columns []LayoutColumn
	// Computed are the target's columns that it computes inside a load.
	Computed []string
	// KeyInputs are the source columns that decide the key of a row at the target: those of
	// its own key, and those that parts of the target's key are computed from.
	KeyInputs []int
	// Keep tells the rows that the target has; nil: all.
	Keep func(rows *change.Rows, row int) bool
}

// LayoutColumn is one target column of a load.
type LayoutColumn struct {
	Name string
	// From is the source column that fills it, or -1 for an explicit NULL: a column
	// that was dropped at the source is kept at the target, and a load that left it
	// out would write its default.
	From int
	// Constant fills it in every row, where it is not nil: From is -1 then.
	Constant []byte
	// Type is the source type, for columns whose text depends on it (JSON, binary); of a
	// column that nothing at the source fills, the TargetColumn's Base.
	Type     change.Type
	Key      bool
	Nullable bool // at the target
}

// MergedColumns are the columns of a merged target that say which source table a row is
// of: its database and its name. They are the first of the target and of its key.
var MergedColumns = [2]string{"_db_name", "_table_name"}

// constant is what fills a column in every row of the route, nil when nothing does.
func (r *Route) constant(column string) []byte {
	switch {
	case !r.Merged:
	case strings.EqualFold(column, MergedColumns[0]):
		return []byte(r.Source.Database)
	case strings.EqualFold(column, MergedColumns[1]):
		return []byte(r.Source.Table)
	}
	return nil
}
