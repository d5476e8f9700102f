package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"starferry/internal/diag"
)

const (
	socketName = "control.sock"
	// noteName is the file in a state directory that says where the socket is.
	noteName = "control"
	// longestPath is what every system takes as the path of a socket, with its NUL:
	// Linux 108 bytes, others 104.
	longestPath = 100
	tempPrefix  = "starferry-"
)

// listen opens the socket of a state directory and notes where it is. The caller holds
// the lock of the directory, so that what an earlier process left is nobody's.
func listen(stateDir string) (net.Listener, error) {
	removeStale(stateDir)
	listener, err := listenIn(stateDir)
	if err != nil {
		// Too long, or a file system that has no sockets.
		temp, tempErr := os.MkdirTemp("", tempPrefix)
		if tempErr != nil {
			return nil, listenProblem(stateDir, errors.Join(err, tempErr))
		}
		if listener, tempErr = listenIn(temp); tempErr != nil {
			return nil, listenProblem(stateDir, errors.Join(err, tempErr, os.Remove(temp)))
		}
	}
	if err := writeNote(stateDir, listener.Addr().String()); err != nil {
		err = errors.Join(err, listener.Close())
		removeFolderOf(listener.Addr().String())
		return nil, listenProblem(stateDir, err)
	}
	return listener, nil
}

func listenIn(folder string) (net.Listener, error) {
	path, err := filepath.Abs(filepath.Join(folder, socketName))
	if err != nil {
		return nil, err
	}
	if len(path) >= longestPath {
		return nil, fmt.Errorf("the path %s is too long for a socket", path)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// writeNote writes the note under another name first, so that nobody reads half of it.
func writeNote(stateDir, socket string) error {
	path := filepath.Join(stateDir, noteName)
	if err := os.WriteFile(path+".new", []byte(socket+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// readNote is the path of the socket; "" when there is no note.
func readNote(stateDir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(stateDir, noteName))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(text)), err
}

// removeStale removes what a process that was killed left: its note, its socket, and
// the folder that was made for it. What is not a socket of ours stays.
func removeStale(stateDir string) {
	socket, err := readNote(stateDir)
	if err != nil || socket == "" {
		socket = filepath.Join(stateDir, socketName) // killed before it was noted
	}
	if info, err := os.Lstat(socket); err == nil && info.Mode().Type() == fs.ModeSocket && filepath.Base(socket) == socketName {
		// A socket that stays makes listening fail, which is said.
		_ = os.Remove(socket)
	}
	removeFolderOf(socket)
	_ = os.Remove(filepath.Join(stateDir, noteName))
}

// removeFolderOf removes the folder that was made for a socket; one that holds
// anything else stays.
func removeFolderOf(socket string) {
	if folder := filepath.Dir(socket); strings.HasPrefix(filepath.Base(folder), tempPrefix) && filepath.Dir(folder) == filepath.Clean(os.TempDir()) {
		_ = os.Remove(folder)
	}
}

func listenProblem(stateDir string, err error) error {
	return &diag.Problem{
		Code: CodeListen, Class: diag.Unusable,
		Message: fmt.Sprintf("no control socket can be opened for %s: other processes cannot ask this one to verify or repair", stateDir),
		Fix:     "let this user write to --data-dir or, where that is on a file system without sockets, to " + os.TempDir() + ".",
		Cause:   err,
	}
}
