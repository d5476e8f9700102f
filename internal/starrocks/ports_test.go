package starrocks

import "starferry/internal/ferry"

var (
	_ ferry.Target = (*Client)(nil)
	_ ferry.Loads  = (*loads)(nil)
	_ ferry.Batch  = (*batch)(nil)
)
