package checkpoint

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"starferry/internal/change"
)

// Any byte of a row can be read back from its letter.
func TestALetterHoldsAnyRow(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	defer d.Close()
	anyBytes := make([]byte, 256)
	for i := range anyBytes {
		anyBytes[i] = byte(i)
	}
	l := &Letter{
		At: time.Unix(1_700_000_000, 0), Source: orders, Target: change.Name{Database: "dw", Table: "orders"},
		After: change.Position{File: "b.000001", Offset: 4}, UpTo: change.Position{File: "b.000001", Offset: 9, GTIDs: "x"},
		Op: "upsert", Code: "SF4301", Reason: "too long\nrow", Key: []LetterCell{{Column: "id", Value: []byte("7")}},
		Row: []LetterCell{{Column: "id", Value: []byte("7")}, {Column: "größe\"", Value: anyBytes}, {Column: "n", Null: true}, {Column: "e", Value: nil}},
	}
	if err := d.Letter(l); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(d.Path(), "dead-letter", "shop.orders.jsonl")
	content, err := os.ReadFile(path)
	if err != nil || strings.Count(string(content), "\n") != 1 {
		t.Fatalf("%q, %v", content, err)
	}
	if !strings.Contains(string(content), `"row":{"id":"7","größe\"":{`) {
		t.Errorf("the columns have lost their order: %s", content)
	}
	var got struct {
		Time        time.Time
		Source      string
		After, UpTo change.Position
		Op, Reason  string
		Key         map[string]string
		Row         map[string]any
	}
	if err := json.Unmarshal(content, &got); err != nil {
		t.Fatal(err)
	}
	if !got.Time.Equal(l.At) || got.Source != "shop.orders" || got.After != l.After || got.UpTo != l.UpTo || got.Op != "upsert" ||
		got.Reason != l.Reason || got.Key["id"] != "7" || got.Row["n"] != nil || got.Row["e"] != "" {
		t.Errorf("%+v", got)
	}
	encoded, err := json.Marshal(got.Row["größe\""])
	if err != nil {
		t.Fatal(err)
	}
	var back text
	if err := json.Unmarshal(encoded, &back); err != nil || string(back) != string(anyBytes) {
		t.Errorf("%q, %v", back, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: rows are for the owner's eyes only", info.Mode(), err)
	}
}

func TestEveryTableHasAFileForItsLetters(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	defer d.Close()
	long := strings.Repeat("ä", 64)
	seen := map[string]bool{}
	for _, name := range []change.Name{orders, {Database: "..", Table: "../../etc"}, {Database: "a", Table: "b\x00\n"}, {Database: long, Table: long},
		{Database: long, Table: long[2:] + "b"}} {
		l := letterOf(1)
		l.Source = name
		if err := d.Letter(l); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		path := d.LetterPath(name)
		if filepath.Dir(path) != filepath.Join(d.Path(), "dead-letter") || seen[path] || len(filepath.Base(path)) > 255 {
			t.Errorf("%q goes to %s", name, path)
		}
		seen[path] = true
	}
	if err := d.Save(epochOf(1)); err != nil {
		t.Fatal(err)
	}
}
