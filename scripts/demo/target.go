package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"starferry/internal/testbed"
)

// startEmulator starts the stand-in and learns its addresses from what it prints.
func (d *demo) startEmulator(ctx context.Context) error {
	heading("StarRocks: the built-in stand-in")
	var err error
	d.emulator, err = d.start(
		"emulator", "emulator", "--query-addr", d.queryAddr, "--http-addr", d.httpAddr, "--be-http-addr", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	if _, err := d.emulator.WaitLine(ctx, "ready"); err != nil {
		return err
	}
	for name, address := range map[string]*string{"query ": &d.queryAddr, "http ": &d.httpAddr} {
		line, err := d.emulator.WaitLine(ctx, name)
		if err != nil {
			return err
		}
		fields := strings.Fields(line)
		*address = fields[len(fields)-1]
	}
	note("SQL on %s, loads on %s", d.queryAddr, d.httpAddr)
	d.starrocks, err = d.login(ctx, "starrocks", d.queryAddr, "root", "")
	return err
}

// start runs the binary, with its output in a log file, and stops it with the demo.
func (d *demo) start(log string, args ...string) (*testbed.Program, error) {
	p, err := testbed.StartProgram(d.binary, testbed.RunOptions{
		Args: args, Dir: d.dir, LogFile: filepath.Join(d.dir, log+".log"), Detached: d.keep,
	})
	if err != nil {
		return nil, err
	}
	d.onCleanUp(func() error { return stopProgram(p) })
	return p, nil
}

// stopProgram asks a program to stop, as Ctrl-C would.
func stopProgram(p *testbed.Program) error {
	p.Interrupt()
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, errPatience)
	defer cancel()
	if _, err := p.Wait(ctx); err != nil {
		p.Kill()
		return err
	}
	return nil
}

func (d *demo) prepareStarRocks(ctx context.Context) error {
	heading("Step 1: a database, an account and the tutorial's one grant in StarRocks")
	return d.starrocks.show(ctx,
		"CREATE DATABASE "+database,
		fmt.Sprintf("CREATE USER '%s' IDENTIFIED BY '%s'", testUser, testPassword),
		fmt.Sprintf("GRANT CREATE TABLE ON DATABASE %s TO %s", database, testUser))
}
