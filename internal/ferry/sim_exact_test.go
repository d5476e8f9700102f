package ferry

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
)

// The simulated target in exactly-once.

const simDeployment = "d"

type simTransactions struct {
	exact  bool
	inside bool
	opened map[string]*simTransaction
	ledger map[simLedgerKey]LedgerEntry
	where  func() uint64                     // the loop's place
	held   map[string]*checkpoint.Checkpoint // by label, what has it prepared
	shown  map[change.Name]*simShown
}

type simLedgerKey struct{ database, deployment string }

type simTransaction struct {
	label   checkpoint.Label
	state   TransactionState
	batches []*simBatch
	entry   *LedgerEntry
}

// String is for whoever reads a history.
func (x *simTransaction) String() string {
	text := "visible: " + x.label.Label
	for _, b := range x.batches {
		text += " " + b.name.String()
		for _, op := range b.ops {
			text += fmt.Sprintf(" %s %s=%s", op.op, op.row["id"], op.row["v"])
		}
	}
	return text
}

// watch has the oracle look at everything that becomes visible.
func (s *simulation) watch() {
	t := s.target
	t.exact, t.inside = s.delivery != AtLeastOnce, s.delivery == PositionInside
	t.opened, t.ledger, t.shown = map[string]*simTransaction{}, map[simLedgerKey]LedgerEntry{}, map[change.Name]*simShown{}
	t.where = func() uint64 { return max(simPlace(s.loop.position), simPlace(s.loop.resume.position)) }
	t.held = map[string]*checkpoint.Checkpoint{}
	s.source.changed = t.changed
	for _, table := range s.source.tables {
		t.shown[table.name] = &simShown{joined: math.MaxUint64}
	}
}

// promise is told that a checkpoint names a transaction.
func (t *simTarget) promise(label string, c *checkpoint.Checkpoint) {
	if t.held[label] == nil {
		t.held[label] = c
	}
}

// pause lets things happen while somebody waits.
func (s *simulation) pause(context.Context, time.Duration) error {
	s.source.passTime(500 * time.Millisecond)
	s.target.arrive()
	return nil
}

func (t *simTarget) Begin(_ context.Context, label checkpoint.Label) error {
	if _, known := t.opened[label.Label]; known {
		t.violate("label %s is used twice", label.Label)
	}
	x := &simTransaction{label: label}
	t.opened[label.Label] = x
	switch n := t.rng.IntN(100); {
	case n < 80:
		x.state = TransactionOpen
		return nil
	case n < 90:
		x.state = TransactionOpen // the answer is lost
	}
	return errSimLost
}

func (s *simLoads) Append(_ context.Context, label checkpoint.Label, batch Batch) error {
	t, b := s.target, batch.(*simBatch)
	x := t.opened[label.Label]
	if x == nil || x.state != TransactionOpen {
		return &LostError{Cause: errSimLost}
	}
	if len(b.ops) == 0 {
		t.violate("an empty load into %s", b.name)
	}
	if t.tables[b.name] == nil { // a shadow that was dropped
		x.state = TransactionAborted
		return &TableError{errSimRefused}
	}
	for _, earlier := range x.batches {
		if earlier.name != b.name {
			continue
		}
		if earlier.form != b.form {
			t.violate("loads of two forms in one transaction of %s", b.name)
		}
		if !slices.EqualFunc(earlier.layout.Columns, b.layout.Columns, func(a, b LayoutColumn) bool { return a.Name == b.Name }) {
			x.state = TransactionAborted
			return &LostError{Cause: errSimLost}
		}
	}
	switch n := t.rng.IntN(400); {
	case n < 370:
		x.batches = append(x.batches, b)
		return nil
	case n < 396:
		return errSimLost
	case n < 398:
		if t.source.quiet { // the more there is to do again, the less likely it would ever be done
			return errSimLost
		}
		x.batches = append(x.batches, b) // nobody knows
		return &LostError{Cause: errSimLost}
	}
	if t.source.quiet {
		return errSimLost
	}
	x.state = TransactionAborted
	return &LostError{Cause: errSimLost}
}

func (t *simTarget) Prepare(_ context.Context, label checkpoint.Label) error {
	x := t.opened[label.Label]
	switch {
	case x == nil || x.state == TransactionAborted || x.state == TransactionUnknown:
		return &LostError{Cause: errSimLost}
	case x.state != TransactionOpen:
		return nil
	case len(x.batches) == 0:
		t.violate("a transaction of %s is prepared with nothing in it", label.Table)
	case slices.ContainsFunc(x.batches, (*simBatch).refused):
		x.state = TransactionAborted
		return &RefusedError{errSimRefused}
	}
	switch n := t.rng.IntN(100); {
	case n < 85:
		x.state = TransactionPrepared
		return nil
	case n < 91:
		x.state = TransactionPrepared
		return errSimLost
	case n < 97:
		return errSimLost
	}
	x.state = TransactionAborted
	return &LostError{Cause: errSimLost}
}

