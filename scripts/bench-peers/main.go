// Bench-peers has Flink CDC, Debezium's engine and starferry do the same work, one after
// the other, from the same server and into the same kind of target, and prints what each
// of them takes. The servers are private ones of the testbed, the target is starferry
// emulator, the peers are the unmodified artifacts of Maven's repository with as little of
// ours around them as possible (java/). A number is printed only when the target then had
// every row as the source has it; who cannot do a thing is printed with its own words.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"starferry/internal/testbed"
)

// bench is what is to be measured.
type bench struct {
	binary, java, out, logs string
	rows, changes           int
	limit                   time.Duration
	sources, sets, pattern  string
	quick                   bool
	report                  report
}

func main() {
	b := &bench{}
	flag.StringVar(&b.binary, "binary", "bin/starferry", "the program to measure beside its peers")
	flag.StringVar(&b.java, "java", "scripts/bench-peers/java", "where the peers' Maven project is")
	flag.StringVar(&b.out, "out", "bench/results", "folder for peers.md and peers.json; none to only print")
	flag.StringVar(&b.logs, "logs", "", "folder for what the programs print; none to forget it")
	flag.IntVar(&b.rows, "rows", 300_000, "rows of each table that is copied")
	flag.IntVar(&b.changes, "changes", 200_000, "rows that change for the catch-up, at most as many as are copied")
	flag.DurationVar(&b.limit, "limit", 3*time.Minute, "how long a program may take for one measure")
	flag.StringVar(&b.sources, "sources", "mysql,mariadb", "servers to read from")
	flag.StringVar(&b.sets, "sets", "narrow,mixed", "tables to copy and follow")
	flag.StringVar(&b.pattern, "programs", "", "measure only programs whose name contains this, and starferry")
	flag.BoolVar(&b.quick, "quick", false, "a tenth of the rows, one table: shows that all of it works, not how fast it is")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := b.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func (b *bench) run(ctx context.Context) error {
	if b.quick {
		b.rows, b.changes, b.sets = b.rows/10, b.changes/10, "narrow"
	}
	if b.changes > b.rows || b.changes < changesOfEach || b.rows < 1 {
		return fmt.Errorf("-changes has to be from %d to the number of -rows", changesOfEach)
	}
	var err error
	if b.binary, err = filepath.Abs(b.binary); err != nil {
		return err
	}
	if b.java, err = filepath.Abs(b.java); err != nil {
		return err
	}
	programs, err := b.programs(ctx)
	if err != nil {
		return err
	}
	b.describe(ctx)
	b.report.Programs = programs
	for name := range strings.SplitSeq(b.sources, ",") {
		flavor, known := map[string]testbed.Flavor{"mysql": testbed.MySQLFlavor, "mariadb": testbed.MariaDBFlavor}[name]
		if !known {
			return fmt.Errorf("-sources: %q is neither mysql nor mariadb", name)
		}
		if err := b.measure(ctx, flavor, programs); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return b.report.keep(b.out)
}

// measure has every program do everything with one server.
func (b *bench) measure(ctx context.Context, flavor testbed.Flavor, programs []*program) (err error) {
	s, err := startSource(ctx, flavor)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.end()) }()
	able, err := b.starts(ctx, s, programs)
	if err != nil {
		return err
	}
	if len(able) == 0 {
		return nil
	}
	for name := range strings.SplitSeq(b.sets, ",") {
		at := slices.IndexFunc(sets, func(t *set) bool { return t.name == name })
		if at < 0 {
			return fmt.Errorf("-sets: there is no set %q", name)
		}
		if err := b.copyAndCatchUp(ctx, s, sets[at], able); err != nil {
			return err
		}
	}
	return nil
}

// starts measures how long every program takes from its start until one row is visible,
// and answers with those that can do that.
func (b *bench) starts(ctx context.Context, s *source, programs []*program) (able []*program, err error) {
	if err := s.fill(ctx, oneRow, 1); err != nil {
		return nil, err
	}
	for _, p := range programs {
		r, w := b.first(ctx, s, p, oneRow, 1, start)
		if w != nil {
			err = errors.Join(err, w.end())
		}
		if err != nil || ctx.Err() != nil {
			return nil, errors.Join(err, ctx.Err())
		}
		if r.Failed == "" {
			able = append(able, p)
		}
	}
	return able, nil
}

// copyAndCatchUp has all programs copy a table and stop, then changes it, then has them
// catch up: so that all of them read one and the same log.
func (b *bench) copyAndCatchUp(ctx context.Context, s *source, t *set, programs []*program) (err error) {
	say("%s: filling %s with %d rows", s.name(), t.name, b.rows)
	if err := s.fill(ctx, t, b.rows); err != nil {
		return err
	}
	var works []*work
	defer func() {
		for _, w := range works {
			err = errors.Join(err, w.end())
		}
	}()
	for _, p := range programs {
		r, w := b.first(ctx, s, p, t, b.rows, copying)
		if w != nil {
			works = append(works, w)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if r.Failed != "" && w != nil {
			w.lost = true
		}
	}
	say("%s: changing %d rows of %s", s.name(), b.changes, t.name)
	if err := s.change(ctx, t, b.rows, b.changes); err != nil {
		return err
	}
	want, err := s.content(ctx, t)
	if err != nil {
		return err
	}
	for _, w := range works {
		if !w.lost {
			b.once(ctx, w, want, b.changes, catchUp)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func say(format string, a ...any) { fmt.Fprintf(os.Stderr, "  "+format+"\n", a...) }
