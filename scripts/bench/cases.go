package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"starferry/internal/testbed/dataset"
	"starferry/internal/testbed/stage"
)

// database holds the tables at the source and at the target.
const database = "bench"

// perTransaction is how many rows a transaction changes unless it is a single one.
const perTransaction = 1000

// roadCase is rows that are carried from one end to the other.
type roadCase struct {
	name string
	set  *dataset.Set
	// work is written into the log first; without it the table is copied.
	work *dataset.Workload
	rows int // of the full measurement
	// tables takes the rows, one after the other, if it is more than one.
	tables int
	// settings and sink are what the script says of the delivery.
	settings, sink string
}

const (
	exactlyOnce    = ", 'sink.semantic' = 'exactly-once'"
	everySecond    = "SET 'execution.checkpointing.interval' = '1 s';"
	positionInside = everySecond + " SET 'delivery.exactly-once' = 'position-inside';"
)

var roadCases = []roadCase{
	{name: "copy narrow", set: dataset.Narrow, rows: 3_000_000},
	{name: "copy wide", set: dataset.Wide, rows: 1_000_000},
	{name: "log narrow inserts", set: dataset.Narrow, work: dataset.Inserts, rows: 3_000_000},
	{name: "log wide inserts", set: dataset.Wide, work: dataset.Inserts, rows: 1_000_000},
	{name: "log narrow singles", set: dataset.Narrow, work: dataset.Singles, rows: 1_000_000},
	{name: "log narrow updates", set: dataset.Narrow, work: dataset.Updates, rows: 1_000_000},
	{name: "log wide updates", set: dataset.Wide, work: dataset.Updates, rows: 300_000},
	{name: "log narrow deletes", set: dataset.Narrow, work: dataset.Deletes, rows: 1_000_000},
	{name: "log narrow key updates", set: dataset.Narrow, work: dataset.KeyUpdates, rows: 500_000},
	{name: "log 1000 tables", set: dataset.Narrow, work: dataset.Inserts, rows: 1_000_000, tables: 1000},
	// What is promised: each beside "log narrow inserts", which is at-least-once.
	{name: "delivery two-phase", set: dataset.Narrow, work: dataset.Inserts, rows: 3_000_000, settings: everySecond, sink: exactlyOnce},
	{name: "delivery position-inside", set: dataset.Narrow, work: dataset.Inserts, rows: 3_000_000, settings: positionInside, sink: exactlyOnce},
	// How cost grows: each beside the same with more of one thing.
	{name: "growth 100 k rows", set: dataset.Narrow, work: dataset.Inserts, rows: 100_000},
	{name: "growth 1 M rows", set: dataset.Narrow, work: dataset.Inserts, rows: 1_000_000},
	{name: "growth 8 columns", set: ints8, work: dataset.Inserts, rows: 2_000_000},
	{name: "growth 32 columns", set: ints32, work: dataset.Inserts, rows: 500_000},
	{name: "growth 128 columns", set: ints128, work: dataset.Inserts, rows: 125_000},
	{name: "growth 10 tables", set: dataset.Narrow, work: dataset.Inserts, rows: 1_000_000, tables: 10},
	{name: "growth 100 tables", set: dataset.Narrow, work: dataset.Inserts, rows: 1_000_000, tables: 100},
}

var ints8, ints32, ints128 = dataset.Ints(8), dataset.Ints(32), dataset.Ints(128)

func roadNames() (names []string) {
	for _, c := range roadCases {
		names = append(names, c.name)
	}
	return names
}

// measured is a case with all its runs, the limits' beside ours.
type measured struct {
	Name    string `json:"name"`
	Rows    int    `json:"rows"`  // changed, or copied
	Bytes   int64  `json:"bytes"` // on the wire from MySQL
	Columns int    `json:"columns"`
	Tables  int    `json:"tables"`
	// Base are runs with one row: what a start costs.
	Base []run `json:"base"`
	Runs []run `json:"runs"`
	// Client is mysql --quick for a copy, mysqlbinlog --raw for a log.
	Client []reading `json:"client"`
	Drain  []reading `json:"drain"`
}

