// Bench measures the real binary on this machine, from a private MySQL into the StarRocks
// stand-in, each figure beside the limit that was measured in the same run: MySQL's own
// clients, and a bare reader of the socket. docs/performance.md says what the figures mean.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"starferry/internal/testbed/stage"
)

// patience is how long all of it may take, silence how long nothing may become visible.
const (
	patience = 3 * time.Hour
	silence  = time.Minute
)

// bench is what is asked for, and what was measured so far.
type bench struct {
	binary, only, results, profiles string
	repeat                          int
	quick                           bool
	seed                            uint64
	scale                           float64
	publish                         time.Duration
	report                          report
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == drainVerb {
		exit(drain(os.Args[2:]))
	}
	b := &bench{}
	flag.StringVar(&b.binary, "binary", "bin/starferry", "the program to measure")
	flag.StringVar(&b.only, "only", "", "measure only what has one of these words, separated by commas, in its name: "+strings.Join(b.names(), ", "))
	flag.StringVar(&b.results, "results", "bench/results", "folder for the results; none to keep none")
	flag.StringVar(&b.profiles, "profile", "", "folder for CPU profiles of a further run of each case")
	flag.IntVar(&b.repeat, "repeat", 3, "how often each is measured; the median counts")
	flag.BoolVar(&b.quick, "quick", false, "a tenth of the rows: minutes, and less to rely on")
	flag.Uint64Var(&b.seed, "seed", 1, "of the rows")
	flag.DurationVar(&b.publish, "publish-delay", 50*time.Millisecond, "of the stand-in, give or take half of it")
	flag.Parse()
	if flag.NArg() > 0 || b.repeat < 1 {
		exit(fmt.Errorf("bench takes options only, and -repeat of at least 1: see -help"))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := b.measure(ctx)
	stop()
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// part is something that is measured on a stage of its own.
type part struct {
	names   []string
	measure func(context.Context, *bench) error
}

func parts() []part {
	return []part{{roadNames(), measureRoads}, {[]string{catchUpName}, measureCatchUp}, {[]string{idleName}, measureIdle}, {[]string{latencyName}, measureLatency}}
}

func (b *bench) names() (names []string) {
	for _, p := range parts() {
		names = append(names, p.names...)
	}
	return names
}

// wants tells whether something of that name is to be measured.
func (b *bench) wants(name string) bool {
	if b.only == "" {
		return true
	}
	for word := range strings.SplitSeq(b.only, ",") {
		if strings.Contains(name, strings.TrimSpace(word)) {
			return true
		}
	}
	return false
}

func (b *bench) measure(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var err error
	if b.binary, err = filepath.Abs(b.binary); err != nil {
		return err
	}
	if b.scale = 1; b.quick {
		b.scale = 0.1
	}
	b.report.begin(ctx, b)
	any := false
	for _, p := range parts() {
		wanted := false
		for _, name := range p.names {
			wanted = wanted || b.wants(name)
		}
		if !wanted {
			continue
		}
		any = true
		if err := p.measure(ctx, b); err != nil {
			return err
		}
	}
	if !any {
		return fmt.Errorf("nothing has %q in its name; there are: %s", b.only, strings.Join(b.names(), ", "))
	}
	return b.report.end(b)
}

// rows scales a number of rows.
func (b *bench) rows(full int) int { return max(1000, int(float64(full)*b.scale)) }

// sourceFlags make the fast server, which is the hardest for a client: all rows in memory,
// and nothing waits for a disk.
var sourceFlags = []string{"--innodb-buffer-pool-size=5G", "--loose-innodb-redo-log-capacity=4G", "--sync-binlog=0",
	"--innodb-flush-log-at-trx-commit=2", "--max-binlog-size=1G", "--binlog-cache-size=1M"}

// play sets up a stage.
func (b *bench) play(ctx context.Context, discard bool, flags []string, play func(*stage.Stage) error) error {
	emulator := append([]string{"--publish-delay", b.publish.String()}, stage.Emulator40...)
	if discard {
		emulator = append(emulator, stage.DiscardRows...)
	}
	return stage.Play(ctx, stage.Options{Binary: b.binary, Source: flags, Emulator: emulator, Log: say}, func(s *stage.Stage) error {
		b.report.Machine.MySQL = s.Source.Version
		return play(s)
	})
}

func say(format string, a ...any) { fmt.Fprintf(os.Stderr, "  "+format+"\n", a...) }
