package mysql

import (
	"context"
	"maps"

	"starferry/internal/change"
	"starferry/internal/mysql/ddl"
)

// Tables that come while the stream runs, and that somebody wants (Config.Wants).
//
// Invariant: such a table is followed from the end of the statement that brought it, with
// the columns that the log tells of it; where the log does not tell them it joins as the
// tables do that a stream is opened with. Who takes the events need not have a place for
// its rows yet: he reads those by pages when he has.
//
// Rejected: asking the server for its tables now and then (a poll, and a table that was
// renamed twice between two of them is another one), and opening the stream anew for every
// table that comes (it would stop the others).

// stored is a name as the server keeps it.
func (s *Source) stored(name change.Name) change.Name {
	if s.variables["lower_case_table_names"] == "1" {
		return s.foldName(name)
	}
	return name
}

// wanted tells that a table is not followed, and would be if it came.
func (r *reader) wanted(name change.Name) bool {
	wants := r.source.config.Wants
	return wants != nil && r.tracker.find(name.Database, name.Table) == nil && wants(r.source.stored(name))
}

// begin has the tracker know a name. Ids of the log that nobody followed are looked up
// again.
func (r *reader) begin(name change.Name, state trackedState) *tracked {
	one := &tracked{name: r.source.stored(name), state: state}
	key := r.source.foldName(name)
	r.tracker.tables[key] = one
	maps.DeleteFunc(r.maps, func(_ uint64, m *mapped) bool {
		return r.source.foldName(change.Name{Database: m.database, Table: m.table}) == key
	})
	return one
}

// createWanted takes a statement that creates a table that is wanted.
func (d *statementReader) createWanted(ctx context.Context, s *ddl.CreateTable) error {
	d.forget(s.Name)
	if s.IfNotExists { // it may have been there, with other columns
		return d.reader.lookAt(ctx, s.Name)
	}
	table, _, err := d.columns(ctx, s)
	if err != nil {
		return err
	}
	return d.arrived(ctx, s.Name, table)
}

// arrived takes a table that is wanted, with its columns if the log tells them.
func (d *statementReader) arrived(ctx context.Context, name change.Name, table *change.Table) error {
	if table == nil {
		return d.reader.lookAt(ctx, name)
	}
	if d.reader.source.usable(table) != nil {
		d.remember(name, table) // an ALTER may make it one that can be followed
	} else {
		d.forget(name)
	}
	return d.reader.joined(ctx, d.reader.begin(name, absent), table, d.text)
}

// alteredWanted takes an ALTER of a table that is wanted and could not be followed before.
func (d *statementReader) alteredWanted(ctx context.Context, name change.Name) error {
	table := d.reader.tracker.others.tables[d.reader.source.foldName(name)]
	if table != nil && d.reader.source.usable(table) != nil {
		return nil // as before
	}
	return d.arrived(ctx, name, table)
}

// lookAt has a table join with the columns that the server says it has. No transaction
// that was prepared before the statement at hand holds rows of it: that would have kept
// the statement waiting.
func (r *reader) lookAt(ctx context.Context, name change.Name) error {
	if r.tracker.earlier == nil {
		r.tracker.earlier = []string{}
	}
	r.tracker.waiting++
	return r.tracker.beginJoin(ctx, []*tracked{r.begin(name, joining)})
}

// lookForWanted looks at the tables that a statement that cannot be read may have brought.
func (r *reader) lookForWanted(ctx context.Context, mayBe func(change.Name) bool) error {
	if r.source.config.Wants == nil {
		return nil
	}
	names, _, err := r.source.Tables(ctx, nil)
	if err != nil {
		return ifTransient(err)
	}
	for _, name := range names {
		if mayBe(name) && r.wanted(name) {
			if err := r.lookAt(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}
