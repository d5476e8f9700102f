// Package stage is what measurements are made on: a private MySQL, the StarRocks stand-in,
// and the real binary with a script between them.
package stage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"starferry/internal/testbed"
)

// Options say what stage to set up.
type Options struct {
	Binary   string   // of the product; an absolute path
	Source   []string // further arguments of mysqld
	Emulator []string // further arguments of the stand-in
	Log      func(format string, args ...any)
}

// Stage is one source and one target.
type Stage struct {
	Dir    string // working directory of what Run starts; it goes with the stage
	Source *testbed.Server
	Double *testbed.Program // the stand-in
	Target *sql.DB
	// QueryAddr and LoadAddr are the stand-in's.
	QueryAddr, LoadAddr string

	binary string
	undo   []func() error
}

// Emulator40 has the stand-in be the newest StarRocks.
var Emulator40 = []string{"--starrocks-version", "4.0"}

// DiscardRows has the stand-in keep no rows but those that the product keeps for itself there.
var DiscardRows = []string{"--discard", "--keep", ownTables + "_position"}

// Play sets a stage up, plays on it, and takes it down whatever happens.
func Play(ctx context.Context, o Options, play func(*Stage) error) (err error) {
	s := &Stage{binary: o.Binary}
	defer func() { err = s.end(err) }()
	if s.Dir, err = os.MkdirTemp("", "starferry-stage-"); err != nil {
		return err
	}
	s.onEnd(func() error { return os.RemoveAll(s.Dir) })
	if s.Source, err = testbed.Start(ctx, testbed.Options{Flavor: testbed.MySQLFlavor, Args: o.Source, Log: o.Log}); err != nil {
		return err
	}
	s.onEnd(s.Source.Stop)
	if err := s.startTarget(ctx, o.Emulator); err != nil {
		return err
	}
	return play(s)
}

func (s *Stage) onEnd(f func() error) { s.undo = append(s.undo, f) }

func (s *Stage) end(err error) error {
	for _, f := range slices.Backward(s.undo) {
		err = errors.Join(err, f())
	}
	return err
}

// startTarget starts the stand-in and learns its addresses from what it prints.
func (s *Stage) startTarget(ctx context.Context, args []string) error {
	anyPorts := []string{"emulator", "--query-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0", "--be-http-addr", "127.0.0.1:0"}
	var err error
	if s.Double, err = s.Run(append(anyPorts, args...)...); err != nil {
		return err
	}
	if _, err := s.Double.WaitLine(ctx, "ready"); err != nil {
		return err
	}
	for name, address := range map[string]*string{"query ": &s.QueryAddr, "http ": &s.LoadAddr} {
		line, err := s.Double.WaitLine(ctx, name)
		if err != nil {
			return err
		}
		fields := strings.Fields(line)
		*address = fields[len(fields)-1]
	}
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.InterpolateParams = "tcp", s.QueryAddr, "root", true
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return err
	}
	s.Target = sql.OpenDB(connector)
	s.onEnd(s.Target.Close)
	return nil
}

// Run starts the binary; it ends with the stage at the latest.
func (s *Stage) Run(args ...string) (*testbed.Program, error) {
	p, err := testbed.StartProgram(s.binary, testbed.RunOptions{Args: args, Dir: s.Dir})
	if err != nil {
		return nil, err
	}
	s.onEnd(func() error { p.Kill(); return nil })
	return p, nil
}

// CaughtUp runs a script until all is visible.
func (s *Stage) CaughtUp(ctx context.Context, script string) (*testbed.Program, error) {
	p, err := s.Run("run", "--until-caught-up", script)
	if err != nil {
		return nil, err
	}
	return p, Ended(ctx, p)
}

// Interrupted stops a run of the binary in good order.
func Interrupted(ctx context.Context, p *testbed.Program) error {
	p.Interrupt()
	return Ended(ctx, p)
}

// Ended waits for the end of a run of the binary, which must be a good one.
func Ended(ctx context.Context, p *testbed.Program) error {
	code, err := p.Wait(ctx)
	if err == nil && code == 0 {
		return nil
	}
	text := p.Output()
	return fmt.Errorf("starferry ended with exit code %d (%v):\n%s", code, err, text[max(0, len(text)-2000):])
}

// Exec runs statements at the source, in one session that leaves no log.
func (s *Stage) Exec(ctx context.Context, statements ...string) error {
	return s.Logged(ctx, append(append([]string{"SET sql_log_bin = 0"}, statements...), "SET sql_log_bin = 1")...)
}

// Logged runs statements at the source, in one session.
func (s *Stage) Logged(ctx context.Context, statements ...string) error {
	conn, err := s.Source.DB().Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%.80s: %w", statement, err)
		}
	}
	return nil
}
