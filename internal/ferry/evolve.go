package ferry

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"starferry/internal/change"
	"starferry/internal/crashpoint"
	"starferry/internal/diag"
)

// evolve makes the target ready for rows of this version of the schema. False means
// not yet: something is under way and evolve is to be asked again.
//
// By the fixed policy (policy.go) nothing happens when a DDL passes, only when the first
// row comes whose schema differs from the last row's: a column that was dropped and added
// again with no row between has not changed at all. An ALTER drains the table first, so that no load
// of ours is open across it.
func (l *loop) evolve(t *table, schema *change.Table) bool {
	if t.layout != nil && t.layout.Source == schema || t.stopped != nil || t.gone {
		return true
	}
	if t.busy() || l.err != nil || l.now.Before(t.askAfter) {
		return false
	}
	v := t.verdict(schema)
	if len(v.refused) > 0 {
		l.stopTable(t, refusal(t, v.refused))
		return t.stopped != nil
	}
	held := v.holding(schema)
	if len(v.reshape) > 0 && t.reshaped != schema {
		if l.mayAlter(t, schema) {
			l.reshape(t, schema, held, v.reshape)
		}
		return false
	}
	if t.described != schema {
		l.describe(t, schema)
		return false
	}
	if narrow := t.narrow(held); len(narrow) > 0 {
		if l.mayAlter(t, schema) {
			l.reshape(t, schema, held, narrow)
		}
		return false
	}
	missing, refused := t.fit(t.route.leftOut(held))
	refused = append(refused, fitComputed(schema, t.columns)...)
	missing = t.route.Schema.withoutIgnored(missing, &v, t.seen)
	refused = append(refused, t.unknownValues(missing)...)
	if len(refused) > 0 {
		l.stopTable(t, refusal(t, refused))
		return t.stopped != nil
	}
	if len(missing) > 0 {
		if l.mayAlter(t, schema) {
			l.addColumns(t, missing)
		}
		return false
	}
	layout, err := t.shapedLayout(schema)
	if err != nil {
		l.stopTable(t, err)
		return t.stopped != nil
	}
	if len(t.shards) == 1 {
		l.seal(t)
	}
	why := append(v.mends(t.kept), t.mendsFor(held)...)
	t.kept = t.keptBeside(held)
	t.layout, t.seen, t.added, t.reshaped, t.appended = layout, held, nil, nil, nil
	l.stateMoved(t)
	if len(why) > 0 { // known to the same checkpoint as the schema
		reason := strings.Join(why, "; ")
		l.notify(Warning, t.route.Source, fmt.Sprintf("%s: rows may read otherwise now, and no row event tells; %s is compared with it and mended", reason, t.route.Target))
		l.beginRepair(t, reason)
	}
	crashpoint.Here("schema-carried")
	return true
}

// mends says why rows that exist may be others at the target than at the source when the
// change is carried: a column that the target has kept has values of an earlier one of its
// name.
func (v *verdict) mends(kept []string) []string {
	why := v.repair
	for _, name := range v.appends {
		if slices.Contains(kept, name) {
			why = append(why, fmt.Sprintf("the target had a column `%s` already", name))
		}
	}
	return why
}

// keptBeside are the target's columns that this schema does not have; of a merged target
// those that the shard had itself.
func (t *table) keptBeside(schema *change.Table) (kept []string) {
	for i := range t.columns {
		name := strings.ToLower(t.columns[i].Name)
		had := !t.route.Merged || t.seen != nil && t.seen.Index(name) >= 0 || slices.Contains(t.kept, name)
		if had && schema.Index(name) < 0 {
			kept = append(kept, name)
		}
	}
	return kept
}

// unknownValues says of columns that the last row had already, and the target lacks, that nobody
// knows any more what rows have there; but for a repair that begins.
func (t *table) unknownValues(missing []change.Column) (refused []string) {
	for i := range missing {
		if name := missing[i].Name; t.wasCopied && !t.check.mendsAll() && t.seen != nil && t.seen.Index(name) >= 0 {
			refused = append(refused, fmt.Sprintf("column `%s` was left out by an earlier policy, or removed from the target: what its rows have there is not in the log any more", name))
		}
	}
	return refused
}

