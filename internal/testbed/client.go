package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// clients says where Debian has MySQL's client programs that do not come with the server.
var clients = struct{ suite, name string }{"sid", "mysql-client-core"}

// Client is a run of one of MySQL's own client programs (mysql, mysqlbinlog), ready to be
// started, that logs in at the server as root without TLS.
func (s *Server) Client(ctx context.Context, name string, args ...string) (*exec.Cmd, error) {
	command, err := clientProgram(ctx, s.software, name, s.options.Log)
	if err != nil {
		return nil, err
	}
	// In a file, so that the password is in no list of processes.
	login := s.dir.join("client.cnf")
	text := fmt.Sprintf("[client]\nuser=%s\npassword=%s\nhost=%s\nport=%d\nprotocol=TCP\nssl-mode=DISABLED\nget-server-public-key\n", s.User, s.Password, s.Host, s.Port)
	if err := os.WriteFile(login, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, command[0], append(append(command[1:], "--defaults-file="+login), args...)...), nil
}

// PrepareClient makes sure that a client program is at hand.
func PrepareClient(ctx context.Context, name string, log func(format string, args ...any)) error {
	server, err := findSoftware(ctx, MySQLFlavor, log)
	if err != nil {
		return err
	}
	_, err = clientProgram(ctx, server, name, log)
	return err
}

// clientProgram is the command of a program that came with the server, is installed, is in
// the cache, or else is fetched.
func clientProgram(ctx context.Context, server *software, name string, log logger) ([]string, error) {
	if log == nil {
		log = func(string, ...any) {}
	}
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	if program := server.command[len(server.command)-1]; len(server.command) > 1 {
		root := strings.TrimSuffix(program, "/usr/sbin/mysqld")
		if command := programIn(root, name); command != nil {
			return command, nil
		}
	} else if path, err := exec.LookPath(name); err == nil {
		return []string{path}, nil
	}
	find := func() []string {
		found, _ := filepath.Glob(filepath.Join(cache, "mysqlclient-[0-9]*")) // fails only for a bad pattern
		for _, root := range found {
			if command := programIn(root, name); command != nil {
				return command
			}
		}
		return nil
	}
	if command := find(); command != nil {
		return command, nil
	}
	var command []string
	err = underLock(ctx, cache, "mysqlclient", log, func() error {
		if command = find(); command != nil {
			return nil // another process was faster
		}
		log("fetching Debian's %s (%s) into %s", clients.name, clients.suite, cache)
		if err := fetch(ctx, cache, clients.suite, clients.name, "mysqlclient", withoutPerl, log); err != nil {
			return err
		}
		if command = find(); command == nil {
			return errors.New("the Debian package of MySQL's clients holds no " + name)
		}
		return nil
	})
	return command, err
}

// programIn is the command of a program below a root where packages have been unpacked.
func programIn(root, name string) []string {
	program := filepath.Join(root, "usr/bin", name)
	if _, err := os.Stat(program); err != nil {
		return nil
	}
	loader, libraries := loaderIn(root)
	if loader == "" {
		return nil
	}
	return []string{loader, "--library-path", strings.Join(libraries, ":"), program}
}
