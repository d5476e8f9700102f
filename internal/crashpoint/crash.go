//go:build crashpoints

package crashpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

var (
	name, times = wanted(os.Getenv(Variable))
	reached     atomic.Int64
)

// wanted reads name:n. A crash that was asked for in vain would prove nothing, so
// that it cannot be read ends the process.
func wanted(text string) (name string, times int64) {
	if text == "" {
		return "", 0
	}
	name, count, _ := strings.Cut(text, ":")
	times, err := strconv.ParseInt(count, 10, 64)
	if err != nil || times < 1 {
		fmt.Fprintf(os.Stderr, "%s=%s: want name:n\n", Variable, text)
		os.Exit(2)
	}
	return name, times
}

// Here kills the process when this is the point and the time.
func Here(point string) {
	if point != name || reached.Add(1) != times {
		return
	}
	fmt.Fprintf(os.Stderr, "crash at %s, time %d\n", name, times)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // nothing of this goroutine's happens behind the point
}
