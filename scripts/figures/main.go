// Figures measures the binary on this machine and prints one table: how soon it
// streams again after a start with many tables, how fast it copies under writes, what
// that costs the source, how fast it compares, how much memory a large transaction
// takes, what exactly-once costs, and how a database of many tables is followed. The servers are private ones of the testbed, the target is starferry emulator;
// nothing is left behind.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"text/tabwriter"
	"time"
)

// patience is how long any one step may take.
const patience = 30 * time.Minute

// figures is what is measured, and the table so far.
type figures struct {
	binary, only    string
	settings        string // SET statements of the scripts
	manyTables      int    // for the start
	starts          int
	tables, rows    int // for the copy
	writers         int
	largeMB         int // of the large transaction
	changes         int // rows that change, for the ways of delivery
	databaseTables  int // of the database that one statement follows
	every, baseline time.Duration
	table           [][2]string
}

func main() {
	f := &figures{}
	flag.StringVar(&f.binary, "binary", "bin/starferry", "the program to measure")
	flag.StringVar(&f.settings, "settings", "", "SET statements to begin the scripts with")
	flag.IntVar(&f.manyTables, "many-tables", 100, "tables of the start")
	flag.IntVar(&f.starts, "starts", 5, "how many starts")
	flag.IntVar(&f.tables, "tables", 10, "tables of the copy")
	flag.IntVar(&f.rows, "rows", 1_000_000, "rows of each")
	flag.IntVar(&f.writers, "writers", 4, "connections that write during the copy")
	flag.DurationVar(&f.every, "write-every", 10*time.Millisecond, "how often each of them writes")
	flag.DurationVar(&f.baseline, "baseline", 20*time.Second, "how long they write before the copy, for comparison")
	flag.IntVar(&f.largeMB, "large", 2000, "megabytes of the large transaction")
	flag.IntVar(&f.changes, "changes", 2_000_000, "rows that change for each way of delivery")
	flag.IntVar(&f.databaseTables, "database-tables", 2000, "tables of the database that one statement follows")
	flag.StringVar(&f.only, "only", "", "measure only the start, the copy, the verify, the large transaction, the delivery or the database")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := f.measure(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	f.print()
}

func (f *figures) measure(ctx context.Context) error {
	var err error
	if f.binary, err = filepath.Abs(f.binary); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, one := range []struct {
		name    string
		measure func(context.Context) error
	}{{"start", f.measureStart}, {"copy", f.measureCopy}, {"verify", f.measureVerify}, {"large", f.measureLarge}, {"delivery", f.measureDelivery}, {"database", f.measureDatabase}} {
		if f.only != "" && f.only != one.name {
			continue
		}
		if err := one.measure(ctx); err != nil {
			return fmt.Errorf("the %s: %w", one.name, err)
		}
	}
	return nil
}

func (f *figures) add(name, format string, a ...any) {
	f.table = append(f.table, [2]string{name, fmt.Sprintf(format, a...)})
	say("%s: %s", name, fmt.Sprintf(format, a...))
}

func (f *figures) print() {
	out := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintf(out, "\nfigure\ton %d cores, all processes on one machine\n", runtime.NumCPU())
	for _, line := range f.table {
		fmt.Fprintf(out, "%s\t%s\n", line[0], line[1])
	}
	out.Flush()
}

func say(format string, a ...any) { fmt.Fprintf(os.Stderr, "  "+format+"\n", a...) }
