package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const withVariables = `CREATE CATALOG my WITH ('type'='mysql', 'hostname'='${host}', 'port'='1', 'username'='u', 'password'='${secret_values.mysql.pw}', 'default-database'='shop');
CREATE CATALOG sr WITH ('type'='starrocks', 'endpoint'='${secret_values.fe}:1', 'http-url'='127.0.0.1:1', 'username'='${secret_values.user}', 'password'='${secret_values.sr-pw}', 'dbname'='ods');
USE CATALOG sr;
CREATE TABLE IF NOT EXISTS orders_${stage} WITH ('starrocks.create.table.properties'='buckets 8', 'starrocks.create.table.mode'='simple') AS TABLE my.shop.orders;
`

func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestVariablesOfAScript gives every verb its values from everywhere they can come from.
func TestVariablesOfAScript(t *testing.T) {
	t.Parallel()
	secrets := writeFiles(t, map[string]string{"mysql.pw": "hun\nter2\n", "user": "usernine\r\n", "fe": "127.0.0.2"})
	script := filepath.Join(writeFiles(t, map[string]string{"a.sql": withVariables}), "a.sql")
	given := []string{"STARFERRY_SECRET_SR_PW=hunter3", "STARFERRY_VAR_STAGE=test"}
	flags := []string{"--set", "host=127.0.0.1", "--secrets-dir", secrets, script}
	for _, verb := range [][]string{{"lint"}, {"explain"}, {"run"}, {"verify"}, {"resync", "--table", "shop.orders", "--yes"}, {"checkpoint", "ls"}} {
		args := append(append(append([]string{}, given...), verb...), flags...)
		if verb[0] != "lint" && verb[0] != "explain" {
			args = append(args, "--data-dir", t.TempDir())
		}
		got := starferry(t, "", args...)
		all := got.out + got.err
		for _, hidden := range []string{"hun", "ter2", "hunter3", "usernine", "127.0.0.2"} {
			if strings.Contains(all, hidden) {
				t.Errorf("%s prints %s:\n%s", verb, hidden, all)
			}
		}
		if strings.Contains(all, "SF1020") {
			t.Errorf("%s:\n%s", verb, all)
		}
		if verb[0] == "lint" && got.code != exitDone {
			t.Errorf("lint: %d\n%s", got.code, all)
		}
		if verb[0] == "explain" && !strings.Contains(all, "cannot be reached at ***:1") {
			t.Errorf("explain does not say where it looked:\n%s", all)
		}
	}
}

func TestVariablesThatNobodyGave(t *testing.T) {
	t.Parallel()
	secrets := writeFiles(t, map[string]string{"mysql.pv": "x", ".hidden": "x"})
	script := filepath.Join(writeFiles(t, map[string]string{"a.sql": withVariables}), "a.sql")
	got := starferry(t, "", "STARFERRY_VAR_HOTS=x", "STARFERRY_SECRETS_DIR="+secrets, "explain", script)
	for _, want := range []string{
		"error[SF1020]: nobody gave a value for ${host}\n", "did you mean ${hots}?",
		"= To fix: give it with --set host=VALUE, or in the environment as STARFERRY_VAR_HOST.\n",
		"error[SF1020]: nobody gave a value for ${secret_values.mysql.pw}\n", "did you mean ${secret_values.mysql.pv}?",
		"= To fix: put it into the environment as STARFERRY_SECRET_MYSQL_PW, or into a file mysql.pw and its folder behind --secrets-dir.\n",
	} {
		if !strings.Contains(got.err, want) {
			t.Errorf("no %q in\n%s", want, got.err)
		}
	}
	if got.code != exitNo || strings.Contains(got.err, "SF2107") || strings.Count(got.err, "error[") != 6 {
		t.Errorf("%d\n%s", got.code, got.err)
	}
	// A check needs no secrets, and says what it could not look at.
	got = starferry(t, "", "lint", script)
	if got.code != exitDone || strings.Count(got.out, "warning[SF1020]") != 6 || strings.Contains(got.out, "error[") {
		t.Errorf("lint: %d\n%s", got.code, got.out)
	}
}

func TestSecretsAreTakenCareOf(t *testing.T) {
	t.Parallel()
	script := filepath.Join(writeFiles(t, map[string]string{"a.sql": withVariables}), "a.sql")
	got := starferry(t, "", "lint", "--set", "secret_values.x=hunter2", script)
	if got.code != exitNotTried || !strings.Contains(got.err, "STARFERRY_SECRET_X") || strings.Contains(got.err, "hunter2") {
		t.Errorf("a secret on the command line: %d %s", got.code, got.err)
	}
	got = starferry(t, "", "lint", "--set", "x", script)
	if got.code != exitNotTried || !strings.Contains(got.err, "--set takes name=value") {
		t.Errorf("%d %s", got.code, got.err)
	}
	got = starferry(t, "", "lint", "--secrets-dir", script, script)
	if got.code != exitNotTried || !strings.Contains(got.err, "SF7007") {
		t.Errorf("a file for a folder: %d %s", got.code, got.err)
	}
	secrets := writeFiles(t, map[string]string{"user": "usernine", "mysql.pw": strings.Repeat("x", maxSecret+1)})
	if err := os.Chmod(filepath.Join(secrets, "user"), 0o644); err != nil {
		t.Fatal(err)
	}
	got = starferry(t, "", "CREDENTIALS_DIRECTORY="+secrets, "lint", script)
	for _, want := range []string{"warning: every user of this machine may open the secret " + filepath.Join(secrets, "user") + "\nTo fix: chmod 600 ", "holds more than 64 KB"} {
		if !strings.Contains(got.out+got.err, want) {
			t.Errorf("no %q in\n%s%s", want, got.out, got.err)
		}
	}
}

func TestMaskingTakesSecretsOut(t *testing.T) {
	t.Parallel()
	var out buffer
	a := &app{Stdio: Stdio{Out: &masking{w: &out}, Err: &masking{w: &out}}}
	fmt.Fprintln(a.Out, "abcd abc")
	v := &values{env: map[string]string{"STARFERRY_SECRET_A": "abcd", "STARFERRY_SECRET_B": "abcde \"f", "STARFERRY_SECRET_C": "abc"}, needed: true}
	a.compile("-", "SET 'x' = '${secret_values.a}${secret_values.b}${secret_values.c}'", v)
	fmt.Fprintf(a.Err, "abcd abc %q %s\n", `abcde "f`, "abcde+%22f")
	if want := "abcd abc\n*** abc \"***\" ***\n"; out.String() != want {
		t.Errorf("%s", out.String())
	}
}
