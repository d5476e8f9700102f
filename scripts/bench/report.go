package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// report is all that was measured, as it is kept.
type report struct {
	Machine machine     `json:"machine"`
	Quick   bool        `json:"quick"`
	Repeat  int         `json:"repeat"`
	Seed    uint64      `json:"seed"`
	Publish string      `json:"publish_delay"`
	Cases   []*measured `json:"cases"`
}

func (r *report) begin(ctx context.Context, b *bench) {
	r.Machine, r.Quick, r.Repeat, r.Seed, r.Publish = describe(ctx, b.binary), b.quick, b.repeat, b.seed, b.publish.String()
}

func (r *report) add(m *measured) { r.Cases = append(r.Cases, m) }

// end prints the report and keeps it.
func (r *report) end(b *bench) error {
	text := r.markdown()
	fmt.Print(text)
	if b.results == "" {
		return nil
	}
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(b.results, 0o755); err != nil {
		return err
	}
	path := filepath.Join(b.results, r.Machine.resultName())
	say("kept as %s.md and .json", path)
	return errors.Join(os.WriteFile(path+".md", []byte(text), 0o644), os.WriteFile(path+".json", append(data, '\n'), 0o644))
}

// median is the middle of what is measured in several runs; of an even number the mean
// of the two in the middle.
func median[T any](all []T, of func(T) float64) float64 {
	var values []float64
	for _, one := range all {
		values = append(values, of(one))
	}
	slices.Sort(values)
	switch n := len(values); {
	case n == 0:
		return math.NaN()
	case n%2 == 0:
		return (values[n/2-1] + values[n/2]) / 2
	default:
		return values[n/2]
	}
}

// against is the median of ours by theirs, run by run: what drifts on a machine between
// one run and the next is in both.
func (m *measured) against(theirs []reading) float64 {
	ratios := make([]float64, 0, len(m.Runs))
	for i, r := range m.Runs {
		ratios = append(ratios, theirs[i].Seconds/r.Seconds)
	}
	return median(ratios, func(f float64) float64 { return f })
}

func (m *measured) of(value func(run) float64) float64 { return median(m.Runs, value) }

// perMillion is seconds per million rows.
func (m *measured) perMillion(seconds float64) float64 { return seconds / float64(m.Rows) * 1e6 }

func (r *report) markdown() string {
	var t strings.Builder
	m := r.Machine
	fmt.Fprintf(&t, "# Benchmark of %s\n\n", m.Began.Format("2006-01-02 15:04 MST"))
	state := cmp.Or(map[bool]string{true: " with changes"}[m.Changed], "")
	fmt.Fprintf(&t, "%s, %d cores, %d MB, Linux %s, %s, MySQL %s, commit %s%s; load average before: %s.\n", m.CPU, m.Cores, m.MemoryMB, m.Kernel, m.Go, m.MySQL, m.Commit, state, m.Load)
	fmt.Fprintf(&t, "All processes on this machine. Median of %d, seed %d, publish delay %s give or take half.", r.Repeat, r.Seed, r.Publish)
	if r.Quick {
		t.WriteString(" Quick: a tenth of the rows, too few to rely on.")
	}
	t.WriteString("\n")
	r.roads(&t)
	return t.String()
}

// roads is the table of the whole paths.
func (r *report) roads(t *strings.Builder) {
	if len(r.Cases) == 0 {
		return
	}
	t.WriteString("\n| case | rows | MB | rows/s | MB/s | × client | × drain | CPU s/M | mysqld CPU s/M | double CPU s/M | allocs/row | peak MB | first row ms |\n")
	t.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, m := range r.Cases {
		seconds := m.of(func(r run) float64 { return r.Seconds })
		megabytes := float64(m.Bytes) / 1e6
		fmt.Fprintf(t, "| %s | %d | %.0f | %.0f | %.0f | %.2f | %.2f | %.2f | %.2f | %.2f | %.3f | %.0f | %.0f |\n", m.Name, m.Rows, megabytes,
			float64(m.Rows)/seconds, megabytes/seconds, m.against(m.Client), m.against(m.Drain),
			m.perMillion(m.of(func(r run) float64 { return r.CPU })), m.perMillion(m.of(func(r run) float64 { return r.ServerCPU })),
			m.perMillion(m.of(func(r run) float64 { return r.DoubleCPU })),
			m.of(func(r run) float64 { return float64(r.Mallocs-m.Base.Mallocs) / float64(m.Rows) }),
			m.of(func(r run) float64 { return float64(r.Peak) / 1e6 }), 1000*m.Base.First)
	}
	t.WriteString("\n| limits of the same runs | client rows/s | MB/s | CPU s/M | mysqld CPU s/M | drain rows/s | MB/s | CPU s/M | mysqld CPU s/M |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, m := range r.Cases {
		fmt.Fprintf(t, "| %s |", m.Name)
		for _, readings := range [][]reading{m.Client, m.Drain} {
			seconds := median(readings, func(r reading) float64 { return r.Seconds })
			fmt.Fprintf(t, " %.0f | %.0f | %.2f | %.2f |", float64(m.Rows)/seconds, float64(m.Bytes)/1e6/seconds,
				m.perMillion(median(readings, func(r reading) float64 { return r.CPU })), m.perMillion(median(readings, func(r reading) float64 { return r.ServerCPU })))
		}
		t.WriteString("\n")
	}
}