// verdict is what the table's policy makes of the change from the last row's schema.
func (t *table) verdict(schema *change.Table) (v verdict) {
	if t.seen == nil || t.seen == schema {
		return v
	}
	return t.route.Schema.judge(schemaChanges(t.route.leftOut(t.seen), t.route.leftOut(schema)))
}

// mayAlter tells whether the target may be altered for this version of the schema now:
// nothing is on its way that is older, nor ever comes again.
func (l *loop) mayAlter(t *table, schema *change.Table) bool {
	if !t.drained() {
		l.seal(t)
		if t.route.Merged {
			t.eager = schema.Version
		}
		l.needBoundary(t, "a schema change")
		return false
	}
	return l.savedBehind(t, schema)
}

// carrySchemas carries schema changes whose statement has come, where the policy does not
// wait for a row. Nothing is taken before it is done but the place behind the statement that
// a restart can begin at, so that no version is missed.
func (l *loop) carrySchemas() {
	if !l.schemasDue || l.stopping || l.unmarked {
		return
	}
	l.schemasDue = false
	for _, t := range l.order {
		if t.isDue() && !l.evolve(t, t.schema) {
			l.schemasDue = true
		}
	}
}

// lookForDue is for places where the tables are what they were elsewhere in the log.
func (l *loop) lookForDue() { l.schemasDue = slices.ContainsFunc(l.order, (*table).isDue) }

func (t *table) isDue() bool {
	if t.schema == nil || t.idle() || t.gone || t.layout != nil && t.layout.Source == t.schema {
		return false
	}
	return t.eager > 0 && t.eager == t.schema.Version || t.route.Schema.atOnce() && t.seen != nil && t.seen != t.schema
}

// savedBehind tells whether a restart would begin behind the statement that made this
// schema. Rows from before it must not come again once the target has the columns it
// added: they would bring NULL where the source's old rows have the column's default.
func (l *loop) savedBehind(t *table, schema *change.Table) bool {
	if l.saved.knows(t, schema) {
		return true
	}
	if l.isExact() {
		return l.exact.closing == nil && !l.exact.mustEnd // nowhere to end an epoch was behind it
	}
	if l.settled.knows(t, schema) {
		l.save()
		return l.err == nil
	}
	for i := range l.marks {
		if l.marks[i].knows(t, schema) {
			l.flushEpoch(l.marks[i].epoch)
			return false
		}
	}
	return true // there is no place to begin at in so large a file of the log
}

// describeAhead asks what the target looks like while the first page is read, where rows of
// this schema ask nothing else of it.
func (l *loop) describeAhead(t *table) {
	if t.layout == nil && t.described == nil && t.seen == t.schema && len(t.shards) == 1 && !t.busy() && !l.now.Before(t.askAfter) {
		l.describe(t, t.schema)
	}
}

func (l *loop) describe(t *table, schema *change.Table) {
	t.asking = true
	v := t.verdict(schema)
	held, changes := v.holding(schema), t.changes
	l.begin(func(ctx context.Context) func() {
		columns, err := l.cfg.Target.Columns(ctx, t.route.Target, held)
		return func() {
			t.asking = false
			switch {
			case t.changes != changes: // for another shard: it looks otherwise now
				return
			case err != nil:
				l.askAgain(t, err)
				return
			}
			t.columns, t.described, t.asks = columns, schema, 0
			crashpoint.Here("described")
		}
	})
}

func (l *loop) addColumns(t *table, missing []change.Column) {
	names := make([]string, len(missing))
	for i := range missing {
		names[i] = "`" + missing[i].Name + "`"
		if was := indexOfColumn(t.added, missing[i].Name); was >= 0 {
			missing[i] = t.added[was]
		}
		missing[i].Nullable = missing[i].Nullable || t.route.Merged
	}
	var notes []string
	l.alter(t, func(ctx context.Context) (err error) {
		notes, err = l.cfg.Target.AddColumns(ctx, t.route.Target, missing)
		return err
	}, func() {
		for i := range missing {
			t.appended = append(t.appended, strings.ToLower(missing[i].Name))
		}
		l.counts.SchemaChanges++
		l.notify(Info, t.route.Source, fmt.Sprintf("schema change: %s appended to %s", strings.Join(names, ", "), t.route.Target))
		if t.route.Schema.Behavior == Evolve {
			return // what these say is mended
		}
		for _, note := range notes {
			l.notify(Warning, t.route.Target, note)
		}
	})
}

