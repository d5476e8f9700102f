package ferry

import (
	"cmp"
	"fmt"
	"time"

	"starferry/internal/change"
)

// Level is how much a Notice matters.
type Level uint8

const (
	Info Level = iota
	Warning
)

// Notice is something worth saying: a table joined, a schema changed, a wait began.
type Notice struct {
	At    time.Time
	Level Level
	Table change.Name // zero when it concerns the whole ferry
	Text  string
}

// Progress is a picture of a running ferry.
type Progress struct {
	At    time.Time
	State State
	// Reason is why nothing moves, "" when it does.
	Reason   string
	Tables   []TableProgress
	Position change.Position
	// Saved is the position of the last checkpoint: where a restart would begin.
	Saved change.Position
	// SourceLag is how far the loop is behind the source, VisibleLag how old the
	// oldest row is that is not visible at the target yet. Both are zero when idle.
	SourceLag  time.Duration
	VisibleLag time.Duration
	// Memory is bytes in batches, loads and pages.
	Memory int
	Counts
}

// State is what the ferry is doing.
type State string

const (
	Starting  State = "starting"
	Copying   State = "copying"
	Streaming State = "streaming"
	Stopping  State = "stopping"
)

// TableProgress is one table: its copy, and what else is done with it.
type TableProgress struct {
	Name     change.Name
	Target   change.Name
	Copied   uint64
	Estimate uint64 // rows at the source, roughly; 0 when unknown
	Done     bool
	Rate     float64       // of the copy, rows per second
	Left     time.Duration // of the copy, roughly; 0 when unknown
	Reason   string        // why nothing of it is read, "" when it is
	Check    *WorkProgress // nil when none is under way
	Resync   *WorkProgress
	Stopped  string // why the table is not followed any more; "" while it is
	// DeadLetters are rows that were left out since the start of the process.
	DeadLetters uint64
}

// WorkProgress is a check or a resync under way.
type WorkProgress struct {
	Doing    string // for people, and of the rows that are counted
	Rows     uint64
	Estimate uint64 // in all, roughly; 0 when unknown
	Found    uint64 // rows that differ
	Rate     float64
	Left     time.Duration
}

// Counts are totals since the start of the process.
type Counts struct {
	Copied, Inserted, Updated, Deleted uint64 // rows at the source
	Loads, LoadedRows, LoadedBytes     uint64 // made visible at the target
	Retries, SchemaChanges             uint64
	Checkpoints                        uint64
	DeadLetters                        uint64
	Redos                              uint64 // of exactly-once
}

type counts = Counts

// progress draws the picture.
func (l *loop) progress() *Progress {
	p := &Progress{
		At: l.now, State: Streaming, Position: l.position, Saved: l.saved.position, Memory: l.bytes, Counts: l.counts, Reason: l.reason(),
	}
	if p.Position.File == "" {
		p.Position = l.resume.position
	}
	for _, t := range l.order {
		if t.gone {
			continue
		}
		if t.identity == "" { // a shadow is its table's
			p.Tables = append(p.Tables, l.tableProgress(t))
		}
		if !t.copy.Done && t.identity == "" && t.stopped == nil {
			p.State = Copying
		}
		for _, begun := range t.unsent() {
			p.VisibleLag = max(p.VisibleLag, l.now.Sub(begun))
		}
	}
	switch {
	case l.stopping:
		p.State = Stopping
	case l.stream == nil:
		p.State = Starting
	}
	if !l.lastEventTime.IsZero() && l.now.Sub(l.caughtUpAt) > time.Second {
		p.SourceLag = max(0, l.now.Sub(l.lastEventTime))
	}
	return p
}

// tableProgress draws the picture of one table.
func (l *loop) tableProgress(t *table) TableProgress {
	p := TableProgress{Name: t.route.Source, Target: t.route.Target, Copied: t.copy.Rows, Estimate: l.cfg.Estimates[t.route.Source], Done: t.copy.Done, DeadLetters: t.refused.total}
	if t.stopped != nil {
		p.Stopped = t.stopped.Reason
	}
	if !p.Done && t.copying != nil {
		t.meter.add(l.now, "copy", p.Copied)
		p.Rate, p.Left, p.Reason = t.meter.rate(), t.meter.left(l.now, p.Copied, p.Estimate), l.passReason(t.copying)
	}
	if c := t.check; c != nil {
		w := &WorkProgress{Doing: "comparing", Rows: c.state.Compared, Estimate: p.Estimate, Found: c.state.Differences()}
		if c.state.Forwards {
			w.Doing, w.Rows, w.Estimate = "looking for rows that the source lacks", c.state.Keys, c.state.Compared
		}
		c.meter.add(l.now, w.Doing, w.Rows)
		w.Rate, w.Left, p.Reason = c.meter.rate(), c.meter.left(l.now, w.Rows, w.Estimate), cmp.Or(p.Reason, l.passReason(c.forwards))
		p.Check = w
	}
	if r := l.resyncOf(t); r != nil {
		w := &WorkProgress{Doing: "copying anew", Rows: p.Copied, Estimate: p.Estimate, Rate: p.Rate, Left: p.Left}
		if s := r.shadow; s != nil {
			s.meter.add(l.now, "copy", s.copy.Rows)
			w.Rows, w.Rate, w.Left = s.copy.Rows, s.meter.rate(), s.meter.left(l.now, s.copy.Rows, p.Estimate)
			p.Reason = cmp.Or(p.Reason, l.passReason(s.copying))
		} else if r.phase < wiped {
			w.Rows = 0
		}
		p.Resync = w
	}
	return p
}

// passReason is why a pass does not go on, "" when it does.
func (l *loop) passReason(p *pass) string {
	switch {
	case p == nil:
		return ""
	case l.now.Before(p.wait.until) && p.wait.reason != "":
		return p.wait.reason
	}
	return l.pace.reason
}

// unsent is when the batches that are not visible yet were begun.
func (t *table) unsent() []time.Time {
	var begun []time.Time
	if t.batch != nil {
		begun = append(begun, t.begun)
	}
	if t.within() {
		begun = append(begun, t.loadedSince)
	}
	if t.inFlight != nil {
		begun = append(begun, t.inFlight.begun)
	}
	if len(t.queue) > 0 {
		begun = append(begun, t.queue[0].begun)
	}
	return begun
}

// floorReason is why nothing becomes visible although rows come.
func (l *loop) floorReason() string {
	if f := l.exact.floor; f.Server == l.server {
		return fmt.Sprintf("nothing becomes visible before the stream is at %s again, which the target may show already", f.Position)
	}
	return "nothing becomes visible before the stream is at the end of the log as it was at the start, which the target may show already"
}

func (l *loop) reason() string {
	switch {
	case l.stream == nil && !l.opening && l.now.Before(l.openAfter):
		return "waiting to connect to the source again"
	case l.held != nil && l.isExact() && l.unsettledRows():
		return "waiting for the checkpoint that has to be before a schema change"
	case l.held != nil:
		return "waiting for a schema change at the target"
	case l.isExact() && l.exact.floor.Known && !l.aboveFloor() && l.stream != nil:
		return l.floorReason()
	case l.spacingReason() != "":
		return l.spacingReason()
	case l.bytes-l.pageBytes() >= l.cfg.Memory:
		return "waiting for the target: memory is full of rows to load"
	case len(l.passes) > 0 && l.pace.reason != "":
		return l.pace.reason
	}
	for _, p := range l.passes {
		if l.now.Before(p.wait.until) && p.wait.reason != "" {
			return p.wait.reason
		}
	}
	return ""
}
