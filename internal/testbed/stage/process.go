package stage

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"starferry/internal/testbed"
)

// ticks is how the kernel counts CPU time, whatever the machine.
const ticks = 100

// CPU is the CPU time of a process so far, 0 when it is gone.
func CPU(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name, in brackets, may hold anything.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	var sum int64
	for _, field := range fields[11:13] { // user and system
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0
		}
		sum += n
	}
	return time.Duration(sum) * time.Second / ticks
}

// Peak is the most memory a process has had resident, in bytes.
func Peak(pid int) int64 { return ofStatus(pid, "VmHWM:") }

// Resident is the memory a process has resident, in bytes.
func Resident(pid int) int64 { return ofStatus(pid, "VmRSS:") }

// ofStatus is a size that the kernel tells of a process, 0 when it is gone.
func ofStatus(pid int, name string) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, name); found {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err == nil {
				return n << 10
			}
		}
	}
	return 0
}

// Usage looks at a program until it is gone.
func Usage(ctx context.Context, p *testbed.Program) (peak int64, cpu time.Duration) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		peak, cpu = max(peak, Peak(p.PID())), max(cpu, CPU(p.PID()))
		select {
		case <-p.Done():
			return peak, cpu
		case <-ctx.Done():
			return peak, cpu
		case <-ticker.C:
		}
	}
}
