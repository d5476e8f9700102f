package starrocks

import "strings"

// CreateStatement is the DDL of the target table. replication is the
// replication_num to ask for, 0 to leave it to the user's properties or StarRocks.
func (m Mapping) CreateStatement(replication int) string {
	var b strings.Builder
	b.WriteString("CREATE TABLE IF NOT EXISTS " + quoteTable(m.Target) + " (\n")
	for i := range m.Columns {
		b.WriteString("  " + m.Columns[i].definition())
		if i < len(m.Columns)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString(")\n" + m.suffix.text(m.Key, m.comment, replication))
	return b.String()
}

// definition writes a column as CREATE TABLE and ADD COLUMN take it. Clause order
// is fixed, and a default must be a quoted literal whatever its type.
func (c *MappedColumn) definition() string {
	text := quoteName(c.Name) + " " + c.Type
	if c.Nullable {
		text += " NULL"
	} else {
		text += " NOT NULL"
	}
	if c.Default != nil {
		text += " DEFAULT " + quoteText(*c.Default)
	}
	if c.Comment != "" {
		text += " COMMENT " + quoteText(c.Comment)
	}
	return text
}
