package endtoend

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"starferry/internal/emulator"
	"starferry/internal/testbed"
)

// insideWorld is one whose scripts keep the position inside StarRocks.
func insideWorld(t *testing.T) (w *world, script string) {
	t.Helper()
	needsDouble(t, "lost and late answers")
	double, err := emulator.Start(emulator.Config{QueryAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", BEHTTPAddr: "127.0.0.1:0", Version: "4.0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := double.Close(); err != nil {
			t.Errorf("closing the double: %v", err)
		}
	})
	w = newWorldOn(t, testbed.MySQL(t), double)
	w.exec(t, "CREATE TABLE a (id INT PRIMARY KEY, v INT)", "CREATE TABLE b (id INT PRIMARY KEY, v INT)",
		"INSERT INTO a VALUES (1, 1), (2, 2), (3, 3), (4, 4)", "INSERT INTO b VALUES (1, 1), (2, 2), (3, 3)")
	script = w.write(t, "inside.sql", w.insideScript(nil))
	w.catchUp(t, script)
	return w, script
}

func (w *world) insideScript(with []string) string {
	with = append([]string{"'sink.semantic' = 'exactly-once'"}, with...)
	return w.script("SET 'delivery.exactly-once' = 'position-inside';\nSET 'execution.checkpointing.interval' = '200 ms';\n",
		route{"a", "a", with}, route{"b", "b", with})
}

func (w *world) stateFolder() string { return filepath.Join(w.folder, ".starferry", "inside") }

// refusedToStart wants a run to end at once, saying all this.
func (w *world) refusedToStart(t *testing.T, script string, says ...string) {
	t.Helper()
	o := w.starferry(t, "run", "--until-caught-up", "--timeout", "60s", script)
	if o.code != 1 && o.code != 2 {
		t.Fatalf("it is not refused: %s", o)
	}
	for _, want := range says {
		if !strings.Contains(o.out+o.err, want) {
			t.Errorf("it does not say %q: %s", want, o)
		}
	}
}

func (w *world) fromRow(t *testing.T, script string) outcome {
	t.Helper()
	o := w.starferry(t, "run", "--from-position-row", "--until-caught-up", "--timeout", "120s", script)
	if o.code != 0 || !strings.Contains(o.out+o.err, "going on from the position row of database "+w.database) {
		t.Fatalf("from the position row: %s", o)
	}
	w.compare(t, "a", "a")
	w.compare(t, "b", "b")
	return o
}

// faultIsUsed waits until the only fault rule has acted.
func (w *world) faultIsUsed(t *testing.T) {
	t.Helper()
	eventually(t, func() string {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.double.HTTPAddr()+"/api/_faults", nil)
		if err != nil {
			t.Fatal(err)
		}
		q.SetBasicAuth("root", "")
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		var rules []struct{ Done int }
		if err := json.NewDecoder(a.Body).Decode(&rules); err != nil || len(rules) != 1 {
			t.Fatalf("%v %v", rules, err)
		}
		if rules[0].Done == 0 {
			return "no commit was asked for"
		}
		return ""
	})
}

// TestTheStateDirectoryIsLost: the commit of a process that was killed arrives late, its
// directory is gone, and the source goes on. The row is all there is to go on from.
func TestTheStateDirectoryIsLost(t *testing.T) {
	t.Parallel()
	w, script := insideWorld(t)
	p := w.start(t, script, "--progress-interval", "100ms")
	waitLine(t, p, "state=streaming")
	remove := w.double.Fault(emulator.Fault{Op: "fe-txn-commit", DropBefore: true})
	w.exec(t, "UPDATE a SET v = 10 WHERE id = 1", "INSERT INTO a VALUES (5, 5)", "INSERT INTO b VALUES (9, 9)")
	w.faultIsUsed(t)
	p.Kill()
	remove()
	late := w.prepared(t, script)
	if err := os.RemoveAll(w.stateFolder()); err != nil {
		t.Fatal(err)
	}
	w.exec(t, "UPDATE a SET v = 11 WHERE id = 1", "DELETE FROM a WHERE id IN (2, 5)", "DELETE FROM b WHERE id IN (1, 9)", "INSERT INTO b VALUES (4, 4)")

	w.refusedToStart(t, script, "has the position row of a deployment 'inside'", "--from-position-row", "DELETE FROM "+w.database+"._starferry_position WHERE deployment = ", "pipeline.name")
	o := w.fromRow(t, script)
	if strings.Contains(o.out+o.err, "waiting ") || !strings.Contains(o.out+o.err, "2 tables are complete there") {
		t.Errorf("%s", o)
	}
	if answer := w.commit(t, late); !strings.Contains(answer, "Can not commit CANCELLED transaction") {
		t.Errorf("the late commit is taken: %s", answer)
	}
	w.compare(t, "a", "a")
	w.compare(t, "b", "b")

	// It is an ordinary deployment again.
	w.exec(t, "DELETE FROM a WHERE id = 3", "UPDATE b SET v = 20 WHERE id = 2")
	w.catchUp(t, script)
	w.compare(t, "a", "a")
	w.compare(t, "b", "b")
}

