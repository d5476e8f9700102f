package endtoend

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

// verified is the report of a verify, as docs/operations.md describes it.
type verified struct {
	Deployment string  `json:"deployment"`
	Seconds    float64 `json:"seconds"`
	Same       bool    `json:"same"`
	Tables     []struct {
		Source                          struct{ Database, Table string }
		Rows                            int `json:"rows"`
		TargetRows                      int `json:"target_rows"`
		Missing, Different, Superfluous int
		Undecided                       int
		Mended, Same                    bool
		Examples                        []struct{ Kind, Key, Column string }
		Before                          *struct{ Missing, Different, Superfluous int }
	}
}

// verify runs one with a report; the exit code must be as wanted.
func (w *world) verify(t *testing.T, code int, script string, flags ...string) (verified, outcome) {
	t.Helper()
	path := filepath.Join(w.folder, "report.json")
	o := w.starferry(t, append([]string{"verify", script, "--json", path}, flags...)...)
	if o.code != code {
		t.Fatalf("verify %v: want exit code %d: %s", flags, code, o)
	}
	return readReport(t, path), o
}

func readReport(t *testing.T, path string) (r verified) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// damages are done to the table still of 100 rows, and what a verify says of them.
func (w *world) damage(t *testing.T) (wanted []string) {
	t.Helper()
	w.target(t,
		fmt.Sprintf("DELETE FROM %s.still WHERE id IN (7, 70)", w.database),
		fmt.Sprintf("INSERT INTO %s.still (id, name, note) VALUES (8, 'row 8', 'damaged')", w.database), // an upsert there
		fmt.Sprintf("INSERT INTO %s.still (id, name, note) VALUES (9001, 'never was', NULL)", w.database))
	return []string{`different id="8" note`, `missing id="7" `, `missing id="70" `, `superfluous id="9001" `}
}

func (r *verified) examples(table string) (found []string) {
	for _, t := range r.Tables {
		for _, e := range t.Examples {
			if t.Source.Table == table {
				found = append(found, fmt.Sprintf("%s %s %s", e.Kind, e.Key, e.Column))
			}
		}
	}
	slices.Sort(found)
	return found
}

// TestVerify compares tables while rows flow, through the socket of a run and without
// one, and mends what was damaged at the target behind everybody's back.
func TestVerify(t *testing.T) {
	t.Parallel()
	for name, start := range bothServers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, start(t))
			load := &workload{w: w, seed: seed(t), rows: 20_000, parts: 50}
			load.fill(t)
			z := zooOf(w.source.Flavor)
			w.exec(t, z.create(), z.insert(0), "CREATE TABLE still (id INT PRIMARY KEY, name VARCHAR(20) NOT NULL, note TEXT)",
				"INSERT INTO still SELECT d.d + 10 * e.d, CONCAT('row ', d.d), 'note' FROM digits d, digits e")
			script := w.write(t, "verify.sql", w.script("", route{from: "orders", to: "orders"}, route{from: "notes", to: "notes"},
				route{from: "zoo", to: "zoo"}, route{from: "still", to: "still"}))
			p := w.start(t, script, "--progress-interval", "50ms")
			load.begin(t, 3)
			waitLine(t, p, "state=streaming")

			r, o := w.verify(t, 0, script)
			if !r.Same || len(r.Tables) != 4 || r.Tables[2].Rows != z.rows() || r.Tables[2].TargetRows != z.rows() || strings.Count(o.out, "  same\n") != 4 {
				t.Errorf("%+v %s", r, o)
			}
			w.exec(t, z.insert(1000), z.rotate())
			w.verify(t, 0, script)

			wanted := w.damage(t)
			r, o = w.verify(t, 1, script)
			if got := r.examples("still"); !slices.Equal(got, wanted) || r.Same || !r.Tables[0].Same || !r.Tables[1].Same || !r.Tables[2].Same {
				t.Errorf("found %q, want %q: %s", got, wanted, o)
			}
			fix := fmt.Sprintf("To fix: starferry verify %s --table %s.still --repair\n", script, w.database)
			if !strings.Contains(o.out, "1 of 4 tables differs.\n"+fix) || !strings.Contains(o.out, "2 missing, 1 different, 1 superfluous") {
				t.Error(o)
			}
			r, o = w.verify(t, 0, script, "--table", w.database+".still", "--repair")
			if len(r.Tables) != 1 || r.Tables[0].Before == nil || r.Tables[0].Before.Missing != 2 || r.Tables[0].Missing != 0 {
				t.Errorf("%+v %s", r, o)
			}
			w.verify(t, 0, script, "--table", w.database+".still")
			w.stop(t, p)

			// Without a run: it catches up first.
			wanted = w.damage(t)
			r, o = w.verify(t, 1, script)
			if got := r.examples("still"); !slices.Equal(got, wanted) || !r.Tables[0].Same {
				t.Errorf("found %q, want %q: %s", got, wanted, o)
			}
			w.verify(t, 0, script, "--repair")
			load.end()
			w.catchUp(t, script)
			for _, table := range []string{"orders", "notes", "zoo", "still"} {
				w.compare(t, table, table)
			}
		})
	}
}

