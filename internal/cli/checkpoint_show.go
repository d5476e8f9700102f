package cli

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/deploy"
)

// stateMeaning says what a restart makes of a checkpoint.
var stateMeaning = map[checkpoint.State]string{
	checkpoint.Settled:   "settled: everything before its position is visible at the target",
	checkpoint.Unsettled: "unsettled: the next start asks for its prepared transactions; are all of them there, they are committed, else it goes on from the newest settled checkpoint",
	checkpoint.Void:      "void: a later one was saved without its transactions; nothing goes on from it",
}

// printShown tells everything a checkpoint holds.
func printShown(w io.Writer, s *checkpoint.Seen, c *checkpoint.Checkpoint) error {
	out := bufio.NewWriter(w)
	line := func(key, format string, values ...any) {
		fmt.Fprintf(out, "%-11s %s\n", key, fmt.Sprintf(format, values...))
	}
	line("Checkpoint", "%d   epoch %d, saved %s, %s", s.Number, s.Epoch, moment(s.SavedAt), sizeOf(s.Size))
	line("State", "%s", stateMeaning[s.State])
	line("Position", "%s", positionWords(c.Position, c.Server))
	for _, part := range []struct{ key, text string }{{"GTIDs", c.Position.GTIDs}, {"Undecided", c.Position.Undecided}} {
		if part.text != "" {
			line(part.key, "%s", strings.ReplaceAll(part.text, "\n", ""))
		}
	}
	if c.Exact {
		line("Delivery", "exactly-once: nothing from behind the position was visible when it was saved")
	}
	labels := func(key string, labels []checkpoint.Label, what string) {
		if len(labels) == 0 {
			line(key, "none")
			return
		}
		line(key, "%d: %s", len(labels), what)
		for _, l := range labels {
			line("", "%s   %s", labelTable(l), l.Label)
		}
	}
	labels("Prepared", c.Prepared, "transactions with everything between the checkpoint before and the position")
	labels("Open", c.Open, "under way when it was saved, for what comes behind the position")
	for i := range c.Tables {
		printTableState(out, &c.Tables[i])
	}
	return out.Flush()
}

func positionWords(p change.Position, server string) string {
	if p.Server != "" {
		server = p.Server
	}
	if server == "" {
		return p.String()
	}
	return fmt.Sprintf("%s of server %s", p, server)
}

func labelTable(l checkpoint.Label) string {
	if l.Table.Table == "" {
		return l.Table.Database + ".*"
	}
	return l.Table.String()
}

func printTableState(w io.Writer, t *checkpoint.TableState) {
	line := func(key, format string, values ...any) {
		fmt.Fprintf(w, "  %-9s %s\n", key, fmt.Sprintf(format, values...))
	}
	fmt.Fprintf(w, "\n%s", t.Name)
	if t.Target != (change.Name{}) {
		fmt.Fprintf(w, " -> %s", t.Target)
	}
	fmt.Fprintln(w)
	if t.ShadowOf != (change.Name{}) {
		line("shadow", "of %s, whose place it is to take", t.ShadowOf)
	}
	switch {
	case t.Table == nil:
		line("schema", "not known yet: the table has not joined the stream")
	default:
		line("schema", "version %d, %d columns, key (%s)", t.Table.Version, len(t.Table.Columns), strings.Join(t.Table.KeyNames(), ", "))
		for i := range t.Table.Columns {
			line("", "%s", columnWords(t, i))
		}
		if t.Seen != nil && t.Seen.Version != t.Table.Version {
			line("", "the last row that was loaded had version %d", t.Seen.Version)
		}
	}
	line("copy", "%s", copyWords(&t.Copy))
	if t.Check != nil {
		line("check", "%s", checkWords(t.Check))
	}
	if stop := t.Stopped; stop != nil {
		line("stopped", "%s, with every row up to %s visible: [%s] %s", moment(stop.At), stop.Position, stop.Code, stop.Reason)
		line("", "To fix: %s", stop.Fix)
	}
}

func columnWords(t *checkpoint.TableState, i int) string {
	c := &t.Table.Columns[i]
	text := c.Name + " " + c.Type.String()
	if !c.Nullable {
		text += " NOT NULL"
	}
	if slices.ContainsFunc(t.Added, func(a change.Column) bool { return a.Name == c.Name }) {
		text += "   (added; no row has brought it to the target yet)"
	}
	return text
}

