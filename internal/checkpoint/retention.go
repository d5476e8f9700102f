package checkpoint

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// What stays:
//
//   - the newest settled checkpoint, everything newer, and the settled one before it,
//     against a disk that spoils the newest; their notes too;
//   - a thinned history of older settled ones, to start from on request. They move to a
//     folder of their own, since their notes go: without these nothing tells a settled one
//     from another, and a restart could not go on from it by itself;
//   - the schemas that any of these names.
//
// What stays is decided in memory: Save comes every second.

// kept is a checkpoint file of the directory.
type kept struct {
	number   uint64
	epoch    uint64
	savedAt  time.Time
	prepared bool
	settled  bool
	durable  bool // and whole
	history  bool // moved
	schemas  []int
}

// periods say how dense the history is, by age: of each span the first stays. Longer
// spans are multiples of shorter ones, so that what stays in one stays in the next.
var periods = []struct{ age, every time.Duration }{
	{time.Hour, 10 * time.Minute},
	{24 * time.Hour, time.Hour},
	{7 * 24 * time.Hour, 24 * time.Hour},
}

// historyMax bounds the history when clocks jump.
const historyMax = 40

// keep takes over what was found. It knows no schemas that nothing names.
func (d *Dir) keep(f *folder) error {
	d.know(f.schemas)
	for i, e := range slices.Concat(f.history, f.entries) {
		k := kept{number: e.number, settled: e.settled, durable: e.doc != nil, history: i < len(f.history)}
		if e.doc != nil {
			k.epoch, k.savedAt, k.prepared, k.schemas = e.doc.Epoch, e.doc.SavedAt, len(e.doc.Prepared) > 0, e.doc.named()
		}
		d.refer(k.schemas)
		d.kept = append(d.kept, k)
	}
	numbers, err := listNumbers(filepath.Join(d.path, schemasFolder), "")
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if d.references[int(n)] == 0 {
			d.orphans[int(n)] = true
		}
	}
	return nil
}

// know remembers that schemas are durable.
func (d *Dir) know(schemas map[int]*change.Table) {
	for number, table := range schemas {
		d.schemas[table] = number
	}
}

// keepNew begins to keep a checkpoint that is about to be written under the newest
// number: whether that succeeds or not, it may be there.
func (d *Dir) keepNew(doc *checkpointDocument) *kept {
	d.kept = append(d.kept, kept{number: d.sequence, epoch: doc.Epoch, savedAt: doc.SavedAt, prepared: len(doc.Prepared) > 0, schemas: doc.named()})
	k := &d.kept[len(d.kept)-1]
	d.refer(k.schemas)
	return k
}

func (d *Dir) refer(schemas []int) {
	for _, n := range schemas {
		d.references[n]++
		delete(d.orphans, n)
	}
}

func (d *Dir) release(schemas []int) {
	for _, n := range schemas {
		if d.references[n]--; d.references[n] == 0 {
			delete(d.references, n)
			d.orphans[n] = true
		}
	}
}

// settledNumbers lists the settled checkpoints.
func (d *Dir) settledNumbers() (numbers []uint64) {
	for i := range d.kept {
		if d.kept[i].settled {
			numbers = append(numbers, d.kept[i].number)
		}
	}
	return numbers
}

// prune removes what is not worth keeping.
func (d *Dir) prune() error {
	newest, before := -1, -1
	for i := range d.kept {
		if d.kept[i].settled {
			newest, before = i, newest
		}
	}
	if newest < 0 {
		return nil
	}
	last := newest
	if before >= 0 {
		last = before
	}
	oldest := d.kept[last].number
	if err := d.pruneCheckpoints(newest, before, worthKeeping(d.kept[:last], d.now())); err != nil {
		return err
	}
	labels, err := listNumbers(d.path, labelsPrefix)
	if err != nil {
		return err
	}
	for _, n := range labels {
		if n < oldest {
			if err := d.remove(numbered(d.path, labelsPrefix, n)); err != nil {
				return err
			}
		}
	}
	return d.pruneSchemas()
}

// pruneCheckpoints removes those that are older than the newest settled one, or makes
// history of them.
func (d *Dir) pruneCheckpoints(newest, before int, worth map[uint64]bool) error {
	var left []kept
	for i := range d.kept {
		k := &d.kept[i]
		stays := i >= newest || i == before
		var err error
		switch {
		case stays:
		case worth[k.number]:
			err, stays = d.makeHistory(k), true
		default:
			err = d.remove(d.pathOf(k))
		}
		if err != nil {
			d.kept = append(left, d.kept[i:]...)
			return err
		}
		if stays {
			left = append(left, *k)
		} else {
			d.release(k.schemas)
		}
	}
	d.kept = left
	return nil
}

// makeHistory moves a checkpoint, for good before its notes go.
func (d *Dir) makeHistory(k *kept) error {
	if k.history {
		return nil
	}
	folder := filepath.Join(d.path, historyFolder)
	to := numbered(folder, checkpointPrefix, k.number)
	if err := d.disk.Rename(d.pathOf(k), to); err != nil {
		return writeProblem(diag.Refused, to, err)
	}
	k.history = true
	for _, changed := range []string{folder, d.path} {
		if err := d.disk.Sync(changed); err != nil {
			return writeProblem(diag.Refused, changed, err)
		}
	}
	return nil
}

func (d *Dir) pathOf(k *kept) string {
	if k.history {
		return numbered(filepath.Join(d.path, historyFolder), checkpointPrefix, k.number)
	}
	return numbered(d.path, checkpointPrefix, k.number)
}

func (d *Dir) pruneSchemas() error {
	for table, n := range d.schemas {
		if d.references[n] == 0 {
			delete(d.schemas, table)
			d.orphans[n] = true
		}
	}
	for _, n := range slices.Sorted(maps.Keys(d.orphans)) {
		if err := d.remove(schemaPath(d.path, n)); err != nil {
			return err
		}
		delete(d.orphans, n)
	}
	return nil
}

// remove removes a file that may be gone already, or was never there.
func (d *Dir) remove(path string) error {
	if err := d.disk.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return writeProblem(diag.Refused, path, err)
	}
	return nil
}

// worthKeeping thins a history, oldest first.
func worthKeeping(history []kept, now time.Time) map[uint64]bool {
	type span struct {
		every time.Duration
		begin time.Time
	}
	var stay []uint64
	taken := map[span]bool{}
	for i := range history {
		k := &history[i]
		if !k.settled {
			continue
		}
		for _, p := range periods {
			if now.Sub(k.savedAt) >= p.age {
				continue
			}
			if s := (span{p.every, k.savedAt.Truncate(p.every)}); !taken[s] {
				taken[s] = true
				stay = append(stay, k.number)
			}
			break
		}
	}
	worth := map[uint64]bool{}
	for _, n := range stay[max(0, len(stay)-historyMax):] {
		worth[n] = true
	}
	return worth
}
