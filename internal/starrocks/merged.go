package starrocks

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/ferry"
)

// A merged table takes the rows of several source tables, its shards: their database and
// name are its first two columns, and part of its key.
//
// It has the union of their columns, in the order in which they are first met, each with
// the widest type of those that the shards give it, within one family: integers, DECIMAL,
// text, bytes, FLOAT and DOUBLE. Beyond the key every column takes NULL, whatever the
// shards say: one that has no such column has NULL there, and so may one that comes later.
// The key is the same in all shards. What cannot be brought together is refused, all of it
// at once.
//
// Rejected: the columns that all shards have (a column would be lost in silence), and text
// for types that differ (numbers would no longer sort and add up as such).

// mapMerged is Map for a merged table.
func mapMerged(spec TableSpec, version string) (Mapping, error) {
	m := Mapping{Target: spec.Target, comment: spec.Shards[0].Comment, merged: true}
	u := union{spec: spec, cluster: typesOf(version)}
	for _, shard := range spec.Shards {
		u.add(shard)
	}
	head := u.keyTable()
	spec.Source, spec.Properties = head, withMergedKey(spec.Properties)
	parsed, err := parseSuffix(spec)
	u.problems = append(u.problems, err)
	m.suffix = parsed
	m.suffix.comment = spec.Shape.Comment
	m.comment = cmp.Or(spec.Shape.Comment, m.comment)
	key, err := targetKey(spec, parsed)
	u.problems = append(u.problems, err)
	for _, named := range key {
		i := head.Index(named)
		name := head.Columns[i].Name
		m.Key = append(m.Key, name)
		if i < len(ferry.MergedColumns) {
			m.Columns = append(m.Columns, mergedColumn(i))
		} else if at := u.find(name); at >= 0 {
			m.Columns = append(m.Columns, u.columns[at].MappedColumn)
		}
	}
	for i := range u.columns {
		if c := &u.columns[i]; !c.Key {
			m.Columns = append(m.Columns, u.nullable(c))
		}
	}
	m.Notes = append(append(m.Notes, u.keyNotes(m.Key)...), parsed.notes...)
	return m, diag.Join(append(u.problems, u.different())...)
}

// mergedColumn is one of the two that tell the shards apart. Names have 64 characters of
// three bytes at most.
func mergedColumn(i int) MappedColumn {
	return MappedColumn{Name: ferry.MergedColumns[i], Source: -1, Type: "VARCHAR(192)", Key: true,
		Note: [...]string{"the database of the source table", "the name of the source table"}[i]}
}

// withMergedKey puts the two columns into the user's PRIMARY KEY where he left them out.
func withMergedKey(properties string) string {
	tokens, _ := tokenize(properties)
	for i := 0; i+2 < len(tokens); i++ {
		names, n := nameList(tokens[i+2:])
		if !tokens[i].is("primary") || !tokens[i+1].is("key") || n == 0 {
			continue
		}
		has := func(name string) bool {
			return slices.ContainsFunc(names, func(one string) bool { return strings.EqualFold(one, name) })
		}
		if has(ferry.MergedColumns[0]) || has(ferry.MergedColumns[1]) {
			return properties
		}
		at := tokens[i+2].end
		return properties[:at] + quoteNames(ferry.MergedColumns[:]) + "," + properties[at:]
	}
	return properties
}

// union is the columns of the shards as they are brought together.
type union struct {
	spec     TableSpec
	cluster  has
	columns  []unitedColumn
	problems []error
	differ   []string
}

// unitedColumn is a column and what its shards say of it.
type unitedColumn struct {
	MappedColumn
	width       int             // of the widest value in a key
	from        []*change.Table // the shards that have it
	fixed       bool            // in a key every value is that wide
	sourceTypes []string
	withDefault bool // the default is that of all shards that have it
	octets      bool // a load holds its values as hexadecimal digits
}

func (u *union) find(name string) int {
	return slices.IndexFunc(u.columns, func(c unitedColumn) bool { return strings.EqualFold(c.Name, name) })
}

func (u *union) differs(format string, a ...any) {
	u.differ = append(u.differ, fmt.Sprintf(format, a...))
}

