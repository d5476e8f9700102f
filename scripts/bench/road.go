package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"starferry/internal/testbed"
	"starferry/internal/testbed/stage"
)

// run is one run of the binary, from its start until the last row is visible.
type run struct {
	Seconds   float64 `json:"seconds"`
	First     float64 `json:"seconds_to_first_row"`
	CPU       float64 `json:"cpu_seconds"`
	ServerCPU float64 `json:"mysqld_cpu_seconds"`
	DoubleCPU float64 `json:"double_cpu_seconds"`
	Peak      int64   `json:"peak_bytes"`
	Mallocs   int64   `json:"mallocs"`
	Loads     int     `json:"loads"`
	Rows      int64   `json:"rows"` // visible: of a key update two
}

// follow runs the script until so many rows are visible in the target's database; beside is
// done once the process runs.
func follow(ctx context.Context, s *stage.Stage, script, dataDir, database string, rows int64, beside func(profiles string)) (r run, err error) {
	feed, err := s.Watch(ctx, database)
	if err != nil {
		return r, err
	}
	defer feed.Close()
	server, double, began := stage.CPU(s.Source.PID()), stage.CPU(s.Double.PID()), time.Now()
	p, err := s.Run("run", "--data-dir", filepath.Join(s.Dir, dataDir), "--pprof", "127.0.0.1:0", script)
	if err != nil {
		return r, err
	}
	defer p.Kill()
	profiles, err := profilesOf(ctx, p)
	if err != nil {
		return r, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if beside != nil {
			beside(profiles)
		}
	}()
	for r.Rows < rows {
		v, err := feed.Next(ctx, silence)
		if err != nil {
			text := p.Output()
			return r, fmt.Errorf("%d of %d rows are visible: %w\n%s", r.Rows, rows, err, text[max(0, len(text)-2000):])
		}
		if r.Loads++; r.Loads == 1 {
			r.First = v.At.Sub(began).Seconds()
		}
		r.Rows, r.Seconds = r.Rows+v.Rows, v.At.Sub(began).Seconds()
	}
	r.CPU, r.Peak = stage.CPU(p.PID()).Seconds(), stage.Peak(p.PID())
	r.ServerCPU, r.DoubleCPU = (stage.CPU(s.Source.PID()) - server).Seconds(), (stage.CPU(s.Double.PID()) - double).Seconds()
	if r.Mallocs, err = mallocs(ctx, profiles); err != nil {
		return r, err
	}
	if r.Rows > rows {
		return r, fmt.Errorf("%d rows became visible instead of %d", r.Rows, rows)
	}
	<-done
	return r, stage.Interrupted(ctx, p)
}

var address = regexp.MustCompile(`http://\S+/debug/pprof/`)

// profilesOf is where the process says that it serves profiles.
func profilesOf(ctx context.Context, p *testbed.Program) (string, error) {
	line, err := p.WaitLine(ctx, "profiles at ")
	return strings.TrimSuffix(address.FindString(line), "pprof/"), err
}

// mallocs is how many allocations the process has made.
func mallocs(ctx context.Context, profiles string) (int64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, profiles+"memstats", nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	var m struct{ Mallocs int64 }
	err = json.NewDecoder(answer.Body).Decode(&m)
	return m.Mallocs, err
}
