package script

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"starferry/internal/diag"
)

// TestForms parses every example, finds every kind of statement in them, and no first word
// that the table does not know.
func TestForms(t *testing.T) {
	t.Parallel()
	kinds, words := map[string]bool{}, map[string]bool{"END": true}
	for _, form := range Forms() {
		for _, word := range regexp.MustCompile(`(?m)^\{?([A-Z]+)(?: \| ([A-Z]+)\})?`).FindAllStringSubmatch(form.Syntax, -1) {
			words[word[1]], words[word[2]] = true, true
		}
		for _, example := range form.Examples {
			s, findings := ParseWith(&diag.File{Name: "x.sql", Text: example}, given{"secret_values.mysql_pw": "x"})
			if len(findings) > 0 || len(s.Statements) == 0 {
				t.Errorf("%s: %v", example, findings)
			}
			for _, st := range s.Statements {
				kinds[reflect.TypeOf(st).Elem().Name()] = true
			}
		}
		if len(form.Examples) == 0 || form.Meaning == "" {
			t.Errorf("%s: no example or meaning", form.Title)
		}
	}
	for _, st := range []Statement{&CreateCatalog{}, &DropCatalog{}, &UseCatalog{}, &Use{}, &Set{}, &Reset{}, &CreateTableAs{}, &CreateDatabaseAs{},
		&BeginStatementSet{}, &EndStatementSet{}, &Show{}, &Describe{}, &Explain{}} {
		if name := reflect.TypeOf(st).Elem().Name(); !kinds[name] {
			t.Errorf("no example is a %s", name)
		}
	}
	for _, head := range heads {
		if !words[head] {
			t.Errorf("%s begins no form", head)
		}
	}
	for word := range words {
		if word != "" && word != "AS" && !slices.Contains(heads, word) {
			t.Errorf("%s is no first word of the parser", word)
		}
	}
	// What the page says of SHOW is what is parsed.
	for _, line := range strings.Split(form(t, "SHOW").Syntax, "\n") {
		plain := regexp.MustCompile(`\[[^\[\]]*\]`)
		for plain.MatchString(line) {
			line = plain.ReplaceAllString(line, "")
		}
		line = regexp.MustCompile(`\{([A-Z]+) \| [A-Z]+\}`).ReplaceAllString(line, "$1")
		if _, findings := Parse(&diag.File{Name: "x.sql", Text: line}); len(findings) > 0 {
			t.Errorf("%s: %v", line, findings)
		}
	}
}

func form(t *testing.T, title string) Form {
	t.Helper()
	for _, f := range Forms() {
		if f.Title == title {
			return f
		}
	}
	t.Fatalf("there is no form %s", title)
	return Form{}
}
