package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"starferry/internal/diag"
)

// lock takes the state directory for this process alone. The system lets go of it
// when the process ends, however it ends: no stale lock ever needs removing, and
// the file itself is never removed.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, writeProblem(diag.Unusable, path, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, lockedProblem(f)
		}
		return nil, writeProblem(diag.Unusable, path, fmt.Errorf("locking: %w", err))
	}
	if err := sign(f); err != nil {
		f.Close()
		return nil, writeProblem(diag.Unusable, path, err)
	}
	return f, nil
}

// sign says who holds the lock, for whoever is refused.
func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	_, err = fmt.Fprintf(f, "process %d on %s, since %s\n", os.Getpid(), host, time.Now().Format(time.RFC3339))
	return err
}

func lockedProblem(f *os.File) error {
	holder, err := io.ReadAll(io.LimitReader(f, 300))
	who := strings.TrimSpace(string(holder))
	if err != nil || who == "" {
		who = "another process"
	}
	return &diag.Problem{
		Code: CodeLocked, Class: diag.Unusable,
		Message: fmt.Sprintf("the state directory %s is in use by %s", strings.TrimSuffix(f.Name(), "/lock"), who),
		Fix:     "stop that run first, or give this one a folder of its own with --data-dir",
	}
}
