package starrocks

import (
	"cmp"
	"fmt"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/expression"
)

// TableSpec is what is known of a target table before StarRocks is asked.
type TableSpec struct {
	Target change.Name
	Source *change.Table
	// Simple makes the text after the column list; otherwise Properties is that text.
	Simple     bool
	Properties string // starrocks.create.table.properties as written
	// Broadened asks for the widest type of each family, see broaden.go.
	Broadened bool
	// Shape is what the clauses of the statement make of the table.
	Shape expression.Shape
	// Merged: the target takes rows of several tables, of which Shards are those to be
	// made ready for, in place of Source; see merged.go.
	Merged bool
	Shards []*change.Table
}

// Mapping is the target table that belongs to a source table.
type Mapping struct {
	Target change.Name
	// Columns in the order of the target table: key columns first.
	Columns []MappedColumn
	// Key names the key columns in the order of the target's primary key.
	Key []string
	// Notes are for people: what the table as a whole does that they may not expect.
	Notes []string

	comment string
	suffix  suffix
	merged  bool
}

// MappedColumn is one column of a Mapping.
type MappedColumn struct {
	Name       string
	Source     int    // index into the source table's columns, -1: it is computed
	SourceType string // as MySQL prints it
	Type       string // StarRocks type as written in DDL
	Nullable   bool
	Key        bool
	Default    *string // literal, unquoted; nil when there is none
	Comment    string
	Note       string // for people; "" when there is nothing to say
	// narrow is the type without being broadened, "" when the table is not.
	narrow string
}

// maxKeyBytes is primary_key_limit_size, which the backends check row by row.
const maxKeyBytes = 128

// reservedColumns are what StarRocks keeps for itself in primary key tables.
var reservedColumns = map[string]bool{"__op": true, "__row": true, "___count___": true}

// Map says which target table a source table becomes at a cluster of that version
// (as Client.Version gives it, "" when unknown). It is pure. The error joins one
// Problem per reason why it cannot be done.
func Map(spec TableSpec, version string) (Mapping, error) {
	if spec.Merged {
		return mapMerged(spec, version)
	}
	m := Mapping{Target: spec.Target, comment: cmp.Or(spec.Shape.Comment, spec.Source.Comment)}
	var problems []error
	if len(spec.Source.Key) == 0 {
		problems = append(problems, noKey(spec.Source))
	}
	parsed, err := parseSuffix(spec)
	problems = append(problems, err)
	m.suffix = parsed
	m.suffix.partition, m.suffix.comment = spec.Shape.Partition, spec.Shape.Comment
	key, err := targetKey(spec, parsed)
	problems = append(problems, err)
	source := keyed(spec.Source, key)
	names, err := spec.columnsOf(source, key)
	problems = append(problems, err)
	keyBytes := 0
	for n, name := range names {
		var column MappedColumn
		var width int
		if c := spec.Shape.Computes(name); c != nil {
			column, width, err = spec.mapComputed(c, source, n < len(key), typesOf(version))
		} else {
			column, width, err = mapWide(source, source.Index(name), typesOf(version), spec.Broadened)
		}
		problems = append(problems, err)
		m.Columns = append(m.Columns, column)
		if column.Key {
			m.Key = append(m.Key, column.Name)
			keyBytes += width
		}
	}
	problems = append(problems, spec.checkPartition(&m, version))
	if keyBytes > maxKeyBytes {
		m.Notes = append(m.Notes, fmt.Sprintf("the primary key (%s) can need %d bytes; StarRocks refuses rows whose key is longer than %d: raise primary_key_limit_size in be.conf, or choose a shorter key",
			strings.Join(m.Key, ", "), keyBytes, maxKeyBytes))
	}
	if long := columnsBeyondMiB(m.Columns); len(long) > 0 {
		m.Notes = append(m.Notes, fmt.Sprintf("%s can have more than 1 MiB at the source; StarRocks refuses such a row, which then stops the table: SET 'on-bad-row' = 'dead-letter' has it left out and written to a file", strings.Join(long, ", ")))
	}
	m.Notes = append(m.Notes, parsed.notes...)
	return m, diag.Join(problems...)
}

