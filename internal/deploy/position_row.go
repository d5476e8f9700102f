package deploy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
	"starferry/internal/ferry"
	"starferry/internal/mysql"
	"starferry/internal/plan"
	"starferry/internal/starrocks"
)

// Position inside keeps a row at the target that says how far it is, so that a state
// directory that is lost, or older, is noticed, and is not needed to go on.
//
// Invariant: nothing is read from a row to go on from it while a transaction of the
// deployment could still change it. A process that is still alive commits nothing that it
// begins behind the claim (ferry/owner.go). The labels of a lost directory are lost with it, and a
// transaction of several tables is known to the memory of the leader only until it is
// committed. So the leader is asked for all labels of the deployment, and each is ended and
// asked for. That list is believed to be whole when it has the transaction that wrote the row,
// which is of the same kind; StarRocks forgets those after some days, and may not show them
// to every account. Then the time is waited that such a transaction may be open.
//
// Rejected: a new identity that leaves the old row behind. The labels would be as unique, for
// each process has an incarnation, but a process that is still alive somewhere would not be
// ended by the source for want of a common server id, and its rows would go on coming.

// ends are what a deployment stands between.
type ends struct {
	state  *checkpoint.Dir
	source *mysql.Servers
	target *starrocks.Client
}

// fromPositionRow compares what the state directory knows with what the target says. Where
// the directory is behind, it is an error, or what to go on from is made of the rows.
func fromPositionRow(ctx context.Context, p *plan.Plan, o Options, recovery checkpoint.Recovery, at ends, out *printer) (checkpoint.Recovery, error) {
	if p.Delivery != plan.ExactlyOnce || !p.Settings.PositionInside {
		if o.FromPositionRow {
			return recovery, &diag.Problem{Code: codeNoRow, Class: diag.Unusable,
				Message: "--from-position-row: this script keeps no position row, only 'delivery.exactly-once' = 'position-inside' does",
				Fix:     "run it without the flag."}
		}
		return recovery, nil
	}
	chosen, err := findRows(ctx, p, at)
	if err != nil {
		return recovery, err
	}
	known := !isEmpty(&recovery)
	switch {
	case len(chosen) == 0 && o.FromPositionRow && !known:
		return recovery, noRows(p)
	case len(chosen) == 0:
		return recovery, nil
	case !known && !o.FromPositionRow:
		return recovery, rowFound(p, at.state.Path(), chosen)
	case known:
		err := chosen.beyond(&recovery)
		if err == nil && o.FromPositionRow {
			out.say("the state directory is as new as the position row: going on from its last checkpoint")
		}
		if err == nil || !o.FromPositionRow {
			return recovery, err
		}
	}
	if err := claim(ctx, p, chosen, at); err != nil {
		return recovery, err
	}
	waits, err := fence(ctx, p, at.target, chosen, openLabels(&recovery))
	if err != nil {
		return recovery, err
	}
	if waits != "" {
		d := openTime(p)
		out.say(fmt.Sprintf("waiting %s before the position row is read: %s", d, waits))
		if err := pause(ctx, d); err != nil {
			return recovery, err
		}
	}
	if chosen, err = findRows(ctx, p, at); err != nil {
		return recovery, err
	}
	if len(chosen) == 0 {
		return recovery, noRows(p)
	}
	return goOnFrom(ctx, p, chosen, at, out)
}

// isEmpty tells that a state directory has no checkpoint.
func isEmpty(r *checkpoint.Recovery) bool { return r.Settled == nil && r.Unsettled == nil }

