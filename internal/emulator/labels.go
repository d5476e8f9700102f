package emulator

import (
	"regexp"
	"slices"
	"sync"
	"time"
)

type txnState uint8

const (
	txnUnknown txnState = iota
	txnPrepare
	txnPrepared
	txnCommitted
	txnVisible
	txnAborted
)

func (s txnState) String() string {
	return [...]string{"UNKNOWN", "PREPARE", "PREPARED", "COMMITTED", "VISIBLE", "ABORTED"}[s]
}

func (s txnState) finished() bool { return s == txnVisible || s == txnAborted }

// transaction is one load transaction. The fields after book are guarded by book.mu.
type transaction struct {
	id    int64
	label string
	table string
	user  string
	kind  string // STREAM_LOAD or INSERT
	begun time.Time
	book  *labelBook

	state     txnState
	reason    string
	committed time.Time
	ended     time.Time
	counts    loadCounts
	visible   chan struct{} // closed when visible
	log       string        // what was wrong with its rows

	// Of merged loads.
	aborted    chan struct{} // closed when aborted; nil of every other kind
	window     time.Duration
	properties string // JSON

	// Of transactions that are begun, loaded and committed by separate requests.
	twoPhase        bool
	dbName          string
	tables          []string // of a multi-table transaction
	timeout         time.Duration
	preparedTimeout time.Duration
	prepared        time.Time
	parts           []txnPart // the data of a prepared one
}

// labelBook is the transaction manager of one database: what a label stands for, until
// it is forgotten by age or by number.
type labelBook struct {
	db      int64 // id of the database
	mu      sync.Mutex
	byLabel map[string][]*transaction // oldest first; all but the last were aborted
	order   []*transaction
	running int
}

func newLabelBook(db int64) *labelBook {
	return &labelBook{db: db, byLabel: map[string][]*transaction{}}
}

var labelForm = regexp.MustCompile(`^[-\w]{1,128}$`)

// errLabelUsed says that a label stands for a transaction that was not aborted.
type errLabelUsed struct {
	label   string
	running bool
}

func (e *errLabelUsed) Error() string { return "Label [" + e.label + "] has already been used." }

// begin starts a transaction; only the label of aborted ones is free.
func (b *labelBook) begin(tx *transaction, limit int) error {
	if !labelForm.MatchString(tx.label) {
		return ddlError("Label format error. regex: %s, label: %s", labelForm, tx.label)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if old := b.latest(tx.label); old != nil && old.state != txnAborted {
		return &errLabelUsed{label: tx.label, running: old.state == txnPrepare || old.state == txnPrepared}
	}
	if b.running >= limit {
		return ddlError("current running txns on db %d is %d, larger than limit %d", b.db, b.running, limit)
	}
	b.running++
	tx.book, tx.state, tx.visible = b, txnPrepare, make(chan struct{})
	if tx.begun.IsZero() {
		tx.begun = time.Now()
	}
	b.byLabel[tx.label] = append(b.byLabel[tx.label], tx)
	b.order = append(b.order, tx)
	return nil
}

func (b *labelBook) latest(label string) *transaction {
	all := b.byLabel[label]
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

// state is the state of the latest transaction of a label, with the reason of an abort.
func (b *labelBook) state(label string) (txnState, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if tx := b.latest(label); tx != nil {
		return tx.state, tx.reason
	}
	return txnUnknown, ""
}

// abort ends a transaction that is not committed; it reports whether it did.
func (tx *transaction) abort(reason string) bool {
	tx.book.mu.Lock()
	defer tx.book.mu.Unlock()
	return tx.abortFrom(reason, txnPrepare, txnPrepared)
}

// abortFrom is abort from one of the given states; the caller holds the book's lock.
func (tx *transaction) abortFrom(reason string, states ...txnState) bool {
	if !slices.Contains(states, tx.state) {
		return false
	}
	tx.state, tx.reason, tx.ended, tx.parts = txnAborted, reason, time.Now(), nil
	tx.book.running--
	if tx.aborted != nil {
		close(tx.aborted)
	}
	return true
}

// toCommitted passes the point of no return; the error is the reason of an abort that
// came first.
func (tx *transaction) toCommitted(counts loadCounts) error {
	tx.book.mu.Lock()
	defer tx.book.mu.Unlock()
	if tx.state != txnPrepare && tx.state != txnPrepared {
		return tx.alreadyAborted()
	}
	tx.state, tx.committed, tx.counts = txnCommitted, time.Now(), counts
	return nil
}

// uncommit aborts a transaction whose commit could not be written down.
func (tx *transaction) uncommit(reason string) {
	tx.book.mu.Lock()
	defer tx.book.mu.Unlock()
	tx.state, tx.reason, tx.ended = txnAborted, reason, time.Now()
	tx.book.running--
}

func (tx *transaction) toVisible() {
	tx.book.mu.Lock()
	tx.state, tx.ended, tx.parts = txnVisible, time.Now(), nil
	tx.book.running--
	tx.book.mu.Unlock()
	close(tx.visible)
}

// cancel aborts what runs under a label, as _cancel does; what is prepared stays.
func (b *labelBook) cancel(label string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch tx := b.latest(label); {
	case tx == nil:
		return ddlError("transaction not found, label=%s", label)
	case !tx.abortFrom("user cancel", txnPrepare):
		return ddlError("running transaction not found, label=%s", label)
	}
	return nil
}

// clean forgets finished transactions older than keep, and then the oldest beyond
// keepNum whatever their age.
func (b *labelBook) clean(keep time.Duration, keepNum int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	finished := 0
	for _, tx := range b.order {
		if tx.state.finished() {
			finished++
		}
	}
	kept := b.order[:0:0]
	for _, tx := range b.order {
		if tx.state.finished() && (finished > keepNum || time.Since(tx.ended) > keep) {
			finished--
			b.forget(tx)
			continue
		}
		kept = append(kept, tx)
	}
	b.order = kept
}

func (b *labelBook) forget(tx *transaction) {
	all := b.byLabel[tx.label]
	for i, x := range all {
		if x == tx {
			all = append(all[:i:i], all[i+1:]...)
			break
		}
	}
	if len(all) == 0 {
		delete(b.byLabel, tx.label)
		return
	}
	b.byLabel[tx.label] = all
}

// restore remembers a visible transaction of the journal.
func (b *labelBook) restore(tx *transaction, begun time.Time, counts loadCounts) {
	b.mu.Lock()
	defer b.mu.Unlock()
	tx.book, tx.state, tx.visible, tx.counts = b, txnVisible, make(chan struct{}), counts
	tx.begun, tx.committed, tx.ended = begun, begun, begun
	close(tx.visible)
	b.byLabel[tx.label] = append(b.byLabel[tx.label], tx)
	b.order = append(b.order, tx)
}

// list is every transaction remembered, oldest first, as copies.
func (b *labelBook) list() []transaction {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]transaction, len(b.order))
	for i, tx := range b.order {
		out[i] = *tx
	}
	return out
}
