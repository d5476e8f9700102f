package testbed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
)

// startTimeout is how long a server may take to answer; it needs about a second.
const startTimeout = 60 * time.Second

const idleConnections = 4

// Options say what server to start.
type Options struct {
	Flavor Flavor
	// Args are further server arguments; they win over the testbed's own.
	Args []string
	// Log reports slow steps (downloads, initialisation); nil is silence.
	Log func(format string, args ...any)
	// Detached lets the server outlive this process. Its directory is then removed
	// by the next user of the testbed after the server has ended.
	Detached bool
}

// Server is a private, running database server on 127.0.0.1.
type Server struct {
	Flavor         Flavor
	Version        string // as in "9.7.4-2"
	Host           string
	Port           int
	User, Password string // root, with all rights, over TCP

	options  Options
	software *software
	dir      *directory
	db       *sql.DB

	mu      sync.Mutex
	process *process // nil while stopped
}

// Prepare does everything slow that Start would have to do first, downloads above
// all, and answers with the version that Start will run.
func Prepare(ctx context.Context, flavor Flavor, log func(format string, args ...any)) (string, error) {
	program, err := findSoftware(ctx, flavor, log)
	if err != nil {
		return "", err
	}
	_, err = program.template(ctx, log)
	return program.version, err
}

// Start starts a server with a fresh data directory and returns when it accepts
// logins. The caller stops it; it is killed when this process dies.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	program, err := findSoftware(ctx, o.Flavor, o.Log)
	if err != nil {
		return nil, err
	}
	template, err := program.template(ctx, o.Log)
	if err != nil {
		return nil, err
	}
	dir, err := newDirectory(o.Flavor.name())
	if err != nil {
		return nil, err
	}
	s := &Server{
		Flavor: o.Flavor, Version: program.version, Host: "127.0.0.1", User: rootUser, Password: rootPassword,
		options: o, software: program, dir: dir,
	}
	if err := copyTree(dir.join("data"), template); err != nil {
		return nil, errors.Join(fmt.Errorf("copying a data directory: %w", err), dir.remove())
	}
	if err := s.startOnFreePort(ctx); err != nil {
		return nil, errors.Join(err, dir.remove())
	}
	return s, nil
}

// startOnFreePort tries again when another program takes the port in between.
func (s *Server) startOnFreePort(ctx context.Context) error {
	var err error
	for range 5 {
		if s.Port, err = freePort(); err != nil {
			return err
		}
		if s.db, err = s.open(); err != nil {
			return err
		}
		if err = s.launch(ctx); err == nil {
			return nil
		}
		err = errors.Join(err, s.db.Close())
		if !strings.Contains(err.Error(), "Address already in use") {
			return err
		}
	}
	return err
}

// freePort finds a port below those the kernel hands out to clients, so that nobody
// gets it by chance while a server is being restarted.
func freePort() (int, error) {
	for range 200 {
		port := 20000 + rand.IntN(12000)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, listener.Close()
		}
	}
	return 0, errors.New("no free port on 127.0.0.1 between 20000 and 31999")
}

