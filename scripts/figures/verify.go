package main

import (
	"context"
	"fmt"
	"time"

	"starferry/internal/testbed/stage"
)

// measureVerify: a table of narrow rows is compared with its target, which keeps them.
func (f *figures) measureVerify(ctx context.Context) error {
	return on(ctx, f, false, sourceFlags, func(s *scene) error {
		if err := s.fill(ctx, 1, f.rows); err != nil {
			return err
		}
		narrow := "ALTER TABLE t0 DROP COLUMN pad, MODIFY c VARCHAR(24) NOT NULL"
		if err := s.Exec(ctx, "USE "+database, "UPDATE t0 SET c = LEFT(c, 24)", narrow); err != nil {
			return err
		}
		script, err := s.script(1)
		if err != nil {
			return err
		}
		say("copying")
		if _, err := s.CaughtUp(ctx, script); err != nil {
			return err
		}
		say("comparing")
		servers, doubles := stage.CPU(s.Source.PID()), stage.CPU(s.Double.PID())
		began := time.Now()
		p, err := s.Run("verify", script, "--progress-interval", "1s")
		if err != nil {
			return err
		}
		peak, ferry := stage.Usage(ctx, p)
		if err := stage.Ended(ctx, p); err != nil {
			return err
		}
		took := time.Since(began).Seconds()
		servers, doubles = stage.CPU(s.Source.PID())-servers, stage.CPU(s.Double.PID())-doubles
		f.add(fmt.Sprintf("verify of %d narrow rows, both ways", f.rows), "%.1f s, %.0f rows/s", took, float64(f.rows)/took)
		f.add("… CPU of starferry, mysqld, the emulator", "%.1f s, %.1f s, %.1f s", ferry.Seconds(), servers.Seconds(), doubles.Seconds())
		f.add("… peak memory of starferry", "%d MB", peak>>20)
		return nil
	})
}
