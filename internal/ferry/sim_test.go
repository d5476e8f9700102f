package ferry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
)

// The simulator drives the loop one step at a time. What happens next (a commit at
// the source, an event, an effect that runs, its result, a crash) is drawn from a
// seed, so a history that breaks a promise can be told again: STARFERRY_SIM_SEED=n.

type simulation struct {
	*simProcess
	rng      *rand.Rand
	source   *simSource
	target   *simTarget
	starts   int
	looks    int
	joined   map[change.Name]uint64 // where this deployment's tables joined, for good
	broken   sabotage
	backup   *simJournal // an older state directory
	found    *simJournal // the newest, when another is started on
	older    *simProcess // that still lives
	haunting bool        // it is at work
	haunted  bool        // there was one: it may have taken the stream
	over     bool        // no table is left to follow
	delivery Delivery
	// damages: rows are damaged at the target now and then; a repair must mend them.
	damages bool
}

type simBreak struct {
	delivery                 Delivery
	loop                     sabotage
	noBarrier, markByCounted bool
	overPlaces               bool
	// Not breaks, other worlds: rows are refused, schema changes cannot be read.
	refusals, hidden bool
}

// errSimOver ends a history before its time.
var errSimOver = errors.New("no table is left to follow")

// simulate runs one history and returns the first broken promise.
func simulate(seed uint64, broken simBreak) error {
	err := play(seed, broken)
	if errors.Is(err, errSimOver) {
		return nil
	}
	return err
}

func play(seed uint64, broken simBreak) error {
	rng := rand.New(rand.NewPCG(seed, 0))
	databases, tables := 1, 1+rng.IntN(3)
	if broken.delivery != AtLeastOnce {
		databases = 1 + rng.IntN(2)
		tables += rng.IntN(databases)
	}
	shards, tables := simShards(seed, tables)
	s := &simulation{rng: rng, source: newSimSource(rng, databases, tables, broken.refusals), broken: broken.loop, joined: map[change.Name]uint64{}}
	s.source.rowless = rng.IntN(3) == 0 && !broken.refusals
	s.source.steady, s.damages = rng.IntN(2) == 0 && !broken.hidden, rng.IntN(3) == 0 && !broken.refusals && !broken.hidden
	s.source.hidden = broken.hidden
	s.source.fails = broken.delivery != AtLeastOnce && rng.IntN(3) == 0
	s.source.drops = broken.delivery != AtLeastOnce && !broken.hidden && rng.IntN(4) == 0
	// A second look makes sure, the first must be right.
	s.broken.believeFirstLook = rng.IntN(2) == 0
	s.source.noBarrier, s.source.markByCounted = broken.noBarrier, broken.markByCounted
	s.source.merge(shards)
	s.source.renaming(seed)
	s.source.gathering(seed)
	s.source.overPlaces = broken.overPlaces
	s.damages = s.damages && s.source.names == nil // what joins later is not mended
	s.target = newSimTarget(rng, s.source)
	s.target.copied = func(name change.Name) bool {
		t := s.loop.tables[name][0]
		return t.copy.Done && (t.check == nil || t.check.state.Reason != mendInsteadReason)
	}
	s.target.altered = s.altered
	s.delivery = broken.delivery
	s.simProcess = &simProcess{journal: &simJournal{onSave: s.saved, durable: map[int]bool{}, promise: s.target.promise}}
	s.watch()
	s.start()
	crashes, crashOdds := rng.IntN(5)*rng.IntN(2), 20+rng.IntN(300)
	if rng.IntN(3) == 0 {
		crashes, crashOdds = 1+rng.IntN(5), 5+rng.IntN(20)
	}
	for step := range 200 + rng.IntN(300)*rng.IntN(6) {
		s.source.rename()
		if err := s.step(); err != nil {
			return fmt.Errorf("step %d: %w", step, err)
		}
		s.mayVerify()
		s.mayBackUp()
		s.meanwhile()
		if s.target.swapped && rng.IntN(3) == 0 {
			s.crash() // before a checkpoint may know of it
		}
		s.target.swapped = false
		if crashes > 0 && rng.IntN(crashOdds) == 0 {
			crashes--
			if rng.IntN(4) == 0 {
				if err := s.stop(); err != nil {
					return fmt.Errorf("step %d: %w", step, err)
				}
			}
			s.crash()
		}
	}
	return s.finish()
}

