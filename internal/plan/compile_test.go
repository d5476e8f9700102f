package plan

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"starferry/internal/diag"
)

func goldenInputs(t testing.TB) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.golden")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	inputs := map[string]string{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		input, _, _ := strings.Cut(string(data), divider)
		inputs[strings.TrimSuffix(filepath.Base(path), ".golden")] = input
	}
	return inputs
}

// TestTutorialIsClean holds the promise that the tutorial's scripts, addresses
// apart, lint clean; what is not built yet is refused by exactly one error.
func TestTutorialIsClean(t *testing.T) {
	t.Parallel()
	inputs := goldenInputs(t)
	for name, want := range map[string][]diag.Code{
		"tutorial_at_least_once": nil,
		"tutorial_simple":        nil,
		"tutorial_exactly_once":  nil,
		"tutorial_database":      nil,
	} {
		plan, findings := compile(inputs[name])
		var got []diag.Code
		for _, f := range findings {
			if f.Severity == diag.Error {
				got = append(got, f.Code)
			}
		}
		if len(got) != len(want) || len(got) > 0 && got[0] != want[0] {
			t.Errorf("%s: errors %v, want %v", name, got, want)
		}
		if (plan != nil) != (want == nil) {
			t.Errorf("%s: plan %v", name, plan)
		}
		// As pasted from a web page into an editor on Windows.
		_, pasted := compile("\ufeff" + strings.NewReplacer("\n", "\r\n", "  ", "\u00a0 ").Replace(inputs[name]))
		if len(pasted) != len(findings) {
			t.Errorf("%s: pasted, it has %d findings instead of %d: %v", name, len(pasted), len(findings), pasted)
		}
		if plan != nil && len(Runnable(plan, &diag.File{})) > 0 {
			t.Errorf("%s: not runnable", name)
		}
	}
}

func TestScriptWithoutTablesIsNotRunnable(t *testing.T) {
	t.Parallel()
	p, findings := compile("CREATE CATALOG sr WITH ('type' = 'starrocks');")
	if p == nil || len(findings) > 0 {
		t.Fatalf("plan %v, findings %v", p, findings)
	}
	if got := Runnable(p, &diag.File{Name: "x"}); len(got) != 1 || got[0].Code != CodeNothingToRun || got[0].Severity != diag.Error {
		t.Errorf("%v", got)
	}
}

// TestPasswordsAreSecrets looks for the passwords in everything a plan prints.
func TestPasswordsAreSecrets(t *testing.T) {
	t.Parallel()
	p, _ := compile(goldenInputs(t)["from_catalogs"])
	if p == nil {
		t.Fatal("no plan")
	}
	if p.Source.Password.Reveal() != "hunter2" || p.Target.Password.Reveal() != "hunter2" {
		t.Error("the passwords did not arrive")
	}
	for _, o := range p.Options {
		if strings.Contains(o.Value, "hunter2") {
			t.Errorf("%s is shown", o.Key)
		}
	}
}

// TestEveryCodeIsProduced keeps codes and golden files together.
func TestEveryCodeIsProduced(t *testing.T) {
	t.Parallel()
	produced := map[diag.Code]bool{CodeNothingToRun: true}
	inputs := goldenInputs(t)
	inputs["too many tables"] = tablesScript(201, inside, "")
	for _, input := range inputs {
		_, findings := compile(input)
		for _, f := range findings {
			produced[f.Code] = true
		}
	}
	for _, code := range []diag.Code{
		CodeComesLater, CodeNoCatalog, CodeCatalogTwice, CodeCatalogKind, CodeNoDatabase, CodeNamesDiffer, CodeTwoSources, CodeTwoTargets,
		CodeTargetTwice, CodePattern, CodeTwoDeliveries, CodeNoIfNotExists, CodeLateSet, CodeCannotDrop, CodeUnknownOption, CodeOptionTwice, CodeMissingOption, CodeInvalidValue,
		CodeRefusedOption, CodeNoEffect, CodePlainPassword, CodeProperties, CodeSeparator, CodeMemory, CodeServerIDRange, CodeCheckpointMode, CodeNoComment, CodeShape, CodeExpression,
		CodeTimeBudget, CodeTooManyTables, CodeNotExactlyOnce, CodeStartup, CodeNotRun,
	} {
		if !produced[code] {
			t.Errorf("no golden file produces %s", code)
		}
	}
}
