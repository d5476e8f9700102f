// Package checkpoint is the record of an epoch: what a restart needs, how it is
// written so that a crash at any moment leaves a readable one, and how to look at it.
package checkpoint

import (
	"time"

	"starferry/internal/change"
)

// Checkpoint is everything a restart needs: up to Position every row is visible at
// the target, and the pages a copy had emitted by then.
type Checkpoint struct {
	Epoch    uint64
	Position change.Position
	Server   string
	Tables   []TableState
	// Open are the loads that were under way when the checkpoint was made: their
	// rows lie behind Position.
	Open []Label
	// Prepared are transactions that hold what came before Position and were ready to be
	// committed when the checkpoint was made: it holds only if all of them are. Empty in
	// at-least-once.
	Prepared []Label
	// Exact tells that nothing from behind Position was visible at the target when the
	// checkpoint was made.
	Exact bool
}

// Label is a load that may be under way: what a restart must settle before it
// loads anything itself.
type Label struct {
	Table change.Name // the target table; without Table.Table all of the database
	Label string
}

// TableState is how far one followed table had come at a checkpoint.
type TableState struct {
	Name change.Name
	// Target is the table its rows went to; zero when an older version wrote it.
	Target change.Name
	// Table is the schema in force at the checkpoint's position; nil while the table
	// had not joined.
	Table *change.Table
	// Seen is the schema of the last row that was loaded, which the next row's is
	// compared with; nil when an older version wrote it.
	Seen *change.Table
	// Added are columns of Table that no row has brought to the target yet, as they
	// were when they were added: their default then is what the source gave its rows.
	Added []change.Column
	// Kept are lower-case names of columns of the target that Seen does not have: an earlier
	// schema had them, or somebody made them.
	Kept []string
	Copy CopyState
	// Check is a comparison under way; nil when there is none.
	Check *CheckState
	// ShadowOf is the target whose place Target is to take, and Identity what a shadow is
	// known by; zero for an ordinary table.
	ShadowOf change.Name
	Identity string
	// Stopped says that the table is not followed any more, and why; nil while it is.
	Stopped *Stop
}

// Stop is why one table is not followed any more while the others are.
type Stop struct {
	At time.Time
	// Position is the last place up to which every row of the table had become visible
	// at the target.
	Position change.Position
	Code     string // of the problem, such as SF5005
	Reason   string
	Fix      string
}

// CopyState is the progress of a copy.
type CopyState struct {
	Done bool
	Rows uint64
	// Spans are the parts of the key range that are not copied yet; none before the
	// first page, which is the whole range.
	Spans []Span
	// Wipe tells that the target is to be emptied before anything is copied.
	Wipe bool
	// Partial tells that nothing was copied: the target has only what changed since a place
	// of the log that somebody named.
	Partial bool
}

// Span is what lies behind After, up to and with Until: keys of rows, one row each as
// the cells of Table.Key; nil is open.
type Span struct {
	After, Until *change.Rows
}

// CheckState is the progress of a comparison with the target, and what it found.
type CheckState struct {
	Repair bool
	Reason string // why it was begun, for people
	// Again tells that rows changed since which it has not seen: another follows it.
	Again bool
	// Forwards tells that every row of the source was compared; until then Spans are
	// the parts that were not, none for all.
	Forwards bool
	Spans    []Span
	// After is the last key of the target that was looked for at the source.
	After *change.Rows
	// Doubts are the keys that are to be looked at again.
	Doubts *change.Rows

	Compared                        uint64 // rows of the source that the target is to have
	Missing, Different, Superfluous uint64 // rows of the target
	// Undecided rows changed whenever they were looked at.
	Undecided uint64
	Keys      uint64 // of the target that were looked for at the source
	// Examples are the first differences.
	Examples []Difference
}

// Difference is one row that is not the same on both sides.
type Difference struct {
	Kind   DifferenceKind
	Key    string // for people: id="4410021"
	Column string // the first that differs
}

// DifferenceKind says how.
type DifferenceKind string

const (
	Missing     DifferenceKind = "missing"     // at the target
	Different   DifferenceKind = "different"   // in at least one column
	Superfluous DifferenceKind = "superfluous" // at the target
)

// Differences is the number of rows that are not the same on both sides.
func (s *CheckState) Differences() uint64 { return s.Missing + s.Different + s.Superfluous }
