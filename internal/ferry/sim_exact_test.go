package ferry

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
)

// The simulated target in exactly-once, and the oracle: at every visible moment a table is
// the source's at one place P between two transactions, and P never goes back.

type simTransactions struct {
	exact  bool
	inside bool
	opened map[string]*simTransaction
	ledger map[string]LedgerEntry // by database
	where  func() uint64          // the loop's place
	held   func(label string) *checkpoint.Checkpoint
	strict bool // the oracle's: nothing but row events changes rows
	shown  map[change.Name]*simShown
}

// simShown is what the oracle knows of a table.
type simShown struct {
	place  uint64               // the least that it may be at
	copied checkpoint.CopyState // what the checkpoint says whose rows are visible
	joined uint64               // changes up to there come by copy
}

type simTransaction struct {
	label   checkpoint.Label
	state   TransactionState
	batches []*simBatch
	entry   *LedgerEntry
}

// watch has the oracle look at everything that becomes visible.
func (s *simulation) watch() {
	t := s.target
	t.exact, t.inside = s.delivery != AtLeastOnce, s.delivery == PositionInside
	t.opened, t.ledger, t.shown = map[string]*simTransaction{}, map[string]LedgerEntry{}, map[change.Name]*simShown{}
	t.where = func() uint64 { return max(s.loop.position.Offset, s.loop.resume.position.Offset) }
	t.held = func(label string) *checkpoint.Checkpoint { return s.journal.promise[label] }
	t.strict = t.exact && !s.source.rowless && !s.damages && !s.source.poison && !s.source.hidden
	for _, table := range s.source.tables {
		t.shown[table.name] = &simShown{joined: math.MaxUint64}
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
	case x.state == TransactionOpen && !t.inside:
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

func (t *simTarget) Read(_ context.Context, database, _ string) (*LedgerEntry, error) {
	if t.rng.IntN(10) == 0 {
		return nil, errSimLost
	}
	entry, known := t.ledger[database]
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

// show makes a transaction visible, at one instant: of several changes of a row only the
// last is ever seen.
func (t *simTarget) show(x *simTransaction) {
	x.state = TransactionVisible
	c := t.held(x.label.Label)
	if c == nil {
		t.violate("a transaction of %s is visible that no checkpoint holds", x.label.Table)
		return
	}
	byTable := map[change.Name][]*simBatch{}
	var names []change.Name
	for _, b := range x.batches {
		if byTable[b.name] == nil {
			names = append(names, b.name)
		}
		byTable[b.name] = append(byTable[b.name], b)
	}
	for _, name := range names {
		batches := byTable[name]
		last := map[string]int{}
		var ops []simOp
		for _, b := range batches {
			for _, op := range b.ops {
				if at, ok := last[op.row["id"]]; ok {
					ops[at] = op
					continue
				}
				last[op.row["id"]] = len(ops)
				ops = append(ops, op)
			}
		}
		t.apply(batches[0], ops)
		t.checkpointed(name, c)
	}
	if x.entry != nil {
		t.ledger[x.label.Table.Database] = *x.entry
	}
	if t.inside {
		for _, table := range t.source.tables {
			t.checkpointed(table.name, c)
		}
	}
	t.look(names...)
}

// checkpointed says which checkpoint's rows a table shows.
func (t *simTarget) checkpointed(name change.Name, c *checkpoint.Checkpoint) {
	if t.shown[name] == nil {
		return // a shadow
	}
	for i := range c.Tables {
		if s := &c.Tables[i]; s.Target == name {
			t.shown[name].copied = s.Copy
			if t.shown[name].joined == math.MaxUint64 && s.Table != nil {
				t.shown[name].joined = c.Position.Offset // or before
			}
		}
	}
}

// emptied is told that a table was emptied, to be copied anew.
func (t *simTarget) emptied(name change.Name) {
	if shown := t.shown[name]; shown != nil && t.exact {
		shown.copied, shown.joined = checkpoint.CopyState{}, t.where()
	}
}

// replaced is told that a shadow, which is complete, has taken a table's place.
func (t *simTarget) replaced(name change.Name) {
	if shown := t.shown[name]; shown != nil && t.exact {
		shown.copied = checkpoint.CopyState{Done: true}
		t.look(name)
	}
}

// look finds the places of the source that the tables may be at.
func (t *simTarget) look(names ...change.Name) {
	if !t.strict || t.violation != nil {
		return
	}
	if t.inside {
		names = names[:0]
		for _, table := range t.source.tables {
			names = append(names, table.name)
		}
	}
	from := uint64(0)
	for _, name := range names {
		if shown := t.shown[name]; shown != nil {
			from = max(from, shown.place)
		}
	}
	for _, entry := range append([]simEntry{{end: from}}, t.source.log...) {
		if entry.end < from {
			continue
		}
		if t.inside {
			if why := t.differs(entry.end, names); why == "" {
				t.placed(entry.end, names)
				return
			}
			continue
		}
		if names = slices.DeleteFunc(names, func(name change.Name) bool {
			shown := t.shown[name]
			if shown == nil || entry.end >= shown.place && t.differs(entry.end, []change.Name{name}) == "" {
				t.placed(entry.end, []change.Name{name})
				return true
			}
			return false
		}); len(names) == 0 {
			return
		}
	}
	t.violate("%v show a state that the source did not have at %d or later: at %d %s; at the end %s", names, from, from, t.differs(from, names), t.differs(t.source.end().Offset, names))
}

func (t *simTarget) placed(place uint64, names []change.Name) {
	for _, name := range names {
		if shown := t.shown[name]; shown != nil {
			shown.place = place
		}
	}
}

// differs says why the tables are not the source's at a place, "" when they are.
func (t *simTarget) differs(place uint64, names []change.Name) string {
	for _, name := range names {
		shown := t.shown[name]
		if shown == nil {
			continue
		}
		seqs, since := t.source.stateAt(name, place)
		rows := t.tables[name].rows
		for n := range 30 {
			key := fmt.Sprintf("k%02d", n)
			got := 0
			if row := rows[key]; row != nil {
				got, _ = strconv.Atoi(row["v"])
			}
			want := seqs[key]
			if got == want || got == 0 && since[key] <= shown.joined && shown.leaves(key) {
				continue
			}
			return fmt.Sprintf("%s of %s is version %d, not %d", key, name, got, want)
		}
	}
	return ""
}

// leaves tells whether a key is not copied yet.
func (s *simShown) leaves(key string) bool {
	if s.copied.Done {
		return false
	}
	for _, span := range s.copied.Spans {
		if (span.After == nil || key > string(span.After.Cell(0, 0))) && (span.Until == nil || key <= string(span.Until.Cell(0, 0))) {
			return true
		}
	}
	return len(s.copied.Spans) == 0
}

// stateAt gives the versions of a table's rows at a place, and where each came to be.
func (s *simSource) stateAt(name change.Name, place uint64) (seqs map[string]int, since map[string]uint64) {
	seqs, since = map[string]int{}, map[string]uint64{}
	for i := range s.log {
		entry := &s.log[i]
		if entry.end > place {
			break
		}
		if entry.txn == nil {
			continue
		}
		for _, c := range entry.txn.changes {
			if c.table.name != name {
				continue
			}
			if c.from != c.key || c.after == nil {
				delete(seqs, c.from)
				since[c.from] = entry.end
			}
			if c.after != nil {
				seqs[c.key], since[c.key] = c.seq, entry.end
			}
		}
	}
	return seqs, since
}

// TestSimulatedExactlyOnce plays 10,000 histories of both ways.
func TestSimulatedExactlyOnce(t *testing.T) {
	t.Parallel()
	first, histories := number(t, "STARFERRY_SIM_FIRST", 0), number(t, "STARFERRY_SIM_HISTORIES", 10_000)
	if seed := number(t, "STARFERRY_SIM_SEED", 0); seed > 0 {
		first, histories = seed, 1
	}
	var played atomic.Uint64
	var players sync.WaitGroup
	for range min(uint64(runtime.GOMAXPROCS(0)), histories) {
		players.Go(func() {
			for n := played.Add(1); n <= histories && !t.Failed(); n = played.Add(1) {
				seed := first + n - 1
				if err := simulate(seed, simBreak{delivery: TwoPhase + Delivery(seed%2)}); err != nil {
					t.Errorf("STARFERRY_SIM_SEED=%d: %v", seed, err)
				}
			}
		})
	}
	players.Wait()
}

// TestSimulatedExactlyOnceRefusals: rows and whole tables are refused, or cannot be read;
// the others come out right.
func TestSimulatedExactlyOnceRefusals(t *testing.T) {
	t.Parallel()
	for seed := range number(t, "STARFERRY_SIM_REFUSALS", 1500) {
		for _, world := range []simBreak{{refusals: true}, {hidden: true}} {
			world.delivery = TwoPhase + Delivery(seed%2)
			if err := simulate(seed, world); err != nil {
				t.Fatalf("seed %d, %v: %v", seed, world, err)
			}
		}
	}
}
