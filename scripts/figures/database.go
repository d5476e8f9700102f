package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"starferry/internal/testbed"

	"starferry/internal/testbed/stage"
)

// rowsOfEach are the rows of a small table; idleFor is how long an idle process is watched.
const (
	rowsOfEach = 20
	idleFor    = 10 * time.Second
	smallTxns  = 5000
)

// measureDatabase: one statement for a database of many small tables. How long until all
// of them are copied and followed, what that takes, and how soon a table is followed that
// comes later.
func (f *figures) measureDatabase(ctx context.Context) error {
	return on(ctx, f, false, []string{"--sync-binlog=0", "--innodb-flush-log-at-trx-commit=0"}, func(s *scene) error {
		statements := []string{"CREATE DATABASE " + database, "USE " + database}
		for i := range f.databaseTables {
			statements = append(statements, fmt.Sprintf("CREATE TABLE t%d (id INT AUTO_INCREMENT PRIMARY KEY, v INT, w VARCHAR(100), x DATETIME, y DECIMAL(10,2))", i),
				fmt.Sprintf("INSERT INTO t%d (v, w) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i, 'text' FROM n", i, rowsOfEach))
		}
		say("%d tables of %d rows", f.databaseTables, rowsOfEach)
		if err := s.Exec(ctx, statements...); err != nil {
			return err
		}
		for _, d := range deliveries[:2] {
			if err := s.wholeDatabase(ctx, f, d); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *scene) wholeDatabase(ctx context.Context, f *figures, d delivered) error {
	into := "as_" + d.name[:2]
	script, err := s.databaseScript(f, d, into)
	if err != nil {
		return err
	}
	p, copied, err := s.followDatabase(ctx, d, script)
	if err != nil {
		return err
	}
	f.add(fmt.Sprintf("%d tables, %s: until all are copied", f.databaseTables, d.name), "%.1f s, %d MB of memory", copied.Seconds(), stage.Peak(p.PID())>>20)
	before := stage.CPU(p.PID())
	if err := sleep(ctx, idleFor); err != nil {
		return err
	}
	f.add("… idle", "%.1f %% of a core", 100*(stage.CPU(p.PID())-before).Seconds()/idleFor.Seconds())
	name := "late_" + d.name[:2]
	late, err := s.until(ctx, into+"."+name, 1, "CREATE TABLE "+name+" (id INT PRIMARY KEY)", "INSERT INTO "+name+" VALUES (1)")
	if err != nil {
		return err
	}
	f.add("… a table that comes later, with its row", "visible after %v", late.Round(time.Millisecond))
	before = stage.CPU(p.PID())
	var changes []string
	for i := range smallTxns {
		changes = append(changes, fmt.Sprintf("INSERT INTO t%d (v) VALUES (%d)", i*7919%f.databaseTables, i))
	}
	busy, err := s.until(ctx, into+"."+name, 2, append(changes, "INSERT INTO "+name+" VALUES (2)")...)
	if err != nil {
		return err
	}
	f.add(fmt.Sprintf("… %d transactions all over the tables", smallTxns), "visible after %.1f s, %.2f s of CPU", busy.Seconds(), (stage.CPU(p.PID()) - before).Seconds())
	peak := stage.Peak(p.PID())
	if err := stage.Interrupted(ctx, p); err != nil {
		return err
	}
	p, again, err := s.followDatabase(ctx, d, script)
	if err != nil {
		return err
	}
	f.add("… started again until it streams", "%.1f s; at most %d MB of memory before, %d MB now", again.Seconds(), peak>>20, stage.Peak(p.PID())>>20)
	return stage.Interrupted(ctx, p)
}

// followDatabase starts the binary and waits until it streams.
func (s *scene) followDatabase(ctx context.Context, d delivered, script string) (*testbed.Program, time.Duration, error) {
	began := time.Now()
	p, err := s.Run("run", "--data-dir", d.name, "--progress-interval", "100ms", script)
	if err != nil {
		return nil, 0, err
	}
	if _, err := p.WaitLine(ctx, "state=streaming"); err != nil {
		return nil, 0, fmt.Errorf("%w: %s", err, p.Output())
	}
	return p, time.Since(began), nil
}

// until runs statements at the source, in one transaction each, and waits for the number
// of rows of a target table.
func (s *scene) until(ctx context.Context, table string, rows int, statements ...string) (time.Duration, error) {
	began := time.Now()
	if err := s.Logged(ctx, append([]string{"USE " + database}, statements...)...); err != nil {
		return 0, err
	}
	for {
		var n int
		if err := s.Target.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+table).Scan(&n); err == nil && n == rows {
			return time.Since(began), nil
		} else if errors.Is(err, sql.ErrConnDone) {
			return 0, err
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil { // nothing signals what another process has loaded
			return 0, err
		}
	}
}

func (s *scene) databaseScript(f *figures, d delivered, into string) (string, error) {
	return s.WriteWhole(stage.Script{Name: into, Settings: f.settings + d.settings, Database: database, Sink: d.sink}, into)
}
