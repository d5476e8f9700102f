package ferry

import (
	"fmt"
	"slices"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
)

// Job asks a ferry to do something with its tables beside following them.
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
	Resync JobKind = "resync" // copy anew into a shadow, and swap
)

// CheckResult is what a check found in one table.
type CheckResult struct {
	Source, Target change.Name
	checkpoint.CheckState
	// Examples are the first differences.
	Examples []Difference
	// Copied is the number of rows of a resync.
	Copied uint64
	// Err is why the job could not be done for this table.
	Err error
}

// take begins a job.
func (l *loop) takeJob(j *Job) {
	tables, err := l.tablesOf(j)
	if err != nil {
		j.Done(nil, err)
		return
	}
	j.left = len(tables)
	for _, t := range tables {
		if j.Kind == Resync {
			l.beginResync(t, j)
			continue
		}
		if t.stopped != nil {
			j.tableDone(CheckResult{Source: t.route.Source, Target: t.route.Target, Err: t.stopProblem()})
			continue
		}
		l.beginCheck(t, checkpoint.CheckState{Repair: j.Kind == Repair}, j)
	}
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
			switch {
			case t.dropped:
				return nil, jobProblem("table %s is gone at the source: there is nothing to compare %s with", name, t.route.Target)
			case t.check != nil:
				return nil, jobProblem("table %s is being compared already", name)
			case t.identity != "":
				return nil, jobProblem("table %s is being copied anew", name)
			}
			tables = append(tables, t)
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
