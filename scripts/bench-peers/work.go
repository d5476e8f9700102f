package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"starferry/internal/testbed"
)

// The measures.
const (
	start   = "start"
	copying = "copy"
	catchUp = "catch-up"
)

// lookEvery is how often the target is asked; the answer costs it nothing.
const lookEvery = 5 * time.Millisecond

// work is what one program has to do: a target of its own, which lives as long as its state.
type work struct {
	source               *source
	program              *program
	set                  *set
	dir                  string
	emulator             *testbed.Program
	query, http, backend string
	target               *sql.DB
	lost                 bool // it failed, so that there is nothing to go on from
}

// result is a measure of one program. Times are seconds from the start of its process.
type result struct {
	Source    string  `json:"source"`
	Program   string  `json:"program"`
	Set       string  `json:"set"`
	Measure   string  `json:"measure"`
	Rows      int     `json:"rows"`
	First     float64 `json:"first_row_s"` // until the first row was visible
	Took      float64 `json:"all_rows_s"`  // until all were
	CPU       float64 `json:"cpu_s"`
	SourceCPU float64 `json:"source_cpu_s"`
	Peak      int64   `json:"peak_bytes"` // resident
	Half      *half   `json:"half,omitempty"`
	Failed    string  `json:"failed,omitempty"`
}

// half is the first look at the target that showed half of the rows or more, but not all:
// from there on a program is warm. What it had read by then and not yet loaded makes the
// rest look cheaper than it is.
type half struct {
	Rows    float64 `json:"rows"` // that were done
	Seconds float64 `json:"s"`
	CPU     float64 `json:"cpu_s"`
}

// first has a program do a thing with nothing done before. Without work there is no target.
func (b *bench) first(ctx context.Context, s *source, p *program, t *set, rows int, measure string) (result, *work) {
	failed := func(err error) (result, *work) {
		return b.note(result{Source: s.name(), Program: p.Name, Set: t.name, Measure: measure, Rows: rows, Failed: err.Error()}), nil
	}
	want, err := s.content(ctx, t)
	if err != nil {
		return failed(err)
	}
	w, err := b.newWork(ctx, s, p, t)
	if err != nil {
		return failed(errors.Join(err, w.end()))
	}
	return b.once(ctx, w, want, rows, measure), w
}

func (b *bench) newWork(ctx context.Context, s *source, p *program, t *set) (w *work, err error) {
	w = &work{source: s, program: p, set: t}
	if w.dir, err = os.MkdirTemp("", "starferry-peers-"); err != nil {
		return w, err
	}
	if w.emulator, err = testbed.StartProgram(b.binary, testbed.RunOptions{Dir: w.dir,
		Args: []string{"emulator", "--query-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0", "--be-http-addr", "127.0.0.1:0"}}); err != nil {
		return w, err
	}
	if _, err := w.emulator.WaitLine(ctx, "ready"); err != nil {
		return w, err
	}
	for line := range strings.Lines(w.emulator.Output()) {
		if name, address, found := strings.Cut(line, " "); found {
			if into := map[string]*string{"query": &w.query, "http": &w.http, "be-http": &w.backend}[name]; into != nil {
				*into = strings.TrimSpace(address)
			}
		}
	}
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.InterpolateParams = "tcp", w.query, "root", true
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return w, err
	}
	w.target = sql.OpenDB(connector)
	statements := []string{"CREATE DATABASE " + database}
	if !p.makesTable {
		statements = append(statements, fmt.Sprintf("CREATE TABLE %s.%s (%s) PRIMARY KEY (id) DISTRIBUTED BY HASH (id) BUCKETS 1 PROPERTIES ('replication_num' = '1')", database, t.name, t.target))
	}
	for _, statement := range statements {
		if _, err := w.target.ExecContext(ctx, statement); err != nil {
			return w, fmt.Errorf("%.80s: %w", statement, err)
		}
	}
	return w, nil
}

func (w *work) end() (err error) {
	if w.target != nil {
		err = w.target.Close()
	}
	if w.emulator != nil {
		w.emulator.Kill()
	}
	if w.dir != "" {
		err = errors.Join(err, os.RemoveAll(w.dir))
	}
	return err
}

// once has the program go on from where it is until the target holds what it should, then
// stops it in good order.
func (b *bench) once(ctx context.Context, w *work, want content, rows int, measure string) result {
	r := result{Source: w.source.name(), Program: w.program.Name, Set: w.set.name, Measure: measure, Rows: rows}
	if err := b.watch(ctx, w, want, &r); err != nil {
		r.Failed, w.lost = err.Error(), true
	}
	return b.note(r)
}

