package ferry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/crashpoint"
	"starferry/internal/diag"
)

// Going back: a transaction that is gone took its rows with it, and they are not in
// memory any more. So the loop ends and another one begins where a restart would, at the
// last settled checkpoint: a redo is a restart without a new process, and everything
// that a crash survives survives it.
//
// What was visible stays: nothing is committed before the stream has again reached the
// highest place that may be visible (Config.Floor), so no reader sees a step back.
//
// Rejected: rewinding the running loop. Each of its parts would have to know how to go
// back, and only a redo would ever show that one of them does not.
type redo struct {
	cause  error
	broken []*table // that cannot go on
	lost   bool     // one of the transactions being committed is gone
	probe  bool     // for the table whose rows were refused
}

func (r *redo) Error() string { return r.cause.Error() }
func (r *redo) Unwrap() error { return r.cause }

// carried is what a loop leaves to the one that goes on behind the last checkpoint.
type carried struct {
	epoch, labels uint64
	counts        counts
	redos         int // since a checkpoint was settled
	jobs          []carriedJob
	forms         map[change.Name]uint64
	until         change.Position
	sabotage      sabotage
	rarer         rarer
	// probing looks for the table whose rows were refused; probed tells that it was looked
	// for since a checkpoint was settled.
	probing, probed bool
	// eager are versions of shards, see table.
	eager map[routeNames]int
	// broken are the tables that cannot go on, and why, until a checkpoint knows that they
	// are stopped.
	broken map[routeNames]error
	// newcomers are tables that have come and are not among the routes yet.
	newcomers []change.Name
}

// pause is how long the loop that goes on waits before it begins.
func (c *carried) pause() time.Duration {
	if c.redos == 0 {
		return c.rarer.pause // what was wrong does not come again
	}
	return max(backOff(c.redos), c.rarer.pause)
}

// carriedJob is a job that is not done with a table.
type carriedJob struct {
	job   *Job
	table change.Name
}

const (
	// redosRefused and redosTransient are how often the same place is gone back to: for
	// what only a person can mend, and for what may pass.
	redosRefused   = 3
	redosTransient = 20
)

// again is a reason to go back that is gone then.
func again(format string, a ...any) error {
	return &diag.Problem{Code: codeRedo, Class: diag.Transient, Message: fmt.Sprintf(format, a...)}
}

// goBack has everything behind the last settled checkpoint done again. The tables that are
// broken are stopped first.
func (l *loop) goBack(cause error, broken ...*table) {
	if len(broken) > 0 && !l.othersGoOn(broken...) {
		l.fail(cause)
		return
	}
	if l.exact.redo == nil {
		l.exact.redo = &redo{cause: cause, broken: broken}
	}
	if c := l.exact.closing; c != nil && c.phase == committing {
		var lost *LostError
		l.exact.redo.lost = l.exact.redo.lost || errors.As(cause, &lost)
	}
}

// probeTables goes back to find the table whose rows a transaction of a database was refused
// for.
func (l *loop) probeTables(cause error) {
	if l.cfg.carried.probed {
		l.fail(cause)
		return
	}
	l.goBack(cause)
	l.exact.redo.probe, l.exact.redo.lost = true, true
}

// goesBack ends the loop for a redo. What is being committed is waited for, unless it
// can not be any more.
func (l *loop) goesBack() bool {
	r := l.exact.redo
	if r == nil || l.err != nil {
		return l.err != nil
	}
	if c := l.exact.closing; c != nil && c.phase == committing {
		if !r.lost {
			return false
		}
		l.raiseFloor(c.server, c.mark.position)
	}
	crashpoint.Here("redo-begins")
	l.err = r
	return true
}

