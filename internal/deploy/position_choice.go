package deploy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
	"starferry/internal/ferry"
	"starferry/internal/plan"
	"starferry/internal/starrocks"
)

// positionRow is a deployment's row in a target database.
type positionRow struct {
	database string
	entry    ferry.LedgerEntry
	place    ferry.Place // without a Name when the row cannot be read
}

type positionRows []positionRow

func readRow(database string, entry ferry.LedgerEntry) positionRow {
	row := positionRow{database: database, entry: entry}
	if err := json.Unmarshal([]byte(entry.State), &row.place); err != nil {
		row.place = ferry.Place{}
	}
	return row
}

// choose finds the rows of a deployment: of its identity, or, for a state directory without
// checkpoints, of the only deployment of its name.
func (rows positionRows) choose(name, identity string, byName bool) (chosen positionRows, err error) {
	var others []string // deployments
	for _, row := range rows {
		switch {
		case row.entry.Deployment == identity:
			chosen = append(chosen, row)
		case row.place.Name == name && !slices.Contains(others, row.entry.Deployment):
			others = append(others, row.entry.Deployment)
		}
	}
	if len(chosen) > 0 || !byName || len(others) == 0 {
		return chosen, nil
	}
	for _, row := range rows {
		if slices.Contains(others, row.entry.Deployment) && row.place.Name == name {
			chosen = append(chosen, row)
		}
	}
	if len(others) == 1 {
		return chosen, nil
	}
	var seen []string
	for _, row := range chosen {
		seen = append(seen, fmt.Sprintf("%s in database %s at %s", row.entry.Deployment, row.database, row.place.Position))
	}
	return nil, &diag.Problem{Code: codeManyRows, Class: diag.Unusable,
		Message: fmt.Sprintf("the state directory is empty, and %d deployments of the name '%s' have position rows: %s", len(others), name, strings.Join(seen, "; ")),
		Fix:     "remove all but those of the one that filled the tables last:\n" + chosen.forget()}
}

// forget are the statements that remove the rows.
func (rows positionRows) forget() string {
	var statements []string
	for _, row := range rows {
		statements = append(statements, starrocks.ForgetPosition(row.database, row.entry.Deployment))
	}
	return strings.Join(statements, "\n")
}

// of is a database's row, nil when it has none.
func (rows positionRows) of(database string) *positionRow {
	for i := range rows {
		if rows[i].database == database {
			return &rows[i]
		}
	}
	return nil
}

// beyond is the error of a state directory that knows less than the rows say. Where its
// newest checkpoint is damaged it may be one epoch behind by that alone.
func (rows positionRows) beyond(r *checkpoint.Recovery) error {
	var newest uint64
	prepared := map[string][]string{} // labels by the database's epoch
	for _, c := range slices.Concat([]*checkpoint.Checkpoint{r.Settled, r.Unsettled}, r.Void) {
		if c == nil {
			continue
		}
		newest = max(newest, c.Epoch)
		for _, label := range c.Prepared {
			at := fmt.Sprint(label.Table.Database, " ", c.Epoch)
			prepared[at] = append(prepared[at], label.Label)
		}
	}
	for i := range rows {
		row := &rows[i]
		labels := prepared[fmt.Sprint(row.database, " ", row.entry.Epoch)]
		if row.entry.Epoch > newest && !r.FloorUnknown || len(labels) > 0 && !slices.Contains(labels, row.place.Label) {
			return ferry.OtherWriter(row.database, &row.entry, newest)
		}
	}
	return nil
}

