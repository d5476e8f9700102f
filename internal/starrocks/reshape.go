package starrocks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"starferry/internal/change"
	"starferry/internal/crashpoint"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// Reshape changes columns of a target table. Everything is held against how the table
// looks before anything is done, so that what StarRocks cannot do leaves it as it was,
// and against how it looks again before each statement: after a crash, or when an answer
// was lost, what is done already is left alone.
func (c *Client) Reshape(ctx context.Context, table change.Name, source *change.Table, changes []ferry.Reshape) (did []string, err error) {
	steps, err := c.reshapeSteps(ctx, table, source, changes)
	if err != nil {
		return nil, ofTable(err)
	}
	for _, step := range steps {
		if err := c.reshapeStep(ctx, table, step); err != nil {
			return did, ofTable(err)
		}
		did = append(did, step.what)
	}
	return did, nil
}

// reshapeStep is one statement, and what the table looks like behind it.
type reshapeStep struct {
	what      string // for people
	statement string
	done      func([]existingColumn) bool
}

// reshapeSteps is what is left to be done.
func (c *Client) reshapeSteps(ctx context.Context, table change.Name, source *change.Table, changes []ferry.Reshape) ([]reshapeStep, error) {
	if _, err := c.waitForAlter(ctx, table); err != nil {
		return nil, err
	}
	columns, err := c.describe(ctx, table)
	if err != nil {
		return nil, c.tableProblem("describing "+table.String(), table, err)
	}
	var steps []reshapeStep
	var cannot []string
	for i := range changes {
		step, why, err := c.reshapeOf(table, source, &changes[i], columns)
		switch {
		case err != nil:
			return nil, err
		case why != "":
			cannot = append(cannot, why)
		case step.statement != "":
			steps = append(steps, step)
			columns = step.after(columns, &changes[i])
		}
	}
	if len(cannot) > 0 {
		return nil, &ferry.CannotError{Reasons: cannot}
	}
	return steps, nil
}

// after is how columns look behind a step, for the steps that follow.
func (s *reshapeStep) after(columns []existingColumn, r *ferry.Reshape) []existingColumn {
	if r.Kind != ferry.RenameColumn {
		return columns
	}
	columns = slices.Clone(columns)
	if at := findExisting(columns, r.From.Name); at >= 0 {
		columns[at].name = r.To.Name
	}
	return columns
}

func findExisting(columns []existingColumn, name string) int {
	return slices.IndexFunc(columns, func(have existingColumn) bool { return strings.EqualFold(have.name, name) })
}

// reshapeOf is the step of one change; none when it is done already, and why when it
// cannot be done.
func (c *Client) reshapeOf(table change.Name, source *change.Table, r *ferry.Reshape, columns []existingColumn) (step reshapeStep, why string, err error) {
	alter := "ALTER TABLE " + quoteTable(table) + " "
	from := findExisting(columns, r.From.Name)
	switch r.Kind {
	case ferry.DropColumn:
		name := r.From.Name
		if from < 0 {
			return step, "", nil
		}
		return reshapeStep{fmt.Sprintf("`%s` dropped", name), alter + "DROP COLUMN " + quoteName(name), func(have []existingColumn) bool { return findExisting(have, name) < 0 }}, "", nil
	case ferry.RenameColumn:
		return c.renameStep(alter, r, columns)
	case ferry.AlterComment:
		if findExisting(columns, r.To.Name) < 0 || !hasColumnChanges(c.version) {
			return step, "", nil // only a comment
		}
		return reshapeStep{fmt.Sprintf("comment of `%s`", r.To.Name), alter + "MODIFY COLUMN " + quoteName(r.To.Name) + " COMMENT " + quoteText(r.To.Comment), nil}, "", nil
	}
	at := findExisting(columns, r.To.Name)
	i := source.Index(r.To.Name)
	if at < 0 || i < 0 {
		return step, "", nil // it is appended as it is now
	}
	want, _, err := mapWide(source, i, typesOf(c.version), c.specOf(table).Broadened)
	if err != nil {
		return step, "", err
	}
	if c.specOf(table).Merged {
		wide, ok := widest(columns[at].typ, want.Type)
		if want.Nullable = columns[at].nullable; ok {
			want.Type = wide
		}
	}
	return modifyStep(alter, r, &want, &columns[at])
}

func (c *Client) renameStep(alter string, r *ferry.Reshape, columns []existingColumn) (step reshapeStep, why string, err error) {
	from, to := findExisting(columns, r.From.Name), findExisting(columns, r.To.Name)
	switch {
	case from < 0:
		return step, "", nil // done, or it is appended under its new name
	case to >= 0:
		return step, fmt.Sprintf("column `%s` was renamed to `%s`, which the target has already", r.From.Name, r.To.Name), nil
	case !hasColumnChanges(c.version):
		return step, fmt.Sprintf("column `%s` was renamed to `%s`, which needs StarRocks 3.3.2", r.From.Name, r.To.Name), nil
	}
	return reshapeStep{fmt.Sprintf("`%s` renamed to `%s`", r.From.Name, r.To.Name),
		alter + "RENAME COLUMN " + quoteName(r.From.Name) + " TO " + quoteName(r.To.Name),
		func(have []existingColumn) bool {
			return findExisting(have, r.From.Name) < 0 && findExisting(have, r.To.Name) >= 0
		}}, "", nil
}

