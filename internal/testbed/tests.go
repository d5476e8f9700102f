package testbed

import (
	"context"
	"database/sql/driver"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// shared are the servers that all tests of a binary use.
var shared [2]struct {
	once   sync.Once
	server *Server
	err    error
}

// MySQL answers with a server for a test: without arguments the one shared by all
// tests of the binary (GTIDs on, row metadata MINIMAL), with arguments a private one
// that stops with the test.
func MySQL(t testing.TB, args ...string) *Server {
	t.Helper()
	return forTest(t, MySQLFlavor, args)
}

// MariaDB is like MySQL, with MariaDB (its defaults: row metadata NO_LOG).
func MariaDB(t testing.TB, args ...string) *Server {
	t.Helper()
	return forTest(t, MariaDBFlavor, args)
}

func forTest(t testing.TB, flavor Flavor, args []string) *Server {
	t.Helper()
	if len(args) > 0 {
		s, err := Start(t.Context(), Options{Flavor: flavor, Args: args, Log: say})
		if err != nil {
			t.Fatalf("no %s to test with: %v", flavor, err)
		}
		t.Cleanup(func() {
			if err := s.Stop(); err != nil {
				t.Errorf("stopping %s: %v", flavor, err)
			}
		})
		return s
	}
	one := &shared[flavor]
	one.once.Do(func() {
		one.server, one.err = Start(context.Background(), Options{Flavor: flavor, Log: say})
	})
	if one.err != nil {
		t.Fatalf("no %s to test with: %v", flavor, one.err)
	}
	return one.server
}

func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "testbed: "+format+"\n", args...)
}

// testsAtOnce is how many tests run at once per processor, unless -parallel says: they
// wait for servers more than they compute.
const testsAtOnce = 3

// Main runs the tests of a package and stops the shared servers afterwards. Call it
// from TestMain.
func Main(m *testing.M) {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if !said {
		if err := flag.Set("test.parallel", strconv.Itoa(testsAtOnce*runtime.GOMAXPROCS(0))); err != nil {
			panic(err) // there is such a flag
		}
	}
	// What the driver would print of connections that it replaces is no failure of a test.
	if err := mysql.SetLogger(&mysql.NopLogger{}); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := stopShared(); err != nil {
		say("%v", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// stopShared ends what the tests of the binary had in common.
func stopShared() error {
	var failed error
	for i := range shared {
		if s := shared[i].server; s != nil {
			if err := s.Stop(); err != nil {
				failed = fmt.Errorf("stopping %s: %w", s.Flavor, err)
			}
		}
	}
	if built.dir != nil {
		if err := built.dir.remove(); err != nil {
			failed = fmt.Errorf("removing the binary: %w", err)
		}
	}
	return failed
}

var databases atomic.Int64

// Database makes a database for one test and answers with its name.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", databases.Add(1))
	s.Exec(t, "CREATE DATABASE "+name)
	t.Cleanup(func() {
		if s.PID() != 0 {
			s.exec(context.Background(), t, "SET lock_wait_timeout = 20", "DROP DATABASE "+name)
		}
	})
	return name
}

// Exec runs statements as root, in order and in one session that ends with them.
// Each must succeed.
func (s *Server) Exec(t testing.TB, statements ...string) {
	t.Helper()
	s.exec(t.Context(), t, statements...)
}

func (s *Server) exec(ctx context.Context, t testing.TB, statements ...string) {
	t.Helper()
	conn, err := s.db.Conn(ctx)
	if err != nil {
		t.Fatalf("connecting to %s: %v", s.Flavor, err)
	}
	// Answering ErrBadConn drops the connection, and with it what SET has changed.
	defer func() { _ = conn.Raw(func(any) error { return driver.ErrBadConn }) }()
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			t.Fatalf("%s: %s\n%v", s.Flavor, statement, err)
		}
	}
}
