// Package cli is the command line: one verb, one file. What a verb prints as its
// answer goes to standard output, everything said about it to standard error.
//
// Exit codes: 0 done; 1 the answer is no, or the job failed; 2 it could not be
// tried; 3 it gave up waiting; 130 forced to end.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"starferry/internal/diag"
)

// Exit codes.
const (
	exitDone     = 0
	exitNo       = 1
	exitNotTried = 2
	exitTimedOut = 3
	exitForced   = 130
)

// Stdio is the world around a command.
type Stdio struct {
	In       io.Reader
	Out, Err io.Writer
	// Environ is the environment as "NAME=value".
	Environ []string
	// Signals delivers what asks the command to stop.
	Signals <-chan os.Signal
}

// Process is the Stdio of this process. Its interrupts and terminations no longer
// end it by themselves.
func Process() Stdio {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	return Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Environ: os.Environ(), Signals: signals}
}

// app is one command in progress.
type app struct {
	Stdio
	env    map[string]string
	script scriptFlags
	// masked are the secrets that are taken out of what is printed.
	masked []string
	// stopping is what to say when the command is asked to stop and stops by itself
	// in good order; nil while nothing would be lost by ending at once.
	stopping atomic.Pointer[string]
	// beforeForced puts right what ending at once would leave wrong.
	beforeForced atomic.Pointer[func() error]
}

// errStopped is the cause of a context that a signal cancelled.
var errStopped = errors.New("stopped by a signal")

// Main runs one command, args[0] being the program's name, and returns the exit
// code. The first signal asks the command to stop in good order, the second makes
// Main return at once; the process is then expected to exit.
func Main(ctx context.Context, args []string, stdio Stdio) int {
	stdio.Out, stdio.Err = &masking{w: stdio.Out}, &masking{w: stdio.Err}
	a := &app{Stdio: stdio, env: environment(stdio.Environ)}
	return a.supervise(ctx, func(ctx context.Context) int { return a.execute(ctx, args[1:]) })
}

func (a *app) supervise(ctx context.Context, execute func(context.Context) int) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan int, 1)
	go func() { done <- execute(ctx) }()
	for stopped := false; ; stopped = true {
		select {
		case code := <-done:
			return code
		case <-a.Signals:
			say := a.stopping.Load()
			if say == nil || stopped {
				return a.forced()
			}
			fmt.Fprintln(a.Err, *say)
			cancel(errStopped)
		}
	}
}

func (a *app) forced() int {
	if mend := a.beforeForced.Load(); mend != nil {
		if err := (*mend)(); err != nil {
			diag.PrintError(a.Err, err)
		}
	}
	return exitForced
}

// stopsInGoodOrder makes the first signal cancel the command's context, after
// saying this.
func (a *app) stopsInGoodOrder(say string) { a.stopping.Store(&say) }

func (a *app) execute(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	return a.report(root.ExecuteContext(ctx))
}

// failed ends a command with code 1 after it has said why itself.
type failed struct{}

func (failed) Error() string { return "failed" }

// report prints an error, once, and says how the process ends.
func (a *app) report(err error) int {
	var usage *usageError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &failed{}):
		return exitNo
	case errors.As(err, &errStoppedEarly{}):
		fmt.Fprintln(a.Err, err)
		return exitForced
	case errors.As(err, &usage):
		diag.PrintError(a.Err, &diag.Problem{Code: CodeUsage, Class: diag.Unusable, Message: usage.message})
		fmt.Fprintf(a.Err, "Try: %s\n", usage.try)
		return exitNotTried
	}
	diag.PrintError(a.Err, err)
	return exitCode(err)
}

// exitCode is 2 when something could not even be tried: then trying again after
// mending it is all there is to do. So it is when a connection is lost before a ferry
// runs, which itself waits for another.
func exitCode(err error) int {
	var several diag.Problems
	if errors.As(err, &several) {
		code := exitNotTried
		for _, one := range several {
			if c := exitCode(one); c != exitNotTried {
				code = c
			}
		}
		return code
	}
	p := diag.Find(err)
	switch {
	case p != nil && p.Code == CodeTimedOut:
		return exitTimedOut
	case p != nil && (p.Class == diag.Unusable || p.Class == diag.Transient):
		return exitNotTried
	}
	return exitNo
}
