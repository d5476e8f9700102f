package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
)

type checkpointFlags struct {
	dataDir string
	format  string
}

func (a *app) checkpoint() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "checkpoint",
		Short: "Look at the checkpoints of a script.",
		Long: "Look at the checkpoints of a script: what a restart goes on from. Nothing is changed, no server is asked, and a run\n" +
			"may be going on.",
		Example: `  starferry checkpoint ls orders.sql
  starferry checkpoint show orders.sql
  starferry run --from-checkpoint 41 orders.sql`,
		Args: cobra.ArbitraryArgs,
		// A verb that does not exist is to blame before flags that it might have had.
		FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknown(cmd, "verb", args[0], []string{"ls", "show"})
		},
	}
	cmd.AddCommand(a.checkpointList(), a.checkpointShow())
	return cmd
}

func (f *checkpointFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.dataDir, "data-dir", defaultDataDir, "folder of the checkpoints, one for each deployment")
	cmd.Flags().StringVar(&f.format, "format", "text", "text or json")
}

// folder is the state directory of a script.
func (a *app) folder(cmd *cobra.Command, script string, f *checkpointFlags) (string, error) {
	if formats := []string{"text", "json"}; !slices.Contains(formats, f.format) {
		return "", unknown(cmd, "format", f.format, formats)
	}
	p, err := a.load(cmd, script)
	if err != nil {
		return "", err
	}
	return filepath.Join(f.dataDir, p.Name), nil
}

func (a *app) checkpointList() *cobra.Command {
	var f checkpointFlags
	cmd := &cobra.Command{
		Use:   "ls SCRIPT",
		Short: "List the checkpoints of a script.",
		Long: "List the checkpoints of a script, the newest first. The last two settled ones are kept and, to start from on request\n" +
			"(run --from-checkpoint), one for each ten minutes of the last hour, each hour of the last day, each day of a week.",
		Example: `  starferry checkpoint ls orders.sql
  starferry checkpoint ls orders.sql --format json`,
		Args: oneScript,
		RunE: func(cmd *cobra.Command, args []string) error {
			folder, err := a.folder(cmd, args[0], &f)
			if err != nil {
				return err
			}
			seen, err := checkpoint.List(folder)
			if err != nil {
				return err
			}
			slices.Reverse(seen)
			if f.format == "json" {
				return printJSON(a.Out, seenJSON(seen))
			}
			return printSeen(a.Out, seen)
		},
	}
	f.add(cmd)
	a.takesScript(cmd)
	return cmd
}

func (a *app) checkpointShow() *cobra.Command {
	var f checkpointFlags
	cmd := &cobra.Command{
		Use:   "show SCRIPT [NUMBER]",
		Short: "Show what a checkpoint holds, the newest without a number.",
		Example: `  starferry checkpoint show orders.sql
  starferry checkpoint show orders.sql 41
  starferry checkpoint show orders.sql 41 --format json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 2 {
				return misused(cmd, "show takes a script and the number of a checkpoint, not %d words", len(args))
			}
			return oneScript(cmd, args[:min(1, len(args))])
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var number uint64
			if len(args) == 2 {
				var err error
				if number, err = strconv.ParseUint(args[1], 10, 64); err != nil || number == 0 {
					return misused(cmd, "'%s' is not the number of a checkpoint: 'starferry checkpoint ls' lists them", args[1])
				}
			}
			folder, err := a.folder(cmd, args[0], &f)
			if err != nil {
				return err
			}
			seen, c, err := checkpoint.Show(folder, number)
			if err != nil {
				return err
			}
			if f.format == "json" {
				return printJSON(a.Out, shownJSON(&seen, c))
			}
			return printShown(a.Out, &seen, c)
		},
	}
	f.add(cmd)
	a.takesScript(cmd)
	return cmd
}

func printJSON(w io.Writer, document any) error {
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}

func printSeen(w io.Writer, seen []checkpoint.Seen) error {
	out := tabwriter.NewWriter(w, 0, 4, 3, ' ', 0)
	fmt.Fprintln(out, "number\tepoch\tsaved\tposition\tstate\ttables copied\tsize")
	for i := range seen {
		s := &seen[i]
		if s.State == checkpoint.Damaged {
			fmt.Fprintf(out, "%d\t\t\t\t%s: %s\t\t\n", s.Number, s.State, s.Trouble)
			continue
		}
		tables := fmt.Sprintf("%d of %d", s.Copied, s.Tables)
		if s.Stopped > 0 {
			tables += fmt.Sprintf(", %d stopped", s.Stopped)
		}
		fmt.Fprintf(out, "%d\t%d\t%s\t%s\t%s\t%s\t%s\n", s.Number, s.Epoch, moment(s.SavedAt), s.Position, s.State, tables, sizeOf(s.Size))
	}
	return out.Flush()
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }

func sizeOf(bytes int) string {
	switch {
	case bytes < 1000:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 1000*1000:
		return fmt.Sprintf("%.1f kB", float64(bytes)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1000/1000)
}

// The documents of --format json. Their fields only ever get more.

type seenDocument struct {
	Number   uint64            `json:"number"`
	State    string            `json:"state"`
	Trouble  string            `json:"trouble,omitempty"`
	Epoch    uint64            `json:"epoch"`
	SavedAt  time.Time         `json:"saved_at"`
	Position *positionDocument `json:"position,omitempty"`
	Tables   int               `json:"tables"`
	Copied   int               `json:"tables_copied"`
	Stopped  int               `json:"tables_stopped"`
	Bytes    int               `json:"bytes"`
}

type positionDocument struct {
	File      string `json:"file"`
	Offset    uint64 `json:"offset"`
	GTIDs     string `json:"gtids,omitempty"`
	Server    string `json:"server,omitempty"`
	Undecided string `json:"undecided,omitempty"`
}

func positionJSON(p change.Position) *positionDocument {
	if p.IsZero() {
		return nil
	}
	return &positionDocument{p.File, p.Offset, p.GTIDs, p.Server, p.Undecided}
}

func seenJSON(seen []checkpoint.Seen) []seenDocument {
	docs := make([]seenDocument, len(seen))
	for i := range seen {
		docs[i] = oneSeenJSON(&seen[i])
	}
	return docs
}

func oneSeenJSON(s *checkpoint.Seen) seenDocument {
	return seenDocument{
		Number: s.Number, State: string(s.State), Trouble: s.Trouble, Epoch: s.Epoch, SavedAt: s.SavedAt,
		Position: positionJSON(s.Position), Tables: s.Tables, Copied: s.Copied, Stopped: s.Stopped, Bytes: s.Size,
	}
}
