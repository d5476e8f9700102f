package ferry

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
)

// State directories that are lost, or put back from a backup, and processes that go on for
// a while after the next one has started.

// errSimReplaced is what ends the stream of the older of two processes.
var errSimReplaced = &diag.Problem{Code: "SF0003", Class: diag.Refused, Message: "another reader took over the stream"}

// copied is a backup of a state directory.
func (j *simJournal) copied() *simJournal {
	c := *j
	c.void, c.notes, c.letters = slices.Clone(j.void), slices.Clone(j.notes), nil
	return &c
}

// mayBackUp copies the state directory now and then.
func (s *simulation) mayBackUp() {
	if s.delivery != AtLeastOnce && s.rng.IntN(60) == 0 {
		s.backup = s.journal.copied()
	}
}

// restart is the start of the next process: on the directory of the last one, on an older
// one, or on an empty one, perhaps while the last one is still alive.
func (s *simulation) restart() {
	if s.delivery == AtLeastOnce || s.source.poison || s.source.hidden || s.rng.IntN(3) > 0 {
		s.start()
		return
	}
	s.found = s.journal
	switch n := s.rng.IntN(4); {
	case s.delivery == TwoPhase:
		s.putBack()
	case !s.target.hasRows():
	case n == 0 && s.backup != nil:
		s.exorcise()
		s.journal = s.backup.copied()
		if s.isBehind() {
			s.fromRow()
		}
	case n == 1:
		s.exorcise()
		s.fromRow()
	case s.older == nil:
		s.older, s.haunted = s.simProcess, true
		s.simProcess = &simProcess{}
		s.fromRow()
	}
	s.start()
}

// putBack puts an older directory back. Until the stream has passed what is visible the
// tables may show rows of two places.
func (s *simulation) putBack() {
	if s.backup == nil || s.backup.last == nil || s.target.made > 0 {
		return
	}
	for i := range s.backup.last.Tables { // one that joins again is another deployment's
		if t := &s.backup.last.Tables[i]; t.Table == nil && !t.Copy.Done {
			return
		}
	}
	for len(s.target.late) > 0 { // of labels that the directory does not know
		s.target.arrive()
	}
	s.journal = s.backup.copied()
	for _, shown := range s.target.shown {
		shown.mixed, shown.place = s.source.offset, 0
	}
	s.target.newest = nil
	s.target.mayReplay()
}

// exorcise ends the older process. What it had sent may still arrive.
func (s *simulation) exorcise() {
	if s.older != nil {
		s.target.lateCommits(s.older.loop)
		s.older = nil
	}
}

// haunt lets the older process do something. It lives until it hears that its stream or
// its tables are another's.
func (s *simulation) haunt() {
	if s.older == nil {
		return
	}
	current := s.simProcess
	s.simProcess, s.haunting = s.older, true
	switch n := s.rng.IntN(100); {
	case n < 40:
		s.deliver()
	case n < 65:
		s.runEffect()
	case n < 90:
		s.applyResult()
	default:
		s.loop.tick(s.source.now)
	}
	s.takeEffects()
	var back *redo
	if errors.As(s.loop.err, &back) {
		if cfg, err := s.loop.after(back); err == nil {
			s.target.lateCommits(s.loop)
			s.target.mayReplay()
			s.begin(cfg)
			s.takeEffects()
		}
	}
	s.older, s.simProcess, s.haunting = s.simProcess, current, false
	if s.older.loop.err != nil || s.older.loop.done || s.rng.IntN(200) == 0 {
		s.exorcise()
	}
}

// meanwhile is a while in which the older process goes on.
func (s *simulation) meanwhile() {
	for range s.rng.IntN(2) * s.rng.IntN(40) {
		s.haunt()
	}
}

func (t *simTarget) hasRows() bool {
	for key := range t.ledger {
		if key.deployment == simDeployment {
			return true
		}
	}
	return false
}

// isBehind tells that the target knows more than the state directory.
func (s *simulation) isBehind() bool {
	newest, prepared := uint64(0), map[string]uint64{}
	for _, c := range append([]*checkpoint.Checkpoint{s.journal.last, s.journal.pending}, s.journal.void...) {
		if c == nil {
			continue
		}
		newest = max(newest, c.Epoch)
		for _, label := range c.Prepared {
			prepared[label.Label] = c.Epoch
		}
	}
	for key, entry := range s.target.ledger {
		if key.deployment == simDeployment && entry.Epoch > newest {
			return true
		}
	}
	return false
}

