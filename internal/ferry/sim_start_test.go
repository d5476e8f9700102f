package ferry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
)

// The simulated process, its state directory, and how the one ends and the next begins.

// simNotices tells a history.
var simNotices = os.Getenv("STARFERRY_SIM_NOTICES") != ""

// simProcess is a process and its state directory.
type simProcess struct {
	journal *simJournal
	loop    *loop
	pending []effect
	results []func()
	jobs    int // under way
}

type simJournal struct {
	last    *checkpoint.Checkpoint // the newest that holds
	pending *checkpoint.Checkpoint // saved behind it, and not settled
	void    []*checkpoint.Checkpoint
	notes   []checkpoint.Label   // since last
	later   int                  // of them, those before pending
	letters []*checkpoint.Letter // not durable yet
	durable map[int]bool         // the changes with a durable letter
	promise func(label string, c *checkpoint.Checkpoint)
	onSave  func(*checkpoint.Checkpoint)
}

func (j *simJournal) Letter(letter *checkpoint.Letter) error {
	j.letters = append(j.letters, letter)
	return nil
}

func (j *simJournal) Save(c *checkpoint.Checkpoint) error {
	for _, letter := range j.letters {
		for _, cell := range letter.Row {
			if seq, err := strconv.Atoi(string(cell.Value)); err == nil && cell.Column == "v" {
				j.durable[seq] = true
			}
		}
	}
	j.letters = nil
	if len(c.Prepared) > 0 {
		if j.pending != nil {
			j.void = append(j.void, j.pending)
		}
		j.pending, j.later = c, len(j.notes)
		for _, label := range c.Prepared {
			j.promise(label.Label, c)
		}
		return nil
	}
	j.last, j.pending, j.void, j.notes = c, nil, nil, nil
	j.onSave(c)
	return nil
}

func (j *simJournal) Settled(epoch uint64) error {
	if j.pending == nil || j.pending.Epoch != epoch {
		return fmt.Errorf("checkpoint %d is settled, and is not the newest", epoch)
	}
	j.last, j.pending, j.void, j.notes = j.pending, nil, nil, j.notes[j.later:]
	j.onSave(j.last)
	return nil
}

func (j *simJournal) Note(labels []checkpoint.Label) error {
	j.notes = append(j.notes, labels...)
	return nil
}

// start begins a process on what the journal holds.
func (s *simulation) start() {
	for {
		s.starts++
		cfg, err := recoverEpoch(context.Background(), s.config())
		switch {
		case err == nil:
			s.begin(cfg)
			return
		case s.found != nil && hasCode(err, codeOtherWriter):
			s.fromRow() // a commit came late
		default:
			panic(err)
		}
	}
}

func hasCode(err error, code diag.Code) bool {
	p := diag.Find(err)
	return p != nil && p.Code == code
}

// open are the labels that may be open.
func (j *simJournal) open() (open []checkpoint.Label) {
	if j.last != nil {
		open = append(open, j.last.Open...)
	}
	open = append(open, j.notes...)
	for _, void := range j.void {
		open = append(open, void.Prepared...)
	}
	return open
}

// config is that of a process on what the journal holds.
func (s *simulation) config() Config {
	j := s.journal
	routes := make([]Route, len(s.source.tables))
	for i, t := range s.source.tables {
		routes[i] = Route{Source: t.name, Target: s.source.into(t.name), Merged: s.source.into(t.name) != t.name, Interval: time.Duration(s.rng.IntN(3)) * 200 * time.Millisecond, MaxBytes: 20 * (1 + s.rng.IntN(30)), MaxRows: 1000}
		if s.source.poison {
			if bad := OnBadRow(s.rng.IntN(3) % 2); s.delivery == AtLeastOnce {
				routes[i].OnBadRow = bad
			}
		}
	}
	cfg := Config{
		Delivery: s.delivery, Transactions: s.target, Ledger: s.target, pause: s.pause,
		EpochInterval: time.Duration(s.rng.IntN(3)) * time.Second, EpochPause: time.Duration(s.rng.IntN(2)) * 100 * time.Millisecond,
		EpochTimeout: time.Duration(1+s.rng.IntN(3)) * 20 * time.Second, MaxOpen: 1 + s.rng.IntN(4),
		Recovery: checkpoint.Recovery{Settled: j.last, Unsettled: j.pending, Void: j.void},
		Source:   s.source, Pages: s.source, Target: s.target, Mirror: s.target, Shaper: s.target, Journal: s.journal, Routes: routes,
		RowLess:   RowLessRepair,
		Unsettled: j.open(), Deployment: simDeployment, Incarnation: strconv.Itoa(s.starts),
		Memory: s.memory(), PageBytes: 200 + s.rng.IntN(1000), SaveInterval: time.Duration(s.rng.IntN(2)) * time.Second,
		Parallelism: 1 + s.rng.IntN(5), MaxLag: time.Duration(s.rng.IntN(3)) * time.Second, WatchBusy: s.rng.IntN(2) == 0,
		PageBytesPerSecond: s.rng.IntN(4) / 3 * (500 + s.rng.IntN(20_000)), Estimates: s.estimates(),
	}
	if simNotices {
		cfg.Notify = func(n Notice) { fmt.Println(n.Table, n.Text) }
	}
	s.jobs = 0
	s.target.mayReplay()
	cfg.carried.sabotage = s.broken
	return cfg
}

// begin begins a loop.
func (s *simulation) begin(cfg Config) {
	s.loop = newLoop(cfg, s.source.now)
	s.pending, s.results = nil, nil
	r := &runner{loop: s.loop}
	switch err := r.start(context.Background()); {
	case s.source.poison && errors.Is(err, errSimRefused):
		return // nothing is left to go on with, see check
	case (s.found != nil || s.source.poison) && hasCode(err, codeAllStopped): // of other columns, dropped, or refused
		s.over = true
		return
	case err != nil:
		panic(err)
	}
	r.loop.firstSave()
	s.loop.carryOnJobs()
	s.loop.tick(s.source.now)
}

// estimates make tables small or worth splitting.
func (s *simulation) estimates() map[change.Name]uint64 {
	estimates := map[change.Name]uint64{}
	for _, t := range s.source.tables {
		estimates[t.name] = uint64(s.rng.IntN(3)) * worthSplitting
	}
	return estimates
}

// memory is sometimes less than a page or a batch would fill.
func (s *simulation) memory() int {
	if s.rng.IntN(4) == 0 {
		return 50 + s.rng.IntN(400)
	}
	return 4000 + s.rng.IntN(20000)
}

// crash forgets the process. What it had sent may still arrive.
func (s *simulation) crash() {
	s.journal.letters = nil
	s.source.failOver()
	s.target.lateCommits(s.loop)
	for _, o := range s.loop.outlets {
		if f := o.inFlight; f != nil && s.delivery == AtLeastOnce && s.rng.IntN(2) == 0 {
			s.target.late = append(s.target.late, simLate{f.label, f.batch.(*simBatch)})
		}
	}
	s.restart()
}