// prepared is the label of the only transaction that the newest checkpoint has prepared.
func (w *world) prepared(t *testing.T, script string) string {
	t.Helper()
	o := w.starferry(t, "checkpoint", "show", script, "--format", "json")
	var shown struct{ Prepared []struct{ Label string } }
	if err := json.Unmarshal([]byte(o.out), &shown); err != nil || len(shown.Prepared) != 1 {
		t.Fatalf("%v: %s", err, o)
	}
	return shown.Prepared[0].Label
}

// commit asks for the commit of a transaction of the database, and gives the answer.
func (w *world) commit(t *testing.T, label string) string {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.double.HTTPAddr()+"/api/transaction/commit", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.SetBasicAuth("root", "")
	for name, value := range map[string]string{"label": label, "db": w.database, "transaction_type": "multi"} {
		q.Header.Set(name, value)
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAnOlderStateDirectoryIsPutBack: it is refused, and the row is what to go on from.
func TestAnOlderStateDirectoryIsPutBack(t *testing.T) {
	t.Parallel()
	w, script := insideWorld(t)
	backup := filepath.Join(w.folder, "backup")
	if err := os.CopyFS(backup, os.DirFS(w.stateFolder())); err != nil {
		t.Fatal(err)
	}
	w.exec(t, "UPDATE a SET v = 10 WHERE id = 1", "DELETE FROM b WHERE id = 1")
	w.catchUp(t, script)
	w.exec(t, "DELETE FROM a WHERE id = 2", "INSERT INTO b VALUES (1, 100)")
	if err := os.RemoveAll(w.stateFolder()); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(w.stateFolder(), os.DirFS(backup)); err != nil {
		t.Fatal(err)
	}
	w.refusedToStart(t, script, "SF5013", "an older state directory was put back", "--from-position-row", "DELETE FROM "+w.database+"._starferry_position", "pipeline.name")
	w.fromRow(t, script)

	// What it has now is as new as the row.
	o := w.starferry(t, "run", "--from-position-row", "--until-caught-up", "--timeout", "60s", script)
	if o.code != 0 || !strings.Contains(o.out+o.err, "the state directory is as new as the position row") {
		t.Errorf("%s", o)
	}
}

// TestWhatStarRocksDoesNotListIsWaitedFor: the transaction of the row is forgotten. And a
// table that got another column meanwhile is not read by a guess.
func TestWhatStarRocksDoesNotListIsWaitedFor(t *testing.T) {
	t.Parallel()
	w, _ := insideWorld(t)
	script := w.write(t, "inside.sql", w.insideScript([]string{"'sink.properties.timeout' = '2'"}))
	if err := os.RemoveAll(w.stateFolder()); err != nil {
		t.Fatal(err)
	}
	w.forgetTheRowsLabel(t)
	w.exec(t, "DELETE FROM a WHERE id = 1", "ALTER TABLE b ADD COLUMN extra INT", "INSERT INTO b VALUES (7, 7, 7)", "DELETE FROM b WHERE id = 1")
	o := w.starferry(t, "run", "--from-position-row", "--until-caught-up", "--timeout", "60s", script)
	for _, want := range []string{"waiting 2s before the position row is read: StarRocks does not list transaction sf_", "the columns of " + w.database + ".b are others now than at the position of the row", "starferry resync SCRIPT --table " + w.database + ".b"} {
		if !strings.Contains(o.out+o.err, want) {
			t.Errorf("it does not say %q: %s", want, o)
		}
	}
	w.compare(t, "a", "a")
	w.target(t, "GRANT SELECT, INSERT, ALTER, DELETE, DROP ON ALL TABLES IN DATABASE "+w.database+" TO USER '"+w.user+"'")
	if o := w.starferry(t, "resync", script, "--table", w.database+".b", "--wipe", "--yes"); o.code != 0 {
		t.Fatalf("%s", o)
	}
	w.catchUp(t, script)
	w.compare(t, "b", "b")
}

// forgetTheRowsLabel has the row name a transaction that StarRocks does not list.
func (w *world) forgetTheRowsLabel(t *testing.T) {
	t.Helper()
	var deployment, incarnation, epoch, state string
	table := w.database + "._starferry_position"
	if err := w.admin.QueryRowContext(t.Context(), "SELECT deployment, incarnation, epoch, state FROM "+table+" WHERE state <> ''").Scan(&deployment, &incarnation, &epoch, &state); err != nil {
		t.Fatal(err)
	}
	forgotten := strings.ReplaceAll(state, "_"+incarnation+"_", "_00000000_")
	if forgotten == state {
		t.Fatal(state)
	}
	if _, err := w.admin.ExecContext(t.Context(), "INSERT INTO "+table+" VALUES (?, ?, ?, ?)", deployment, incarnation, epoch, forgotten); err != nil {
		t.Fatal(err)
	}
}
