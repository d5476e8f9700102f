package mysql

import (
	"context"
	"database/sql"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
)

const (
	estimatedAtATime = 50
	estimateTime     = 2 * time.Second
)

// Estimates are the servers' own guesses of how many rows tables have, often off by
// a third: good for a progress bar, for nothing else. Tables without one are left
// out.
func (s *Source) Estimates(ctx context.Context, names []change.Name) (map[change.Name]uint64, error) {
	estimates, known := map[change.Name]uint64{}, map[change.Name]change.Name{}
	for _, name := range names {
		known[s.foldName(name)] = name
	}
	// Servers open every table for it, so it is not asked for longer than it is worth.
	began := time.Now()
	for _, where := range s.whereAll(names, estimatedAtATime) {
		if time.Since(began) > estimateTime {
			break
		}
		if err := s.estimate(ctx, where, func(database, table string, rows, average int64) {
			name, ok := known[s.foldName(change.Name{Database: database, Table: table})]
			if !ok {
				return
			}
			s.sizes.tell(name, int(average))
			if rows > 0 {
				estimates[name] = uint64(rows)
			}
		}); diag.IsTransient(err) && ctx.Err() == nil {
			break
		} else if err != nil {
			return nil, err
		}
	}
	return estimates, nil
}

func (s *Source) estimate(ctx context.Context, where string, take func(database, table string, rows, average int64)) error {
	const what = "reading information_schema.TABLES"
	rows, err := s.db.QueryContext(ctx, "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_ROWS, AVG_ROW_LENGTH FROM information_schema.TABLES"+where)
	if err != nil {
		return s.queryProblem(what, err)
	}
	defer rows.Close()
	for rows.Next() {
		var database, table string
		var guess, average sql.NullInt64
		if err := rows.Scan(&database, &table, &guess, &average); err != nil {
			return s.queryProblem(what, err)
		}
		take(database, table, guess.Int64, average.Int64)
	}
	return s.queryProblem(what, rows.Err())
}
