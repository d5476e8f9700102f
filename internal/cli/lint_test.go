package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLint(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("testdata/lint/*.sql")
	if err != nil || len(scripts) == 0 {
		t.Fatal(scripts, err)
	}
	for _, script := range scripts {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			got := starferry(t, "", "lint", script)
			golden(t, strings.TrimSuffix(script, ".sql")+".golden", got.out)
			want := exitNo
			if strings.Contains(got.out, ": 0 errors") {
				want = exitDone
			}
			if got.code != want || got.err != "" {
				t.Errorf("code %d, want %d, said %q", got.code, want, got.err)
			}
			text, err := os.ReadFile(script)
			if err != nil {
				t.Fatal(err)
			}
			piped := starferry(t, string(text), "lint", "-")
			if piped.out != strings.ReplaceAll(got.out, script, "standard input") || piped.code != got.code {
				t.Errorf("piped: %+v", piped)
			}
		})
	}
}

func TestLintGoesOnAfterAFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	got := starferry(t, "", "lint", "testdata/lint/options.sql", "testdata/none.sql", "testdata/lint/clean.sql")
	if got.code != exitNotTried || !strings.Contains(got.out, "2 files checked: ") || !strings.Contains(got.err, "testdata/none.sql") {
		t.Errorf("%+v", got)
	}
}

func TestRunAndExplainRefuseAScriptWithErrors(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"run", "explain"} {
		dir := filepath.Join(t.TempDir(), "state")
		got := starferry(t, "", "STARFERRY_RUN_DATA_DIR="+dir, verb, "testdata/lint/options.sql")
		if got.code != exitNo || got.out != "" || !strings.Contains(got.err, "laod-url") || !strings.Contains(got.err, "did you mean") {
			t.Errorf("%s: %+v", verb, got)
		}
		got = starferry(t, "CREATE CATALOG m WITH ('type' = 'mysql', 'hostname' = 'h', 'username' = 'u');", "STARFERRY_RUN_DATA_DIR="+dir, verb, "-")
		if got.code != exitNo || !strings.Contains(got.err, "error[SF2001]") {
			t.Errorf("%s: %+v", verb, got)
		}
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s left %s behind", verb, dir)
		}
	}
}

func TestPasswordsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	dir := "STARFERRY_RUN_DATA_DIR=" + t.TempDir()
	for _, args := range [][]string{
		{"lint", "testdata/lint/clean.sql", "testdata/lint/options.sql", "testdata/lint/unclosed.sql"},
		{"explain", "testdata/lint/unclosed.sql"},
		{dir, "run", "testdata/lint/options.sql"},
		{"help", "options"},
		{"STARFERRY_EMULATOR_PASSWORD=hunter2", "emulator", "--help"},
		{"STARFERRY_SQL_PASSWORD=hunter2", "sql", "--help"},
		{"STARFERRY_SQL_PASSWORD=hunter2", "sql", "--port", "1", "-e", "SELECT 1"},
	} {
		got := starferry(t, "", args...)
		if strings.Contains(got.out+got.err, "hunter2") {
			t.Errorf("%v:\n%s%s", args, got.out, got.err)
		}
	}
}

func TestNamesOfDeployments(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"orders.sql": "orders", "/a/b.c/orders.v2.sql": "orders.v2", "x": "x", ".sql": ".sql", "-": "stdin",
	} {
		if got := deploymentName(path); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
}
