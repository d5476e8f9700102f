package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// built are the product's binaries by their build tags, each built once per test binary.
var built struct {
	mu    sync.Mutex
	dir   *directory
	paths map[string]string
}

// CrashPoints is the build tag of a binary that can be told where to crash.
const CrashPoints = "crashpoints"

// Binary builds cmd/starferry, once per test binary and set of build tags, and answers
// with its path.
func Binary(t testing.TB, tags ...string) string {
	t.Helper()
	tag := strings.Join(tags, ",")
	built.mu.Lock()
	defer built.mu.Unlock()
	if path := built.paths[tag]; path != "" {
		return path
	}
	if built.dir == nil {
		dir, err := newDirectory("binary")
		if err != nil {
			t.Fatal(err)
		}
		built.dir, built.paths = dir, map[string]string{}
	}
	path := built.dir.join("starferry" + strconv.Itoa(len(built.paths)))
	if out, err := exec.Command("go", "build", "-tags", tag, "-o", path, "starferry/cmd/starferry").CombinedOutput(); err != nil {
		t.Fatalf("building the binary: %v\n%s", err, out)
	}
	built.paths[tag] = path
	return path
}

// RunOptions say how to run the binary.
type RunOptions struct {
	Args []string
	Dir  string   // working directory; "" is a fresh one of the test's
	Env  []string // further NAME=value
	Tags []string // of the build, see Binary
	// LogFile takes the output, so that it does not depend on this process.
	LogFile string
	// Detached lets the program outlive this process; it needs a LogFile.
	Detached bool
}

// Program is a running binary. Its standard output and standard error are read as
// one stream of lines, in the order they were written.
type Program struct {
	Path    string
	process *process
	output  *lines
}

// RunBinary builds the product's binary if need be and starts it. What is still
// running when the test ends is killed.
func RunBinary(t testing.TB, o RunOptions) *Program {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	p, err := StartProgram(Binary(t, o.Tags...), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

// StartProgram starts the program at path, which, unless detached, dies with this
// process at the latest. An empty o.Dir is the current directory.
func StartProgram(path string, o RunOptions) (*Program, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	p := &Program{Path: path, output: newLines()}
	cmd := exec.Command(path, o.Args...)
	cmd.Dir = o.Dir
	cmd.Env = append(os.Environ(), o.Env...)
	if o.LogFile != "" {
		return p, p.startLogged(cmd, o)
	}
	cmd.Stdout, cmd.Stderr = p.output, p.output // one pipe: the order is kept
	cmd.WaitDelay = time.Second                 // a grandchild may hold the pipe open
	if p.process, err = startProcess(cmd, false); err != nil {
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	go func() {
		<-p.process.done
		p.output.end()
	}()
	return p, nil
}

func (p *Program) startLogged(cmd *exec.Cmd, o RunOptions) error {
	log, err := os.OpenFile(o.LogFile, os.O_RDWR|os.O_CREATE|os.O_APPEND|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("starting %s: %w", p.Path, err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if p.process, err = startProcess(cmd, o.Detached); err != nil {
		return errors.Join(fmt.Errorf("starting %s: %w", p.Path, err), log.Close())
	}
	go p.follow(log)
	return nil
}

// follow reads what the program appends to its log file, until it has ended.
func (p *Program) follow(log *os.File) {
	defer log.Close()
	defer p.output.end()
	for at, ended := int64(0), false; ; {
		text, err := io.ReadAll(io.NewSectionReader(log, at, math.MaxInt64-at))
		at += int64(len(text))
		if len(text) > 0 {
			p.output.Write(text)
		}
		if ended || err != nil {
			return
		}
		select {
		case <-p.process.done:
			ended = true // once more, for the last words
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Kill ends the program with SIGKILL, as a crash would, and waits for its end.
func (p *Program) Kill() {
	p.process.kill()
	<-p.output.ended
}

// Interrupt sends SIGINT, as Ctrl-C does.
func (p *Program) Interrupt() { p.process.signal(syscall.SIGINT) }

// Terminate sends SIGTERM, as a supervisor does.
func (p *Program) Terminate() { p.process.signal(syscall.SIGTERM) }

// PID is the process number.
func (p *Program) PID() int { return p.process.cmd.Process.Pid }

// Done is closed when the program has ended and its output is complete.
func (p *Program) Done() <-chan struct{} { return p.output.ended }

// Wait waits for the end and answers with the exit code, -1 after a signal.
func (p *Program) Wait(ctx context.Context) (int, error) {
	select {
	case <-p.output.ended:
		return p.process.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("waiting for %s: %w\n%s", filepath.Base(p.Path), context.Cause(ctx), tail([]byte(p.Output())))
	}
}

// Output is everything the program has printed so far.
func (p *Program) Output() string {
	p.output.mu.Lock()
	defer p.output.mu.Unlock()
	return string(p.output.text)
}

// errEnded is WaitLine's error when no such line can come any more.
var errEnded = errors.New("it ended without printing it")

// WaitLine waits until the program has printed a line, complete with its end, that
// contains text, and answers with the first such line.
func (p *Program) WaitLine(ctx context.Context, text string) (string, error) {
	for {
		line, more := p.output.find(text)
		if line != "" {
			return line, nil
		}
		var err error
		select {
		case <-more:
			continue
		case <-p.output.ended:
			if line, _ := p.output.find(text); line != "" {
				return line, nil
			}
			err = errEnded
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		return "", fmt.Errorf("waiting for %s to print %q: %w\n%s", filepath.Base(p.Path), text, err, tail([]byte(p.Output())))
	}
}

// lines collects output and tells whoever waits when there is more.
type lines struct {
	mu    sync.Mutex
	text  []byte
	more  chan struct{} // closed and replaced with every write
	ended chan struct{}
}

func newLines() *lines {
	return &lines{more: make(chan struct{}), ended: make(chan struct{})}
}

func (l *lines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, text...)
	close(l.more)
	l.more = make(chan struct{})
	return len(text), nil
}

func (l *lines) end() { close(l.ended) }

// find answers with the first complete line that contains text, or else with a
// channel that is closed when there is more to look at.
func (l *lines) find(text string) (string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	complete := l.text[:bytes.LastIndexByte(l.text, '\n')+1]
	for line := range strings.Lines(string(complete)) {
		if strings.Contains(line, text) {
			return strings.TrimSuffix(line, "\n"), l.more
		}
	}
	return "", l.more
}
