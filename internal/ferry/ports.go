package ferry

import (
	"context"
	"errors"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
)

// Source is where changes come from. The methods may be called from several
// goroutines; errors that a retry may solve are diag.Transient.
type Source interface {
	// Open starts a stream behind from, which is a Resumable position, or Start's
	// answer on a first start.
	Open(ctx context.Context, from change.Position, follow Follow) (Stream, error)
	// Start is where a first stream begins: nothing that is visible at the source
	// after this call is missing from a stream opened there or from a later page.
	Start(ctx context.Context) (change.Position, error)
	// End is the end of the source's log now, as file and offset.
	End(ctx context.Context) (change.Position, error)
}

// Follow says which tables a stream is of.
type Follow struct {
	// Known are the schemas in force where the stream begins.
	Known []*change.Table
	// Gone are tables that were followed and are not there where the stream begins, as they
	// were last, as far as that is known: another one may take the name (change.Replaced).
	Gone []*change.Table
	// Join names the tables to join as soon as the stream can (change.Joined).
	Join []change.Name
}

// Pages is how the tables of a source are read beside its stream.
type Pages interface {
	// ReadPage reads one page of a pass, or the rows of given keys.
	ReadPage(ctx context.Context, request PageRequest) (Page, error)
	// Split finds a key of the table about in the middle between after and until (nil:
	// open), without reading what is between; nil when there is none, or no cheap way
	// to it.
	Split(ctx context.Context, table *change.Table, after, until *change.Rows) (*change.Rows, error)
	// Busy says why the source is too busy for pages, "" when it is not.
	Busy(ctx context.Context) (reason string, err error)
}

// Stream delivers events in the order of the source's log.
type Stream interface {
	// Ready holds a token when something came that no Take has handed over. Who waits
	// for it has taken before until there was nothing.
	Ready() <-chan struct{}
	// Take hands over events that wait, in order, and none when there are none; they, and
	// the slice, are the taker's until the next Take, and their rows until it releases
	// them. The error that ended the stream comes behind the last events. The stream must
	// be opened again then, at the position of the last Resumable event.
	Take() ([]change.Event, error)
	// Server identifies the server the stream reads from.
	Server() string
	// Barrier says how pages read from this server are kept from being older than
	// what the stream has delivered.
	Barrier() Barrier
	Close() error
}

// Barrier is the low barrier of a server.
type Barrier struct {
	// Name is for people: "consistent snapshot", "gtid", "lock", "window".
	Name string
	// Window is 0 where ReadPage itself waits until its read view holds everything
	// delivered. Where the server offers nothing to wait for, it is how long a commit
	// may be in the log before it is visible: keys touched that long before a page
	// is registered count as touched.
	Window time.Duration
}

// PageRequest asks for the rows of a table behind a key.
type PageRequest struct {
	Table *change.Table
	// After is the key of the last row already read, as the cells of one row in the
	// order of Table.Key; nil to begin.
	After *change.Rows
	// Until is the last key that belongs to the page's span, nil when it is open.
	Until *change.Rows
	// Keys asks for the rows of exactly these keys in place of those between After and
	// Until: one row per key, as the cells of Table.Key. The page is never cut. Rows
	// whose key is equal only under a collation may be among the answer.
	Keys *change.Rows
	// Delivered is everything the stream had delivered when the page was registered:
	// the read view must not be older.
	Delivered change.Position
	// Exact asks for a read view that holds everything delivered where the server
	// offers nothing to wait for (Barrier.Window): a short lock, or ErrNoBarrier.
	Exact bool
	// MaxBytes ends the page; at least one row is read.
	MaxBytes int
	// Into is what the rows may be read into: what it holds is forgotten. nil: into new
	// memory.
	Into *change.Rows
}

// ErrNoBarrier is ReadPage's error when an Exact page cannot be had: the lock is
// not allowed, or a writer does not let go soon enough.
var ErrNoBarrier = errors.New("no lock to be had")

// Page is an answer to a PageRequest.
type Page struct {
	// Rows holds every column of the requested Table in its order. No rows: the
	// table has none behind After. A short page is not the end, unless Last says so.
	Rows *change.Rows
	// Last tells that there are no rows behind these, up to Until.
	Last bool
	// High is the end of the source's log, asked after the rows were read, as file
	// and offset. Set with a SchemaError too.
	High   change.Position
	Server string
}

// SchemaError is ReadPage's error when the table at the source is not, or no
// longer, the one that was asked for: a DDL that the stream may yet deliver.
type SchemaError struct{ Cause error }

func (e *SchemaError) Error() string { return e.Cause.Error() }
func (e *SchemaError) Unwrap() error { return e.Cause }

