package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"starferry/internal/testbed"
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
	return on(ctx, f, false, []string{"--sync-binlog=0", "--innodb-flush-log-at-trx-commit=0"}, func(s *stage) error {
		statements := []string{"CREATE DATABASE " + database, "USE " + database}
		for i := range f.databaseTables {
			statements = append(statements, fmt.Sprintf("CREATE TABLE t%d (id INT AUTO_INCREMENT PRIMARY KEY, v INT, w VARCHAR(100), x DATETIME, y DECIMAL(10,2))", i),
				fmt.Sprintf("INSERT INTO t%d (v, w) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i, 'text' FROM n", i, rowsOfEach))
		}
		say("%d tables of %d rows", f.databaseTables, rowsOfEach)
		if err := s.exec(ctx, statements...); err != nil {
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

func (s *stage) wholeDatabase(ctx context.Context, f *figures, d delivered) error {
	into := "as_" + d.name[:2]
	script, err := s.databaseScript(f, d, into)
	if err != nil {
		return err
	}
	p, copied, err := s.followDatabase(ctx, d, script)
	if err != nil {
		return err
	}
	f.add(fmt.Sprintf("%d tables, %s: until all are copied", f.databaseTables, d.name), "%.1f s, %d MB of memory", copied.Seconds(), peakOf(p.PID())>>20)
	before := cpuOf(p.PID())
	if err := sleep(ctx, idleFor); err != nil {
		return err
	}
	f.add("… idle", "%.1f %% of a core", 100*(cpuOf(p.PID())-before).Seconds()/idleFor.Seconds())
	name := "late_" + d.name[:2]
	late, err := s.until(ctx, into+"."+name, 1, "CREATE TABLE "+name+" (id INT PRIMARY KEY)", "INSERT INTO "+name+" VALUES (1)")
	if err != nil {
		return err
	}
	f.add("… a table that comes later, with its row", "visible after %v", late.Round(time.Millisecond))
	before = cpuOf(p.PID())
	var changes []string
	for i := range smallTxns {
		changes = append(changes, fmt.Sprintf("INSERT INTO t%d (v) VALUES (%d)", i*7919%f.databaseTables, i))
	}
	busy, err := s.until(ctx, into+"."+name, 2, append(changes, "INSERT INTO "+name+" VALUES (2)")...)
	if err != nil {
		return err
	}
	f.add(fmt.Sprintf("… %d transactions all over the tables", smallTxns), "visible after %.1f s, %.2f s of CPU", busy.Seconds(), (cpuOf(p.PID()) - before).Seconds())
	peak := peakOf(p.PID())
	p.Interrupt()
	if code, err := p.Wait(ctx); err != nil || code != 0 {
		return ended(code, err, p)
	}
	p, again, err := s.followDatabase(ctx, d, script)
	if err != nil {
		return err
	}
	f.add("… started again until it streams", "%.1f s; at most %d MB of memory before, %d MB now", again.Seconds(), peak>>20, peakOf(p.PID())>>20)
	p.Interrupt()
	code, err := p.Wait(ctx)
	if err != nil || code != 0 {
		return ended(code, err, p)
	}
	return nil
}

// followDatabase starts the binary and waits until it streams.
func (s *stage) followDatabase(ctx context.Context, d delivered, script string) (*testbed.Program, time.Duration, error) {
	began := time.Now()
	p, err := s.run("run", "--data-dir", d.name, "--progress-interval", "100ms", script)
	if err != nil {
		return nil, 0, err
	}
	if _, err := p.WaitLine(ctx, "state=copying"); err == nil {
		say("%s: reads the log after %v", d.name, time.Since(began).Round(time.Millisecond))
	}
	if _, err := p.WaitLine(ctx, "state=streaming"); err != nil {
		return nil, 0, fmt.Errorf("%w: %s", err, p.Output())
	}
	return p, time.Since(began), nil
}

// until runs statements at the source, in one transaction each, and waits for the number
// of rows of a target table.
func (s *stage) until(ctx context.Context, table string, rows int, statements ...string) (time.Duration, error) {
	began := time.Now()
	if err := s.logged(ctx, append([]string{"USE " + database}, statements...)...); err != nil {
		return 0, err
	}
	for {
		var n int
		if err := s.target.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+table).Scan(&n); err == nil && n == rows {
			return time.Since(began), nil
		} else if errors.Is(err, sql.ErrConnDone) {
			return 0, err
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil { // nothing signals what another process has loaded
			return 0, err
		}
	}
}

func (s *stage) databaseScript(f *figures, d delivered, into string) (string, error) {
	path := filepath.Join(s.dir, into+".sql")
	return path, os.WriteFile(path, fmt.Appendf(nil, `%s
CREATE CATALOG mysql WITH ('type' = 'mysql', 'hostname' = '%s', 'port' = '%d', 'username' = '%s', 'password' = '%s');
CREATE CATALOG sr WITH ('type' = 'starrocks', 'endpoint' = '%s', 'load-url' = '%s', 'username' = 'root', 'password' = ''%s);
CREATE DATABASE IF NOT EXISTS sr.%s WITH ('starrocks.create.table.properties' = 'buckets 1', 'starrocks.create.table.mode' = 'simple', 'sink.buffer-flush.interval-ms' = '1000') AS DATABASE mysql.%s;
`, f.settings+d.settings, s.source.Host, s.source.Port, s.source.User, s.source.Password, s.queryAddr, s.loadTo, d.sink, into, database), 0o600)
}
