package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
)

// stateOf puts a state directory of a script named orders into a data directory.
func stateOf(t *testing.T) (script, dataDir string) {
	t.Helper()
	dataDir = t.TempDir()
	if err := os.CopyFS(filepath.Join(dataDir, "orders"), os.DirFS(filepath.Join("..", "checkpoint", "testdata", "format2"))); err != nil {
		t.Fatal(err)
	}
	return scriptNamed(t, "orders.sql"), dataDir
}

func scriptNamed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/checkpoint/orders.sql")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCheckpointsAreShown(t *testing.T) {
	t.Parallel()
	script, dataDir := stateOf(t)
	before := namesUnder(t, dataDir)
	for name, args := range map[string][]string{
		"ls.txt":    {"ls", script},
		"ls.json":   {"ls", script, "--format", "json"},
		"show.txt":  {"show", script},
		"show2.txt": {"show", script, "2"},
		"show4.txt": {"show", script, "4"},
		"show.json": {"show", script, "5", "--format=json"},
	} {
		got := starferry(t, "", append(append([]string{"checkpoint"}, args...), "--data-dir", dataDir)...)
		if got.code != exitDone || got.err != "" {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		golden(t, filepath.Join("testdata", "checkpoint", name), got.out)
		if strings.HasSuffix(name, ".json") && !json.Valid([]byte(got.out)) {
			t.Errorf("%s is no JSON", name)
		}
	}
	if after := namesUnder(t, dataDir); after != before {
		t.Errorf("looking changed the directory:\n%s\nwas\n%s", after, before)
	}
	env := starferry(t, "", "STARFERRY_CHECKPOINT_LS_DATA_DIR="+dataDir, "checkpoint", "ls", script)
	if env.code != exitDone {
		t.Errorf("%+v", env)
	}
}