// Target is where rows go.
type Target interface {
	// Columns describes a target table now, in its order. A column that is there and
	// cannot hold what the source's column of that name holds is an error: which
	// columns are missing, or are only there, is for the caller to judge.
	Columns(ctx context.Context, table change.Name, source *change.Table) ([]TargetColumn, error)
	// AddColumns appends columns for these source columns and returns when
	// the table has them; columns that it has already are left alone. The notes say
	// what the rows that exist do not get; CannotError when rows that exist cannot be
	// given what they need.
	AddColumns(ctx context.Context, table change.Name, columns []change.Column) (notes []string, err error)
	// Reshape changes columns of a target table, each as it is in source behind the
	// change, and returns when the table looks so; what is done already is left alone.
	// did says what was done. CannotError when one of the changes cannot be done: then
	// none was.
	Reshape(ctx context.Context, table change.Name, source *change.Table, changes []Reshape) (did []string, err error)
	// Loads returns what makes and sends the batches of one route.
	Loads(route Route) Loads
	// Settle ends the loads that an earlier process left open under these labels:
	// when it returns none of them will become visible later.
	Settle(ctx context.Context, table change.Name, labels []string) error
}

// TargetColumn is a column of a target table.
type TargetColumn struct {
	Name     string
	Key      bool
	Nullable bool
	// Computed: the target computes it inside a load, from the source columns Inputs.
	Computed bool
	Inputs   []string
	Default  bool // it has one
	// Narrow: of a merged target, which must be changed before it takes every value of the
	// source's column of that name, and can be.
	Narrow bool
	// Base is a kind of the source's values that a load holds as this column's, where that
	// makes a difference (JSON, binary).
	Base change.Base
}

// Loads makes and sends the batches of one target table.
type Loads interface {
	// NewBatch begins a batch in the narrowest form that carries the given row.
	// Layout and form stay as they are for the whole batch.
	NewBatch(layout *Layout, rows *change.Rows, row int) Batch
	// NewBatchIn begins a batch in the given form.
	NewBatchIn(layout *Layout, form Form) Batch
	// Continue has a batch that was begun for another shard of the same target go on with
	// rows of this layout. False: loads of the two have not the same columns.
	Continue(batch Batch, layout *Layout) bool
	// Send loads a batch and returns when its rows are visible. The same batch may
	// be sent again under the same label after an error with Outcome unknown; never
	// may another batch be sent under a label that was used.
	Send(ctx context.Context, label string, batch Batch) error
	// Append loads a batch into an open transaction. All batches of a transaction must be
	// of the same layout and form (see Batch.Form). A Transient error means that the
	// transaction is as it was: the batch may be appended again. LostError, RefusedError
	// and TableError mean that the transaction is gone.
	Append(ctx context.Context, label checkpoint.Label, batch Batch) error
}

// Batch is rows on their way: already the bytes of a load.
type Batch interface {
	// Add appends an upsert or a delete of row number row. False means that the form
	// of this batch cannot carry the row: nothing was added, the batch must be sent
	// and another begun. An error means that no form can: nothing was added.
	Add(op Op, rows *change.Rows, row int) (bool, error)
	Rows() int
	Bytes() int
	// Split halves a batch of two rows or more, in order. The batch itself must not be
	// used any more.
	Split() (first, second Batch)
	// Read gives back a row, as cells of the columns of Layout.
	Read(row int) (Op, *change.Rows, error)
	Layout() *Layout
	Form() Form
}

// Form is how the rows of a batch are written. A greater one carries everything that a
// lesser one does.
type Form uint8

// Op is what a row of a batch does at the target.
type Op uint8

const (
	Upsert Op = iota
	Delete
)

func (o Op) String() string { return [...]string{"upsert", "delete"}[o] }

// AbortedError is Send's error when the load is certain not to be visible, now or
// later, under the label it was sent with: it may be sent under a new one. Any
// other error leaves the outcome open.
type AbortedError struct {
	Cause error
	// Busy: the target has too much to do; fewer loads would help.
	Busy bool
}

func (e *AbortedError) Error() string { return e.Cause.Error() }
func (e *AbortedError) Unwrap() error { return e.Cause }

// RefusedError is the error of a batch with rows that the target refuses, and will
// refuse again: under another label, in other company. The load is certain not to be
// visible.
type RefusedError struct{ Cause error }

func (e *RefusedError) Error() string { return e.Cause.Error() }
func (e *RefusedError) Unwrap() error { return e.Cause }

// TableError is an error of source or target that concerns one table alone: it is
// dropped there, or not open to this user. The other tables go on without it.
type TableError struct{ Cause error }

func (e *TableError) Error() string { return e.Cause.Error() }
func (e *TableError) Unwrap() error { return e.Cause }

// Journal keeps what must survive a crash.
type Journal interface {
	// Save makes a checkpoint durable. Labels noted before it are forgotten, except
	// those the checkpoint itself lists as open.
	Save(c *checkpoint.Checkpoint) error
	// Settled says that the transactions of a saved checkpoint (Prepared) are committed: it
	// holds.
	Settled(epoch uint64) error
	// Note makes labels durable before the loads that use them begin.
	Note(labels []checkpoint.Label) error
	// Letter writes down a row that the target refused; Save makes it durable.
	Letter(letter *checkpoint.Letter) error
}
