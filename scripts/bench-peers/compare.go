package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

func (r *report) markdown() string {
	var t strings.Builder
	fmt.Fprintf(&t, "# Starferry and its peers, %s\n\n", r.Began.Format("2006-01-02 15:04 MST"))
	fmt.Fprintf(&t, "%s, %d cores, %d MB, Linux %s, %s, commit %s%s; load average before: %s. All processes on this machine, one program at a time, one run of each.",
		r.CPU, r.Cores, r.MemoryMB, r.Kernel, r.Java, r.Commit, map[bool]string{true: " with changes"}[r.Changed], r.Load)
	if r.Quick {
		t.WriteString(" Quick: too few rows to rely on.")
	}
	t.WriteString("\n\n")
	for _, p := range r.Programs {
		fmt.Fprintf(&t, "- **%s**: %s.\n", p.Name, p.How)
	}
	for _, one := range r.tasks() {
		r.compare(&t, one)
	}
	r.failures(&t)
	return t.String()
}

// task is what programs are compared in.
type task struct{ source, set, measure string }

func (r *result) task() task { return task{r.Source, r.Set, r.Measure} }

// tasks are those that somebody has done, in that order.
func (r *report) tasks() (all []task) {
	for i := range r.Results {
		if one := &r.Results[i]; one.Failed == "" && !slices.Contains(all, one.task()) {
			all = append(all, one.task())
		}
	}
	return all
}

// figures are what is told of a result; NaN is what is not known.
type figures struct {
	first, took             float64 // seconds
	rate, warmRate          float64 // rows per second, and from the half on
	cpu                     float64 // seconds
	perMillion, warmMillion float64 // CPU seconds per million rows, and from the half on
	server                  float64 // the same of the server
	peak                    float64 // MB
}

var unknown = figures{math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()}

func (r *report) find(t task, program string) *result {
	for i := range r.Results {
		if one := &r.Results[i]; one.task() == t && one.Program == program && one.Failed == "" {
			return one
		}
	}
	return nil
}

// of gives a program's figures in a task.
func (r *report) of(t task, program string) figures {
	one := r.find(t, program)
	if one == nil {
		return unknown
	}
	rows := float64(one.Rows)
	f := figures{first: one.First, took: one.Took, rate: rows / one.Took, warmRate: math.NaN(), cpu: one.CPU, perMillion: one.CPU / rows * 1e6,
		warmMillion: math.NaN(), server: one.SourceCPU / rows * 1e6, peak: float64(one.Peak) / (1 << 20)}
	if one.Half != nil {
		left := rows - one.Half.Rows
		f.warmRate, f.warmMillion = left/(one.Took-one.Half.Seconds), (one.CPU-one.Half.CPU)/left*1e6
	}
	return f
}

// compare is the table of a task. A × says how many times starferry's a program's figure
// is; a warm one is compared with starferry's whole.
func (r *report) compare(t *strings.Builder, of task) {
	ours := r.of(of, r.Programs[0].Name)
	what := map[string]string{start: "from the start of a process to one visible row", copying: "copy", catchUp: "catch-up after a stop"}[of.measure]
	fmt.Fprintf(t, "\n## %s, %s: %s\n\n", of.source, of.set, what)
	heads := []string{"program", "row visible s", "×", "CPU s", "×", "peak MB", "×"}
	if of.measure != start {
		heads = []string{"program", "first row s", "all s", "rows/s", "×", "warm", "×", "CPU s/M", "×", "warm", "×", "server CPU s/M", "peak MB", "×"}
	}
	writeRow(t, heads)
	writeRow(t, strings.Split(strings.Repeat("---,", len(heads)-1)+"---", ","))
	for _, p := range r.Programs {
		if r.find(of, p.Name) == nil {
			continue
		}
		f := r.of(of, p.Name)
		if of.measure == start {
			writeRow(t, []string{p.Name, number("%.2f", f.took), times(f.took, ours.took), number("%.2f", f.cpu), times(f.cpu, ours.cpu), number("%.0f", f.peak), times(f.peak, ours.peak)})
			continue
		}
		writeRow(t, []string{p.Name, number("%.2f", f.first), number("%.2f", f.took), number("%.0f", f.rate), times(f.rate, ours.rate), number("%.0f", f.warmRate), times(f.warmRate, ours.rate),
			number("%.2f", f.perMillion), times(f.perMillion, ours.perMillion), number("%.2f", f.warmMillion), times(f.warmMillion, ours.perMillion),
			number("%.2f", f.server), number("%.0f", f.peak), times(f.peak, ours.peak)})
	}
}

func writeRow(t *strings.Builder, cells []string) {
	t.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func number(format string, f float64) string {
	if math.IsNaN(f) {
		return "–"
	}
	return fmt.Sprintf(format, f)
}

func times(theirs, ours float64) string { return number("%.3g", theirs/ours) }

// failures are what could not be measured, in the programs' own words.
func (r *report) failures(t *strings.Builder) {
	head := "\n## Not measured\n\n"
	for _, one := range r.Results {
		if one.Failed != "" {
			fmt.Fprintf(t, "%s- %s, %s, %s of %s: %s\n", head, one.Source, one.Program, one.Measure, one.Set, strings.Join(strings.Fields(one.Failed), " "))
			head = ""
		}
	}
}
