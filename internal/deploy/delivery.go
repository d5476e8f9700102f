package deploy

import (
	"context"
	"fmt"

	"starferry/internal/ferry"
	"starferry/internal/plan"
	"starferry/internal/starrocks"
)

// delivery is when rows become visible, as the script says, if the cluster can do it.
// open is how many transactions of a database may be open.
func delivery(ctx context.Context, p *plan.Plan, target *starrocks.Client, out *printer) (way ferry.Delivery, open int, err error) {
	if p.Delivery != plan.ExactlyOnce {
		return ferry.AtLeastOnce, 0, nil
	}
	way = ferry.TwoPhase
	if p.Settings.PositionInside {
		way = ferry.PositionInside
	}
	limits, err := target.CheckTransactions(ctx, starrocks.TransactionNeeds{Databases: p.Settings.PositionInside, Checkpoint: p.Settings.CheckpointTimeout})
	if err != nil {
		return way, 0, err
	}
	open = p.Settings.MaxOpenTransactions
	// Others load too.
	if most := limits.Running / 2; limits.Running > 0 && open > most {
		out.say(fmt.Sprintf("warning: StarRocks lets %d transactions of a database run at once: an epoch ends when %d of ours are open, not %d", limits.Running, most, open))
		open = max(most, 1)
	}
	return way, open, nil
}

// readyLedger makes sure that every target database has the table of position rows.
func readyLedger(ctx context.Context, p *plan.Plan, target *starrocks.Client) error {
	for _, database := range databases(p) {
		if err := target.Ledger().Ready(ctx, database); err != nil {
			return err
		}
	}
	return nil
}