// after is the configuration of the loop that goes on behind the last settled
// checkpoint of l, which has ended for a redo. An error is why there is none.
func (l *loop) after(r *redo) (Config, error) {
	cfg := l.cfg
	cfg.carried = carried{
		epoch: l.epoch + 1, labels: l.labels, counts: l.counts, redos: l.cfg.carried.redos + 1,
		jobs: l.unfinishedJobs(r), forms: map[change.Name]uint64{}, eager: map[routeNames]int{}, until: l.until, sabotage: l.sabotage, rarer: l.exact.rarer,
	}
	cfg.carried.counts.Redos++
	for _, n := range l.newcomers {
		cfg.carried.newcomers = append(cfg.carried.newcomers, n.name)
	}
	var lost *LostError
	busy := errors.As(r.cause, &lost) && lost.Busy
	if busy {
		cfg.carried.rarer.widen(max(l.cfg.EpochInterval, l.cfg.EpochPause), r.cause)
	}
	cfg.carried.probing, cfg.carried.probed = r.probe, l.cfg.carried.probed || l.exact.probing
	if busy || len(r.broken) > 0 || r.probe || l.exact.probing {
		cfg.carried.redos-- // the same does not come again, or is waited out
	}
	most := redosRefused
	if diag.IsTransient(r.cause) {
		most = redosTransient
	}
	if len(r.broken) == 0 && cfg.carried.redos > most {
		return cfg, fmt.Errorf("gone back to the last checkpoint %d times in a row: %w", most, r.cause)
	}
	cfg.Restored, cfg.Floor = l.exact.settled, l.exact.floor
	cfg.Unsettled = append(l.cfg.Unsettled[:0:0], l.exact.abandoned...)
	for _, x := range l.exact.open {
		if x.label.Label != "" {
			cfg.Unsettled = append(cfg.Unsettled, x.label)
		}
	}
	cfg.carried.broken = l.cfg.carried.broken
	if len(r.broken) > 0 {
		cfg.carried.broken = map[routeNames]error{}
		maps.Copy(cfg.carried.broken, l.cfg.carried.broken)
	}
	for _, t := range r.broken {
		cfg.carried.broken[t.names()] = r.cause
	}
	for _, t := range l.order {
		if t.eager > 0 {
			cfg.carried.eager[t.names()] = t.eager
		}
		if t.formUntil > 0 {
			cfg.carried.forms[t.route.Target] = t.formUntil
		}
	}
	l.notify(Warning, change.Name{}, fmt.Sprintf("redo: %v; everything behind %s is read and loaded again, nothing is lost or doubled%s", r.cause, cfg.Restored.Position, cfg.carried.rarer.text()))
	return cfg, nil
}

// unfinishedJobs are the jobs under way. One whose copy is what cannot go on has its
// answer.
func (l *loop) unfinishedJobs(back *redo) (jobs []carriedJob) {
	for _, c := range l.checks {
		for _, j := range c.jobs {
			jobs = append(jobs, carriedJob{j, c.table.route.Source})
		}
	}
	for _, r := range l.resyncs {
		for _, j := range r.jobs {
			if slices.Contains(back.broken, r.shadow) || r.phase >= wipeAsked && slices.Contains(back.broken, r.table) {
				j.tableDone(CheckResult{Source: r.table.route.Source, Target: r.table.route.Target, Err: back.cause})
				continue
			}
			jobs = append(jobs, carriedJob{j, r.table.route.Source})
		}
	}
	return jobs
}

// carryOn takes what the loop before left.
func (l *loop) carryOn() {
	c := &l.cfg.carried
	l.exact.floor, l.exact.settled, l.exact.begun = l.cfg.Floor, l.cfg.Restored, l.now
	l.epoch = max(l.epoch, c.epoch)
	l.oldestEpoch, l.labels, l.counts, l.until, l.sabotage = l.epoch, c.labels, c.counts, c.until, c.sabotage
	l.exact.rarer, l.exact.probing = c.rarer, c.probing
	for _, t := range l.order {
		t.formUntil, t.eager = c.forms[t.route.Target], c.eager[t.names()]
	}
	for _, name := range c.newcomers {
		l.newcomers = append(l.newcomers, &newcomer{name: name})
	}
}

