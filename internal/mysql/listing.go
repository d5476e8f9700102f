package mysql

import (
	"context"
	"slices"
	"strings"

	"starferry/internal/change"
)

// Tables lists the tables that this user may see, in these databases or, with none
// given, in all: no views, and nothing of the server's own.
func (s *Source) Tables(ctx context.Context, databases []string) ([]change.Name, error) {
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
	rows, err := s.db.QueryContext(ctx, "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_TYPE = 'BASE TABLE'"+where)
	if err != nil {
		return nil, s.queryProblem(what, err)
	}
	defer rows.Close()
	var names []change.Name
	for rows.Next() {
		var name change.Name
		if err := rows.Scan(&name.Database, &name.Table); err != nil {
			return nil, s.queryProblem(what, err)
		}
		names = append(names, name)
	}
	return names, s.queryProblem(what, rows.Err())
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
