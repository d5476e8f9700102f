package starrocks

import (
	"context"
	"fmt"
	"strings"

	"starferry/internal/diag"
)

// CreateDatabase makes sure that a database is there, and tells whether it made it.
func (c *Client) CreateDatabase(ctx context.Context, name string) (created bool, err error) {
	rows, err := c.queryTexts(ctx, "SHOW DATABASES")
	if err != nil {
		return false, c.sqlProblem("listing the databases", err)
	}
	for _, row := range rows {
		if row.text("Database") == name {
			return false, nil // that it may be created is not asked of an account that need not
		}
	}
	_, err = c.db.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS "+quoteName(name))
	switch {
	case err == nil:
		return true, nil
	case isDenied(err):
		return false, &diag.Problem{
			Code:    CodePrivilege,
			Message: fmt.Sprintf("StarRocks has no database %s that user '%s' may see, and the user lacks CREATE DATABASE", readableName(name), c.config.User),
			Fix: fmt.Sprintf("as an administrator: CREATE DATABASE IF NOT EXISTS %s; GRANT CREATE TABLE ON DATABASE %[1]s TO USER %s; GRANT SELECT, INSERT, ALTER ON ALL TABLES IN DATABASE %[1]s TO USER %[2]s;",
				readableName(name), c.userName()),
			Cause: err,
		}
	case strings.Contains(err.Error(), "Incorrect database name"):
		return false, &diag.Problem{Code: CodeCreate, Message: fmt.Sprintf("StarRocks has no databases of the name %s", readableName(name)),
			Fix: "choose a name of letters, digits and underscores that begins with a letter.", Cause: err}
	}
	return false, c.sqlProblem("creating database "+name, err)
}
