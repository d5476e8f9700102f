package ddl

import (
	"slices"
	"strings"

	"starferry/internal/change"
)

// Apply gives the next version of t after a: the same pointer when nothing that a
// change.Table tells has changed, else a copy with Version+1 (and a's new name).
// An *Unsupported error names the clause that is not handled, or that does not fit t.
//
// The clauses of one ALTER TABLE do not happen one after the other. As on the
// servers, the old columns are gone through first (dropped, redefined, renamed, by
// their old names), then new columns and moves happen in the order written, by the
// new names; the charset of the table that the statement sets holds for all its
// columns, wherever it stands.
func Apply(t *change.Table, a *AlterTable, s Session) (*change.Table, error) {
	w := worktable{
		old: t, session: &s, matched: make(map[Change]bool),
		defined: make(map[*change.Column]*definition), from: make(map[*change.Column]string), added: make(map[*change.Column]bool),
	}
	for _, one := range a.Changes {
		if u, ok := one.(*Unhandled); ok {
			return nil, &Unsupported{Code: CodeUnsupported, Table: t.Name, Clause: u.Clause, Reason: u.Reason}
		}
	}
	w.takeCharset(a)
	w.oldColumns(a)
	if err := w.newColumns(a); err != nil {
		return nil, err
	}
	if w.failure != nil {
		return nil, w.failure
	}
	if err := w.keys(a); err != nil {
		return nil, err
	}
	promoteTimestamp(w.columns, func(c *change.Column) *definition { return w.defined[c] }, &s)
	return w.result(a), nil
}

// worktable is a table in the making. Columns are pointers, so that a key column
// stays itself when it is renamed or moved.
type worktable struct {
	old     *change.Table
	session *Session
	order   textOrder // the table's default after the statement
	convert bool
	comment string
	columns []*change.Column
	key     []*change.Column
	matched map[Change]bool // clauses whose column was found among the old ones
	defined map[*change.Column]*definition
	from    map[*change.Column]string // what a clause that changes or renames a column calls it
	added   map[*change.Column]bool
	failure error
}

func (w *worktable) takeCharset(a *AlterTable) {
	w.order = textOrder{w.old.Charset, w.old.Collation}
	w.comment = w.old.Comment
	var charset, collation string
	said, plain := false, false
	for _, one := range a.Changes {
		switch one := one.(type) {
		case *TableCharset:
			said = true
			plain = plain || !one.Convert
			if one.Convert {
				w.convert = true
				if one.Charset == "" {
					charset, collation = w.session.databaseOrder().charset, ""
					if one.Collation == "" {
						collation = w.session.databaseOrder().collation
					}
				}
			}
			if one.Charset != "" {
				charset = one.Charset
			}
			if one.Collation != "" {
				collation = one.Collation
			}
		case *TableComment:
			w.comment = one.Comment
		}
	}
	if said {
		w.order = w.session.order(charset, collation, w.order)
	}
	if w.convert && plain {
		w.refuse("CONVERT TO CHARACTER SET", "what it makes beside another charset or collation depends on the server")
	}
}

// oldColumns goes through the columns there were.
func (w *worktable) oldColumns(a *AlterTable) {
	for i := range w.old.Columns {
		if column := w.oldColumn(a, &w.old.Columns[i]); column != nil {
			w.columns = append(w.columns, column)
		}
	}
}

// keepKey finds the columns of the key as the servers do, by their old names: each is the
// first of the new columns that a clause changes or renames from that name, or that no clause
// changes and that has the name, be it a new one.
func (w *worktable) keepKey() {
	for _, name := range w.old.KeyNames() {
		at := slices.IndexFunc(w.columns, func(c *change.Column) bool {
			from, changed := w.from[c]
			if !changed {
				from = c.Name
			}
			return strings.EqualFold(from, name)
		})
		if at >= 0 {
			w.key = append(w.key, w.columns[at])
		}
	}
}

// oldColumn gives what becomes of one column, nil when it is dropped.
func (w *worktable) oldColumn(a *AlterTable, old *change.Column) *change.Column {
	for _, one := range a.Changes {
		if drop, ok := one.(*DropColumn); ok && strings.EqualFold(drop.Column, old.Name) {
			w.matched[one] = true
			return nil
		}
	}
	column := new(change.Column)
	*column = *old
	column.Was = ""
	w.converted(column)
	before, changed, defaulted := len(w.matched), false, false
	for _, one := range a.Changes {
		switch one := one.(type) {
		case *ChangeColumn:
			if !changed && strings.EqualFold(one.From, old.Name) { // MariaDB takes another for a column it adds
				w.matched[one], changed = true, true
				*column = w.define(&one.column)
				if w.convert && !w.session.MariaDB && (column.Type.IsText() || column.Type.IsBinary()) && textSize(column.Type.Base) > 0 {
					w.refuseConvert(old.Name)
				}
				w.defined[column], w.from[column] = &one.column, one.From
			}
		case *RenameColumn:
			if strings.EqualFold(one.From, old.Name) {
				w.matched[one] = true
				column.Name, w.from[column] = one.To, one.From
			}
		case *SetDefault:
			if strings.EqualFold(one.Column, old.Name) {
				w.matched[one] = true
				w.setDefault(column, one.value)
				defaulted = true
			}
		case *SetVisibility:
			if strings.EqualFold(one.Column, old.Name) {
				w.matched[one] = true
				column.Invisible = one.Invisible
			}
		}
	}
	if changed && len(w.matched) > before+1 {
		w.refuse("CHANGE "+old.Name, "what several clauses make of one column depends on the server")
	}
	if !strings.EqualFold(column.Name, old.Name) {
		column.Was = old.Name
		if defaulted && w.session.MariaDB && adds(a, old.Name) {
			w.refuse("SET DEFAULT", "which of two columns "+old.Name+" it is for depends on the server")
		}
	}
	return column
}

