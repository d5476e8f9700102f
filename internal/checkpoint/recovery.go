package checkpoint

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// Recovery is what the processes before this one left, and where to go on from.
//
// A checkpoint without prepared transactions is settled by being saved; one with them
// when all of them are committed, which is noted. A process that dies in between leaves
// it unsettled, and its transactions tell what it is worth: are they all still there,
// they are committed and it is settled; else the way leads back to the newest settled
// one (a redo). Older unsettled ones are void: a later one was saved without them.
type Recovery struct {
	// Settled is the newest settled checkpoint; nil when there is none.
	Settled *Checkpoint
	// Number is that of Settled, SavedAt when it was saved.
	Number  uint64
	SavedAt time.Time
	// Unsettled is the newest checkpoint if it is not settled.
	Unsettled *Checkpoint
	// Void are all others that are newer than Settled, oldest first: nothing goes on from
	// them, but what they have prepared may be visible.
	Void []*Checkpoint
	// Open are the labels that may be open, of what Settled lists, of what was noted
	// after it, and of what void checkpoints had prepared, in this order and without
	// those that Unsettled has prepared. They must be ended before anything is loaded.
	Open []Label
	// FloorUnknown: a checkpoint that cannot be read knew how far the target is, further
	// than any of these. The end of the source's log as it is now covers it.
	FloorUnknown bool
	// Lost is the Problem of a checkpoint that would be Settled; nil unless only
	// Unsettled is left, which is then the only one to go on from.
	Lost error
}

// Recover returns what the processes before this one left, the same at every call,
// tables included. A damaged checkpoint is passed over for the one before, which Notice
// tells; when no other is left, or a newer version of starferry wrote it, that is a
// Problem.
func (d *Dir) Recover() (Recovery, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.load()
	return d.recovery, err
}

// Notice is what a person should know about what Recover returned; "" for nothing.
func (d *Dir) Notice() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.notice
}

// At is a recovery from an older settled checkpoint in place of the newest, which is the
// last of its Void.
func (d *Dir) At(number uint64) (Recovery, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.load(); err != nil {
		return Recovery{}, err
	}
	i := slices.IndexFunc(d.kept, func(k kept) bool { return k.number == number && k.settled })
	if i < 0 {
		return Recovery{}, noCheckpoint("settled checkpoint", d.path, number, d.settledNumbers())
	}
	path := d.pathOf(&d.kept[i])
	f := &folder{path: d.path, schemas: map[int]*change.Table{}}
	e := readEntry(filepath.Dir(path), number)
	c, err := f.checkpoint(&e)
	if isDamage(err) {
		return Recovery{}, damagedCheckpoint(path, err, d.settledNumbers())
	}
	if err != nil {
		return Recovery{}, err
	}
	d.know(f.schemas)
	r := Recovery{Settled: c, Number: number, SavedAt: e.doc.SavedAt, Open: d.recovery.Open, FloorUnknown: d.recovery.FloorUnknown}
	if newest := d.recovery.Settled; newest != nil && d.recovery.Number != number {
		r.Void = append(r.Void, newest)
	}
	r.Void = append(r.Void, d.recovery.Void...)
	if unsettled := d.recovery.Unsettled; unsettled != nil {
		r.Void = append(r.Void, unsettled)
		r.Open = slices.Concat(r.Open, unsettled.Prepared)
	}
	return r, nil
}

func noCheckpoint(what, path string, number uint64, others []uint64) error {
	return &diag.Problem{
		Code: CodeNoCheckpoint, Class: diag.Unusable,
		Message: fmt.Sprintf("there is no %s %d in %s", what, number, path),
		Fix:     "choose one of " + numbersOf(others) + ": 'starferry checkpoint ls' tells what they are",
	}
}

func numbersOf(checkpoints []uint64) string {
	if len(checkpoints) == 0 {
		return "none"
	}
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(checkpoints)), ", "), "[]")
}