// mayVerify compares tables now and then. What is compared while nothing is damaged
// must be equal: a difference that is none would have good rows mended.
func (s *simulation) mayVerify() {
	if s.rng.IntN(200) == 0 { // as when the parent of a foreign key changes
		s.loop.repairAgain(s.loop.order[s.rng.IntN(len(s.source.tables))], "the parent changed")
	}
	if s.rng.IntN(100) == 0 && s.damages {
		s.target.corrupt()
	}
	if s.jobs > 0 || s.rng.IntN(60) > 0 {
		return
	}
	kind := Verify
	switch s.rng.IntN(5) {
	case 0, 1:
		kind = Repair
	case 2:
		kind = Resync
	case 3:
		kind = Wipe
	}
	s.verify(kind)
}

func (s *simulation) verify(kind JobKind) {
	s.jobs++
	s.loop.takeJob(&Job{Kind: kind, Done: func(results []CheckResult, err error) {
		s.jobs--
		if err != nil {
			s.jobs = 0 // a check of an earlier process goes on
			return
		}
		for _, r := range results {
			if n := r.Differences(); n > 0 && r.Reason != mendInsteadReason && !s.target.damaged && s.source.steady && !s.source.rowless && !s.source.poison {
				s.target.violate("%s of %s found %d differences, and there are none: %v", kind, r.Source, n, r.Examples)
			}
		}
	}})
}

// stop ends the process in good order: everything it took is sent.
func (s *simulation) stop() error {
	s.loop.stop(s.source.now)
	for range 20_000 {
		if s.loop.done || !s.loop.stopping {
			return s.check()
		}
		if err := s.step(); err != nil {
			return fmt.Errorf("stopping: %w", err)
		}
	}
	return fmt.Errorf("the stop is stuck: %s", s.describe())
}

func (s *simulation) step() error {
	l := s.loop
	switch n := s.rng.IntN(100); {
	case n < 20:
		s.source.step()
	case n < 45:
		for range 1 + s.rng.IntN(4) { // a stream that never keeps up would never meet a page
			s.deliver()
		}
	case n < 67:
		s.runEffect()
	case n < 88:
		s.applyResult()
	case n < 97:
		s.source.passTime(time.Duration(s.rng.IntN(300)) * time.Millisecond)
		l.tick(s.source.now)
		if s.looks++; s.looks%8 == 0 {
			l.progress()
		}
	case n < 99:
		s.target.arrive()
		s.target.mishap()
	default:
		if l.stream != nil && s.rng.IntN(3) == 0 && !s.source.quiet {
			s.target.mayReplay()
			s.source.failOver()
			l.streamEnded(s.source.now, errSimLost)
		}
	}
	return s.check()
}

func (s *simulation) check() error {
	s.takeEffects()
	if s.over && s.target.violation == nil {
		return errSimOver
	}
	if s.haunted && errors.Is(s.loop.err, errSimReplaced) { // by the older one: somebody starts it again
		s.target.lateCommits(s.loop)
		s.start()
	}
	for _, t := range s.loop.order {
		if t.stopped != nil && s.delivery != AtLeastOnce { // it may be copied anew before a checkpoint knows
			s.target.changed(t.route.Source)
		}
	}
	var back *redo
	if errors.As(s.loop.err, &back) {
		cfg, err := s.loop.after(back)
		if err != nil {
			return err
		}
		s.target.lateCommits(s.loop)
		s.target.mayReplay()
		s.begin(cfg)
		return s.check()
	}
	if s.source.poison && errors.Is(s.loop.err, errSimRefused) {
		// Nothing is left to go on with: somebody helps, and starts the ferry again.
		s.target.healed = true
		s.crash()
		s.loop.cfg.UntilCaughtUp, s.loop.until = s.source.quiet, s.source.end()
	}
	if s.source.poison && s.target.violation == nil && hasCode(s.loop.err, codeAllStopped) { // some of them before this process
		return errSimOver
	}
	return errors.Join(s.loop.err, s.target.violation, s.recreated())
}

