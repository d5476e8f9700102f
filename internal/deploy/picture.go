package deploy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"starferry/internal/ferry"
)

// linesMax is how many lines a picture of the progress has at most.
const linesMax = 12

// progressLine is one picture as key=value pairs.
func progressLine(name string, now, first *ferry.Progress, logLeft string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s state=%s", name, now.State)
	if now.State == ferry.Copying {
		fmt.Fprintf(&b, " tables=%d/%d copied=%d %s", copied(now), len(now.Tables), now.Copied, copyEstimate(now, first))
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

// tableLines are the tables at work, as key=value pairs, one a line. The copy of an only
// table is told by the line of the whole.
func tableLines(name string, now *ferry.Progress) (lines []string) {
	for _, w := range works(now) {
		if w.doing == "" && len(now.Tables) == 1 {
			continue
		}
		line := fmt.Sprintf("%s table=%s rows=%d", name, w.table, w.rows)
		if w.doing != "" {
			line = fmt.Sprintf("%s table=%s doing=%q rows=%d", name, w.table, w.doing, w.rows)
		}
		if w.estimate > 0 {
			line += fmt.Sprintf(" of=~%d percent=%.1f", max(w.estimate, w.rows), w.percent())
		}
		if w.found > 0 {
			line += fmt.Sprintf(" differences=%d", w.found)
		}
		line += fmt.Sprintf(" rows/s=%.0f", w.rate)
		if w.left > 0 {
			line += " eta=~" + roughly(w.left)
		}
		if w.reason != "" {
			line += fmt.Sprintf(" waiting=%q", w.reason)
		}
		lines = append(lines, line)
	}
	if more := len(lines) - linesMax; more > 0 {
		lines = append(lines[:linesMax], fmt.Sprintf("%s and %d more tables", name, more))
	}
	return lines
}

// screen is one picture for a terminal of that width, in at most linesMax lines.
func screen(name string, now, first *ferry.Progress, logLeft string, width int) (lines []string) {
	head := fmt.Sprintf("%s  %s", name, now.State)
	if now.State == ferry.Copying {
		head += fmt.Sprintf("  %d of %d tables copied, %s rows", copied(now), len(now.Tables), Grouped(now.Copied))
		if estimate := copyEstimate(now, first); strings.Contains(estimate, "percent=") {
			head += "  " + strings.NewReplacer("of=~", "of ~", "percent=", "", "rows/s=", "", "eta=~", "").Replace(estimate)
		}
	}
	head += fmt.Sprintf("  +%s ~%s -%s", Grouped(now.Inserted), Grouped(now.Updated), Grouped(now.Deleted))
	foot := fmt.Sprintf("  source lag %s  visible lag %s  %s", seconds(now.SourceLag), seconds(now.VisibleLag), now.Position)
	if logLeft != "" {
		foot += "  log kept " + logLeft
	}
	lines = append(lines, head)
	atWork := works(now)
	wide := 0
	for i, w := range atWork {
		if i < linesMax-4 {
			wide = max(wide, len(w.table))
		}
	}
	for i, w := range atWork {
		if i == linesMax-4 && len(atWork) > linesMax-3 {
			lines = append(lines, fmt.Sprintf("  … and %d more tables", len(atWork)-i))
			break
		}
		lines = append(lines, w.line(wide))
	}
	if now.Reason != "" {
		lines = append(lines, "  waiting: "+now.Reason)
	}
	lines = append(lines, foot)
	for i := range lines {
		lines[i] = Cut(lines[i], width)
	}
	return lines
}

// work is something under way with a table.
type work struct {
	table, doing   string // doing is "" for the copy
	rows, estimate uint64
	found          uint64
	rate           float64
	left           time.Duration
	reason         string
}

// works are the tables at work, those that move first.
func works(now *ferry.Progress) (all []work) {
	add := func(t *ferry.TableProgress, w *ferry.WorkProgress) {
		if w != nil {
			all = append(all, work{t.Name.String(), w.Doing, w.Rows, w.Estimate, w.Found, w.Rate, w.Left, t.Reason})
		}
	}
	for i := range now.Tables {
		t := &now.Tables[i]
		if !t.Done && t.Stopped == "" && t.Resync == nil && (t.Copied > 0 || t.Rate > 0) {
			all = append(all, work{t.Name.String(), "", t.Copied, t.Estimate, 0, t.Rate, t.Left, t.Reason})
		}
		add(t, t.Resync)
		add(t, t.Check)
	}
	slices.SortStableFunc(all, func(a, b work) int {
		switch {
		case (a.rate > 0) == (b.rate > 0):
			return 0
		case a.rate > 0:
			return -1
		}
		return 1
	})
	return all
}

func (w *work) percent() float64 {
	return 100 * float64(w.rows) / float64(max(w.estimate, w.rows, 1))
}

// line is for a terminal.
func (w *work) line(wide int) string {
	text := fmt.Sprintf("  %-*s  ", wide, w.table)
	if w.estimate > 0 {
		text += bar(w.percent()) + fmt.Sprintf(" %5.1f%%  %s of ~%s rows", w.percent(), Grouped(w.rows), Grouped(max(w.estimate, w.rows)))
	} else {
		text += Grouped(w.rows) + " rows"
	}
	text += fmt.Sprintf("  %s rows/s", Grouped(uint64(w.rate)))
	if w.left > 0 {
		text += "  ~" + roughly(w.left) + " left"
	}
	if w.doing != "" {
		text += "  " + w.doing
	}
	if w.found > 0 {
		text += fmt.Sprintf(", %s differ", Grouped(w.found))
	}
	if w.reason != "" {
		text += "  waiting: " + w.reason
	}
	return text
}

const barWidth = 12

func bar(percent float64) string {
	full := int(percent / 100 * barWidth)
	return strings.Repeat("█", full) + strings.Repeat("░", barWidth-full)
}

func copied(now *ferry.Progress) (done int) {
	for _, t := range now.Tables {
		if t.Done || t.Stopped != "" {
			done++
		}
	}
	return done
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

func roughly(d time.Duration) string { return max(d.Round(time.Second), time.Second).String() }

// Grouped writes a number in groups of three digits.
func Grouped(n uint64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Cut ends a line at the edge of a terminal: one that went on would not be erased.
func Cut(line string, width int) string {
	if runes := []rune(line); width > 1 && len(runes) >= width {
		return string(runes[:width-2]) + "…"
	}
	return line
}
