package ferry

import (
	"fmt"
	"slices"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
)

// Job asks a ferry to do something with its tables beside following them. What is under
// way already is joined, not begun again.
type Job struct {
	Kind JobKind
	// Tables are source tables; none means all.
	Tables []change.Name
	// Done is called from the loop, once, with what became of each table, or with the
	// error that kept the job from beginning. It must not block.
	Done func(results []CheckResult, err error)

	left    int
	results []CheckResult
}

// JobKind is what a Job asks for.
type JobKind string

const (
	Verify JobKind = "verify" // compare
	Repair JobKind = "repair" // compare and mend
	Resync JobKind = "resync" // copy anew into a shadow, and swap; a shard where it is (renew.go)
	Wipe   JobKind = "wipe"   // empty, and copy anew in place; a shard as by Resync
)

// CheckResult is what a check found in one table.
type CheckResult struct {
	Source, Target change.Name
	checkpoint.CheckState
	// Copied is the number of rows of a resync.
	Copied uint64
	// Err is why the job could not be done for this table.
	Err error
}

// takeJob begins a job.
func (l *loop) takeJob(j *Job) {
	tables, err := l.tablesOf(j)
	if err != nil {
		j.Done(nil, err)
		return
	}
	j.left = len(tables)
	for _, t := range tables {
		if err := l.takeTable(j, t); err != nil {
			j.tableDone(CheckResult{Source: t.route.Source, Target: t.route.Target, Err: err})
		}
	}
}

// takeTable begins a job for one table, or joins what is under way there.
func (l *loop) takeTable(j *Job, t *table) error {
	r, c := l.resyncOf(t), t.check
	switch {
	case t.dropped || t.absent:
		return jobProblem("table %s is gone at the source: there is nothing to compare %s with", t.route.Source, t.route.Target)
	case j.Kind == Verify || j.Kind == Repair:
		switch {
		case t.stopped != nil:
			return t.stopProblem()
		case t.copy.Partial:
			return &diag.Problem{Code: codePartial, Message: fmt.Sprintf("table %s was started without a copy: %s has only what changed since, which cannot be compared", t.route.Source, t.route.Target),
				Fix: "have it copied: starferry resync SCRIPT --table " + t.route.Source.String()}
		case r != nil && r.phase < wipeAsked:
			return jobProblem("table %s is being copied anew", t.route.Source)
		case c == nil:
			l.beginCheck(t, checkpoint.CheckState{Repair: j.Kind == Repair}, j)
			return nil
		case j.Kind == Repair && !c.state.Repair:
			l.beginRepair(t, "")
		}
		c.jobs = append(c.jobs, j)
	case r != nil:
		r.jobs = append(r.jobs, j)
	case t.route.Merged:
		l.beginRenewal(t, j)
	case j.Kind == Wipe:
		l.forgetTypes(t)
		l.beginWipe(t, j)
	default:
		l.forgetTypes(t)
		l.beginResync(t, j)
	}
	return nil
}

// tablesOf finds the tables of a job.
func (l *loop) tablesOf(j *Job) ([]*table, error) {
	names := j.Tables
	if len(names) == 0 {
		for _, t := range l.order {
			if !t.gone && !slices.Contains(names, t.route.Source) {
				names = append(names, t.route.Source)
			}
		}
	}
	var tables []*table
	for _, name := range names {
		if len(l.tables[name]) == 0 {
			return nil, jobProblem("table %s is not followed by this deployment", name)
		}
		for _, t := range l.tables[name] {
			if t.identity == "" && !slices.Contains(tables, t) {
				tables = append(tables, t)
			}
		}
	}
	return tables, nil
}

// tableDone counts a table off its job.
func (j *Job) tableDone(r CheckResult) {
	j.results = append(j.results, r)
	if j.left--; j.left == 0 {
		j.Done(j.results, nil)
	}
}

func jobProblem(format string, a ...any) error {
	return &diag.Problem{Code: codeJob, Message: fmt.Sprintf(format, a...), Fix: "see what is followed with 'starferry explain SCRIPT', or wait for what is under way."}
}