// modifyStep gives a column another type or lets it be NULL. What MODIFY does not repeat,
// comment and default, is lost.
func modifyStep(alter string, r *ferry.Reshape, want *MappedColumn, have *existingColumn) (step reshapeStep, why string, err error) {
	if want.isHeldBy(have.typ) {
		want.Type = have.typ
	}
	if want.Type == have.typ && want.Nullable == have.nullable {
		return step, "", nil
	}
	what := fmt.Sprintf("column `%s` is %s at the target and cannot become %s there", r.To.Name, shape(have.typ, have.nullable), want.shape())
	if have.key || want.Key || have.nullable && !want.Nullable || have.typ != want.Type && !mayWiden(have.typ, want.Type) {
		return step, what, nil
	}
	column := *want
	column.Default, column.Comment = have.def, have.comment
	if have.def != nil && *have.def == "NULL" {
		column.Default = nil
	}
	return reshapeStep{fmt.Sprintf("`%s` is %s", r.To.Name, want.shape()), alter + "MODIFY COLUMN " + column.definition(),
		func(now []existingColumn) bool {
			at := findExisting(now, r.To.Name)
			return at >= 0 && now[at].typ == want.Type && now[at].nullable == want.Nullable
		}}, "", nil
}

// reshapeStep runs one statement and waits until the table looks so.
func (c *Client) reshapeStep(ctx context.Context, table change.Name, step reshapeStep) error {
	if step.done == nil {
		return c.reshapeProblem(ctx, table, c.execShape(ctx, step.statement))
	}
	if err := c.execShape(ctx, step.statement); err != nil {
		columns, again := c.describe(ctx, table)
		if again != nil || !step.done(columns) { // else the answer before was lost
			return c.reshapeProblem(ctx, table, err)
		}
	}
	crashpoint.Here("alter-sent")
	for {
		cancelled, err := c.waitForAlter(ctx, table)
		if err != nil {
			return err
		}
		columns, err := c.describe(ctx, table)
		switch {
		case err != nil:
			return c.tableProblem("describing "+table.String(), table, err)
		case step.done(columns):
			return nil
		case cancelled != "":
			return &diag.Problem{Code: CodeAlter, Message: fmt.Sprintf("the schema change of %s was %s", readableTable(table), cancelled),
				Fix: "see SHOW ALTER TABLE COLUMN; do it by hand and start again:\n     " + step.statement + ";"}
		}
		if err := c.wait(ctx, alterPoll); err != nil {
			return err
		}
	}
}

func (c *Client) execShape(ctx context.Context, statement string) error {
	_, err := c.db.ExecContext(ctx, statement)
	return err
}

func (c *Client) reshapeProblem(ctx context.Context, table change.Name, err error) error {
	var server *mysql.MySQLError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case isDenied(err):
		return c.privilegeProblem(table, []string{"ALTER"}, err)
	case errors.As(err, &server) && strings.Contains(server.Message, "schema change operation is in progress"):
		return &diag.Problem{Code: CodeAlter, Class: diag.Transient, Message: fmt.Sprintf("another schema change of %s is under way", readableTable(table)), Cause: err}
	case errors.As(err, &server):
		return &diag.Problem{Code: CodeAlter, Message: fmt.Sprintf("StarRocks refuses to change %s", readableTable(table)), Cause: err,
			Fix: "see the server's message; do it by hand and start again, or drop the table and copy it anew."}
	}
	return c.sqlProblem("changing "+table.String(), err)
}

// widenings are the changes of a type that StarRocks does and that keep every value.
var widenings = map[string][]string{
	"TINYINT": {"SMALLINT", "INT", "BIGINT", "LARGEINT"}, "SMALLINT": {"INT", "BIGINT", "LARGEINT"}, "INT": {"BIGINT", "LARGEINT"}, "BIGINT": {"LARGEINT"},
	"FLOAT": {"DOUBLE"}, "DATE": {"DATETIME"},
}

// mayWiden tells whether StarRocks can change a column's type so without touching what
// its rows hold.
func mayWiden(from, to string) bool {
	var a, b, aScale, bScale int
	switch {
	case slices.Contains(widenings[from], to):
		return true
	case scan(from, "VARCHAR(%d)", &a) && scan(to, "VARCHAR(%d)", &b), scan(from, "VARBINARY(%d)", &a) && scan(to, "VARBINARY(%d)", &b):
		return b >= a
	case scan(from, "DECIMAL(%d,%d)", &a, &aScale) && scan(to, "DECIMAL(%d,%d)", &b, &bScale):
		return bScale >= aScale && b-bScale >= a-aScale
	case scan(to, "VARCHAR(%d)", &b):
		digits := map[string]int{"TINYINT": 4, "SMALLINT": 6, "INT": 11, "BIGINT": 20, "LARGEINT": 40}[from]
		return digits > 0 && b >= digits
	}
	return false
}

func scan(text, format string, into ...any) bool {
	n, err := fmt.Sscanf(text, format, into...)
	return err == nil && n == len(into)
}
