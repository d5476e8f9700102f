package control

import (
	"errors"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// Kind is what a Job does.
type Kind string

const (
	Verify Kind = "verify" // compare with the source
	Repair Kind = "repair" // compare, and mend what differs
	Resync Kind = "resync" // copy anew, beside the table, and swap
)

func (k Kind) known() bool { return k == Verify || k == Repair || k == Resync }

// Table names a table on the wire.
type Table struct {
	Database string `json:"database"`
	Table    string `json:"table"`
}

// NameOf is the name of a table on the wire.
func NameOf(n change.Name) Table { return Table{n.Database, n.Table} }

// Name is the name of a table from the wire.
func (t Table) Name() change.Name { return change.Name{Database: t.Database, Table: t.Table} }

// Job is what a running deployment is asked to do with its tables.
type Job struct {
	Kind Kind `json:"kind"`
	// Tables are source tables; none means all.
	Tables []Table `json:"tables,omitempty"`
	// Wipe has a resync empty the table first in place of filling another: for a
	// moment readers see less, and no second copy needs room.
	Wipe bool `json:"wipe,omitempty"`
}

// Update is what a Job tells while it goes on; one of the fields is set.
type Update struct {
	Progress *Progress `json:"progress,omitempty"`
	Result   *Result   `json:"result,omitempty"`
	Notice   string    `json:"notice,omitempty"` // for people
}

// Progress is how far a Job has come with one table.
type Progress struct {
	Source   Table   `json:"source"`
	Rows     uint64  `json:"rows"`               // done so far
	Estimate uint64  `json:"estimate,omitempty"` // in all, roughly; 0 when unknown
	Found    uint64  `json:"found,omitempty"`    // rows that differ so far
	Rate     float64 `json:"rows_per_second,omitempty"`
	Left     float64 `json:"seconds_left,omitempty"` // roughly; 0 when unknown
	Doing    string  `json:"doing,omitempty"`        // in a word: comparing, mending, copying
	Reason   string  `json:"reason,omitempty"`       // why it does not go on, "" when it does
}

// Result is what became of one table.
type Result struct {
	Source   Table        `json:"source"`
	Target   Table        `json:"target"`
	Rows     uint64       `json:"rows"`        // of the source, compared or copied
	Keys     uint64       `json:"target_rows"` // of the target, looked for at the source
	Missing  uint64       `json:"missing"`
	Differ   uint64       `json:"different"`
	Extra    uint64       `json:"superfluous"`
	Moving   uint64       `json:"undecided"` // rows that changed too often to be compared
	Mended   bool         `json:"mended"`
	Examples []Difference `json:"examples,omitempty"`
	Problem  *Problem     `json:"problem,omitempty"` // why it was not done
}

// Same tells that nothing was found in a table that was compared to its end.
func (r *Result) Same() bool {
	return r.Problem == nil && r.Missing+r.Differ+r.Extra+r.Moving == 0
}

// Difference is one row that is not the same on both sides.
type Difference struct {
	Kind   string `json:"kind"` // missing, different, superfluous
	Key    string `json:"key"`
	Column string `json:"column,omitempty"` // the first that differs
}

// ResultOf is what a check found, for the wire.
func ResultOf(r *ferry.CheckResult) *Result {
	result := &Result{
		Source: NameOf(r.Source), Target: NameOf(r.Target), Rows: r.Compared + r.Copied, Keys: r.Keys,
		Missing: r.Missing, Differ: r.Different, Extra: r.Superfluous, Moving: r.Undecided, Mended: r.Repair,
	}
	for _, d := range r.Examples {
		result.Examples = append(result.Examples, Difference{Kind: string(d.Kind), Key: d.Key, Column: d.Column})
	}
	if r.Err != nil {
		result.Problem = problemOf(r.Err)
	}
	return result
}

// Status is a picture of a running deployment.
type Status struct {
	Deployment string        `json:"deployment"`
	Process    int           `json:"pid"`
	Version    string        `json:"version,omitempty"`
	Started    time.Time     `json:"started"`
	State      string        `json:"state"`
	Reason     string        `json:"reason,omitempty"`
	Position   string        `json:"position,omitempty"`
	SourceLag  float64       `json:"source_lag_seconds"`
	VisibleLag float64       `json:"visible_lag_seconds"`
	Tables     []TableStatus `json:"tables"`
}

// TableStatus is the copy of one table.
type TableStatus struct {
	Source   Table  `json:"source"`
	Copied   uint64 `json:"copied"`
	Estimate uint64 `json:"estimate,omitempty"`
	Done     bool   `json:"done"`
}

// Show puts a picture of the progress into the status.
func (s *Status) Show(p *ferry.Progress) {
	s.State, s.Reason, s.Position = string(p.State), p.Reason, p.Position.String()
	s.SourceLag, s.VisibleLag = p.SourceLag.Seconds(), p.VisibleLag.Seconds()
	s.Tables = make([]TableStatus, len(p.Tables))
	for i, t := range p.Tables {
		s.Tables[i] = TableStatus{Source: NameOf(t.Name), Copied: t.Copied, Estimate: t.Estimate, Done: t.Done}
	}
}

// Problem is an error on the wire. What caused it is part of its message.
type Problem struct {
	Code    diag.Code  `json:"code,omitempty"`
	Class   diag.Class `json:"class,omitempty"`
	Message string     `json:"message"`
	Fix     string     `json:"fix,omitempty"`
}

// Err is the error that came over the wire.
func (p *Problem) Err() error {
	if p.Code == "" {
		return errors.New(p.Message)
	}
	return &diag.Problem{Code: p.Code, Class: p.Class, Message: p.Message, Fix: p.Fix}
}

func problemOf(err error) *Problem {
	problem := &Problem{Message: err.Error()}
	if p := diag.Find(err); p != nil {
		problem.Code, problem.Class, problem.Fix = p.Code, p.Class, p.Fix
	}
	return problem
}

// line is one line of the answer to a job: an Update, or the end.
type line struct {
	Update
	Done    bool     `json:"done,omitempty"`
	Problem *Problem `json:"problem,omitempty"`
}
