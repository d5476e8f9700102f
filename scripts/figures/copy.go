package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"starferry/internal/testbed/stage"
)

// sourceFlags make the source one that could be somebody's: rows in memory, none of
// its work in the cost of filling the tables.
var sourceFlags = []string{"--innodb-buffer-pool-size=3G", "--loose-innodb-redo-log-capacity=2G"}

// measureCopy: large tables copied into a target that keeps nothing, while others
// write; what the copy takes, what the source pays, and what the writers notice.
func (f *figures) measureCopy(ctx context.Context) error {
	return on(ctx, f, true, sourceFlags, func(s *scene) error {
		if err := s.fill(ctx, f.tables, f.rows); err != nil {
			return err
		}
		script, err := s.script(f.tables)
		if err != nil {
			return err
		}
		alone, err := s.watch(ctx, f, func() error { return sleep(ctx, f.baseline) })
		if err != nil {
			return err
		}
		var peak int64
		var ferry time.Duration
		copying, err := s.watch(ctx, f, func() error {
			say("copying")
			p, err := s.Run("run", "--until-caught-up", script)
			if err != nil {
				return err
			}
			peak, ferry = stage.Usage(ctx, p)
			return stage.Ended(ctx, p)
		})
		if err != nil {
			return err
		}
		f.report(alone, copying, peak, ferry)
		return nil
	})
}

func (f *figures) report(alone, copying watched, peak int64, ferry time.Duration) {
	rows, seconds := float64(f.tables*f.rows), copying.took.Seconds()
	idle := alone.cpu.Seconds() / alone.took.Seconds()
	extra := copying.cpu.Seconds() - idle*seconds
	f.add(fmt.Sprintf("copy of %d tables of %d rows under writes", f.tables, f.rows), "%.1f s, %.0f rows/s", seconds, rows/seconds)
	f.add("… peak memory of starferry", "%d MB", peak>>20)
	f.add("… CPU of starferry", "%.1f s, %.2f s per million rows", ferry.Seconds(), ferry.Seconds()/rows*1e6)
	f.add("… CPU of mysqld for it", "%.1f s, %.2f s per million rows (%.1f s in all, of which the writers' %.1f)", extra, extra/rows*1e6, copying.cpu.Seconds(), idle*seconds)
	f.add("writers' transactions, before and during", "%.0f/s and %.0f/s", alone.rate(), copying.rate())
	for _, q := range []float64{0.5, 0.99} {
		f.add(fmt.Sprintf("writers' p%.0f, before and during", 100*q), "%v and %v", alone.quantile(q), copying.quantile(q))
	}
}

// fill makes the tables: about 200 bytes a row, without a log.
func (s *scene) fill(ctx context.Context, tables, rows int) error {
	say("filling %d tables with %d rows each", tables, rows)
	statements := []string{"CREATE DATABASE " + database, "USE " + database}
	for i := range tables {
		statements = append(statements, fmt.Sprintf("CREATE TABLE t%d (id INT PRIMARY KEY, k INT NOT NULL, c CHAR(120) NOT NULL, pad CHAR(60) NOT NULL)", i))
	}
	numbers, where := numbersUpTo(rows)
	statements = append(statements, fmt.Sprintf("INSERT INTO t0 SELECT n, n %% 1000, REPEAT(LEFT(SHA2(n, 256), 40), 3), RIGHT(SHA2(n, 256), 60) FROM (%s) AS numbers %s ORDER BY n", numbers, where))
	for i := 1; i < tables; i++ {
		statements = append(statements, fmt.Sprintf("INSERT INTO t%d SELECT * FROM t0", i))
	}
	return s.Exec(ctx, statements...)
}

// numbersUpTo selects the numbers n from 1 on, of which where keeps those up to rows.
func numbersUpTo(rows int) (numbers, where string) {
	const digits = "(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)"
	sum, from := "1", ""
	for n, power := 0, 1; power < rows; n, power = n+1, power*10 {
		sum += fmt.Sprintf(" + %d * d%d.d", power, n)
		from += fmt.Sprintf(", %s d%d", digits, n)
	}
	return fmt.Sprintf("SELECT %s AS n FROM %s", sum, from[2:]), fmt.Sprintf("WHERE n <= %d", rows)
}

// watched is what was seen while something went on.
type watched struct {
	took, cpu time.Duration // cpu of the source's server
	latencies []time.Duration
}

func (w *watched) rate() float64 { return float64(len(w.latencies)) / w.took.Seconds() }

func (w *watched) quantile(q float64) time.Duration {
	if len(w.latencies) == 0 {
		return 0
	}
	slices.Sort(w.latencies)
	return w.latencies[int(q*float64(len(w.latencies)-1))].Round(10 * time.Microsecond)
}

// watch has the writers write while something goes on.
func (s *scene) watch(ctx context.Context, f *figures, what func() error) (watched, error) {
	writing, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var seen watched
	var failed error
	var writers sync.WaitGroup
	for i := range f.writers {
		writers.Go(func() {
			latencies, err := s.write(writing, f, rand.New(rand.NewPCG(uint64(i), 1)))
			mu.Lock()
			defer mu.Unlock()
			seen.latencies = append(seen.latencies, latencies...)
			if err != nil {
				failed = err
			}
		})
	}
	began, before := time.Now(), stage.CPU(s.Source.PID())
	err := what()
	seen.took, seen.cpu = time.Since(began), stage.CPU(s.Source.PID())-before
	cancel()
	writers.Wait()
	if err == nil {
		err = failed
	}
	return seen, err
}

// write changes a row now and then, at a rate that does not depend on how long it
// takes: a writer that waits for a slow answer would hide how many are slow.
func (s *scene) write(ctx context.Context, f *figures, r *rand.Rand) (latencies []time.Duration, err error) {
	for due := time.Now().Add(f.every); ; due = due.Add(f.every) {
		if sleep(ctx, time.Until(due)) != nil {
			return latencies, nil
		}
		statement := fmt.Sprintf("UPDATE %s.t%d SET k = k + 1 WHERE id = %d", database, r.IntN(f.tables), 1+r.IntN(f.rows))
		if _, err := s.Source.DB().ExecContext(ctx, statement); err != nil {
			if ctx.Err() != nil {
				return latencies, nil
			}
			return latencies, err
		}
		latencies = append(latencies, time.Since(due))
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
