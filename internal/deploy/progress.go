package deploy

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"starferry/internal/change"
	"starferry/internal/ferry"
)

// printer tells people what a ferry does: notices as they come, progress as a few lines
// that are redrawn on a terminal and repeated every interval elsewhere, and one
// summary at the end. The ferry never waits for it: what cannot be printed in time
// is counted and left out.
type printer struct {
	out      io.Writer
	tty      bool
	width    func() int // of the terminal
	quiet    bool       // notices only
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
	bursts  map[string]*burst // what was said of several tables since the last picture

	drawn int // lines on the terminal that the next picture replaces
}

const redrawInterval = 500 * time.Millisecond

func newPrinter(o Options, name string) *printer {
	p := &printer{out: o.Out, tty: o.TTY, width: o.Width, quiet: o.Quiet, interval: o.ProgressInterval, name: name, started: time.Now(), lines: make(chan string, 1024)}
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

var digits = regexp.MustCompile(`\d+`)

// burst is one sentence about many tables.
type burst struct{ said, more int }

// isOneTooMany counts a sentence about a table, and tells that enough others have it.
func (p *printer) isOneTooMany(text string) bool {
	text = digits.ReplaceAllString(text, "…") // copied: 4711 rows
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.bursts == nil {
		p.bursts = map[string]*burst{}
	}
	b := p.bursts[text]
	if b == nil {
		b = &burst{}
		p.bursts[text] = b
	}
	if b.said < saidEach {
		b.said++
		return false
	}
	b.more++
	return true
}

// bursting are sentences on how many tables were left out. The mutex is held.
func (p *printer) bursting() (lines []string) {
	for _, text := range slices.Sorted(maps.Keys(p.bursts)) {
		if more := p.bursts[text].more; more > 0 {
			lines = append(lines, fmt.Sprintf("and %d more tables: %s", more, text))
		}
	}
	p.bursts = nil
	return lines
}

func (p *printer) notice(n ferry.Notice) {
	text := n.Text
	if n.Level == ferry.Info && n.Table != (change.Name{}) && p.isOneTooMany(text) {
		return
	}
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

// now is the newest picture, nil before the first.
func (p *printer) now() *ferry.Progress {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.picture
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
	for _, line := range p.bursting() {
		select {
		case p.lines <- line:
		default:
			p.lost++
		}
	}
	close(p.lines)
	p.mutex.Unlock()
	p.ended.Wait()
	if p.picture == nil || p.quiet {
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

// erase takes the last picture off the terminal.
func (p *printer) erase() {
	if p.drawn == 0 {
		return
	}
	fmt.Fprint(p.out, "\r\x1b[K", strings.Repeat("\x1b[A\x1b[K", p.drawn-1))
	p.drawn = 0
}

func (p *printer) draw() {
	p.mutex.Lock()
	picture, first, lost, logLeft := p.picture, p.first, p.lost, p.logLeft
	p.lost = 0
	more := p.bursting()
	p.mutex.Unlock()
	if len(more) > 0 {
		p.erase()
		fmt.Fprintln(p.out, strings.Join(more, "\n"))
	}
	if lost > 0 {
		p.erase()
		fmt.Fprintf(p.out, "%d messages left out: they came faster than they could be printed\n", lost)
	}
	switch {
	case picture == nil || p.quiet:
	case p.tty:
		lines := screen(p.name, picture, first, logLeft, p.width())
		p.erase()
		fmt.Fprint(p.out, strings.Join(lines, "\n"))
		p.drawn = len(lines)
	default:
		fmt.Fprintln(p.out, progressLine(p.name, picture, first, logLeft))
		for _, line := range tableLines(p.name, picture) {
			fmt.Fprintln(p.out, line)
		}
	}
}
