package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// Looking from outside, while a process may be at work: files appear and go meanwhile.
// What is read is taken for one state of the directory only when the same files are
// there before and after; else it is read again.

// Seen is a checkpoint as it looks from outside.
type Seen struct {
	Number   uint64
	State    State
	Trouble  string // why it is damaged
	Epoch    uint64
	SavedAt  time.Time
	Position change.Position
	Size     int // bytes, without schemas
	// Tables are those that are followed, Copied those of them whose copy is done, Stopped
	// the others.
	Tables, Copied, Stopped int
}

// State says what a restart makes of a checkpoint.
type State string

const (
	Settled   State = "settled"   // a restart can go on from it
	Unsettled State = "unsettled" // the newest: whether it holds depends on its transactions
	Void      State = "void"      // it does not hold
	Damaged   State = "damaged"   // or written by a newer version
)

// List looks at all checkpoints of a state directory, the oldest first.
func List(path string) (seen []Seen, err error) {
	err = look(path, func(f *folder) error {
		seen = nil
		for i := range f.history {
			seen = append(seen, f.seen(&f.history[i]))
		}
		for i := range f.entries {
			seen = append(seen, f.seen(&f.entries[i]))
		}
		return nil
	})
	return seen, err
}

// Show looks at one checkpoint; at the newest that can be read, if number is 0.
func Show(path string, number uint64) (s Seen, c *Checkpoint, err error) {
	err = look(path, func(f *folder) error {
		all := slices.Concat(f.history, f.entries)
		var others []uint64
		for i := range slices.Backward(all) {
			e := &all[i]
			if number != 0 && e.number != number {
				others = append([]uint64{e.number}, others...)
				continue
			}
			read, err := f.checkpoint(e)
			switch {
			case err == nil:
				s, c = f.seen(e), read
				return nil
			case number != 0 && isDamage(err):
				return damagedCheckpoint(f.placeOf(e), err, others)
			case number != 0:
				return err
			}
		}
		if number == 0 {
			return damagedProblem(path, damage("no checkpoint can be read"))
		}
		return noCheckpoint("checkpoint", path, number, others)
	})
	return s, c, err
}

// tries is how often a directory is read that changes meanwhile. It changes about once a
// second, and checkpoints that were read are not read again.
const tries = 100

func look(path string, at func(*folder) error) error {
	known := map[uint64]entry{}
	for range tries {
		before, err := namesIn(path)
		if err != nil {
			return err
		}
		f, err := readFolderAgain(path, math.MaxUint64, known)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		err = at(f)
		after, listErr := namesIn(path)
		if listErr != nil {
			return listErr
		}
		if slices.Equal(before, after) {
			return err
		}
	}
	return &diag.Problem{
		Code: CodeUnreadable, Class: diag.Unusable,
		Message: fmt.Sprintf("%s changes faster than it can be read", path), Fix: "try again",
	}
}

// namesIn lists the files whose coming and going matters; it is a Problem when there are
// no checkpoints.
func namesIn(path string) (names []string, err error) {
	for _, folder := range []string{path, filepath.Join(path, historyFolder)} {
		for _, prefix := range []string{checkpointPrefix, labelsPrefix} {
			numbers, err := listNumbers(folder, prefix)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			for _, n := range numbers {
				names = append(names, numbered(folder, prefix, n))
			}
		}
	}
	if !slices.ContainsFunc(names, isCheckpoint) {
		return nil, &diag.Problem{
			Code: CodeNoCheckpoint, Class: diag.Unusable,
			Message: fmt.Sprintf("there is no checkpoint in %s: nothing has been copied yet", path),
			Fix:     "start it with 'starferry run', or say with --data-dir where it runs",
		}
	}
	return names, nil
}

func isCheckpoint(path string) bool {
	_, err := fmt.Sscanf(filepath.Base(path), checkpointPrefix+"%d", new(uint64))
	return err == nil
}

func (f *folder) seen(e *entry) Seen {
	s := Seen{Number: e.number, State: Void, Size: e.size}
	switch {
	case e.doc == nil:
		s.State, s.Trouble = Damaged, e.err.Error()
		return s
	case e.settled:
		s.State = Settled
	case e.number == f.entries[len(f.entries)-1].number:
		s.State = Unsettled
	}
	s.Epoch, s.SavedAt, s.Position = e.doc.Epoch, e.doc.SavedAt, e.doc.Position
	for i := range e.doc.Tables {
		switch t := &e.doc.Tables[i]; {
		case t.Stopped != nil:
			s.Stopped++
		case t.Copy.Done:
			s.Copied++
			s.Tables++
		default:
			s.Tables++
		}
	}
	return s
}

// placeOf is where an entry was found.
func (f *folder) placeOf(e *entry) string {
	if slices.ContainsFunc(f.history, func(h entry) bool { return h.number == e.number }) {
		return numbered(filepath.Join(f.path, historyFolder), checkpointPrefix, e.number)
	}
	return f.pathOf(e)
}
