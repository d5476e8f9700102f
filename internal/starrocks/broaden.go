package starrocks

import (
	"fmt"
	"strings"

	"starferry/internal/change"
)

// A broadened table has the widest type of each family, so that a column that gets wider
// at the source changes nothing in it. Unsigned integers are a family of their own: the
// widest is BIGINT UNSIGNED. DECIMAL goes to the 38 digits that every version has, and
// BIT begins with two bits: one is a BOOLEAN. Text of a key stays as it is, since a key
// has 128 bytes; and so do FLOAT, whose value as a DOUBLE is another text, and the types
// of time, which have no wider one.

// mapWide is mapColumn for a table that may be broadened.
func mapWide(source *change.Table, i int, cluster has, broadened bool) (MappedColumn, int, error) {
	column, width, err := mapColumn(source, i, cluster)
	if broadened && err == nil {
		column.narrow = column.Type
		if wide := widestType(column.Type, &source.Columns[i].Type, column.Key); wide != column.Type {
			column.Type = wide
			column.Note = joinNotes([]string{column.Note, "the widest of its family"})
			if column.Key {
				width = map[string]int{"BIGINT": 8, "LARGEINT": 16}[wide]
			}
		}
	}
	return column, width, err
}

// isHeldBy tells that a column of that type holds what this one is to. A broadened table
// may have what was the widest, or not yet wide, before the source's column changed.
func (c *MappedColumn) isHeldBy(have string) bool {
	return have == c.Type || c.narrow != "" && (have == c.narrow || have == "LARGEINT" && c.Type == "BIGINT")
}

// widestType is the widest type of the family of a column's.
func widestType(target string, source *change.Type, key bool) string {
	switch {
	case source.IsInteger() && source.Unsigned, source.Base == change.Bit && source.Length > 1:
		return "LARGEINT"
	case source.IsInteger():
		return "BIGINT"
	case key:
	case (source.IsText() || source.Base == change.Enum || source.Base == change.Set) && strings.HasPrefix(target, "VARCHAR("):
		return fmt.Sprintf("VARCHAR(%d)", maxVarchar)
	case source.IsBinary() && strings.HasPrefix(target, "VARBINARY"):
		return fmt.Sprintf("VARBINARY(%d)", maxVarchar)
	case source.Base == change.Decimal && source.Precision <= maxDecimal && strings.HasPrefix(target, "DECIMAL("):
		return fmt.Sprintf("DECIMAL(%d,%d)", maxDecimal, source.Scale)
	}
	return target
}
