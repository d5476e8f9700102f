package main

import (
	"context"
	"fmt"
	"time"

	"starferry/internal/testbed/stage"
)

// measureLarge: one source transaction that is many times larger than all of the memory
// the ferry may use, into a target that keeps nothing; how much memory it takes.
func (f *figures) measureLarge(ctx context.Context) error {
	flags := append([]string{"--max-binlog-size=1G", "--sync-binlog=0", "--innodb-flush-log-at-trx-commit=0"}, sourceFlags...)
	return on(ctx, f, true, flags, func(s *scene) error {
		if err := s.Exec(ctx, "CREATE DATABASE "+database, "CREATE TABLE "+database+".t0 (id INT PRIMARY KEY, c VARCHAR(1000) CHARACTER SET latin1 NOT NULL)"); err != nil {
			return err
		}
		script, err := s.script(1)
		if err != nil {
			return err
		}
		if _, err := s.CaughtUp(ctx, script); err != nil {
			return err
		}
		rows := f.largeMB * 1000
		say("one transaction with %d rows of 1 KB", rows)
		numbers, where := numbersUpTo(rows)
		insert := fmt.Sprintf("INSERT INTO t0 SELECT n, REPEAT(SHA2(n, 256), 15) FROM (%s) AS numbers %s", numbers, where)
		if err := s.Logged(ctx, "USE "+database, insert); err != nil {
			return err
		}
		began := time.Now()
		p, err := s.Run("run", "--until-caught-up", script)
		if err != nil {
			return err
		}
		peak, cpu := stage.Usage(ctx, p)
		if err := stage.Ended(ctx, p); err != nil {
			return err
		}
		took := time.Since(began)
		f.add(fmt.Sprintf("one transaction of %d MB (%d rows)", f.largeMB, rows), "%.1f s, %.0f MB/s", took.Seconds(), float64(f.largeMB)/took.Seconds())
		f.add("… peak memory of starferry", "%d MB", peak>>20)
		f.add("… CPU of starferry", "%.1f s", cpu.Seconds())
		return nil
	})
}
