package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"starferry/internal/testbed/stage"
)

// delivered is a way of delivery.
type delivered struct{ name, settings, sink string }

const exactly = ", 'sink.semantic' = 'exactly-once'"

var deliveries = []delivered{
	{name: "at-least-once"},
	{"two-phase, 1 s", "SET 'execution.checkpointing.interval' = '1 s';", exactly},
	{"two-phase, 10 s", "SET 'execution.checkpointing.interval' = '10 s';", exactly},
	{"position inside, 1 s", "SET 'execution.checkpointing.interval' = '1 s'; SET 'delivery.exactly-once' = 'position-inside';", exactly},
	{"position inside, 10 s", "SET 'execution.checkpointing.interval' = '10 s'; SET 'delivery.exactly-once' = 'position-inside';", exactly},
}

// changeTables take the changes, changeRows at a time.
const changeTables, changeRows = 4, 1000

// measureDelivery: what exactly-once costs. Each way reads the same log, of changes that
// were made before, into a target that keeps nothing; and with one that keeps them, how
// long changes take to become visible.
func (f *figures) measureDelivery(ctx context.Context) error {
	err := on(ctx, f, true, sourceFlags, func(s *scene) error {
		if err := s.fill(ctx, changeTables, changeRows); err != nil {
			return err
		}
		for _, d := range deliveries {
			if _, _, err := s.deliver(ctx, f, d); err != nil { // the copy
				return err
			}
		}
		transactions := f.changes / changeRows
		say("%d transactions of %d rows", transactions, changeRows)
		statements := []string{"USE " + database}
		for i := range transactions {
			statements = append(statements, fmt.Sprintf("UPDATE t%d SET k = k + 1", i%changeTables))
		}
		if err := s.Logged(ctx, statements...); err != nil {
			return err
		}
		rows := float64(transactions * changeRows)
		for _, d := range deliveries {
			took, cpu, err := s.deliver(ctx, f, d)
			if err != nil {
				return err
			}
			f.add("changes, "+d.name, "%.1f s, %.0f rows/s, %.2f s of CPU per million rows", took.Seconds(), rows/took.Seconds(), cpu.Seconds()/rows*1e6)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return on(ctx, f, false, sourceFlags, func(s *scene) error {
		if err := s.fill(ctx, 1, changeRows); err != nil {
			return err
		}
		for _, d := range deliveries {
			if d.settings != "" && d.name[len(d.name)-4:] == "10 s" {
				continue
			}
			if err := s.visible(ctx, f, d); err != nil {
				return err
			}
		}
		return nil
	})
}

// as has the scripts to come deliver so, as a deployment of their own: the target keeps the
// positions of those before.
func (s *scene) as(f *figures, d delivered) {
	s.settings, s.sink = f.settings+d.settings+"SET 'pipeline.name' = '"+d.name+"';", d.sink
}

// deliver catches up, with a state directory for each way.
func (s *scene) deliver(ctx context.Context, f *figures, d delivered) (took, cpu time.Duration, err error) {
	say("%s", d.name)
	s.as(f, d)
	script, err := s.script(changeTables)
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	p, err := s.Run("run", "--until-caught-up", "--data-dir", d.name, script)
	if err != nil {
		return 0, 0, err
	}
	_, cpu = stage.Usage(ctx, p)
	took = time.Since(began)
	return took, cpu, stage.Ended(ctx, p)
}

// visible measures how long it takes from the end of a transaction until the target shows
// it, for many that follow each other.
func (s *scene) visible(ctx context.Context, f *figures, d delivered) error {
	s.as(f, d)
	script, err := s.script(1)
	if err != nil {
		return err
	}
	if err := s.Logged(ctx, "UPDATE "+database+".t0 SET k = 0 WHERE id = 1"); err != nil {
		return err
	}
	p, err := s.Run("run", "--data-dir", d.name, "--progress-interval", "100ms", script)
	if err != nil {
		return err
	}
	defer p.Kill()
	if _, err := p.WaitLine(ctx, "state=streaming"); err != nil {
		return err
	}
	for k := -1; k != 0; { // what the way before has left is gone
		if err := s.Target.QueryRowContext(ctx, "SELECT k FROM "+database+".t0 WHERE id = 1").Scan(&k); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	say("%s: how soon changes are visible", d.name)
	writing, cancel := context.WithTimeout(ctx, f.baseline)
	defer cancel()
	committed := make(chan time.Time, 1_000_000)
	failed := make(chan error, 1)
	go func() {
		defer close(committed)
		for sleep(writing, f.every) == nil {
			if _, err := s.Source.DB().ExecContext(ctx, "UPDATE "+database+".t0 SET k = k + 1 WHERE id = 1"); err != nil {
				failed <- err
				return
			}
			committed <- time.Now()
		}
		failed <- nil
	}()
	delays, err := s.watchVisible(ctx, committed)
	if err := errors.Join(err, <-failed); err != nil {
		return err
	}
	slices.Sort(delays)
	at := func(q float64) time.Duration {
		return delays[int(q*float64(len(delays)-1))].Round(time.Millisecond)
	}
	f.add("visible, "+d.name, "p50 %v, p99 %v, at most %v (%d changes)", at(0.5), at(0.99), at(1), len(delays))
	return stage.Interrupted(ctx, p)
}

// watchVisible polls the row that counts the transactions, until the last of them shows.
func (s *scene) watchVisible(ctx context.Context, committed <-chan time.Time) (delays []time.Duration, err error) {
	shown, seen := 0, time.Time{}
	for at := range committed {
		for shown <= len(delays) {
			err := s.Target.QueryRowContext(ctx, "SELECT k FROM "+database+".t0 WHERE id = 1").Scan(&shown)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return nil, err
			}
			seen = time.Now()
			if shown <= len(delays) && sleep(ctx, 2*time.Millisecond) != nil {
				return nil, ctx.Err()
			}
		}
		delays = append(delays, max(seen.Sub(at), 0))
	}
	return delays, nil
}
