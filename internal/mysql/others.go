package mysql

import (
	"context"
	"slices"

	"starferry/internal/change"
	"starferry/internal/mysql/ddl"
)

// Columns of tables that nobody follows, as far as the log tells them: one of them may
// take the name of a followed table, at whatever lag. What is not known, or was before
// the stream was opened, is looked up then (ahead.go).

// othersMax bounds the memory for them, in columns: the oldest are forgotten first.
const othersMax = 50_000

type others struct {
	tables  map[change.Name]*change.Table
	columns int
	order   []change.Name // as they came
}

func (o *others) put(name change.Name, table *change.Table) {
	o.drop(name)
	if o.tables == nil {
		o.tables = map[change.Name]*change.Table{}
	}
	o.tables[name] = table
	o.columns += len(table.Columns)
	o.order = append(o.order, name)
	for o.columns > othersMax && len(o.order) > 1 {
		o.drop(o.order[0])
	}
}

func (o *others) drop(name change.Name) {
	table := o.tables[name]
	if table == nil {
		return
	}
	o.columns -= len(table.Columns)
	delete(o.tables, name)
	at := slices.Index(o.order, name)
	o.order = slices.Delete(o.order, at, at+1)
}

// neighbours tells whether a database holds followed tables.
func (t *tracker) neighbours(database string) bool {
	folded := t.source.fold(database)
	for key := range t.tables {
		if key.Database == folded {
			return true
		}
	}
	return false
}

func (d *statementReader) remember(name change.Name, table *change.Table) {
	if d.reader.tracker.neighbours(name.Database) {
		d.reader.tracker.others.put(d.reader.source.foldName(name), table)
	} else {
		d.forget(name)
	}
}

func (d *statementReader) forget(name change.Name) {
	d.reader.tracker.others.drop(d.reader.source.foldName(name))
}

// createOther notes the columns of a table that nobody follows.
func (d *statementReader) createOther(ctx context.Context, s *ddl.CreateTable) error {
	known := d.reader.tracker.others.tables[d.reader.source.foldName(s.Name)]
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
	table := d.reader.tracker.others.tables[d.reader.source.foldName(s.Name)]
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
	for name := range t.others.tables {
		if mayBe(name) {
			t.others.drop(name)
		}
	}
}
