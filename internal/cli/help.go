package cli

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"starferry/internal/diag"
	"starferry/internal/plan"
)

func (a *app) help(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [VERB | options [WORD]]",
		Short: "Show the help of a verb, or the options of scripts.",
		Example: `  starferry help run
  starferry help options             # all options of scripts
  starferry help options buffer      # those with this word in their name`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return root.Help()
			case args[0] == "options":
				return a.helpOptions(cmd, args[1:])
			}
			verb, _, err := root.Find(args)
			if err != nil || verb == root {
				return unknown(cmd, "verb", args[0], append(verbs(root), "options"))
			}
			return verb.Help()
		},
	}
}

// helpOptions lists the option table, or the options whose name holds all words.
func (a *app) helpOptions(cmd *cobra.Command, words []string) error {
	var keys []string
	var found []plan.Option
	for _, o := range plan.Options() {
		keys = append(keys, o.Key)
		hasAll := !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(o.Key, w) })
		if hasAll {
			found = append(found, o)
		}
	}
	if len(found) == 0 {
		word := strings.Join(words, " ")
		if near := diag.Nearest(word, keys); near != "" {
			return misused(cmd, "no option has '%s' in its name, did you mean '%s'?", word, near)
		}
		return misused(cmd, "no option has '%s' in its name", word)
	}
	return printOptions(a.Out, found)
}

// printOptions prints options by the place they stand in; those that do nothing or
// are refused come last, without more.
func printOptions(w io.Writer, options []plan.Option) error {
	out := bufio.NewWriter(w)
	var places []string
	for _, o := range options {
		if place := o.Where.String(); done(o) && !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	for _, place := range places {
		fmt.Fprintf(out, "%s\n\n", place)
		for _, o := range options {
			if done(o) && o.Where.String() == place {
				printOption(out, o)
			}
		}
	}
	for _, effect := range []plan.Effect{plan.NoEffect, plan.Refused} {
		title := "accepted, " + effect.String() + "\n\n"
		if effect == plan.Refused {
			title = "refused\n\n"
		}
		for _, o := range options {
			if o.Effect == effect {
				fmt.Fprintf(out, "%s  %s\n", title, o.Key)
				title = ""
			}
		}
		if title == "" {
			fmt.Fprintln(out)
		}
	}
	return out.Flush()
}

// done tells an option that does something.
func done(o plan.Option) bool { return o.Effect == plan.InForce || o.Effect == plan.Limited }

func printOption(w io.Writer, o plan.Option) {
	facts := []string{o.Type.String()}
	if len(o.Values) > 0 {
		facts[0] = strings.Join(o.Values, " | ")
	}
	switch {
	case o.Required:
		facts = append(facts, "required")
	case o.Default != "":
		facts = append(facts, "default "+o.Default)
	}
	if o.Secret {
		facts = append(facts, "never shown")
	}
	if len(o.Aliases) > 0 {
		facts = append(facts, "also written "+strings.Join(o.Aliases, ", "))
	}
	text := o.Help
	if o.Effect == plan.Limited && o.Why != "" {
		text += " Other values are refused: " + strings.TrimSuffix(o.Why, ".") + "."
	}
	fmt.Fprintf(w, "  %s   %s\n%s\n", o.Key, strings.Join(facts, ", "), wrapped(text, "      ", 100))
}

// wrapped breaks a text into indented lines of at most that many columns.
func wrapped(text, indent string, width int) string {
	var b strings.Builder
	line := indent
	for _, word := range strings.Fields(text) {
		if line != indent && columnsOf(line)+columnsOf(word) > width {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent
		}
		line += word + " "
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
	return b.String()
}
