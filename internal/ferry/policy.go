package ferry

import (
	"fmt"
	"slices"
	"strings"

	"starferry/internal/change"
)

// What is done about a schema change is a matter of a table's policy. CTAS, the default,
// is the fixed one of the statement's inventors; everything else is asked for.

// SchemaBehavior is a policy by name.
type SchemaBehavior uint8

const (
	// CTAS carries what the fixed policy carries when the first row comes that has it, and
	// stops the table at anything else.
	CTAS SchemaBehavior = iota
	// Immediate is the same, when the statement comes.
	Immediate
	// Evolve also drops, renames and widens, where the target can; what it cannot, as CTAS.
	Evolve
	// Ignore leaves the target as it is: columns that are new are left out.
	Ignore
	// Exception stops the table at any change.
	Exception
)

var behaviors = [...]string{"ctas", "immediate", "evolve", "ignore", "exception"}

func (b SchemaBehavior) String() string { return behaviors[b] }

// SchemaBehaviorOf is the policy of a name.
func SchemaBehaviorOf(name string) SchemaBehavior {
	return SchemaBehavior(max(slices.Index(behaviors[:], name), 0))
}

// SchemaKind is a kind of schema change.
type SchemaKind uint8

const (
	AddColumn SchemaKind = iota
	DropColumn
	RenameColumn
	AlterType
	AlterNullability
	AlterDefault
	AlterComment
	AlterKey
	TruncateTable
)

var schemaKinds = [...]string{"add.column", "drop.column", "rename.column", "alter.column.type", "alter.column.nullability",
	"alter.column.default", "alter.column.comment", "alter.key", "truncate.table"}

func (k SchemaKind) String() string { return schemaKinds[k] }

// SchemaPolicy is what one table does about schema changes.
type SchemaPolicy struct {
	Behavior SchemaBehavior
	// Ignored are the names of kinds that are ignored whatever the behavior.
	Ignored []string
	// Broadened tells that the target was created with the widest type of each family:
	// a column that gets wider changes nothing there.
	Broadened bool
	// merged: other tables fill the target too. Nothing in it is dropped or renamed because
	// one of them is, and its columns take NULL whatever theirs do.
	merged bool
}

func (p *SchemaPolicy) ignores(k SchemaKind) bool {
	if k == AlterKey {
		return false // rows of another key cannot be told apart
	}
	return p.Behavior == Ignore || slices.Contains(p.Ignored, k.String())
}

// atOnce tells that a change is carried when its statement comes.
func (p *SchemaPolicy) atOnce() bool {
	return p.Behavior == Immediate || p.Behavior == Evolve || p.Behavior == Exception
}

// appends tells that NOT NULL columns that the target lacks are no reason to stop: they
// are added, or left out.
func (p *SchemaPolicy) appends() bool {
	return p.Behavior == Evolve || p.ignores(AddColumn) || p.ignores(RenameColumn)
}

// schemaChange is one difference between two versions of a table. from is nil for a
// column that was added, to for one that was dropped, both for the key.
type schemaChange struct {
	kind     SchemaKind
	from, to *change.Column
	key      bool // the column is part of the key, before or after
	says     string
}

// schemaChanges are the differences between two versions. Columns are known by their
// names; that one was renamed, the newer version tells of the one right before it.
func schemaChanges(old, new *change.Table) (changes []schemaChange) {
	if !slices.EqualFunc(old.KeyNames(), new.KeyNames(), strings.EqualFold) {
		changes = append(changes, schemaChange{kind: AlterKey,
			says: fmt.Sprintf("the primary key changed from (%s) to (%s)", strings.Join(old.KeyNames(), ", "), strings.Join(new.KeyNames(), ", "))})
	}
	for i := range old.Columns {
		before := &old.Columns[i]
		at := new.Index(before.Name)
		if at < 0 {
			at = renamedTo(old, new, before.Name)
			if at < 0 {
				changes = append(changes, schemaChange{kind: DropColumn, from: before, key: old.IsKey(i), says: fmt.Sprintf("column `%s` %s was dropped", before.Name, nullability(before))})
				continue
			}
			changes = append(changes, schemaChange{kind: RenameColumn, from: before, to: &new.Columns[at], key: old.IsKey(i) || new.IsKey(at),
				says: fmt.Sprintf("column `%s` was renamed to `%s`", before.Name, new.Columns[at].Name)})
		}
		changes = append(changes, columnChanges(before, &new.Columns[at], old.IsKey(i) || new.IsKey(at))...)
	}
	for i := range new.Columns {
		after := &new.Columns[i]
		if old.Index(after.Name) < 0 && (after.Was == "" || old.Index(after.Was) < 0 || new.Index(after.Was) >= 0) {
			changes = append(changes, schemaChange{kind: AddColumn, to: after, key: new.IsKey(i), says: fmt.Sprintf("column `%s` %s was added", after.Name, nullability(after))})
		}
	}
	return changes
}

