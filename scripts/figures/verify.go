package main

import (
	"context"
	"fmt"
	"time"
)

// measureVerify: a table of narrow rows is compared with its target, which keeps them.
func (f *figures) measureVerify(ctx context.Context) error {
	return on(ctx, f, false, sourceFlags, func(s *stage) error {
		if err := s.fill(ctx, 1, f.rows); err != nil {
			return err
		}
		narrow := "ALTER TABLE t0 DROP COLUMN pad, MODIFY c VARCHAR(24) NOT NULL"
		if err := s.exec(ctx, "USE "+database, "UPDATE t0 SET c = LEFT(c, 24)", narrow); err != nil {
			return err
		}
		script, err := s.script(1)
		if err != nil {
			return err
		}
		say("copying")
		if _, err := s.caughtUp(ctx, script); err != nil {
			return err
		}
		say("comparing")
		servers, doubles := cpuOf(s.source.PID()), cpuOf(s.emulator.PID())
		began := time.Now()
		p, err := s.run("verify", script, "--progress-interval", "1s")
		if err != nil {
			return err
		}
		var peak int64
		var ferry time.Duration
		sampled := make(chan struct{})
		go func() {
			defer close(sampled)
			peak, ferry = usage(p.PID(), p.Done())
		}()
		code, err := p.Wait(ctx)
		<-sampled
		if err != nil || code != 0 {
			return ended(code, err, p)
		}
		took := time.Since(began).Seconds()
		servers, doubles = cpuOf(s.source.PID())-servers, cpuOf(s.emulator.PID())-doubles
		f.add(fmt.Sprintf("verify of %d narrow rows, both ways", f.rows), "%.1f s, %.0f rows/s", took, float64(f.rows)/took)
		f.add("… CPU of starferry, mysqld, the emulator", "%.1f s, %.1f s, %.1f s", ferry.Seconds(), servers.Seconds(), doubles.Seconds())
		f.add("… peak memory of starferry", "%d MB", peak>>20)
		return nil
	})
}
