package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"starferry/internal/diag"
)

// usageError is a command line that cannot be understood.
type usageError struct {
	message string
	try     string
}

func (e *usageError) Error() string { return e.message }

// misused makes a usageError that points to the help of a command.
func misused(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...), cmd.CommandPath() + " --help"}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "starferry",
		Short: "Starferry keeps StarRocks tables in step with MySQL, from one SQL statement.",
		Example: `  starferry emulator &               # a StarRocks stand-in on ports 9030 and 8030
  starferry lint orders.sql          # what is wrong with a script
  starferry run orders.sql           # keep its tables in step until Ctrl-C`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknown(cmd, "verb", args[0], verbs(cmd))
		},
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(flagError)
	root.SetUsageTemplate(usageTemplate)
	root.PersistentFlags().BoolP("help", "h", false, "show this help")
	root.AddCommand(
		a.run(), a.verify(), a.resync(), a.checkpoint(), a.lint(), a.explain(), a.sql(), a.emulator(),
		a.version(), a.completion(),
	)
	root.SetHelpCommand(a.help(root))
	for _, cmd := range root.Commands() {
		a.bindEnvironment(cmd)
		for _, part := range cmd.Commands() {
			a.bindEnvironment(part)
		}
	}
	return root
}

func verbs(root *cobra.Command) []string {
	names := []string{"help"}
	for _, c := range root.Commands() {
		names = append(names, c.Name())
	}
	return names
}

// unknown refuses a name and suggests the one that was probably meant.
func unknown(cmd *cobra.Command, what, name string, known []string) error {
	if near := diag.Nearest(name, known); near != "" {
		return misused(cmd, "unknown %s '%s', did you mean '%s'?", what, name, near)
	}
	return misused(cmd, "unknown %s '%s'", what, name)
}

func flagError(cmd *cobra.Command, err error) error {
	var missing *pflag.NotExistError
	if !errors.As(err, &missing) {
		return misused(cmd, "%s", err)
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	name := missing.GetSpecifiedName()
	if len(name) == 1 {
		return misused(cmd, "unknown flag '-%s'", name)
	}
	if near := diag.Nearest(name, known); near != "" {
		return misused(cmd, "unknown flag '--%s', did you mean '--%s'?", name, near)
	}
	return misused(cmd, "unknown flag '--%s'", name)
}

// oneScript accepts exactly one argument.
func oneScript(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return misused(cmd, "%s needs a script", cmd.Name())
	case len(args) > 1:
		return misused(cmd, "%s takes one script, not %d: put the statements of one deployment into one file", cmd.Name(), len(args))
	}
	return nil
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return misused(cmd, "%s takes no argument '%s'", cmd.Name(), args[0])
	}
	return nil
}

// environment is the environment as a map.
func environment(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, entry := range environ {
		if name, value, found := strings.Cut(entry, "="); found {
			env[name] = value
		}
	}
	return env
}

// bindEnvironment lets STARFERRY_RUN_DATA_DIR stand for run --data-dir, and so on.
// The verb is part of the name: the data of the emulator are not those of run.
func (a *app) bindEnvironment(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "set" {
			f.Usage += "  [$" + environmentName(cmd, f) + "]"
		}
	})
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		var wrong error
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			name := environmentName(cmd, f)
			value, set := a.env[name]
			if !set || f.Changed || f.Name == "help" || f.Name == "set" || wrong != nil {
				return
			}
			if err := f.Value.Set(value); err != nil {
				wrong = misused(cmd, "the environment variable %s: %v", name, err)
			}
		})
		return wrong
	}
}

func environmentName(cmd *cobra.Command, f *pflag.Flag) string {
	if f.Name == "secrets-dir" {
		return "STARFERRY_SECRETS_DIR" // the same for every verb, as the secrets are
	}
	name := strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ") + "_" + f.Name
	return "STARFERRY_" + strings.ToUpper(strings.NewReplacer("-", "_", " ", "_").Replace(name))
}

const usageTemplate = `Usage:
  {{if .HasAvailableSubCommands}}{{.CommandPath}} VERB …{{else}}{{.UseLine}}{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

Verbs:{{range .Commands}}{{if (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableSubCommands}}

See also: {{.CommandPath}} VERB --help{{end}}
`
