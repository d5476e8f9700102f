package diag

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestFindingShowsLineAndCaret(t *testing.T) {
	t.Parallel()
	file := &File{Name: "orders.sql", Text: "USE CATALOG sr;\n\t'sink.semantics' = 'é',\n"}
	start := strings.Index(file.Text, "'sink")
	var b strings.Builder
	Finding{
		Code: "SF2104", Severity: Error, Message: "unknown option 'sink.semantics'",
		Label: "did you mean 'sink.semantic'?", Fix: "rename the option.",
		File: file, Span: Span{start, start + len("'sink.semantics'")},
	}.Print(&b)
	want := "error[SF2104]: unknown option 'sink.semantics'\n" +
		"  --> orders.sql:2:2\n" +
		"   |\n" +
		" 2 | \t'sink.semantics' = 'é',\n" +
		"   | \t^^^^^^^^^^^^^^^^ did you mean 'sink.semantic'?\n" +
		"   = To fix: rename the option.\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestFindingAtTheEndOfTheFile(t *testing.T) {
	t.Parallel()
	file := &File{Name: "x.sql", Text: "USE"}
	var b strings.Builder
	Finding{Code: "SF1001", Severity: Error, Message: "m", File: file, Span: Span{3, 99}}.Print(&b)
	if !strings.Contains(b.String(), "x.sql:1:4") || !strings.Contains(b.String(), " |    ^\n") {
		t.Error(b.String())
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	s := NewSecret("hunter2")
	asJSON, err := json.Marshal(map[string]any{"p": s})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "p", s, "q", struct{ P Secret }{s})
	for _, out := range []string{fmt.Sprintf("%v %+v %#v %s %q %d %x", s, s, s, s, s, s, s), string(asJSON), log.String(), fmt.Sprint(struct{ P Secret }{s})} {
		if strings.Contains(out, "hunter2") || !strings.Contains(out, "***") {
			t.Errorf("printed as %s", out)
		}
	}
}

func TestNearestSuggestsOnlyWhatIsNear(t *testing.T) {
	t.Parallel()
	options := []string{"sink.semantic", "sink.max-retries", "load-url", "jdbc-url"}
	for name, want := range map[string]string{
		"sink.semantics": "sink.semantic", "laod-url": "load-url", "jdbcurl": "jdbc-url", "frobnicate": "", "JDBC-URL": "jdbc-url",
	} {
		if got := Nearest(name, options); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestPrintErrorListsEveryProblem(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("starting: %w", Join(
		&Problem{Code: "SF3001", Message: "a", Fix: "do a"}, nil,
		Join(&Problem{Code: "SF3002", Message: "b", Cause: errors.New("why")}, errors.New("c"))))
	var b strings.Builder
	PrintError(&b, err)
	want := "error[SF3001]: a\n   = To fix: do a\nerror[SF3002]: b: why\nerror: c\n"
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
}
