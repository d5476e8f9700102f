package cli

import (
	"github.com/spf13/cobra"

	"starferry/internal/deploy"
	"starferry/internal/plan"
)

func (a *app) explain() *cobra.Command {
	var online bool
	cmd := &cobra.Command{
		Use:   "explain SCRIPT",
		Short: "Show what run would do, without doing it.",
		Long: "Show what run would do, without doing it: column mapping, the DDL for StarRocks, options in force and their origin.\n" +
			"The servers are asked, and nothing is changed on them.",
		Example: `  starferry explain orders.sql
  starferry explain --online orders.sql
  starferry explain - < orders.sql`,
		Args: oneScript,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.loadAs(cmd, args[0], plan.Explained)
			if err != nil {
				return err
			}
			return deploy.Explain(cmd.Context(), p, online, a.Out)
		},
	}
	cmd.Flags().BoolVar(&online, "online", false, "compare with the tables in StarRocks as they are; exit code 1 when run would refuse to start")
	a.takesScript(cmd)
	return cmd
}