// databases are the target databases of a script.
func databases(p *plan.Plan) []string {
	names := map[string]bool{}
	for _, r := range p.Routes {
		names[r.Target.Database] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// findRows reads the rows of the deployment: those of the state directory's identity, or,
// where that has none and never had a checkpoint, those of the deployment's name.
func findRows(ctx context.Context, p *plan.Plan, at ends) (positionRows, error) {
	var all positionRows
	for _, database := range databases(p) {
		entries, err := at.target.Positions(ctx, database)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			all = append(all, readRow(database, entry))
		}
	}
	recovery, err := at.state.Recover()
	if err != nil {
		return nil, err
	}
	return all.choose(p.Name, at.state.Identity().Deployment, isEmpty(&recovery))
}

// openLabels are those that a state directory knows to be possibly open.
func openLabels(r *checkpoint.Recovery) []checkpoint.Label {
	labels := slices.Clone(r.Open)
	if r.Unsettled != nil {
		labels = append(labels, r.Unsettled.Prepared...)
	}
	return labels
}

// claim makes this process the one that may commit: another that is still alive commits
// nothing that it begins from here on, and what it has begun is fenced.
func claim(ctx context.Context, p *plan.Plan, rows positionRows, at ends) error {
	if err := readyLedger(ctx, p, at.target); err != nil {
		return err
	}
	return ferry.Claim(ctx, ferry.Config{
		Target: at.target, Transactions: at.target.Transactions(), Ledger: at.target.Ledger(), Journal: at.state, Routes: routes(p),
		Deployment: rows[0].entry.Deployment, Incarnation: at.state.Incarnation(),
	}, "fence")
}

// fence ends whatever the deployment has under way. waits says why more time has to pass
// before that is certain.
func fence(ctx context.Context, p *plan.Plan, target *starrocks.Client, rows positionRows, open []checkpoint.Label) (waits string, err error) {
	for _, label := range open {
		if err := target.Settle(ctx, label.Table, []string{label.Label}); err != nil {
			return "", err
		}
	}
	for _, database := range databases(p) {
		listing, err := target.ListLabels(ctx, database, rows[0].entry.Deployment)
		if err != nil {
			return "", err
		}
		if row := rows.of(database); row != nil && !listing.Has(row.place.Label) {
			waits = fmt.Sprintf("StarRocks does not list transaction %s of database %s, so it may not list others, and one that the last run has left open could be committed as long as its time is not up ('sink.properties.timeout')",
				row.place.Label, database)
		}
		if err := target.Settle(ctx, change.Name{Database: database}, listing.Labels); err != nil {
			return "", err
		}
	}
	return waits, nil
}

// openTime is how long StarRocks leaves a transaction of the script open.
func openTime(p *plan.Plan) (longest time.Duration) {
	for _, r := range p.Routes {
		longest = max(longest, r.Load.Timeout)
	}
	return longest
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// goOnFrom makes the rows the newest checkpoint of the state directory.
func goOnFrom(ctx context.Context, p *plan.Plan, rows positionRows, at ends, out *printer) (r checkpoint.Recovery, err error) {
	newest, err := rows.newest()
	if err != nil {
		return r, err
	}
	names := newest.followed(p.Routes)
	described, err := at.source.Describe(ctx, names)
	if err != nil {
		return r, err
	}
	schemas := map[change.Name]*change.Table{}
	for i, name := range names {
		schemas[name] = described[i]
	}
	settled, unsettled, err := rows.checkpoints(p.Routes, newest, schemas)
	if err != nil {
		return r, err
	}
	if err := at.state.Adopt(newest.entry.Deployment); err != nil {
		return r, err
	}
	at.source.RegisterAs(at.state.Identity().ServerID)
	if err := at.state.Save(settled); err != nil {
		return r, err
	}
	if unsettled != nil {
		if err := at.state.Save(unsettled); err != nil {
			return r, err
		}
	}
	sayFromRow(newest, settled, out)
	return checkpoint.Recovery{Settled: settled, Unsettled: unsettled, SavedAt: time.Now()}, nil
}

// sayFromRow says what became of the tables.
func sayFromRow(row *positionRow, c *checkpoint.Checkpoint, out *printer) {
	var copied, anew []string
	for i := range c.Tables {
		switch t := &c.Tables[i]; {
		case t.Stopped != nil: // the ferry says it
		case t.Copy.Done:
			copied = append(copied, t.Name.String())
		default:
			anew = append(anew, t.Name.String())
		}
	}
	line := fmt.Sprintf("going on from the position row of database %s: deployment %s, epoch %d of run %s, at %s", row.database, row.entry.Deployment, row.entry.Epoch, row.entry.Incarnation, c.Position)
	if len(copied) > 0 {
		line += fmt.Sprintf("; %d tables are complete there", len(copied))
	}
	if len(anew) > 0 {
		line += "; the copy begins anew, by upserts: " + strings.Join(anew, ", ")
	}
	out.say(line)
}

func noRows(p *plan.Plan) error {
	return &diag.Problem{Code: codeNoRow, Class: diag.Unusable,
		Message: fmt.Sprintf("--from-position-row: no target database (%s) has a position row of deployment '%s'", strings.Join(databases(p), ", "), p.Name),
		Fix:     "run it without the flag: the tables are copied; or name the deployment as it was: SET 'pipeline.name' = '…';"}
}

// rowFound is the error of an empty state directory where the target has rows: copying anew
// by upserts would leave there what the source has deleted since.
func rowFound(p *plan.Plan, folder string, rows positionRows) error {
	row := rows[0]
	return &diag.Problem{Code: codeRowFound, Class: diag.Unusable,
		Message: fmt.Sprintf("the state directory %s has no checkpoint, and database %s has the position row of a deployment '%s', at %s: the directory it used is lost, or another --data-dir was meant",
			folder, row.database, p.Name, row.place.Position),
		Fix: "make sure that no other process follows these tables, then choose:\n" +
			"with the directory that was used: --data-dir\n" +
			"to go on from the row: starferry run SCRIPT --from-position-row\n" +
			"to copy everything anew: " + rows.forget() + " in StarRocks, then start again\n" +
			"to begin another deployment beside it: SET 'pipeline.name' = '…' in the script"}
}
