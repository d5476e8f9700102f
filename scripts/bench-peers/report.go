package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// report is all that was measured, as it is kept.
type report struct {
	Began    time.Time  `json:"began"`
	CPU      string     `json:"cpu"`
	Cores    int        `json:"cores"`
	MemoryMB int64      `json:"memory_mb"`
	Kernel   string     `json:"kernel"`
	Java     string     `json:"java"`
	Load     string     `json:"load_average_before"`
	Commit   string     `json:"commit"`
	Changed  bool       `json:"changed"` // beside the commit
	Quick    bool       `json:"quick"`
	Programs []*program `json:"programs"`
	Results  []result   `json:"results"`
}

func (b *bench) describe(ctx context.Context) {
	r := &b.report
	r.Began, r.Cores, r.Quick = time.Now().UTC().Truncate(time.Second), runtime.NumCPU(), b.quick
	r.CPU, r.Kernel = field("/proc/cpuinfo", "model name"), firstLine(os.ReadFile("/proc/sys/kernel/osrelease"))
	var kilobytes int64
	if _, err := fmt.Sscan(field("/proc/meminfo", "MemTotal"), &kilobytes); err == nil {
		r.MemoryMB = kilobytes >> 10
	}
	r.Java = firstLine(exec.CommandContext(ctx, "java", "--version").Output())
	r.Load = strings.Join(strings.Fields(firstLine(os.ReadFile("/proc/loadavg")))[:3], " ")
	r.Commit = firstLine(exec.CommandContext(ctx, "git", "rev-parse", "--short=10", "HEAD").Output())
	status, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "--untracked-files=no").Output()
	r.Changed = err == nil && len(status) > 0
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

// keep prints the report and writes it to two files.
func (r *report) keep(folder string) error {
	text := r.markdown()
	fmt.Print(text)
	if folder == "" {
		return nil
	}
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	name := r.Began.Format("2006-01-02-1504") + "-" + r.Commit + map[bool]string{true: "-changed"}[r.Changed] + "-peers"
	path := filepath.Join(folder, name)
	say("kept as %s.md and .json", path)
	return errors.Join(os.WriteFile(path+".md", []byte(text), 0o644), os.WriteFile(path+".json", append(data, '\n'), 0o644))
}
