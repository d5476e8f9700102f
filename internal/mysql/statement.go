package mysql

import (
	"context"
	"fmt"
	"regexp"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/mysql/ddl"
)

// statementReader advances the tracked tables by one statement.
type statementReader struct {
	reader  *reader
	text    string
	session ddl.Session
}

func (d *statementReader) find(n change.Name) *tracked {
	return d.reader.tracker.find(n.Database, n.Table)
}

// known gives a table the statement concerns, when it is in force here. A table
// that joins only learns that something happened.
func (d *statementReader) known(n change.Name) *tracked {
	one := d.find(n)
	if one != nil && one.state == joining {
		d.reader.touch(one)
		return nil
	}
	return one
}

func (d *statementReader) create(ctx context.Context, s *ddl.CreateTable) error {
	if s.Temporary {
		return nil
	}
	switch {
	case d.reader.wanted(s.Name):
		return d.createWanted(ctx, s)
	case d.find(s.Name) == nil:
		return d.createOther(ctx, s)
	}
	one := d.known(s.Name)
	if one == nil {
		return nil
	}
	if one.live() {
		switch {
		case s.IfNotExists:
			return nil
		case !s.OrReplace:
			return d.refuse(ctx, one, codeUnknownSchema, "it is created though it was there", nil)
		}
		d.gone(one)
	}
	table, problem, err := d.columns(ctx, s)
	switch {
	case err != nil:
		return err
	case table == nil:
		return d.lookUp(ctx, one, codeUnknownSchema, "its columns cannot be known from this statement", problem, func(table *change.Table) error {
			return d.reader.joined(ctx, one, table, d.text)
		})
	}
	return d.reader.joined(ctx, one, table, d.text)
}

// columns are those of the table that a statement creates; nil when it does not tell
// them, with a problem or without.
func (d *statementReader) columns(ctx context.Context, s *ddl.CreateTable) (table *change.Table, problem, err error) {
	// They depend on the database's defaults, which are looked up only now.
	if err := d.databaseDefaults(ctx, s.Name.Database); err != nil {
		return nil, nil, err
	}
	parsed, err := ddl.Parse(d.text, d.session)
	if err != nil {
		return nil, err, nil
	}
	if again, ok := parsed.(*ddl.CreateTable); ok {
		s = again
	}
	if s.Table != nil || s.Like == nil {
		return s.Table, s.Problem, nil
	}
	return d.shapeOf(*s.Like), nil, nil
}

// shapeOf is what a table that is made like that of a name is at this place of the log; nil
// when that is not known. What a table that joins was read as is ahead of the place. It is a
// copy: by its address a table is known in the course of a RENAME.
func (d *statementReader) shapeOf(name change.Name) *change.Table {
	model := d.reader.tracker.others.tables[d.reader.source.foldName(name)]
	if like := d.find(name); like != nil {
		model = nil
		if like.live() {
			model = like.table
		}
	}
	if model == nil {
		return nil
	}
	copied := *model
	return &copied
}

// gone says that a table is no longer there under its name.
func (d *statementReader) gone(one *tracked) {
	one.state, one.was, one.table = absent, one.table, nil
	d.event(one, change.Dropped, one.was)
}

// event notes what the statement did to a table.
func (d *statementReader) event(one *tracked, kind change.Kind, table *change.Table) {
	d.reader.happened = append(d.reader.happened, happening{change.Event{Kind: kind, Table: table, Statement: d.text}, one})
}

func (d *statementReader) drop(ctx context.Context, s *ddl.DropTable) error {
	if s.Temporary {
		return nil
	}
	for _, name := range s.Names {
		d.forget(name)
		if one := d.known(name); one != nil && one.live() {
			d.gone(one)
		}
	}
	return nil
}

func (d *statementReader) dropDatabase(ctx context.Context, s *ddl.DropDatabase) error {
	source := d.reader.source
	delete(d.reader.tracker.databases, source.fold(s.Name))
	d.reader.tracker.forgetOthers(func(n change.Name) bool { return n.Database == source.fold(s.Name) })
	for key, one := range d.reader.tracker.tables {
		if key.Database != source.fold(s.Name) {
			continue
		}
		switch one.state {
		case joining:
			d.reader.touch(one)
		case following, arriving:
			d.gone(one)
		}
	}
	return nil
}