func damagedCheckpoint(path string, err error, others []uint64) error {
	return &diag.Problem{
		Code: CodeDamaged, Class: diag.Unusable, Cause: err,
		Message: path + " is damaged",
		Fix:     "choose another of " + numbersOf(others),
	}
}

// load reads what earlier processes left, once.
func (d *Dir) load() error {
	if d.loaded {
		return nil
	}
	f, err := readFolder(d.path, d.opened)
	if err != nil {
		return err
	}
	if d.recovery, d.notice, err = f.recover(); err != nil {
		return err
	}
	if err := d.keep(f); err != nil {
		return err
	}
	d.loaded = true
	return nil
}

// recover walks back from the newest checkpoint to the newest settled one.
func (f *folder) recover() (r Recovery, notice string, err error) {
	var settled, spoilt *entry
	for i := len(f.entries) - 1; i >= 0 && settled == nil; i-- {
		e := &f.entries[i]
		c, err := f.checkpoint(e)
		switch {
		case isDamage(err):
			e.doc, e.err, e.settled = nil, err, false
			if spoilt == nil {
				spoilt = e
			}
			continue
		case err != nil:
			return Recovery{}, "", err
		case e.settled:
			settled = e
			r.Settled, r.Number, r.SavedAt = c, e.number, e.doc.SavedAt
		case i == len(f.entries)-1:
			r.Unsettled = c
		default:
			r.Void = slices.Insert(r.Void, 0, c)
		}
		if spoilt != nil && notice == "" {
			notice = fmt.Sprintf("%s is damaged (%v): the checkpoint before it, of %s, takes its place",
				f.pathOf(spoilt), spoilt.err, e.doc.SavedAt.Format("2006-01-02 15:04:05 MST"))
		}
	}
	if settled == nil {
		return f.withoutSettled(r, spoilt)
	}
	if r.FloorUnknown = spoilt != nil && spoilt.number == f.entries[len(f.entries)-1].number; r.FloorUnknown {
		notice += ". How far the target is already only the damaged one knew: exactly-once commits nothing before it has reached the end of the source's log as it is now"
	}
	r.Open, err = f.open(&r, settled.number)
	return r, notice, err
}

// withoutSettled is a recovery when no settled checkpoint can be read.
func (f *folder) withoutSettled(r Recovery, spoilt *entry) (_ Recovery, notice string, err error) {
	switch {
	case len(f.entries)+len(f.history) == 0:
		r.Open, err = f.open(&r, 0)
		return r, "", err
	case len(f.entries) == 0: // somebody removed them
		return r, "", damagedProblem(f.path, damage("its newest checkpoints are missing"))
	case spoilt == nil:
		spoilt = &entry{number: f.entries[0].number, err: damage("it is not settled, and the one before it is missing")}
	}
	lost := damagedProblem(f.pathOf(spoilt), spoilt.err)
	if r.Unsettled == nil {
		return Recovery{}, "", lost
	}
	r.Lost = lost
	r.Open, err = f.open(&r, 0)
	return r, fmt.Sprintf("%s is damaged (%v), and was the last that is settled", f.pathOf(spoilt), spoilt.err), err
}

func (f *folder) pathOf(e *entry) string { return numbered(f.path, checkpointPrefix, e.number) }

// open collects the labels that may be open.
func (f *folder) open(r *Recovery, settled uint64) ([]Label, error) {
	var found [][]Label
	if r.Settled != nil {
		found = append(found, r.Settled.Open)
	}
	for i := range f.notes {
		n := &f.notes[i]
		if n.number < settled {
			continue
		}
		if n.err != nil {
			return nil, damagedProblem(numbered(f.path, labelsPrefix, n.number), n.err)
		}
		found = append(found, n.labels)
	}
	for _, c := range r.Void {
		found = append(found, c.Prepared)
	}
	known := map[Label]bool{}
	if r.Unsettled != nil {
		for _, l := range r.Unsettled.Prepared {
			known[l] = true
		}
	}
	var open []Label
	for _, l := range slices.Concat(found...) {
		if !known[l] {
			known[l] = true
			open = append(open, l)
		}
	}
	return open, nil
}
