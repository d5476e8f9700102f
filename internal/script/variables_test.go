package script

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"starferry/internal/diag"
)

// given are values of variables; "!" begins the reason why one cannot be read.
type given map[string]string

func (g given) Value(name string) (string, bool, error) {
	value, ok := g[name]
	if why, broken := strings.CutPrefix(value, "!"); broken {
		return "", true, errors.New(why)
	}
	return value, ok, nil
}
func (g given) Names() []string        { return slices.Sorted(maps.Keys(g)) }
func (g given) Needed() bool           { return true }
func (g given) How(name string) string { return "give " + name + "." }

// TestVariablesAreValues replaces variables with the worst there is: every statement stays
// what it is, and each literal and name has the value, byte for byte.
func TestVariablesAreValues(t *testing.T) {
	t.Parallel()
	for _, worst := range []string{
		"plain", "", "it's; DROP CATALOG a; --", "x' , 'y' = 'z", "`", "a`.`b", "*/ /*", "/*+", "a;b", "\n\r\n", "\x00\xff", "${name}", "$${", "${", "'", "''", "\\'",
	} {
		text := "CREATE CATALOG ${name} WITH ('a' = '${secret_values.name}', 'b' = '<${name}|${name}>');\n" +
			"USE db_${name};\nSET x = a ${name} b;\nSET 'y' = '$${name}';\n" +
			"CREATE TABLE IF NOT EXISTS `t${name}` AS TABLE c.${name}.t ADD COLUMN n AS CONCAT('${name}', `${name}`);\n" +
			"CREATE DATABASE d AS DATABASE c.d INCLUDING TABLE '${name}', 'x';"
		s, findings := ParseWith(&diag.File{Name: "x.sql", Text: text}, given{"name": worst, "secret_values.name": worst})
		if len(findings) > 0 || len(s.Statements) != 6 {
			t.Fatalf("%q: %d statements, %v", worst, len(s.Statements), findings)
		}
		catalog, table := s.Statements[0].(*CreateCatalog), s.Statements[4].(*CreateTableAs)
		for what, pair := range map[string][2]string{
			"catalog":    {catalog.Name.Name, worst},
			"option":     {catalog.With.List[0].Value.Value, worst},
			"twice":      {catalog.With.List[1].Value.Value, "<" + worst + "|" + worst + ">"},
			"use":        {s.Statements[1].(*Use).Path.Parts[0].Name, "db_" + worst},
			"bare":       {s.Statements[2].(*Set).Value.Value, "a " + worst + " b"},
			"escaped":    {s.Statements[3].(*Set).Value.Value, "${name}"},
			"target":     {table.Name.Parts[0].Name, "t" + worst},
			"source":     {table.Source.Parts[1].Name, worst},
			"expression": {table.AddColumns.Columns[0].Expression.Value, "CONCAT('" + strings.ReplaceAll(worst, "'", "''") + "', `" + strings.ReplaceAll(worst, "`", "``") + "`)"},
			"including":  {s.Statements[5].(*CreateDatabaseAs).Including[0].Value, worst},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%q: %s is %q, want %q", worst, what, pair[0], pair[1])
			}
		}
		if v := catalog.With.List[0].Value; !v.Secret || text[v.At.Start:v.At.End] != "'${secret_values.name}'" {
			t.Errorf("%q: %+v", worst, v)
		}
		if len(s.Secrets) != 1 || s.Secrets[0].Reveal() != worst {
			t.Errorf("%q: %d secrets", worst, len(s.Secrets))
		}
	}
}

// TestVariablesThatHaveNoValue points at each, in the text as written.
func TestVariablesThatHaveNoValue(t *testing.T) {
	t.Parallel()
	text := "SET 'a' = 'it''s ${b} and ${stage}';\nUSE ${stag}.x${secret_values.pw}${stag};\nSET 'k' = '${}';\nSET 'k' = '${a b}';\nSET 'k' = '${a';\nSET 'k' = '${secret_values.gone}';"
	_, findings := ParseWith(&diag.File{Name: "x.sql", Text: text}, given{"b": "''''", "stage": "x", "secret_values.gone": "!permission denied"})
	var b strings.Builder
	for _, f := range findings {
		f.Print(&b)
	}
	for _, want := range []string{
		"error[SF1020]: nobody gave a value for ${stag}\n  --> x.sql:2:5\n   |\n 2 | USE ${stag}.x${secret_values.pw}${stag};\n   |     ^^^^^^^ did you mean ${stage}?\n   = To fix: give stag.",
		"nobody gave a value for ${secret_values.pw}\n  --> x.sql:2:14\n",
		"a variable begins here that has no name or no end\n  --> x.sql:3:12\n", "--> x.sql:4:12\n", "--> x.sql:5:12\n",
		"the value of ${secret_values.gone} cannot be read: permission denied\n  --> x.sql:6:12\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("want\n%s\ngot\n%s", want, b.String())
		}
	}
	if len(findings) != 6 {
		t.Errorf("%d findings", len(findings))
	}
}