// carryOnJobs joins the jobs of the loop before to what is under way again.
func (l *loop) carryOnJobs() {
	for _, carried := range l.cfg.carried.jobs {
		for _, t := range l.tables[carried.table] {
			if t.identity != "" {
				continue
			}
			if err := l.takeTable(carried.job, t); err != nil {
				carried.job.tableDone(CheckResult{Source: t.route.Source, Target: t.route.Target, Err: err})
			}
		}
	}
	l.cfg.carried.jobs = nil
}

// recoverEpoch finds what a start goes on from: the newest checkpoint if its transactions
// are all there, else the settled one before.
func recoverEpoch(ctx context.Context, cfg Config) (Config, error) {
	r := cfg.Recovery
	if cfg.Restored == nil {
		cfg.Restored = r.Settled
	}
	l := &loop{cfg: cfg, now: time.Now(), sabotage: cfg.carried.sabotage}
	if cfg.Delivery == PositionInside {
		if err := l.takeOwnership(ctx); err != nil {
			return cfg, err
		}
	}
	for _, void := range r.Void {
		l.raiseFloor(void.Server, void.Position)
	}
	if u := r.Unsettled; u != nil {
		holds, err := l.settleCheckpoint(ctx, u)
		switch {
		case err != nil:
			return cfg, err
		case holds:
			if err := cfg.Journal.Settled(u.Epoch); err != nil {
				return cfg, err
			}
			crashpoint.Here("recovery-settled")
			cfg.Restored = u
		case r.Settled == nil:
			return cfg, r.Lost
		default:
			l.raiseFloor(u.Server, u.Position)
			l.notify(Warning, change.Name{}, fmt.Sprintf("redo: a transaction of the checkpoint at %s is gone; everything behind the one before is read and loaded again, nothing is lost or doubled", u.Position))
			cfg.Unsettled = append(cfg.Unsettled[:len(cfg.Unsettled):len(cfg.Unsettled)], u.Prepared...)
			cfg.carried.counts.Redos++
		}
		cfg.carried.epoch = u.Epoch + 1
	}
	if floor := l.exact.floor; floor.Known && !cfg.Floor.Known {
		cfg.Floor = floor
	}
	// Rows behind a checkpoint of at-least-once may be visible.
	if r.FloorUnknown || cfg.Restored != nil && !cfg.Restored.Exact {
		cfg.Floor = Floor{Known: true}
	}
	return cfg, nil
}

// settleCheckpoint commits what a checkpoint of an earlier process has prepared, and
// tells whether it holds.
func (l *loop) settleCheckpoint(ctx context.Context, c *checkpoint.Checkpoint) (bool, error) {
	for _, label := range c.Prepared {
		state, err := l.recoveredState(ctx, c, label)
		if err != nil {
			return false, err
		}
		if state != TransactionPrepared && state != TransactionCommitted && state != TransactionVisible {
			return false, nil
		}
	}
	for _, label := range c.Prepared {
		var lost *LostError
		err := l.insist(ctx, label.Table, "committing what the last run prepared", func() error {
			if err := l.cfg.Transactions.Commit(ctx, label); !errors.As(err, &lost) {
				return err
			}
			return nil // what it says does not pass
		})
		if err != nil || lost != nil {
			return false, err
		}
		crashpoint.Here("recovery-committed")
	}
	return true, nil
}

// recoveredState asks what became of a transaction of an earlier process.
func (l *loop) recoveredState(ctx context.Context, c *checkpoint.Checkpoint, label checkpoint.Label) (state TransactionState, err error) {
	if label.Table.Table == "" {
		return l.ledgerState(ctx, c, label)
	}
	err = l.insist(ctx, label.Table, "asking for the transactions of the last run", func() (err error) {
		state, err = l.cfg.Transactions.State(ctx, label)
		return err
	})
	return state, err
}
