package starrocks

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// Truncate removes all rows of a table.
func (c *Client) Truncate(ctx context.Context, target change.Name) error {
	return c.shape(ctx, "emptying", target, "TRUNCATE TABLE "+quoteTable(target), "DELETE")
}

// CreateLike creates an empty table with the columns, key and properties of another.
// One that is there already may be of an older schema: it is dropped.
func (c *Client) CreateLike(ctx context.Context, target, like change.Name) error {
	if err := c.Drop(ctx, target); err != nil {
		return err
	}
	_, err := c.db.ExecContext(ctx, "CREATE TABLE "+quoteTable(target)+" LIKE "+quoteTable(like))
	var server *mysql.MySQLError
	switch {
	case err == nil:
		return nil
	case isDenied(err):
		return c.createPrivilegeProblem(target, err)
	case isUnknownTable(err), isUnknownDatabase(err):
		return c.tableProblem("creating "+target.String(), like, err)
	case errors.As(err, &server) && server.Number != 1045:
		return &diag.Problem{
			Code:    CodeCreate,
			Message: fmt.Sprintf("StarRocks refuses to create table %s like %s", readableTable(target), readableTable(like)),
			Fix:     "see the server's message.",
			Cause:   err,
		}
	}
	return c.sqlProblem("creating "+target.String(), err)
}

// Swap exchanges the names of two tables of one database.
func (c *Client) Swap(ctx context.Context, a, b change.Name) error {
	if a.Database != b.Database {
		return fmt.Errorf("tables %s and %s are in two databases and cannot be swapped", a, b)
	}
	return c.shape(ctx, "swapping", a, "ALTER TABLE "+quoteTable(a)+" SWAP WITH "+quoteName(b.Table), "ALTER", "DROP")
}

// Drop removes a table, for good: what it holds is somewhere else, or worthless.
func (c *Client) Drop(ctx context.Context, target change.Name) error {
	err := c.shape(ctx, "dropping", target, "DROP TABLE IF EXISTS "+quoteTable(target)+" FORCE", "DROP")
	if p := diag.Find(err); p != nil && p.Code == CodeNoTable {
		return nil
	}
	return err
}

// Identity names the table itself: it stays when the table gets another name. "" when
// there is no such table.
func (c *Client) Identity(ctx context.Context, target change.Name) (string, error) {
	conn, err := c.synced(ctx)
	if err != nil {
		return "", c.sqlProblem("looking for "+target.String(), err)
	}
	defer conn.Close()
	query := fmt.Sprintf("SELECT TABLE_ID FROM information_schema.tables_config WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s", quoteText(target.Database), quoteText(target.Table))
	rows, err := queryTexts(ctx, conn, query)
	if err != nil {
		return "", c.tableProblem("looking for "+target.String(), target, err)
	}
	if len(rows) == 0 {
		return "", nil
	}
	return rows[0].text("TABLE_ID"), nil
}

// shape runs a statement that changes a whole table and needs these privileges.
func (c *Client) shape(ctx context.Context, doing string, target change.Name, statement string, privileges ...string) error {
	_, err := c.db.ExecContext(ctx, statement)
	switch {
	case err == nil:
		return nil
	case isDenied(err):
		return c.shapePrivilegeProblem(target, privileges, err)
	}
	return c.tableProblem(doing+" "+target.String(), target, err)
}
