package endtoend

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The oracle: the whole table, every column of every row, SELECT at the source
// against SELECT at the target. Nothing of the product's takes part in it.

// sourceColumn is a column as information_schema describes it.
type sourceColumn struct {
	name, base, full string
	charset          string
	key              bool
}

func (w *world) sourceColumns(t testing.TB, table string) []sourceColumn {
	t.Helper()
	rows, err := w.source.DB().QueryContext(t.Context(), `SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, COALESCE(CHARACTER_SET_NAME, ''), COLUMN_KEY = 'PRI'
		FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`, w.database, table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var columns []sourceColumn
	for rows.Next() {
		var c sourceColumn
		if err := rows.Scan(&c.name, &c.base, &c.full, &c.charset, &c.key); err != nil {
			t.Fatal(err)
		}
		columns = append(columns, c)
	}
	if err := rows.Err(); err != nil || len(columns) == 0 {
		t.Fatalf("table %s has %d columns: %v", table, len(columns), err)
	}
	return columns
}

// expression selects a column so that nothing of its value is lost: FLOAT is rounded
// by SELECT unless it is computed as a DOUBLE.
func (c *sourceColumn) expression() string {
	name := "`" + c.name + "`"
	switch {
	case c.base == "float":
		return name + " + 0e0"
	case c.base == "bit":
		return name + " + 0"
	case c.key && strings.Contains(c.base, "binary"):
		return "HEX(" + name + ")"
	case c.base == "geometry" || c.base == "point":
		return "CONCAT(IF(ST_SRID(" + name + ") = 0, '', CONCAT('SRID=', ST_SRID(" + name + "), ';')), ST_AsText(" + name + "))"
	case c.base == "vector":
		return "VECTOR_TO_STRING(" + name + ")"
	case c.charset != "" && c.charset != "utf8mb4":
		return "CONVERT(" + name + " USING utf8mb4)"
	}
	return name
}

const null = "\x00NULL"

// tableRows are rows by key, both in the plain form of canonical.
type tableRows map[string][]string

func (w *world) sourceRows(t testing.TB, table string, columns []sourceColumn) tableRows {
	t.Helper()
	conn, err := w.source.DB().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "SET SESSION time_zone = '+00:00', sql_mode = '', sql_select_limit = DEFAULT"); err != nil {
		t.Fatal(err)
	}
	var selected []string
	for i := range columns {
		selected = append(selected, columns[i].expression())
	}
	rows, err := conn.QueryContext(t.Context(), fmt.Sprintf("SELECT %s FROM %s.%s", strings.Join(selected, ", "), w.database, table))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := tableRows{}
	cells := make([]sql.NullString, len(columns))
	into := make([]any, len(columns))
	for i := range cells {
		into[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		row := make([]string, len(columns))
		var key []string
		for i := range columns {
			row[i] = null
			if cells[i].Valid {
				row[i] = columns[i].canonical(cells[i].String)
			}
			if columns[i].key {
				key = append(key, row[i])
			}
		}
		found[strings.Join(key, "\x00")] = row
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

// targetRows reads the target; the columns come in the order of the source's. extra
// names what the target has beyond them.
func (w *world) targetRows(t testing.TB, table string, columns []sourceColumn) (found tableRows, extra []string) {
	t.Helper()
	names, rows := w.readTarget(t, table)
	at := make([]int, len(columns))
	for i := range columns {
		at[i] = slices.Index(names, columns[i].name)
		if at[i] < 0 {
			t.Fatalf("target %s has no column %s: %q", table, columns[i].name, names)
		}
	}
	for i, name := range names {
		if !slices.Contains(at, i) {
			extra = append(extra, name)
		}
	}
	found = tableRows{}
	for _, r := range rows {
		row := make([]string, len(columns))
		var key []string
		for i := range columns {
			row[i] = null
			if cell := r[at[i]]; cell.Valid {
				row[i] = columns[i].canonical(cell.String)
			}
			if columns[i].key {
				key = append(key, row[i])
			}
		}
		found[strings.Join(key, "\x00")] = row
	}
	if len(found) != len(rows) {
		t.Errorf("target %s has %d rows with %d keys", table, len(rows), len(found))
	}
	return found, extra
}

// canonical is one spelling for what both sides print differently and is the same
// value: fractions of seconds, floats, JSON, zerofill. Text stays as it is.
func (c *sourceColumn) canonical(text string) string {
	switch c.base {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "year", "bit":
		if n, ok := new(big.Rat).SetString(text); ok {
			return n.RatString()
		}
	case "float":
		if v, err := strconv.ParseFloat(text, 32); err == nil {
			return strconv.FormatFloat(v, 'e', -1, 32)
		}
	case "double":
		if v, err := strconv.ParseFloat(text, 64); err == nil {
			return strconv.FormatFloat(v, 'e', -1, 64)
		}
	case "datetime", "timestamp":
		if strings.Contains(text, ".") {
			return strings.TrimRight(strings.TrimRight(text, "0"), ".")
		}
	case "json":
		return canonicalJSON(text)
	case "vector":
		var numbers []string
		for _, number := range strings.Split(strings.Trim(text, "[]"), ",") {
			if v, err := strconv.ParseFloat(number, 32); err == nil {
				numbers = append(numbers, strconv.FormatFloat(v, 'e', 5, 32))
			}
		}
		return strings.Join(numbers, " ")
	}
	return text
}

// canonicalJSON sorts keys and writes numbers by value.
func canonicalJSON(text string) string {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return text
	}
	var numbers func(v any) any
	numbers = func(v any) any {
		switch v := v.(type) {
		case json.Number:
			if n, ok := new(big.Rat).SetString(v.String()); ok {
				return "number " + n.RatString()
			}
		case []any:
			for i := range v {
				v[i] = numbers(v[i])
			}
		case map[string]any:
			for k := range v {
				v[k] = numbers(v[k])
			}
		}
		return v
	}
	out, err := json.Marshal(numbers(v))
	if err != nil {
		return text
	}
	return string(out)
}

// compare fails the test unless both tables hold the same rows. It answers with
// how many, and with the columns that only the target has.
func (w *world) compare(t testing.TB, from, to string) (rows int, extra []string) {
	t.Helper()
	began := time.Now()
	columns := w.sourceColumns(t, from)
	want := w.sourceRows(t, from, columns)
	got, extra := w.targetRows(t, to, columns)
	if problems := differences(columns, want, got); len(problems) > 0 {
		t.Errorf("%s has %d rows, %s has %d; %d differ:\n%s", from, len(want), to, len(got), len(problems),
			strings.Join(problems[:min(len(problems), 10)], "\n"))
		return len(want), extra
	}
	t.Logf("%s and %s: %d rows of %d columns are equal (compared in %v)", from, to, len(want), len(columns), time.Since(began).Round(time.Millisecond))
	return len(want), extra
}

// awaitEqual waits until the target has the table as the source has it.
func (w *world) awaitEqual(t *testing.T, table string) {
	t.Helper()
	columns := w.sourceColumns(t, table)
	eventually(t, func() string {
		if !w.hasTargetTable(t, table) {
			return "it is not created"
		}
		names, _ := w.readTarget(t, table)
		for i := range columns {
			if !slices.Contains(names, columns[i].name) {
				return "it lacks " + columns[i].name
			}
		}
		got, _ := w.targetRows(t, table, columns)
		return strings.Join(differences(columns, w.sourceRows(t, table, columns), got), "\n")
	})
	w.compare(t, table, table)
}

func differences(columns []sourceColumn, want, got tableRows) (problems []string) {
	for key, row := range want {
		other, ok := got[key]
		if !ok {
			problems = append(problems, fmt.Sprintf("missing at the target: %.300q", row))
			continue
		}
		for i := range row {
			if row[i] != other[i] {
				problems = append(problems, fmt.Sprintf("key %.60q, column %s %s: source %.200q, target %.200q", key, columns[i].name, columns[i].full, row[i], other[i]))
			}
		}
	}
	for key, row := range got {
		if _, ok := want[key]; !ok {
			problems = append(problems, fmt.Sprintf("only at the target: %.300q", row))
		}
	}
	slices.Sort(problems)
	return problems
}

// TestTheOracleSeesDifferences: an oracle that cannot fail proves nothing.
func TestTheOracleSeesDifferences(t *testing.T) {
	t.Parallel()
	columns := []sourceColumn{{name: "id", base: "int", key: true}, {name: "a", base: "varchar"}}
	row := func(cells ...string) tableRows { return tableRows{cells[0]: cells} }
	for name, c := range map[string]struct{ want, got tableRows }{
		"missing":   {row("1", "x"), tableRows{}},
		"only here": {tableRows{}, row("1", "x")},
		"a cell":    {row("1", "x"), row("1", "y")},
		"NULL":      {row("1", null), row("1", "NULL")},
		"empty":     {row("1", ""), row("1", null)},
	} {
		if len(differences(columns, c.want, c.got)) != 1 {
			t.Errorf("%s is not seen", name)
		}
	}
	if d := differences(columns, row("1", "x"), row("1", "x")); len(d) > 0 {
		t.Error(d)
	}
	number, text := sourceColumn{base: "decimal"}, sourceColumn{base: "varchar"}
	if number.canonical("007.50") != number.canonical("7.5") || number.canonical("7.5") == number.canonical("7.51") || text.canonical("7.50") == text.canonical("7.5") {
		t.Error("spellings")
	}
	if canonicalJSON(`{"b": 1.0, "a": [1e1]}`) != canonicalJSON(`{"a":[10],"b":1}`) || canonicalJSON(`{"a":"1"}`) == canonicalJSON(`{"a":1}`) {
		t.Error("JSON")
	}
}