func namesUnder(t *testing.T, folder string) string {
	t.Helper()
	var names []string
	err := filepath.Walk(folder, func(path string, info os.FileInfo, err error) error {
		names = append(names, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, "\n")
}

func TestCheckpointsThatCannotBeShown(t *testing.T) {
	t.Parallel()
	script, dataDir := stateOf(t)
	content, err := os.ReadFile(filepath.Join(dataDir, "orders", "checkpoint-000000000004"))
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := os.WriteFile(filepath.Join(dataDir, "orders", "checkpoint-000000000004"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"show", script, "7"}, []string{"error[SF6008]: there is no checkpoint 7 in " + dataDir, "To fix: choose one of 2, 3, 4, 5: 'starferry checkpoint ls'"}},
		{[]string{"show", script, "4"}, []string{"error[SF6005]: ", "checkpoint-000000000004 is damaged: its checksum is wrong", "To fix: choose another of 5"}},
		{[]string{"show", script, "x"}, []string{"error[SF7001]: 'x' is not the number of a checkpoint", "Try: starferry checkpoint show --help"}},
		{[]string{"show", script, "1", "2"}, []string{"error[SF7001]: show takes a script and the number", "not 3 words"}},
		{[]string{"show"}, []string{"error[SF7001]: show needs a script"}},
		{[]string{"ls", script, "--format", "jsn"}, []string{"error[SF7001]: unknown format 'jsn', did you mean 'json'?"}},
		{[]string{"ls", scriptNamed(t, "other.sql")}, []string{"error[SF6008]: there is no checkpoint in " + filepath.Join(dataDir, "other"), "To fix: start it with 'starferry run', or say with --data-dir where it runs"}},
		{[]string{"shwo", script}, []string{"error[SF7001]: unknown verb 'shwo', did you mean 'show'?"}},
	} {
		got := starferry(t, "", append(append([]string{"checkpoint"}, test.args...), "--data-dir", dataDir)...)
		for _, part := range test.want {
			if got.code != exitNotTried || got.out != "" || !strings.Contains(got.err, part) {
				t.Errorf("%v: code %d, out %q, want %q in\n%s", test.args[1:], got.code, got.out, part, got.err)
			}
		}
	}
	got := starferry(t, "", "checkpoint", "ls", script, "--data-dir", dataDir)
	if got.code != exitDone || !strings.Contains(got.out, "damaged: its checksum is wrong") {
		t.Errorf("%+v", got)
	}
}

// TestEverythingOfACheckpointIsTold has something of everything.
func TestEverythingOfACheckpointIsTold(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	key := change.NewRows(1)
	key.AddString("7")
	position := change.Position{File: "mysql-bin.000412", Offset: 1207, GTIDs: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5", Server: "3e11fa47", Undecided: "xid1"}
	name := func(table string) change.Name { return change.Name{Database: "shop", Table: table} }
	schema := &change.Table{Name: name("orders"), Version: 3, Key: []int{0, 1}, Columns: []change.Column{
		{Name: "id", Type: change.Type{Base: change.BigInt, Unsigned: true}},
		{Name: "line", Type: change.Type{Base: change.Int}},
		{Name: "state", Type: change.Type{Base: change.Enum, Members: []string{"new", "it's"}}, Nullable: true},
	}}
	c := &checkpoint.Checkpoint{
		Epoch: 215, Position: position, Server: "3e11fa47", Exact: true,
		Prepared: []checkpoint.Label{{Table: name("orders"), Label: "sf_1_2_215_0_7"}, {Table: change.Name{Database: "shop"}, Label: "sf_1_2_215_1_8"}},
		Open:     []checkpoint.Label{{Table: name("orders"), Label: "sf_1_2_216_0_9"}},
		Tables: []checkpoint.TableState{
			{Name: name("orders"), Target: name("orders"), Table: schema, Seen: &change.Table{Version: 2}, Added: schema.Columns[2:], Copy: checkpoint.CopyState{Done: true, Rows: 1234567}},
			{Name: name("items"), Target: name("items"), Copy: checkpoint.CopyState{Wipe: true}},
			{Name: name("orders"), Target: name("orders__resync"), ShadowOf: name("orders"), Identity: "i", Table: schema, Copy: checkpoint.CopyState{Rows: 1000, Spans: []checkpoint.Span{{After: key}}}},
			{Name: name("log"), Target: name("log"), Table: schema, Copy: checkpoint.CopyState{Rows: 10, Spans: []checkpoint.Span{{Until: key}, {After: key}}},
				Check: &checkpoint.CheckState{Repair: true, Reason: "partitions were dropped", Forwards: true, Compared: 12345, Keys: 99, Missing: 1, Different: 2, Superfluous: 3000, Again: true}},
			{Name: name("old"), Copy: checkpoint.CopyState{Done: true},
				Stopped: &checkpoint.Stop{At: at, Position: position, Code: "SF5005", Reason: "the type of a changed from int to bigint", Fix: "starferry resync orders.sql --table shop.old"}},
		},
	}
	seen := &checkpoint.Seen{Number: 57, Epoch: 215, SavedAt: at, State: checkpoint.Unsettled, Position: position, Size: 123456, Tables: 3, Copied: 1, Stopped: 1}
	var text, document, list strings.Builder
	if err := printShown(&text, seen, c); err != nil {
		t.Fatal(err)
	}
	if err := printJSON(&document, shownJSON(seen, c)); err != nil {
		t.Fatal(err)
	}
	if err := printSeen(&list, []checkpoint.Seen{*seen, {Number: 56, State: checkpoint.Damaged, Trouble: "its checksum is wrong", Size: 12}}); err != nil {
		t.Fatal(err)
	}
	golden(t, filepath.Join("testdata", "checkpoint", "everything.txt"), text.String())
	golden(t, filepath.Join("testdata", "checkpoint", "everything.json"), document.String())
	golden(t, filepath.Join("testdata", "checkpoint", "everything-ls.txt"), list.String())
}
