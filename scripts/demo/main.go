// Demo walks the tutorial: it starts a real MySQL and the built-in StarRocks
// stand-in, keeps one table in step with one SQL statement, and shows the StarRocks
// table after each change made in MySQL. It fails when a table is not the tutorial's.
// Then a whole database is followed, through a kill -9, and compared.
//
// STARFERRY_MYSQL=user:password@host:port makes it use a server that exists;
// KEEP=1 leaves everything up.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"starferry/internal/testbed"
)

// patience is how long any one step may take once everything is downloaded.
const patience = 30 * time.Second

func main() {
	d := &demo{began: time.Now()}
	flag.StringVar(&d.binary, "binary", "bin/starferry", "the program to show")
	flag.StringVar(&d.queryAddr, "query-addr", "127.0.0.1:0", "where the stand-in accepts SQL; port 0 takes a free one")
	flag.StringVar(&d.httpAddr, "http-addr", "127.0.0.1:0", "where it accepts loads")
	flag.BoolVar(&d.keep, "keep", os.Getenv("KEEP") != "" && os.Getenv("KEEP") != "0", "leave everything up (also KEEP=1)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := d.walk(ctx)
	stop() // a second Ctrl-C ends even the clean-up
	if err == nil && d.keep {
		d.sayHowToConnect()
		return
	}
	if cleanup := d.cleanUp(); cleanup != nil {
		err = errors.Join(err, fmt.Errorf("cleaning up: %w", cleanup))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "\nerror: the demo failed: %v\n", err)
		os.Exit(1)
	}
	note("done in %.1f s; nothing was left running.", time.Since(d.began).Seconds())
}

// demo is one walk and what it has started.
type demo struct {
	binary              string
	queryAddr, httpAddr string
	keep                bool
	began               time.Time

	dir       string // the script, the checkpoints, the logs
	mysql     *source
	emulator  *testbed.Program
	starrocks *session // as root
	ferry     *testbed.Program
	whole     *testbed.Program // the ferry of the whole database

	undo []func() error // in the order things were made
}

func (d *demo) walk(ctx context.Context) error {
	var err error
	if d.binary, err = filepath.Abs(d.binary); err != nil {
		return err
	}
	if _, err := os.Stat(d.binary); err != nil {
		return fmt.Errorf("%s is missing; make build makes it", d.binary)
	}
	if d.dir, err = os.MkdirTemp("", "starferry-demo-"); err != nil {
		return err
	}
	d.onCleanUp(func() error { return os.RemoveAll(d.dir) })
	for _, step := range []func(context.Context) error{
		d.startMySQL, d.startEmulator, d.prepareMySQL, d.prepareStarRocks, d.writeScript,
		d.runWithoutGrant, d.startFerry, d.followChanges, d.followDatabase, d.killFerry, d.stopFerry,
	} {
		if err := step(ctx); err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return fmt.Errorf("interrupted (%w)", cause)
			}
			return err
		}
	}
	return nil
}

func (d *demo) onCleanUp(undo func() error) { d.undo = append(d.undo, undo) }

// cleanUp undoes everything, last thing first.
func (d *demo) cleanUp() error {
	var failed []error
	for i := len(d.undo) - 1; i >= 0; i-- {
		failed = append(failed, d.undo[i]())
	}
	d.undo = nil
	return errors.Join(failed...)
}

func (d *demo) sayHowToConnect() {
	my, sr := d.mysql, d.starrocks
	heading("Everything is still up")
	fmt.Printf(`  Change rows in MySQL, as user '%s' with %s:
    mariadb -h %s -P %s -u %s -p %s
    bin/starferry sql --host %s --port %s --user %s --database %s
  and see them in StarRocks:
    mariadb -h %s -P %s -u root %s
    bin/starferry sql --host %s --port %s -e 'SELECT * FROM %s.%s'
  The script, the checkpoints and the logs are in %s
  Stop it all:
    %s
`, my.user, my.passwordHint(), my.host, my.port, my.user, database, my.host, my.port, my.user, database,
		sr.host, sr.port, database, sr.host, sr.port, database, targetTable, d.dir, d.howToStop())
}

// howToStop ends the run in good order and the rest at once: nobody needs its data.
func (d *demo) howToStop() string {
	stop := fmt.Sprintf("kill %d; sleep 2; kill -9 %d", d.ferry.PID(), d.emulator.PID())
	server := d.mysql.server
	if server == nil {
		return stop + "; rm -rf " + d.dir +
			"\n    and drop the database " + database + " and the user " + testUser + " in your MySQL"
	}
	return stop + fmt.Sprintf(" %d; sleep 1; rm -rf %s %s", server.PID(), d.dir, server.Dir())
}

func heading(format string, args ...any) { fmt.Printf("\n── "+format+"\n\n", args...) }

func note(format string, args ...any) { fmt.Printf("  "+format+"\n", args...) }
