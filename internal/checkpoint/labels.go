package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"

	"starferry/internal/crashpoint"
	"starferry/internal/diag"
)

// Notes are lines of `crc32c json`, appended and synced one by one: labels, or that a
// checkpoint is settled. The file labels-N holds what was noted after the attempt to
// save checkpoint N: whoever reads checkpoint N reads labels-N and all later ones. So
// the labels change with the checkpoint in its one atomic step, and a Save whose
// outcome is unknown loses none. (One file that is emptied at every Save would need a
// second atomic step.) A file belongs to one process and ends with the first write that
// failed: nothing is ever written behind a torn line.

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
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.note(document)
}

// note appends one line.
func (d *Dir) note(document []byte) error {
	if d.labels == nil {
		if err := d.beginLabels(); err != nil {
			return err
		}
	}
	_, err := d.labels.Write(fmt.Appendf(nil, "%08x %s\n", crc32.Checksum(document, castagnoli), document))
	if err == nil {
		err = d.labels.Sync()
	}
	if err != nil {
		err = writeProblem(diag.Refused, numbered(d.path, labelsPrefix, d.sequence), err)
		return errors.Join(err, d.endLabels())
	}
	return nil
}

// beginLabels opens the notes that follow the newest attempt to save.
func (d *Dir) beginLabels() error {
	if d.noted == d.sequence {
		d.sequence++ // this one ended with a write that failed
	}
	path := numbered(d.path, labelsPrefix, d.sequence)
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

// notes are what one file says.
type notes struct {
	number  uint64
	labels  []Label
	settled []uint64 // numbers of checkpoints
	// err is damage. What stands on good lines is there all the same.
	err error
}

// decode reads the notes of one file. A torn end is what a crash leaves and was never
// acted upon; damage before a good line is an error, since what it said is lost.
func (n *notes) decode(content []byte) {
	torn := 0
	for number, line := range bytes.SplitAfter(content, []byte("\n")) {
		ok := n.line(line)
		switch {
		case !ok && torn == 0 && len(line) > 0:
			torn = number + 1
		case ok && torn > 0 && n.err == nil:
			n.err = damage("line " + strconv.Itoa(torn) + " is damaged")
		}
	}
}

// settledDocument is the line that says that a checkpoint is settled.
type settledDocument struct {
	Settled uint64 `json:"settled"` // its number
	Epoch   uint64 `json:"epoch"`   // for people
}

func (n *notes) line(line []byte) bool {
	sum, document, found := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
	if !found || !bytes.HasSuffix(line, []byte("\n")) {
		return false
	}
	if string(sum) != fmt.Sprintf("%08x", crc32.Checksum(document, castagnoli)) {
		return false
	}
	if bytes.HasPrefix(document, []byte("{")) {
		var doc settledDocument
		if json.Unmarshal(document, &doc) != nil || doc.Settled == 0 {
			return false
		}
		n.settled = append(n.settled, doc.Settled)
		return true
	}
	var docs []labelDocument
	if json.Unmarshal(document, &docs) != nil {
		return false
	}
	n.labels = append(n.labels, labelsIn(docs)...)
	return true
}

const labelsPrefix = "labels-"