func noKey(source *change.Table) error {
	return &diag.Problem{
		Code:    CodeNoKey,
		Message: fmt.Sprintf("table %s has no primary key, so its changes cannot be told apart", source.Name),
		Fix:     fmt.Sprintf("ALTER TABLE %s.%s ADD PRIMARY KEY (…);", quoteName(source.Database), quoteName(source.Table)),
	}
}

func mapColumn(source *change.Table, i int, cluster has) (MappedColumn, int, error) {
	c := &source.Columns[i]
	key := source.IsKey(i)
	t := targetType(c.Type, key, cluster)
	column := MappedColumn{
		Name: c.Name, Source: i, SourceType: c.Type.String(), Type: t.text,
		Nullable: (c.Nullable || c.Type.ZeroDates == change.NullZeroDates) && !key, Key: key, Comment: c.Comment,
	}
	notes := []string{t.note}
	if !key {
		// A key column's default could never be used: every row brings its key.
		literal, note := targetDefault(c)
		column.Default = literal
		notes = append(notes, note)
	}
	if c.Generated {
		notes = append(notes, "generated at the source, a plain column here")
	}
	column.Note = joinNotes(notes)
	return column, t.keyBytes, diag.Join(typeProblem(source.Name, c, key, t), nameProblem(source.Name, c.Name))
}

func columnsBeyondMiB(columns []MappedColumn) (names []string) {
	for _, c := range columns {
		if strings.Contains(c.Note, beyondMiB) {
			names = append(names, "`"+c.Name+"`")
		}
	}
	return names
}

func joinNotes(notes []string) string {
	var said []string
	for _, n := range notes {
		if n != "" {
			said = append(said, n)
		}
	}
	return strings.Join(said, "; ")
}

func typeProblem(table change.Name, c *change.Column, key bool, t typed) error {
	switch {
	case t.refusal == "":
		return nil
	case key:
		return &diag.Problem{
			Code:    CodeKeyType,
			Message: fmt.Sprintf("column `%s` of %s: %s", c.Name, table, t.refusal),
			Fix:     "choose another primary key at the source, or take the table out of the script.",
		}
	}
	return &diag.Problem{
		Code:    CodeType,
		Message: fmt.Sprintf("column `%s` of %s: %s", c.Name, table, t.refusal),
		Fix:     "take the table out of the script, or change the column's type at the source; a later version carries it.",
	}
}

// nameProblem checks what StarRocks and the headers of a load allow in a name.
func nameProblem(table change.Name, name string) error {
	control := strings.ContainsFunc(name, func(r rune) bool { return r < 0x20 || r == 0x7f })
	if !control && !strings.ContainsAny(name, "=<>!*") && !reservedColumns[strings.ToLower(name)] {
		return nil
	}
	return &diag.Problem{
		Code:    CodeColumnName,
		Message: fmt.Sprintf("column %q of %s: StarRocks allows no such column name in a primary key table", name, table),
		Fix:     "rename the column at the source: no control characters, none of = < > ! *, and not __op, __row or ___count___.",
	}
}

func keyProblem(spec TableSpec, named []string) error {
	where := "'starrocks.create.table.properties' says PRIMARY KEY(%s)"
	if spec.Shape.Key != nil {
		where = "the statement says PRIMARY KEY (%s)"
	}
	return &diag.Problem{
		Code: CodeProperties,
		Message: fmt.Sprintf("table %s: "+where+", but the primary key of %s is (%s)",
			spec.Target, strings.Join(named, ", "), spec.Source.Name, strings.Join(spec.Source.KeyNames(), ", ")),
		Fix: fmt.Sprintf("write primary key(%s) there; the order may differ, none may be left out, and others must be columns of the source or be added.", strings.Join(spec.Source.KeyNames(), ", ")),
	}
}
