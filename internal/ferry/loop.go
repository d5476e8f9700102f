// Package ferry is the main road: one loop that takes changes from a source, in
// order, and loads them into a target in epochs.
//
// # Invariant
//
// All state belongs to the loop and is touched by one goroutine only. Whatever
// takes time (a load, a page, an ALTER) is an effect: it runs elsewhere, knows
// nothing of the loop's state, and hands back a closure that the loop applies. So
// there is no mutex on the road of a row, and a simulator can drive the very same
// loop one step at a time, choosing by seed what happens next. The alternative,
// a goroutine per table with shared progress, was rejected: its interleavings
// cannot be enumerated, and MySQL's log is one ordered stream anyway.
package ferry

import (
	"context"
	"fmt"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/crashpoint"
)

// Config is what a ferry needs to run.
type Config struct {
	Source  Source
	Pages   Pages
	Target  Target
	Mirror  Mirror // for checks
	Shaper  Shaper
	Journal Journal
	Routes  []Route
	// Delivery says when rows become visible; see epoch.go and closing.go.
	Delivery     Delivery
	Transactions Transactions
	Ledger       Ledger // for PositionInside
	// Recovery is what the journal holds: what to go on from is made of it.
	Recovery checkpoint.Recovery
	// Restored is the checkpoint to go on from; nil on a first start. Run finds it.
	Restored *checkpoint.Checkpoint
	// Floor is a place of the source's log; nothing is committed before the stream has
	// reached it, since the target may show what was there already.
	Floor Floor
	// Unsettled are the loads an earlier process may have left under way.
	Unsettled []checkpoint.Label
	// From is where a first stream begins, as Source.Start says; asked there when it is zero.
	From change.Position
	// Admit is asked when a table has come that no route has; it makes the targets ready.
	// Nil: none is followed.
	Admit func(ctx context.Context, table *change.Table) (Admission, error)
	// Broken are targets of routes that cannot go on, and why: they stop before anything
	// else happens.
	Broken map[change.Name]error
	// Retyped tells that the columns of a table that joined now would have other types than
	// they have in this version, since the options are others; nil: never.
	Retyped func(*change.Table) bool
	// Deployment and Incarnation make labels unique, see nextLabel; Name is the
	// deployment's for people.
	Deployment  string
	Incarnation string
	Name        string
	// Memory bounds batches, loads under way and pages together, in bytes.
	Memory    int
	PageBytes int
	// Parallelism is how many pages may be in flight; at least 1.
	Parallelism int
	// MaxLag is how far the stream may be behind while pages are read; 0: as far as it
	// likes. PageBytesPerSecond bounds what pages read; 0: not at all. WatchBusy asks
	// Pages now and then whether the source is too busy for pages.
	MaxLag              time.Duration
	PageBytesPerSecond  int
	CheckBytesPerSecond int // of pages that are compared, beside
	WatchBusy           bool
	// RowLess says what is done about rows that change without row events.
	RowLess RowLess
	// Cascades are foreign keys whose children are mended when their parents change.
	Cascades []Cascade
	// Jobs are done beside following the tables.
	Jobs <-chan *Job
	// SaveInterval is the least time between two checkpoints in at-least-once. In
	// exactly-once a checkpoint is begun every EpochInterval, but not sooner than
	// EpochPause after the end of the last one, and begun again when it takes longer than
	// EpochTimeout.
	SaveInterval                            time.Duration
	EpochInterval, EpochPause, EpochTimeout time.Duration
	// MaxOpen is how many transactions may be open per target database before an epoch
	// ends early; 0 is 80.
	MaxOpen int
	// UntilCaughtUp ends Run when the end of the source's log as asked at start, and
	// every copy, are visible at the target.
	UntilCaughtUp bool
	// StopTimeout bounds the graceful stop; 0 is 8 s.
	StopTimeout time.Duration
	// Estimates are rough row counts of the source tables, for progress only.
	Estimates map[change.Name]uint64
	// Notify is called for everything notable, from the loop and, before that runs, from
	// several goroutines; it must not block.
	Notify func(Notice)
	// Publish receives a fresh picture of the progress about ten times a second.
	Publish func(*Progress)

	carried carried // from the loop before, see redo.go
	// pause waits before something is asked again that the loop begins with.
	pause func(ctx context.Context, d time.Duration) error
}