func copyWords(c *checkpoint.CopyState) string {
	rows := deploy.Grouped(c.Rows) + " rows"
	switch {
	case c.Done:
		return "done, " + rows
	case c.Wipe:
		return "to begin; the target is to be emptied first"
	case len(c.Spans) == 0:
		return "to begin"
	case len(c.Spans) == 1:
		return rows + " so far, one key range left"
	}
	return fmt.Sprintf("%s so far, %d key ranges left", rows, len(c.Spans))
}

func checkWords(c *checkpoint.CheckState) string {
	what := "comparing"
	if c.Repair {
		what = "comparing and mending"
	}
	if c.Reason != "" {
		what += " (" + c.Reason + ")"
	}
	text := fmt.Sprintf("%s: %s rows compared", what, deploy.Grouped(c.Compared))
	if c.Forwards {
		text += fmt.Sprintf(", all of the source; %s keys of the target looked for", deploy.Grouped(c.Keys))
	}
	if found := c.Differences(); found > 0 {
		text += fmt.Sprintf("; %s missing, %s different, %s superfluous", deploy.Grouped(c.Missing), deploy.Grouped(c.Different), deploy.Grouped(c.Superfluous))
	}
	if c.Again {
		text += "; another follows"
	}
	return text
}

type shownDocument struct {
	seenDocument
	Exact       bool                 `json:"exact"`
	Prepared    []labelDocument      `json:"prepared"`
	Open        []labelDocument      `json:"open"`
	TableStates []tableStateDocument `json:"table_states"`
}

type labelDocument struct {
	Table string `json:"table"`
	Label string `json:"label"`
}

type tableStateDocument struct {
	Source   string           `json:"source"`
	Target   string           `json:"target,omitempty"`
	ShadowOf string           `json:"shadow_of,omitempty"`
	Version  int              `json:"schema_version,omitempty"`
	Key      []string         `json:"key,omitempty"`
	Columns  []columnDocument `json:"columns,omitempty"`
	Copied   bool             `json:"copied"`
	Rows     uint64           `json:"rows_copied"`
	Ranges   int              `json:"key_ranges_left"`
	Wipe     bool             `json:"wipe"`
	Check    *checkDocument   `json:"check,omitempty"`
	Stopped  *stoppedDocument `json:"stopped,omitempty"`
}

type columnDocument struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Nullable bool   `json:"nullable"`
}

type checkDocument struct {
	Repair      bool   `json:"repair"`
	Reason      string `json:"reason"`
	Compared    uint64 `json:"compared"`
	Missing     uint64 `json:"missing"`
	Different   uint64 `json:"different"`
	Superfluous uint64 `json:"superfluous"`
}

type stoppedDocument struct {
	At       time.Time         `json:"at"`
	Position *positionDocument `json:"position,omitempty"`
	Code     string            `json:"code"`
	Reason   string            `json:"reason"`
	Fix      string            `json:"fix"`
}

func shownJSON(s *checkpoint.Seen, c *checkpoint.Checkpoint) *shownDocument {
	doc := &shownDocument{
		seenDocument: oneSeenJSON(s), Exact: c.Exact,
		Prepared: labelsJSON(c.Prepared), Open: labelsJSON(c.Open), TableStates: []tableStateDocument{},
	}
	for i := range c.Tables {
		doc.TableStates = append(doc.TableStates, tableStateJSON(&c.Tables[i]))
	}
	return doc
}

func labelsJSON(labels []checkpoint.Label) []labelDocument {
	docs := []labelDocument{}
	for _, l := range labels {
		docs = append(docs, labelDocument{labelTable(l), l.Label})
	}
	return docs
}

func tableStateJSON(t *checkpoint.TableState) tableStateDocument {
	doc := tableStateDocument{
		Source: t.Name.String(), Copied: t.Copy.Done, Rows: t.Copy.Rows, Ranges: len(t.Copy.Spans), Wipe: t.Copy.Wipe,
	}
	if t.Target != (change.Name{}) {
		doc.Target = t.Target.String()
	}
	if t.ShadowOf != (change.Name{}) {
		doc.ShadowOf = t.ShadowOf.String()
	}
	if t.Table != nil {
		doc.Version, doc.Key = t.Table.Version, t.Table.KeyNames()
		for _, c := range t.Table.Columns {
			doc.Columns = append(doc.Columns, columnDocument{c.Name, c.Type.String(), c.Nullable})
		}
	}
	if c := t.Check; c != nil {
		doc.Check = &checkDocument{c.Repair, c.Reason, c.Compared, c.Missing, c.Different, c.Superfluous}
	}
	if s := t.Stopped; s != nil {
		doc.Stopped = &stoppedDocument{s.At, positionJSON(s.Position), s.Code, s.Reason, s.Fix}
	}
	return doc
}
