package starrocks

import "starferry/internal/ferry"

var (
	_ ferry.Target = (*Client)(nil)
	_ ferry.Mirror = (*Client)(nil)
	_ ferry.Shaper = (*Client)(nil)
	_ ferry.Loads  = (*loads)(nil)
	_ ferry.Batch  = (*batch)(nil)

	_ ferry.Transactions = transactions{}
	_ ferry.Ledger       = ledger{}
)
