package starrocks

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// existingColumn is a column of a table as SHOW FULL COLUMNS shows it.
type existingColumn struct {
	name     string
	typ      string // in our spelling
	nullable bool
	key      bool
	def      *string
	comment  string
}

// Columns describes a target table now, in its order. Columns of source that are
// there with another type, nullability or key are a Problem: they would take values
// in silence that are not the source's.
func (c *Client) Columns(ctx context.Context, table change.Name, source *change.Table) ([]ferry.TargetColumn, error) {
	columns, err := c.describe(ctx, table)
	if err != nil {
		return nil, ofTable(c.tableProblem("describing "+table.String(), table, err))
	}
	narrow, err := c.holds(table, columns, source)
	if err != nil {
		return nil, ofTable(err)
	}
	described := make([]ferry.TargetColumn, len(columns))
	spec := c.specOf(table)
	for i, column := range columns {
		described[i] = ferry.TargetColumn{
			Name: column.name, Key: column.key, Nullable: column.nullable, Default: column.def != nil && *column.def != "NULL",
			Narrow: slices.Contains(narrow, i), Base: loadBase(column.typ),
		}
		if computed := spec.Shape.Computes(column.name); computed != nil {
			described[i].Computed, described[i].Inputs = true, computed.Value.Columns()
		}
	}
	return described, nil
}

// loadBase is a kind of the source's values that a load holds in the way of a column's, where
// that is a way of its own.
func loadBase(typ string) change.Base {
	switch {
	case typ == "JSON":
		return change.JSON
	case strings.HasPrefix(typ, "VARBINARY"):
		return change.VarBinary
	}
	return change.Unknown
}

// describe reads SHOW FULL COLUMNS; its errors are the driver's.
func (c *Client) describe(ctx context.Context, table change.Name) ([]existingColumn, error) {
	rows, err := c.queryTexts(ctx, "SHOW FULL COLUMNS FROM "+quoteName(table.Table)+" FROM "+quoteName(table.Database))
	if err != nil {
		return nil, err
	}
	columns := make([]existingColumn, 0, len(rows))
	for _, row := range rows {
		column := existingColumn{
			name:     row.text("Field"),
			typ:      normalType(row.text("Type")),
			nullable: strings.EqualFold(row.text("Null"), "YES"),
			key:      strings.EqualFold(row.text("Key"), "YES"),
			comment:  row.text("Comment"),
		}
		if d := row["Default"]; d.Valid {
			column.def = &d.String
		}
		columns = append(columns, column)
	}
	return columns, nil
}

// tableProblem makes a Problem of an error about one table.
func (c *Client) tableProblem(doing string, table change.Name, err error) error {
	switch {
	case isUnknownDatabase(err):
		return &diag.Problem{
			Code: CodeNoDatabase, Message: fmt.Sprintf("StarRocks has no database %s", readableName(table.Database)),
			Fix: fmt.Sprintf("CREATE DATABASE %s;", readableName(table.Database)), Cause: err,
		}
	case isUnknownTable(err):
		return &diag.Problem{
			Code: CodeNoTable, Message: fmt.Sprintf("StarRocks has no table %s", readableTable(table)),
			Fix: "restore the table; or start with a new --data-dir: the table is created and copied anew.", Cause: err,
		}
	case isDenied(err):
		return c.privilegeProblem(table, []string{"SELECT"}, err)
	}
	return c.sqlProblem(doing, err)
}

// ofTable marks a problem of one table alone.
func ofTable(err error) error {
	p := diag.Find(err)
	if p == nil || p.Class == diag.Transient {
		return err
	}
	switch p.Code {
	case CodeNoTable, CodePrivilege, CodeAlter, CodeDifferent, CodeShape, CodeType, CodeKeyType, CodeColumnName, CodeLoadRefused:
		return &ferry.TableError{Cause: err}
	}
	return err
}

var (
	displayWidth  = regexp.MustCompile(`^(tinyint|smallint|int|bigint|largeint)\(\d+\)$`)
	sizedDecimal  = regexp.MustCompile(`^(?:decimal(?:32|64|128|256|v2|v3)?|numeric)\((\d+),(\d+)\)$`)
	textWithoutLn = map[string]string{"string": "VARCHAR(65533)", "text": "VARCHAR(65533)", "integer": "INT", "bigint(20)unsigned": "LARGEINT",
		"varbinary(1048576)": "VARBINARY"}
)

// normalType spells a shown type as our DDL does: bigint(20) is BIGINT,
// decimal64(10, 2) is DECIMAL(10,2).
func normalType(shown string) string {
	t := strings.ToLower(strings.Join(strings.Fields(shown), ""))
	if same, ok := textWithoutLn[t]; ok {
		return same
	}
	if t == "tinyint(1)" {
		return "BOOLEAN"
	}
	if m := displayWidth.FindStringSubmatch(t); m != nil {
		return strings.ToUpper(m[1])
	}
	if m := sizedDecimal.FindStringSubmatch(t); m != nil {
		return "DECIMAL(" + m[1] + "," + m[2] + ")"
	}
	return strings.ToUpper(t)
}

// textRow is a row of a metadata statement by column name.
type textRow map[string]sql.NullString

func (r textRow) text(column string) string { return r[column].String }

// queryTexts runs a statement whose answer is small; columns are found by name,
// since their number differs between versions.
func (c *Client) queryTexts(ctx context.Context, query string) ([]textRow, error) {
	return queryTexts(ctx, c.db, query)
}

// queryer is the pool, or one connection of it.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func queryTexts(ctx context.Context, on queryer, query string) ([]textRow, error) {
	rows, err := on.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var answer []textRow
	for rows.Next() {
		cells := make([]sql.NullString, len(names))
		pointers := make([]any, len(names))
		for i := range cells {
			pointers[i] = &cells[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			return nil, err
		}
		row := make(textRow, len(names))
		for i, name := range names {
			row[name] = cells[i]
		}
		answer = append(answer, row)
	}
	return answer, rows.Err()
}
