package endtoend

import (
	"fmt"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

// TestTwoTargetDatabases: with the position inside each has a transaction and a row of its
// own. A process that dies between the two commits leaves an epoch that is visible in one of
// them only: the next one loads it again, and the first shows nothing from before it.
func TestTwoTargetDatabases(t *testing.T) {
	t.Parallel()
	o := ways[1]
	w := o.world(t, testbed.MySQL(t))
	other := *w
	other.database += "_too"
	w.target(t, "CREATE DATABASE "+other.database)
	t.Cleanup(func() { w.dropTarget(t, "DROP DATABASE IF EXISTS "+other.database+" FORCE") })
	other.grantTarget(t)
	w.exec(t, "CREATE TABLE a (id INT PRIMARY KEY, v INT)", "CREATE TABLE b (id INT PRIMARY KEY, v INT)", "INSERT INTO a VALUES (1, 1), (2, 2)", "INSERT INTO b VALUES (1, 1), (2, 2)")
	text := w.script(o.epochs("100ms"), route{"a", "a", exactlyOnce}, route{"b", "b", exactlyOnce})
	first, second, _ := strings.Cut(text, "CREATE TABLE IF NOT EXISTS b WITH (")
	second = strings.Replace(second, "'database-name' = '"+w.database+"', 'jdbc-url'", "'database-name' = '"+other.database+"', 'jdbc-url'", 1)
	script := w.write(t, "two.sql", first+"CREATE TABLE IF NOT EXISTS "+other.database+".b WITH ("+second)
	w.catchUp(t, script)
	for n, crashes := range [][]string{{"transaction-committed:1"}, {"commit-begins:2"}, {"epoch-saved:1"}, {"transaction-committed:1", "recovery-committed:1"}, {"transaction-committed:2", "recovery-settled:1"}} {
		w.exec(t, "BEGIN", fmt.Sprintf("UPDATE a SET v = %d", 10+n), fmt.Sprintf("UPDATE b SET v = %d", 10+n), fmt.Sprintf("INSERT INTO b VALUES (%d, 0)", 10+n), "DELETE FROM a WHERE id = 2", "COMMIT")
		for _, crash := range crashes {
			point, time, _ := strings.Cut(crash, ":")
			p := w.startToCrash(t, point, int(time[0]-'0'), script)
			if ended(t, p); !hasCrashed(p) {
				t.Fatalf("it has not crashed at %s: %s", crash, p.Output())
			}
		}
	}
	w.catchUp(t, script)
	w.compare(t, "a", "a")
	want := w.sourceRows(t, "b", w.sourceColumns(t, "b"))
	got, _ := other.targetRows(t, "b", w.sourceColumns(t, "b"))
	if problems := differences(w.sourceColumns(t, "b"), want, got); len(problems) > 0 || len(want) != 7 {
		t.Errorf("%d rows: %s", len(want), strings.Join(problems, "\n"))
	}
}
