package mysql

import (
	"context"
	"database/sql"

	"starferry/internal/change"
)

// Estimates are the servers' own guesses of how many rows tables have, often off by
// a third: good for a progress bar, for nothing else. Tables without one are left
// out.
func (s *Source) Estimates(ctx context.Context, names []change.Name) (map[change.Name]uint64, error) {
	estimates, known := map[change.Name]uint64{}, map[change.Name]change.Name{}
	for _, name := range names {
		known[s.foldName(name)] = name
	}
	for _, where := range s.whereAll(names) {
		if err := s.estimate(ctx, where, func(database, table string, rows uint64) {
			if name, ok := known[s.foldName(change.Name{Database: database, Table: table})]; ok {
				estimates[name] = rows
			}
		}); err != nil {
			return nil, err
		}
	}
	return estimates, nil
}

func (s *Source) estimate(ctx context.Context, where string, take func(database, table string, rows uint64)) error {
	const what = "reading information_schema.TABLES"
	rows, err := s.db.QueryContext(ctx, "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_ROWS FROM information_schema.TABLES"+where)
	if err != nil {
		return s.queryProblem(what, err)
	}
	defer rows.Close()
	for rows.Next() {
		var database, table string
		var guess sql.NullInt64
		if err := rows.Scan(&database, &table, &guess); err != nil {
			return s.queryProblem(what, err)
		}
		if guess.Valid && guess.Int64 > 0 {
			take(database, table, uint64(guess.Int64))
		}
	}
	return s.queryProblem(what, rows.Err())
}
