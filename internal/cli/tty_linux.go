package cli

import (
	"os"
	"syscall"
	"unsafe"
)

// isTerminal tells whether f, a reader or a writer, is a terminal.
func isTerminal(f any) bool {
	file, ok := unmasked(f).(*os.File)
	if !ok {
		return false
	}
	_, err := terminalState(file)
	return err == nil
}

// silence makes the terminal show nothing of what is typed, until restore.
func silence(f *os.File) (restore func() error, err error) {
	before, err := terminalState(f)
	if err != nil {
		return nil, err
	}
	silent := before
	silent.Lflag &^= syscall.ECHO
	return func() error { return setTerminalState(f, &before) }, setTerminalState(f, &silent)
}

func terminalState(f *os.File) (state syscall.Termios, err error) {
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TCGETS, uintptr(unsafe.Pointer(&state)))
	if errno != 0 {
		return state, errno
	}
	return state, nil
}

// terminalWidth is how many columns a terminal has, 80 when it does not say.
func terminalWidth(f any) int {
	file, ok := unmasked(f).(*os.File)
	if !ok {
		return otherwiseWide
	}
	var size struct{ rows, columns, x, y uint16 }
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, file.Fd(), syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
	if errno != 0 || size.columns == 0 {
		return otherwiseWide
	}
	return int(size.columns)
}

func setTerminalState(f *os.File, state *syscall.Termios) error {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TCSETS, uintptr(unsafe.Pointer(state))); errno != 0 {
		return errno
	}
	return nil
}
