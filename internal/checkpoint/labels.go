package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"starferry/internal/crashpoint"
	"starferry/internal/diag"
)

// Label notes are lines of `crc32c json`, appended and synced one by one. The file
// labels-N holds what was noted after the attempt to save checkpoint N: whoever
// reads checkpoint N reads labels-N and all later ones. So the labels change with
// the checkpoint in its one atomic step, and a Save whose outcome is unknown loses
// none. (One file that is emptied at every Save would need a second atomic step.)
// A file belongs to one process and ends with the first write that failed: nothing
// is ever written behind a torn line.

type labelDocument struct {
	Table nameDocument `json:"table"`
	Label text         `json:"label"`
}

func labelsOut(labels []Label) []labelDocument {
	docs := make([]labelDocument, len(labels))
	for i, l := range labels {
		docs[i] = labelDocument{nameOut(l.Table), text(l.Label)}
	}
	return docs
}

func labelsIn(docs []labelDocument) []Label {
	var labels []Label
	for _, doc := range docs {
		labels = append(labels, Label{Table: doc.Table.in(), Label: string(doc.Label)})
	}
	return labels
}

// Note makes labels durable before the loads that use them begin. It may be called
// from several goroutines.
func (d *Dir) Note(labels []Label) error {
	if len(labels) == 0 {
		return nil
	}
	// One line for one call: were it several, a crash could lose the first of them
	// and keep the second, which looks like damage.
	document, err := json.Marshal(labelsOut(labels))
	if err != nil {
		return fmt.Errorf("encoding labels: %w", err)
	}
	line := fmt.Appendf(nil, "%08x %s\n", crc32.Checksum(document, castagnoli), document)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.labels == nil {
		if err := d.beginLabels(); err != nil {
			return err
		}
	}
	_, err = d.labels.Write(line)
	if err == nil {
		err = d.labels.Sync()
	}
	if err != nil {
		err = writeProblem(diag.Refused, d.numbered(labelsPrefix, d.sequence), err)
		return errors.Join(err, d.endLabels())
	}
	return nil
}

// beginLabels opens the notes that follow the newest attempt to save.
func (d *Dir) beginLabels() error {
	if d.noted == d.sequence {
		d.sequence++ // this one ended with a write that failed
	}
	path := d.numbered(labelsPrefix, d.sequence)
	f, err := d.disk.Create(path)
	if err != nil {
		return writeProblem(diag.Refused, path, err)
	}
	d.noted = d.sequence
	crashpoint.Here("labels-created")
	if err := d.disk.Sync(d.path); err != nil {
		return errors.Join(writeProblem(diag.Refused, path, err), f.Close())
	}
	d.labels = f
	return nil
}

// endLabels closes the notes; the next label begins new ones.
func (d *Dir) endLabels() error {
	if d.labels == nil {
		return nil
	}
	f := d.labels
	d.labels = nil
	return f.Close()
}

// OpenLabels returns the labels that earlier processes left open: those the
// checkpoint that Last returns lists, and those noted after it, in this order.
// Loads under them may still become visible, and must be settled before anything
// else is loaded. Empty once this process has saved a checkpoint of its own.
func (d *Dir) OpenLabels() ([]Label, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.load(); err != nil {
		return nil, err
	}
	found, err := d.list(labelsPrefix)
	if err != nil {
		return nil, err
	}
	if d.good.sequence >= d.opened {
		return nil, nil
	}
	var labels []Label
	if d.good.checkpoint != nil {
		labels = slices.Clone(d.good.checkpoint.Open)
	}
	for _, n := range found {
		if n < d.good.sequence || n >= d.opened {
			continue
		}
		path := d.numbered(labelsPrefix, n)
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, readProblem(path, err)
		}
		some, err := decodeLabels(content)
		if err != nil {
			return nil, damagedProblem(path, err)
		}
		labels = append(labels, some...)
	}
	return labels, nil
}

// decodeLabels reads the notes of one file. A torn end is what a crash leaves and
// was never acted upon; damage before a good line is an error, since what it said
// is lost.
func decodeLabels(content []byte) ([]Label, error) {
	var labels []Label
	torn := 0
	for number, line := range bytes.SplitAfter(content, []byte("\n")) {
		some, ok := decodeLine(line)
		switch {
		case !ok && torn == 0 && len(line) > 0:
			torn = number + 1
		case ok && torn > 0:
			return nil, damage("line " + strconv.Itoa(torn) + " is damaged")
		case ok:
			labels = append(labels, some...)
		}
	}
	return labels, nil
}

func decodeLine(line []byte) ([]Label, bool) {
	sum, document, found := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
	if !found || !bytes.HasSuffix(line, []byte("\n")) {
		return nil, false
	}
	if string(sum) != fmt.Sprintf("%08x", crc32.Checksum(document, castagnoli)) {
		return nil, false
	}
	var docs []labelDocument
	if json.Unmarshal(document, &docs) != nil {
		return nil, false
	}
	return labelsIn(docs), true
}

const labelsPrefix = "labels-"

// numbered is the path of a numbered file.
func (d *Dir) numbered(prefix string, n uint64) string {
	return filepath.Join(d.path, fmt.Sprintf("%s%012d", prefix, n))
}
