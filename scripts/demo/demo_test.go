package main

import (
	"strings"
	"testing"
)

// The tutorial's last table, letter by letter.
const lastTable = `+-----------+--------------+---------------+-----------------+---------+----------+
| runoob_id | runoob_title | runoob_author | submission_date | add_col | add_col2 |
+-----------+--------------+---------------+-----------------+---------+----------+
|        18 | new          | tom           | 2022-06-22      |       3 |     NULL |
|         1 | second       | tom2          | 2022-06-23      |       1 |        2 |
+-----------+--------------+---------------+-----------------+---------+----------+
`

func TestTablesAreDrawnAsInTheTutorial(t *testing.T) {
	t.Parallel()
	last := *changes[len(changes)-1].want
	last.numeric = []bool{true, false, false, false, true, true}
	if got := last.String(); got != lastTable {
		t.Errorf("got\n%s", got)
	}
}

func TestTablesAreComparedWhole(t *testing.T) {
	t.Parallel()
	a := &table{names: []string{"x", "y"}, rows: [][]string{{"1", "2"}, {"3", "4"}}}
	for _, c := range []struct {
		name string
		b    *table
		same bool
	}{
		{"another order", &table{names: []string{"x", "y"}, rows: [][]string{{"3", "4"}, {"1", "2"}}}, true},
		{"a row missing", &table{names: []string{"x", "y"}, rows: [][]string{{"3", "4"}}}, false},
		{"a row twice", &table{names: []string{"x", "y"}, rows: [][]string{{"3", "4"}, {"3", "4"}}}, false},
		{"another cell", &table{names: []string{"x", "y"}, rows: [][]string{{"3", "4"}, {"1", "9"}}}, false},
		{"another column", &table{names: []string{"x", "z"}, rows: [][]string{{"1", "2"}, {"3", "4"}}}, false},
	} {
		if a.sameAs(c.b) != c.same {
			t.Error(c.name)
		}
	}
}

func TestParseGiven(t *testing.T) {
	t.Parallel()
	for given, want := range map[string][3]string{
		"root:secret@127.0.0.1:3306": {"root", "secret", "127.0.0.1:3306"},
		"a:p@ss:w@h:1":               {"a", "p@ss:w", "h:1"},
		"a:@[::1]:3306":              {"a", "", "[::1]:3306"},
		"a@h:1":                      {"a", "", "h:1"},
	} {
		user, password, address, err := parseGiven(given)
		if got := [3]string{user, password, address}; err != nil || got != want {
			t.Errorf("%s: %q %v", given, got, err)
		}
	}
	for _, bad := range []string{"", "secretword", "root:secretword@host", "@h:1", ":secretword@h:1"} {
		if _, _, _, err := parseGiven(bad); err == nil || strings.Contains(err.Error(), "secretword") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestGrantsAreFoundInTheRemedyOnly(t *testing.T) {
	t.Parallel()
	output := "warning[SF2101]: GRANT nothing;\n" +
		"error[SF4001]: user 'test' may not read test_cdc.runoob_tbl1\n" +
		"   = To fix: GRANT SELECT, INSERT, ALTER ON TABLE test_cdc.runoob_tbl1 TO USER 'test'@'%';\n" +
		"     and, as root: GRANT x TO y;\n"
	var got []string
	for _, match := range grantsInFix.FindAllStringSubmatch(output, -1) {
		got = append(got, match[1])
	}
	want := "GRANT SELECT, INSERT, ALTER ON TABLE test_cdc.runoob_tbl1 TO USER 'test'@'%'|GRANT x TO y"
	if strings.Join(got, "|") != want {
		t.Errorf("%q", got)
	}
}

func TestTheScriptIsFilledIn(t *testing.T) {
	t.Parallel()
	d := &demo{queryAddr: "127.0.0.1:9030", httpAddr: "127.0.0.1:8030"}
	d.mysql = &source{host: "h", port: "1", user: "o'neill", password: "p"}
	got := d.fillIn(script, "p'w")
	if strings.Contains(got, "{") || !strings.Contains(got, "'o''neill'") || !strings.Contains(got, "'p''w'") ||
		!strings.Contains(got, "'jdbc:mysql://127.0.0.1:9030'") || !strings.Contains(got, "'127.0.0.1:8030'") {
		t.Error(got)
	}
}
