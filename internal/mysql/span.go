package mysql

import (
	"context"

	"starferry/internal/change"
)

// Split finds no key in the middle of a span yet: every span is read as it is.
func (s *Source) Split(context.Context, *change.Table, *change.Rows, *change.Rows) (*change.Rows, error) {
	return nil, nil
}

// Busy knows no condition yet under which pages wait.
func (s *Source) Busy(context.Context) (string, error) { return "", nil }