// renamedTo is where a column of old stands in new under another name, or -1.
func renamedTo(old, new *change.Table, name string) int {
	return slices.IndexFunc(new.Columns, func(c change.Column) bool {
		return c.Was != "" && strings.EqualFold(c.Was, name) && old.Index(c.Name) < 0
	})
}

func columnChanges(before, after *change.Column, key bool) (changes []schemaChange) {
	if from, to := valueType(before.Type), valueType(after.Type); !from.Equal(to) {
		says := fmt.Sprintf("column `%s` changed its type from %s to %s", before.Name, before.Type, after.Type)
		if from.Charset != to.Charset && from.Charset != "" && to.Charset != "" {
			says += fmt.Sprintf(" (charset %s to %s)", from.Charset, to.Charset)
		}
		if was, is := before.Type.Treated(), after.Type.Treated(); was != is && sameAtSource(from.Base, to.Base) {
			says += fmt.Sprintf(" (%s to %s)", was, is)
		}
		changes = append(changes, schemaChange{kind: AlterType, from: before, to: after, key: key, says: says})
	}
	if before.Nullable != after.Nullable {
		changes = append(changes, schemaChange{kind: AlterNullability, from: before, to: after, key: key,
			says: fmt.Sprintf("column `%s` changed from %s to %s", before.Name, nullability(before), nullability(after))})
	}
	if !sameDefault(before, after) {
		changes = append(changes, schemaChange{kind: AlterDefault, from: before, to: after, key: key, says: fmt.Sprintf("column `%s` changed its default", before.Name)})
	}
	if before.Comment != after.Comment {
		changes = append(changes, schemaChange{kind: AlterComment, from: before, to: after, key: key, says: fmt.Sprintf("column `%s` changed its comment", before.Name)})
	}
	return changes
}

// sameAtSource tells two types apart that a deployment does not make of one.
func sameAtSource(a, b change.Base) bool {
	isTiny := func(b change.Base) bool { return b == change.TinyInt || b == change.Boolean }
	return a == b || isTiny(a) && isTiny(b)
}

// valueType is a type without what changes no value: the display width of an integer,
// a collation.
func valueType(t change.Type) change.Type {
	t.Collation = ""
	if t.IsInteger() {
		t.Length, t.Zerofill = 0, false
	}
	return t
}

func sameDefault(a, b *change.Column) bool {
	if (a.Default == nil) != (b.Default == nil) || a.Default != nil && *a.Default != *b.Default {
		return false
	}
	return a.DefaultExpression == b.DefaultExpression
}

func nullability(c *change.Column) string {
	if c.Nullable {
		return "NULL"
	}
	return "NOT NULL"
}

// verdict is what a policy makes of the changes between two versions.
type verdict struct {
	refused []string   // why the table stops
	reshape []Reshape  // what is done at the target, besides columns that are added
	skipped []string   // new columns that are left out
	appends []string   // lower-case names of columns that are appended to the target
	repair  []string   // why the table is to be compared and mended
	held    heldColumn // definitions of the version before that the target keeps
}

// heldColumn is by lower-case name.
type heldColumn map[string]*change.Column

// judge applies the policy.
func (p *SchemaPolicy) judge(changes []schemaChange) (v verdict) {
	v.held = heldColumn{}
	for i := range changes {
		c := &changes[i]
		switch {
		case p.ignores(c.kind):
			v.ignore(c)
		case p.Behavior == Exception:
			v.refused = append(v.refused, c.says)
		case p.Behavior == Evolve && p.merged && c.kind == AlterNullability && !c.key:
		case p.Behavior == Evolve && !(p.merged && (c.kind == DropColumn || c.kind == RenameColumn)):
			v.evolve(c, p.Broadened)
		case p.fixed(c):
			v.refused = append(v.refused, c.says)
		case c.kind == AddColumn, c.kind == RenameColumn:
			v.appends = append(v.appends, strings.ToLower(c.to.Name))
		}
	}
	return v
}

