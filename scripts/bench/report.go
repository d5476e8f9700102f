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
	CatchUp []caught    `json:"catch_up"`
	Idle    []idled     `json:"idle"`
	Latency []delays    `json:"latency"`
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
	r.catchUps(&t)
	r.idles(&t)
	r.latencies(&t)
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
		start := median(m.Base, func(r run) float64 { return float64(r.Mallocs) })
		megabytes := float64(m.Bytes) / 1e6
		fmt.Fprintf(t, "| %s | %d | %.0f | %.0f | %.0f | %.2f | %.2f | %.2f | %.2f | %.2f | %.3f | %.0f | %.0f |\n", m.Name, m.Rows, megabytes,
			float64(m.Rows)/seconds, megabytes/seconds, m.against(m.Client), m.against(m.Drain),
			m.perMillion(m.of(func(r run) float64 { return r.CPU })), m.perMillion(m.of(func(r run) float64 { return r.ServerCPU })),
			m.perMillion(m.of(func(r run) float64 { return r.DoubleCPU })),
			m.of(func(r run) float64 { return (float64(r.Mallocs) - start) / float64(m.Rows) }),
			m.of(func(r run) float64 { return float64(r.Peak) / 1e6 }), 1000*median(m.Base, func(r run) float64 { return r.First }))
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

func (r *report) catchUps(t *strings.Builder) {
	if len(r.CatchUp) == 0 {
		return
	}
	of := func(value func(caught) float64) float64 { return median(r.CatchUp, value) }
	t.WriteString("\n| catch-up behind a stop, while the source writes | |\n|---|---|\n")
	fmt.Fprintf(t, "| backlog | %d rows |\n", r.CatchUp[0].Backlog)
	fmt.Fprintf(t, "| caught up after | %.1f s, %.0f rows/s, the start included |\n", of(func(c caught) float64 { return c.Seconds }), of(func(c caught) float64 { return c.Rate }))
	fmt.Fprintf(t, "| CPU s/M, peak MB | %.2f, %.0f |\n", of(func(c caught) float64 { return c.CPU / (float64(c.Backlog) + float64(c.Meanwhile)) * 1e6 }), of(func(c caught) float64 { return float64(c.Peak) / 1e6 }))
	fmt.Fprintf(t, "| the writer's single-row transactions, of %d/s | %.0f/s alone, %.0f/s meanwhile |\n", writesPerSecond, of(func(c caught) float64 { return c.Alone }), of(func(c caught) float64 { return c.During }))
}

func (r *report) idles(t *strings.Builder) {
	if len(r.Idle) == 0 {
		return
	}
	fmt.Fprintf(t, "\n| %d idle tables, one CREATE DATABASE | first start until all are copied and followed | a later start | a new table is copied after | CPU, %% of a core, mysqld | allocations per second | resident MB, peak MB |\n|---|---|---|---|---|---|---|\n", r.Idle[0].Tables)
	for _, delivery := range []string{"at-least-once", "exactly-once"} {
		runs := slices.DeleteFunc(slices.Clone(r.Idle), func(i idled) bool { return i.Delivery != delivery })
		of := func(value func(idled) float64) float64 { return median(runs, value) }
		peak := func(a, b idled) int { return cmp.Compare(a.Peak, b.Peak) }
		later := "–"
		if len(runs) > 1 {
			later = fmt.Sprintf("%.1f s", runs[len(runs)-1].Started)
		}
		fmt.Fprintf(t, "| %s | %.1f s | %s | %.2f s | %.2f, %.2f | %.0f | %.0f, %.0f |\n", delivery, runs[0].Started, later, of(func(i idled) float64 { return i.NewTable }),
			of(func(i idled) float64 { return i.CPU }), of(func(i idled) float64 { return i.ServerCPU }), of(func(i idled) float64 { return i.Mallocs }),
			of(func(i idled) float64 { return float64(i.Resident) / 1e6 }), float64(slices.MaxFunc(runs, peak).Peak)/1e6)
	}
}

func (r *report) latencies(t *strings.Builder) {
	if len(r.Latency) == 0 {
		return
	}
	t.WriteString("\n| commit → visible, ms | interval ms | publish delay | rows/s | p50 | p99 | max | publishing p50 | p99 | max | loads | CPU % |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, d := range r.Latency {
		fmt.Fprintf(t, "| %d rows/s | %d | %s | %.0f | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f | %d | %.1f |\n", d.Wanted, d.Interval, d.Publish, d.Rate,
			d.Visible.P50, d.Visible.P99, d.Visible.Max, d.Published.P50, d.Published.P99, d.Published.Max, d.Loads, d.CPU)
	}
}
