// Package diag holds what the product has to say to people: findings about a
// script, errors with a cause and a remedy, and values that are never printed.
//
// It is a leaf: it imports nothing but the standard library.
package diag

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"unicode/utf8"
)

// Code names a kind of finding and never changes its meaning. SF1xxx speaks of the
// text of a script, SF2xxx of the plan made from it, SF3xxx of the source, SF4xxx
// of the target, SF5xxx of the running ferry, SF6xxx of its state directory. Each
// room declares its own codes in a file codes.go.
type Code string

// Severity orders findings.
type Severity uint8

const (
	Info Severity = iota
	Warning
	Error
)

func (s Severity) String() string { return [...]string{"info", "warning", "error"}[s] }

// Span is a stretch of a file's bytes, [Start, End).
type Span struct {
	Start, End int
}

// File is a text that spans point into.
type File struct {
	Name string
	Text string
	// Hidden are the stretches of Text that are never printed: passwords.
	Hidden []Span
}

// shown is Text[start:end] with every hidden byte replaced by an asterisk, so that
// carets still stand under their text.
func (f *File) shown(start, end int) string {
	text := []byte(f.Text[start:end])
	for _, h := range f.Hidden {
		for i := max(h.Start, start); i < min(h.End, end); i++ {
			if text[i-start] != '\'' && text[i-start] != '\n' {
				text[i-start] = '*'
			}
		}
	}
	return string(text)
}

// Position gives line and column, both from 1, the column in characters.
func (f *File) Position(offset int) (line, column int) {
	offset = min(max(offset, 0), len(f.Text))
	before := f.Text[:offset]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}

// Finding is one thing to say about a script.
type Finding struct {
	Code     Code
	Severity Severity
	Message  string
	// Label stands beside the caret, for example "did you mean 'sink.semantic'?".
	Label string
	// Fix is the remedy, without "To fix:".
	Fix  string
	File *File
	Span Span
}

// Sort orders findings by place in the file, errors before warnings at one place.
func Sort(findings []Finding) {
	sort.SliceStable(findings, func(i, j int) bool {
		if a, b := findings[i].Span.Start, findings[j].Span.Start; a != b {
			return a < b
		}
		return findings[i].Severity > findings[j].Severity
	})
}

// HasErrors tells whether any finding is an error.
func HasErrors(findings []Finding) bool {
	for i := range findings {
		if findings[i].Severity == Error {
			return true
		}
	}
	return false
}

// Print writes a finding with its line of the script and a caret under the place:
//
//	error[SF2104]: unknown option 'sink.semantics'
//	  --> orders.sql:14:3
//	   |
//	14 |   'sink.semantics' = 'exactly-once',
//	   |   ^^^^^^^^^^^^^^^^ did you mean 'sink.semantic'?
//	   = To fix: rename the option.
func (f Finding) Print(w io.Writer) {
	fmt.Fprintf(w, "%s[%s]: %s\n", f.Severity, f.Code, f.Message)
	if f.File != nil {
		f.printPlace(w)
	}
	if f.Fix != "" {
		fmt.Fprintf(w, "   = To fix: %s\n", strings.ReplaceAll(f.Fix, "\n", "\n     "))
	}
}

func (f Finding) printPlace(w io.Writer) {
	line, column := f.File.Position(f.Span.Start)
	fmt.Fprintf(w, "  --> %s:%d:%d\n", f.File.Name, line, column)
	start := strings.LastIndexByte(f.File.Text[:min(f.Span.Start, len(f.File.Text))], '\n') + 1
	end := len(f.File.Text)
	if i := strings.IndexByte(f.File.Text[start:], '\n'); i >= 0 {
		end = start + i
	}
	text := strings.TrimRight(f.File.shown(start, end), "\r")
	from := min(f.Span.Start-start, len(text))
	to := min(max(f.Span.End-start, from), len(text))
	// Tabs are kept in the margin so that the caret stands under its text.
	margin := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, text[:from])
	carets := strings.Repeat("^", max(1, utf8.RuneCountInString(text[from:to])))
	number := fmt.Sprint(line)
	gutter := strings.Repeat(" ", max(2, len(number)))
	fmt.Fprintf(w, "%s |\n%*s | %s\n%s | %s%s", gutter, len(gutter), number, text, gutter, margin, carets)
	if f.Label != "" {
		fmt.Fprintf(w, " %s", f.Label)
	}
	fmt.Fprintln(w)
}
