package deploy

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"starferry/internal/change"
	"starferry/internal/ferry"
)

// printer tells people what a ferry does: notices as they come, progress as a line
// that is redrawn on a terminal and repeated every interval elsewhere, and one
// summary at the end. The ferry never waits for it: what cannot be printed in time
// is counted and left out.
type printer struct {
	out      io.Writer
	tty      bool
	interval time.Duration
	name     string
	started  time.Time

	lines chan string
	ended sync.WaitGroup

	mutex   sync.Mutex
	picture *ferry.Progress
	first   *ferry.Progress // of the copy, for its rate
	logLeft string          // how long the source's log is kept, when that is short
	lost    int
	closed  bool
}

const redrawInterval = 500 * time.Millisecond

func newPrinter(o Options, name string) *printer {
	p := &printer{out: o.Out, tty: o.TTY, interval: o.ProgressInterval, name: name, started: time.Now(), lines: make(chan string, 1024)}
	if p.interval <= 0 {
		p.interval = 10 * time.Second
	}
	p.ended.Go(p.print)
	return p
}

// say prints a sentence; nothing when it is empty.
func (p *printer) say(text string) {
	if text == "" {
		return
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.closed {
		return
	}
	select {
	case p.lines <- text:
	default:
		p.lost++
	}
}

func (p *printer) notice(n ferry.Notice) {
	text := n.Text
	if n.Table != (change.Name{}) {
		text = n.Table.String() + " " + text
	}
	if n.Level == ferry.Warning {
		text = "warning: " + text
	}
	p.say(text)
}

func (p *printer) progress(picture *ferry.Progress) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.picture = picture
	if p.first == nil && picture.State == ferry.Copying && picture.Copied > 0 {
		p.first = picture
	}
}

// saved is the position of the last checkpoint, as far as it is known here.
func (p *printer) saved() change.Position {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.picture == nil {
		return change.Position{}
	}
	return p.picture.Saved
}

func (p *printer) setLogLeft(text string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.logLeft = text
}

// close prints what is left and the summary line.
func (p *printer) close(err error) {
	p.mutex.Lock()
	p.closed = true
	close(p.lines)
	p.mutex.Unlock()
	p.ended.Wait()
	if p.picture == nil {
		return
	}
	word := "stopped"
	if err != nil {
		word = "failed"
	}
	c := p.picture
	fmt.Fprintf(p.out, "%s rows=%d (copied %d, +%d ~%d -%d) loads=%d loaded-rows=%d loaded-bytes=%d checkpoints=%d schema-changes=%d retries=%d%s elapsed=%s position=%s\n",
		word, c.Copied+c.Inserted+c.Updated+c.Deleted, c.Copied, c.Inserted, c.Updated, c.Deleted,
		c.Loads, c.LoadedRows, c.LoadedBytes, c.Checkpoints, c.SchemaChanges, c.Retries, troubles(c),
		time.Since(p.started).Round(100*time.Millisecond), c.Position)
}

func (p *printer) print() {
	interval := p.interval
	if p.tty {
		interval = redrawInterval
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case line, open := <-p.lines:
			p.erase()
			if !open {
				return
			}
			fmt.Fprintln(p.out, line)
		case <-ticker.C:
			p.draw()
		}
	}
}

func (p *printer) erase() {
	if p.tty {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

func (p *printer) draw() {
	p.mutex.Lock()
	picture, first, lost, logLeft := p.picture, p.first, p.lost, p.logLeft
	p.lost = 0
	p.mutex.Unlock()
	if lost > 0 {
		p.erase()
		fmt.Fprintf(p.out, "%d messages left out: they came faster than they could be printed\n", lost)
	}
	if picture == nil {
		return
	}
	line := progressLine(p.name, picture, first, logLeft)
	if p.tty {
		fmt.Fprint(p.out, "\r\x1b[K", line)
		return
	}
	fmt.Fprintln(p.out, line)
}

// progressLine is one picture as key=value pairs.
func progressLine(name string, now, first *ferry.Progress, logLeft string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s state=%s", name, now.State)
	if now.State == ferry.Copying {
		done := 0
		for _, t := range now.Tables {
			if t.Done || t.Stopped != "" {
				done++
			}
		}
		fmt.Fprintf(&b, " tables=%d/%d copied=%d %s", done, len(now.Tables), now.Copied, copyEstimate(now, first))
	}
	fmt.Fprintf(&b, " inserted=%d updated=%d deleted=%d loads=%d source-lag=%s visible-lag=%s position=%s",
		now.Inserted, now.Updated, now.Deleted, now.Loads, seconds(now.SourceLag), seconds(now.VisibleLag), now.Position)
	if logLeft != "" {
		fmt.Fprintf(&b, " log-left=%s", logLeft)
	}
	b.WriteString(troubles(now))
	if now.Reason != "" {
		fmt.Fprintf(&b, " waiting=%q", now.Reason)
	}
	return b.String()
}

// troubles are the tables that are stopped and the rows that were left out, "" when
// there are none.
func troubles(now *ferry.Progress) string {
	var stopped []string
	for _, t := range now.Tables {
		if t.Stopped != "" {
			stopped = append(stopped, t.Name.String())
		}
	}
	text := ""
	if len(stopped) > 0 {
		text = " stopped-tables=" + strings.Join(stopped, ",")
	}
	if now.DeadLetters > 0 {
		text += fmt.Sprintf(" dead-letters=%d", now.DeadLetters)
	}
	return text
}

// copyEstimate says how far a copy is and when it may be done. Estimates carry ~;
// there is no time before 1 % or 10 s.
func copyEstimate(now, first *ferry.Progress) string {
	var copied, total uint64
	for _, t := range now.Tables {
		copied += t.Copied
		if t.Done || t.Stopped != "" {
			total += t.Copied
		} else {
			total += max(t.Estimate, t.Copied)
		}
	}
	if first == nil || total == 0 {
		return "eta=measuring"
	}
	took := now.At.Sub(first.At)
	percent := 100 * float64(copied) / float64(total)
	if now.Copied <= first.Copied || (took < 10*time.Second && percent < 1) {
		return fmt.Sprintf("of=~%d eta=measuring", total)
	}
	rate := float64(now.Copied-first.Copied) / took.Seconds()
	left := time.Duration(float64(total-copied) / rate * float64(time.Second))
	return fmt.Sprintf("of=~%d percent=%.1f rows/s=%.0f eta=~%s", total, percent, rate, left.Round(time.Second))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1fs", d.Seconds()) }
