package testbed

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// percona is Debian's package of Percona Toolkit: Perl programs, with the Perl and the
// driver they need.
var percona = struct{ suite, name string }{"bookworm", "percona-toolkit"}

// OnlineSchemaChange is a run of pt-online-schema-change on a table of a server, ready to
// be started.
func OnlineSchemaChange(ctx context.Context, t testing.TB, s *Server, database, table, alter string, args ...string) *exec.Cmd {
	t.Helper()
	root, err := perconaToolkit(ctx, say)
	if err != nil {
		t.Fatalf("no Percona Toolkit to test with: %v", err)
	}
	return perl(ctx, root, "usr/bin/pt-online-schema-change", append([]string{
		"--execute", "--alter", alter, "--recursion-method", "none", "--no-version-check", "--critical-load", "Threads_running=1000", "--max-load", "Threads_running=1000",
		fmt.Sprintf("h=%s,P=%d,u=%s,p=%s,D=%s,t=%s", s.Host, s.Port, s.User, s.Password, database, table),
	}, args...)...)
}

// perconaToolkit answers with the directory it is unpacked in, and fetches it if need be.
func perconaToolkit(ctx context.Context, log logger) (root string, err error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	find := func() bool {
		root = first(cache, percona.name+"-[0-9]*/usr/bin/pt-online-schema-change")
		root = strings.TrimSuffix(root, "/usr/bin/pt-online-schema-change")
		return root != ""
	}
	if find() {
		return root, nil
	}
	err = underLock(ctx, cache, percona.name, log, func() error {
		if find() {
			return nil // another process was faster
		}
		log("fetching Debian's %s (%s) into %s", percona.name, percona.suite, cache)
		if err := fetch(ctx, cache, percona.suite, percona.name, percona.name, "", log); err != nil {
			return err
		}
		if !find() {
			return fmt.Errorf("the Debian package holds no pt-online-schema-change")
		}
		return nil
	})
	return root, err
}

// perl runs an unpacked program with the unpacked Perl, its loader and its libraries.
func perl(ctx context.Context, root, program string, args ...string) *exec.Cmd {
	loader, libraries := loaderIn(root)
	cmd := exec.CommandContext(ctx, loader, append([]string{
		"--library-path", strings.Join(libraries, ":"), filepath.Join(root, "usr/bin/perl"), filepath.Join(root, program)}, args...)...)
	var modules []string
	for _, pattern := range []string{"usr/lib/*-linux-gnu*/perl5/*", "usr/share/perl5", "usr/lib/*-linux-gnu*/perl/5.*", "usr/share/perl/5.*", "usr/lib/*-linux-gnu*/perl-base"} {
		found, _ := filepath.Glob(filepath.Join(root, pattern)) // fails only for a bad pattern
		modules = append(modules, found...)
	}
	cmd.Env = append(os.Environ(), "LC_ALL=C", "PERL5LIB="+strings.Join(modules, ":"),
		"MARIADB_PLUGIN_DIR="+first(root, "usr/lib/*-linux-gnu*/libmariadb3/plugin"))
	return cmd
}

// PrepareOnlineSchemaChange makes sure that the program is at hand.
func PrepareOnlineSchemaChange(ctx context.Context, log func(format string, args ...any)) error {
	_, err := perconaToolkit(ctx, log)
	return err
}
