package emulator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestKeysAnswerAsTheWholeTableDoes asks every question twice: so that the keys answer
// it, and so that everything has to be read.
func TestKeysAnswerAsTheWholeTableDoes(t *testing.T) {
	t.Parallel()
	w := start(t, Config{})
	w.exec("CREATE DATABASE d", "USE d",
		"CREATE TABLE d.t (a INT NOT NULL, b VARCHAR(20) NOT NULL, c DATETIME NOT NULL, v INT) PRIMARY KEY(a, b, c)",
		"CREATE TABLE d.one (id BIGINT NOT NULL, v INT) PRIMARY KEY(id)")
	r := rand.New(rand.NewPCG(1, 2))
	texts := []string{"", "x", "X", "x ", "xx", `\0`, "é", "10", "9"}
	number := func() string { return fmt.Sprint(r.IntN(12) - 4) }
	text := func() string { return "'" + texts[r.IntN(len(texts))] + "'" }
	at := func() string { return fmt.Sprintf("CAST('2024-01-0%d 00:00:00.5' AS DATETIME)", 1+r.IntN(3)) }
	list := func(of func() string) string {
		items := make([]string, 1+r.IntN(4))
		for i := range items {
			items[i] = of()
		}
		return strings.Join(items, ", ")
	}
	fill := func() {
		w.exec(fmt.Sprintf("INSERT INTO d.t VALUES (%s, %s, %s, 1)", number(), text(), at()), fmt.Sprintf("INSERT INTO d.one VALUES (%s, 2)", number()))
	}
	for range 150 {
		fill()
	}
	found := 0
	for range 600 {
		conditions := []string{
			fmt.Sprintf("a = %s AND b IN (%s) AND c = %s", number(), list(text), at()),
			fmt.Sprintf("a IN (%s) AND ((a = %s AND b = %s AND c IN (%s)) OR (a = %s AND b = %s AND c IN (%s)))", list(number), number(), text(), list(at), number(), text(), list(at)),
			fmt.Sprintf("a IN (%s) AND b = %s AND c >= %s", list(number), text(), at()),
			fmt.Sprintf("a = '%s' AND b = %s AND c = %s", number(), text(), at()),
			fmt.Sprintf("a >= %s AND (a > %[1]s OR (b > %s))", number(), text()),
			fmt.Sprintf("a > %s", number()),
			fmt.Sprintf("v = 1 AND a = %s AND b = %s AND c IN (%s)", number(), text(), list(at)),
		}
		condition := conditions[r.IntN(len(conditions))]
		tail := fmt.Sprintf(" LIMIT %d", 1+r.IntN(20))
		ordered := w.rows("SELECT a, b, c FROM d.t WHERE " + condition + " ORDER BY a, b, c" + tail)
		whole := w.rows("SELECT a, b, c FROM d.t WHERE NOT (NOT (" + condition + ")) ORDER BY a + 0, b, c" + tail)
		if !slices.Equal(ordered, whole) {
			t.Fatalf("%s%s:\n%q, by all rows\n%q", condition, tail, ordered, whole)
		}
		found += len(ordered)
		some, all := w.rows("SELECT a, b, c FROM d.t WHERE "+condition), w.rows("SELECT a, b, c FROM d.t WHERE NOT (NOT ("+condition+"))")
		if !slices.Equal(some, all) {
			t.Fatalf("%s:\n%q, by all rows\n%q", condition, some, all)
		}
		one := fmt.Sprintf("id > %s", number())
		if x, y := w.rows("SELECT id FROM d.one WHERE "+one+" ORDER BY id"+tail), w.rows("SELECT id FROM d.one WHERE "+one+" ORDER BY id + 0"+tail); !slices.Equal(x, y) {
			t.Fatalf("%s%s: %q, by all rows %q", one, tail, x, y)
		}
		switch r.IntN(20) { // the order of the keys follows the rows
		case 0:
			w.exec("DELETE FROM d.t WHERE a = " + number())
		case 1, 2, 3:
			fill()
		case 4:
			if r.IntN(5) == 0 {
				w.exec("TRUNCATE TABLE d.t")
			}
		}
	}
	if found < 500 {
		t.Errorf("only %d rows were found: nothing was tried", found)
	}
}
