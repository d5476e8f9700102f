package cells

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/replication"

	"starferry/internal/change"
)

// compareWithOracle compares the cells of an event with what go-mysql makes of it,
// for the types where it gives the value: it knows no signs without metadata, no
// charsets, no members, prints no zero fractions, takes old negative times for
// unsigned numbers, and numbers of JSON its own way.
func compareWithOracle(t *testing.T, table *change.Table, event *replication.RowsEvent, body []byte, rows *change.Rows) {
	t.Helper()
	if err := event.Decode(body); err != nil {
		t.Errorf("%s: go-mysql: %v", table.Name, err)
		return
	}
	if len(event.Rows) != rows.Len() {
		t.Errorf("%s: %d rows, go-mysql sees %d", table.Name, rows.Len(), len(event.Rows))
		return
	}
	for r, values := range event.Rows {
		for c, value := range values {
			column := &table.Columns[c]
			if column.Type.ZeroDates == change.NullZeroDates {
				continue
			}
			if (value == nil) != rows.Null(r, c) {
				t.Errorf("%s `%s`: NULL %t, go-mysql %v", table.Name, column.Name, rows.Null(r, c), value)
				continue
			}
			got := string(rows.Cell(r, c))
			if want, ok := oracleText(&column.Type, value); ok && got != want {
				t.Errorf("%s `%s` %s: %q, go-mysql %q", table.Name, column.Name, definition(&column.Type), got, want)
			}
		}
	}
}

// oracleText is go-mysql's value as a cell; false where it says nothing.
func oracleText(t *change.Type, value any) (string, bool) {
	if value == nil || t.ZeroDates != change.KeepZeroDates {
		return "", false
	}
	switch {
	case t.IsInteger() && !t.Unsigned, t.Base == change.Date:
		return fmt.Sprint(value), true
	case t.Base == change.Decimal:
		return fmt.Sprint(value), true
	case t.Base == change.Bit:
		v, ok := value.(int64)
		return strconv.FormatUint(uint64(v), 10), ok
	case t.Base == change.DateTime:
		return fmt.Sprint(value), true
	case t.Base == change.VarChar && t.Charset == "utf8mb4", t.Base == change.VarBinary:
		return fmt.Sprint(value), true
	case t.Base == change.Text && t.Charset == "utf8mb4", t.Base == change.Blob:
		bytes, ok := value.([]byte)
		return string(bytes), ok
	case t.Base == change.Enum:
		v, ok := value.(int64)
		if !ok || v == 0 {
			return "", ok
		}
		return t.Members[v-1], true
	case t.Base == change.Set:
		v, ok := value.(int64)
		var members []string
		for i, m := range t.Members {
			if v&(1<<i) != 0 {
				members = append(members, m)
			}
		}
		return strings.Join(members, ","), ok
	}
	return "", false
}
