package ferry

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/diag"
)

// Two processes of one deployment, on two state directories (position inside). The source
// ends the older one's stream, but it may hold rows that it has already, and it may wake
// from a long pause.
//
// Invariant: when a process has read the rows that it goes on from, no other commits an
// epoch any more, now or later.
//
//  1. A process that starts makes itself the owner: a row of the ledger says which it is,
//     written in a transaction of its own, and visible before anything is read.
//  2. Then every transaction that may be open is ended, and then the rows are read.
//  3. When everything of an epoch is in its transactions, and before one is committed, the
//     owner is read. An epoch is committed by the owner only.
//
// A transaction of the older process is begun before it reads the owner. If it reads itself,
// the transaction was open before the new owner was visible, so 2 has ended it, or has seen
// it committed; else it commits nothing.
//
// Rejected: to hold the row of the last epoch against what is expected, before each commit.
// Two processes may both find what they expect, and then both commit.

// ownerOf is the key of the row that says who may commit.
func ownerOf(deployment string) string { return deployment + "_owner" }

// Claim makes a process the owner of its target databases. What is read before says nothing.
// why tells the claims of one process apart.
func Claim(ctx context.Context, cfg Config, why string) error {
	l := &loop{cfg: cfg}
	for i, database := range cfg.databases() {
		if err := l.claim(ctx, database, fmt.Sprintf("sf_%s_%s_%s_%d", cfg.Deployment, cfg.Incarnation, why, i)); err != nil {
			return err
		}
	}
	return nil
}

// claim writes the owner's row of a database, with as many transactions as it takes.
func (l *loop) claim(ctx context.Context, database, prefix string) error {
	name, tries := change.Name{Database: database}, 0
	return l.insist(ctx, name, "becoming the owner of the database", func() error {
		tries++
		label := checkpoint.Label{Table: name, Label: fmt.Sprintf("%s_%d", prefix, tries)}
		if err := l.cfg.Journal.Note([]checkpoint.Label{label}); err != nil {
			return err
		}
		err := l.cfg.Transactions.Begin(ctx, label)
		if err == nil {
			err = l.cfg.Ledger.Write(ctx, label, LedgerEntry{Deployment: ownerOf(l.cfg.Deployment), Incarnation: l.cfg.Incarnation})
		}
		if err == nil {
			err = l.cfg.Transactions.Commit(ctx, label)
		}
		if err == nil {
			return nil
		}
		// It must not arrive behind the claim of another process.
		settled := l.insist(ctx, name, "ending a transaction", func() error {
			return l.cfg.Target.Settle(ctx, name, []string{label.Label})
		})
		return errors.Join(settled, err)
	})
}

// owns tells that this process may still commit into a database.
func (cfg *Config) owns(ctx context.Context, database string) error {
	owner, err := cfg.Ledger.Read(ctx, database, ownerOf(cfg.Deployment))
	if err != nil || owner != nil && owner.Incarnation == cfg.Incarnation {
		return err
	}
	by := "nobody"
	if owner != nil {
		by = "run " + owner.Incarnation
	}
	return &diag.Problem{
		Code:    codeOtherWriter,
		Message: fmt.Sprintf("the tables of database %s belong to %s of this deployment by now: another process has been started for them", database, by),
		Fix:     "run a deployment only once.",
	}
}

// mayReplace tells that this process may replace or empty whole tables of a database.
func (cfg *Config) mayReplace(ctx context.Context, database string) error {
	if cfg.Delivery != PositionInside {
		return nil
	}
	return cfg.owns(ctx, database)
}

// takeOwnership is the start of a process: none before it commits anything any more, and
// what it knows is what the rows say.
func (l *loop) takeOwnership(ctx context.Context) error {
	if err := l.settleEarlier(ctx); err != nil { // so that no claim of theirs comes later
		return err
	}
	if err := Claim(ctx, l.cfg, "start"); err != nil {
		return err
	}
	return l.notBeyond(ctx)
}

// notBeyond is the error of a row that no checkpoint leads to.
func (l *loop) notBeyond(ctx context.Context) error {
	r := &l.cfg.Recovery
	if r.FloorUnknown {
		return nil
	}
	newest := uint64(0)
	for _, c := range append([]*checkpoint.Checkpoint{l.cfg.Restored, r.Settled, r.Unsettled}, r.Void...) {
		if c != nil {
			newest = max(newest, c.Epoch)
		}
	}
	for _, database := range l.cfg.databases() {
		var entry *LedgerEntry
		err := l.insist(ctx, change.Name{Database: database}, "reading the position", func() (err error) {
			entry, err = l.cfg.Ledger.Read(ctx, database, l.cfg.Deployment)
			return err
		})
		if err != nil {
			return err
		}
		if entry != nil && entry.Epoch > newest {
			return OtherWriter(database, entry, newest)
		}
	}
	return nil
}

// databases are the target databases of the routes.
func (cfg *Config) databases() (names []string) {
	for _, r := range cfg.Routes {
		if !slices.Contains(names, r.Target.Database) {
			names = append(names, r.Target.Database)
		}
	}
	return names
}
