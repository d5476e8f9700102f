package starrocks

import (
	"context"
	"fmt"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// Resume is the check of a table that a checkpoint knows: it must still be there,
// and loads must be allowed. Its columns are not compared with the source's: what
// changed there since the checkpoint is in the log and is carried over when its
// first row comes.
func (c *Client) Resume(ctx context.Context, table change.Name) error {
	err := c.checkPrivileges(ctx, table)
	if isUnknownTable(err) || isUnknownDatabase(err) {
		err = &diag.Problem{
			Code:    CodeNoTable,
			Message: fmt.Sprintf("StarRocks table %s is gone, and the checkpoint says that it was filled", table),
			Fix:     "start with a new --data-dir: the table is created and copied anew.",
			Cause:   err,
		}
	}
	return ofTable(err)
}
