package mysql

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/mysql/binlog"
	"starferry/internal/mysql/ddl"
)

// Invariant: what information_schema says of a table now has been so since a place of
// the log, if no statement behind it that may have changed the table is in the log, up
// to the end of the log as asked after information_schema was read. The log is read
// ahead for such statements alone, beside the stream, as nobody's replica. So no row has
// to be dropped, as the join of a table does.
//
// Rejected: joining the table anew (under writes there always is a row between, and a
// row that is dropped has to be found again by comparing the table).

// aheadMax is how much of the log is read ahead at most.
const aheadMax = 64 << 20

// columnsSince gives the columns that a table has had since the end of the event at
// hand. Without an error and without a table, why says what is in the way.
func (r *reader) columnsSince(ctx context.Context, name change.Name) (table *change.Table, why string, err error) {
	s := r.source
	// A DDL keeps its lock until information_schema shows it.
	err = s.open(ctx, name)
	if err != nil && !isSchemaChange(err) {
		return nil, err.Error(), ifTransient(s.queryProblem("opening table "+name.String(), err))
	}
	if table, err = s.describe(ctx, name); err != nil {
		return nil, err.Error(), ifTransient(err)
	}
	// One that information_schema showed before its end keeps the lock until its event is in
	// the log: the end that is asked for now is behind it.
	if err = s.open(ctx, name); err != nil && !isSchemaChange(err) {
		return nil, err.Error(), ifTransient(s.queryProblem("opening table "+name.String(), err))
	}
	until, err := s.End(ctx)
	if err != nil {
		return nil, "", err
	}
	statement, err := r.changedAhead(ctx, name, until)
	if err != nil {
		return nil, err.Error(), ifTransient(err)
	}
	if statement != "" {
		return nil, "and what it is now does not tell what it was here: " + excerpt(statement), nil
	}
	return table, "", nil
}

// ifTransient keeps an error that a retry may solve.
func ifTransient(err error) error {
	if diag.IsTransient(err) {
		return err
	}
	return nil
}

// changedAhead looks for a statement between the event at hand and a later place that
// may have changed a table; "" for none.
func (r *reader) changedAhead(ctx context.Context, name change.Name, until change.Position) (statement string, err error) {
	s := r.source
	at := change.Position{File: r.at.File, Offset: r.at.Offset}
	if at.Offset > math.MaxUint32 {
		return "", fmt.Errorf("the log cannot be read ahead from behind 4 GiB of its file")
	}
	size := 0
	err = s.scan(ctx, at, until, func(_ change.Position, e *binlog.Event) (bool, error) {
		size += int(e.Size)
		if e.IsQuery() && size <= aheadMax {
			query, err := e.Query()
			if err != nil {
				return false, err
			}
			if r.mayChange(&query, name) {
				statement = string(query.Text)
			}
		}
		return statement == "" && size <= aheadMax, nil
	})
	if err == nil && size > aheadMax {
		err = fmt.Errorf("the stream is more than %d MB behind the end of the log", aheadMax>>20)
	}
	return statement, err
}

// mayChange tells whether a statement of the log may change what a table is.
func (r *reader) mayChange(q *binlog.Query, name change.Name) bool {
	if word, _ := firstWord(q.Text); word == "BEGIN" || word == "COMMIT" {
		return false
	}
	text, session, err := r.session(q)
	if !r.mayConcern(string(q.Database), text, name) {
		return false
	}
	if err != nil {
		return true
	}
	parsed, err := ddl.Parse(text, session)
	switch parsed.(type) {
	case *ddl.Other, *ddl.RowsByStatement:
		return err != nil
	}
	return true
}

// replaced gives a followed name another table, or a table that nobody can tell the rows
// of any more, from here on.
func (r *reader) replaced(ctx context.Context, one *tracked, table *change.Table, statement string, cause error) error {
	if err := r.source.usable(table); err != nil {
		return r.giveUp(ctx, one, &diag.Problem{Code: codeDDL, Class: diag.Refused, Cause: err,
			Message: fmt.Sprintf("table %s cannot be followed behind %s: %s", one.name, r.at, excerpt(statement))})
	}
	one.version++
	next := r.source.config.Treatment.of(table, cmp.Or(one.table, one.was))
	next.Name, next.Version = one.name, one.version
	one.table, one.state = next, following
	r.happened = append(r.happened, happening{change.Event{Kind: change.Replaced, Table: one.table, Statement: statement, Cause: cause}, one})
	return nil
}
