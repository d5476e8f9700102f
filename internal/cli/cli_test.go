package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"starferry/internal/diag"
	"starferry/internal/testbed"
)

var update = flag.Bool("update", false, "write golden files")

// TestMain lets this test binary be the program itself, for tests of the process.
func TestMain(m *testing.M) {
	if os.Getenv("STARFERRY_TEST_PROCESS") != "" {
		os.Exit(Main(context.Background(), os.Args, Process()))
	}
	testbed.Main(m)
}

// buffer is written by a command and read by a test at the same time.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

type result struct {
	code     int
	out, err string
}

// starferry runs one command. Leading arguments of the form NAME=value are its
// environment.
func starferry(t *testing.T, input string, args ...string) result {
	t.Helper()
	var out, errOut buffer
	stdio := Stdio{In: strings.NewReader(input), Out: &out, Err: &errOut}
	for len(args) > 0 && strings.Contains(args[0], "=") && !strings.HasPrefix(args[0], "-") {
		stdio.Environ, args = append(stdio.Environ, args[0]), args[1:]
	}
	code := Main(t.Context(), append([]string{"starferry"}, args...), stdio)
	return result{code, out.String(), errOut.String()}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs:\n%s\nwant\n%s", path, got, want)
	}
}

func TestHelpOfEveryVerb(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"", "run", "lint", "explain", "checkpoint", "checkpoint ls", "checkpoint show", "sql", "emulator", "version", "completion", "help"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			args := append(strings.Fields(verb), "--help")
			if verb == "" {
				args = nil
			}
			got := starferry(t, "", args...)
			if got.code != exitDone || got.err != "" {
				t.Fatalf("%+v", got)
			}
			for _, part := range []string{"Usage:\n  starferry", "Examples:\n"} {
				if !strings.Contains(got.out, part) {
					t.Errorf("%q is missing in\n%s", part, got.out)
				}
			}
			golden(t, filepath.Join("testdata", "help", strings.ReplaceAll(cmp.Or(verb, "starferry"), " ", "-")+".txt"), got.out)
			if verb != "" {
				if same := starferry(t, "", append([]string{"help"}, strings.Fields(verb)...)...); same.out != got.out {
					t.Errorf("help %s differs from %s --help:\n%s", verb, verb, same.out)
				}
			}
		})
	}
}

