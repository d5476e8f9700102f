package testbed

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// gh-ost is built from the Go module of its authors, in a module of its own: ours does not
// depend on it. ghost.mod pins its version, ghost.sum everything that it is built from.
const ghostPackage = "github.com/github/gh-ost/go/cmd/gh-ost"

var (
	//go:embed ghost/ghost.mod
	ghostModule string
	//go:embed ghost/ghost.sum
	ghostSums string
)

// GhOst is a run of gh-ost on a table of a server, ready to be started.
func GhOst(ctx context.Context, t testing.TB, s *Server, database, table, alter string, args ...string) *exec.Cmd {
	t.Helper()
	program, err := ghost(ctx, say)
	if err != nil {
		t.Fatalf("no gh-ost to test with: %v", err)
	}
	return exec.CommandContext(ctx, program, append([]string{
		"--execute", "--allow-on-master", "--assume-rbr", "--ok-to-drop-table", "--initially-drop-old-table", "--initially-drop-ghost-table",
		"--skip-metadata-lock-check", // it asks for instruments of the performance schema, which the server has not got
		"--host", s.Host, "--port", fmt.Sprint(s.Port), "--user", s.User, "--password", s.Password,
		"--database", database, "--table", table, "--alter", alter, "--serve-socket-file", filepath.Join(t.TempDir(), "ghost.sock"),
	}, args...)...)
}

// ghost answers with the program, and builds it if need be.
func ghost(ctx context.Context, log logger) (program string, err error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	_, version, _ := strings.Cut(strings.TrimSpace(ghostModule), "gh-ost v")
	name := "gh-ost-" + version
	program = filepath.Join(cache, name, "gh-ost")
	built := func() bool {
		_, err := os.Stat(program)
		return err == nil
	}
	if built() {
		return program, nil
	}
	err = underLock(ctx, cache, "gh-ost", log, func() error {
		if built() {
			return nil // another process was faster
		}
		log("building gh-ost %s into %s", version, cache)
		return install(cache, name, func(dir string) error { return buildGhost(ctx, dir) })
	})
	return program, err
}

func buildGhost(ctx context.Context, dir string) error {
	for file, text := range map[string]string{"go.mod": ghostModule, "go.sum": ghostSums} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-o", "gh-ost", ghostPackage)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", ghostPackage, err, out)
	}
	return nil
}

// PrepareGhost makes sure that the program is at hand.
func PrepareGhost(ctx context.Context, log func(format string, args ...any)) error {
	_, err := ghost(ctx, log)
	return err
}
