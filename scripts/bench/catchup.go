package main

import (
	"context"
	"fmt"
	"time"

	"starferry/internal/testbed/dataset"
	"starferry/internal/testbed/stage"
)

// caught is a start behind a stop: what was written meanwhile is made up for while the
// source goes on writing.
type caught struct {
	Backlog   int     `json:"backlog_rows"`
	Meanwhile int64   `json:"rows_written_meanwhile"`
	Seconds   float64 `json:"seconds"`
	Rate      float64 `json:"rows_per_second"`
	CPU       float64 `json:"cpu_seconds"`
	Peak      int64   `json:"peak_bytes"`
	// Alone and During are the writer's rows per second without us and with us.
	Alone  float64 `json:"writer_rows_per_second_alone"`
	During float64 `json:"writer_rows_per_second_during"`
}

const (
	catchUpName     = "catch-up"
	catchUpRows     = 2_000_000
	writesPerSecond = 1000
)

// measureCatchUp stops, lets a backlog come about, and starts again while a writer goes on.
func measureCatchUp(ctx context.Context, b *bench) error {
	return b.play(ctx, true, sourceFlags, func(s *stage.Stage) error {
		backlog := b.rows(catchUpRows)
		if err := s.Exec(ctx, "CREATE DATABASE "+database, "USE "+database, liveTable); err != nil {
			return err
		}
		if _, err := s.Target.ExecContext(ctx, "CREATE DATABASE "+database); err != nil {
			return err
		}
		say("catch-up: filling")
		if err := dataset.Narrow.Fill(ctx, s.Source.DB(), s.Source.Dir(), database+".narrow", b.seed, backlog); err != nil {
			return err
		}
		for i := range b.repeat {
			one, err := b.catchUp(ctx, s, backlog, i)
			if err != nil {
				return err
			}
			say("catch-up %d: %d + %d rows in %.1f s", i+1, backlog, one.Meanwhile, one.Seconds)
			b.report.CatchUp = append(b.report.CatchUp, one)
		}
		return nil
	})
}

func (b *bench) catchUp(ctx context.Context, s *stage.Stage, backlog, number int) (one caught, err error) {
	table := fmt.Sprintf("changes_%d", number)
	if err := s.Exec(ctx, "USE "+database, dataset.Narrow.Create(table)); err != nil {
		return one, err
	}
	script, err := s.Write(stage.Script{Name: "catch-up", Database: database, Tables: []string{table, "live"}, From: noTLS})
	if err != nil {
		return one, err
	}
	dir := fmt.Sprintf("catch-up-%d", number)
	p, err := s.Run("run", "--data-dir", dir, "--until-caught-up", script)
	if err != nil {
		return one, err
	}
	if err := stage.Ended(ctx, p); err != nil {
		return one, err
	}
	if err := dataset.Inserts.Run(ctx, s.Source.DB(), dataset.Narrow, database+"."+table, database+".narrow", backlog, perTransaction); err != nil {
		return one, err
	}
	alone, before := context.WithTimeout(ctx, 3*time.Second)
	defer before()
	first := &writer{}
	if err := first.write(alone, s, writesPerSecond, 1); err != nil {
		return one, err
	}
	writing, cancel := context.WithCancel(ctx)
	defer cancel()
	w, wrote := &writer{}, make(chan error, 1)
	go func() { wrote <- w.write(writing, s, writesPerSecond, 1) }()
	one, err = b.race(ctx, s, script, dir, int64(backlog)+first.committed.Load(), w)
	cancel()
	if failed := <-wrote; err == nil {
		err = failed
	}
	one.Backlog, one.Alone, one.During = backlog, first.rate(), w.rate()
	return one, err
}

// race starts the process and waits until it has caught up with the writer: all is visible
// that was committed when somebody looked.
func (b *bench) race(ctx context.Context, s *stage.Stage, script, dir string, behind int64, w *writer) (one caught, err error) {
	feed, err := s.Watch(ctx, database)
	if err != nil {
		return one, err
	}
	defer feed.Close()
	began := time.Now()
	p, err := s.Run("run", "--data-dir", dir, script)
	if err != nil {
		return one, err
	}
	defer p.Kill()
	for seen := int64(0); ; {
		v, err := feed.Next(ctx, silence)
		if err != nil {
			return one, fmt.Errorf("%d of %d rows are visible: %w\n%s", seen, behind+w.committed.Load(), err, p.Output())
		}
		seen += v.Rows
		// A second of the writer's is less than what is on its way in any case.
		if meanwhile := w.committed.Load(); seen >= behind+meanwhile-writesPerSecond {
			one.Meanwhile, one.Seconds = meanwhile, v.At.Sub(began).Seconds()
			one.Rate, one.CPU, one.Peak = float64(seen)/one.Seconds, stage.CPU(p.PID()).Seconds(), stage.Peak(p.PID())
			return one, stage.Interrupted(ctx, p)
		}
	}
}
