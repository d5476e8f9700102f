package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func states(seen []Seen) string {
	var words []string
	for _, s := range seen {
		words = append(words, fmt.Sprintf("%d=%s", s.Number, s.State))
	}
	return strings.Join(words, " ")
}

func TestLookingFromOutside(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ story, want string }{
		{"plain:1", "2=settled"},
		{"plain:1 prepared:2", "2=settled 3=unsettled"},
		{"plain:1 prepared:2 settled:2", "2=settled 3=settled"},
		{"plain:1 prepared:2 prepared:3", "2=settled 3=void 4=unsettled"},
		{"plain:1 prepared:2 restart settled:2", "2=settled 3=settled"},
		{"plain:1 prepared:2 settled:2 prepared:3 settled:3 prepared:4", "2=settled 3=settled 4=settled 5=unsettled"},
		{"plain:1 plain:2 spoil:3", "2=settled 3=damaged"},
		{"plain:1 prepared:2 prepared:3 spoil:4", "2=settled 3=void 4=damaged"},
	} {
		t.Run(test.story, func(t *testing.T) {
			t.Parallel()
			d := tell(t, test.story)
			defer d.Close() // it is at work
			seen, err := List(d.Path())
			if got := states(seen); err != nil || got != test.want {
				t.Errorf("%s, want %s; %v", got, test.want, err)
			}
		})
	}
	d := tell(t, "plain:1 plain:2 plain:3 plain:4 spoil:5")
	defer d.Close()
	for number, want := range map[uint64]uint64{0: 3, 2: 1, 3: 0, 4: 3} {
		s, c, err := Show(d.Path(), number)
		if want == 0 {
			wantProblem(t, err, CodeNoCheckpoint, "choose one of 2, 4, 5:")
			continue
		}
		if err != nil || s.Epoch != want || c.Epoch != want {
			t.Errorf("%d: %v, %v", number, s, err)
		}
	}
	_, _, err := Show(d.Path(), 5)
	wantProblem(t, err, CodeDamaged, "checkpoint-000000000005")
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "nothing")} {
		_, err = List(path)
		wantProblem(t, err, CodeNoCheckpoint, path, "starferry run")
		if _, err := os.Stat(filepath.Join(path, "lock")); err == nil {
			t.Error("looking took the lock")
		}
	}
}

// TestWhatChangedMeanwhileIsReadAgain: the notes that tell a settled checkpoint went while
// it was read.
func TestWhatChangedMeanwhileIsReadAgain(t *testing.T) {
	t.Parallel()
	d := tell(t, "plain:1 prepared:2 settled:2")
	defer d.Close()
	var seen []string
	err := look(d.Path(), func(f *folder) error {
		for i := range f.entries {
			seen = append(seen, fmt.Sprint(f.seen(&f.entries[i]).Number))
		}
		seen = append(seen, "|")
		if len(seen) > 3 {
			return nil
		}
		return errors.Join(d.Save(epochAt(3)), d.Save(epochAt(4)))
	})
	if got := strings.Join(seen, " "); err != nil || got != "2 3 | 4 5 |" {
		t.Errorf("%s, %v", got, err)
	}
}

// TestLookingWhileAProcessIsAtWork: whatever comes and goes, what is seen was there at one
// moment.
func TestLookingWhileAProcessIsAtWork(t *testing.T) {
	t.Parallel()
	d, err := openOn(lazyDisk{}, t.TempDir(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	at := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	d.now = func() time.Time { at = at.Add(4 * time.Minute); return at } // files move, and go
	if err := d.Save(epochOf(1)); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		defer close(failed)
		for round := range 150 {
			epoch := 2 + round%(historyLength-1)
			err := d.Save(epochOf(epoch))
			if err == nil && epoch != voidEpoch {
				err = d.Settled(uint64(epoch))
			}
			if err != nil {
				failed <- err
				return
			}
		}
	}()
	looks, newest := 0, uint64(0)
	for working := true; working; looks++ {
		select {
		case err := <-failed:
			if err != nil {
				t.Fatal(err)
			}
			working = false
		default:
		}
		seen, err := List(d.Path())
		if err != nil {
			t.Fatal(err)
		}
		last := seen[len(seen)-1]
		settled := slices.DeleteFunc(slices.Clone(seen), func(s Seen) bool { return s.State != Settled })
		if last.Number < newest || len(settled) == 0 {
			t.Fatalf("%s, after %d", states(seen), newest)
		}
		newest = last.Number
		for i, s := range seen {
			if s.State == Damaged || s.State == Unsettled && i < len(seen)-1 || s.State == Settled && s.Epoch == voidEpoch {
				t.Fatalf("%d of epoch %d: %s %s in %s", s.Number, s.Epoch, s.State, s.Trouble, states(seen))
			}
		}
		if _, c, err := Show(d.Path(), 0); err != nil || len(c.Tables[0].Table.Columns) != int(c.Epoch)/2+1 {
			t.Fatal(c, err)
		}
	}
	t.Logf("%d looks", looks)
}
