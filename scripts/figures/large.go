package main

import (
	"context"
	"fmt"
	"time"
)

// measureLarge: one source transaction that is many times larger than all of the memory
// the ferry may use, into a target that keeps nothing; how much memory it takes.
func (f *figures) measureLarge(ctx context.Context) error {
	flags := append([]string{"--max-binlog-size=1G", "--sync-binlog=0", "--innodb-flush-log-at-trx-commit=0"}, sourceFlags...)
	return on(ctx, f, true, flags, func(s *stage) error {
		if err := s.exec(ctx, "CREATE DATABASE "+database, "CREATE TABLE "+database+".t0 (id INT PRIMARY KEY, c VARCHAR(1000) CHARACTER SET latin1 NOT NULL)"); err != nil {
			return err
		}
		script, err := s.script(1)
		if err != nil {
			return err
		}
		if _, err := s.caughtUp(ctx, script); err != nil {
			return err
		}
		rows := f.largeMB * 1000
		say("one transaction with %d rows of 1 KB", rows)
		numbers, where := numbersUpTo(rows)
		insert := fmt.Sprintf("INSERT INTO t0 SELECT n, REPEAT(SHA2(n, 256), 15) FROM (%s) AS numbers %s", numbers, where)
		if err := s.logged(ctx, "USE "+database, insert); err != nil {
			return err
		}
		began := time.Now()
		p, err := s.run("run", "--until-caught-up", script)
		if err != nil {
			return err
		}
		peak, cpu := usage(p.PID(), p.Done())
		if code, err := p.Wait(ctx); err != nil || code != 0 {
			return ended(code, err, p)
		}
		took := time.Since(began)
		f.add(fmt.Sprintf("one transaction of %d MB (%d rows)", f.largeMB, rows), "%.1f s, %.0f MB/s", took.Seconds(), float64(f.largeMB)/took.Seconds())
		f.add("… peak memory of starferry", "%d MB", peak>>20)
		f.add("… CPU of starferry", "%.1f s", cpu.Seconds())
		return nil
	})
}
