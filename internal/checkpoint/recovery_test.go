package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"starferry/internal/change"
)

// tell acts out a story, in words:
//
//	plain:3 prepared:3   Save of epoch 3, at position 3; with a transaction p3
//	settled:3            Settled
//	label:x              Note
//	restart              another process
//	spoil:3              the file of number 3 is damaged; spoil:notes-3 likewise
//	remove:3             it is gone
func tell(t *testing.T, story string) *Dir {
	t.Helper()
	d := open(t, t.TempDir())
	for _, word := range strings.Fields(story) {
		verb, what, _ := strings.Cut(word, ":")
		number := func(format string, to ...any) {
			if n, err := fmt.Sscanf(what, format, to...); err != nil || n != len(to) {
				t.Fatal(word, err)
			}
		}
		var err error
		var n uint64
		switch verb {
		case "plain":
			number("%d", &n)
			err = d.Save(epochAt(n))
		case "prepared":
			number("%d", &n)
			c := epochAt(n)
			c.Prepared = []Label{{orders, fmt.Sprint("p", n)}}
			err = d.Save(c)
		case "settled":
			number("%d", &n)
			err = d.Settled(n)
		case "label":
			err = d.Note([]Label{{orders, what}})
		case "restart":
			d = reopen(t, d)
		case "spoil":
			if notes, found := strings.CutPrefix(what, "notes-"); found {
				what = notes
				number("%d", &n)
				spoil(t, numbered(d.path, labelsPrefix, n))
				break
			}
			number("%d", &n)
			spoil(t, numbered(d.path, checkpointPrefix, n))
		case "remove":
			number("%d", &n)
			err = os.Remove(numbered(d.path, checkpointPrefix, n))
		default:
			t.Fatal(word)
		}
		if err != nil {
			t.Fatal(word, err)
		}
	}
	return d
}

func epochAt(n uint64) *Checkpoint {
	return &Checkpoint{Epoch: n, Position: change.Position{File: "f", Offset: n}, Open: []Label{{orders, fmt.Sprint("o", n)}}}
}

