package checkpoint

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"starferry/internal/change"
)

var update = flag.Bool("update", false, "write the state of the current format anew")

// TestFormat1IsRead opens a directory as the first version wrote it: every later
// version must. A new format gets a folder of its own and this one stays.
func TestFormat1IsRead(t *testing.T) {
	t.Parallel()
	golden := filepath.Join("testdata", "format1")
	if *update && Format == 1 {
		writeFormat1(t, golden)
	}
	path := t.TempDir()
	if err := os.CopyFS(path, os.DirFS(golden)); err != nil {
		t.Fatal(err)
	}
	d := open(t, path)
	defer d.Close()
	if id := d.Identity(); id.Deployment != "0badcafe" || id.ServerID != 1234567890 || id.Name != "orders" {
		t.Errorf("%+v", id)
	}
	c, err := d.Last()
	if err != nil {
		t.Fatal(err)
	}
	table := c.Tables[0]
	if c.Epoch != 2 || c.Position.Offset != 2 || c.Server != "s1" || len(c.Open) != 1 ||
		table.Table.Version != 2 || table.Table.Columns[1].Type.Base != change.Int || string(table.Copy.Spans[0].After.Cell(0, 0)) != "200" {
		t.Errorf("%+v", c)
	}
	if labels, err := d.OpenLabels(); err != nil || len(labels) != 2 || labels[1] != (Label{orders, "later"}) {
		t.Errorf("%v, %v", labels, err)
	}
}

func writeFormat1(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	identity := `{"deployment":"0badcafe","name":"orders","serverId":1234567890,"createdAt":"2026-01-02T03:04:05Z"}`
	if err := os.WriteFile(filepath.Join(path, "identity"), seal("identity", []byte(identity)), 0o644); err != nil {
		t.Fatal(err)
	}
	d := open(t, path)
	for epoch := 1; epoch <= 2; epoch++ {
		if err := d.Save(epochOf(epoch)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Note([]Label{{orders, "later"}}); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(path, "lock")); err != nil {
		t.Fatal(err)
	}
}
