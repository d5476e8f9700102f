package endtoend

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

// One bad row, or one bad table, is that table's affair.

// tooLong is more than StarRocks' widest VARCHAR column takes.
const tooLong = "REPEAT('x', 1048577)"

// goodAndBad is a world with two tables of one kind, which are in step.
func goodAndBad(t *testing.T, settings string, with ...string) (w *world, script string) {
	t.Helper()
	w = newWorld(t, testbed.MySQL(t))
	for _, table := range []string{"good", "bad"} {
		w.exec(t, fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, note LONGTEXT)", table), fmt.Sprintf("INSERT INTO %s VALUES (1, 'one')", table))
	}
	with = append([]string{"'sink.buffer-flush.interval-ms' = '200'"}, with...)
	script = w.write(t, "two.sql", w.script(settings, route{from: "good", to: "good", with: with}, route{from: "bad", to: "bad", with: with}))
	w.catchUp(t, script)
	return w, script
}

// TestOneBadTableStopsAlone: whatever is wrong with one table, the other goes on, now
// and after a restart, and both runs say what is wrong and what helps.
func TestOneBadTableStopsAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source, target []string
		says           []string
	}{
		"a row StarRocks refuses": {source: []string{"INSERT INTO bad VALUES (7, " + tooLong + "), (8, 'fits')"},
			says: []string{"error[SF4301]", `{bad} with the key id="7"`, "out of range", "'on-bad-row' = 'dead-letter'"}},
		"a schema change that is refused": {source: []string{"ALTER TABLE bad MODIFY id BIGINT NOT NULL", "INSERT INTO bad VALUES (7, 'a')"},
			says: []string{"error[SF5005]", "column `id` changed its type from int to bigint"}},
		"emptied":                {source: []string{"TRUNCATE TABLE bad"}, says: []string{"error[SF5002]", "TRUNCATE TABLE bad"}},
		"dropped and made again": {source: []string{"DROP TABLE bad", "CREATE TABLE bad (id INT PRIMARY KEY)", "INSERT INTO bad VALUES (7)"}, says: []string{"error[SF5001]"}},
		"dropped at the target":  {target: []string{"DROP TABLE {bad}"}, source: []string{"INSERT INTO bad VALUES (7, 'a')"}, says: []string{"error[SF4009]", "{bad}"}},
		"changed at the target":  {target: []string{"ALTER TABLE {bad} ADD COLUMN theirs INT NOT NULL DEFAULT '5'"}, source: []string{"INSERT INTO bad VALUES (7, 'a')"}, says: []string{"error[SF5005]", "theirs"}},
		"not granted any more":   {target: []string{"REVOKE INSERT ON TABLE {bad} FROM USER '{user}'"}, source: []string{"INSERT INTO bad VALUES (7, 'a')"}, says: []string{"error[SF4004]", "INSERT", "GRANT "}},
		"another key at the source": {source: []string{"ALTER TABLE bad ADD COLUMN k INT NOT NULL DEFAULT 0, DROP PRIMARY KEY, ADD PRIMARY KEY (id, k)", "INSERT INTO bad VALUES (7, 'a', 1)"},
			says: []string{"error[SF5005]", "primary key changed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, script := goodAndBad(t, "SET 'row-less.change.behavior' = 'stop';")
			fill := strings.NewReplacer("{bad}", w.database+".bad", "{user}", w.user)
			if name == "not granted any more" {
				w.target(t, fill.Replace("REVOKE SELECT, INSERT, ALTER ON ALL TABLES IN DATABASE "+w.database+" FROM USER '{user}'"),
					fmt.Sprintf("GRANT SELECT, INSERT, ALTER ON TABLE %s.good TO USER '%s'", w.database, w.user),
					fill.Replace("GRANT SELECT, ALTER ON TABLE {bad} TO USER '{user}'"))
				c.target = nil
			}
			p := w.start(t, script)
			waitLine(t, p, "state=")
			for _, statement := range c.target {
				w.target(t, fill.Replace(statement))
			}
			w.exec(t, c.source...)
			w.exec(t, "INSERT INTO good VALUES (2, 'two')")
			said := waitLine(t, p, w.database+".bad is stopped, the other tables go on")
			w.awaitEqual(t, "good")
			w.stop(t, p)
			for _, part := range append(c.says, "starferry resync SCRIPT --table {bad}") {
				if part = fill.Replace(part); !strings.Contains(p.Output(), part) {
					t.Errorf("nobody says %q: %s", part, said)
				}
			}
			if !strings.Contains(p.Output(), " stopped-tables="+w.database+".bad ") {
				t.Errorf("the summary does not name the table:\n%s", p.Output())
			}
			w.exec(t, "INSERT INTO good VALUES (3, 'three')")
			o := w.starferry(t, "run", "--until-caught-up", script)
			if o.code != 1 || !strings.Contains(o.err, "table "+w.database+".bad is stopped: ") {
				t.Errorf("a run until everything is caught up does not fail for the table: %s", o)
			}
			if !strings.Contains(o.out, w.database+".bad is stopped since ") || !strings.Contains(o.out, "starferry resync SCRIPT --table "+w.database+".bad") {
				t.Errorf("the next run does not say that the table is stopped: %s", o)
			}
			w.compare(t, "good", "good")
		})
	}
}

