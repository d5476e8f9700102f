package mysql

import (
	"context"
	"math/big"
	"strconv"

	"starferry/internal/change"
	"starferry/internal/mysql/cells"
)

const (
	// minSplit is how many numbers a key of one part must span to be worth splitting.
	minSplit = 1000
	// splitTries bounds the looking for a middle that has keys on both sides.
	splitTries = 16
)

// Split finds a key about in the middle of those behind after and up to until, either
// of which may be nil: a span then falls into two, (after, key] and (key, until], with
// rows in both. nil when there is none to be had without scanning (the first part of
// the key is not an integer), or the span is too small.
//
// The middle is that of the numbers, not of the rows: where rows lie unevenly it is off,
// and the longer of the two spans may be split again.
func (s *Source) Split(ctx context.Context, table *change.Table, after, until *change.Rows) (middle *change.Rows, err error) {
	if !table.Columns[table.Key[0]].Type.IsInteger() {
		return nil, nil
	}
	err = s.pages.with(ctx, func(conn *pageConn) error {
		middle, err = s.split(ctx, conn, table, after, until)
		return err
	})
	return middle, err
}

func (s *Source) split(ctx context.Context, conn *pageConn, table *change.Table, after, until *change.Rows) (*change.Rows, error) {
	first, err := s.edge(ctx, conn, table, span(table, after, until), "")
	if err != nil || first == nil {
		return nil, err
	}
	last, err := s.edge(ctx, conn, table, span(table, after, until), " DESC")
	if err != nil || last == nil {
		return nil, err
	}
	least := big.NewInt(1)
	if len(table.Key) == 1 {
		least.SetInt64(minSplit)
	}
	for range splitTries {
		low, high := number(first), number(last)
		width := new(big.Int).Sub(high, low)
		if width.Cmp(least) < 0 {
			return nil, nil
		}
		middle := width.Rsh(width, 1).Add(width, low)
		below, err := s.edge(ctx, conn, table, half(table, after, until, " <= ", middle), " DESC")
		if err != nil {
			return nil, err
		}
		above, err := s.edge(ctx, conn, table, half(table, after, until, " > ", middle), "")
		if err != nil {
			return nil, err
		}
		switch {
		case below == nil && above == nil: // they were deleted meanwhile
			return nil, nil
		case above == nil || below != nil && sameKey(above, last) && !sameKey(below, first):
			last = below // one number far off says nothing of where the rows lie
		case below == nil || sameKey(below, first) && !sameKey(above, last):
			first = above
		default:
			return below, nil
		}
	}
	return nil, nil
}

func sameKey(a, b *change.Rows) bool {
	for n := range a.Width() {
		if string(a.Cell(0, n)) != string(b.Cell(0, n)) {
			return false
		}
	}
	return true
}

// number is the first part of a key; what is not a number counts as 0, and no span of
// it is wide.
func number(key *change.Rows) *big.Int {
	n, ok := new(big.Int).SetString(string(key.Cell(0, 0)), 10)
	if !ok {
		return new(big.Int)
	}
	return n
}

// half is the condition for the keys of a span on one side of a number.
func half(t *change.Table, after, until *change.Rows, side string, middle *big.Int) string {
	condition := keyName(t, t.Key[0]) + side + middle.String()
	if rest := span(t, after, until); rest != "" {
		condition += " AND " + rest
	}
	return condition
}

// edge is the first key that meets a condition, or with " DESC" the last; nil when
// there is none.
func (s *Source) edge(ctx context.Context, conn *pageConn, t *change.Table, condition, direction string) (*change.Rows, error) {
	query := selectColumns(t, t.Key)
	if condition != "" {
		query += " WHERE " + condition
	}
	query += " ORDER BY " + order(t, direction) + " LIMIT 1"
	key, selected := change.NewRows(len(t.Key)), cells.NewSelected(t, t.Key)
	err := conn.query(ctx, s.uncached(query), func(_ int, row []byte) error {
		if err := selected.AppendRow(key, row); err != nil {
			return tableError(t, err)
		}
		return nil
	})
	if err != nil {
		return nil, s.tableProblem(t, err)
	}
	if key.Len() == 0 {
		return nil, nil
	}
	return key, nil
}

// Busy says why the source is too busy for a copy to go on, "" when it is not. Our own
// connections count: they are among what the server shows.
func (s *Source) Busy(ctx context.Context) (reason string, err error) {
	if s.config.PauseThreads <= 0 {
		return "", nil
	}
	running := 0
	err = eachPair(ctx, s.db, "SHOW GLOBAL STATUS LIKE 'Threads_running'", func(_, value string) {
		if n, err := strconv.Atoi(value); err == nil {
			running = n
		}
	})
	if err != nil {
		return "", s.queryProblem("SHOW GLOBAL STATUS", err)
	}
	if running <= s.config.PauseThreads {
		return "", nil
	}
	return "the source has " + strconv.Itoa(running) + " threads running, more than " + strconv.Itoa(s.config.PauseThreads), nil
}
