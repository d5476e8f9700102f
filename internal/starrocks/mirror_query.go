package starrocks

import (
	"strconv"
	"strings"

	"starferry/internal/change"
)

// A statement asks for so much at most: StarRocks takes 10,000 elements in a list by
// default, and reads long ones slowly.
const (
	queryBytes  = 256 << 10
	queryKeys   = 4000
	queryGroups = 256
	// groupsTogether is how many groups stand in one pair of parentheses: without them
	// the tree of ORs would be as deep as there are groups.
	groupsTogether = 16
)

// rowsQuery asks for the rows of the keys from begin, and says where the next query
// has to begin. Keys that differ in the last part only share a list; keys of a source's
// page are in its order, so that they stand together. Of a key of several parts the
// first stands alone as well, so that what cannot match is passed over quickly.
func (r *reading) rowsQuery(keys *change.Rows, begin int) (query string, end int) {
	var firsts []string
	var b strings.Builder
	last := keys.Width() - 1
	end = begin
	for groups, bytes := 0, 0; end < keys.Len() && end-begin < queryKeys && groups < queryGroups && b.Len()+bytes < queryBytes; groups++ {
		switch {
		case groups > 0 && groups%groupsTogether == 0:
			b.WriteString(") OR (")
		case groups > 0:
			b.WriteString(" OR ")
		}
		b.WriteByte('(')
		for n := range last {
			value := r.literal(keys, end, n)
			b.WriteString(r.name(r.source.Key[n]) + " = " + value + " AND ")
			if n == 0 && (len(firsts) == 0 || firsts[len(firsts)-1] != value) {
				firsts = append(firsts, value)
				bytes += len(value) + 2
			}
		}
		b.WriteString(r.name(r.source.Key[last]) + " IN (")
		for first := end; end < keys.Len() && end-begin < queryKeys && (end == first || b.Len()+bytes < queryBytes) && sameGroup(keys, first, end); end++ {
			if end > first {
				b.WriteString(", ")
			}
			b.WriteString(r.literal(keys, end, last))
		}
		b.WriteString("))")
	}
	names := make([]string, len(r.columns))
	for n, i := range r.columns {
		names[n] = quoteName(r.layout.Columns[i].Name)
	}
	for _, c := range r.computed {
		if c.volatile {
			names = append(names, "TRUE")
		} else {
			names = append(names, "("+quoteName(c.name)+" <=> "+c.sql+")")
		}
	}
	query = "SELECT " + strings.Join(names, ", ") + " FROM " + quoteTable(r.target) + " WHERE "
	if r.part != "" {
		query += r.part + " AND "
	}
	if last > 0 {
		query += r.name(r.source.Key[0]) + " IN (" + strings.Join(firsts, ", ") + ") AND "
	}
	// A limit of its own, so that none of the session's cuts the answer.
	// With a computed part of the key there may be more than one row where one should be.
	limit := end - begin
	if len(r.computed) > 0 {
		limit *= 4
	}
	return query + "((" + b.String() + ")) LIMIT " + strconv.Itoa(limit), end
}

// sameGroup tells keys that differ in the last part only.
func sameGroup(keys *change.Rows, a, b int) bool {
	for n := range keys.Width() - 1 {
		if string(keys.Cell(a, n)) != string(keys.Cell(b, n)) {
			return false
		}
	}
	return true
}

// keysQuery asks for the keys behind after. The first condition stands alone, so that
// the sorted data is entered where the keys begin.
func (r *reading) keysQuery(after *change.Rows, limit int) string {
	names := make([]string, len(r.source.Key))
	for n := range names {
		names[n] = r.name(r.source.Key[n])
	}
	order := make([]string, len(r.key))
	for i, n := range r.key {
		order[i] = names[n]
	}
	query := "SELECT " + strings.Join(names, ", ") + " FROM " + quoteTable(r.target)
	switch {
	case r.part != "" && after != nil:
		query += " WHERE " + r.part + " AND (" + r.behind(after, order) + ")"
	case r.part != "":
		query += " WHERE " + r.part
	case after != nil:
		query += " WHERE " + r.behind(after, order)
	}
	return query + " ORDER BY " + strings.Join(order, ", ") + " LIMIT " + strconv.Itoa(limit)
}

func (r *reading) behind(after *change.Rows, order []string) string {
	condition := ""
	for i := len(r.key) - 1; i >= 0; i-- {
		value := r.literal(after, 0, r.key[i])
		if condition == "" {
			condition = order[i] + " > " + value
			continue
		}
		condition = order[i] + " >= " + value + " AND (" + order[i] + " > " + value + " OR (" + condition + "))"
	}
	return condition
}

// literal writes part n of a key so that StarRocks compares the column with a value of
// the column's own type: beside a text it would compare numbers as DOUBLE, and times
// by their spelling.
func (r *reading) literal(keys *change.Rows, row, n int) string {
	t := &r.keyColumn(n).Type
	cell := keys.Cell(row, n)
	switch t.Base {
	case change.Date:
		return "CAST(" + quoteText(string(cell)) + " AS DATE)"
	case change.DateTime, change.Timestamp:
		return "CAST(" + quoteText(string(trimFraction(cell))) + " AS DATETIME)"
	}
	if t.IsBinary() {
		return quoteText(string(appendHex(nil, cell)))
	}
	if number := string(cell); (t.IsInteger() || t.Base == change.Boolean || t.Base == change.Bit || t.Base == change.Year) && isWhole(number) {
		return number
	}
	return quoteText(string(cell))
}

func isWhole(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}
