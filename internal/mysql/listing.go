package mysql

import (
	"context"
	"slices"
	"strings"

	"starferry/internal/change"
)

// Tables lists the tables that this user may see, and the views, in these databases or, with
// none given, in all, but nothing of the server's own.
func (s *Source) Tables(ctx context.Context, databases []string) (tables, views []change.Name, err error) {
	const what = "reading information_schema.TABLES"
	own := []string{"'mysql'", "'information_schema'", "'performance_schema'", "'sys'"}
	where := " AND TABLE_SCHEMA NOT IN (" + strings.Join(own, ", ") + ")"
	if len(databases) > 0 {
		texts := make([]string, len(databases))
		for i, database := range databases {
			texts[i] = literal(database)
		}
		where += " AND TABLE_SCHEMA IN (" + strings.Join(texts, ", ") + ")"
	}
	rows, err := s.db.QueryContext(ctx, "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_TYPE IN ('BASE TABLE', 'VIEW')"+where)
	if err != nil {
		return nil, nil, s.queryProblem(what, err)
	}
	defer rows.Close()
	for rows.Next() {
		var name change.Name
		var kind string
		if err := rows.Scan(&name.Database, &name.Table, &kind); err != nil {
			return nil, nil, s.queryProblem(what, err)
		}
		if kind == "VIEW" {
			views = append(views, name)
		} else {
			tables = append(tables, name)
		}
	}
	return tables, views, s.queryProblem(what, rows.Err())
}

// openTogether is how many tables are opened by one statement.
const openTogether = 50

// openAll opens tables as a SELECT of all their columns does, which waits for a DDL
// that is under way, and hands on what each says that cannot be opened.
func (s *Source) openAll(ctx context.Context, names []change.Name, failed func(change.Name, error) error) error {
	for part := range slices.Chunk(names, openTogether) {
		parts := make([]string, len(part))
		for i, name := range part {
			parts[i] = "(SELECT NULL FROM (SELECT * FROM " + quotedTable(name) + ") AS t WHERE FALSE)"
		}
		if len(part) > 1 && s.run(ctx, strings.Join(parts, " UNION ALL ")) == nil {
			continue
		}
		for _, name := range part { // which of them it is, the server says for one alone
			if err := s.open(ctx, name); err != nil {
				if err := failed(name, err); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *Source) open(ctx context.Context, name change.Name) error {
	return s.run(ctx, "SELECT * FROM "+quotedTable(name)+" LIMIT 0")
}

// run runs a query for what the server says to it.
func (s *Source) run(ctx context.Context, query string) error {
	rows, err := s.db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	return rows.Close()
}
