package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"starferry/internal/testbed"
	"starferry/internal/testbed/stage"
)

// idled is a process that follows many tables in which nothing happens.
type idled struct {
	Delivery string  `json:"delivery"`
	Tables   int     `json:"tables"`
	Started  float64 `json:"seconds_until_streaming"`
	// NewTable is from a CREATE TABLE until the table is followed and its rows are copied.
	NewTable  float64 `json:"seconds_until_a_new_table_is_copied"`
	CPU       float64 `json:"cpu_percent_of_a_core"`
	ServerCPU float64 `json:"mysqld_cpu_percent_of_a_core"`
	Mallocs   float64 `json:"mallocs_per_second"`
	Resident  int64   `json:"resident_bytes"`
	Peak      int64   `json:"peak_bytes"`
}

const idleTables, idleName = 2000, "idle 2000 tables"

// measureIdle has one statement follow a database of small tables.
func measureIdle(ctx context.Context, b *bench) error {
	return b.play(ctx, true, sourceFlags, func(s *stage.Stage) error {
		tables := idleTables
		if b.quick {
			tables /= 10
		}
		say("%d idle tables", tables)
		statements := []string{"CREATE DATABASE " + database, "USE " + database}
		for i := range tables {
			statements = append(statements, fmt.Sprintf("CREATE TABLE t%d (id INT AUTO_INCREMENT PRIMARY KEY, v INT, w VARCHAR(100), x DATETIME, y DECIMAL(10,2))", i),
				fmt.Sprintf("INSERT INTO t%d (v, w) VALUES (1, 'a'), (2, 'b'), (3, 'c')", i))
		}
		if err := s.Exec(ctx, statements...); err != nil {
			return err
		}
		for _, delivery := range []string{"at-least-once", "exactly-once"} {
			name := "idle_" + strings.ReplaceAll(delivery, "-", "_")
			script, err := s.WriteWhole(stage.Script{Name: name, Database: database, From: noTLS, Sink: ", 'sink.semantic' = '" + delivery + "'"}, name)
			if err != nil {
				return err
			}
			for range b.repeat {
				one, err := b.idleOnce(ctx, s, script, tables)
				if err != nil {
					return err
				}
				one.Delivery, tables = delivery, tables+1
				b.report.Idle = append(b.report.Idle, one)
			}
		}
		return nil
	})
}

func (b *bench) idleOnce(ctx context.Context, s *stage.Stage, script string, tables int) (idled, error) {
	watched := 10 * time.Second
	if b.quick {
		watched = 3 * time.Second
	}
	began := time.Now()
	p, err := s.Run("run", "--progress-interval", "100ms", "--pprof", "127.0.0.1:0", script)
	if err != nil {
		return idled{}, err
	}
	defer p.Kill()
	profiles, err := profilesOf(ctx, p)
	if err != nil {
		return idled{}, err
	}
	if _, err := p.WaitLine(ctx, "state=streaming"); err != nil {
		return idled{}, err
	}
	one := idled{Tables: tables, Started: time.Since(began).Seconds()}
	if err := sleep(ctx, 2*time.Second); err != nil { // what a start leaves to do
		return one, err
	}
	allocated, err := mallocs(ctx, profiles)
	if err != nil {
		return one, err
	}
	cpu, server, from := stage.CPU(p.PID()), stage.CPU(s.Source.PID()), time.Now()
	if err := sleep(ctx, watched); err != nil {
		return one, err
	}
	share := 100 / time.Since(from).Seconds()
	one.CPU, one.ServerCPU = (stage.CPU(p.PID())-cpu).Seconds()*share, (stage.CPU(s.Source.PID())-server).Seconds()*share
	after, err := mallocs(ctx, profiles)
	if err != nil {
		return one, err
	}
	one.Mallocs, one.Resident, one.Peak = float64(after-allocated)/time.Since(from).Seconds(), stage.Resident(p.PID()), stage.Peak(p.PID())
	if one.NewTable, err = newTable(ctx, s, p, fmt.Sprintf("%s.new%d", database, tables)); err != nil {
		return one, err
	}
	return one, stage.Interrupted(ctx, p)
}

// newTable creates a table with rows and waits until it is copied.
func newTable(ctx context.Context, s *stage.Stage, p *testbed.Program, name string) (seconds float64, err error) {
	created := time.Now()
	if err := s.Logged(ctx, "CREATE TABLE "+name+" (id INT PRIMARY KEY, v INT)", "INSERT INTO "+name+" VALUES (1, 1), (2, 2), (3, 3)"); err != nil {
		return 0, err
	}
	_, err = p.WaitLine(ctx, name+" copied: ")
	return time.Since(created).Seconds(), err
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
