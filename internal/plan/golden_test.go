package plan

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"starferry/internal/diag"
	"starferry/internal/expression"
	"starferry/internal/script"
)

var update = flag.Bool("update", false, "write what is printed now into the golden files and docs/options.md")

const divider = "\n----------\n"

// compile parses and compiles, and returns all findings in the order of the text.
func compile(text string) (*Plan, []diag.Finding) {
	file := &diag.File{Name: "dir/orders.sql", Text: text}
	s, findings := script.Parse(file)
	p, more := Compile(s, "")
	findings = append(findings, more...)
	diag.Sort(findings)
	return p, findings
}

// TestGolden compiles the part of each file before the dashes and compares the plan
// and the findings with the part after them.
func TestGolden(t *testing.T) {
	if !*update { // other tests read the files
		t.Parallel()
	}
	paths, err := filepath.Glob("testdata/*.golden")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".golden"), func(t *testing.T) {
			if !*update {
				t.Parallel()
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			input, want, _ := strings.Cut(string(data), divider)
			p, findings := compile(input)
			got := dump(p)
			var b strings.Builder
			for _, f := range findings {
				f.Print(&b)
			}
			got += b.String()
			for _, password := range []string{"123456", "hunter2"} {
				if strings.Contains(got, password) {
					t.Errorf("a password is printed:\n%s", got)
				}
			}
			if *update {
				if err := os.WriteFile(path, []byte(input+divider+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func texts(patterns []Pattern) (texts []string) {
	for _, p := range patterns {
		texts = append(texts, p.Text)
	}
	return texts
}

func templates(p *Plan) (routes []Route) {
	for i := range p.Selections {
		routes = append(routes, p.Selections[i].Template)
	}
	return routes
}

func dumpShape(s *expression.Shape) string {
	var b strings.Builder
	for _, c := range s.Computed {
		fmt.Fprintf(&b, "  computed %s AS %s first %v after %q comment %q\n", c.Name, c.Value.Text, c.First, c.After, c.Comment)
	}
	if s.Key != nil || s.Partition != nil || s.LeftOut != nil || s.Comment != "" {
		fmt.Fprintf(&b, "  key %v partition %v without %v comment %q\n", s.Key, s.Partition, s.LeftOut, s.Comment)
	}
	if s.Where != nil {
		fmt.Fprintf(&b, "  where %s\n", s.Where.Text)
	}
	return b.String()
}

func dump(p *Plan) string {
	if p == nil {
		return "no plan\n"
	}
	var b strings.Builder
	s, t := p.Source, p.Target
	fmt.Fprintf(&b, "plan %s: %s\n", p.Name, p.Delivery)
	fmt.Fprintf(&b, "source %s@%s:%d password %s id %d tls %s timeout %s barrier %s\n", s.User, s.Host, s.Port, s.Password, s.ServerID, s.TLS, s.ConnectTimeout, s.Barrier)
	if u := s.Startup; !u.Copies() {
		fmt.Fprintf(&b, "startup %s %s:%d %s %v\n", u.Mode, u.File, u.Offset, u.GTIDs, u.Time)
	}
	fmt.Fprintf(&b, "target %s query %q load %q password %s redirect %v timeout %s\n", t.User, t.Query, t.Load, t.Password, t.RedirectHosts, t.ConnectTimeout)
	fmt.Fprintf(&b, "settings checkpoint %s timeout %s memory %d page %d\n", p.Settings.CheckpointInterval, p.Settings.CheckpointTimeout, p.Settings.Memory, p.Settings.PageBytes)
	fmt.Fprintf(&b, "  pages %d lag %s rate %d pause %d, verify rate %d, row-less %s, cascades mended %v\n", p.Settings.Parallelism, p.Settings.MaxLag, p.Settings.SnapshotBytesPerSecond, p.Settings.PauseThreads, p.Settings.VerifyBytesPerSecond, p.Settings.RowLess, p.Settings.MendCascades)
	if p.Delivery == ExactlyOnce {
		fmt.Fprintf(&b, "  position inside %v, min-pause %s, %d transactions\n", p.Settings.PositionInside, p.Settings.CheckpointMinPause, p.Settings.MaxOpenTransactions)
	}
	for i := range p.Selections {
		s := &p.Selections[i]
		fmt.Fprintf(&b, "selection of %q including %q excluding %q merged %v\n", s.Database.Text, texts(s.Include), texts(s.Exclude), s.Merged)
	}
	for _, r := range slices.Concat(p.Routes, templates(p)) {
		line, column := r.File.Position(r.Span.Start)
		fmt.Fprintf(&b, "route %s -> %s %s %q at %d:%d\n", r.Source, r.Target, r.Mode, r.Properties, line, column)
		fmt.Fprintf(&b, "  flush %s %d bytes %d rows, load %q %q %s prefix %q", r.Flush.Interval, r.Flush.MaxBytes, r.Flush.MaxRows,
			r.Load.ColumnSeparator, r.Load.RowDelimiter, r.Load.Timeout, r.Load.LabelPrefix)
		if p.Delivery == ExactlyOnce {
			fmt.Fprintf(&b, " prepared %s", r.Load.PreparedTimeout)
		}
		for _, k := range slices.Sorted(maps.Keys(r.Load.Headers)) {
			fmt.Fprintf(&b, " %s=%s", k, r.Load.Headers[k])
		}
		b.WriteString("\n" + dumpShape(&r.Shape))
	}
	for _, o := range p.Options {
		if o.Origin != "default" {
			fmt.Fprintf(&b, "option %s = %s from %s %s\n", o.Key, o.Value, o.Origin, o.Route)
		}
	}
	return b.String()
}
