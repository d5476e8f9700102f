package ferry

import (
	"context"
	"encoding/json"
	"fmt"

	"starferry/internal/checkpoint"
	"starferry/internal/crashpoint"
	"starferry/internal/diag"
)

// The ledger's row of a database is in the transaction that it speaks of, so it cannot
// be wrong about it. It is read only when nothing can change it any more: every
// transaction that may be open is ended first, and asked until it has ended (the fence).
// A commit that a killed process had sent could otherwise arrive behind the reading;
// that would be no loss, for what it shows is below the floor of the redo, but the place
// that was chosen would not be the one the row says.

// entry is the row of a database at the end of an epoch.
func (l *loop) entry(c *closing, label checkpoint.Label) LedgerEntry {
	text, err := json.Marshal(l.place(c, label))
	if err != nil {
		panic(err) // strings and numbers only
	}
	return LedgerEntry{Deployment: l.cfg.Deployment, Incarnation: l.cfg.Incarnation, Epoch: c.mark.epoch, State: string(text)}
}

// ledgerState says whether a transaction of a database was committed, by the ledger.
func (l *loop) ledgerState(ctx context.Context, c *checkpoint.Checkpoint, label checkpoint.Label) (TransactionState, error) {
	err := l.insist(ctx, label.Table, "ending the transactions of the last run", func() error {
		if l.sabotage.unfenced {
			return nil
		}
		return l.cfg.Target.Settle(ctx, label.Table, []string{label.Label})
	})
	if err != nil {
		return TransactionUnknown, err
	}
	crashpoint.Here("fenced")
	var entry *LedgerEntry
	err = l.insist(ctx, label.Table, "reading the position", func() (err error) {
		entry, err = l.cfg.Ledger.Read(ctx, label.Table.Database, l.cfg.Deployment)
		return err
	})
	switch {
	case err != nil:
		return TransactionUnknown, err
	case entry == nil || entry.Epoch < c.Epoch:
		return TransactionAborted, nil
	}
	var place Place
	if err := json.Unmarshal([]byte(entry.State), &place); err != nil || entry.Epoch > c.Epoch || place.Label != label.Label {
		return TransactionUnknown, OtherWriter(label.Table.Database, entry, c.Epoch)
	}
	return TransactionVisible, nil
}

// OtherWriter is the error of a row that the state directory, whose newest checkpoint is of
// that epoch, cannot have led to.
func OtherWriter(database string, entry *LedgerEntry, epoch uint64) error {
	return &diag.Problem{
		Code: codeOtherWriter,
		Message: fmt.Sprintf("the position row of database %s is of epoch %d of run %s, and the state directory knows of epoch %d only: another process writes into it, or an older state directory was put back",
			database, entry.Epoch, entry.Incarnation, epoch),
		Fix: fmt.Sprintf("make sure that no other process follows these tables, then choose:\n"+
			"to go on from the row: starferry run SCRIPT --from-position-row\n"+
			"to go on from the state directory, where tables may step back: DELETE FROM %s._starferry_position WHERE deployment = '%s'; in StarRocks, then start again\n"+
			"to copy everything anew as another deployment: SET 'pipeline.name' = '…' in the script", database, entry.Deployment),
	}
}
