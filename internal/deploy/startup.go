package deploy

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
	"starferry/internal/ferry"
	"starferry/internal/mysql"
	"starferry/internal/plan"
)

// A first start that begins in the log, not with a copy.
//
// Invariant: what is then saved is the checkpoint that a ferry would have saved that had
// copied the tables and come as far as the place: the schemas in it are those that the tables
// had there. So everything behind it is as after a restart, in every delivery, and a crash
// before the first epoch changes nothing.
//
// Rejected: beginning the stream there and having the tables join it, which they do at the
// end of the log only, where their schemas are known.

// startupTries is how often a start begins anew because a table was changed meanwhile.
const startupTries = 5

// begin makes ready what the first epoch needs beside the tables.
func begin(ctx context.Context, p *plan.Plan, way ferry.Delivery, at ends, recovery checkpoint.Recovery, out *printer) (checkpoint.Recovery, error) {
	recovery, err := startup(ctx, p, at, recovery, out)
	if err == nil && way == ferry.PositionInside {
		err = readyLedger(ctx, p, at.target)
	}
	return recovery, err
}

// startup makes the checkpoint to begin with, where the script names a place of the log.
func startup(ctx context.Context, p *plan.Plan, at ends, recovery checkpoint.Recovery, out *printer) (checkpoint.Recovery, error) {
	begin := p.Source.Startup
	switch {
	case begin.Mode == plan.Initial:
		return recovery, nil
	case !isEmpty(&recovery):
		out.say(fmt.Sprintf("'scan.startup.mode' = '%s' is of a first start: this deployment goes on from its checkpoint", begin.Mode))
		return recovery, nil
	case begin.Copies():
		return recovery, nil
	}
	if begin.Mode == plan.AtTime && begin.Time.After(time.Now()) {
		return recovery, &diag.Problem{Code: codeStartup, Class: diag.Unusable,
			Message: fmt.Sprintf("'scan.startup.timestamp-millis' is %s, which is still to come", begin.Time.Format(time.DateTime)), Fix: "name a time that is past, or 'latest-offset'."}
	}
	for tries := 1; ; tries++ {
		c, changes, err := placed(ctx, p, at.source, begin)
		if err != nil {
			return recovery, err
		}
		if len(changes.Altered) > 0 {
			if begin.Mode == plan.Latest && tries < startupTries {
				continue // it was changed just now
			}
			return recovery, alteredProblem(c.Position, &changes)
		}
		if err := at.state.Save(c); err != nil {
			return recovery, err
		}
		sayPlaced(p, c, &changes, out)
		recovery.Settled = c
		return recovery, nil
	}
}

// placed is the checkpoint at the place that the script names.
func placed(ctx context.Context, p *plan.Plan, source *mysql.Servers, begin plan.Startup) (*checkpoint.Checkpoint, mysql.Changes, error) {
	position, err := source.Place(ctx, mysql.Begin{Earliest: begin.Mode == plan.Earliest, File: begin.File, Offset: begin.Offset, GTIDs: begin.GTIDs, Time: begin.Time})
	if err != nil {
		return nil, mysql.Changes{}, err
	}
	names := sources(p.Routes)
	tables, err := source.Describe(ctx, names)
	if err != nil {
		return nil, mysql.Changes{}, err
	}
	// A statement that came while they were described is in the log by now.
	changes, err := source.ChangesSince(ctx, position, tables)
	if err != nil {
		return nil, changes, err
	}
	c := &checkpoint.Checkpoint{Position: position, Exact: true}
	for i, r := range p.Routes {
		state := checkpoint.TableState{Name: r.Source, Target: r.Target}
		if !changes.Created[r.Source] {
			state.Table, state.Copy = cmp.Or(changes.Before[r.Source], tables[i]), checkpoint.CopyState{Done: true, Partial: true}
		}
		c.Tables = append(c.Tables, state)
	}
	return c, changes, nil
}

func alteredProblem(from change.Position, changes *mysql.Changes) error {
	var lines []string
	for name, statement := range changes.Altered {
		lines = append(lines, fmt.Sprintf("%s %s", name, statement))
	}
	slices.Sort(lines)
	return &diag.Problem{Code: codeStartup, Class: diag.Refused,
		Message: fmt.Sprintf("the tables are not what they were at %s, and nothing tells how to read their rows from there:\n- %s", from, strings.Join(lines, "\n- ")),
		Fix:     "begin behind the last of these statements; or with a copy: 'scan.startup.mode' = 'initial'.",
	}
}

// sayPlaced says what begins where.
func sayPlaced(p *plan.Plan, c *checkpoint.Checkpoint, changes *mysql.Changes, out *printer) {
	partial := 0
	for i := range c.Tables {
		if c.Tables[i].Copy.Partial {
			partial++
		}
	}
	out.say(fmt.Sprintf("starting at %s ('scan.startup.mode' = '%s'): %d tables are not copied and hold only what changes from there on", c.Position, p.Source.Startup.Mode, partial))
	for _, r := range p.Routes {
		switch {
		case changes.Created[r.Source]:
			out.say(fmt.Sprintf("%s was created behind that place: it is copied", r.Source))
		case changes.Before[r.Source] != nil:
			out.say(fmt.Sprintf("%s got columns behind that place: its rows are read as it was there, until the log comes to that", r.Source))
		}
	}
}

// startupMeaning says where a first start begins.
func startupMeaning(s plan.Startup) string {
	const only = ", without a copy: the target holds only what changes from there on"
	switch s.Mode {
	case plan.Snapshot:
		return "copy, then the end"
	case plan.Earliest:
		return "binlog from its beginning" + only
	case plan.Latest:
		return "binlog from its end" + only
	case plan.Specific:
		if s.GTIDs != "" {
			return "binlog behind GTIDs " + s.GTIDs + only
		}
		return fmt.Sprintf("binlog from %s:%d%s", s.File, s.Offset, only)
	case plan.AtTime:
		return "binlog from " + s.Time.Format(time.DateTime) + " UTC" + only
	}
	return "copy, then binlog"
}
