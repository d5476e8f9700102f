package script

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode"

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

// FuzzVariables checks that no value of a variable changes what a script is: its statements,
// their places and the places of findings are those of any other value.
func FuzzVariables(f *testing.F) {
	for _, text := range []string{
		"CREATE CATALOG ${x} WITH ('a' = '${x}', 'b' = '$${x} ${secret_values.x}');", "USE a.${x}; SET ${x} = ${x}; SET 'a' = '${x}",
		"CREATE TABLE t AS TABLE `${x}`.b_${x} /*+ OPTIONS('a'='${x}') */ ADD COLUMN a AS F('${x}', ${x});", "SHOW TABLES FROM ${x} LIKE '${x}'; EXPLAIN ${x}",
		"CREATE DATABASE d AS DATABASE c.`${x}` INCLUDING TABLE '${x}', '${x}' EXCLUDING TABLE '${x}'",
	} {
		for _, value := range []string{"", "a", "'; DROP CATALOG a; --", "`", "${x}", "CREATE", "*/", ";"} {
			f.Add(text, value)
		}
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		shape := func(value string) string {
			var b strings.Builder
			s, findings := ParseWith(&diag.File{Name: "x.sql", Text: text}, given{"x": value, "secret_values.x": value})
			for _, st := range s.Statements {
				fmt.Fprintf(&b, "%T %v %v\n", st, st.IsBroken(), st.Span())
				walkSpans(reflect.ValueOf(st), func(at diag.Span) { fmt.Fprintln(&b, at) })
			}
			for _, finding := range findings {
				fmt.Fprintln(&b, finding.Code, finding.Severity, finding.Span)
			}
			return b.String()
		}
		if strings.HasPrefix(value, "!") {
			return // the test's own sign for a value that cannot be read
		}
		if with, without := shape(value), shape("x"); with != without {
			t.Errorf("%q with %q is\n%s\nand with x\n%s", text, value, with, without)
		}
	})
}

func walkSpans(v reflect.Value, visit func(diag.Span)) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
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

// FuzzLex checks that tokens come in order, lie inside the text, and leave nothing out but
// blanks and comments.
func FuzzLex(f *testing.F) {
	for _, text := range []string{"SET 'a''b' = `c``d`; -- x\n/* y */ ${z}.a /*+ OPTIONS('k'='v') */", "'", "`", "/*", "*/", "/*+", "\"x\" “y”", "\xff\x00é", "${", "a$b ${c}d"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tokens, findings := lex(&diag.File{Name: "x.sql", Text: text})
		end := 0
		for i, token := range tokens {
			if token.at.Start < end || token.at.End < token.at.Start || token.at.End > len(text) {
				t.Fatalf("token %d %q spans %v behind %d in a text of %d bytes", i, token.text, token.at, end, len(text))
			}
			if rest := text[end:token.at.Start]; len(findings) == 0 && withoutBlanks(rest) != "" {
				t.Fatalf("%q is left out before token %d", rest, i)
			}
			end = token.at.End
		}
		if last := tokens[len(tokens)-1]; last.kind != endOfFile {
			t.Fatal("the end is missing")
		}
		for _, finding := range findings {
			if finding.Span.Start < 0 || finding.Span.End > len(text) || finding.Span.End < finding.Span.Start {
				t.Errorf("%s spans %v", finding.Message, finding.Span)
			}
		}
	})
}

// withoutBlanks is a text without white space and comments.
func withoutBlanks(text string) string {
	for {
		text = strings.TrimLeftFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == '\u200b' || r == '\ufeff' })
		switch {
		case strings.HasPrefix(text, "--"):
			text = text[lineEnd(text):]
		case strings.HasPrefix(text, "/*"):
			_, text, _ = strings.Cut(text[2:], "*/")
		default:
			return text
		}
	}
}