func (b *bench) watch(ctx context.Context, w *work, want content, r *result) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, b.limit, fmt.Errorf("not done after %v", b.limit))
	defer cancel()
	before, err := w.visible(ctx)
	if err != nil {
		return err
	}
	sourceBefore, err := cpuOf(w.source.server.PID())
	if err != nil {
		return err
	}
	began := time.Now()
	p, err := w.program.begin(w)
	if err != nil {
		return err
	}
	defer func() {
		p.Kill()
		err = errors.Join(err, b.keepOutput(p, r))
	}()
	if r.First, err = w.await(ctx, p, began, func() (bool, error) {
		n, err := w.visible(ctx)
		return n != before, err
	}); err != nil {
		return err
	}
	if r.Took, err = w.await(ctx, p, began, func() (bool, error) {
		n, err := w.visible(ctx)
		if err != nil || n == want.rows {
			return err == nil && w.sumIs(ctx, want.sum), err
		}
		if part := float64(n-before) / float64(want.rows-before); r.Half == nil && part >= 0.5 {
			cpu, err := cpuOf(p.PID())
			r.Half = &half{part * float64(r.Rows), time.Since(began).Seconds(), cpu.Seconds()}
			return false, err
		}
		return false, nil
	}); err != nil {
		return err
	}
	cpu, err := cpuOf(p.PID())
	if err != nil {
		return err
	}
	if r.Peak, err = peakOf(p.PID()); err != nil {
		return err
	}
	sourceAfter, err := cpuOf(w.source.server.PID())
	if err != nil {
		return err
	}
	r.CPU, r.SourceCPU = cpu.Seconds(), (sourceAfter - sourceBefore).Seconds()
	digest, err := digestOf(ctx, w.target, w.set)
	if err != nil {
		return err
	}
	if digest != want.digest {
		return errors.New("the target has other cells than the source")
	}
	p.Interrupt()
	if code, err := p.Wait(ctx); err != nil || code != 0 {
		return fmt.Errorf("it did not stop in good order, exit code %d (%w): %s", code, err, lastWords(p))
	}
	return nil
}

func (b *bench) keepOutput(p *testbed.Program, r *result) error {
	if b.logs == "" {
		return nil
	}
	name := strings.Map(func(c rune) rune {
		if strings.ContainsRune(" ,/", c) {
			return '-'
		}
		return c
	}, strings.Join([]string{r.Source, r.Program, r.Set, r.Measure}, "-")) + ".log"
	return errors.Join(os.MkdirAll(b.logs, 0o755), os.WriteFile(filepath.Join(b.logs, name), []byte(p.Output()), 0o644))
}

// await asks until the answer is yes; the seconds are those at which that question was asked.
func (w *work) await(ctx context.Context, p *testbed.Program, began time.Time, done func() (bool, error)) (float64, error) {
	for {
		asked := time.Since(began)
		if yes, err := done(); err != nil && ctx.Err() == nil {
			return 0, err
		} else if yes {
			return asked.Seconds(), nil
		}
		select {
		case <-p.Done():
			return 0, fmt.Errorf("it ended: %s", lastWords(p))
		case <-ctx.Done():
			return 0, fmt.Errorf("%w: %s", context.Cause(ctx), lastWords(p))
		case <-time.After(lookEvery): // nothing signals what another process has loaded
		}
	}
}

// visible is how many rows the target shows, 0 while it has no such table.
func (w *work) visible(ctx context.Context) (int64, error) {
	n, err := countOf(ctx, w.target, w.set)
	var refused *mysql.MySQLError
	if errors.As(err, &refused) {
		return 0, nil // not made yet
	}
	return n, err
}

// sumIs asks for what costs the target more than a look; an answer that fails is none.
func (w *work) sumIs(ctx context.Context, want string) bool {
	sum, err := sumOf(ctx, w.target, w.set)
	return err == nil && sum == want
}

// lastWords are what a program said of its failure, or the end of what it said.
func lastWords(p *testbed.Program) string {
	text := p.Output()
	for line := range strings.Lines(text) {
		if why, found := strings.CutPrefix(line, "failed: "); found {
			return strings.TrimSpace(why)
		}
	}
	return strings.TrimSpace(text[max(0, len(text)-1000):])
}

// note keeps a result and tells of it.
func (b *bench) note(r result) result {
	b.report.Results = append(b.report.Results, r)
	if r.Failed != "" {
		say("%s, %s, %s of %s: FAILED: %s", r.Source, r.Program, r.Measure, r.Set, r.Failed)
		return r
	}
	say("%s, %s, %s of %s: first row after %.2f s, all %d after %.2f s, %.2f s of CPU, %d MB", r.Source, r.Program, r.Measure, r.Set, r.First, r.Rows, r.Took, r.CPU, r.Peak>>20)
	return r
}
