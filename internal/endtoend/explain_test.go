package endtoend

import (
	"fmt"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

// TestExplainOnline looks at the targets as they are: what is missing, what is there, and
// what a start refuses, which is what the start then says.
func TestExplainOnline(t *testing.T) {
	t.Parallel()
	eachSource(t, explainOnline)
}

func explainOnline(t *testing.T, w *world) {
	for _, table := range []string{"fresh", "there", "other"} {
		w.exec(t, fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, v VARCHAR(20))", table), fmt.Sprintf("INSERT INTO %s VALUES (1, 'a'), (2, 'b')", table))
	}
	once := w.write(t, "once.sql", w.into("", "INCLUDING TABLE 'there'"))
	w.catchUp(t, once)
	w.target(t, fmt.Sprintf("CREATE TABLE %s.other (id INT NOT NULL, v DATE) PRIMARY KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num' = '1')", w.database))
	all := w.write(t, "all.sql", w.into("", ""))
	o := w.starferry(t, "explain", "--online", all)
	for _, want := range []string{
		"Selected    3 tables", w.database + ".fresh -> " + w.database + ".fresh", "At the target: the table is missing, ~2 rows", "Will run, to create it:",
		"At the target: the table is there, as it would be created, and holds 2 rows: they are kept",
		"At the target: run would leave the table out: the existing StarRocks table", "Verdict     run would start: of 2 target tables 1 would be created",
	} {
		if !strings.Contains(o.out, want) {
			t.Errorf("explain does not say %q", want)
		}
	}
	if o.code != 0 || w.hasTargetTable(t, "fresh") {
		t.Errorf("explain: %s", o)
	}
	// What is named is refused, in the same words by both.
	named := w.write(t, "named.sql", w.script("", route{from: "other", to: "other"}, route{from: "fresh", to: "fresh"}))
	o = w.starferry(t, "explain", "--online", named)
	refusal := w.starferry(t, "run", "--until-caught-up", named)
	if o.code != 1 || !strings.Contains(o.out, "Verdict     run would refuse to start") || refusal.code != 1 || o.err != refusal.err || !strings.Contains(o.err, "differs from what would be created for it") {
		t.Errorf("explain says\n%s\nand run\n%s", o, refusal)
	}
	w.target(t, "DROP TABLE "+w.database+".other")
	if o = w.starferry(t, "explain", "--online", named); o.code != 0 || !strings.Contains(o.out, "Verdict     run would start: of 2 target tables") {
		t.Errorf("explain: %s", o)
	}
}

// TestExplainOnlineMerged: what is said of a merged target holds for all its shards.
func TestExplainOnlineMerged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testbed.MySQL(t))
	for _, table := range []string{"part_1", "part_2"} {
		w.exec(t, fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, v VARCHAR(20))", table), fmt.Sprintf("INSERT INTO %s VALUES (1, 'a'), (2, 'b')", table))
	}
	merged := func(where string) string {
		return w.write(t, "merged.sql", w.catalogs()+fmt.Sprintf("\nCREATE TABLE IF NOT EXISTS parts %s AS TABLE mysql.%s.`part_[0-9]+`%s;\n", w.with(), w.database, where))
	}
	same := func(script string) {
		t.Helper()
		explained, started := w.starferry(t, "explain", "--online", script), w.starferry(t, "run", "--until-caught-up", script)
		if explained.code != 1 || !strings.Contains(explained.out, "Verdict     run would refuse to start") || started.code != 1 || explained.err != started.err {
			t.Errorf("explain says\n%s\nand run\n%s", explained, started)
		}
	}
	same(merged(" WHERE v > '2024-01-01' AND nothing = 1")) // there is no such column
	o := w.starferry(t, "explain", "--online", merged(" WHERE v <> 'b'"))
	if o.code != 0 || !strings.Contains(o.out, "the table is missing, ~4 rows") || !strings.Contains(o.out, "Verdict     run would start: of 1 target tables 1 would be created") {
		t.Errorf("%s", o)
	}
	w.target(t, fmt.Sprintf("CREATE TABLE %s.parts (id INT NOT NULL, v DATE) PRIMARY KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES('replication_num' = '1')", w.database))
	same(merged(""))
}