func (s *simulation) takeEffects() {
	s.pending = append(s.pending, s.loop.effects...)
	s.loop.effects = nil
}

func (s *simulation) deliver() {
	stream, _ := s.loop.stream.(*simStream)
	if stream == nil || !s.loop.wants() || stream.idle() {
		return
	}
	events, err := stream.Take()
	if err != nil {
		s.loop.streamEnded(s.source.now, err)
		return
	}
	for i := range events {
		s.loop.take(s.source.now, events[i])
		events[i].ReleaseRows()
	}
	clear(events)
	change.BorrowRows(1).Release() // what the loop does not hold is overwritten
}

func (s *simulation) runEffect() {
	if len(s.pending) == 0 {
		return
	}
	i := s.rng.IntN(len(s.pending))
	e := s.pending[i]
	s.pending = append(s.pending[:i], s.pending[i+1:]...)
	s.results = append(s.results, e(context.Background()))
}

func (s *simulation) applyResult() {
	if len(s.results) == 0 {
		return
	}
	i := s.rng.IntN(len(s.results))
	result := s.results[i]
	s.results = append(s.results[:i], s.results[i+1:]...)
	s.loop.apply(s.source.now, result)
}

// saved checks the promise of a checkpoint the moment it is made.
func (s *simulation) saved(c *checkpoint.Checkpoint) {
	if s.haunting {
		return // nobody goes on from it
	}
	for i := range c.Tables {
		t := &c.Tables[i]
		if _, known := s.joined[t.Name]; !known && t.Table != nil {
			s.joined[t.Name] = simPlace(c.Position)
		}
		if t.Table == nil || t.Stopped != nil {
			delete(s.joined, t.Name)
		} else if t.Check != nil && t.Check.Reason == renewReason && !t.Copy.Done {
			s.joined[t.Name] = simPlace(c.Position) // what was before comes by copy, again
		}
	}
	s.target.checkCovered(c.Position, s.joined, s.journal.durable)
	s.target.holds(c)
}

// finish lets the source rest and the ferry catch up, and compares everything.
func (s *simulation) finish() error {
	s.source.quiet = true
	s.loop.cfg.EpochTimeout = 0
	if s.source.hidden {
		if err := s.revive(); err != nil {
			return err
		}
	}
	if s.damages {
		if err := s.repair(); err != nil {
			return err
		}
	}
	for range 300_000 { // with memory for three rows it takes long
		// A loop may have begun since, and an Open under way did not know.
		s.loop.cfg.UntilCaughtUp, s.loop.until = true, s.source.end()
		if s.loop.done {
			return errors.Join(s.target.violation, s.target.checkEqual(s.stoppedTables(), s.journal.durable))
		}
		if err := s.step(); err != nil {
			return fmt.Errorf("finishing: %w", err)
		}
	}
	return fmt.Errorf("stuck: %s", s.describe())
}

// repair mends what was damaged. A check that began before may be past the damage, so
// it is waited for.
func (s *simulation) repair() error {
	ordered := false
	for range 60_000 {
		switch {
		case len(s.loop.checks)+len(s.loop.resyncs) > 0 || !s.copied():
		case ordered:
			return nil
		default:
			ordered = true
			s.verify(Repair)
		}
		if err := s.step(); err != nil {
			return fmt.Errorf("repairing: %w", err)
		}
	}
	return fmt.Errorf("the repair is stuck: %s", s.describe())
}