// TestTheOnlyTableKeepsItsPosition: with nothing else to go on with the run ends, and
// after the remedy the same row is tried again.
func TestTheOnlyTableKeepsItsPosition(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testbed.MySQL(t))
	w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, note VARCHAR(20))", "INSERT INTO t VALUES (1, 'one')")
	script := w.write(t, "t.sql", w.script("", route{from: "t", to: "t"}))
	w.catchUp(t, script)
	w.target(t, fmt.Sprintf("REVOKE INSERT ON ALL TABLES IN DATABASE %s FROM USER '%s'", w.database, w.user))
	w.exec(t, "INSERT INTO t VALUES (2, 'two')")
	w.refused(t, script, "lacks INSERT")
	w.refused(t, script, "lacks INSERT")
	w.grantTarget(t)
	w.catchUp(t, script)
	w.compare(t, "t", "t")
}

// letter is a line of a file of dead letters, as far as the tests look.
type letter struct {
	Source, Op, Code, Reason string
	Key, Row                 map[string]any
	After, UpTo              struct {
		File   string
		Offset uint64
	}
}

func readLetters(t *testing.T, path string) (letters []letter) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		var l letter
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		letters = append(letters, l)
	}
	return letters
}

// TestBadRowsAreLeftOut: the rows around them, of the same load and of the same key,
// come out right.
func TestBadRowsAreLeftOut(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]struct {
		settings string
		with     []string
	}{"SET": {settings: "SET 'on-bad-row' = 'dead-letter';"}, "WITH": {with: []string{"'on-bad-row' = 'dead-letter'"}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, script := goodAndBad(t, option.settings, option.with...)
			w.exec(t, "CREATE TABLE digits (d INT PRIMARY KEY)", fillDigits,
				"INSERT INTO bad SELECT 1000 + a.d * 100 + b.d * 10 + c.d, 'fits' FROM digits a, digits b, digits c",
				"UPDATE bad SET note = "+tooLong+" WHERE id IN (1003, 1500, 1999)",
				"UPDATE bad SET note = 'again' WHERE id = 1500",
				"UPDATE bad SET id = 2003 WHERE id = 1003",
				"DELETE FROM bad WHERE id = 1999",
				"INSERT INTO good VALUES (2, 'two')")
			o := w.catchUp(t, script)
			w.compare(t, "good", "good")
			letters := readLetters(t, filepath.Join(w.folder, ".starferry", "two", "dead-letter", w.database+".bad.jsonl"))
			keys := map[string]int{}
			for _, l := range letters {
				keys[fmt.Sprint(l.Key["id"])]++
				if l.Source != w.database+".bad" || l.Op != "upsert" || l.Code != "SF4301" || !strings.Contains(l.Reason, "out of range") ||
					len(fmt.Sprint(l.Row["note"])) != 1048577 || l.UpTo.File == "" || l.UpTo.Offset < l.After.Offset {
					t.Errorf("%.300v", l)
				}
			}
			if len(letters) != 4 || keys["1003"] != 1 || keys["1500"] != 1 || keys["1999"] != 1 || keys["2003"] != 1 {
				t.Errorf("letters %v", keys)
			}
			if numbers := summary(t, o.out); numbers["dead-letters"] != 4 {
				t.Errorf("%v", numbers)
			}
			if !strings.Contains(o.out, "a row is left out and in the dead letters") {
				t.Errorf("nobody says so: %s", o)
			}
			// 1003 went with its key, 1999 was deleted, 2003 never came.
			w.exec(t, "DELETE FROM bad WHERE id = 2003")
			w.catchUp(t, script)
			w.compare(t, "bad", "bad")
		})
	}
}
