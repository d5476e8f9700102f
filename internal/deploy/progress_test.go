package deploy

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/ferry"
)

var start = time.Unix(1_700_000_000, 0)

func copying(after time.Duration, copied, estimate uint64) *ferry.Progress {
	return &ferry.Progress{
		At: start.Add(after), State: ferry.Copying, Counts: ferry.Counts{Copied: copied},
		Tables:   []ferry.TableProgress{{Name: change.Name{Database: "d", Table: "t"}, Copied: copied, Estimate: estimate}},
		Position: change.Position{File: "binlog.000003", Offset: 1207},
	}
}

func TestProgressLine(t *testing.T) {
	t.Parallel()
	first := copying(0, 1000, 200_000)
	streaming := &ferry.Progress{
		State: ferry.Streaming, SourceLag: 1500 * time.Millisecond, VisibleLag: 40 * time.Second, Reason: "waiting for the target",
		Counts: ferry.Counts{Inserted: 5, Updated: 2, Deleted: 1, Loads: 3}, Position: change.Position{File: "binlog.000003", Offset: 9},
	}
	troubled := &ferry.Progress{State: ferry.Streaming, Counts: ferry.Counts{DeadLetters: 3}, Tables: []ferry.TableProgress{
		{Name: change.Name{Database: "d", Table: "t"}, Stopped: "why"}, {Name: change.Name{Database: "d", Table: "u"}, Done: true}}}
	for name, c := range map[string]struct {
		now, first *ferry.Progress
		want       string
	}{
		"nothing copied yet":    {copying(0, 0, 200_000), nil, "eta=measuring"},
		"too early to say":      {copying(time.Second, 1500, 200_000), first, "of=~200000 eta=measuring"},
		"under way":             {copying(10*time.Second, 101_000, 201_000), first, "tables=0/1 copied=101000 of=~201000 percent=50.2 rows/s=10000 eta=~10s"},
		"more than was guessed": {copying(10*time.Second, 101_000, 50_000), first, "of=~101000 percent=100.0 rows/s=10000 eta=~0s"},
		"troubles":              {troubled, nil, "orders state=streaming inserted=0 updated=0 deleted=0 loads=0 source-lag=0.0s visible-lag=0.0s position= stopped-tables=d.t dead-letters=3"},
		"streaming": {streaming, first, "orders state=streaming inserted=5 updated=2 deleted=1 loads=3 source-lag=1.5s visible-lag=40.0s " +
			`position=binlog.000003:9 waiting="waiting for the target"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := progressLine("orders", c.now, c.first, ""); !strings.Contains(got, c.want) {
				t.Errorf("%s\nlacks %s", got, c.want)
			}
		})
	}
}

func TestPrinterEndsWithOneSummary(t *testing.T) {
	t.Parallel()
	for word, err := range map[string]error{"stopped": nil, "failed": errors.New("x")} {
		var out strings.Builder
		p := newPrinter(Options{Out: &out, ProgressInterval: time.Hour}, "orders")
		p.say("")
		p.say("hello")
		p.notice(ferry.Notice{Level: ferry.Warning, Table: change.Name{Database: "d", Table: "t"}, Text: "is gone"})
		p.progress(copying(0, 7, 0))
		p.close(err)
		p.say("too late")
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 3 || lines[0] != "hello" || lines[1] != "warning: d.t is gone" || !strings.HasPrefix(lines[2], word+" rows=7 (copied 7, +0 ~0 -0)") {
			t.Errorf("printed %q", lines)
		}
	}
}

// stuck never takes a byte before it is let go.
type stuck struct{ until chan struct{} }

func (s stuck) Write(p []byte) (int, error) {
	<-s.until
	return len(p), nil
}

func TestPrinterNeverMakesTheFerryWait(t *testing.T) {
	t.Parallel()
	out := stuck{make(chan struct{})}
	p := newPrinter(Options{Out: io.Writer(out), ProgressInterval: time.Hour}, "orders")
	for range 3000 { // more than it keeps: returns although nothing is printed
		p.say("line")
	}
	close(out.until)
	p.close(nil)
	if p.lost == 0 {
		t.Error("nothing was left out")
	}
}

// TestWhatIsSaidOfManyTables: some of them by name, the others by their number; warnings
// all.
func TestWhatIsSaidOfManyTables(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	p := newPrinter(Options{Out: &out, ProgressInterval: time.Hour}, "orders")
	for i := range 2000 {
		name := change.Name{Database: "d", Table: fmt.Sprintf("t%d", i)}
		p.notice(ferry.Notice{Level: ferry.Info, Table: name, Text: fmt.Sprintf("copied: %d rows", i)})
		if i%100 == 0 {
			p.notice(ferry.Notice{Level: ferry.Warning, Table: name, Text: "is stopped"})
		}
	}
	p.close(nil)
	if got := strings.Count(out.String(), " copied: "); got != saidEach+1 || strings.Count(out.String(), "is stopped") != 20 ||
		!strings.Contains(out.String(), fmt.Sprintf("and %d more tables: copied: … rows\n", 2000-saidEach)) {
		t.Errorf("%d lines:\n%s", got, out.String())
	}
}