func spoil(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// picture is a recovery in words.
func picture(r *Recovery) string {
	epoch := func(c *Checkpoint) string {
		if c == nil {
			return "-"
		}
		return fmt.Sprint(c.Epoch)
	}
	var void, open []string
	for _, c := range r.Void {
		void = append(void, epoch(c))
	}
	for _, l := range r.Open {
		open = append(open, l.Label)
	}
	text := fmt.Sprintf("settled=%s unsettled=%s void=%s open=%s", epoch(r.Settled), epoch(r.Unsettled), strings.Join(void, ","), strings.Join(open, ","))
	if r.FloorUnknown {
		text += " unknown"
	}
	if r.Lost != nil {
		text += " lost"
	}
	return text
}

func TestRecovery(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ story, want string }{
		{"", "settled=- unsettled=- void= open="},
		{"label:a", "settled=- unsettled=- void= open=a"},
		{"plain:1", "settled=1 unsettled=- void= open=o1"},
		{"plain:1 label:a plain:2 label:b", "settled=2 unsettled=- void= open=o2,b"},

		// What is prepared, and what was begun behind it.
		{"plain:1 label:p2 label:a prepared:2 label:b", "settled=1 unsettled=2 void= open=o1,a,b"},
		{"plain:1 label:p2 prepared:2 settled:2 label:b", "settled=2 unsettled=- void= open=o2,b"},
		{"plain:1 label:p2 prepared:2 label:b settled:2 label:c", "settled=2 unsettled=- void= open=o2,b,c"},
		{"prepared:1", "settled=- unsettled=1 void= open= lost"},
		{"prepared:1 settled:1", "settled=1 unsettled=- void= open=o1"},

		// Settled by the next process, whose notes are in another file.
		{"plain:1 prepared:2 label:a restart settled:2", "settled=2 unsettled=- void= open=o2,a"},
		{"plain:1 prepared:2 restart label:a settled:2 label:b", "settled=2 unsettled=- void= open=o2,a,b"},
		{"plain:1 prepared:2 settled:2 restart restart", "settled=2 unsettled=- void= open=o2"},
		{"plain:1 prepared:2 restart settled:2 prepared:3 settled:3", "settled=3 unsettled=- void= open=o3"},

		// Never settled: what was saved after it took its place.
		{"plain:1 label:p2 prepared:2 prepared:3", "settled=1 unsettled=3 void=2 open=o1,p2"},
		{"plain:1 prepared:2 prepared:3", "settled=1 unsettled=3 void=2 open=o1,p2"},
		{"plain:1 prepared:2 restart prepared:3 restart prepared:4", "settled=1 unsettled=4 void=2,3 open=o1,p2,p3"},
		{"plain:1 prepared:2 prepared:3 settled:3", "settled=3 unsettled=- void= open=o3"},
		{"plain:1 prepared:2 plain:3", "settled=3 unsettled=- void= open=o3"},

		// Damage.
		{"plain:1 label:a plain:2 label:b spoil:3", "settled=1 unsettled=- void= open=o1,a,b unknown"},
		{"plain:1 label:p2 prepared:2 spoil:3", "settled=1 unsettled=- void= open=o1,p2 unknown"},
		{"plain:1 label:p2 prepared:2 settled:2 spoil:3", "settled=1 unsettled=- void= open=o1,p2 unknown"},
		{"plain:1 label:p2 prepared:2 label:p3 prepared:3 spoil:4", "settled=1 unsettled=- void=2 open=o1,p2,p3 unknown"},
		{"plain:1 label:p2 prepared:2 prepared:3 spoil:3", "settled=1 unsettled=3 void= open=o1,p2"},
		{"plain:1 prepared:2 spoil:2", "settled=- unsettled=2 void= open= lost"},
		{"plain:1 prepared:2 remove:2", "settled=- unsettled=2 void= open= lost"},
		{"plain:1 label:a plain:2 label:b label:c spoil:notes-2", "settled=2 unsettled=- void= open=o2,b,c"},
		{"plain:1 prepared:2 settled:2 spoil:notes-3", "settled=1 unsettled=2 void= open=o1"}, // torn, as it looks
	} {
		t.Run(test.story, func(t *testing.T) {
			t.Parallel()
			d := reopen(t, tell(t, test.story))
			defer d.Close()
			r, err := d.Recover()
			if got := picture(&r); err != nil || got != test.want {
				t.Errorf("%s\nwant %s\n%v", got, test.want, err)
			}
			spoilt := strings.Contains(test.story, "spoil:") && !strings.Contains(test.story, "spoil:notes")
			if (d.Notice() != "") != (spoilt || r.Lost != nil) {
				t.Errorf("notice: %q", d.Notice())
			}
		})
	}
}

// TestNothingToRecoverFrom: the notes that an older checkpoint needs are gone once two
// newer ones are settled, so a restart does not go on from it by itself.
func TestNothingToRecoverFrom(t *testing.T) {
	t.Parallel()
	for _, story := range []string{
		"plain:1 plain:2 plain:3 spoil:3 spoil:4",
		"plain:1 prepared:2 settled:2 prepared:3 settled:3 spoil:3 spoil:4",
		"plain:1 prepared:2 prepared:3 spoil:2 spoil:4",
		"plain:1 plain:2 plain:3 remove:3 remove:4",
		"plain:1 label:a label:b label:c spoil:notes-2",
		"plain:1 prepared:2 label:a label:b label:c prepared:3 spoil:notes-3",
		"plain:1 label:p2 prepared:2 settled:2 label:a label:b spoil:notes-3",
	} {
		t.Run(story, func(t *testing.T) {
			t.Parallel()
			d := reopen(t, tell(t, story))
			defer d.Close()
			_, err := d.Recover()
			wantProblem(t, err, CodeDamaged)
			wantProblem(t, d.Save(epochAt(9)), CodeDamaged)
			wantProblem(t, d.Settled(9), CodeDamaged)
			_, err = d.At(2)
			wantProblem(t, err, CodeDamaged)
		})
	}
}

func TestSettledIsOfTheNewest(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	if d.Settled(1) == nil {
		t.Error("nothing was saved, and it is settled")
	}
	d.Close()
	d = tell(t, "plain:1 prepared:2 prepared:3")
	defer d.Close()
	if d.Settled(2) == nil {
		t.Error("a void checkpoint was settled")
	}
	if err := errors.Join(d.Settled(3), d.Settled(3)); err != nil {
		t.Error(err)
	}
	d = tell(t, "plain:1 prepared:2 restart spoil:3 restart")
	defer d.Close()
	if d.Settled(2) == nil {
		t.Error("a damaged checkpoint was settled")
	}
}