func (s *simulation) copied() bool {
	for _, t := range s.loop.order {
		if !t.copy.Done && !t.absent && t.stopped == nil {
			return false
		}
	}
	return true
}

func (s *simulation) stoppedTables() map[change.Name]bool {
	stopped := map[change.Name]bool{}
	for i := range s.journal.last.Tables {
		stopped[s.journal.last.Tables[i].Name] = s.journal.last.Tables[i].Stopped != nil
	}
	for _, t := range s.source.tables {
		stopped[t.name] = stopped[t.name] || t.dropped
	}
	return stopped
}

func (s *simulation) describe() string {
	l := s.loop
	text := fmt.Sprintf("wants %v memory %d; position %v until %v settled %v held %v pages %d marks %d bytes %d stream %v;", l.wants(), l.cfg.Memory, l.position, l.until, l.settled.position, l.held != nil, len(l.pages), len(l.marks), l.bytes, l.stream != nil)
	if l.isExact() {
		text += fmt.Sprintf(" %s: floor %v at resume %v (%v) must %v want %v redo %v open %d", l.cfg.Delivery, l.exact.floor, l.atResume, l.resume.position, l.exact.mustEnd, l.exact.wantEnd, l.exact.redo, len(l.exact.open))
		if c := l.exact.closing; c != nil {
			text += fmt.Sprintf(" closing phase %d", c.phase)
		}
		for _, x := range l.exact.open {
			text += fmt.Sprintf(" [%v begun %v asking %v done %v again %v]", x.label, x.begun, x.asking, x.done, x.again.Sub(l.now))
		}
	}
	for _, t := range l.order {
		text += fmt.Sprintf(" %s: copied %v drained %v busy %v unsaved %v queue %d", t.route.Target, t.copy.Done, t.drained(), t.busy(), t.unsaved, len(t.queue))
		for _, r := range l.resyncs {
			text += fmt.Sprintf(" resync of %s: phase %d busy %v again %v swapping %v", r.table.route.Source, r.phase, r.busy, r.again, l.swapping != nil)
		}
		if c := t.check; c != nil {
			text += fmt.Sprintf(" check: spans %d doubts %d inquiry %v backwards %v keys %v asking %v exhausted %v", len(c.forwards.spans), len(c.doubts), c.inquiry != nil, c.backwards != nil, c.targetKeys != nil, c.asking, c.exhausted)
		}
	}
	return text
}

// TestSimulatedHistories plays 10,000 histories in at-least-once.
func TestSimulatedHistories(t *testing.T) {
	t.Parallel()
	playAll(t, 10_000, func(uint64) simBreak { return simBreak{} })
}

// TestSimulatedRefusals: rows, columns and whole tables are refused; the others come
// out right, and so does a table whose bad rows are left out, but for those.
func TestSimulatedRefusals(t *testing.T) {
	t.Parallel()
	playAll(t, 2000, func(uint64) simBreak { return simBreak{refusals: true} })
}

// playAll plays so many histories of a world, or as many, and from which seed on, as
// `make sim` says; STARFERRY_SIM_SEED plays one.
func playAll(t *testing.T, histories uint64, world func(seed uint64) simBreak) {
	first, histories := number(t, "STARFERRY_SIM_FIRST", 0), number(t, "STARFERRY_SIM_HISTORIES", histories)
	if os.Getenv("STARFERRY_SIM_SEED") != "" {
		first, histories = number(t, "STARFERRY_SIM_SEED", 0), 1
	}
	var played atomic.Uint64
	var players sync.WaitGroup
	for range min(uint64(runtime.GOMAXPROCS(0)), histories) {
		players.Go(func() {
			for n := played.Add(1); n <= histories && !t.Failed(); n = played.Add(1) {
				seed := first + n - 1
				if err := simulate(seed, world(seed)); err != nil {
					t.Errorf("STARFERRY_SIM_SEED=%d: %v", seed, err)
				}
			}
		})
	}
	players.Wait()
	if !t.Failed() {
		t.Logf("%d histories, seeds %d to %d", histories, first, first+histories-1)
	}
}

