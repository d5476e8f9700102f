package cli

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// openTerminal returns the two ends of a new terminal: what the person holds, and
// what the program sees.
func openTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	var unlock, number int32
	for request, arg := range map[uintptr]*int32{syscall.TIOCSPTLCK: &unlock, syscall.TIOCGPTN: &number} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, person.Fd(), request, uintptr(unsafe.Pointer(arg))); errno != 0 {
			t.Fatal(errno)
		}
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

func TestOnlyTerminalsAreTerminals(t *testing.T) {
	t.Parallel()
	_, program := openTerminal(t)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if !isTerminal(program) || isTerminal(null) || isTerminal(&buffer{}) {
		t.Error("wrong")
	}
}

func TestATerminalIsAskedForThePassword(t *testing.T) {
	t.Parallel()
	port := startEmulator(t, "--password", "hunter2").port(t)
	for typed, want := range map[string]int{"hunter2\n": exitDone, "wrong\n": exitNotTried} {
		person, program := openTerminal(t)
		if _, err := person.WriteString("early"); err != nil { // typed ahead: shown, as ever
			t.Fatal(err)
		}
		var out, said buffer
		asked := &signalOn{b: &said, text: "Password of 'root' at 127.0.0.1:" + port + ": ", seen: make(chan struct{})}
		code := make(chan int, 1)
		go func() {
			code <- Main(t.Context(), []string{"starferry", "sql", "--port", port, "-e", "SELECT 1"}, Stdio{In: program, Out: &out, Err: asked})
		}()
		<-asked.seen
		// ^U takes back what was typed ahead.
		if _, err := person.WriteString("\x15" + typed); err != nil {
			t.Fatal(err)
		}
		if got := <-code; got != want || strings.Contains(said.String()+out.String(), "hunter2") {
			t.Errorf("%q: %d, %s%s", typed, got, &out, &said)
		}
		if state, err := terminalState(program); err != nil || state.Lflag&syscall.ECHO == 0 {
			t.Errorf("the terminal stays silent: %v", err)
		}
		program.Close()
		echo := make([]byte, 1000)
		n, err := person.Read(echo)
		if err != nil || strings.Contains(string(echo[:n]), "hunter2") {
			t.Errorf("echoed %q, %v", echo[:n], err)
		}
	}
}

func TestAGivenPasswordIsNotAskedFor(t *testing.T) {
	t.Parallel()
	port := startEmulator(t, "--password", "hunter2").port(t)
	person, program := openTerminal(t)
	if _, err := person.WriteString("hunter2\n"); err != nil {
		t.Fatal(err)
	}
	var said buffer
	code := Main(t.Context(), []string{"starferry", "sql", "--port", port, "-e", "SELECT 1"},
		Stdio{In: program, Out: &buffer{}, Err: &said, Environ: []string{sqlPasswordName + "=wrong"}})
	if code != exitNotTried || strings.Contains(said.String(), "Password of") {
		t.Errorf("%d, %s", code, &said)
	}
}

func TestAnInterruptedPasswordLeavesTheTerminalAsItWas(t *testing.T) {
	t.Parallel()
	port := startEmulator(t, "--password", "hunter2").port(t)
	_, program := openTerminal(t)
	asked := &signalOn{b: &buffer{}, text: "Password of ", seen: make(chan struct{})}
	signals, code := make(chan os.Signal, 1), make(chan int, 1)
	go func() {
		code <- Main(t.Context(), []string{"starferry", "sql", "--port", port}, Stdio{In: program, Out: &buffer{}, Err: asked, Signals: signals})
	}()
	<-asked.seen
	signals <- os.Interrupt
	if got := <-code; got != exitForced {
		t.Error(got)
	}
	if state, err := terminalState(program); err != nil || state.Lflag&syscall.ECHO == 0 {
		t.Errorf("the terminal stays silent: %v", err)
	}
}

// signalOn tells when a text has been written.
type signalOn struct {
	b    *buffer
	text string
	seen chan struct{}
}

func (s *signalOn) Write(p []byte) (int, error) {
	before := strings.Contains(s.b.String(), s.text)
	n, err := s.b.Write(p)
	if !before && strings.Contains(s.b.String(), s.text) {
		close(s.seen)
	}
	return n, err
}
