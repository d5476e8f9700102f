package testbed

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func shell(t *testing.T, script, logFile string) *Program {
	t.Helper()
	p, err := StartProgram("/bin/sh", RunOptions{
		Args: []string{"-c", script}, Env: []string{"GREETING=hello"}, LogFile: logFile,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func TestProgramIsWatchedLineByLine(t *testing.T) {
	t.Parallel()
	for name, logFile := range map[string]string{"pipe": "", "file": t.TempDir() + "/log"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := shell(t, `trap 'echo bye; exit 3' INT; echo $GREETING; echo on stderr >&2; while :; do sleep 0.05; done`, logFile)
			for _, want := range []string{"hello", "on stderr"} {
				if line, err := p.WaitLine(t.Context(), want); err != nil || line != want {
					t.Fatal(line, err)
				}
			}
			p.Interrupt()
			if code, err := p.Wait(t.Context()); code != 3 || err != nil {
				t.Fatal(code, err)
			}
			if out := p.Output(); out != "hello\non stderr\nbye\n" {
				t.Errorf("%q", out)
			}
			if _, err := p.WaitLine(t.Context(), "never"); !errors.Is(err, errEnded) {
				t.Error(err)
			}
		})
	}
}

func TestWaitLineEndsWithItsContext(t *testing.T) {
	t.Parallel()
	p := shell(t, `printf 'half a line'; sleep 60`, "")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := p.WaitLine(ctx, "half"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	p.Kill()
	if code, err := p.Wait(t.Context()); code != -1 || err != nil {
		t.Error(code, err)
	}
}

// TestServersDieWithTheirStarter runs this test binary again, as a starter that is
// killed while it owns a server.
func TestServersDieWithTheirStarter(t *testing.T) {
	if os.Getenv("STARFERRY_TESTBED_STARTER") != "" {
		s, err := Start(t.Context(), Options{Flavor: MariaDBFlavor})
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("serving " + s.Address() + " in " + s.Dir() + "\n")
		<-t.Context().Done()
		return
	}
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := StartProgram(self, RunOptions{
		Args: []string{"-test.run=^TestServersDieWithTheirStarter$"}, Env: []string{"STARFERRY_TESTBED_STARTER=1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	line, err := p.WaitLine(t.Context(), "serving ")
	if err != nil {
		t.Fatal(err)
	}
	dir := line[strings.LastIndexByte(line, ' ')+1:]
	p.Kill()
	// The server held the directory's lock: that it can be taken says that it is dead.
	took := exec.Command("flock", "--timeout", "10", dir+"/"+ownerFile, "true").Run()
	if took != nil {
		t.Fatalf("the server outlived its starter: %v", took)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(dir+"/"+ownerFile, old, old); err != nil {
		t.Fatal(err)
	}
	sweep()
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s was not swept: %v", dir, err)
	}
}

func TestASweepSparesWhatIsInUse(t *testing.T) {
	t.Parallel()
	dir, err := newDirectory("test")
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(dir.join(ownerFile), old, old); err != nil {
		t.Fatal(err)
	}
	sweep()
	if _, err := os.Stat(dir.path); err != nil {
		t.Error(err)
	}
	// Without its lock it is anybody's.
	if err := syscall.Flock(int(dir.owner.Fd()), syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	sweep()
	// Another process may have begun to sweep it: who has the lock then is done with it.
	if err := syscall.Flock(int(dir.owner.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir.path); !os.IsNotExist(err) {
		t.Error("it is still there", err)
	}
	if err := dir.remove(); err != nil {
		t.Error(err)
	}
}

func TestChooseMirror(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, targets, want string }{
		{"updates beside it", "http://x/debian bookworm main\nhttp://m/debian/ bookworm main\nhttp://m/debian/ bookworm-updates main\n", "http://m/debian/"},
		{"alone", "http://s/ bookworm-security main\nhttp://d/ nodistro main\nhttp://m/ trixie main\n", "http://m/"},
		{"third parties only", "http://d/ubuntu noble main\nhttp://e/ bookworm stable\n", ""},
		{"none", "", ""},
	} {
		if got := chooseMirror(c.targets); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestRunBinary(t *testing.T) {
	t.Parallel()
	p := RunBinary(t, RunOptions{Args: []string{"version"}})
	if _, err := p.WaitLine(t.Context(), "starferry "); err != nil {
		t.Error(err)
	}
	if code, err := p.Wait(t.Context()); code != 0 || err != nil {
		t.Error(code, err)
	}
}
