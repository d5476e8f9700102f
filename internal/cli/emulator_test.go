package cli

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

var anyPorts = []string{"--query-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0", "--be-http-addr", "127.0.0.1:0"}

// running is an emulator that a test started with the verb.
type running struct {
	addresses map[string]string
	signals   chan os.Signal
	done      chan int
	err       *buffer
}

func startEmulator(t *testing.T, args ...string) *running {
	t.Helper()
	r := &running{signals: make(chan os.Signal, 1), done: make(chan int, 1), err: &buffer{}}
	read, write := io.Pipe()
	go func() {
		// Not the test's context: that ends before its clean-up.
		code := Main(context.Background(), append(append([]string{"starferry", "emulator"}, anyPorts...), args...),
			Stdio{In: strings.NewReader(""), Out: write, Err: r.err, Signals: r.signals})
		write.Close()
		r.done <- code
	}()
	r.addresses = untilReady(t, read, r.err)
	go io.Copy(io.Discard, read)
	t.Cleanup(func() { r.stop(t) })
	return r
}

// untilReady reads the addresses that an emulator prints.
func untilReady(t *testing.T, out io.Reader, said *buffer) map[string]string {
	t.Helper()
	addresses := map[string]string{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if lines.Text() == "ready" {
			return addresses
		}
		name, address, _ := strings.Cut(lines.Text(), " ")
		addresses[name] = strings.TrimSpace(address)
	}
	t.Fatalf("never ready: %s", said)
	return nil
}

// stop ends the emulator once; it must end well.
func (r *running) stop(t *testing.T) {
	t.Helper()
	if r.done == nil {
		return
	}
	r.signals <- syscall.SIGTERM
	if code := <-r.done; code != exitDone {
		t.Errorf("the emulator ended with %d: %s", code, r.err)
	}
	r.done = nil
}

func (r *running) port(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(r.addresses["query"])
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestEmulatorAcceptsWhenReadyAndStopsOnASignal(t *testing.T) {
	t.Parallel()
	r := startEmulator(t)
	for _, name := range []string{"query", "http", "be-http"} {
		conn, err := net.Dial("tcp", r.addresses[name])
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		conn.Close()
	}
	r.stop(t)
	if r.err.String() != "stopping\n" {
		t.Errorf("said %q", r.err)
	}
	if conn, err := net.Dial("tcp", r.addresses["query"]); err == nil {
		conn.Close()
		t.Error("it still listens")
	}
}

func TestEmulatorOnAPortInUse(t *testing.T) {
	t.Parallel()
	r := startEmulator(t)
	got := starferry(t, "", "emulator", "--query-addr", r.addresses["query"], "--http-addr", "127.0.0.1:0", "--be-http-addr", "127.0.0.1:0")
	if got.code != exitNotTried || got.out != "" || !strings.Contains(got.err, "address already in use") || !strings.Contains(got.err, "--query-addr") {
		t.Errorf("%+v", got)
	}
}

func TestEmulatorOfAnotherVersion(t *testing.T) {
	t.Parallel()
	r := startEmulator(t, "--starrocks-version", "2.5")
	if got := starferry(t, "", "sql", "--port", r.port(t), "-e", "SELECT current_version()"); !strings.Contains(got.out, "2.5.0-embedded") {
		t.Errorf("%+v", got)
	}
	got := starferry(t, "", append([]string{"emulator", "--starrocks-version", "2.4"}, anyPorts...)...)
	if got.code != exitNotTried || !strings.Contains(got.err, "2.4") || !strings.Contains(got.err, "--starrocks-version") {
		t.Errorf("%+v", got)
	}
}

func TestEmulatorKeepsItsTablesInADataDir(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	r := startEmulator(t, "--data-dir", dir)
	if got := starferry(t, "", "sql", "--port", r.port(t), "-e", "CREATE DATABASE kept"); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	r.stop(t)
	r = startEmulator(t, "--data-dir", dir)
	if got := starferry(t, "", "sql", "--port", r.port(t), "-e", "SHOW DATABASES"); !strings.Contains(got.out, "| kept ") {
		t.Errorf("%+v", got)
	}
}

// TestTheProcess runs this binary as the program: real arguments, real signals.
func TestTheProcess(t *testing.T) {
	t.Parallel()
	program := func(args ...string) *exec.Cmd {
		cmd := exec.Command(os.Args[0], args...)
		cmd.Env = append(os.Environ(), "STARFERRY_TEST_PROCESS=1")
		return cmd
	}
	t.Run("exit code", func(t *testing.T) {
		t.Parallel()
		out, err := program("lnit").CombinedOutput()
		if program := err.(*exec.ExitError); program.ExitCode() != exitNotTried || !strings.Contains(string(out), "'lint'") {
			t.Errorf("%d, %s", program.ExitCode(), out)
		}
	})
	t.Run("SIGTERM", func(t *testing.T) {
		t.Parallel()
		cmd := program(append([]string{"emulator"}, anyPorts...)...)
		said := &buffer{}
		cmd.Stderr = said
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		untilReady(t, out, said)
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil || said.String() != "stopping\n" {
			t.Errorf("%v, %q", err, said)
		}
	})
}