// fixed tells what the fixed policy does not carry.
func (p *SchemaPolicy) fixed(c *schemaChange) bool {
	switch c.kind {
	case AddColumn:
		return !c.to.Nullable
	case DropColumn:
		return !c.from.Nullable
	case RenameColumn:
		return !c.from.Nullable || !c.to.Nullable
	case AlterType:
		return !p.Broadened || !broadHolds(c)
	case AlterDefault, AlterComment:
		return false
	}
	return true
}

// ignore leaves the target as it is.
func (v *verdict) ignore(c *schemaChange) {
	switch c.kind {
	case AddColumn, RenameColumn:
		v.skipped = append(v.skipped, strings.ToLower(c.to.Name))
	case AlterType:
		if c.key || !holdsWhole(c.from.Type, c.to.Type) {
			v.refused = append(v.refused, c.says)
		}
		v.hold(c).Type = c.from.Type
	case AlterNullability:
		v.hold(c).Nullable = c.from.Nullable
	}
}

func (v *verdict) hold(c *schemaChange) *change.Column {
	name := strings.ToLower(c.to.Name)
	if v.held[name] == nil {
		copied := *c.to
		v.held[name] = &copied
	}
	return v.held[name]
}

// evolve has the target do the same. A key is never touched: rows would be other rows.
func (v *verdict) evolve(c *schemaChange, broadened bool) {
	switch {
	case c.kind == AlterKey, c.key && c.kind == AlterType && !(broadened && broadHolds(c)), c.key && c.kind == RenameColumn:
		v.refused = append(v.refused, c.says)
	case c.kind == AddColumn:
		v.appends = append(v.appends, strings.ToLower(c.to.Name))
		if !tellsDefault(c.to) {
			v.repair = append(v.repair, c.says)
		}
	case c.kind == AlterDefault, c.kind == AlterNullability && c.key:
		// No load uses a default.
	default:
		v.reshape = append(v.reshape, Reshape{Kind: c.kind, From: c.from, To: c.to})
		if c.kind == AlterType && !keepsText(c.from.Type, c.to.Type) {
			v.repair = append(v.repair, c.says)
		}
	}
}

// holding is schema with the definitions that the target keeps; schema itself when there
// are none.
func (v *verdict) holding(schema *change.Table) *change.Table {
	if len(v.held) == 0 {
		return schema
	}
	copied := *schema
	copied.Columns = slices.Clone(schema.Columns)
	for i := range copied.Columns {
		if held := v.held[strings.ToLower(copied.Columns[i].Name)]; held != nil {
			copied.Columns[i] = *held
		}
	}
	return &copied
}

// withoutIgnored takes from the columns that the target lacks those that it is not to get: they
// are new and ignored, or were when they came. seen is the schema of the last row.
func (p *SchemaPolicy) withoutIgnored(missing []change.Column, v *verdict, seen *change.Table) []change.Column {
	return slices.DeleteFunc(missing, func(c change.Column) bool {
		known := (p.ignores(AddColumn) || p.ignores(RenameColumn)) && seen != nil && seen.Index(c.Name) >= 0
		return known || slices.Contains(v.skipped, strings.ToLower(c.Name))
	})
}

// broadDecimal is how many digits a broadened DECIMAL has.
const broadDecimal = 38

// broadHolds tells that a broadened target, which is as wide as its family goes, holds the
// new type's values as it is. In a key only numbers are broadened.
func broadHolds(c *schemaChange) bool {
	from, to := c.from.Type, c.to.Type
	switch {
	case !keepsText(from, to):
		return false
	case from.Base == change.Decimal:
		return !c.key && (to.Precision == from.Precision || to.Precision <= broadDecimal)
	case from.IsInteger(), from.Base == change.Bit, from.Base == change.DateTime, from.Base == change.Timestamp:
		return true
	}
	return !c.key
}

