package emulator

import (
	"strings"
	"testing"
	"time"
)

// A statement that would exhaust the stack is refused, and quickly, whatever it nests or chains.
func TestStatementsWithoutEnd(t *testing.T) {
	t.Parallel()
	const n = 2 * maxLinks
	for _, c := range []struct{ head, part, tail string }{
		{"SELECT ", "(", ""}, {"SELECT ", "CASE ", ""}, {"SELECT ", "(SELECT ", "1"}, {"SELECT ", "abs(", "1"}, {"SELECT 1 FROM ", "(", "t"}, {"SELECT 1 WHERE 1 IN ", "(", "1"},
		{"SELECT ", "1+", "1"}, {"SELECT ", "1*", "1"}, {"SELECT ", "1 AND ", "1"}, {"SELECT ", "1 OR ", "1"}, {"SELECT ", "1=", "1"}, {"SELECT 1", " IS NULL", ""},
		{"SELECT 1 FROM t", " JOIN t", ""}, {"SELECT 1 FROM t", ",t", ""},
	} {
		src := c.head + strings.Repeat(c.part, n) + c.tail
		all, err := splitStatements(src)
		if err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		if _, _, err = parseStatement(src, all[0]); err == nil {
			t.Errorf("%s%s…: taken", c.head, c.part)
		}
		if took := time.Since(started); took > 5*time.Second {
			t.Errorf("%s%s…: refused after %s", c.head, c.part, took)
		}
	}
	long := "SELECT 1" + strings.Repeat(" + 1", maxLinks-1)
	w := start(t, Config{})
	if rows, err := queryRows(w.db, long); err != nil || len(rows) != 1 || rows[0] != "100000" {
		t.Errorf("a sum of %d terms: %.100q %v", maxLinks, rows, err)
	}
}
