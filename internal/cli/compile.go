package cli

import (
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"starferry/internal/diag"
	"starferry/internal/plan"
	"starferry/internal/script"
)

// compile makes a plan of a script's text. The plan is of use only when none of
// the findings, which come in the order of the text, is an error.
func (a *app) compile(path, text string, v *values) (*plan.Plan, []diag.Finding) {
	return a.compileAs(path, text, v, func(s *script.Script) *script.Script { return s })
}

func (a *app) compileAs(path, text string, v *values, as func(*script.Script) *script.Script) (*plan.Plan, []diag.Finding) {
	parsed, findings := script.ParseWith(scriptFile(path, text), v)
	a.mask(parsed.Secrets)
	p, more := plan.Compile(as(parsed), deploymentName(path))
	findings = append(findings, more...)
	diag.Sort(findings)
	return p, findings
}

// deploymentName is the file's name without folder and ending.
func deploymentName(path string) string {
	if path == "-" {
		return "stdin"
	}
	name := filepath.Base(path)
	if bare := strings.TrimSuffix(name, filepath.Ext(name)); bare != "" {
		return bare
	}
	return name
}

// load reads and compiles the script of a command that goes on to use the plan.
// What there is to say about it goes to standard error.
func (a *app) load(cmd *cobra.Command, path string) (*plan.Plan, error) {
	return a.loadAs(cmd, path, func(s *script.Script) *script.Script { return s })
}

// loadAs compiles what is made of the script.
func (a *app) loadAs(cmd *cobra.Command, path string, as func(*script.Script) *script.Script) (*plan.Plan, error) {
	v, err := a.values(cmd, true)
	if err != nil {
		return nil, err
	}
	text, err := a.readFile(path)
	if err != nil {
		return nil, err
	}
	p, findings := a.compileAs(path, text, v, as)
	if p != nil {
		findings = append(findings, plan.Runnable(p, scriptFile(path, text))...)
	}
	for _, f := range findings {
		// A pasted script is full of options without meaning here: lint tells them.
		if f.Severity > diag.Info {
			f.Print(a.Err)
		}
	}
	if diag.HasErrors(findings) {
		return nil, failed{}
	}
	return p, nil
}

func scriptFile(path, text string) *diag.File {
	if path == "-" {
		path = "standard input"
	}
	return &diag.File{Name: path, Text: text}
}
