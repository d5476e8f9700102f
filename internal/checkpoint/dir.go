package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"starferry/internal/change"
	"starferry/internal/crashpoint"
	"starferry/internal/diag"
)

// Dir is the state directory of one deployment, held by one process:
//
//	lock                      who holds it
//	identity                  drawn once
//	checkpoint-000000000012   numbered in the order of saving
//	labels-000000000012       what was noted after the attempt to save number 12: labels,
//	                          and whether it is settled
//	history/checkpoint-…      older ones, all settled, to start from on request
//	schemas/000000000003      schema versions, each written once
//	dead-letter/shop.t.jsonl  rows that the target refused, for people
//
// Invariant: at every moment, however writing was interrupted, the checkpoint with
// the highest number is whole and every schema it names is durable. Files are
// therefore never changed in place: they appear by rename, complete and synced,
// what is named before what names it, and are removed only when a newer checkpoint
// is settled (see recovery.go) and they are not worth keeping (see retention.go). An
// embedded database would do all this too, but could not be read with cat when it
// matters.
type Dir struct {
	path        string
	disk        disk
	lock        *os.File
	identity    Identity
	incarnation string

	mu sync.Mutex
	// sequence is the highest number of a checkpoint or of label notes, used or tried.
	sequence uint64
	// opened is the first number of this process.
	opened uint64
	// labels are the notes being written, nil when the next label begins new ones.
	labels file
	noted  uint64 // number of the newest notes of this process

	loaded   bool
	recovery Recovery
	notice   string

	kept       []kept                // lowest number first
	schemas    map[*change.Table]int // durable schemas
	references map[int]int           // how many kept checkpoints name a schema
	orphans    map[int]bool          // schemas that none names, and that are still there
	lastSchema int                   // highest number used or tried

	letters map[string]file // written since the last Save, by path

	now func() time.Time
}

const (
	checkpointPrefix = "checkpoint-"
	schemasFolder    = "schemas"
	historyFolder    = "history"
)

// Open takes the state directory at path for this process, and creates it when it
// is not there. It is a Problem when another process holds it, when it belongs to
// a deployment of another name, when it cannot be written, or when its identity
// is damaged.
func Open(path, deployment string) (*Dir, error) {
	return openOn(osDisk{}, path, deployment)
}

func openOn(on disk, path, deployment string) (*Dir, error) {
	for _, folder := range []string{schemasFolder, historyFolder} {
		if err := os.MkdirAll(filepath.Join(path, folder), 0o700); err != nil {
			return nil, writeProblem(diag.Unusable, path, err)
		}
	}
	held, err := lock(filepath.Join(path, "lock"))
	if err != nil {
		return nil, err
	}
	d := &Dir{
		path: path, disk: on, lock: held, incarnation: randomHex(4),
		schemas: map[*change.Table]int{}, references: map[int]int{}, orphans: map[int]bool{},
		letters: map[string]file{}, now: time.Now,
	}
	if err := d.start(deployment); err != nil {
		return nil, errors.Join(err, held.Close())
	}
	return d, nil
}

func (d *Dir) start(deployment string) error {
	for _, folder := range []string{filepath.Dir(d.path), d.path} {
		if err := d.disk.Sync(folder); err != nil && !errors.Is(err, os.ErrPermission) {
			return writeProblem(diag.Unusable, d.path, err)
		}
	}
	for _, prefix := range []string{checkpointPrefix, labelsPrefix} {
		numbers, err := listNumbers(d.path, prefix)
		if err != nil {
			return err
		}
		if len(numbers) > 0 {
			d.sequence = max(d.sequence, numbers[len(numbers)-1])
		}
	}
	numbers, err := listNumbers(filepath.Join(d.path, schemasFolder), "")
	if err != nil {
		return err
	}
	if len(numbers) > 0 {
		d.lastSchema = int(numbers[len(numbers)-1])
	}
	if err := d.loadIdentity(deployment); err != nil {
		return err
	}
	d.sequence++
	d.opened = d.sequence
	return nil
}

// Identity is what the deployment is known by.
func (d *Dir) Identity() Identity { return d.identity }

// Incarnation is 8 hexadecimal digits drawn at every Open.
func (d *Dir) Incarnation() string { return d.incarnation }

// Path is the folder as given to Open.
func (d *Dir) Path() string { return d.path }

// Save makes a checkpoint durable, after the letters written before it, and forgets
// the labels noted before it. After an
// error the checkpoint before is intact and its labels are kept; the new one may
// be durable or not. c must not be changed afterwards.
func (d *Dir) Save(c *Checkpoint) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	// Nothing is saved over a state that could not be read.
	if err := d.load(); err != nil {
		return err
	}
	if err := d.syncLetters(); err != nil {
		return err
	}
	if err := d.closeLetters(); err != nil {
		return writeProblem(diag.Refused, filepath.Join(d.path, lettersFolder), err)
	}
	if err := d.writeSchemas(c); err != nil {
		return err
	}
	doc := encodeCheckpoint(c, d.now(), d.schemas)
	document, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("encoding checkpoint %d: %w", c.Epoch, err)
	}
	// From here on labels belong to the new checkpoint, whether it succeeds or not:
	// see labels.go.
	if err := d.endLabels(); err != nil {
		return writeProblem(diag.Refused, numbered(d.path, labelsPrefix, d.noted), err)
	}
	d.sequence++
	k := d.keepNew(doc)
	if err := d.write(numbered(d.path, checkpointPrefix, d.sequence), sealAs(doc.format(), "checkpoint", document)); err != nil {
		return err
	}
	k.durable = true
	k.settled = !k.prepared
	crashpoint.Here("checkpoint-written")
	return d.prune()
}

func (d *Dir) write(path string, content []byte) error {
	if err := replace(d.disk, path, content); err != nil {
		return writeProblem(diag.Refused, path, err)
	}
	return nil
}

// Settled notes that all transactions which the newest checkpoint has prepared are
// committed: from then on a restart goes on from it. epoch is that checkpoint's.
func (d *Dir) Settled(epoch uint64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.load(); err != nil {
		return err
	}
	if len(d.kept) == 0 {
		return fmt.Errorf("epoch %d cannot be settled: there is no checkpoint", epoch)
	}
	k := &d.kept[len(d.kept)-1]
	switch {
	case k.epoch != epoch || !k.durable:
		return fmt.Errorf("epoch %d cannot be settled: the newest checkpoint is of epoch %d", epoch, k.epoch)
	case k.settled:
		return nil
	}
	document, err := json.Marshal(settledDocument{Settled: k.number, Epoch: epoch})
	if err != nil {
		return fmt.Errorf("encoding that epoch %d is settled: %w", epoch, err)
	}
	if err := d.note(document); err != nil {
		return err
	}
	k.settled = true
	crashpoint.Here("settled")
	return d.prune()
}

// Close gives the directory back.
func (d *Dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return errors.Join(d.endLabels(), d.closeLetters(), d.lock.Close())
}