func (u *union) add(shard *change.Table) {
	first := u.spec.Shards[0]
	switch {
	case len(shard.Key) == 0:
		u.problems = append(u.problems, noKey(shard))
	case !sameNames(first.KeyNames(), shard.KeyNames()):
		u.differs("the primary key of %s is (%s), that of %s (%s)", first.Name, strings.Join(first.KeyNames(), ", "), shard.Name, strings.Join(shard.KeyNames(), ", "))
	}
	for i := range shard.Columns {
		name := shard.Columns[i].Name
		if slices.ContainsFunc(ferry.MergedColumns[:], func(merged string) bool { return strings.EqualFold(merged, name) }) {
			u.problems = append(u.problems, &diag.Problem{
				Code:    CodeColumnName,
				Message: fmt.Sprintf("%s has a column `%s` itself, which is what tells the tables merged into %s apart", shard.Name, name, u.spec.Target),
				Fix:     fmt.Sprintf("rename the column at the source, or write %s into a table of its own.", shard.Name),
			})
			continue
		}
		column, width, err := mapWide(shard, i, u.cluster, u.spec.Broadened)
		if err != nil {
			u.problems = append(u.problems, err)
			continue
		}
		u.unite(shard, column, width, kindOf(shard.Columns[i].Type) == octets)
	}
}

// sameNames tells whether two keys are of the same columns, in whatever order.
func sameNames(a, b []string) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(name string) bool {
		return !slices.ContainsFunc(b, func(other string) bool { return strings.EqualFold(name, other) })
	})
}

func (u *union) unite(shard *change.Table, column MappedColumn, width int, octets bool) {
	at := u.find(column.Name)
	if at < 0 {
		u.columns = append(u.columns, unitedColumn{MappedColumn: column, width: width, fixed: !strings.HasPrefix(column.Type, "VARCHAR"), octets: octets,
			from: []*change.Table{shard}, sourceTypes: []string{column.SourceType}, withDefault: true})
		return
	}
	c := &u.columns[at]
	wide, ok := widest(c.Type, column.Type)
	if !ok || octets != c.octets {
		u.differs("column `%s` is %s in %s and %s in %s", c.Name, strings.ToUpper(c.sourceTypes[0]), c.from[0].Name, strings.ToUpper(column.SourceType), shard.Name)
		return
	}
	c.withDefault = c.withDefault && sameDefault(c.Default, column.Default)
	c.Type, c.Nullable, c.width = wide, c.Nullable || column.Nullable, max(c.width, width)
	c.from = append(c.from, shard)
	if !slices.Contains(c.sourceTypes, column.SourceType) {
		c.sourceTypes = append(c.sourceTypes, column.SourceType)
		c.SourceType = strings.Join(c.sourceTypes, " | ")
	}
}

// keyTable is a table of the key alone, in the order of the first shard's.
func (u *union) keyTable() *change.Table {
	first := u.spec.Shards[0]
	t := &change.Table{Name: first.Name}
	for _, name := range append(ferry.MergedColumns[:], first.KeyNames()...) {
		t.Key = append(t.Key, len(t.Columns))
		t.Columns = append(t.Columns, change.Column{Name: name})
	}
	return t
}

// nullable is a column beyond the key.
func (u *union) nullable(c *unitedColumn) MappedColumn {
	column := c.MappedColumn
	column.Nullable = true
	missing := len(u.spec.Shards) - len(c.from)
	if !c.withDefault || missing > 0 {
		column.Default = nil
	}
	if missing > 0 {
		at := slices.IndexFunc(u.spec.Shards, func(shard *change.Table) bool { return !slices.Contains(c.from, shard) })
		text := fmt.Sprintf("NULL in rows of %s, which has none", u.spec.Shards[at].Name)
		if missing > 1 {
			text = fmt.Sprintf("NULL in rows of %s and %d more, which have none", u.spec.Shards[at].Name, missing-1)
		}
		column.Note = joinNotes([]string{column.Note, text})
	}
	return column
}