func (t *simTarget) Commit(_ context.Context, label checkpoint.Label) error {
	x := t.opened[label.Label]
	switch {
	case x == nil || x.state == TransactionUnknown || x.state == TransactionAborted:
		return &LostError{Cause: errSimLost}
	case x.state == TransactionVisible:
		return nil
	case x.state == TransactionOpen && label.Table.Table != "":
		t.violate("a transaction of %s is committed that is not prepared", label.Table)
	case x.state == TransactionCommitted:
		if t.rng.IntN(2) == 0 {
			return errSimLost
		}
		t.show(x)
		return nil
	}
	switch n := t.rng.IntN(100); {
	case n < 75:
		t.show(x)
		return nil
	case n < 82:
		t.show(x)
		return errSimLost
	case n < 90:
		x.state = TransactionCommitted
		return errSimLost
	case n < 94:
		t.late = append(t.late, simLate{label: label.Label})
		return errSimLost
	case n < 98:
		return errSimLost
	}
	x.state = TransactionAborted
	return &LostError{Cause: errSimLost}
}

func (t *simTarget) State(_ context.Context, label checkpoint.Label) (TransactionState, error) {
	if t.rng.IntN(8) == 0 {
		return 0, errSimLost
	}
	x := t.opened[label.Label]
	switch {
	case x == nil:
		return TransactionUnknown, nil
	case (x.state == TransactionVisible || x.state == TransactionAborted) && t.rng.IntN(6) == 0:
		return TransactionUnknown, nil // forgotten, for there were so many since
	}
	return x.state, nil
}

func (t *simTarget) Ready(context.Context, string) error { return nil }

func (t *simTarget) Write(_ context.Context, label checkpoint.Label, entry LedgerEntry) error {
	x := t.opened[label.Label]
	if x == nil || x.state != TransactionOpen || t.rng.IntN(40) == 0 {
		return &LostError{Cause: errSimLost}
	}
	if t.rng.IntN(15) > 0 {
		x.entry = &entry
		return nil
	}
	return errSimLost
}

func (t *simTarget) Read(_ context.Context, database, deployment string) (*LedgerEntry, error) {
	if t.rng.IntN(10) == 0 {
		return nil, errSimLost
	}
	entry, known := t.ledger[simLedgerKey{database, deployment}]
	if !known {
		return nil, nil
	}
	return &entry, nil
}

// endTransaction ends a transaction, when it is one.
func (t *simTarget) endTransaction(label string) error {
	x := t.opened[label]
	if x == nil {
		return nil
	}
	if t.exact && t.rng.IntN(8) == 0 {
		return errSimLost
	}
	for range t.rng.IntN(4) {
		t.arrive() // what was sent before
	}
	switch x.state {
	case TransactionCommitted:
		t.show(x)
		t.mayReplay()
	case TransactionOpen, TransactionPrepared, TransactionUnknown:
		x.state = TransactionAborted
	}
	return nil
}

// lateCommits has commits arrive later that a process had sent before it ended.
func (t *simTarget) lateCommits(l *loop) {
	c := l.exact.closing
	if c == nil || c.phase != committing {
		return
	}
	for _, x := range l.exact.open {
		if x.asking && t.rng.IntN(2) == 0 {
			t.late = append(t.late, simLate{label: x.label.Label})
		}
	}
}

func (t *simTarget) lateCommit(label string) {
	x := t.opened[label]
	if x != nil && (x.state == TransactionPrepared || x.state == TransactionOpen && t.inside) {
		t.show(x)
		t.mayReplay() // the ferry has gone back since, if it has
	}
}

// mishap ends transactions that nobody has asked to end: a backend forgets them, or the
// time of a prepared one is up.
func (t *simTarget) mishap() {
	if !t.exact || t.source.quiet || t.rng.IntN(20) > 0 {
		return
	}
	forgets := t.rng.IntN(3) > 0
	for _, label := range sortedKeys(t.opened) {
		x := t.opened[label]
		if forgets && x.state == TransactionOpen || !forgets && x.state == TransactionPrepared && t.rng.IntN(2) == 0 {
			x.state = TransactionAborted
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// exactWorld is a world of exactly-once, in both ways by turns.
func exactWorld(world simBreak) func(seed uint64) simBreak {
	return func(seed uint64) simBreak {
		world.delivery = TwoPhase + Delivery(seed%2)
		return world
	}
}

// TestSimulatedExactlyOnce plays 10,000 histories of both ways.
func TestSimulatedExactlyOnce(t *testing.T) {
	t.Parallel()
	playAll(t, 10_000, exactWorld(simBreak{}))
}

// TestSimulatedExactlyOnceRefusals: rows and whole tables are refused; the others come out
// right.
func TestSimulatedExactlyOnceRefusals(t *testing.T) {
	t.Parallel()
	playAll(t, 1500, exactWorld(simBreak{refusals: true}))
}

// TestSimulatedExactlyOnceUnreadable: statements cannot be read, as in TestSimulatedUnreadable.
func TestSimulatedExactlyOnceUnreadable(t *testing.T) {
	t.Parallel()
	playAll(t, 1500, exactWorld(simBreak{hidden: true}))
}
