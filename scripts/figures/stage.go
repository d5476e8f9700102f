package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"starferry/internal/testbed"
)

const database = "figures"

// stage is one source, one target and a script between them.
type stage struct {
	binary, dir       string
	settings          string
	sink              string // further options of the StarRocks catalog, each behind a comma
	source            *testbed.Server
	emulator          *testbed.Program
	target            *sql.DB
	queryAddr, loadTo string
	undo              []func() error
}

func (s *stage) onEnd(f func() error) { s.undo = append(s.undo, f) }

func (s *stage) end(err error) error {
	for _, f := range slices.Backward(s.undo) {
		err = errors.Join(err, f())
	}
	return err
}

// startTarget starts the emulator and learns its addresses from what it prints.
func (s *stage) startTarget(ctx context.Context, discard bool) error {
	args := []string{"emulator", "--query-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0", "--be-http-addr", "127.0.0.1:0", "--starrocks-version", "4.0"}
	if discard {
		args = append(args, "--discard")
	}
	var err error
	if s.emulator, err = s.run(args...); err != nil {
		return err
	}
	if _, err := s.emulator.WaitLine(ctx, "ready"); err != nil {
		return err
	}
	for name, address := range map[string]*string{"query ": &s.queryAddr, "http ": &s.loadTo} {
		line, err := s.emulator.WaitLine(ctx, name)
		if err != nil {
			return err
		}
		fields := strings.Fields(line)
		*address = fields[len(fields)-1]
	}
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.InterpolateParams = "tcp", s.queryAddr, "root", true
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return err
	}
	s.target = sql.OpenDB(connector)
	s.onEnd(s.target.Close)
	_, err = s.target.ExecContext(ctx, "CREATE DATABASE "+database)
	return err
}

// run starts the binary; it ends with the stage at the latest.
func (s *stage) run(args ...string) (*testbed.Program, error) {
	p, err := testbed.StartProgram(s.binary, testbed.RunOptions{Args: args, Dir: s.dir})
	if err != nil {
		return nil, err
	}
	s.onEnd(func() error { p.Kill(); return nil })
	return p, nil
}

// exec runs statements at the source, in one session that leaves no log.
func (s *stage) exec(ctx context.Context, statements ...string) error {
	return s.logged(ctx, append(append([]string{"SET sql_log_bin = 0"}, statements...), "SET sql_log_bin = 1")...)
}

// logged runs statements at the source, in one session.
func (s *stage) logged(ctx context.Context, statements ...string) error {
	conn, err := s.source.DB().Conn(ctx)
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

// script writes one for tables t0, t1 and so on.
func (s *stage) script(tables int) (string, error) {
	var b strings.Builder
	b.WriteString(s.settings + "\n")
	fmt.Fprintf(&b, `CREATE CATALOG mysql WITH ('type' = 'mysql', 'hostname' = '%s', 'port' = '%d', 'username' = '%s', 'password' = '%s', 'default-database' = '%s');
CREATE CATALOG sr WITH ('type' = 'starrocks', 'endpoint' = '%s', 'username' = 'root', 'password' = '', 'dbname' = '%[5]s'%[7]s);
USE CATALOG sr;
`, s.source.Host, s.source.Port, s.source.User, s.source.Password, database, s.queryAddr, s.sink)
	for i := range tables {
		fmt.Fprintf(&b, `CREATE TABLE IF NOT EXISTS t%[1]d WITH ('starrocks.create.table.properties' = 'buckets 1', 'starrocks.create.table.mode' = 'simple',
  'database-name' = '%[2]s', 'table-name' = 't%[1]d', 'jdbc-url' = 'jdbc:mysql://%[3]s', 'load-url' = '%[4]s', 'username' = 'root', 'password' = '')
AS TABLE mysql.%[2]s.t%[1]d /*+ OPTIONS ('connector' = 'mysql-cdc', 'hostname' = '%[5]s', 'port' = '%[6]d', 'username' = '%[7]s', 'password' = '%[8]s',
  'database-name' = '%[2]s', 'table-name' = 't%[1]d') */;
`, i, database, s.queryAddr, s.loadTo, s.source.Host, s.source.Port, s.source.User, s.source.Password)
	}
	path := filepath.Join(s.dir, "figures.sql")
	return path, os.WriteFile(path, []byte(b.String()), 0o600)
}

// caughtUp runs the script until all is visible.
func (s *stage) caughtUp(ctx context.Context, script string) (*testbed.Program, error) {
	p, err := s.run("run", "--until-caught-up", script)
	if err != nil {
		return nil, err
	}
	if code, err := p.Wait(ctx); err != nil || code != 0 {
		return nil, ended(code, err, p)
	}
	return p, nil
}

// ended says how a run of the binary went wrong.
func ended(code int, err error, p *testbed.Program) error {
	text := p.Output()
	return fmt.Errorf("starferry run ended with exit code %d (%v):\n%s", code, err, text[max(0, len(text)-2000):])
}