func (u *union) different() error {
	if len(u.differ) == 0 {
		return nil
	}
	return &diag.Problem{
		Code:    CodeMerge,
		Message: fmt.Sprintf("%d tables cannot be merged into %s:\n- %s", len(u.spec.Shards), u.spec.Target, strings.Join(u.differ, "\n- ")),
		Fix:     "make them alike at the source (integers of different width, DECIMALs, texts of different length are), or narrow the pattern and write the others into another table.",
	}
}

// keyNotes holds the keys against their limit, with the names as they are: a shard of which
// no row would be taken is refused.
func (u *union) keyNotes(key []string) (notes []string) {
	least, most := 0, 0
	for i := range u.columns {
		c := &u.columns[i]
		if !c.Key {
			continue
		}
		end := 0 // of a text that another part of the key stands behind
		if !c.fixed && !strings.EqualFold(c.Name, key[len(key)-1]) {
			end = keyTextEnd
		}
		most += c.width + end
		if least += end; c.fixed {
			least += c.width
		}
	}
	var long *change.Table
	longest := 0
	for _, shard := range u.spec.Shards {
		names := len(shard.Database) + len(shard.Table) + len(ferry.MergedColumns)*keyTextEnd
		if names+least > maxKeyBytes {
			u.problems = append(u.problems, &diag.Problem{
				Code: CodeKeyLength,
				Message: fmt.Sprintf("no row of %s fits into %s: with the names of its database and table (%d bytes) its key needs %d bytes at least, and StarRocks takes %d",
					shard.Name, u.spec.Target, len(shard.Database)+len(shard.Table), names+least, maxKeyBytes),
				Fix: "narrow the pattern and write the table into one of its own, or give it or its database a shorter name.",
			})
		}
		if names+most > maxKeyBytes && names > longest {
			long, longest = shard, names
		}
	}
	if long != nil {
		notes = append(notes, fmt.Sprintf("the primary key (%s) can need %d bytes in rows of %s, whose names are part of it; StarRocks refuses rows whose key is longer than %d: raise primary_key_limit_size in be.conf, or choose shorter names or a shorter key",
			strings.Join(key, ", "), longest+most, long.Name, maxKeyBytes))
	}
	return notes
}

// keyTextEnd is what ends a text inside a key.
const keyTextEnd = 2

// widest is the narrower type that holds what both do, in one family of types.
func widest(a, b string) (string, bool) {
	integers := []string{"TINYINT", "SMALLINT", "INT", "BIGINT", "LARGEINT"}
	i, j := slices.Index(integers, a), slices.Index(integers, b)
	var n, m, nScale, mScale int
	switch {
	case a == b:
		return a, true
	case i >= 0 && j >= 0:
		return integers[max(i, j)], true
	case a == "FLOAT" && b == "DOUBLE", a == "DOUBLE" && b == "FLOAT":
		return "DOUBLE", true
	case scan(a, "VARCHAR(%d)", &n) && scan(b, "VARCHAR(%d)", &m):
		return fmt.Sprintf("VARCHAR(%d)", max(n, m)), true
	case strings.HasPrefix(a, "VARBINARY") && strings.HasPrefix(b, "VARBINARY"):
		return "VARBINARY", true
	case scan(a, "DECIMAL(%d,%d)", &n, &nScale) && scan(b, "DECIMAL(%d,%d)", &m, &mScale):
		scale := max(nScale, mScale)
		digits := max(n-nScale, m-mScale) + scale
		return fmt.Sprintf("DECIMAL(%d,%d)", digits, scale), digits <= maxDecimal
	}
	return "", false
}

// fitsMerged tells how a column of a merged table takes a shard's: as it is, when it is
// changed (narrow), or not at all.
func (c *MappedColumn) fitsMerged(have *existingColumn) (narrow bool, different []string) {
	wide, ok := widest(have.typ, c.Type)
	switch {
	case have.key != c.Key, !have.nullable && !have.key:
		want := *c
		want.Nullable = !c.Key
		different, _ = want.compare(&existingColumn{name: have.name, typ: want.Type, nullable: have.nullable, key: have.key})
	case !ok, wide != have.typ && have.key:
		different = []string{fmt.Sprintf("column `%s` is %s, which does not hold %s", c.Name, have.typ, c.Type)}
	default:
		narrow = wide != have.typ
	}
	return narrow, different
}