// launch starts the program and waits until it answers.
func (s *Server) launch(ctx context.Context) error {
	log, err := os.OpenFile(s.LogFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("starting %s: %w", s.Flavor, err)
	}
	defer log.Close()
	// Not bound to ctx: that ends the waiting below, not a server in use.
	cmd := s.software.run(context.WithoutCancel(ctx), s.args()...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{s.dir.owner} // see directory
	p, err := startProcess(cmd, s.options.Detached)
	if err != nil {
		return fmt.Errorf("starting %s: %w", s.Flavor, err)
	}
	if err := s.awaitLogin(ctx, p); err != nil {
		p.kill()
		text, _ := os.ReadFile(s.LogFile()) // its absence is no news
		return fmt.Errorf("starting %s on port %d: %w\n%s", s.Flavor, s.Port, err, tail(text))
	}
	s.process = p
	return nil
}

func (s *Server) args() []string {
	args := []string{
		"--datadir=" + s.dir.join("data"), "--tmpdir=" + s.dir.path, "--socket=" + s.dir.join("sock"),
		"--pid-file=" + s.dir.join("pid"), "--bind-address=127.0.0.1", fmt.Sprintf("--port=%d", s.Port),
		"--server-id=1", "--log-bin=binlog", "--binlog-format=ROW", "--sync-binlog=0",
		"--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=64M", "--secure-file-priv=",
		"--skip-name-resolve", "--character-set-server=utf8mb4", "--max-connections=300",
		"--performance-schema=OFF", "--key-buffer-size=1M",
	}
	if s.Flavor == MySQLFlavor {
		args = append(args, "--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--loose-mysqlx=OFF",
			"--loose-innodb-redo-log-capacity=64M")
	}
	return append(args, s.options.Args...)
}

func (s *Server) awaitLogin(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("no login within %v", startTimeout))
	defer cancel()
	for {
		err := s.db.PingContext(ctx)
		var refused *mysql.MySQLError
		if err == nil || errors.As(err, &refused) {
			return err
		}
		select {
		case <-p.done:
			return fmt.Errorf("it ended at once: %w", p.err)
		case <-ctx.Done():
			return fmt.Errorf("%w; last: %w", context.Cause(ctx), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Shutdown ends the server in an orderly way; its data stay for Restart.
func (s *Server) Shutdown() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shutdown()
}

func (s *Server) shutdown() error {
	p := s.process
	if p == nil {
		return nil
	}
	s.process = nil
	// For an idle connection the server would wait two seconds.
	s.db.SetMaxIdleConns(-1)
	defer s.db.SetMaxIdleConns(idleConnections)
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		p.kill()
		return fmt.Errorf("%s did not end within 30 s of SIGTERM and was killed", s.Flavor)
	}
	var failed *exec.ExitError
	if errors.As(p.err, &failed) {
		return fmt.Errorf("%s ended badly: %w", s.Flavor, p.err)
	}
	return nil
}

// Kill ends the server with SIGKILL, as a crash would; its data stay for Restart.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		s.process.kill()
		s.process = nil
	}
	return nil
}

// Restart starts the server again on its data directory and port, after an orderly
// shutdown if it is running.
func (s *Server) Restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.shutdown(); err != nil {
		return err
	}
	return s.launch(context.Background())
}

// Stop ends the server and removes its data.
func (s *Server) Stop() error {
	err := s.Kill() // nobody will read these data again
	return errors.Join(err, s.db.Close(), s.dir.remove())
}

// DSN is a go-sql-driver data source name for the root user; database may be empty.
func (s *Server) DSN(database string) string {
	return s.config(database).FormatDSN()
}

func (s *Server) config(database string) *mysql.Config {
	config := mysql.NewConfig()
	config.User, config.Passwd, config.DBName = s.User, s.Password, database
	config.Net, config.Addr = "tcp", s.Address()
	return config
}

func (s *Server) open() (*sql.DB, error) {
	config := s.config("")
	config.Logger = silent{} // a pool that outlives crashes meets broken connections
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", s.Flavor, err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxIdleConns(idleConnections)
	return db, nil
}

// Address is host:port.
func (s *Server) Address() string { return fmt.Sprintf("%s:%d", s.Host, s.Port) }

// DB is a pool of connections as root. It survives restarts and must not be closed.
func (s *Server) DB() *sql.DB { return s.db }

// LogFile is the server's error log.
func (s *Server) LogFile() string { return s.dir.join("server.log") }

// Dir is the server's directory; it is removed by Stop.
func (s *Server) Dir() string { return s.dir.path }

// PID is the server's process number, 0 while it is stopped.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return 0
	}
	return s.process.cmd.Process.Pid
}

// silent is a driver log that says nothing.
type silent struct{}

func (silent) Print(...any) {}
