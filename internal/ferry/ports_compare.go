package ferry

import (
	"context"

	"starferry/internal/change"
)

// Mirror reads a target table back, so that it can be compared with its source and
// mended. Cells of equal values need not have equal bytes on both sides (a target
// may drop the fraction of a time, or order the members of a document), so it is
// Differs that compares.
type Mirror interface {
	// ReadRows reads the rows with these keys: rows hold the cells of Layout.Source's
	// columns in its order (NULL for those that the target lacks), as text that a
	// batch of the layout can carry. at[i] is where the row with key i is in rows, -1
	// where the target has none. keys holds one row per key, as the cells of
	// Layout.Source.Key.
	ReadRows(ctx context.Context, target change.Name, layout *Layout, keys *change.Rows) (rows *change.Rows, at []int, err error)
	// ReadKeys reads the keys behind after, in the target's own order, limit at most,
	// as the cells of Layout.Source.Key in the text the source would give them. No
	// rows: there are none.
	ReadKeys(ctx context.Context, target change.Name, layout *Layout, after *change.Rows, limit int) (*change.Rows, error)
	// Differs returns the first column of Layout.Source whose value differs between a
	// row of the source and one of the target, as ReadRows gives it, or -1. Columns
	// that the target lacks do not count. Behind the columns of the source stand those of
	// Layout.Computed.
	Differs(layout *Layout, source *change.Rows, i int, target *change.Rows, j int) int
}

// Shaper empties and replaces whole target tables.
type Shaper interface {
	// Truncate removes all rows of a table. It may be called again after an error.
	Truncate(ctx context.Context, target change.Name) error
	// CreateShadow creates an empty table to take the target's place, able to hold rows
	// of this schema: like the target where that is, else as the target would be created
	// now. A table of that name that is there already is dropped first.
	CreateShadow(ctx context.Context, shadow, target change.Name, schema *change.Table) error
	// Swap exchanges the names of two tables of one database. After an error it may
	// have happened or not: Identity tells, so that it is not done twice.
	Swap(ctx context.Context, a, b change.Name) error
	// Identity names the table that has this name now. It goes with the table through
	// a Swap and is never used again; "" when there is no such table.
	Identity(ctx context.Context, target change.Name) (string, error)
	// Drop removes a table; that there is none is no error.
	Drop(ctx context.Context, target change.Name) error
}
