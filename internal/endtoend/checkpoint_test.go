package endtoend

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

type listed struct {
	Number, Epoch uint64
	State         string
	Copied        int `json:"tables_copied"`
}

// checkpoints lists them, the newest first.
func (w *world) checkpoints(t *testing.T, script string) (found []listed) {
	t.Helper()
	o := w.starferry(t, "checkpoint", "ls", script, "--format", "json")
	if err := json.Unmarshal([]byte(o.out), &found); o.code != 0 || err != nil || len(found) == 0 {
		t.Fatalf("%v: %s", err, o)
	}
	return found
}

// TestAStartFromAnOlderCheckpoint: what came after it is read again and ends in the same
// rows; what was newer does not come back.
func TestAStartFromAnOlderCheckpoint(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]func(testing.TB, ...string) *testbed.Server{"mysql": testbed.MySQL, "mariadb": testbed.MariaDB} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, server(t))
			w.exec(t, "CREATE TABLE t (id INT PRIMARY KEY, v INT)", "INSERT INTO t VALUES (1, 1), (2, 2), (3, 3), (4, 4)")
			script := w.write(t, "t.sql", w.script("", route{from: "t", to: "t"}))
			w.catchUp(t, script)
			w.exec(t, "UPDATE t SET v = 10 WHERE id = 1", "DELETE FROM t WHERE id = 2", "INSERT INTO t VALUES (5, 5)")
			w.catchUp(t, script)
			w.exec(t, "DELETE FROM t WHERE id IN (3, 5)", "UPDATE t SET id = 6 WHERE id = 4")
			w.catchUp(t, script)

			p := w.start(t, script)
			waitLine(t, p, "state=streaming")
			shown := w.starferry(t, "checkpoint", "show", script)
			w.stop(t, p)
			kept := w.checkpoints(t, script)
			if shown.code != 0 || !strings.Contains(shown.out, "settled: everything before its position is visible") || !strings.Contains(shown.out, "copy      done, 4 rows") {
				t.Errorf("%s", shown)
			}
			joined := slices.DeleteFunc(slices.Clone(kept), func(one listed) bool { return one.Copied == 0 })
			oldest := joined[len(joined)-1]
			if before := kept[len(kept)-1]; before.Copied == 0 {
				o := w.starferry(t, "run", "--until-caught-up", "--from-checkpoint", fmt.Sprint(before.Number), script)
				if o.code != 2 || !strings.Contains(o.err, "error[SF7058]") {
					t.Errorf("it was not joined then: %s", o)
				}
			}
			if oldest.Number == kept[0].Number || oldest.State != "settled" {
				t.Fatalf("%+v", kept)
			}

			o := w.starferry(t, "run", "--until-caught-up", "--timeout", "60s", "--from-checkpoint", fmt.Sprint(oldest.Number), script)
			if o.code != 0 || !strings.Contains(o.out+o.err, fmt.Sprintf("warning: starting from checkpoint %d of ", oldest.Number)) {
				t.Fatalf("%s", o)
			}
			w.compare(t, "t", "t")
			after := w.checkpoints(t, script)
			if after[0].Number <= kept[0].Number || after[0].Copied != 1 {
				t.Errorf("%+v, before %+v", after, kept)
			}
			w.exec(t, "INSERT INTO t VALUES (2, 22)", "DELETE FROM t WHERE id = 1")
			o = w.catchUp(t, script)
			if strings.Contains(o.out+o.err, "starting from checkpoint") {
				t.Errorf("the choice holds for one start only: %s", o)
			}
			w.compare(t, "t", "t")

			o = w.starferry(t, "run", "--until-caught-up", "--from-checkpoint", "999999", script)
			if o.code != 2 || !strings.Contains(o.err, "error[SF6008]: there is no settled checkpoint 999999") {
				t.Errorf("%s", o)
			}
		})
	}
}
