package testbed

import (
	"os/exec"
	"runtime"
	"syscall"
)

// process is a child that has been started.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // what Wait said; readable once done is closed
}

// startProcess starts cmd in a process group of its own, so that a Ctrl-C meant for
// us does not end it before we do. Unless detached, the kernel kills it when we die,
// however we die.
//
// The kernel sends that signal when the *thread* that forked ends, and Go ends
// threads as it likes: the goroutine that forks keeps its thread for as long as the
// child lives.
func startProcess(cmd *exec.Cmd, detached bool) (*process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if detached {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// signal sends s; a process that has already ended is not an error.
func (p *process) signal(s syscall.Signal) {
	select {
	case <-p.done:
	default:
		// The only failure is that it ended in this moment.
		_ = p.cmd.Process.Signal(s)
	}
}

// kill ends the process at once and waits for its end.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}
