package starrocks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// Truncate removes all rows of a table.
func (c *Client) Truncate(ctx context.Context, target change.Name) error {
	return c.shape(ctx, "emptying", target, "TRUNCATE TABLE "+quoteTable(target), "DELETE")
}

// Declare says how the target of a source table is created, should it have to be anew.
func (c *Client) Declare(spec TableSpec) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.declared[spec.Target] = spec
}

// CreateShadow creates an empty table that is to take the target's place: like the
// target, or, where that cannot hold the source's rows as they are now, as the target
// was declared.
func (c *Client) CreateShadow(ctx context.Context, shadow, target change.Name, source *change.Table) error {
	columns, err := c.Columns(ctx, target, source)
	c.mu.Lock()
	spec, declared := c.declared[target]
	c.mu.Unlock()
	if err == nil && spec.holdsAll(columns, source) {
		return c.createLike(ctx, shadow, target)
	}
	if diag.IsTransient(err) {
		return err
	}
	if !declared {
		return err
	}
	spec.Target, spec.Source = shadow, source
	m, err := Map(spec, c.version)
	if err != nil {
		return err
	}
	if err := c.Drop(ctx, shadow); err != nil {
		return err
	}
	return c.create(ctx, &Prepared{Mapping: m})
}

// holdsAll tells whether a table has every column that it cannot be given later.
func (spec TableSpec) holdsAll(columns []ferry.TargetColumn, source *change.Table) bool {
	keyed, err := spec.keyOf(source)
	if err != nil {
		return false
	}
	keys, computed := 0, 0
	for i, c := range source.Columns {
		at := slices.IndexFunc(columns, func(one ferry.TargetColumn) bool { return strings.EqualFold(one.Name, c.Name) })
		if at < 0 && !c.Nullable && !spec.Shape.Leaves(c.Name) || at >= 0 && columns[at].Key != keyed.IsKey(i) {
			return false
		}
	}
	for _, one := range columns {
		switch {
		case one.Computed:
			computed++
		case one.Key:
			keys++
		case source.Index(one.Name) < 0 && !one.Nullable:
			return false
		}
	}
	return keys == len(keyed.Key) && computed == len(spec.Shape.Computed)
}

// createLike creates an empty table with the columns, key and properties of another.
// One that is there already may be of an older schema: it is dropped.
func (c *Client) createLike(ctx context.Context, target, like change.Name) error {
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
