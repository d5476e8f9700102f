package checkpoint

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"starferry/internal/change"
	"starferry/internal/crashpoint"
	"starferry/internal/diag"
)

const (
	// manySchemas is from how many on schemas are written at a time, writersAtATime how
	// many of them: each waits for the disk, and a file system lets many wait together.
	manySchemas    = 16
	writersAtATime = 32
)

// writeSchemas makes the schemas durable that a checkpoint is the first to name.
func (d *Dir) writeSchemas(c *Checkpoint) error {
	var fresh []*change.Table
	seen := map[*change.Table]bool{nil: true}
	for i := range c.Tables {
		for _, t := range []*change.Table{c.Tables[i].Table, c.Tables[i].Seen} {
			if _, known := d.schemas[t]; !known && !seen[t] {
				seen[t] = true
				fresh = append(fresh, t)
			}
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	writers := 1
	if len(fresh) >= manySchemas { // of a database of thousands of tables
		writers = writersAtATime
	}
	first := d.lastSchema + 1
	d.lastSchema += len(fresh)
	for i := range fresh {
		d.orphans[first+i] = true // until a checkpoint names them
	}
	var all errgroup.Group
	all.SetLimit(writers)
	for i, t := range fresh {
		all.Go(func() error { return d.placeSchema(first+i, t) })
	}
	if err := all.Wait(); err != nil {
		return err
	}
	folder := filepath.Join(d.path, schemasFolder)
	if err := d.disk.Sync(folder); err != nil {
		return writeProblem(diag.Refused, folder, err)
	}
	for i, t := range fresh {
		d.schemas[t] = first + i
	}
	crashpoint.Here("schema-written")
	return nil
}

func (d *Dir) placeSchema(number int, t *change.Table) error {
	document, err := encodeSchema(t)
	if err != nil {
		return fmt.Errorf("encoding the schema of %s: %w", t.Name, err)
	}
	path := schemaPath(d.path, number)
	if err := place(d.disk, path, seal("schema", document)); err != nil {
		return writeProblem(diag.Refused, path, err)
	}
	return nil
}
