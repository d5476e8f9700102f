package ferry

import (
	"context"
	"encoding/json"
	"fmt"

	"starferry/internal/change"
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

// Place is what a ledger's row says: enough to go on from without a state directory.
type Place struct {
	Label    string          `json:"label"`
	Position change.Position `json:"position"`
	Server   string          `json:"server"`
	// Copied are the source tables whose copy was complete.
	Copied []string `json:"copied"`
}

// entry is the row of a database at the end of an epoch.
func (l *loop) entry(c *closing, label checkpoint.Label) LedgerEntry {
	place := Place{Label: label.Label, Position: c.mark.position, Server: c.server}
	for i := range c.mark.states {
		if s := &c.mark.states[i]; s.Copy.Done && s.Stopped == nil && s.ShadowOf == (change.Name{}) {
			place.Copied = append(place.Copied, s.Name.String())
		}
	}
	text, err := json.Marshal(place)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return LedgerEntry{Deployment: l.cfg.Deployment, Incarnation: l.cfg.Incarnation, Epoch: c.mark.epoch, State: string(text)}
}

// ledgerState says whether a transaction of a database was committed, by the ledger.
func (l *loop) ledgerState(ctx context.Context, c *checkpoint.Checkpoint, label checkpoint.Label) (TransactionState, error) {
	err := l.insist(ctx, label.Table, "ending the transactions of the last run", func() error {
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
		return TransactionUnknown, otherWriter(label.Table.Database, entry, c.Epoch)
	}
	return TransactionVisible, nil
}

func otherWriter(database string, entry *LedgerEntry, epoch uint64) error {
	return &diag.Problem{
		Code: codeOtherWriter,
		Message: fmt.Sprintf("the position row of database %s is of checkpoint %d of run %s, and the state directory knows of checkpoint %d only: another process writes into it, or an older state directory was put back",
			database, entry.Epoch, entry.Incarnation, epoch),
		Fix: "stop the other process; or put the newest state directory back; or start with a new --data-dir: the tables are copied anew.",
	}
}
