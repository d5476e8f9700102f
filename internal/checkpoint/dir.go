package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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
//	checkpoint-000000000012   the last two, numbered in the order of saving
//	labels-000000000012       labels noted after the attempt to save number 12
//	schemas/000000000003      schema versions, each written once
//	dead-letter/shop.t.jsonl  rows that the target refused, for people
//
// Invariant: at every moment, however writing was interrupted, the checkpoint with
// the highest number is whole and every schema it names is durable. Files are
// therefore never changed in place: they appear by rename, complete and synced,
// what is named before what names it, and are removed only once two newer
// checkpoints need them no longer. The last but one is kept against a disk that
// spoils the last. An embedded database would do all this too, but could not be
// read with cat when it matters.
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

	loaded bool
	good   saved
	notice string

	schemas    map[*change.Table]int // durable schemas
	lastSchema int                   // highest number used or tried

	letters map[string]file // written since the last Save, by path
}

// saved is a checkpoint that is known to be durable.
type saved struct {
	sequence   uint64 // 0 when there is none
	checkpoint *Checkpoint
	named      []int // the schemas it names
}

const (
	checkpointPrefix = "checkpoint-"
	schemasFolder    = "schemas"
)

// Open takes the state directory at path for this process, and creates it when it
// is not there. It is a Problem when another process holds it, when it belongs to
// a deployment of another name, when it cannot be written, or when its identity
// is damaged.
func Open(path, deployment string) (*Dir, error) {
	return openOn(osDisk{}, path, deployment)
}

func openOn(on disk, path, deployment string) (*Dir, error) {
	schemas := filepath.Join(path, schemasFolder)
	if err := os.MkdirAll(schemas, 0o700); err != nil {
		return nil, writeProblem(diag.Unusable, path, err)
	}
	held, err := lock(filepath.Join(path, "lock"))
	if err != nil {
		return nil, err
	}
	d := &Dir{
		path: path, disk: on, lock: held, incarnation: randomHex(4),
		schemas: map[*change.Table]int{}, letters: map[string]file{},
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
		numbers, err := d.list(prefix)
		if err != nil {
			return err
		}
		if len(numbers) > 0 {
			d.sequence = max(d.sequence, numbers[len(numbers)-1])
		}
	}
	numbers, err := d.listSchemas()
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

// Last returns the newest checkpoint, nil when none was ever saved. A damaged one
// is passed over for the one before, which Notice tells; when no other is left,
// or a newer version of starferry wrote it, that is a Problem. Tables of the
// checkpoint are the same pointers at every call.
func (d *Dir) Last() (*Checkpoint, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.load(); err != nil {
		return nil, err
	}
	return d.good.checkpoint, nil
}

// Notice is what a person should know about what Last returned; "" for nothing.
func (d *Dir) Notice() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.notice
}

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
	doc, err := encodeCheckpoint(c, time.Now(), d.schemaNumber)
	if err != nil {
		return err
	}
	document, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("encoding checkpoint %d: %w", c.Epoch, err)
	}
	// From here on labels belong to the new checkpoint, whether it succeeds or not:
	// see labels.go.
	if err := d.endLabels(); err != nil {
		return writeProblem(diag.Refused, d.numbered(labelsPrefix, d.noted), err)
	}
	d.sequence++
	if err := d.write(d.numbered(checkpointPrefix, d.sequence), seal("checkpoint", document)); err != nil {
		return err
	}
	before := d.good
	d.good = saved{sequence: d.sequence, checkpoint: c, named: named(doc)}
	d.notice = ""
	crashpoint.Here("checkpoint-written")
	return d.prune(before)
}

func (d *Dir) write(path string, content []byte) error {
	if err := replace(d.disk, path, content); err != nil {
		return writeProblem(diag.Refused, path, err)
	}
	return nil
}

// schemaNumber makes a schema durable once and returns its number.
func (d *Dir) schemaNumber(t *change.Table) (int, error) {
	if n, known := d.schemas[t]; known {
		return n, nil
	}
	document, err := encodeSchema(t)
	if err != nil {
		return 0, fmt.Errorf("encoding the schema of %s: %w", t.Name, err)
	}
	d.lastSchema++
	if err := d.write(d.schemaPath(d.lastSchema), seal("schema", document)); err != nil {
		return 0, err
	}
	d.schemas[t] = d.lastSchema
	crashpoint.Here("schema-written")
	return d.lastSchema, nil
}

func (d *Dir) schemaPath(n int) string {
	return filepath.Join(d.path, schemasFolder, fmt.Sprintf("%012d", n))
}

// prune removes what neither the newest checkpoint nor the one before needs.
func (d *Dir) prune(before saved) error {
	oldest := d.good.sequence
	if before.sequence != 0 {
		oldest = before.sequence
	}
	var remove []string
	checkpoints, err := d.list(checkpointPrefix)
	if err != nil {
		return err
	}
	for _, n := range checkpoints {
		if n != d.good.sequence && n != before.sequence {
			remove = append(remove, d.numbered(checkpointPrefix, n))
		}
	}
	labels, err := d.list(labelsPrefix)
	if err != nil {
		return err
	}
	for _, n := range labels {
		if n < oldest {
			remove = append(remove, d.numbered(labelsPrefix, n))
		}
	}
	schemas, err := d.listSchemas()
	if err != nil {
		return err
	}
	needed := func(n int) bool { return slices.Contains(d.good.named, n) || slices.Contains(before.named, n) }
	for _, n := range schemas {
		if !needed(int(n)) {
			remove = append(remove, d.schemaPath(int(n)))
		}
	}
	for table, n := range d.schemas {
		if !needed(n) {
			delete(d.schemas, table)
		}
	}
	for _, path := range remove {
		if err := d.disk.Remove(path); err != nil {
			return writeProblem(diag.Refused, path, err)
		}
	}
	return nil
}

// Close gives the directory back.
func (d *Dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return errors.Join(d.endLabels(), d.closeLetters(), d.lock.Close())
}

// list returns the numbers of the files with that prefix, lowest first.
func (d *Dir) list(prefix string) ([]uint64, error) { return listNumbers(d.path, prefix) }

func (d *Dir) listSchemas() ([]uint64, error) {
	return listNumbers(filepath.Join(d.path, schemasFolder), "")
}

func listNumbers(folder, prefix string) ([]uint64, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, readProblem(folder, err)
	}
	var numbers []uint64
	for _, e := range entries {
		digits, found := strings.CutPrefix(e.Name(), prefix)
		if n, err := strconv.ParseUint(digits, 10, 64); found && err == nil {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}