func TestCommandsThatCannotBeTried(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args string
		want string
	}{
		{"lnit", "error[SF7001]: unknown verb 'lnit', did you mean 'lint'?\nTry: starferry --help\n"},
		{"frobnicate", "error[SF7001]: unknown verb 'frobnicate'\nTry: starferry --help\n"},
		{"--verison", "error[SF7001]: unknown flag '--verison'\nTry: starferry --help\n"},
		{"run --data-dri x orders.sql", "error[SF7001]: unknown flag '--data-dri', did you mean '--data-dir'?\nTry: starferry run --help\n"},
		{"run -x orders.sql", "error[SF7001]: unknown flag '-x'\nTry: starferry run --help\n"},
		{"run", "error[SF7001]: run needs a script\nTry: starferry run --help\n"},
		{"run a.sql b.sql", "error[SF7001]: run takes one script, not 2: put the statements of one deployment into one file\nTry: starferry run --help\n"},
		{"run --progress-interval 0s a.sql", "error[SF7001]: --progress-interval must be more than 0\nTry: starferry run --help\n"},
		{"run --timeout -1s a.sql", "error[SF7001]: --timeout must not be negative\nTry: starferry run --help\n"},
		{"run --from-checkpoint 0 a.sql", "error[SF7001]: --from-checkpoint needs the number of a checkpoint: 'starferry checkpoint ls' lists them\nTry: starferry run --help\n"},
		{"checkpoint frob", "error[SF7001]: unknown verb 'frob'\nTry: starferry checkpoint --help\n"},
		{"run --timeout soon a.sql", `error[SF7001]: invalid argument "soon" for "--timeout" flag: time: invalid duration "soon"` + "\nTry: starferry run --help\n"},
		{"STARFERRY_RUN_TIMEOUT=soon run a.sql", `error[SF7001]: the environment variable STARFERRY_RUN_TIMEOUT: time: invalid duration "soon"` + "\nTry: starferry run --help\n"},
		{"run testdata/none.sql", "error[SF7002]: cannot read testdata/none.sql: no such file or directory\n"},
		{"explain testdata", "error[SF7002]: cannot read testdata: is a directory\n"},
		{"lint", "error[SF7001]: lint needs a script\nTry: starferry lint --help\n"},
		{"explain", "error[SF7001]: explain needs a script\nTry: starferry explain --help\n"},
		{"emulator now", "error[SF7001]: emulator takes no argument 'now'\nTry: starferry emulator --help\n"},
		{"version 2", "error[SF7001]: version takes no argument '2'\nTry: starferry version --help\n"},
		{"completion", "error[SF7001]: completion needs one shell: bash, zsh or fish\nTry: starferry completion --help\n"},
		{"completion zhs", "error[SF7001]: unknown shell 'zhs', did you mean 'zsh'?\nTry: starferry completion --help\n"},
		{"help frob", "error[SF7001]: unknown verb 'frob'\nTry: starferry help --help\n"},
		{"help option", "error[SF7001]: unknown verb 'option', did you mean 'options'?\nTry: starferry help --help\n"},
		{"help options sink.semantics", "error[SF7001]: no option has 'sink.semantics' in its name, did you mean 'sink.semantic'?\nTry: starferry help --help\n"},
		{"sql -e x -f y", "error[SF7001]: give either -e or -f, not both\nTry: starferry sql --help\n"},
		{"sql --port 1 -e x", "error[SF7010]: cannot use the server at 127.0.0.1:1 as user 'root': dial tcp 127.0.0.1:1: connect: connection refused\n"},
		{"STARFERRY_SQL_PORT=2 STARFERRY_SQL_USER=me sql -e x", "error[SF7010]: cannot use the server at 127.0.0.1:2 as user 'me'"},
		{"STARFERRY_SQL_PORT=2 sql --port 1 -e x", "cannot use the server at 127.0.0.1:1 as"},
	} {
		t.Run(test.args, func(t *testing.T) {
			t.Parallel()
			got := starferry(t, "", strings.Fields(test.args)...)
			if got.code != exitNotTried || got.out != "" || !strings.Contains(got.err, test.want) {
				t.Errorf("code %d, out %q, said\n%s", got.code, got.out, got.err)
			}
			if !strings.Contains(got.err, "Try: ") && !strings.Contains(got.err, "To fix: ") {
				t.Errorf("no way out in\n%s", got.err)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	if got := starferry(t, "", "version"); got.code != exitDone || !strings.HasPrefix(got.out, "starferry 0.") {
		t.Errorf("%+v", got)
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	for shell, part := range map[string]string{"bash": "__start_starferry", "zsh": "#compdef starferry", "fish": "complete -c starferry"} {
		if got := starferry(t, "", "completion", shell); got.code != exitDone || !strings.Contains(got.out, part) {
			t.Errorf("%s: %d, %.80s, %s", shell, got.code, got.out, got.err)
		}
	}
}

func TestExitCodeOfErrors(t *testing.T) {
	t.Parallel()
	unusable := &diag.Problem{Code: "SF3001", Class: diag.Unusable}
	refused := &diag.Problem{Code: "SF3002", Class: diag.Refused}
	late := context.DeadlineExceeded
	for i, test := range []struct {
		err  error
		want int
	}{
		{errors.New("x"), exitNo},
		{fmt.Errorf("x: %w", unusable), exitNotTried},
		{refused, exitNo},
		{&diag.Problem{Class: diag.Transient}, exitNotTried}, // lost while a run starts
		{diag.Join(unusable, unusable), exitNotTried},
		{diag.Join(unusable, refused), exitNo},
		{&diag.Problem{Class: diag.Unusable, Cause: late}, exitNotTried},
		{failed{}, exitNo},
		{&usageError{}, exitNotTried},
		{nil, exitDone},
	} {
		a := &app{Stdio: Stdio{Err: &buffer{}}}
		if got := a.report(test.err); got != test.want {
			t.Errorf("%d: %v: %d, want %d", i, test.err, got, test.want)
		}
	}
}

func TestHowAJobEnded(t *testing.T) {
	t.Parallel()
	stopped, stop := context.WithCancelCause(t.Context())
	stop(errStopped)
	late, cancel := context.WithTimeoutCause(t.Context(), time.Nanosecond, errTimedOut)
	defer cancel()
	<-late.Done()
	bad := errors.New("bad")
	for i, test := range []struct {
		ctx  context.Context
		err  error
		want int
		say  string
	}{
		{t.Context(), nil, exitDone, ""},
		{t.Context(), bad, exitNo, "bad"},
		{stopped, nil, exitDone, ""},
		{stopped, fmt.Errorf("loading: %w", context.Canceled), exitDone, ""},
		{stopped, fmt.Errorf("loading: %w", context.Cause(stopped)), exitDone, ""},
		{stopped, bad, exitNo, "bad"},
		{late, nil, exitTimedOut, "not done within --timeout 1s\n"},
		{late, context.DeadlineExceeded, exitTimedOut, "not done within --timeout 1s\n"},
		{late, bad, exitTimedOut, "not done within --timeout 1s: bad\n"},
	} {
		out := &buffer{}
		a := &app{Stdio: Stdio{Err: out}}
		if got := a.report(ended(test.ctx, test.err, time.Second)); got != test.want || !strings.Contains(out.String(), test.say) {
			t.Errorf("%d: %d, %s", i, got, out)
		}
	}
}

func TestSignals(t *testing.T) {
	t.Parallel()
	t.Run("one stops in good order", func(t *testing.T) {
		t.Parallel()
		signals, out := make(chan os.Signal, 1), &buffer{}
		a := &app{Stdio: Stdio{Err: out, Signals: signals}}
		code := a.supervise(t.Context(), func(ctx context.Context) int {
			a.stopsInGoodOrder("stopping: really")
			signals <- os.Interrupt
			<-ctx.Done()
			if context.Cause(ctx) != errStopped {
				return 99
			}
			return exitDone
		})
		if code != exitDone || out.String() != "stopping: really\n" {
			t.Errorf("%d, %q", code, out)
		}
	})
	t.Run("the second quits at once", func(t *testing.T) {
		t.Parallel()
		signals := make(chan os.Signal, 2)
		a := &app{Stdio: Stdio{Err: &buffer{}, Signals: signals}}
		never := make(chan struct{})
		defer close(never)
		code := a.supervise(t.Context(), func(ctx context.Context) int {
			a.stopsInGoodOrder("stopping")
			signals <- syscall.SIGTERM
			<-ctx.Done()
			signals <- syscall.SIGTERM
			<-never
			return exitDone
		})
		if code != exitForced {
			t.Error(code)
		}
	})
	t.Run("one is enough where nothing is lost", func(t *testing.T) {
		t.Parallel()
		signals := make(chan os.Signal, 1)
		a := &app{Stdio: Stdio{Err: &buffer{}, Signals: signals}}
		never := make(chan struct{})
		defer close(never)
		signals <- os.Interrupt
		if code := a.supervise(t.Context(), func(context.Context) int { <-never; return exitDone }); code != exitForced {
			t.Error(code)
		}
	})
}
