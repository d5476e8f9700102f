package script

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"starferry/internal/diag"
)

// FuzzParse checks that any text parses without a panic into nodes and findings
// whose spans lie inside it.
func FuzzParse(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.golden")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		input, _, _ := strings.Cut(string(data), divider)
		f.Add(input)
		for _, line := range strings.Split(input, "\n") {
			f.Add(line)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := &diag.File{Name: "x.sql", Text: text}
		s, findings := Parse(file)
		inside := func(what string, at diag.Span) {
			if at.Start < 0 || at.End < at.Start || at.End > len(text) {
				t.Errorf("%s has span %v in a text of %d bytes", what, at, len(text))
			}
		}
		for _, finding := range findings {
			inside(finding.Message, finding.Span)
			finding.Print(new(strings.Builder))
			if finding.Severity == diag.Error && finding.Fix == "" {
				t.Errorf("%s has no remedy", finding.Message)
			}
		}
		for _, h := range file.Hidden {
			inside("hidden", h)
		}
		if s.Broken != diag.HasErrors(findings) {
			t.Error("Broken does not agree with the findings")
		}
		end := 0
		for _, st := range s.Statements {
			if st.Span().Start < end {
				t.Errorf("statements overlap at %d", end)
			}
			end = st.Span().End
			if st.IsBroken() && !s.Broken {
				t.Error("a broken statement without a finding")
			}
			walkSpans(reflect.ValueOf(st), func(at diag.Span) { inside(reflect.TypeOf(st).String(), at) })
		}
	})
}

func walkSpans(v reflect.Value, visit func(diag.Span)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			walkSpans(v.Elem(), visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walkSpans(v.Index(i), visit)
		}
	case reflect.Struct:
		if at, ok := v.Interface().(diag.Span); ok {
			visit(at)
			return
		}
		for i := range v.NumField() {
			walkSpans(v.Field(i), visit)
		}
	}
}
