package checkpoint

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"starferry/internal/change"
	"starferry/internal/diag"
)

// load reads the newest readable checkpoint, once.
func (d *Dir) load() error {
	if d.loaded {
		return nil
	}
	numbers, err := d.list(checkpointPrefix)
	if err != nil {
		return err
	}
	var firstPath string
	var first error
	for _, n := range slices.Backward(numbers) {
		path := d.numbered(checkpointPrefix, n)
		c, doc, tables, err := readCheckpoint(path)
		if isDamage(err) {
			if first == nil {
				first, firstPath = err, path
			}
			continue
		}
		if err != nil {
			return err
		}
		if first != nil {
			d.notice = fmt.Sprintf("%s is damaged (%v): going on from the checkpoint before it, of %s",
				firstPath, first, doc.SavedAt.Format("2006-01-02 15:04:05 MST"))
		}
		d.good = saved{sequence: n, checkpoint: c, named: named(doc)}
		for number, table := range tables {
			d.schemas[table] = number
		}
		d.loaded = true
		return nil
	}
	if first != nil {
		return damagedProblem(firstPath, first)
	}
	d.loaded = true
	return nil
}

// readCheckpoint reads one checkpoint and the schemas it names. Damage may be in
// either.
func readCheckpoint(path string) (*Checkpoint, *checkpointDocument, map[int]*change.Table, error) {
	document, err := readSealed(path, "checkpoint")
	if err != nil {
		return nil, nil, nil, err
	}
	tables := map[int]*change.Table{}
	c, doc, err := decodeCheckpoint(document, func(number int) (*change.Table, error) {
		if t := tables[number]; t != nil {
			return t, nil
		}
		t, err := readSchema(filepath.Join(filepath.Dir(path), schemasFolder, fmt.Sprintf("%012d", number)))
		if err == nil {
			tables[number] = t
		}
		return t, err
	})
	return c, doc, tables, err
}

func readSchema(path string) (*change.Table, error) {
	document, err := readSealed(path, "schema")
	if err != nil {
		if os.IsNotExist(err) {
			return nil, damage("it names " + path + ", which is missing")
		}
		return nil, err
	}
	return decodeSchema(document)
}

func readSealed(path, kind string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, err
	}
	if err != nil {
		return nil, readProblem(path, err)
	}
	return unseal(path, kind, content)
}

// named lists the schemas a checkpoint names.
func named(doc *checkpointDocument) []int {
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

func damagedProblem(path string, err error) error {
	return &diag.Problem{
		Code: CodeDamaged, Class: diag.Unusable, Cause: err,
		Message: path + " is damaged",
		Fix: "restore the folder from a backup (the source's log must still reach back to it), or move the folder away, " +
			"drop the target tables and start again: they are copied anew",
	}
}