// fromRow does what a start does that goes on from the position row. Where that cannot be,
// the directory is found again.
func (s *simulation) fromRow() {
	s.journal = s.emptyJournal()
	cfg := s.config()
	cfg.Incarnation = strconv.Itoa(s.starts + 1) // as that of the start that follows
	s.meanwhile()
	if err := Claim(context.Background(), cfg, "fence"); err != nil {
		panic(err)
	}
	s.meanwhile()
	l := &loop{cfg: cfg}
	for _, label := range sortedKeys(s.target.opened) { // as the leader lists them
		if err := l.insist(context.Background(), change.Name{}, "fencing", func() error { return s.target.endTransaction(label) }); err != nil {
			panic(err)
		}
	}
	s.meanwhile()
	settled, unsettled := s.rowsMake()
	if settled == nil {
		s.exorcise()
		s.journal = s.found
		return
	}
	for _, t := range s.source.tables {
		if !slices.ContainsFunc(settled.Tables, func(state checkpoint.TableState) bool { return state.Name == t.name }) {
			delete(s.joined, t.name)
			s.target.forgotten(t.name)
		}
	}
	for _, c := range []*checkpoint.Checkpoint{settled, unsettled} {
		if c == nil {
			continue
		}
		if err := s.journal.Save(c); err != nil {
			panic(err)
		}
	}
	s.meanwhile()
}

func (s *simulation) emptyJournal() *simJournal {
	return &simJournal{onSave: s.saved, durable: map[int]bool{}, promise: s.target.promise}
}

// rowsMake are the checkpoints that the rows make, as a start has it that goes on from
// them; nil when no table could be followed.
func (s *simulation) rowsMake() (settled, unsettled *checkpoint.Checkpoint) {
	rows, places := map[string]LedgerEntry{}, map[string]Place{}
	var newest LedgerEntry
	var place Place
	for key, entry := range s.target.ledger {
		if key.deployment != simDeployment {
			continue
		}
		var p Place
		if err := json.Unmarshal([]byte(entry.State), &p); err != nil {
			panic(err)
		}
		if rows[key.database], places[key.database] = entry, p; entry.Epoch > newest.Epoch {
			newest, place = entry, p
		}
	}
	settled = &checkpoint.Checkpoint{Epoch: newest.Epoch, Position: place.Position, Server: place.Server, Exact: true}
	behind := map[string]bool{}
	for _, label := range place.Labels {
		behind[label.Table.Database] = rows[label.Table.Database].Epoch < newest.Epoch
	}
	if slices.Contains(slices.Collect(maps.Values(behind)), true) {
		unsettled = &checkpoint.Checkpoint{Epoch: settled.Epoch, Position: place.Position, Server: place.Server, Exact: true, Prepared: place.Labels}
		settled.Epoch, settled.Position, settled.Server = settled.Epoch-1, place.Before, place.BeforeServer
	}
	followed := 0
	for i := range place.Tables {
		t := &place.Tables[i]
		own := places[t.Target.Database]
		copied := t.Copied && (!behind[t.Target.Database] || slices.ContainsFunc(own.Tables, func(o PlaceTable) bool { return o.Source == t.Source && o.Target == t.Target && o.Copied }))
		state := s.rowsTable(t, copied, unsettled != nil)
		if state.Stopped == nil && state.Table != nil {
			followed++
		}
		settled.Tables = append(settled.Tables, state)
	}
	if followed == 0 && len(settled.Tables) > 0 {
		return nil, nil
	}
	if unsettled != nil {
		unsettled.Tables = settled.Tables
	}
	return settled, unsettled
}

// rowsTable is what a row says of a table, with the columns of now if those read rows alike.
func (s *simulation) rowsTable(t *PlaceTable, copied, before bool) checkpoint.TableState {
	state := checkpoint.TableState{Name: t.Source, Target: t.Target, Stopped: t.Stopped, Copy: checkpoint.CopyState{Done: copied, Wipe: t.Wipe && !t.Copied}}
	shape := t.Shape
	if before && t.ShapeBefore != "" {
		shape = t.ShapeBefore
	}
	if t.Stopped != nil {
		return state
	}
	source := s.source.table(t.Source)
	if t.Shape == "" || source.dropped { // what came before that is not read any more
		state.Copy = checkpoint.CopyState{Done: true}
		s.target.changed(t.Source)
		return state
	}
	if state.Table = source.schema; Shape(state.Table) != shape {
		state.Table, state.Stopped = nil, &checkpoint.Stop{Code: "SF0004", Reason: "the columns are others now"}
	} else {
		state.Check = t.Check()
	}
	return state
}