// adds tells whether a statement adds a column of that name.
func adds(a *AlterTable, name string) bool {
	return slices.ContainsFunc(a.Changes, func(one Change) bool {
		add, ok := one.(*AddColumn)
		return ok && strings.EqualFold(add.column.name, name)
	})
}

// setDefault: a generated column has no default, whatever is set. MariaDB without
// explicit_defaults_for_timestamp gives a TIMESTAMP another default for a dropped one.
func (w *worktable) setDefault(column *change.Column, v defaultValue) {
	s := w.session
	if s.MariaDB && !s.ExplicitDefaultsForTimestamp && column.Type.Base == change.Timestamp && v.class == noDefault {
		w.refuse("DROP DEFAULT", "what default TIMESTAMP "+column.Name+" gets depends on the server")
	}
	if !column.Generated && !setDefault(column, v) {
		w.refuse("SET "+v.written(), unknownDefault)
	}
}

// converted brings a column to the charset of CONVERT TO CHARACTER SET.
func (w *worktable) converted(column *change.Column) {
	if !w.convert {
		return
	}
	var ok bool
	if column.Type, ok = convert(column.Type, w.order, w.session); !ok {
		w.refuseConvert(column.Name)
	}
}

func (w *worktable) refuseConvert(column string) {
	w.refuse("CONVERT TO CHARACTER SET "+w.order.charset, "what becomes of column "+column+" depends on the server")
}

func (w *worktable) refuse(clause, reason string) {
	if w.failure == nil {
		w.failure = &Unsupported{Code: CodeUnsupported, Table: w.old.Name, Clause: clause, Reason: reason}
	}
}

// define makes the column of a definition in this statement. CONVERT TO CHARACTER
// SET holds for it as if it had been written there.
func (w *worktable) define(d *definition) change.Column {
	if w.convert && d.typ.charset != "binary" {
		if d.typ.binary {
			w.refuseConvert(d.name)
		}
		converted := *d
		converted.typ.charset, converted.typ.collation, converted.typ.binary = w.order.charset, w.order.collation, false
		d = &converted
	}
	column, known := d.column(w.order, w.session)
	if !known {
		w.refuse(d.value.written(), unknownDefault)
	}
	return column
}

// newColumns adds and moves columns, and finds the clauses that fit no column.
func (w *worktable) newColumns(a *AlterTable) error {
	for _, one := range a.Changes {
		switch one := one.(type) {
		case *AddColumn:
			if one.IfNotExists && (w.old.Index(one.column.name) >= 0 || w.find(one.column.name) >= 0) {
				continue
			}
			if err := w.addColumn(&one.column, "", one.First, one.After); err != nil {
				return err
			}
		case *ChangeColumn:
			if !w.matched[one] {
				if one.IfExists && w.old.Index(one.From) < 0 {
					continue
				}
				if err := w.changeAdded(one); err != nil {
					return err
				}
				continue
			}
			if one.First || one.After != "" {
				if err := w.move(one); err != nil {
					return err
				}
			}
		case *DropColumn:
			if !w.matched[one] && !one.IfExists {
				return w.missing(one.Column)
			}
		case *RenameColumn:
			if !w.matched[one] && !one.IfExists {
				return w.missing(one.From)
			}
		case *SetVisibility:
			if !w.matched[one] {
				return w.missing(one.Column)
			}
		}
	}
	w.keepKey()
	w.keepGenerated()
	if err := w.unmatchedDefaults(a); err != nil || w.failure != nil {
		return err
	}
	return w.distinct()
}

// unmatchedDefaults finds defaults set for columns that there were not.
func (w *worktable) unmatchedDefaults(a *AlterTable) error {
	for _, one := range a.Changes {
		set, ok := one.(*SetDefault)
		if !ok || w.matched[one] || set.IfExists {
			continue
		}
		if w.find(set.Column) < 0 {
			return w.missing(set.Column)
		}
		w.refuse("SET DEFAULT", "what it does to column "+set.Column+", new in the statement, depends on the server")
	}
	return nil
}

// keepGenerated keeps a generated invisible primary key before columns added FIRST,
// as MySQL does.
func (w *worktable) keepGenerated() {
	at := w.find(invisibleKeyName)
	if at <= 0 || w.session.MariaDB || len(w.key) != 1 || w.key[0] != w.columns[at] {
		return
	}
	column := w.columns[at]
	if !column.Invisible || !column.AutoIncrement || w.old.Index(invisibleKeyName) != 0 {
		return
	}
	w.columns = slices.Insert(slices.Delete(w.columns, at, at+1), 0, column)
}

