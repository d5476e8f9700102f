package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"starferry/internal/control"
	"starferry/internal/deploy"
)

// talk is what a command says about its work while it goes on. On a terminal the last
// picture of the progress is replaced by the next, and by whatever else is said.
type talk struct {
	mutex sync.Mutex
	w     io.Writer
	tty   bool
	width func() int
	every time.Duration // between pictures elsewhere
	last  time.Time
	drawn int
	// tables are the newest progress of each, in the order they came.
	tables []control.Progress
}

// Write says something beside the progress.
func (t *talk) Write(text []byte) (int, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.erase()
	return t.w.Write(text)
}

func (t *talk) erase() {
	if t.drawn > 0 {
		fmt.Fprint(t.w, "\r\x1b[K", strings.Repeat("\x1b[A\x1b[K", t.drawn-1))
		t.drawn = 0
	}
}

// progress takes how far one table has come.
func (t *talk) progress(p control.Progress) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	known := false
	for i := range t.tables {
		if t.tables[i].Source == p.Source {
			t.tables[i], known = p, true
		}
	}
	if !known {
		t.tables = append(t.tables, p)
	}
	if every := t.every; t.tty && time.Since(t.last) < 300*time.Millisecond || !t.tty && time.Since(t.last) < every {
		return
	}
	t.last = time.Now()
	t.draw()
}

// done takes a table off the picture.
func (t *talk) done(table control.Table) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for i := range t.tables {
		if t.tables[i].Source == table {
			t.tables = append(t.tables[:i], t.tables[i+1:]...)
			break
		}
	}
	t.erase()
}

const (
	talkLines     = 12
	otherwiseWide = 80
)

func (t *talk) draw() {
	lines := make([]string, 0, len(t.tables))
	for i := range t.tables {
		if i == talkLines-1 && len(t.tables) > talkLines {
			lines = append(lines, fmt.Sprintf("… and %d more tables", len(t.tables)-i))
			break
		}
		lines = append(lines, progressText(&t.tables[i]))
	}
	if !t.tty {
		fmt.Fprintln(t.w, strings.Join(lines, "\n"))
		return
	}
	t.erase()
	for i := range lines {
		lines[i] = deploy.Cut(lines[i], t.width())
	}
	fmt.Fprint(t.w, strings.Join(lines, "\n"))
	t.drawn = len(lines)
}

// progressText is one table at work.
func progressText(p *control.Progress) string {
	text := fmt.Sprintf("%s  %s: %s", p.Source.Name(), p.Doing, deploy.Grouped(p.Rows))
	if p.Estimate > 0 {
		all := max(p.Estimate, p.Rows)
		text += fmt.Sprintf(" of ~%s rows, %.1f%%", deploy.Grouped(all), 100*float64(p.Rows)/float64(all))
	} else {
		text += " rows"
	}
	if p.Rate > 0 {
		text += fmt.Sprintf(", %s rows/s", deploy.Grouped(uint64(p.Rate)))
	}
	if p.Left > 0 {
		text += ", ~" + (time.Duration(p.Left*float64(time.Second)).Round(time.Second) + time.Second).String() + " left"
	}
	if p.Found > 0 {
		text += fmt.Sprintf(", %s differ", deploy.Grouped(p.Found))
	}
	if p.Reason != "" {
		text += "  (waiting: " + p.Reason + ")"
	}
	return text
}
