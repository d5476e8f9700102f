package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"starferry/internal/diag"
)

func (a *app) lint() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lint SCRIPT…",
		Short: "Check scripts without a server.",
		Example: `  starferry lint orders.sql
  starferry lint scripts/*.sql
  starferry lint - < orders.sql`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return misused(cmd, "lint needs a script")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.lintFiles(cmd, args) },
	}
	a.takesScript(cmd)
	return cmd
}

// lintFiles checks every file that can be read, also when another cannot.
func (a *app) lintFiles(cmd *cobra.Command, paths []string) error {
	v, err := a.values(cmd, false)
	if err != nil {
		return err
	}
	var unreadable error
	var all []diag.Finding
	checked := 0
	for _, path := range paths {
		text, err := a.readFile(path)
		if err != nil {
			unreadable = diag.Join(unreadable, err)
			continue
		}
		_, findings := a.compile(path, text, v)
		for _, f := range findings {
			f.Print(a.Out)
			fmt.Fprintln(a.Out)
		}
		all = append(all, findings...)
		checked++
	}
	fmt.Fprintf(a.Out, "%s checked: %s\n", count(checked, "file"), summary(all))
	switch {
	case unreadable != nil:
		return unreadable
	case diag.HasErrors(all):
		return failed{}
	}
	return nil
}

// summary counts findings: "1 error, 2 warnings, 1 note".
func summary(findings []diag.Finding) string {
	var n [3]int
	for _, f := range findings {
		n[f.Severity]++
	}
	s := count(n[diag.Error], "error") + ", " + count(n[diag.Warning], "warning")
	if n[diag.Info] > 0 {
		s += ", " + count(n[diag.Info], "note")
	}
	return s
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// readFile reads a file, or standard input for "-".
func (a *app) readFile(path string) (string, error) {
	var content []byte
	var err error
	if path == "-" {
		content, err = io.ReadAll(a.In)
	} else {
		content, err = os.ReadFile(path)
	}
	if err == nil {
		return string(content), nil
	}
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return "", &diag.Problem{
		Code: CodeScriptFile, Class: diag.Unusable, Cause: err,
		Message: "cannot read " + path, Fix: "check the path: it is taken from the current folder",
	}
}