func (w *worktable) missing(column string) error {
	return outOfStep(w.old.Name, column, "the table has no such column")
}

func (w *worktable) find(name string) int {
	return slices.IndexFunc(w.columns, func(c *change.Column) bool { return strings.EqualFold(c.Name, name) })
}

func (w *worktable) insert(column *change.Column, first bool, after string) error {
	at := len(w.columns)
	switch {
	case first:
		at = 0
	case after != "":
		if at = w.find(after) + 1; at == 0 {
			return w.missing(after)
		}
	}
	w.columns = slices.Insert(w.columns, at, column)
	return nil
}

func (w *worktable) move(one *ChangeColumn) error {
	at := w.find(one.column.name)
	if at < 0 {
		return w.missing(one.column.name)
	}
	column := w.columns[at]
	w.columns = slices.Delete(w.columns, at, at+1)
	return w.insert(column, one.First, one.After)
}

// changeAdded redefines a column that this statement has added, as MariaDB allows:
// the new definition takes its place at the end.
func (w *worktable) changeAdded(one *ChangeColumn) error {
	at := w.find(one.column.name)
	if at < 0 || !w.session.MariaDB || !w.added[w.columns[at]] {
		return w.missing(one.From)
	}
	w.columns = slices.Delete(w.columns, at, at+1)
	return w.addColumn(&one.column, one.From, one.First, one.After)
}

// addColumn adds a column; from is what the clause that changes it calls it.
func (w *worktable) addColumn(d *definition, from string, first bool, after string) error {
	column := w.define(d)
	if from != "" {
		w.from[&column] = from
	}
	if w.old.Index(column.Name) >= 0 {
		column.Was = column.Name // the old one is dropped or renamed by the same statement
	}
	w.defined[&column], w.added[&column] = d, true
	return w.insert(&column, first, after)
}

func (w *worktable) distinct() error {
	for i, column := range w.columns {
		if w.find(column.Name) != i {
			return outOfStep(w.old.Name, column.Name, "the table has a column of that name")
		}
	}
	return nil
}

// keys applies what the statement says of the primary key, and makes key columns
// NOT NULL.
func (w *worktable) keys(a *AlterTable) error {
	for _, one := range a.Changes {
		if drop, ok := one.(*DropPrimaryKey); ok {
			if len(w.old.Key) == 0 && !drop.IfExists {
				return outOfStep(w.old.Name, "DROP PRIMARY KEY", "the table has no primary key")
			}
			w.key = nil
		}
	}
	for _, one := range a.Changes {
		switch one := one.(type) {
		case *AddPrimaryKey:
			if len(w.key) > 0 {
				if one.IfNotExists {
					continue
				}
				return outOfStep(w.old.Name, "ADD PRIMARY KEY", "the table has a primary key")
			}
			if err := w.addKey(one.Columns); err != nil {
				return err
			}
		case *NotNull:
			for _, name := range one.Columns {
				if at := w.find(name); at >= 0 {
					w.columns[at].Nullable = false
				}
			}
		}
	}
	for _, column := range w.key {
		becomesKey(column, w.defined[column], w.session)
	}
	return nil
}

func (w *worktable) addKey(names []string) error {
	for _, name := range names {
		at := w.find(name)
		if at < 0 {
			return w.missing(name)
		}
		w.key = append(w.key, w.columns[at])
	}
	return nil
}

// result gives the new version, or the old one when nothing has changed.
func (w *worktable) result(a *AlterTable) *change.Table {
	t := &change.Table{
		Name: w.old.Name, Version: w.old.Version + 1,
		Charset: w.order.charset, Collation: w.order.collation, Comment: w.comment,
	}
	if a.RenameTo != nil {
		t.Name = *a.RenameTo
	}
	for _, column := range w.columns {
		t.Columns = append(t.Columns, *column)
	}
	for _, column := range w.key {
		t.Key = append(t.Key, slices.Index(w.columns, column))
	}
	if Same(w.old, t) && !slices.ContainsFunc(t.Columns, func(c change.Column) bool { return strings.EqualFold(c.Was, c.Name) }) {
		return w.old
	}
	return t
}

// Same tells whether two versions are the same table, whatever their numbers are.
func Same(a, b *change.Table) bool {
	return a.Name == b.Name && a.Charset == b.Charset && a.Collation == b.Collation && a.Comment == b.Comment &&
		slices.Equal(a.Key, b.Key) && slices.EqualFunc(a.Columns, b.Columns, sameColumn)
}

func sameColumn(a, b change.Column) bool {
	if (a.Default == nil) != (b.Default == nil) || a.Default != nil && *a.Default != *b.Default {
		return false
	}
	return a.Name == b.Name && a.Type.Equal(b.Type) && a.Nullable == b.Nullable &&
		a.DefaultExpression == b.DefaultExpression && a.AutoIncrement == b.AutoIncrement &&
		a.Generated == b.Generated && a.Invisible == b.Invisible && a.Comment == b.Comment
}
