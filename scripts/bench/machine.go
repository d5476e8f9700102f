package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// machine is where and with what the figures were measured.
type machine struct {
	CPU       string    `json:"cpu"`
	Cores     int       `json:"cores"`
	MemoryMB  int64     `json:"memory_mb"`
	Kernel    string    `json:"kernel"`
	Go        string    `json:"go"`
	MySQL     string    `json:"mysql"`
	Starferry string    `json:"starferry"`
	Commit    string    `json:"commit"`
	Changed   bool      `json:"changed"` // beside the commit
	Load      string    `json:"load_average_before"`
	Began     time.Time `json:"began"`
}

func describe(ctx context.Context, binary string) machine {
	m := machine{Cores: runtime.NumCPU(), Go: runtime.Version(), Began: time.Now().UTC().Truncate(time.Second)}
	m.CPU = field("/proc/cpuinfo", "model name")
	kilobytes, _, _ := strings.Cut(field("/proc/meminfo", "MemTotal"), " ")
	if n, err := strconv.ParseInt(kilobytes, 10, 64); err == nil {
		m.MemoryMB = n >> 10
	}
	m.Kernel = firstLine(os.ReadFile("/proc/sys/kernel/osrelease"))
	m.Load = strings.Join(strings.Fields(firstLine(os.ReadFile("/proc/loadavg")))[:3], " ")
	m.Starferry = firstLine(exec.CommandContext(ctx, binary, "version").Output())
	m.Commit = firstLine(exec.CommandContext(ctx, "git", "rev-parse", "--short=10", "HEAD").Output())
	status, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "--untracked-files=no").Output()
	m.Changed = err == nil && len(status) > 0
	return m
}

// field is what stands behind a name in a file of the kernel, "unknown" without it.
func field(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if before, after, found := strings.Cut(line, ":"); found && strings.TrimSpace(before) == name {
			return strings.TrimSpace(after)
		}
	}
	return "unknown"
}

func firstLine(text []byte, err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if err != nil || line == "" {
		return "unknown"
	}
	return line
}

// resultName is the file name of a run, without its extension.
func (m machine) resultName() string {
	name := m.Began.Format("2006-01-02-1504") + "-" + filepath.Base(m.Commit)
	if m.Changed {
		name += "-changed"
	}
	return name
}
