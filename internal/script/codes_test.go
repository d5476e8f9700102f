package script

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"starferry/internal/diag"
)

// TestEveryCodeIsProduced keeps codes and golden files together, and sees to it
// that the tutorial's scripts parse without a finding.
func TestEveryCodeIsProduced(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.golden")
	if err != nil {
		t.Fatal(err)
	}
	produced := map[diag.Code]bool{}
	tutorial := 0
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		input, _, _ := strings.Cut(string(data), divider)
		_, findings := Parse(&diag.File{Name: path, Text: input})
		for _, f := range findings {
			produced[f.Code] = true
		}
		if strings.Contains(path, "tutorial_") {
			tutorial++
			if len(findings) > 0 {
				t.Errorf("%s: %v", path, findings)
			}
		}
	}
	if tutorial != 4 {
		t.Errorf("%d scripts of the tutorial, want 4", tutorial)
	}
	for _, code := range []diag.Code{
		CodeUnclosedQuote, CodeUnclosedComment, CodeUnclosedParen, CodeMissingComma, CodeMissingEquals, CodeMisspelledKeyword, CodeUnexpected,
		CodeWrongQuotes, CodeMissingSemicolon, CodeStatementSet, CodeExtraComma, CodeUnquotedOption, CodeNotText,
		CodeForeignStatement, CodeOtherCreateTable, CodeOtherCreateDB, CodeUnknownStatement,
	} {
		if !produced[code] {
			t.Errorf("no golden file produces %s", code)
		}
	}
}

// TestPasswordsAreHidden looks for the password in every finding that can be made
// around it.
func TestPasswordsAreHidden(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"CREATE CATALOG a WITH ('password'='hunter2' 'x'='y');",
		"CREATE CATALOG a WITH ('password' 'hunter2');",
		"CREATE CATALOG a WITH ('password' : 'hunter2');",
		"CREATE CATALOG a WITH ('password='hunter2');",
		"CREATE CATALOG a WITH ('password'='hunter2);",
		"CREATE CATALOG a WITH ('password'=hunter2);",
		"CREATE CATALOG a WITH (password=\"hunter2\");",
		"CREATE CATALOG a WITH (password=“hunter2”);",
		"CREATE CATALOG a WITH ('password'='hunter2'",
		"SET password hunter2;", "SET 'my.secret' = 'hunter2' x;", "x 'password' = 'hunter2'",
		"CREATE CATALOG a WITH ('rds.access-key-secret'='hun''ter2' 'b'='c');",
	} {
		var b strings.Builder
		_, findings := Parse(&diag.File{Name: "x", Text: text})
		for _, f := range findings {
			f.Print(&b)
		}
		if len(findings) == 0 || strings.Contains(b.String(), "hunter2") || strings.Contains(b.String(), "ter2") {
			t.Errorf("%s\n%s", text, b.String())
		}
	}
}