// keepsText tells that every value of one type has the same text in the other, so that
// rows that nobody writes stay right when the target's column changes likewise.
func keepsText(from, to change.Type) bool {
	switch {
	case from.IsInteger() && to.IsInteger():
		return bitsOf(to) > bitsOf(from) && (to.Unsigned == from.Unsigned || !to.Unsigned) || to.Base == from.Base && to.Unsigned == from.Unsigned
	case from.Base == change.Decimal && to.Base == change.Decimal:
		return to.Scale == from.Scale && to.Precision >= from.Precision && to.Unsigned == from.Unsigned
	case from.IsText() && to.IsText():
		return (to.Base != change.Char || from.Base == change.Char) && (to.Base == from.Base && to.Length >= from.Length || textWidth(to, 4) >= textWidth(from, 1)) && keepsCharset(from.Charset, to.Charset)
	case from.Base == change.Enum && to.Base == change.Enum, from.Base == change.Set && to.Base == change.Set:
		return len(to.Members) >= len(from.Members) && slices.Equal(to.Members[:len(from.Members)], from.Members) && keepsCharset(from.Charset, to.Charset)
	case from.Base == change.VarBinary && to.Base == change.VarBinary:
		return to.Length >= from.Length
	case from.Base == change.Bit && to.Base == change.Bit: // one bit is a BOOLEAN
		return to.Length == from.Length || to.Length > from.Length && from.Length > 1
	case from.Base == change.DateTime && to.Base == change.DateTime, from.Base == change.Timestamp && to.Base == change.Timestamp:
		return to.Fraction >= from.Fraction && to.Zone == from.Zone && to.ZeroDates == from.ZeroDates
	}
	return false
}

// bitsOf is the width of an integer in bits, more for what only an unsigned one holds.
func bitsOf(t change.Type) int {
	bits := map[change.Base]int{change.TinyInt: 8, change.SmallInt: 16, change.MediumInt: 24, change.Int: 32, change.BigInt: 64}[t.Base]
	if t.Unsigned {
		bits++
	}
	return bits
}

// textWidth is how many characters of so many bytes a text type holds.
func textWidth(t change.Type, bytes int) int {
	switch t.Base {
	case change.TinyText:
		return (1<<8 - 1) / bytes
	case change.Text:
		return (1<<16 - 1) / bytes
	case change.MediumText:
		return (1<<24 - 1) / bytes
	case change.LongText:
		return (1<<32 - 1) / bytes
	}
	return t.Length
}

func keepsCharset(from, to string) bool {
	return from == to || strings.HasPrefix(to, "utf8mb4") || from == "ascii" && strings.HasPrefix(to, "utf8") || from == "utf8mb3" && to == "utf8"
}

// holdsWhole tells that a column made for one type takes each value of the other whole, or
// refuses it: what is ignored is never cut or rounded.
func holdsWhole(from, to change.Type) bool {
	text := func(t change.Type) bool { return t.IsText() || t.Base == change.Enum || t.Base == change.Set }
	switch {
	case from.IsInteger() && to.IsInteger(), text(from) && text(to), from.IsBinary() && to.IsBinary():
		return true
	case from.IsText() && (to.IsInteger() || to.Base == change.Decimal):
		return true
	case from.Base != to.Base:
		return false
	case from.Base == change.Decimal:
		return to.Scale <= from.Scale
	case from.Base == change.Bit:
		return from.Length > 1 // else the target has a BOOLEAN
	case from.Base == change.DateTime, from.Base == change.Timestamp, from.Base == change.Time:
		return from.Zone == to.Zone && from.ZeroDates == to.ZeroDates
	}
	return false
}

// tellsDefault tells that the target can be told what rows that exist have in a new column.
func tellsDefault(c *change.Column) bool {
	switch {
	case c.DefaultExpression != "" || c.Generated:
		return false
	case c.Default == nil:
		return true // NULL, or what the target is told for a NOT NULL
	}
	t := &c.Type
	return t.IsInteger() || t.IsText() || t.Base == change.Decimal || t.Base == change.Enum || t.Base == change.Set
}

// takesOver tells that a column of new has the name that another column of old had: the
// target's rows have the values of that one.
func takesOver(old, new *change.Table) bool {
	return slices.ContainsFunc(new.Columns, func(c change.Column) bool { return c.Was != "" && old.Index(c.Name) >= 0 })
}