// effect is work outside the loop. Its result is applied by the loop.
type effect func(ctx context.Context) (apply func())

// loop owns all state of a running ferry.
type loop struct {
	cfg     Config
	now     time.Time
	tables  map[change.Name][]*table // by their source
	order   []*table
	outlets []*outlet
	laden   []*outlet // those with rows on their way, in the order they got them: few of many

	stream     Stream // nil while none is open
	generation int    // counts streams, so that what belongs to an earlier one is known
	opening    bool
	server     string    // the stream's, or the last one's
	openAfter  time.Time // no new attempt to open before
	openTries  int

	position      change.Position // of the last event processed: file and offset
	upTo          change.Position // the end of the event whose rows are taken, else position
	inTransaction bool            // rows were processed since the last commit
	resume        resumePoint     // the last place a stream could be opened again at
	atResume      bool            // nothing was processed since resume
	unmarked      bool            // a schema has changed since resume
	held          *change.Event   // an event that waits for a schema change at the target
	schemasDue    bool            // no event is taken before schema changes are carried
	caughtUpAt    time.Time       // when the stream was last known to be at the log's end
	lastEventTime time.Time

	passes       []*pass        // under way, in the order they are served
	pages        []*page        // in flight, in the order of their registration
	spare        []*change.Rows // of pages that are done, for those to come
	pace         pace
	checks       []*check
	resyncs      []*resync
	swapping     *resync // no event is taken until it is done
	newcomers    []*newcomer
	notFollowed  map[change.Name]string // newcomers, and why
	siblingsWait bool                   // some table is besides another
	otherServers int                    // pages in a row that came from another server than the stream
	key          []byte                 // of the row at hand

	epoch       uint64         // counts marks; batches belong to the epoch they were begun in
	unacked     map[uint64]int // batches not acknowledged, by epoch
	oldestEpoch uint64         // no epoch before this one has an unacknowledged batch
	marks       []mark         // not settled yet, oldest first
	settled     mark           // the newest mark with everything before it visible
	joinSettled bool           // it is the first that knows some table
	saved       mark           // what the last checkpoint holds
	savedAt     time.Time
	markedAt    time.Time
	states      []checkpoint.TableState // cached for marks, see tableStates; nil after a change
	statesHeld  bool                    // a mark has them
	moved       []*table                // those that are not what states say of them
	until       change.Position         // for UntilCaughtUp

	exact exact // what only exactly-once has

	outboxAt time.Time // when loads were begun last, in at-least-once
	bytes    int       // in batches, loads under way and pages
	labels   uint64
	effects  []effect // begun in this step, for the runner to run

	stopping bool
	done     bool
	err      error

	counts   counts
	sabotage sabotage
}

// resumePoint is a place the stream can be opened again at, with the tables as they
// were there.
type resumePoint struct {
	position change.Position
	states   []checkpoint.TableState
}

// sabotage breaks one rule each. Only the simulator's tests set it, to see that
// they would notice.
type sabotage struct {
	registerInsideTransaction bool
	forgetTouched             bool
	settleBeforeAcknowledged  bool
	freshLabelAfterUnknown    bool
	loadBeforeJoinIsSaved     bool
	compareBeforeVisible      bool
	judgeTouched              bool
	believeFirstLook          bool
	overlookRearranged        bool
	wipeUnknown               bool
	stopOnlyFromHere          bool
	commitBelowFloor          bool
	commitBeforeSaved         bool
	floorForgetsHalf          bool
	epochOverDDL              bool
	labelUsedTwice            bool
	commitUnowned             bool
	joinInsideEpoch           bool
	rewindForgetsEnd          bool
	unfenced                  bool
	floorOfAnyServer          bool
	dropAtOnce                bool
	stopTakesAll              bool
	joinUnsealed              bool
	joinGone                  bool
	forgetUnmarked            bool
}

func newLoop(cfg Config, now time.Time) *loop {
	cfg.Parallelism = max(cfg.Parallelism, 1)
	l := &loop{cfg: cfg, now: now, tables: map[change.Name][]*table{}, unacked: map[uint64]int{}, epoch: 1, oldestEpoch: 1}
	if cfg.Restored != nil {
		l.epoch = cfg.Restored.Epoch + 1
		l.oldestEpoch = l.epoch
		l.resume.position = cfg.Restored.Position
		l.server = cfg.Restored.Server
	}
	for _, route := range cfg.Routes {
		l.restore(l.newTable(route))
	}
	l.carryOn()
	l.lookForDue()
	l.resume.states = l.tableStates()
	l.statesHeld = true
	l.settled = mark{epoch: l.epoch - 1, position: l.resume.position, states: l.resume.states}
	l.saved = l.settled
	return l
}

