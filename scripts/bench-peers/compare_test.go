package main

import (
	"math"
	"strings"
	"testing"
)

func someReport() *report {
	r := &report{Programs: []*program{{Name: "starferry"}, {Name: "peer"}, {Name: "mute"}}}
	for _, one := range []struct {
		program, set, measure string
		rows                  int
		took, cpu, server     float64
		peak                  int64
		failed                string
	}{
		{"starferry", oneRow.name, start, 1, 0.25, 0.1, 0, 20, ""},
		{"peer", oneRow.name, start, 1, 5, 4, 0, 200, ""},
		{"mute", oneRow.name, start, 1, 0, 0, 0, 0, "it\n  says | no"},
		{"starferry", "narrow", copying, 1_000_000, 2.25, 0.6, 1.5, 40, ""},
		{"peer", "narrow", copying, 1_000_000, 25, 24, 3, 800, ""},
		{"starferry", "narrow", catchUp, 1000, 0.26, 0.1, 0.1, 30, ""},
	} {
		r.Results = append(r.Results, result{Source: "MySQL 9", Program: one.program, Set: one.set, Measure: one.measure, Rows: one.rows,
			First: one.took / 2, Took: one.took, CPU: one.cpu, SourceCPU: one.server, Peak: one.peak << 20, Failed: one.failed})
	}
	r.find(task{"MySQL 9", "narrow", copying}, "peer").Half = &half{600_000, 17, 16}
	return r
}

func TestFiguresOfAProgram(t *testing.T) {
	t.Parallel()
	r := someReport()
	got := r.of(task{"MySQL 9", "narrow", copying}, "peer")
	if want := (figures{first: 12.5, took: 25, rate: 40_000, warmRate: 50_000, cpu: 24, perMillion: 24, warmMillion: 20, server: 3, peak: 800}); got != want {
		t.Errorf("%+v instead of %+v", got, want)
	}
	if f := r.of(task{"MySQL 9", "narrow", catchUp}, "starferry"); !math.IsNaN(f.warmRate) || !math.IsNaN(f.warmMillion) {
		t.Errorf("all rows came at once, and yet there is a second half: %+v", f)
	}
	if f := r.of(task{"MySQL 9", "narrow", copying}, "mute"); !math.IsNaN(f.rate) || !math.IsNaN(f.peak) {
		t.Errorf("what was not measured has figures: %+v", f)
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	text := someReport().markdown()
	for _, want := range []string{
		"## MySQL 9, single: from the start of a process to one visible row\n",
		"| peer | 5.00 | 20 | 4.00 | 40 | 200 | 10 |\n",
		"| peer | 12.50 | 25.00 | 40000 | 0.09 | 50000 | 0.113 | 24.00 | 40 | 20.00 | 33.3 | 3.00 | 800 | 20 |\n",
		"| starferry | 0.13 | 0.26 | 3846 | 1 | – | – | 100.00 | 1 | – | – | 100.00 | 30 | 1 |\n",
		"## Not measured\n\n- MySQL 9, mute, start of single: it says | no\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing: %s", want)
		}
	}
	if strings.Contains(text, "| mute |") {
		t.Error("a program without a figure is in a table")
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestVersionsAreThoseOfThePOM(t *testing.T) {
	t.Parallel()
	versions, err := versionsOf("java/pom.xml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"flink.version", "flink-cdc.version", "mysql.version", "debezium.version"} {
		if versions[name] == "" {
			t.Errorf("no %s in %v", name, versions)
		}
	}
}
