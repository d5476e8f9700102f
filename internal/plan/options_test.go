package plan

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestOptionTable checks every entry against the rules that the code relies on.
func TestOptionTable(t *testing.T) {
	t.Parallel()
	for i := range table {
		o := &table[i]
		name := o.Key + " in " + o.Where.String()
		if o.Key == "" || o.Where == 0 {
			t.Errorf("%s: no key or place", name)
		}
		if o.Default != "" {
			if _, _, err := checkValue(o, o.Default); err != nil {
				t.Errorf("%s: default: %v", name, err)
			}
			if o.Effect == Limited && !oneOf(o.Default, o.Values) {
				t.Errorf("%s: the default is refused", name)
			}
		}
		if (o.Type == Enum || o.Effect == Limited) && len(o.Values) == 0 {
			t.Errorf("%s: no values", name)
		}
		if (o.Effect == InForce || o.Effect == Limited) && o.Help == "" {
			t.Errorf("%s: no help", name)
		}
		if o.Effect != InForce && o.Why == "" || (o.Effect == Refused || o.Effect == Limited) && o.Instead == "" {
			t.Errorf("%s: no reason or remedy", name)
		}
		for j := range table[:i] {
			if other := &table[j]; other.Where&o.Where != 0 && (other.matches(o.Key) && !other.isFamily() || o.matches(other.Key) && !o.isFamily()) {
				t.Errorf("%s is in the table twice", name)
			}
		}
		key := strings.Replace(o.Key, "*", "x", 1)
		for place := Scope(1); place <= InStarRocksCatalog; place <<= 1 {
			if found := find(key, place); o.Where&place != 0 && found != o {
				t.Errorf("%s: %s finds another entry: %+v", name, key, found)
			}
		}
	}
}

// TestOptionsPage compares docs/options.md with the option table.
func TestOptionsPage(t *testing.T) {
	t.Parallel()
	comparePage(t, "../../docs/options.md", optionsPage())
}

// comparePage holds a page against what the program's tables make of it.
func comparePage(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what the tables say: go test ./internal/plan -update", path)
	}
}

func optionsPage() string {
	var b strings.Builder
	b.WriteString(`# Options

All options a script may contain. This page is made from the option table of the
program: ` + "`go test ./internal/plan -update`" + ` writes it.

Durations are a number and a unit (` + "`1 min`, `10 s`, `500 ms`, `PT1M`" + `), milliseconds
when there is no unit. Sizes are a number and a unit (` + "`16mb`, `1 gb`" + `), bytes when
there is none; units are powers of 1024.

What is written in WITH or OPTIONS goes before what is written in the catalog.
`)
	for _, section := range []struct {
		title string
		where Scope
	}{
		{"Source: the OPTIONS hint and the mysql catalog", inSource},
		{"Target: the WITH clause and the starrocks catalog", inTarget},
		{"Deployment: SET", InSet},
	} {
		fmt.Fprintf(&b, "\n## %s\n", section.title)
		optionsOf(&b, section.where)
	}
	return b.String()
}

func optionsOf(b *strings.Builder, where Scope) {
	var options []*Option
	for i := range table {
		if table[i].Where&where != 0 {
			options = append(options, &table[i])
		}
	}
	slices.SortStableFunc(options, func(x, y *Option) int { return cmp.Compare(x.Key, y.Key) })
	b.WriteString("\n| option | where | type | default | |\n|---|---|---|---|---|\n")
	for _, o := range options {
		if o.Effect == InForce || o.Effect == Limited {
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", names(o), (o.Where & where).String(), typeText(o), code(o.Default), cell(helpText(o)))
		}
	}
	b.WriteString("\nRefused:\n\n| option | where | why | instead |\n|---|---|---|---|\n")
	for _, o := range options {
		if o.Effect == Refused {
			fmt.Fprintf(b, "| %s | %s | %s | %s |\n", names(o), (o.Where & where).String(), cell(o.Why), cell(o.Instead))
		}
	}
	b.WriteString("\nAccepted without effect:\n\n| option | where | why |\n|---|---|---|\n")
	for _, o := range options {
		if o.Effect == NoEffect {
			fmt.Fprintf(b, "| %s | %s | %s |\n", names(o), (o.Where & where).String(), cell(o.Why))
		}
	}
}

func names(o *Option) string {
	all := code(o.Key)
	for _, a := range o.Aliases {
		all += ", " + code(a)
	}
	return all
}

func typeText(o *Option) string {
	text := o.Type.String()
	if o.Type == Enum || o.Effect == Limited && o.Type == String {
		quoted := make([]string, len(o.Values))
		for i, v := range o.Values {
			quoted[i] = code(v)
		}
		return strings.Join(quoted, ", ")
	}
	if o.Max > 0 {
		show := map[Type]func(int64, int) string{Duration: showDuration, Size: showSize}[o.Type]
		if show == nil {
			return fmt.Sprintf("%s, %d to %d", text, o.Min, o.Max)
		}
		text += ", " + show(o.Min, 10) + " to " + show(o.Max, 10)
	}
	return text
}

func helpText(o *Option) string {
	text := o.Help
	if o.Required {
		text += " Required."
	}
	if o.Only != 0 {
		text += " With " + o.Only.phrase() + " only."
	}
	if o.Effect == Limited {
		text += " Other values are refused: " + o.Why + "."
	}
	return text
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