func (d *statementReader) truncate(ctx context.Context, s *ddl.TruncateTable) error {
	one := d.known(s.Name)
	if one == nil || !one.live() {
		return nil
	}
	d.event(one, change.Truncated, one.table)
	return nil
}

func (d *statementReader) alter(ctx context.Context, s *ddl.AlterTable) error {
	if s.Exchanged != nil {
		if other := d.known(*s.Exchanged); other != nil && other.live() {
			d.event(other, change.Rearranged, other.table)
		}
	}
	one := d.known(s.Name)
	if one == nil || !one.live() {
		if one != nil && one.state == absent && !s.IfExists {
			if err := d.refuse(ctx, one, codeUnknownSchema, "it is altered, and no statement before created it", nil); err != nil {
				return err
			}
		}
		if err := d.alterOther(ctx, s); err != nil {
			return err
		}
		if s.RenameTo != nil {
			return d.rename(ctx, []ddl.Rename{{From: s.Name, To: *s.RenameTo, IfExists: s.IfExists}})
		}
		if d.reader.wanted(s.Name) {
			return d.alteredWanted(ctx, s.Name)
		}
		return nil
	}
	if s.RowsGone != "" {
		d.event(one, change.Rearranged, one.table)
	}
	if err := d.databaseDefaults(ctx, one.name.Database); err != nil {
		return err
	}
	// The rename is handled as one: for the schema the table keeps its name.
	stay := *s
	stay.RenameTo = nil
	if err := d.apply(ctx, one, &stay); err != nil || s.RenameTo == nil {
		return err
	}
	return d.rename(ctx, []ddl.Rename{{From: s.Name, To: *s.RenameTo}})
}

// apply gives a table its next version, or gives it up.
func (d *statementReader) apply(ctx context.Context, one *tracked, s *ddl.AlterTable) error {
	table, err := ddl.Apply(one.table, s, d.session)
	if err != nil {
		return d.lookUp(ctx, one, codeDDL, "this ALTER cannot be followed", err, func(table *change.Table) error {
			return d.reader.replaced(ctx, one, table, d.text, err)
		})
	}
	if table == one.table {
		return nil
	}
	if err := d.reader.source.usable(table); err != nil {
		return d.refuse(ctx, one, codeDDL, "after this ALTER it can no longer be followed", err)
	}
	one.version++
	next := d.reader.source.config.Treatment.of(table, one.table)
	next.Version = one.version
	one.table = next
	d.event(one, change.Altered, one.table)
	return nil
}

// emptiesTable is what a server logs when a table with its rows in memory is opened for
// the first time after a restart (and what a session may log as text).
var emptiesTable = regexp.MustCompile(`(?i)^\s*DELETE\s+FROM\s+[^\s,]+\s*;?\s*$`)

// rowsByStatement tells of tables whose rows changed by a statement logged as text.
func (d *statementReader) rowsByStatement(s *ddl.RowsByStatement) error {
	names := s.Names
	if len(names) == 0 { // a routine: any table
		for _, one := range d.reader.tracker.tables {
			names = append(names, one.name)
		}
	}
	kind := change.Described
	if len(s.Names) == 1 && emptiesTable.MatchString(d.text) {
		kind = change.Truncated
	}
	for _, name := range names {
		// Before the join the rows are read by pages; an absent table has none.
		if one := d.find(name); one != nil && one.live() {
			d.event(one, kind, one.table)
		}
	}
	return nil
}

// lookUp takes the columns that the log does not tell from the server, or gives the table
// up for the reason why the log does not, and the server cannot.
func (d *statementReader) lookUp(ctx context.Context, one *tracked, code diag.Code, why string, cause error, take func(*change.Table) error) error {
	table, inTheWay, err := d.reader.columnsSince(ctx, one.name)
	switch {
	case err != nil:
		return err
	case table == nil:
		return d.refuse(ctx, one, code, why+", "+inTheWay, cause)
	}
	return take(table)
}

// refuse gives up a table that cannot be followed behind the statement.
func (d *statementReader) refuse(ctx context.Context, one *tracked, code diag.Code, why string, cause error) error {
	return d.reader.giveUp(ctx, one, &diag.Problem{Code: code, Class: diag.Refused, Cause: cause,
		Message: fmt.Sprintf("table %s cannot be followed behind %s: %s (%s)", one.name, d.reader.at, why, excerpt(d.text))})
}
