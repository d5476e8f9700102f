package checkpoint

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"starferry/internal/change"
)

var update = flag.Bool("update", false, "write the state of the current format anew")

// TestFormatsAreRead opens directories as the versions before this one wrote them: every
// later version must. A new format gets a folder of its own and these stay.
func TestFormatsAreRead(t *testing.T) {
	t.Parallel()
	t.Run("1", func(t *testing.T) {
		t.Parallel()
		r := readFormat(t, "format1")
		c := r.Settled
		table := c.Tables[0]
		if c.Epoch != 2 || c.Position.Offset != 2 || c.Server != "s1" || len(c.Open) != 1 || c.Prepared != nil || r.Unsettled != nil ||
			table.Table.Version != 2 || table.Table.Columns[1].Type.Base != change.Int || string(table.Copy.Spans[0].After.Cell(0, 0)) != "200" {
			t.Errorf("%+v", c)
		}
		if len(r.Open) != 2 || r.Open[1] != (Label{orders, "later"}) {
			t.Errorf("%v", r.Open)
		}
	})
	t.Run("2", func(t *testing.T) {
		t.Parallel()
		if *update {
			writeFormat2(t, filepath.Join("testdata", "format2"))
		}
		r := readFormat(t, "format2")
		if r.Settled.Epoch != 2 || len(r.Void) != 1 || r.Void[0].Epoch != 3 || r.Unsettled.Epoch != 4 || !slices.Equal(r.Unsettled.Prepared, epochOf(4).Prepared) {
			t.Errorf("%+v", r)
		}
		if !slices.Contains(r.Open, Label{orders, "later"}) {
			t.Errorf("%+v", r)
		}
	})
}

func readFormat(t *testing.T, name string) Recovery {
	t.Helper()
	path := t.TempDir()
	if err := os.CopyFS(path, os.DirFS(filepath.Join("testdata", name))); err != nil {
		t.Fatal(err)
	}
	d := open(t, path)
	defer d.Close()
	if id := d.Identity(); id.Deployment != "0badcafe" || id.ServerID != 1234567890 || id.Name != "orders" {
		t.Errorf("%+v", id)
	}
	r, err := d.Recover()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestAnOlderVersionRefusesWhatItWouldMisread: it would take a checkpoint with prepared
// transactions for one that holds.
func TestAnOlderVersionRefusesWhatItWouldMisread(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	defer d.Close()
	for _, test := range []struct {
		c    Checkpoint
		want string
	}{
		{Checkpoint{Open: []Label{{orders, "l"}}}, "starferry checkpoint 1 "},
		{Checkpoint{Prepared: []Label{{orders, "l"}}}, "starferry checkpoint 2 "},
		{Checkpoint{Exact: true}, "starferry checkpoint 1 "},
	} {
		if err := d.Save(&test.c); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(numbered(d.path, checkpointPrefix, d.sequence))
		if err != nil || !strings.HasPrefix(string(content), test.want) {
			t.Errorf("%s, %v, want %s", content, err, test.want)
		}
	}
}

func writeFormat2(t *testing.T, path string) {
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
	d.now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	for epoch := 1; epoch <= 4; epoch++ {
		if err := d.Save(epochOf(epoch)); err != nil {
			t.Fatal(err)
		}
		if epoch == 2 {
			if err := d.Settled(2); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := d.Note([]Label{{orders, "later"}}); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lock", historyFolder} {
		if err := os.Remove(filepath.Join(path, name)); err != nil {
			t.Fatal(err)
		}
	}
}