// number reads an environment variable.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestSimulatorFindsMutations breaks one rule at a time: a simulator that did not
// notice would prove nothing.
func TestSimulatorFindsMutations(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]simBreak{
		"no low barrier":                             {noBarrier: true},
		"high mark from the executed set":            {markByCounted: true},
		"registered inside a transaction":            {loop: sabotage{registerInsideTransaction: true}},
		"touched keys forgotten":                     {loop: sabotage{forgetTouched: true}},
		"checkpoint before acknowledgment":           {loop: sabotage{settleBeforeAcknowledged: true}},
		"loaded before the join is saved":            {loop: sabotage{loadBeforeJoinIsSaved: true}},
		"new label after unknown outcome":            {loop: sabotage{freshLabelAfterUnknown: true}},
		"compared before it is visible":              {loop: sabotage{compareBeforeVisible: true}},
		"rearranged rows overlooked":                 {loop: sabotage{overlookRearranged: true}},
		"emptied before a restart knows":             {loop: sabotage{wipeUnknown: true}},
		"touched rows judged":                        {loop: sabotage{judgeTouched: true}},
		"a stop that old marks do not know":          {loop: sabotage{stopOnlyFromHere: true}, refusals: true},
		"a stop by the source that they do not know": {loop: sabotage{stopOnlyFromHere: true}, hidden: true},

		"a stop that takes the rows of other shards": {loop: sabotage{stopTakesAll: true}, refusals: true},
		"a join that rows of other shards wait for":  {loop: sabotage{joinUnsealed: true}},

		"a schema that no checkpoint has to know": {loop: sabotage{forgetUnmarked: true}},
		"a name that went away joins anew":        {loop: sabotage{joinGone: true}},

		"a stop that the epoch's end does not know":  {delivery: TwoPhase, loop: sabotage{stopOnlyFromHere: true}, refusals: true},
		"committed before it is saved":               {delivery: TwoPhase, loop: sabotage{commitBeforeSaved: true}},
		"committed below the floor":                  {delivery: TwoPhase, loop: sabotage{commitBelowFloor: true}},
		"committed below the floor, inside":          {delivery: PositionInside, loop: sabotage{commitBelowFloor: true}},
		"an epoch ends in half a transaction":        {delivery: TwoPhase, loop: sabotage{floorForgetsHalf: true}},
		"a transaction's label used twice":           {delivery: TwoPhase, loop: sabotage{labelUsedTwice: true}},
		"rows of a table that no checkpoint knows":   {delivery: TwoPhase, loop: sabotage{loadBeforeJoinIsSaved: true}},
		"an epoch with rows of both sides of a DDL":  {delivery: TwoPhase, loop: sabotage{epochOverDDL: true}},
		"a join that the epoch goes on behind":       {delivery: PositionInside, loop: sabotage{joinInsideEpoch: true}, hidden: true},
		"late commits are not fenced":                {delivery: PositionInside, loop: sabotage{unfenced: true}},
		"a floor of another server":                  {delivery: TwoPhase, loop: sabotage{floorOfAnyServer: true}},
		"a shadow dropped under its transaction":     {delivery: PositionInside, loop: sabotage{dropAtOnce: true}},
		"a join that the stream's end forgets":       {delivery: PositionInside, loop: sabotage{rewindForgetsEnd: true}, hidden: true},
		"rows before the end of another transaction": {delivery: PositionInside, overPlaces: true},
		"committed by a process that is no owner":    {delivery: PositionInside, loop: sabotage{commitUnowned: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(20_000) {
				if err := simulate(seed, broken); err != nil {
					t.Logf("found by seed %d: %v", seed, err)
					return
				}
			}
			t.Error("20000 histories, and nothing noticed")
		})
	}
}