// begin starts an effect.
func (l *loop) begin(e effect) {
	l.effects = append(l.effects, e)
}

// apply takes the result of an effect. What has gathered while a load was under way is to
// go now, not with the next tick.
func (l *loop) apply(now time.Time, result func()) {
	l.now = now
	result()
	l.flushDue()
	l.advance()
}

// tick lets time pass.
func (l *loop) tick(now time.Time) {
	l.now = now
	l.flushDue()
	l.advance()
}

// advance does everything that the state allows now. It is called after every
// event, result and tick.
func (l *loop) advance() {
	if l.err != nil || l.done {
		return
	}
	if l.exact.redo != nil { // rows are not added any more: nothing may be begun that counts on them
		l.advanceClosing()
		return
	}
	l.openStream()
	l.carrySchemas()
	l.retryHeld()
	l.emitPages()
	l.advanceChecks()
	l.advanceResyncs()
	l.advanceNewcomers()
	l.followSiblings()
	l.registerPages()
	l.relieveMemory()
	if l.isExact() {
		l.endEpoch()
		l.advanceClosing()
	} else {
		l.mark()
		l.settle()
	}
	l.ship()
	l.forgetDrained()
	l.finish()
}

// wants tells whether the loop takes an event now. A page that waits for the stream
// must not be what keeps the stream waiting.
func (l *loop) wants() bool {
	if l.err != nil || l.done || l.stream == nil || l.held != nil || l.schemasDue && !l.unmarked || l.swapping != nil || l.bytes-l.pageBytes() >= l.cfg.Memory {
		return false
	}
	if l.isExact() {
		// An epoch ends behind a whole transaction, also the last one.
		return l.exact.redo == nil && !((l.atResume || l.exact.stays) && (l.stopping || l.exact.mustEnd))
	}
	return !l.stopping
}

// fail ends the ferry with its first error.
func (l *loop) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}

func (l *loop) notify(level Level, subject change.Name, text string) {
	if l.cfg.Notify != nil {
		l.cfg.Notify(Notice{At: l.now, Level: level, Table: subject, Text: text})
	}
}

// stop begins a graceful stop: no more events, everything taken is sent.
func (l *loop) stop(now time.Time) {
	l.now = now
	l.stopping = true
	crashpoint.Here("stop-begins")
	for _, t := range l.order {
		l.dropPages(t)
	}
	l.flushAll()
	l.advance()
}

// giveUp ends a graceful stop that takes too long.
func (l *loop) giveUp() {
	if l.err != nil || l.done {
		return
	}
	l.done = true
	l.sayUnsent()
}

func (l *loop) sayUnsent() {
	l.notify(Warning, change.Name{}, fmt.Sprintf("stopped with rows that are not loaded yet (%d MB): the next start reads them again, from %s", l.bytes>>20, l.saved.position))
}

// finish ends the ferry when it is to end and nothing is left to do.
func (l *loop) finish() {
	if l.err != nil || !(l.stopping || l.caughtUp()) || l.isExact() && l.epochGoesOn() {
		return
	}
	if !l.stopping {
		l.stopping = true
		l.flushAll()
		l.ship()
	}
	// Nothing else is waited for: what a question or an ALTER would have answered, the
	// next start asks again.
	if l.unsettledRows() {
		return
	}
	crashpoint.Here("stop-drained")
	if !l.isExact() {
		l.save()
	}
	l.done = l.err == nil
}

// caughtUp tells whether the end of the log as asked at start, and every copy, are
// visible at the target.
func (l *loop) caughtUp() bool {
	if !l.cfg.UntilCaughtUp || l.stream == nil || l.newcomersWait() || l.settled.generation != l.generation || !l.settled.position.Reached(l.until) {
		return false
	}
	for i := range l.settled.states {
		if s := &l.settled.states[i]; s.Stopped == nil && !l.order[i].absent && (!s.Copy.Done || s.Check != nil) {
			return false
		}
	}
	return len(l.checks)+len(l.resyncs) == 0 && !l.schemasDue
}
