package cli

import (
	"slices"
	"strings"
	"testing"
)

func TestStatementsAreSplitAtTheirSemicolons(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		want []string
		rest string
	}{
		{"", nil, ""},
		{"a", nil, "a"},
		{"a;b;", []string{"a", "b"}, ""},
		{"a; b", []string{"a"}, " b"},
		{`'a;b';c`, []string{`'a;b'`}, "c"},
		{`'it''s;';x`, []string{`'it''s;'`}, "x"},
		{`'\';';x`, []string{`'\';'`}, "x"},
		{"`a\\`;x", []string{"`a\\`"}, "x"},
		{`"a;" ;x`, []string{`"a;" `}, "x"},
		{"a -- b;c\n;d", []string{"a -- b;c\n"}, "d"},
		{"a --b;c", []string{"a --b"}, "c"},
		{"a # b;c", nil, "a # b;c"},
		{"a /* b;c */;d", []string{"a /* b;c */"}, "d"},
		{"a /* b;c", nil, "a /* b;c"},
		{"'a;b", nil, "'a;b"},
		{`'a\`, nil, `'a\`},
	} {
		got, rest := splitStatements(test.text)
		if !slices.Equal(got, test.want) || rest != test.rest {
			t.Errorf("%q: %q, %q", test.text, got, rest)
		}
	}
}

func TestEmptyStatements(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"": true, " \n\t": true, "-- x": true, "--": true, "# x\n ": true, "/* x */": true,
		"/*! SET x */": false, "/*+ x */": false, "/* x": false, "--x": false, "a": false, "-- x\na": false, "/": false,
	} {
		if isEmptyStatement(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

func FuzzSplitStatements(f *testing.F) {
	f.Add("a;'b;';-- c;\n/*;*/`;`\"\\\";")
	f.Fuzz(func(t *testing.T, text string) {
		statements, rest := splitStatements(text)
		if strings.Join(append(statements, rest), ";") != text {
			t.Error("bytes were lost")
		}
		isEmptyStatement(text)
	})
}

func TestPasswordsAreTakenOutOfMessages(t *testing.T) {
	t.Parallel()
	for _, statement := range []string{
		`CREATE USER 'u' IDENTIFIED BY 'hunter2'`,
		`create user u identified by "hunter2"`,
		`CREATE USER u IDENTIFIED WITH mysql_native_password BY 'hunter2'`,
		`CREATE USER u IDENTIFIED WITH mysql_native_password AS 'hunter2'`,
		`CREATE USER u IDENTIFIED BY PASSWORD 'hunter2'`,
		`SET PASSWORD = PASSWORD('hunter2')`,
		`SET PASSWORD FOR 'u'@'%' = PASSWORD ( 'hunter2' )`,
		`SET PASSWORD FOR 'u'@'%' = 'hunter2'`,
		`CREATE CATALOG c WITH ('type' = 'mysql', 'password' = 'hunter2')`,
		`CREATE CATALOG c WITH ('mysql.password'='hunter2')`,
		`GRANT ALL ON *.* TO u IDENTIFIED BY 'hunter2'`,
	} {
		message := "syntax error near " + statement
		if got := hideSecrets(statement, message); strings.Contains(got, "hunter2") || !strings.Contains(got, "***") {
			t.Errorf("%s", got)
		}
	}
	if got := hideSecrets("SELECT 'hunter2'", "near 'hunter2'"); got != "near 'hunter2'" {
		t.Error(got)
	}
}

func TestBoxes(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	box := &table{
		names: []string{"id", "title"}, numeric: []bool{true, false},
		rows: [][]string{{"1", "a"}, {"200", "日本"}, {"NULL", "two\nlines"}, {"3", visible("t\tn\x00e\x1b[0m\xff")}},
	}
	if err := box.print(&out); err != nil {
		t.Fatal(err)
	}
	want := `+------+----------------------+
| id   | title                |
+------+----------------------+
|    1 | a                    |
|  200 | 日本                 |
| NULL | two                  |
|      | lines                |
|    3 | t\tn\x00e\x1b[0m\xff |
+------+----------------------+
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
