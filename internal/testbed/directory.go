package testbed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	directoryPrefix = "starferry-"
	ownerFile       = "owner.lock"
)

// directory is a temporary directory that is removed by the next user of the
// testbed when its owners died without removing it. Its owners are all processes
// that hold the file lock of its owner file: the one that made it, and children that
// inherited the open file.
type directory struct {
	path  string
	owner *os.File
}

// newDirectory makes a directory with a short path: sockets have to fit into it.
func newDirectory(kind string) (*directory, error) {
	sweep()
	path, err := os.MkdirTemp("", directoryPrefix+kind+"-")
	if err != nil {
		return nil, fmt.Errorf("making a temporary directory: %w", err)
	}
	owner, err := os.OpenFile(filepath.Join(path, ownerFile), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		// Nobody else takes the lock of so young a directory (see sweep).
		err = syscall.Flock(int(owner.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("owning a temporary directory: %w", err), os.RemoveAll(path))
	}
	return &directory{path, owner}, nil
}

func (d *directory) join(name string) string { return filepath.Join(d.path, name) }

func (d *directory) remove() error {
	err := os.RemoveAll(d.path)
	return errors.Join(err, d.owner.Close())
}

// sweep removes directories whose owners are dead. It is housekeeping: what cannot
// be removed now is tried again by the next.
func sweep() {
	owners, err := filepath.Glob(filepath.Join(os.TempDir(), directoryPrefix+"*", ownerFile))
	if err != nil {
		return // only for a bad pattern
	}
	for _, name := range owners {
		if info, err := os.Stat(name); err == nil && time.Since(info.ModTime()) > time.Minute {
			sweepOne(name)
		}
	}
}

func sweepOne(owner string) {
	file, err := os.OpenFile(owner, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer file.Close()
	if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		_ = os.RemoveAll(filepath.Dir(owner))
	}
}