// TestVerifyThatCannotBe: each with its exit code.
func TestVerifyThatCannotBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testbed.MySQL(t))
	w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(10))", "INSERT INTO t VALUES (1, 'one')")
	script := w.write(t, "cannot.sql", w.script("", route{from: "t", to: "t"}))
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{2, "SF7053", []string{"verify", script}},
		{2, "did you mean", []string{"verify", script, "--table", w.database + ".tt"}},
		{2, "needs --table", []string{"resync", script}},
		{2, "say --yes", []string{"resync", script, "--table", w.database + ".t"}},
	} {
		if o := w.starferry(t, c.args...); o.code != c.code || !strings.Contains(o.err, c.says) {
			t.Errorf("%q: want exit code %d and %q: %s", c.args, c.code, c.says, o)
		}
	}
	w.catchUp(t, script)
	w.verify(t, 0, script)
	o := w.starferry(t, "verify", script, "--timeout", "1ns")
	if o.code != 3 {
		t.Error(o)
	}
}

// TestKilledVerifyGoesOn kills a comparison in its middle: the next one, or the next
// run, finishes it, and nothing that was found is forgotten.
func TestKilledVerifyGoesOn(t *testing.T) {
	t.Parallel()
	for _, next := range []string{"verify", "run"} {
		for _, flags := range [][]string{nil, {"--repair"}} {
			t.Run(next+strings.Join(flags, ""), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, testbed.MySQL(t))
				load := &workload{w: w, seed: seed(t), rows: 40_000, parts: 1}
				load.fill(t)
				script := w.write(t, "killed.sql", w.script("SET 'verify.max-mb-per-second' = '1';\n", route{from: "orders", to: "orders"}))
				w.catchUp(t, script)
				w.target(t, fmt.Sprintf("DELETE FROM %s.orders WHERE id IN (3, 30, 119997)", w.database))
				args := append([]string{"verify", script}, flags...)
				p := testbed.RunBinary(t, testbed.RunOptions{Dir: w.folder, Args: args, Tags: []string{"crashpoints"}, Env: []string{"STARFERRY_CRASH_AT=verify-page-compared:8"}})
				if ended(t, p); !hasCrashed(p) {
					t.Fatalf("it has not crashed:\n%s", p.Output())
				}
				if next == "run" {
					o := w.catchUp(t, script)
					if !strings.Contains(o.out, "goes on: ") || !strings.Contains(o.out, "of 40000 rows 3 were missing") || strings.Contains(o.out, "goes on: 0 rows") {
						t.Error(o)
					}
				} else {
					code := 1
					if flags != nil {
						code = 0
					}
					r, o := w.verify(t, code, script, flags...)
					found := r.Tables[0].Missing
					if b := r.Tables[0].Before; b != nil {
						found = b.Missing
					}
					if found != 3 || !strings.Contains(o.err, "goes on: ") || strings.Contains(o.err, "goes on: 0 rows") {
						t.Errorf("%+v %s", r, o)
					}
				}
				if flags != nil {
					w.compare(t, "orders", "orders")
				}
			})
		}
	}
}
