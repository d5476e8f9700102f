package mysql

import (
	"context"
	"fmt"
	"slices"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// Invariant: what cannot be read of one table ends that table alone. From then on the
// tracker does not know it: neither its rows nor statements that name it are looked at,
// and nothing is guessed of what it is afterwards. It is followed again when a stream is
// asked to join it. What ends the stream is what may concern any table: a log that is cut
// or says that changes are missing, a server that fails.
//
// The event is put where the reader stands, ahead of whatever the group at hand brings
// later, since a position behind the group may be saved as soon as that is taken.

// giveUp tells that rows of a table cannot be delivered, and forgets it.
func (r *reader) giveUp(ctx context.Context, one *tracked, cause error) error {
	if one.state == lost {
		return nil
	}
	if one.state == joining {
		r.tracker.waiting--
	}
	table := one.table
	if table == nil {
		table = &change.Table{Name: one.name}
	}
	one.state, one.table = lost, nil
	delete(r.tracker.tables, r.source.foldName(one.name))
	r.happened = slices.DeleteFunc(r.happened, func(h happening) bool { return h.one == one })
	r.owed = true
	return r.put(ctx, change.Event{Kind: change.Unreadable, Table: table, Cause: cause})
}

// here puts table and place before a Problem with a row.
func (r *reader) here(name change.Name, err error) error {
	found := diag.Find(atTable(name, err))
	if found == nil {
		return err
	}
	copied := *found
	copied.Message = fmt.Sprintf("at %s, %s", r.at, found.Message)
	return &copied
}
