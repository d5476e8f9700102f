package mysql

import (
	"context"
	"regexp"
	"strings"

	"starferry/internal/change"
	"starferry/internal/ferry"
)

// Cascades are the foreign keys by which a change of one table changes rows of a
// followed one, on servers that do not log those rows. MySQL logs them from 9.6 on.
//
// They are read from SHOW CREATE TABLE, for which SELECT is enough; the tables of
// information_schema hide them from an account that may only read.
func (s *Source) Cascades(ctx context.Context, tables []change.Name) ([]ferry.Cascade, error) {
	if s.server.Flavor == MySQL && s.server.atLeast(9, 6, 0) {
		return nil, nil
	}
	var cascades []ferry.Cascade
	for _, child := range tables {
		var name, text string
		statement := "SHOW CREATE TABLE " + quotedTable(child)
		switch err := s.db.QueryRowContext(ctx, statement).Scan(&name, &text); {
		case isSchemaChange(err): // it is not there now
		case err != nil:
			return nil, s.queryProblem(statement, err)
		default:
			cascades = append(cascades, cascadesOf(child, text)...)
		}
	}
	return cascades, nil
}

// foreignKey is a line of SHOW CREATE TABLE, whose form is the server's own.
var foreignKey = regexp.MustCompile("FOREIGN KEY (?:`(?:[^`]|``)+` )?\\([^)]*\\) REFERENCES (?:(`(?:[^`]|``)+`)\\.)?(`(?:[^`]|``)+`) \\(((?:`(?:[^`]|``)+`(?:, ?)?)+)\\)(.*)")

var backquoted = regexp.MustCompile("`((?:[^`]|``)+)`")

func cascadesOf(child change.Name, createTable string) (cascades []ferry.Cascade) {
	for _, m := range foreignKey.FindAllStringSubmatch(createTable, -1) {
		c := ferry.Cascade{Parent: change.Name{Database: child.Database, Table: unquoted(m[2])}, Child: child, OnDelete: acts(m[4], "DELETE"), OnUpdate: acts(m[4], "UPDATE")}
		if m[1] != "" {
			c.Parent.Database = unquoted(m[1])
		}
		for _, column := range backquoted.FindAllString(m[3], -1) {
			c.Columns = append(c.Columns, unquoted(column))
		}
		if c.OnDelete || c.OnUpdate {
			cascades = append(cascades, c)
		}
	}
	return cascades
}

// acts tells whether the rules behind a foreign key change rows of its table.
func acts(rules, on string) bool {
	return strings.Contains(rules, "ON "+on+" CASCADE") || strings.Contains(rules, "ON "+on+" SET ")
}

func unquoted(name string) string {
	return strings.ReplaceAll(strings.Trim(name, "`"), "``", "`")
}
