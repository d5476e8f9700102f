package mysql

import (
	"context"
	"database/sql"
	"errors"

	"starferry/internal/change"
)

// Estimates are the servers' own guesses of how many rows tables have, often off by
// a third: good for a progress bar, for nothing else. Tables without one are left
// out.
func (s *Source) Estimates(ctx context.Context, names []change.Name) (map[change.Name]uint64, error) {
	estimates := map[change.Name]uint64{}
	for _, name := range names {
		var rows sql.NullInt64
		err := s.db.QueryRowContext(ctx, "SELECT TABLE_ROWS FROM information_schema.TABLES"+s.where(name)).Scan(&rows)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, s.queryProblem("reading information_schema.TABLES", err)
		}
		if rows.Valid && rows.Int64 > 0 {
			estimates[name] = uint64(rows.Int64)
		}
	}
	return estimates, nil
}