// askAgain takes an error of a question about the target table: a transient one is
// asked again after the announced wait.
func (l *loop) askAgain(t *table, err error) {
	if t.idle() {
		return
	}
	if !diag.IsTransient(err) {
		l.failTable(t, err)
		return
	}
	t.asks++
	wait := backOff(t.asks)
	t.askAfter = l.now.Add(wait)
	l.notify(Warning, t.route.Target, fmt.Sprintf("%v; next try in %s", err, wait))
}

// fit lists the columns that the target table lacks, and what keeps rows of this
// schema from fitting into it. required tells that NOT NULL columns may be added.
func fit(schema *change.Table, columns []TargetColumn, required bool) (missing []change.Column, refused []string) {
	for i := range schema.Columns {
		c := &schema.Columns[i]
		if indexOf(columns, c.Name) >= 0 {
			continue
		}
		if !c.Nullable && !required {
			refused = append(refused, fmt.Sprintf("column `%s` NOT NULL is not in the target table", c.Name))
			continue
		}
		missing = append(missing, *c)
	}
	keys := 0
	for _, c := range columns {
		i := schema.Index(c.Name)
		if c.Computed {
			continue
		}
		if i < 0 && (c.Key || !c.Nullable) {
			refused = append(refused, fmt.Sprintf("the target's column `%s` is NOT NULL and not in the source table", c.Name))
		}
		if c.Key && i >= 0 && schema.IsKey(i) {
			keys++
		}
	}
	if keys != len(schema.Key) {
		refused = append(refused, fmt.Sprintf("the source's primary key (%s) is not the target's", strings.Join(schema.KeyNames(), ", ")))
	}
	return missing, refused
}

// sameKey tells whether two versions of a table have the same key in the same order:
// columns, and for each what its values are compared by.
func sameKey(old, new *change.Table) bool {
	return slices.EqualFunc(old.Key, new.Key, func(a, b int) bool {
		return strings.EqualFold(old.Columns[a].Name, new.Columns[b].Name) && old.Columns[a].Type.Equal(new.Columns[b].Type)
	})
}

// addedColumns keeps known of the columns that are still there, and adds those that
// came with the new version, as they are now.
func addedColumns(known []change.Column, old, new *change.Table) (added []change.Column) {
	for i := range new.Columns {
		c := new.Columns[i]
		if was := indexOfColumn(known, c.Name); was >= 0 && old.Index(c.Name) >= 0 {
			added = append(added, known[was])
		} else if old.Index(c.Name) < 0 {
			added = append(added, c)
		}
	}
	return added
}

func indexOfColumn(columns []change.Column, name string) int {
	return slices.IndexFunc(columns, func(c change.Column) bool { return strings.EqualFold(c.Name, name) })
}

func indexOf(columns []TargetColumn, name string) int {
	return slices.IndexFunc(columns, func(c TargetColumn) bool { return strings.EqualFold(c.Name, name) })
}

// newLayout fills every column of the target: from the source's column of that
// name, or with NULL.
func newLayout(schema *change.Table, columns []TargetColumn) *Layout {
	layout := &Layout{Source: schema, Columns: make([]LayoutColumn, 0, len(columns))}
	for _, c := range columns {
		if c.Computed {
			continue
		}
		column := LayoutColumn{Name: c.Name, From: schema.Index(c.Name), Type: change.Type{Base: c.Base}, Key: c.Key, Nullable: c.Nullable}
		if column.From >= 0 {
			column.Type = schema.Columns[column.From].Type
		}
		layout.Columns = append(layout.Columns, column)
	}
	layout.shaped(columns)
	return layout
}

func refusal(t *table, refused []string) error {
	return &diag.Problem{
		Code:    codeSchemaChange,
		Message: fmt.Sprintf("the schema of %s changed in a way that is not carried to %s: %s", t.route.Source, t.route.Target, strings.Join(refused, "; ")),
		Fix:     anew(t),
	}
}
