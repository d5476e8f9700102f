package mysql

import (
	"context"

	"starferry/internal/change"
	"starferry/internal/mysql/ddl"
)

// Columns of tables that nobody follows, as far as the log tells them: one of them may
// take the name of a followed table, at whatever lag. What is not known, or was before
// the stream was opened, is looked up then (ahead.go).

// othersMax bounds the memory for them.
const othersMax = 1000

// neighbours tells whether a database holds followed tables.
func (t *tracker) neighbours(database string) bool {
	for key := range t.tables {
		if key.Database == t.source.fold(database) {
			return true
		}
	}
	return false
}

func (d *statementReader) remember(name change.Name, table *change.Table) {
	others := d.reader.tracker.others
	if len(others) < othersMax && d.reader.tracker.neighbours(name.Database) {
		others[d.reader.source.foldName(name)] = table
	}
}

func (d *statementReader) forget(name change.Name) {
	delete(d.reader.tracker.others, d.reader.source.foldName(name))
}

// createOther notes the columns of a table that nobody follows.
func (d *statementReader) createOther(ctx context.Context, s *ddl.CreateTable) error {
	known := d.reader.tracker.others[d.reader.source.foldName(s.Name)]
	if s.IfNotExists && known != nil {
		return nil
	}
	d.forget(s.Name)
	if s.IfNotExists || !d.reader.tracker.neighbours(s.Name.Database) {
		return nil // it may have been there
	}
	table, _, err := d.columns(ctx, s)
	if table != nil {
		d.remember(s.Name, table)
	}
	return err
}

// alterOther follows such a table.
func (d *statementReader) alterOther(ctx context.Context, s *ddl.AlterTable) error {
	table := d.reader.tracker.others[d.reader.source.foldName(s.Name)]
	if table == nil || len(s.Changes) == 0 {
		return nil
	}
	d.forget(s.Name)
	if err := d.databaseDefaults(ctx, s.Name.Database); err != nil {
		return err
	}
	stay := *s
	stay.RenameTo = nil
	if table, err := ddl.Apply(table, &stay, d.session); err == nil {
		d.remember(s.Name, table)
	}
	return nil
}

// forgetOthers forgets tables that a statement may have changed in an unknown way.
func (t *tracker) forgetOthers(mayBe func(change.Name) bool) {
	for name := range t.others {
		if mayBe(name) {
			delete(t.others, name)
		}
	}
}
