package ferry

import (
	"time"

	"starferry/internal/change"
)

// Route is one source table and the target table its rows go to.
type Route struct {
	Source change.Name
	Target change.Name
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
	// Type is the source type, for columns whose text depends on it (JSON, binary).
	Type     change.Type
	Key      bool
	Nullable bool // at the target
}
