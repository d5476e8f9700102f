package mysql

import (
	"strconv"
	"strings"

	"starferry/internal/change"
	"starferry/internal/mysql/cells"
)

// A statement asks for so many keys at most: MariaDB makes a subquery of a list of 1000,
// and MySQL gives up on ranges that need too much memory.
const (
	keysAtOnce     = 500
	keysBytesATime = 256 << 10
)

// pageQuery is the SELECT of a page.
func pageQuery(t *change.Table, after, until *change.Rows, limit int) string {
	query := selectList(t)
	if condition := span(t, after, until); condition != "" {
		query += " WHERE " + condition
	}
	return query + " ORDER BY " + order(t, "") + " LIMIT " + strconv.Itoa(limit)
}

// selectList is a SELECT up to its condition. Columns are named and qualified, so that
// no expression of the list hides one from ORDER BY.
func selectList(t *change.Table) string {
	return selectColumns(t, allColumns(t))
}

func selectColumns(t *change.Table, columns []int) string {
	expressions := make([]string, len(columns))
	for n, i := range columns {
		expressions[n] = cells.SelectExpression(&t.Columns[i], t.IsKey(i), keyName(t, i))
	}
	return "SELECT " + strings.Join(expressions, ", ") + " FROM " + quotedTable(t.Name) + " AS t FORCE INDEX (PRIMARY)"
}

func keyName(t *change.Table, column int) string { return "t." + quoted(t.Columns[column].Name) }

// order names the key columns, each with the direction behind it.
func order(t *change.Table, direction string) string {
	names := make([]string, len(t.Key))
	for n, k := range t.Key {
		names[n] = keyName(t, k) + direction
	}
	return strings.Join(names, ", ")
}

// span is the condition for keys behind after and up to until, "" when both are open.
func span(t *change.Table, after, until *change.Rows) string {
	var conditions []string
	if after != nil {
		conditions = append(conditions, "("+beyond(t, after, ">", "")+")")
	}
	if until != nil {
		conditions = append(conditions, "("+beyond(t, until, "<", "=")+")")
	}
	return strings.Join(conditions, " AND ")
}

// beyond is the condition for keys on one side of a key: a > x OR (a = x AND (b > y OR
// (b = y AND …))), and with inclusive = "=" for the key itself too. It is the form that
// both servers read as ranges of the primary key, next to one another; a tuple
// comparison is not (MySQL scans from the start for it).
func beyond(t *change.Table, key *change.Rows, side, inclusive string) string {
	condition := ""
	for n := len(t.Key) - 1; n >= 0; n-- {
		c := &t.Columns[t.Key[n]]
		value := string(cells.KeyLiteral(nil, c, key.Cell(0, n)))
		name := keyName(t, t.Key[n])
		if condition == "" {
			condition = name + " " + side + inclusive + " " + value
			continue
		}
		condition = name + " " + side + " " + value + " OR (" + name + " = " + value + " AND (" + condition + "))"
	}
	return condition
}

// keysQuery asks for the rows of the keys from begin, and says where the next query has
// to begin.
func keysQuery(t *change.Table, keys *change.Rows, begin int) (query string, end int) {
	var b strings.Builder
	b.WriteString(selectList(t) + " WHERE ")
	last := len(t.Key) - 1
	literal := func(row, n int) string {
		return string(cells.KeyLiteral(nil, &t.Columns[t.Key[n]], keys.Cell(row, n)))
	}
	if last == 0 {
		b.WriteString(keyName(t, t.Key[0]) + " IN (")
	}
	for end = begin; end < keys.Len() && end-begin < keysAtOnce && b.Len() < keysBytesATime; end++ {
		if last == 0 {
			if end > begin {
				b.WriteString(", ")
			}
			b.WriteString(literal(end, 0))
			continue
		}
		if end > begin {
			b.WriteString(" OR ")
		}
		for n, k := range t.Key {
			lead := " AND "
			if n == 0 {
				lead = "("
			}
			b.WriteString(lead + keyName(t, k) + " = " + literal(end, n))
		}
		b.WriteByte(')')
	}
	if last == 0 {
		b.WriteByte(')')
	}
	return b.String(), end
}
