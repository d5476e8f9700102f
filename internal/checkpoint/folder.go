package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// folder is what was found in a state directory: its checkpoints without their
// schemas, and the notes.
type folder struct {
	path    string
	entries []entry // lowest number first
	history []entry // likewise, all of them lower
	notes   []notes // lowest number first
	schemas map[int]*change.Table
}

// entry is a checkpoint as it was found.
type entry struct {
	number uint64
	size   int
	doc    *checkpointDocument // nil when it is of no use
	err    error               // then: why
	// settled: everything before its position is visible at the target. True of all that
	// are history; of others if nothing is prepared or a note says so.
	settled bool
}

// readFolder reads all checkpoints, and the notes below a number. A checkpoint that
// cannot be used is an entry all the same; one that went away meanwhile is an error
// that is fs.ErrNotExist.
func readFolder(path string, before uint64) (*folder, error) {
	return readFolderAgain(path, before, map[uint64]entry{})
}

// readFolderAgain reads only checkpoints that are not known yet: none ever changes.
func readFolderAgain(path string, before uint64, known map[uint64]entry) (*folder, error) {
	f := &folder{path: path, schemas: map[int]*change.Table{}}
	var err error
	if f.history, err = readEntries(filepath.Join(path, historyFolder), known); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if f.entries, err = readEntries(path, known); err != nil {
		return nil, err
	}
	return f, f.readNotes(before)
}

func readEntries(folder string, known map[uint64]entry) ([]entry, error) {
	numbers, err := listNumbers(folder, checkpointPrefix)
	if err != nil {
		return nil, err
	}
	var entries []entry
	for _, n := range numbers {
		e, found := known[n]
		if !found {
			if e = readEntry(folder, n); errors.Is(e.err, fs.ErrNotExist) {
				return nil, e.err
			}
			known[n] = e
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func readEntry(folder string, number uint64) entry {
	e := entry{number: number}
	var document []byte
	if document, e.err = readSealed(numbered(folder, checkpointPrefix, number), "checkpoint"); e.err == nil {
		e.size = len(document)
		e.doc, e.err = decodeDocument(document)
	}
	return e
}

func (f *folder) readNotes(before uint64) error {
	numbers, err := listNumbers(f.path, labelsPrefix)
	if err != nil {
		return err
	}
	f.notes = nil
	for _, number := range numbers {
		if number >= before {
			continue
		}
		path := numbered(f.path, labelsPrefix, number)
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err != nil {
			return readProblem(path, err)
		}
		n := notes{number: number}
		n.decode(content)
		f.notes = append(f.notes, n)
	}
	f.settle()
	return nil
}

// settle marks the checkpoints that are settled.
func (f *folder) settle() {
	noted := map[uint64]bool{}
	for i := range f.notes {
		for _, number := range f.notes[i].settled {
			noted[number] = true
		}
	}
	for i := range f.entries {
		e := &f.entries[i]
		e.settled = e.doc != nil && (len(e.doc.Prepared) == 0 || noted[e.number])
	}
	for i := range f.history {
		f.history[i].settled = f.history[i].doc != nil
	}
}

// checkpoint is an entry with its schemas, which may be damaged too.
func (f *folder) checkpoint(e *entry) (*Checkpoint, error) {
	if e.err != nil {
		return nil, e.err
	}
	return e.doc.in(func(number int) (*change.Table, error) {
		if t := f.schemas[number]; t != nil {
			return t, nil
		}
		t, err := readSchema(schemaPath(f.path, number))
		if err == nil {
			f.schemas[number] = t
		}
		return t, err
	})
}

func readSchema(path string) (*change.Table, error) {
	document, err := readSealed(path, "schema")
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, damage("it names " + path + ", which is missing")
		}
		return nil, err
	}
	return decodeSchema(document)
}

func readSealed(path, kind string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, readProblem(path, err)
	}
	return unseal(path, kind, content)
}

// named lists the schemas a checkpoint names.
func (doc *checkpointDocument) named() []int {
	var numbers []int
	for i := range doc.Tables {
		for _, n := range []int{doc.Tables[i].Schema, doc.Tables[i].Seen} {
			if n != 0 {
				numbers = append(numbers, n)
			}
		}
	}
	return numbers
}

// numbered is the path of a numbered file.
func numbered(folder, prefix string, n uint64) string {
	return filepath.Join(folder, fmt.Sprintf("%s%012d", prefix, n))
}

func schemaPath(folder string, n int) string {
	return numbered(filepath.Join(folder, schemasFolder), "", uint64(n))
}

// listNumbers returns the numbers of the files with that prefix, lowest first.
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

func damagedProblem(path string, err error) error {
	return &diag.Problem{
		Code: CodeDamaged, Class: diag.Unusable, Cause: err,
		Message: path + " is damaged",
		Fix: "restore the folder from a backup (the source's log must still reach back to it), or move the folder away, " +
			"drop the target tables and start again: they are copied anew",
	}
}