// measureRoads measures the cases, on one stage.
func measureRoads(ctx context.Context, b *bench) error {
	return b.play(ctx, true, sourceFlags, func(s *stage.Stage) error {
		if err := s.Exec(ctx, "CREATE DATABASE "+database); err != nil {
			return err
		}
		if _, err := s.Target.ExecContext(ctx, "CREATE DATABASE "+database); err != nil {
			return err
		}
		r := &roads{bench: b, Stage: s, filled: map[*dataset.Set]int{}}
		for _, c := range roadCases {
			if !b.wants(c.name) {
				continue
			}
			if err := r.measure(ctx, c); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		return nil
	})
}

// roads is the stage of the cases.
type roads struct {
	*bench
	*stage.Stage
	filled         map[*dataset.Set]int
	runs           int
	settings, sink string // of the case at hand
	before         stopped
}

// fill has a table of the set with at least so many rows, named after it, and one with one row.
func (r *roads) fill(ctx context.Context, set *dataset.Set, rows int) error {
	if r.filled[set] >= rows {
		return nil
	}
	table := database + "." + set.Name
	for _, c := range roadCases { // of all that are to come, at once
		if c.set == set && r.wants(c.name) {
			rows = max(rows, r.rows(c.rows))
		}
	}
	say("filling %s with %d rows", table, rows)
	for name, count := range map[string]int{table: rows, table + "_one": 1} {
		if err := set.Fill(ctx, r.Source.DB(), r.Source.Dir(), name, r.seed, count); err != nil {
			return err
		}
	}
	r.filled[set] = rows
	return nil
}

func (r *roads) measure(ctx context.Context, c roadCase) error {
	rows := r.rows(c.rows)
	if err := r.fill(ctx, c.set, rows); err != nil {
		return err
	}
	say("%s", c.name)
	m := &measured{Name: c.name, Rows: rows, Columns: c.set.Width, Tables: max(1, c.tables)}
	r.settings, r.sink = c.settings, c.sink
	var err error
	if c.work == nil {
		err = r.measureCopy(ctx, c, m)
	} else {
		err = r.measureLog(ctx, c, m)
	}
	if err != nil {
		return err
	}
	r.report.add(m)
	return nil
}

// noTLS has every client talk alike.
const noTLS = ", 'ssl-mode' = 'disabled'"

// soon has the last rows of a run not wait for the second that two loads are apart otherwise:
// what is measured is how fast rows are carried, not how long the last ones rest.
const soon = ", 'sink.buffer-flush.interval-ms' = '100'"

// script writes a script for tables of the database.
func (r *roads) script(from string, tables ...string) (string, error) {
	return r.Write(stage.Script{Name: "bench", Settings: r.settings, Database: database, Tables: tables, From: noTLS + from, Sink: soon + r.sink})
}

// once runs the script from where the case begins.
func (r *roads) once(ctx context.Context, script string, rows int64) (run, error) {
	return r.onceWith(ctx, script, rows, nil)
}

func (r *roads) onceWith(ctx context.Context, script string, rows int64, beside func(string)) (done run, err error) {
	r.runs++
	dir := fmt.Sprintf("state-%d", r.runs)
	defer func() { err = errors.Join(err, os.RemoveAll(filepath.Join(r.Dir, dir))) }()
	if err := r.putBack(ctx, dir); err != nil {
		return done, err
	}
	return follow(ctx, r.Stage, script, dir, database, rows, beside)
}

// measureCopy copies a table that is there, which has as many rows as the set was filled with.
func (r *roads) measureCopy(ctx context.Context, c roadCase, m *measured) error {
	m.Rows = r.filled[c.set]
	one, err := r.script("", c.set.Name+"_one")
	if err != nil {
		return err
	}
	if err := r.base(ctx, one, m); err != nil {
		return err
	}
	script, err := r.script("", c.set.Name)
	if err != nil {
		return err
	}
	query := "SELECT * FROM " + database + "." + c.set.Name
	return r.repeated(ctx, m, script, int64(m.Rows),
		func() (reading, error) { return readByMySQL(ctx, r.Stage, query) },
		func() (reading, error) { return drainSocket(ctx, r.Stage, "query", query) })
}

// base measures what a start costs, with one row to become visible.
func (r *roads) base(ctx context.Context, script string, m *measured) error {
	for range r.repeat {
		one, err := r.once(ctx, script, 1)
		if err != nil {
			return err
		}
		m.Base = append(m.Base, one)
	}
	return nil
}

// repeated measures the limits and ours by turns, so that what changes on the machine
// meanwhile meets them all.
func (r *roads) repeated(ctx context.Context, m *measured, script string, rows int64, client, drain func() (reading, error)) error {
	for i := range r.repeat {
		c, err := client()
		if err != nil {
			return err
		}
		d, err := drain()
		if err != nil {
			return err
		}
		o, err := r.once(ctx, script, rows)
		if err != nil {
			return err
		}
		m.Client, m.Drain, m.Runs, m.Bytes = append(m.Client, c), append(m.Drain, d), append(m.Runs, o), d.Bytes
		say("run %d: client %.2f s, drain %.2f s, starferry %.2f s (%.2f s of CPU, %d MB)", i+1, c.Seconds, d.Seconds, o.Seconds, o.CPU, o.Peak>>20)
	}
	if r.profiles == "" {
		return nil
	}
	_, err := r.onceWith(ctx, script, rows, func(profiles string) {
		if err := r.profile(ctx, profiles, m); err != nil {
			say("no profile of %s: %v", m.Name, err)
		}
	})
	return err
}
