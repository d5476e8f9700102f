package starrocks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"starferry/internal/change"
	"starferry/internal/crashpoint"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// AddColumns appends columns and returns when the table has them.
//
// What counts is how the table looks, never the reply to the ALTER: it may have
// been carried out although its answer was lost, or by somebody else.
func (c *Client) AddColumns(ctx context.Context, table change.Name, columns []change.Column) (notes []string, err error) {
	for i := range columns {
		if note := defaultNotCarried(&columns[i]); note != "" {
			notes = append(notes, note)
		}
	}
	return notes, ofTable(c.addColumns(ctx, table, columns))
}

// defaultNotCarried says that rows which exist have values at the source that the
// target cannot be told by a default.
func defaultNotCarried(column *change.Column) string {
	_, note := targetDefault(column)
	if column.Generated {
		note = "it is generated"
	}
	if note == "" {
		return ""
	}
	return fmt.Sprintf("column `%s` is NULL in the rows that exist, at the source it is not (%s); to have those values, copy the table anew: drop it and start with a new --data-dir", column.Name, note)
}

func (c *Client) addColumns(ctx context.Context, table change.Name, columns []change.Column) error {
	const tries = 3
	var failed error
	for range tries {
		missing, err := c.missingColumns(ctx, table, columns)
		if err != nil {
			return err
		}
		if len(missing) == 0 {
			_, err := c.waitForAlter(ctx, table)
			return err
		}
		statement, err := c.addStatement(table, missing)
		if err != nil {
			return err
		}
		if _, err := c.waitForAlter(ctx, table); err != nil {
			return err
		}
		if _, failed = c.db.ExecContext(ctx, statement); failed == nil {
			crashpoint.Here("alter-sent")
			return c.waitForColumns(ctx, table, columns)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if isDenied(failed) {
			return c.privilegeProblem(table, []string{"ALTER"}, failed)
		}
	}
	var server *mysql.MySQLError
	if errors.As(failed, &server) {
		return &diag.Problem{Code: CodeAlter, Message: fmt.Sprintf("StarRocks refuses to add columns to %s", readableTable(table)), Cause: failed,
			Fix: "add them by hand and start again, or drop the table and copy it anew."}
	}
	return c.sqlProblem("adding columns to "+table.String(), failed)
}

func (c *Client) missingColumns(ctx context.Context, table change.Name, columns []change.Column) ([]change.Column, error) {
	existing, err := c.describe(ctx, table)
	if err != nil {
		return nil, c.tableProblem("describing "+table.String(), table, err)
	}
	var missing []change.Column
	for i := range columns {
		found := false
		for _, have := range existing {
			found = found || strings.EqualFold(have.name, columns[i].Name)
		}
		if !found {
			missing = append(missing, columns[i])
		}
	}
	return missing, nil
}

// addStatement writes one ALTER for all columns. A literal default goes along, so
// that the rows that exist read what MySQL gave theirs.
func (c *Client) addStatement(table change.Name, columns []change.Column) (string, error) {
	clauses := make([]string, len(columns))
	var problems []error
	added := &change.Table{Name: table, Columns: columns}
	for i := range columns {
		column, _, err := mapWide(added, i, typesOf(c.version), c.specOf(table).Broadened)
		if !column.Nullable && column.Default == nil {
			filled, ok := implicitDefault(&columns[i])
			column.Default = &filled
			if !ok {
				err = diag.Join(err, &ferry.CannotError{Reasons: []string{fmt.Sprintf("column `%s` NOT NULL was added, and what rows that exist have there cannot be told StarRocks", columns[i].Name)}})
			}
		}
		problems = append(problems, err)
		clauses[i] = "ADD COLUMN " + column.definition()
	}
	return "ALTER TABLE " + quoteTable(table) + " " + strings.Join(clauses, ", "), diag.Join(problems...)
}

// implicitDefault is what MySQL gives rows that exist in a new column that is NOT NULL and
// has no default.
func implicitDefault(c *change.Column) (text string, ok bool) {
	switch t := &c.Type; {
	case c.DefaultExpression != "" || c.Generated:
		return "", false
	case t.IsInteger(), t.Base == change.Boolean, t.Base == change.Year, t.Base == change.Decimal, t.Base == change.Float, t.Base == change.Double, t.Base == change.Bit:
		return "0", true
	case t.Base == change.Enum && len(t.Members) > 0:
		return t.Members[0], true
	case t.IsText(), t.Base == change.Set:
		return "", true
	}
	return "", false
}

const alterPoll = 200 * time.Millisecond

// waitForColumns returns when the table has all columns and no change of it runs.
func (c *Client) waitForColumns(ctx context.Context, table change.Name, columns []change.Column) error {
	for {
		cancelled, err := c.waitForAlter(ctx, table)
		if err != nil {
			return err
		}
		missing, err := c.missingColumns(ctx, table, columns)
		if err != nil || len(missing) == 0 {
			return err
		}
		if cancelled != "" {
			return &diag.Problem{
				Code: CodeAlter, Message: fmt.Sprintf("the schema change of %s was %s", readableTable(table), cancelled),
				Fix: "see SHOW ALTER TABLE COLUMN; add the columns by hand and start again.",
			}
		}
		if err := c.wait(ctx, alterPoll); err != nil {
			return err
		}
	}
}

// waitForAlter returns when no schema change of the table is under way, and why the
// last one was cancelled, if it was.
func (c *Client) waitForAlter(ctx context.Context, table change.Name) (cancelled string, err error) {
	query := fmt.Sprintf("SHOW ALTER TABLE COLUMN FROM %s WHERE TableName = %s ORDER BY CreateTime DESC LIMIT 1", quoteName(table.Database), quoteText(table.Table))
	for {
		jobs, err := c.queryTexts(ctx, query)
		if err != nil {
			return "", c.tableProblem("watching the schema change of "+table.String(), table, err)
		}
		if len(jobs) == 0 {
			return "", nil
		}
		switch strings.ToUpper(jobs[0].text("State")) {
		case "FINISHED":
			return "", nil
		case "CANCELLED":
			return "cancelled: " + jobs[0].text("Msg"), nil
		}
		if err := c.wait(ctx, alterPoll); err != nil {
			return "", err
		}
	}
}
