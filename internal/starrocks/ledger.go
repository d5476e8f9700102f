package starrocks

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// The ledger is a table like any other: it is created, compared and loaded as the target
// of a source table of this shape would be.

const ledgerTable = "_starferry_position"

// ledgerState is the most bytes of a state.
const ledgerState = maxVarchar

func ledgerName(database string) change.Name {
	return change.Name{Database: database, Table: ledgerTable}
}

// ledgerColumns is the shape of the ledger. Its key has to fit into the 128 bytes of a
// primary key.
func ledgerColumns(database string) *change.Table {
	ascii := func(n int) change.Type { return change.Type{Base: change.VarChar, Length: n, Charset: "ascii"} }
	return &change.Table{Name: ledgerName(database), Key: []int{0}, Comment: "how far Starferry has come: written with the rows, never by hand", Columns: []change.Column{
		{Name: "deployment", Type: ascii(maxKeyBytes)},
		{Name: "incarnation", Type: ascii(64)},
		{Name: "epoch", Type: change.Type{Base: change.BigInt}},
		{Name: "state", Type: change.Type{Base: change.Text, Charset: "utf8mb4"}},
	}}
}

// ledger is the ledger of a client's target databases (ferry.Ledger).
type ledger struct{ client *Client }

// Ledger is the rows that say how far the target databases have come.
func (c *Client) Ledger() ferry.Ledger { return ledger{c} }

// Ready creates the table where it is missing.
func (l ledger) Ready(ctx context.Context, database string) error {
	_, err := l.client.Prepare(ctx, TableSpec{Target: ledgerName(database), Source: ledgerColumns(database), Simple: true, Properties: "buckets 1"})
	return err
}

// Write puts a row into an open transaction of the database.
func (l ledger) Write(ctx context.Context, label checkpoint.Label, entry ferry.LedgerEntry) error {
	database := label.Table.Database
	switch {
	case len(entry.State) > ledgerState:
		return ledgerProblem(database, fmt.Sprintf("the state of deployment %s has %d bytes, a row holds %d", entry.Deployment, len(entry.State), ledgerState),
			"follow fewer tables in one deployment.")
	case len(entry.Deployment) > maxKeyBytes:
		return ledgerProblem(database, fmt.Sprintf("the name of deployment %s has more than %d bytes", entry.Deployment, maxKeyBytes), "give the deployment a shorter name.")
	case entry.Epoch > math.MaxInt64:
		return ledgerProblem(database, fmt.Sprintf("epoch %d is beyond what a BIGINT holds", entry.Epoch), "start with a new --data-dir.")
	}
	source := ledgerColumns(database)
	layout := &ferry.Layout{Source: source}
	for i := range source.Columns {
		layout.Columns = append(layout.Columns, ferry.LayoutColumn{Name: source.Columns[i].Name, From: i, Type: source.Columns[i].Type, Key: source.IsKey(i)})
	}
	rows := change.NewRows(len(source.Columns))
	for _, cell := range []string{entry.Deployment, entry.Incarnation, strconv.FormatUint(entry.Epoch, 10), entry.State} {
		rows.AddString(cell)
	}
	loads := l.client.Loads(ferry.Route{Target: source.Name})
	b := loads.NewBatchIn(layout, jsonLines)
	if _, err := b.Add(ferry.Upsert, rows, 0); err != nil {
		return err
	}
	return loads.Append(ctx, label, b)
}

// Read reads a deployment's row.
func (l ledger) Read(ctx context.Context, database, deployment string) (*ferry.LedgerEntry, error) {
	entries, err := l.client.positions(ctx, database, " WHERE `deployment` = "+quoteText(deployment))
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	return &entries[0], nil
}

// Positions are the rows of all deployments that load into a database.
func (c *Client) Positions(ctx context.Context, database string) ([]ferry.LedgerEntry, error) {
	return c.positions(ctx, database, " ORDER BY `deployment`")
}

// positions reads rows as the leader has them now. A frontend that is no leader answers
// from what it has heard of, which may lag behind. SYNC is forwarded to the leader, and
// returns when the frontend of this connection has caught up with where the leader was then.
// (Rejected: a connection to the leader itself. SHOW FRONTENDS, which tells where it is,
// is for administrators, and its address may not be reachable from here.)
func (c *Client) positions(ctx context.Context, database, which string) (entries []ferry.LedgerEntry, err error) {
	const doing = "reading how far the database has come"
	table := ledgerName(database)
	connection, err := c.db.Conn(ctx)
	if err != nil {
		return nil, c.tableProblem(doing, table, err)
	}
	defer connection.Close()
	if _, err := connection.ExecContext(ctx, "SYNC"); err != nil {
		// Every frontend knows the statement: the leader cannot be had just now.
		return nil, &diag.Problem{Code: CodeSQL, Class: diag.Transient, Message: "no leader of StarRocks answers a frontend that asks for it",
			Fix: "see to the state of the StarRocks cluster: SHOW FRONTENDS;", Cause: err}
	}
	rows, err := queryTexts(ctx, connection, "SELECT `deployment`, `incarnation`, `epoch`, `state` FROM "+quoteTable(table)+which)
	switch {
	case isUnknownTable(err):
		return nil, nil
	case err != nil:
		return nil, c.tableProblem(doing, table, err)
	}
	for _, row := range rows {
		entry := ferry.LedgerEntry{Deployment: row.text("deployment"), Incarnation: row.text("incarnation"), State: row.text("state")}
		if entry.Epoch, err = strconv.ParseUint(row.text("epoch"), 10, 64); err != nil {
			return nil, ledgerProblem(database, fmt.Sprintf("the epoch of deployment %s is %q", entry.Deployment, row.text("epoch")),
				fmt.Sprintf("somebody has changed the row; start with a new --data-dir, behind %s", ForgetPosition(database, entry.Deployment)))
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// ForgetPosition is the statement that removes a deployment's row, for people.
func ForgetPosition(database, deployment string) string {
	return fmt.Sprintf("DELETE FROM %s WHERE deployment = %s;", readableTable(ledgerName(database)), quoteText(deployment))
}

func ledgerProblem(database, why, fix string) error {
	return &diag.Problem{Code: CodeLedger, Message: fmt.Sprintf("table %s cannot say how far database %s has come: %s", readableTable(ledgerName(database)), readableName(database), why), Fix: fix}
}
