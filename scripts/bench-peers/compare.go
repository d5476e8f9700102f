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
	first, took            float64 // seconds
	rate, netRate          float64 // rows per second, and without the time of a start
	cpu                    float64 // seconds
	perMillion, netMillion float64 // CPU seconds per million rows, and without those of a start
	server                 float64 // the same of the server
	peak                   float64 // MB
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

// of gives a program's figures in a task. A start is what the same program took from its
// start to one visible row; a difference that is none of a measurable size is not known.
func (r *report) of(t task, program string) figures {
	one := r.find(t, program)
	if one == nil {
		return unknown
	}
	rows, million := float64(one.Rows), float64(one.Rows)/1e6
	f := figures{first: one.First, took: one.Took, rate: rows / one.Took, netRate: math.NaN(), cpu: one.CPU, perMillion: one.CPU / million,
		netMillion: math.NaN(), server: one.SourceCPU / million, peak: float64(one.Peak) / (1 << 20)}
	if began := r.find(task{t.source, oneRow.name, start}, program); began != nil {
		const ofAny = 0.02 // seconds: two ticks of CPU
		if wall := one.Took - began.Took; wall > ofAny {
			f.netRate = rows / wall
		}
		if cpu := one.CPU - began.CPU; cpu > ofAny {
			f.netMillion = cpu / million
		}
	}
	return f
}

// compare is the table of a task. A × says how many times starferry's a program's figure is.
func (r *report) compare(t *strings.Builder, of task) {
	ours := r.of(of, r.Programs[0].Name)
	what := map[string]string{start: "from the start of a process to one visible row", copying: "copy", catchUp: "catch-up after a stop"}[of.measure]
	fmt.Fprintf(t, "\n## %s, %s: %s\n\n", of.source, of.set, what)
	heads := []string{"program", "row visible s", "×", "CPU s", "×", "peak MB", "×"}
	if of.measure != start {
		heads = []string{"program", "first row s", "all s", "rows/s", "×", "without start", "×", "CPU s/M", "×", "without start", "×", "server CPU s/M", "peak MB", "×"}
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
		writeRow(t, []string{p.Name, number("%.2f", f.first), number("%.2f", f.took), number("%.0f", f.rate), times(f.rate, ours.rate), number("%.0f", f.netRate), times(f.netRate, ours.netRate),
			number("%.2f", f.perMillion), times(f.perMillion, ours.perMillion), number("%.2f", f.netMillion), times(f.netMillion, ours.netMillion),
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
