package starrocks

import (
	"fmt"
	"slices"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// differences lists how an existing table differs from the mapping, which columns it
// lacks, and what is different but harmless.
//
// Columns that are only at the target are what stays of columns dropped at the
// source: fine when they take NULL. Defaults do not matter to loads, which name
// every column. The order of the columns matters only inside the key.
func (m Mapping) differences(columns []existingColumn, key []string) (differences []string, missing []*MappedColumn, notes []string) {
	if key == nil {
		differences = append(differences, "it is not a PRIMARY KEY table")
	} else if !slices.EqualFunc(key, m.Key, strings.EqualFold) {
		differences = append(differences, fmt.Sprintf("its primary key is (%s), it would be (%s)", strings.Join(key, ", "), strings.Join(m.Key, ", ")))
	}
	seen := make([]bool, len(columns))
	for i := range m.Columns {
		want := &m.Columns[i]
		at := slices.IndexFunc(columns, func(c existingColumn) bool { return strings.EqualFold(c.name, want.Name) })
		if at < 0 {
			missing = append(missing, want)
			continue
		}
		seen[at] = true
		different, note := m.compareColumn(want, &columns[at])
		differences = append(differences, different...)
		if note != "" {
			notes = append(notes, note)
		}
	}
	for i, extra := range columns {
		if seen[i] {
			continue
		}
		if extra.nullable && !extra.key {
			notes = append(notes, fmt.Sprintf("column `%s` is only in StarRocks: it is filled with NULL", extra.name))
			continue
		}
		differences = append(differences, fmt.Sprintf("column `%s` %s is not in the source table and cannot be filled with NULL", extra.name, shape(extra.typ, extra.nullable)))
	}
	return differences, missing, notes
}

func (m Mapping) compareColumn(want *MappedColumn, have *existingColumn) (different []string, note string) {
	if !m.merged {
		return want.compare(have)
	}
	narrow, different := want.fitsMerged(have)
	if narrow {
		note = fmt.Sprintf("column `%s` is %s: it is widened with the first row that has %s", have.name, have.typ, want.Type)
	}
	return different, note
}

// holds compares the columns that both sides have. narrow are those of a merged table that
// are to be widened first.
func (c *Client) holds(table change.Name, columns []existingColumn, source *change.Table) (narrow []int, err error) {
	var differences []string
	spec := c.specOf(table)
	keyed, err := spec.keyOf(source)
	if err != nil {
		return nil, err
	}
	for i := range source.Columns {
		at := slices.IndexFunc(columns, func(have existingColumn) bool { return strings.EqualFold(have.name, source.Columns[i].Name) })
		if at < 0 || spec.Shape.Leaves(source.Columns[i].Name) {
			continue
		}
		want, _, err := mapWide(keyed, i, typesOf(c.version), spec.Broadened)
		if err != nil {
			return nil, err
		}
		if spec.Merged {
			isNarrow, different := want.fitsMerged(&columns[at])
			if isNarrow {
				narrow = append(narrow, at)
			}
			differences = append(differences, different...)
			continue
		}
		different, _ := want.compare(&columns[at])
		differences = append(differences, different...)
	}
	for i := range spec.Shape.Computed {
		gone := func(name string) bool { return source.Index(name) < 0 }
		if slices.ContainsFunc(spec.Shape.Computed[i].Value.Columns(), gone) {
			continue // which the caller judges
		}
		if _, err := spec.typed(&spec.Shape.Computed[i], keyed, typesOf(c.version)); err != nil {
			return nil, err
		}
	}
	if len(differences) == 0 {
		return narrow, nil
	}
	return nil, &diag.Problem{
		Code:    CodeDifferent,
		Message: fmt.Sprintf("the StarRocks table %s cannot hold the rows of %s as they are now:\n- %s", readableTable(table), source.Name, strings.Join(differences, "\n- ")),
		Fix:     fmt.Sprintf("DROP TABLE %s;   in StarRocks, then\n     starferry run SCRIPT --data-dir NEW\n   which creates the table and copies it anew. Until then nothing is lost: the position is kept.", readableTable(table)),
	}
}

func (c *MappedColumn) compare(have *existingColumn) (differences []string, note string) {
	if !c.isHeldBy(have.typ) {
		differences = append(differences, fmt.Sprintf("column `%s` is %s, it would be %s", c.Name, have.typ, c.Type))
	}
	if have.nullable != c.Nullable {
		differences = append(differences, fmt.Sprintf("column `%s` is %s, it would be %s", c.Name, nullability(have.nullable), nullability(c.Nullable)))
	}
	if have.key != c.Key {
		text := "is not a key column, it would be one"
		if have.key {
			text = "is a key column, it would not be one"
		}
		differences = append(differences, fmt.Sprintf("column `%s` %s", c.Name, text))
	}
	if !c.Key && len(differences) == 0 && !sameDefault(c.Default, have.def) {
		note = fmt.Sprintf("column `%s` has the default %s, the source %s: no load uses it", c.Name, printDefault(have.def), printDefault(c.Default))
	}
	return differences, note
}

func (c *MappedColumn) shape() string { return shape(c.Type, c.Nullable) }

func shape(typ string, nullable bool) string { return typ + " " + nullability(nullable) }

func nullability(nullable bool) string {
	if nullable {
		return "NULL"
	}
	return "NOT NULL"
}

func sameDefault(a, b *string) bool {
	if a == nil || b == nil {
		return a == b || a == nil && *b == "NULL"
	}
	return *a == *b
}

func printDefault(d *string) string {
	if d == nil {
		return "none"
	}
	return quoteText(*d)
}
