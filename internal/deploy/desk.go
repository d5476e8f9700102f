package deploy

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"starferry/internal/change"
	"starferry/internal/control"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// desk takes jobs for the ferry of this process: from the control socket, and from this
// process itself. A job is the ferry's once it has taken it: when whoever asked goes
// away it goes on, and its outcome is a notice. One that a crash or a stop interrupts is
// part of the checkpoint, and the next ferry goes on with it.
type desk struct {
	name, version string
	started       time.Time
	out           *printer
	jobs          chan *ferry.Job
	ended         chan struct{} // closed when the ferry takes no more
}

// tellInterval is how often the progress of a job is told.
const tellInterval = 500 * time.Millisecond

var jobKinds = map[control.Kind]ferry.JobKind{control.Verify: ferry.Verify, control.Repair: ferry.Repair, control.Resync: ferry.Resync}

func newDesk(name string, o Options, out *printer) *desk {
	return &desk{name: name, version: o.Version, started: time.Now(), out: out, jobs: make(chan *ferry.Job), ended: make(chan struct{})}
}

// jobEnd is what became of a job.
type jobEnd struct {
	results []ferry.CheckResult
	err     error
}

// Do has a job done and tells how it goes.
func (d *desk) Do(ctx context.Context, asked control.Job, send func(control.Update)) error {
	end := make(chan jobEnd, 1)
	job := &ferry.Job{Kind: jobKinds[asked.Kind], Done: func(results []ferry.CheckResult, err error) { end <- jobEnd{results, err} }}
	if asked.Kind == control.Resync && asked.Wipe {
		job.Kind = ferry.Wipe
	}
	for _, t := range asked.Tables {
		job.Tables = append(job.Tables, t.Name())
	}
	select {
	case d.jobs <- job:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-d.ended:
		return d.stopped(asked)
	}
	ticker := time.NewTicker(tellInterval)
	defer ticker.Stop()
	for {
		select {
		case e := <-end:
			for i := range e.results {
				send(control.Update{Result: control.ResultOf(&e.results[i])})
			}
			return e.err
		case <-ticker.C:
			d.tell(job, send)
		case <-ctx.Done():
			d.out.say(fmt.Sprintf("who asked to %s %s has gone: it goes on, and its outcome is told here", asked.Kind, tablesText(job.Tables)))
			return context.Cause(ctx)
		case <-d.ended:
			return d.stopped(asked)
		}
	}
}

// tell sends how far a job has come with each of its tables.
func (d *desk) tell(job *ferry.Job, send func(control.Update)) {
	picture := d.out.now()
	if picture == nil {
		return
	}
	for i := range picture.Tables {
		t := &picture.Tables[i]
		if len(job.Tables) > 0 && !slices.Contains(job.Tables, t.Name) {
			continue
		}
		w := t.Check
		if job.Kind == ferry.Resync || job.Kind == ferry.Wipe {
			w = t.Resync
		}
		if w == nil {
			continue // done, or not begun
		}
		p := control.Progress{
			Source: control.NameOf(t.Name), Doing: w.Doing, Rows: w.Rows, Estimate: w.Estimate, Found: w.Found,
			Rate: w.Rate, Left: w.Left.Seconds(), Reason: t.Reason,
		}
		if !t.Done && t.Check != nil {
			p.Reason = "the copy of the table goes first"
		}
		if picture.Reason != "" && p.Reason == "" {
			p.Reason = picture.Reason
		}
		send(control.Update{Progress: &p})
	}
}

// Status is how the deployment is.
func (d *desk) Status() control.Status {
	s := control.Status{Deployment: d.name, Process: os.Getpid(), Version: d.version, Started: d.started, State: string(ferry.Starting)}
	if picture := d.out.now(); picture != nil {
		s.Show(picture)
	}
	return s
}

// stopped is the error of a job that the ferry has not finished.
func (d *desk) stopped(job control.Job) error {
	return &diag.Problem{
		Code: codeJobStopped, Class: diag.Unusable,
		Message: fmt.Sprintf("deployment '%s' stopped before the %s was done", d.name, job.Kind),
		Fix:     "ask again: what was begun is in the checkpoint, and goes on from there.",
	}
}

func tablesText(names []change.Name) string {
	if len(names) == 0 {
		return "all tables"
	}
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = n.String()
	}
	return strings.Join(texts, ", ")
}