func TestStartingFromAnOlderCheckpoint(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		story string
		at    uint64
		want  string
	}{
		{"plain:1 plain:2 label:a", 2, "settled=1 unsettled=- void=2 open=o2,a"},
		{"plain:1 plain:2 label:a", 3, "settled=2 unsettled=- void= open=o2,a"},
		{"plain:1 plain:2 plain:3 plain:4", 2, "settled=1 unsettled=- void=4 open=o4"}, // history
		{"plain:1 prepared:2 settled:2 prepared:3", 2, "settled=1 unsettled=- void=2,3 open=o2,p3"},
		{"plain:1 prepared:2 settled:2 prepared:3", 3, "settled=2 unsettled=- void=3 open=o2,p3"},
		{"plain:1 prepared:2 settled:2 prepared:3 prepared:4", 2, "settled=1 unsettled=- void=2,3,4 open=o2,p3,p4"},
		{"plain:1 prepared:2 settled:2 prepared:3 spoil:4", 2, "settled=1 unsettled=- void=2 open=o2 unknown"},
		{"plain:1 prepared:2 settled:2 prepared:3 spoil:3", 2, "settled=1 unsettled=- void=3 open=o1,p3"},
	} {
		t.Run(fmt.Sprint(test.story, " at ", test.at), func(t *testing.T) {
			t.Parallel()
			d := reopen(t, tell(t, test.story))
			defer d.Close()
			r, err := d.At(test.at)
			if got := picture(&r); err != nil || got != test.want {
				t.Errorf("%s\nwant %s\n%v", got, test.want, err)
			}
		})
	}
	d := reopen(t, tell(t, "plain:1 plain:2 plain:3 prepared:4 settled:4 prepared:5"))
	defer d.Close()
	for _, number := range []uint64{1, 6, 7} {
		_, err := d.At(number)
		wantProblem(t, err, CodeNoCheckpoint, fmt.Sprint(number), d.Path(), "one of 2, 4, 5:")
	}
	spoil(t, numbered(filepath.Join(d.path, historyFolder), checkpointPrefix, 2))
	_, err := d.At(2)
	wantProblem(t, err, CodeDamaged, "history/checkpoint-000000000002", "another of 2, 4, 5")
}

// TestAnOlderCheckpointWinsOnceItWasSavedAnew: what was newer does not come back.
func TestAnOlderCheckpointWinsOnceItWasSavedAnew(t *testing.T) {
	t.Parallel()
	d := reopen(t, tell(t, "plain:1 plain:2 prepared:3 settled:3 prepared:4"))
	r, err := d.At(2)
	if err != nil {
		t.Fatal(err)
	}
	d = reopen(t, d) // a crash before anything was saved
	if newest, err := d.Recover(); err != nil || newest.Unsettled.Epoch != 4 {
		t.Errorf("%s, %v", picture(&newest), err)
	}
	if err := d.Save(r.Settled); err != nil {
		t.Fatal(err)
	}
	d = reopen(t, d)
	defer d.Close()
	if r, err = d.Recover(); err != nil || picture(&r) != "settled=1 unsettled=- void= open=o1" {
		t.Errorf("%s, %v", picture(&r), err)
	}
}

// TestSchemasOfTheHistoryStay: also of a table that is long forgotten.
func TestSchemasOfTheHistoryStay(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	for epoch := 1; epoch <= historyLength; epoch++ {
		c := epochOf(epoch)
		c.Prepared = nil
		if err := d.Save(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Save(&Checkpoint{}); err != nil {
		t.Fatal(err)
	}
	d = reopen(t, d)
	defer d.Close()
	for range 3 {
		if err := d.Save(&Checkpoint{}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := d.At(2)
	if err != nil || len(r.Settled.Tables[0].Table.Columns) != 1 {
		t.Fatal(r, err)
	}
	if err := d.Save(r.Settled); err != nil {
		t.Fatal(err)
	}
	schemas, err := os.ReadDir(filepath.Join(d.path, schemasFolder))
	if err != nil || len(schemas) != 1 || !slices.Contains([]int{1}, d.schemas[r.Settled.Tables[0].Table]) {
		t.Errorf("%v, %v", schemas, err)
	}
}
