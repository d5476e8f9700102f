package change

import "time"

// Kind says what an Event tells.
type Kind uint8

const (
	// Insert: every row of Rows was inserted.
	Insert Kind = iota + 1
	// Update: Rows holds pairs, row 2i before and row 2i+1 after the change.
	Update
	// Delete: every row of Rows was deleted.
	Delete
	// Commit ends a source transaction that had rows of followed tables, or several that
	// come as one: where rows follow a Commit that is not Resumable it may be left out, and
	// rows of the same kind and table may come in one event.
	Commit
	// Progress: the log went on without rows of followed tables. Never inside a
	// transaction.
	Progress
	// Joined: from here on the rows of Table are delivered, decoded with exactly
	// this schema. Sent once for every table that the stream was asked to join,
	// and again after a table of that name was created anew. Always Resumable: a
	// checkpoint must know that a table joined before a row of it is loaded.
	Joined
	// Altered: from here on rows of Table come with this, the next, version.
	Altered
	// Truncated: all rows of Table are gone, and no row event says so.
	Truncated
	// Dropped: the table is gone, or is known under another name that is not followed;
	// or it is not there when it was to join, and Table holds its name alone.
	Dropped
	// Rearranged: partitions of Table were dropped, emptied or exchanged. Rows went or
	// came with them, and no row event says which.
	Rearranged
	// Described: a statement changed rows of Table and was logged as text. Which rows
	// they were is not in the log.
	Described
	// Replaced: from here on rows of Table come with this version. It is another table
	// that took the name, or the same behind a statement that could not be read (Cause):
	// which rows it has now is not in the log.
	Replaced
	// Unreadable: the table's rows cannot be delivered from here on, for the reason in
	// Cause, and are not: nothing more is said of it before a stream is asked to join it.
	// Table may hold the name alone.
	Unreadable
)

// Event is one thing that happened at the source, in the order of its log.
//
// Joined, Altered, Truncated, Dropped, Rearranged, Described and Replaced are never
// delivered inside a source transaction; Unreadable may be.
type Event struct {
	Kind Kind
	// Table is the version of the schema in force for Rows; for Altered, Joined and
	// Replaced the new one; for the others the last.
	Table *Table
	// Rows holds every column of Table in its order (Insert, Update, Delete only).
	Rows *Rows
	// Position is the end of this event in the log (File and Offset only, unless
	// Resumable), of its last row where it has rows of several transactions; so is Time.
	Position Position
	// Resumable tells that no transaction is open at Position, that Position is
	// complete (with GTIDs where the server has them), and that a stream opened
	// there delivers everything after it. Set on Commit and Progress often enough
	// (every 20 ms, and when the log has been read to its end), not on every one, and
	// on every Joined but where others join at the same place (there on the last of them),
	// and on every Altered or Replaced but where its statement did more (there behind all
	// of that), unless a position behind it cannot be asked for.
	Resumable bool
	// Time is when the server says it happened; zero when it does not say.
	Time time.Time
	// Statement is the text of what was done, for people; "" with rows.
	Statement string
	// Cause is why a table is Unreadable, or Replaced by no other; nil otherwise.
	Cause error
}

// HoldRows has the rows, if there are any, stay until ReleaseRows was called once more.
func (e *Event) HoldRows() {
	if e.Rows != nil {
		e.Rows.Hold()
	}
}

// ReleaseRows gives up the rows, if there are any.
func (e *Event) ReleaseRows() {
	if e.Rows != nil {
		e.Rows.Release()
	}
}
