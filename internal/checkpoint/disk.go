package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"starferry/internal/crashpoint"
	"starferry/internal/diag"
)

// disk is everything the state directory does to its files but reading them, so
// that tests can stop, tear or refuse any step.
type disk interface {
	// Create opens a file for writing; one that exists is emptied.
	Create(path string) (file, error)
	// Append opens a file to write behind its first size bytes; the rest is cut off.
	Append(path string, size int64) (file, error)
	Rename(from, to string) error
	Remove(path string) error
	// Sync makes the entries of a folder durable.
	Sync(folder string) error
}

// file is a file being written.
type file interface {
	Write(p []byte) (int, error)
	Sync() error
	Close() error
}

type osDisk struct{}

func (osDisk) Create(path string) (file, error) {
	// Keys of rows are in these files: for the owner's eyes only.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (osDisk) Append(path string, size int64) (file, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(size); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (osDisk) Rename(from, to string) error { return os.Rename(from, to) }
func (osDisk) Remove(path string) error     { return os.Remove(path) }

func (osDisk) Sync(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// replace makes path hold exactly content, or stay as it was: a crash at any
// moment leaves the one or the other. It may stay behind as path.tmp.
func replace(d disk, path string, content []byte) error {
	if err := place(d, path, content); err != nil {
		return err
	}
	return d.Sync(filepath.Dir(path))
}

// place is replace, but for the entry of the folder, which is durable with the next Sync.
func place(d disk, path string, content []byte) error {
	temporary := path + temporarySuffix
	f, err := d.Create(temporary)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	crashpoint.Here("file-written")
	if err := d.Rename(temporary, path); err != nil {
		return err
	}
	crashpoint.Here("file-renamed")
	return nil
}

const temporarySuffix = ".tmp"

// writeProblem names the path that could not be written and what helps.
func writeProblem(class diag.Class, path string, err error) error {
	p := &diag.Problem{
		Code: CodeUnwritable, Class: class, Cause: bare(err),
		Message: "cannot write " + path,
		Fix:     "make the folder writable for this user, or choose another one with --data-dir",
	}
	if isFull(err) {
		p.Code = CodeFull
		p.Fix = "free some space there and start again: it goes on from the last checkpoint, which is intact"
	}
	return p
}

func readProblem(path string, err error) error {
	return &diag.Problem{
		Code: CodeUnreadable, Class: diag.Unusable, Cause: bare(err),
		Message: "cannot read " + path,
		Fix:     "make it readable for this user, or choose another folder with --data-dir",
	}
}

// bare drops the operation and path that os puts before an error: the message
// has named the path already.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return l.Err
	}
	return err
}

// isFull tells an error that free space would solve.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}
