package mysql

import (
	"context"
	"fmt"

	"starferry/internal/change"
	"starferry/internal/mysql/ddl"
)

// The renames of one statement happen one after the other, and all of them or none.
// What a followed name stands for in the end is what counts: nothing, the table that it
// stood for before, or another one. That is how online schema change tools (gh-ost,
// pt-online-schema-change) end: the copy they made takes the name of the table. Whoever
// swaps two tables does the same; nothing depends on the names.

// place is what a name stands for in the course of a statement.
type place struct {
	name  change.Name
	one   *tracked // nil when nobody follows the name
	there bool
	table *change.Table // nil when its columns are not known
	from  change.Name   // where it came from
}

func (d *statementReader) rename(ctx context.Context, renames []ddl.Rename) error {
	places := map[change.Name]*place{}
	var order []*place
	at := func(name change.Name) *place {
		key := d.reader.source.foldName(name)
		if places[key] == nil {
			places[key] = d.place(name)
			order = append(order, places[key])
		}
		return places[key]
	}
	for _, move := range renames {
		from, to := at(move.From), at(move.To)
		if from == to {
			continue // ALTER TABLE t RENAME TO t is allowed
		}
		if !from.there && move.IfExists {
			continue
		}
		if to.one != nil && to.one.live() && to.there { // the server would have refused
			if err := d.refuse(ctx, to.one, codeUnknownSchema, fmt.Sprintf("table %s takes its name though it was there", move.From), nil); err != nil {
				return err
			}
			to.one = nil
		}
		to.there, to.table, to.from = true, from.table, move.From
		from.there, from.table = false, nil
	}
	for _, p := range order {
		if err := d.settle(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// place is what a name stands for before the statement.
func (d *statementReader) place(name change.Name) *place {
	p := &place{name: name, there: true}
	if d.find(name) == nil {
		p.table = d.reader.tracker.others.tables[d.reader.source.foldName(name)]
		return p
	}
	if p.one = d.known(name); p.one != nil {
		p.there, p.table = p.one.live(), p.one.table
	}
	return p
}

// settle takes what a name stands for behind the statement.
func (d *statementReader) settle(ctx context.Context, p *place) error {
	switch {
	case p.one == nil && p.there && p.from != (change.Name{}) && d.reader.wanted(p.name):
		return d.arrived(ctx, p.name, p.table)
	case p.one == nil:
		if p.there && p.table != nil && d.find(p.name) == nil {
			d.remember(p.name, p.table)
		} else {
			d.forget(p.name)
		}
		return nil
	case !p.there:
		if p.one.live() {
			d.gone(p.one)
		}
		return nil
	case p.one.live() && p.table == p.one.table:
		return nil
	case p.one.state == absent && p.one.was == nil: // the first that has the name
		if p.table == nil {
			return d.reader.lookAt(ctx, p.name)
		}
		return d.reader.joined(ctx, p.one, p.table, d.text)
	case p.table == nil:
		why := fmt.Sprintf("table %s takes its name, with columns that were not followed", p.from)
		return d.lookUp(ctx, p.one, codeUnknownSchema, why, nil, func(table *change.Table) error {
			return d.reader.replaced(ctx, p.one, table, d.text, nil)
		})
	}
	return d.reader.replaced(ctx, p.one, p.table, d.text, nil)
}
