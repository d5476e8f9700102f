package emulator

import (
	"strings"
	"testing"
)

// A statement that would exhaust the stack is refused at a limit, whatever it nests or chains.
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
		_, _, err = parseStatement(src, all[0])
		if err == nil || !strings.Contains(err.Error(), "nested too deeply") && !strings.Contains(err.Error(), "more than 100000 operators") {
			t.Errorf("%s%s…: %v", c.head, c.part, err)
		}
	}
	long := "SELECT 1" + strings.Repeat(" + 1", maxLinks-1)
	w := start(t, Config{})
	if rows, err := queryRows(w.db, long); err != nil || len(rows) != 1 || rows[0] != "100000" {
		t.Errorf("a sum of %d terms: %.100q %v", maxLinks, rows, err)
	}
}
