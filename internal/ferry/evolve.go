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
// Nothing happens when a DDL passes, only when the first row comes whose schema
// differs from the last row's: a column that was dropped and added again with no row
// between has not changed at all. An ALTER drains the table first, so that no load
// of ours is open across it.
func (l *loop) evolve(t *table, schema *change.Table) bool {
	if t.layout != nil && t.layout.Source == schema || t.stopped != nil || t.gone {
		return true
	}
	if t.busy || l.err != nil || l.now.Before(t.askAfter) {
		return false
	}
	if t.seen != nil && t.seen != schema {
		if refused := compare(t.seen, schema); len(refused) > 0 {
			l.stopTable(t, refusal(t, refused))
			return t.stopped != nil
		}
	}
	if t.described != schema {
		l.describe(t, schema)
		return false
	}
	missing, refused := fit(schema, t.columns)
	if len(refused) > 0 {
		l.stopTable(t, refusal(t, refused))
		return t.stopped != nil
	}
	if len(missing) > 0 {
		if !t.drained() {
			l.seal(t)
			l.needBoundary(t, "a schema change")
			return false
		}
		if !l.savedBehind(t, schema) {
			return false
		}
		l.addColumns(t, missing)
		return false
	}
	l.seal(t)
	t.layout, t.seen, t.added = newLayout(schema, t.columns), schema, nil
	l.states = nil
	crashpoint.Here("schema-carried")
	return true
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
	return true // the source has named no place behind it to begin at
}

func (l *loop) describe(t *table, schema *change.Table) {
	t.busy = true
	l.begin(func(ctx context.Context) func() {
		columns, err := l.cfg.Target.Columns(ctx, t.route.Target, schema)
		return func() {
			t.busy = false
			if err != nil {
				l.askAgain(t, err)
				return
			}
			t.columns, t.described, t.asks = columns, schema, 0
			crashpoint.Here("described")
		}
	})
}

func (l *loop) addColumns(t *table, missing []change.Column) {
	t.busy, t.layout = true, nil
	names := make([]string, len(missing))
	for i := range missing {
		names[i] = "`" + missing[i].Name + "`"
		if was := indexOfColumn(t.added, missing[i].Name); was >= 0 {
			missing[i] = t.added[was]
		}
	}
	text := strings.Join(names, ", ")
	l.begin(func(ctx context.Context) func() {
		crashpoint.Here("alter-begins")
		notes, err := l.cfg.Target.AddColumns(ctx, t.route.Target, missing)
		crashpoint.Here("columns-added")
		return func() {
			// Described again whatever the answer: success is what the table looks like.
			t.busy, t.described = false, nil
			if err != nil {
				l.askAgain(t, err)
				return
			}
			l.counts.SchemaChanges++
			l.notify(Info, t.route.Source, fmt.Sprintf("schema change: %s appended to %s", text, t.route.Target))
			for _, note := range notes {
				l.notify(Warning, t.route.Target, note)
			}
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

// compare lists what the fixed policy does not carry from one row's schema to the
// next one's.
func compare(old, new *change.Table) (refused []string) {
	if !slices.EqualFunc(old.KeyNames(), new.KeyNames(), strings.EqualFold) {
		refused = append(refused, fmt.Sprintf("the primary key changed from (%s) to (%s)", strings.Join(old.KeyNames(), ", "), strings.Join(new.KeyNames(), ", ")))
	}
	for i := range old.Columns {
		before := &old.Columns[i]
		at := new.Index(before.Name)
		if at < 0 {
			if !before.Nullable {
				refused = append(refused, fmt.Sprintf("column `%s` NOT NULL was dropped", before.Name))
			}
			continue
		}
		refused = append(refused, compareColumn(before, &new.Columns[at])...)
	}
	for i := range new.Columns {
		after := &new.Columns[i]
		if old.Index(after.Name) < 0 && !after.Nullable {
			refused = append(refused, fmt.Sprintf("column `%s` NOT NULL was added", after.Name))
		}
	}
	return refused
}

func compareColumn(before, after *change.Column) (refused []string) {
	from, to := before.Type, after.Type
	// A display width and a collation change no value and no width.
	from.Collation, to.Collation = "", ""
	if from.IsInteger() && to.IsInteger() {
		from.Length, to.Length = 0, 0
		from.Zerofill, to.Zerofill = false, false
	}
	if !from.Equal(to) {
		detail := fmt.Sprintf("column `%s` changed its type from %s to %s", before.Name, before.Type, after.Type)
		if from.Charset != to.Charset {
			detail += fmt.Sprintf(" (charset %s to %s)", from.Charset, to.Charset)
		}
		refused = append(refused, detail)
	}
	if before.Nullable != after.Nullable {
		refused = append(refused, fmt.Sprintf("column `%s` changed from %s to %s", before.Name, nullability(before), nullability(after)))
	}
	return refused
}

func nullability(c *change.Column) string {
	if c.Nullable {
		return "NULL"
	}
	return "NOT NULL"
}

// fit lists the columns that the target table lacks, and what keeps rows of this
// schema from fitting into it.
func fit(schema *change.Table, columns []TargetColumn) (missing []change.Column, refused []string) {
	for i := range schema.Columns {
		c := &schema.Columns[i]
		if indexOf(columns, c.Name) >= 0 {
			continue
		}
		if !c.Nullable {
			refused = append(refused, fmt.Sprintf("column `%s` NOT NULL is not in the target table", c.Name))
			continue
		}
		missing = append(missing, *c)
	}
	keys := 0
	for _, c := range columns {
		i := schema.Index(c.Name)
		if i < 0 && (c.Key || !c.Nullable) {
			refused = append(refused, fmt.Sprintf("the target's column `%s` is NOT NULL and not in the source table", c.Name))
		}
		if c.Key && i >= 0 && schema.IsKey(i) {
			keys++
		}
	}
	if keys != len(schema.Key) || keys != countKeys(columns) {
		refused = append(refused, fmt.Sprintf("the source's primary key (%s) is not the target's", strings.Join(schema.KeyNames(), ", ")))
	}
	return missing, refused
}

func countKeys(columns []TargetColumn) (n int) {
	for _, c := range columns {
		if c.Key {
			n++
		}
	}
	return n
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
	layout := &Layout{Source: schema, Columns: make([]LayoutColumn, len(columns))}
	for i, c := range columns {
		layout.Columns[i] = LayoutColumn{Name: c.Name, From: schema.Index(c.Name), Key: c.Key, Nullable: c.Nullable}
		if from := layout.Columns[i].From; from >= 0 {
			layout.Columns[i].Type = schema.Columns[from].Type
		}
	}
	return layout
}

func refusal(t *table, refused []string) error {
	return &diag.Problem{
		Code:    codeSchemaChange,
		Message: fmt.Sprintf("the schema of %s changed in a way that is not carried to %s: %s", t.route.Source, t.route.Target, strings.Join(refused, "; ")),
		Fix:     anew(t),
	}
}