// newest is the row that knows most: it tells of all databases how far they were.
func (rows positionRows) newest() (*positionRow, error) {
	newest := &rows[0]
	for i := range rows {
		if rows[i].entry.Epoch > newest.entry.Epoch {
			newest = &rows[i]
		}
	}
	for i := range rows {
		row := &rows[i]
		if row.entry.Epoch == newest.entry.Epoch && row.entry.Incarnation != newest.entry.Incarnation {
			return nil, ferry.OtherWriter(row.database, &row.entry, newest.entry.Epoch)
		}
	}
	if newest.place.Name == "" {
		return nil, &diag.Problem{Code: starrocks.CodeLedger,
			Message: fmt.Sprintf("the position row of deployment %s in database %s cannot be read: somebody has changed it, or a newer starferry wrote it", newest.entry.Deployment, newest.database),
			Fix:     "use the newest starferry; or copy everything anew: " + rows.forget()}
	}
	return newest, nil
}

// table is what a row says of a route's table, nil when it does not know it.
func (row *positionRow) table(source, target change.Name) *ferry.PlaceTable {
	if row == nil {
		return nil
	}
	for i := range row.place.Tables {
		if t := &row.place.Tables[i]; t.Source == source && t.Target == target {
			return t
		}
	}
	return nil
}

// followed are the source tables whose schema is needed.
func (row *positionRow) followed(routes []plan.Route) (names []change.Name) {
	for _, r := range routes {
		if t := row.table(r.Source, r.Target); t != nil && t.Stopped == nil && t.Shape != "" && !slices.Contains(names, r.Source) {
			names = append(names, r.Source)
		}
	}
	return names
}

// checkpoints are what a state directory would hold. The newest row's position holds for all
// databases: those without a transaction in its epoch had everything from before it already.
// It holds not yet where one that had a part in it lacks it: then the one before is settled
// and this one is not, and the ferry does what it does when a transaction is lost.
//
// Rejected: to begin at the lowest position of all rows. That of a database with few changes
// may be months old, and its log gone.
func (rows positionRows) checkpoints(routes []plan.Route, newest *positionRow, schemas map[change.Name]*change.Table) (settled, unsettled *checkpoint.Checkpoint, err error) {
	place := &newest.place
	settled = &checkpoint.Checkpoint{Epoch: newest.entry.Epoch, Position: place.Position, Server: place.Server, Exact: true}
	var behind []string // databases
	for _, label := range place.Labels {
		ours := slices.ContainsFunc(routes, func(r plan.Route) bool { return r.Target.Database == label.Table.Database })
		if row := rows.of(label.Table.Database); ours && (row == nil || row.entry.Epoch < newest.entry.Epoch) {
			behind = append(behind, label.Table.Database)
		}
	}
	if len(behind) > 0 {
		unsettled = &checkpoint.Checkpoint{Epoch: settled.Epoch, Position: place.Position, Server: place.Server, Exact: true}
		for _, label := range place.Labels {
			if slices.ContainsFunc(routes, func(r plan.Route) bool { return r.Target.Database == label.Table.Database }) {
				unsettled.Prepared = append(unsettled.Prepared, label)
			}
		}
		settled.Epoch, settled.Position, settled.Server = settled.Epoch-1, place.Before, place.BeforeServer
	}
	reshaped := 0
	for _, r := range routes {
		t := newest.table(r.Source, r.Target)
		if t == nil {
			continue // it joins as a new one does
		}
		copied := t.Copied
		if copied && slices.Contains(behind, r.Target.Database) {
			own := rows.of(r.Target.Database).table(r.Source, r.Target)
			copied = own != nil && own.Copied
		}
		state := tableState(t, schemas[r.Source], copied, unsettled != nil)
		if state.Stopped != nil && t.Stopped == nil {
			state.Stopped.Position = settled.Position
			if reshaped++; reshaped == len(newest.followed(routes)) {
				return nil, nil, &diag.Problem{Code: codeReshaped, Class: diag.Unusable, Message: state.Stopped.Reason,
					Fix: "copy everything anew: DROP TABLE " + r.Target.String() + "; and " + rows.forget() + " in StarRocks, then start without --from-position-row"}
			}
		}
		settled.Tables = append(settled.Tables, state)
	}
	if unsettled != nil {
		unsettled.Tables = settled.Tables
	}
	return settled, unsettled, nil
}
