package ferry

import (
	"context"

	"starferry/internal/checkpoint"
)

// Transactions hold what is loaded back until it is committed: exactly-once.
//
// A label names a transaction. With a table it is a transaction of that table alone,
// which can be prepared: from then on it survives until it is committed or its time is
// up. With a database and no table it is one of all tables of the database, which become
// visible at one instant; it cannot be prepared.
//
// An error that is diag.Transient says that nothing happened, or nothing that asking
// again would not find: the same call may be made again. LostError says that the
// transaction is gone with everything in it.
type Transactions interface {
	// Begin opens a transaction under a label that was never used. After an error it may
	// be open all the same: Target.Settle ends it, and another try has another label.
	Begin(ctx context.Context, label checkpoint.Label) error
	// Prepare ends the loads of a table's transaction. RefusedError and TableError say
	// that it is gone because of its rows, or of its table.
	Prepare(ctx context.Context, label checkpoint.Label) error
	// Commit makes a prepared transaction, or an open one of a database, visible, and
	// returns when it is. A database's may be refused as a table's is at Prepare; behind
	// its LostError, Target.Settle makes sure that no late commit comes through.
	Commit(ctx context.Context, label checkpoint.Label) error
	// State asks what has become of a transaction.
	State(ctx context.Context, label checkpoint.Label) (TransactionState, error)
}

// TransactionState is what has become of a transaction.
type TransactionState uint8

const (
	// TransactionUnknown: the target has no such label, or has forgotten it.
	TransactionUnknown TransactionState = iota
	TransactionOpen
	TransactionPrepared
	// TransactionCommitted will become visible, and nothing can keep it from it.
	TransactionCommitted
	TransactionVisible
	TransactionAborted
)

func (s TransactionState) String() string {
	return [...]string{"unknown", "open", "prepared", "committed", "visible", "aborted"}[s]
}

// LostError is the error of a transaction that is gone with everything loaded into it,
// or of which nobody can say any more what is in it. What was loaded has to be loaded
// again in another one. Cause is Transient when that may well succeed. Busy: the target
// has too much to do; fewer transactions would help.
type LostError struct {
	Cause error
	Busy  bool
}

func (e *LostError) Error() string { return e.Cause.Error() }
func (e *LostError) Unwrap() error { return e.Cause }

// Ledger is a row per target database and deployment that says how far the database has
// come. It changes in the same transaction as the tables do.
type Ledger interface {
	// Ready creates the table of the rows where it is missing.
	Ready(ctx context.Context, database string) error
	// Write puts the row into an open transaction of the database. Its errors are those
	// of Loads.Append.
	Write(ctx context.Context, label checkpoint.Label, entry LedgerEntry) error
	// Read reads the row as it is visible now at the leader, nil when there is none.
	Read(ctx context.Context, database, deployment string) (*LedgerEntry, error)
}

// LedgerEntry is a row of the ledger.
type LedgerEntry struct {
	Deployment  string
	Incarnation string
	Epoch       uint64
	State       string // opaque here: where to go on from
}
