package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"starferry/internal/testbed/stage"
)

// measureStart: many tables that are copied and followed; how long until the next
// process streams, and until a row that was written before it began is visible.
func (f *figures) measureStart(ctx context.Context) error {
	return on(ctx, f, false, nil, func(s *scene) error {
		statements := []string{"CREATE DATABASE " + database}
		for i := range f.manyTables {
			statements = append(statements,
				fmt.Sprintf("CREATE TABLE %s.t%d (id INT PRIMARY KEY, v INT, w VARCHAR(100))", database, i),
				fmt.Sprintf("INSERT INTO %s.t%d VALUES (0, 0, 'zero'), (1, 1, 'one')", database, i))
		}
		if err := s.Exec(ctx, statements...); err != nil {
			return err
		}
		script, err := s.script(f.manyTables)
		if err != nil {
			return err
		}
		if _, err := s.CaughtUp(ctx, script); err != nil {
			return err
		}
		var streams, visible []time.Duration
		for i := range f.starts {
			a, b, err := s.startOnce(ctx, script, 100+i, f.manyTables-1)
			if err != nil {
				return err
			}
			streams, visible = append(streams, a), append(visible, b)
			say("start %d: streams after %v, a row is visible after %v", i+1, a.Round(time.Millisecond), b.Round(time.Millisecond))
		}
		slices.Sort(streams)
		slices.Sort(visible)
		f.add(fmt.Sprintf("start with %d tables until it streams again", f.manyTables), "%v (median of %d; most %v)",
			streams[f.starts/2].Round(time.Millisecond), f.starts, streams[f.starts-1].Round(time.Millisecond))
		f.add("… until a row written before the start is visible", "%v (median; most %v)",
			visible[f.starts/2].Round(time.Millisecond), visible[f.starts-1].Round(time.Millisecond))
		return nil
	})
}

func (s *scene) startOnce(ctx context.Context, script string, id, table int) (streams, visible time.Duration, err error) {
	if _, err := s.Source.DB().ExecContext(ctx, fmt.Sprintf("INSERT INTO %s.t%d VALUES (?, 1, 'new')", database, table), id); err != nil {
		return 0, 0, err
	}
	began := time.Now()
	p, err := s.Run("run", "--progress-interval", "5ms", script)
	if err != nil {
		return 0, 0, err
	}
	if _, err := p.WaitLine(ctx, "state=streaming"); err != nil {
		return 0, 0, err
	}
	streams = time.Since(began)
	for n := 0; n == 0; {
		if err := s.Target.QueryRowContext(ctx, fmt.Sprintf("SELECT COUNT(*) FROM %s.t%d WHERE id = %d", database, table, id)).Scan(&n); err != nil {
			return 0, 0, err
		}
		if n == 0 {
			time.Sleep(2 * time.Millisecond) // nothing signals what another process has loaded
		}
	}
	visible = time.Since(began)
	return streams, visible, stage.Interrupted(ctx, p)
}
