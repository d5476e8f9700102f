package ferry

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"starferry/internal/change"
)

// addEvent adds the rows of one event to the table's batch.
func (l *loop) addEvent(t *table, event *change.Event) {
	rows := event.Rows
	switch event.Kind {
	case change.Insert:
		for i := range rows.Len() {
			l.touch(t, rows, i)
			if t.layout.keeps(rows, i) {
				l.add(t, Upsert, rows, i)
			}
		}
	case change.Delete:
		for i := range rows.Len() {
			l.touch(t, rows, i)
			l.add(t, Delete, rows, i)
		}
	case change.Update:
		for i := 0; i+1 < rows.Len(); i += 2 {
			l.update(t, rows, i, i+1)
		}
	}
}

// count counts the rows of an event that concerns followed tables.
func (l *loop) count(event *change.Event, followed bool) {
	switch {
	case !followed:
	case event.Kind == change.Insert:
		l.counts.Inserted += uint64(event.Rows.Len())
	case event.Kind == change.Delete:
		l.counts.Deleted += uint64(event.Rows.Len())
	default:
		l.counts.Updated += uint64(event.Rows.Len() / 2)
	}
}

// update replaces a row: an upsert when the bytes of all that decides its key are the
// same, else the old key is deleted. Keys that are equal only under a collation of the source are
// different at the target, so it is the bytes that count.
func (l *loop) update(t *table, rows *change.Rows, before, after int) {
	l.touch(t, rows, after)
	kept := t.layout.keeps(rows, after)
	moved := !kept
	for _, k := range t.layout.KeyInputs {
		moved = moved || rows.Null(before, k) != rows.Null(after, k) || !bytes.Equal(rows.Cell(before, k), rows.Cell(after, k))
	}
	if moved {
		l.touch(t, rows, before)
		l.add(t, Delete, rows, before)
	}
	if kept {
		l.add(t, Upsert, rows, after)
	}
}

// add appends one row to the table's batch. Within a batch the last row of a key
// wins, so the order of the rows is the order of the log.
func (l *loop) add(t *table, op Op, rows *change.Rows, row int) {
	if t.stopped != nil || t.gone || l.exact.redo != nil {
		return // by a row before this one
	}
	if !l.goesOn(t) {
		return
	}
	for range 2 {
		if t.batch == nil {
			t.batch = l.newBatch(t, rows, row)
			l.lade(t.outlet)
			t.begun, t.after, t.epoch, t.joining = l.now, l.position, l.epoch, nil
			l.unacked[l.epoch]++
		}
		if t.unsaved && !slices.Contains(t.joining, t) {
			t.joining = append(t.joining, t)
		}
		before := t.batch.Bytes()
		added, err := t.batch.Add(op, rows, row)
		if err != nil {
			l.refusedRow(t, op, rows, row, err)
			return
		}
		if added {
			l.bytes += t.batch.Bytes() - before
			if t.batch.Bytes() >= t.route.MaxBytes || t.batch.Rows() >= t.route.MaxRows {
				l.seal(t)
			}
			return
		}
		// Another form has to carry this row.
		if l.isExact() && !l.widenForm(t) {
			return
		}
		l.seal(t)
	}
	l.refusedRow(t, op, rows, row, errNoForm)
}

var errNoForm = errors.New("it fits no form of load")

// seal ends the batch being filled and queues it for loading.
func (l *loop) seal(t *table) {
	if t.batch == nil {
		return
	}
	if t.batch.Rows() == 0 {
		l.acknowledge(t.epoch)
		t.batch = nil
		return
	}
	t.queue = append(t.queue, &shipment{table: t, batch: t.batch, bytes: t.batch.Bytes(), epoch: t.epoch, begun: t.begun, after: t.after, upTo: l.upTo, joining: t.joining})
	t.batch = nil
}

// loadBytes is how much of a table is loaded at once into its transaction, so that little
// is left to do at the end of the epoch.
const loadBytes = 4 << 20

// flushDue seals the batches that are to go. While a load of the table is under way
// its batch goes on growing: the busier the target, the larger the loads.
func (l *loop) flushDue() {
	for _, o := range l.laden {
		t := o.shards[0]
		if l.isExact() {
			if t.batch != nil && t.batch.Bytes() >= loadBytes && t.inFlight == nil && len(t.queue) == 0 {
				l.seal(t)
			}
			continue
		}
		if t.batch != nil && t.inFlight == nil && len(t.queue) == 0 && t.due(l.now) && l.now.Sub(t.begun) >= min(gatherTime, t.route.Interval) {
			l.seal(t)
		}
	}
}

// flushEpoch seals what keeps the mark of an epoch from settling.
func (l *loop) flushEpoch(epoch uint64) {
	for _, o := range l.laden {
		t := o.shards[0]
		if t.batch != nil && t.epoch <= epoch {
			l.seal(t)
		}
	}
}

func (l *loop) flushAll() {
	for _, o := range l.laden {
		l.seal(o.shards[0])
	}
}

// relieveMemory sends what memory presses for: the rest is for what arrives while it is on
// its way.
func (l *loop) relieveMemory() {
	least := l.pressed()
	if least == notPressed {
		return
	}
	for _, o := range l.laden {
		t := o.shards[0]
		if t.batch != nil && t.inFlight == nil && len(t.queue) == 0 && t.batch.Bytes() >= least {
			l.seal(t)
		}
	}
}

// describeKey prints the key of a row for people: id="4410021", name="x". columns are
// those of rows that hold the key.
func describeKey(schema *change.Table, rows *change.Rows, row int, columns []int) string {
	var b bytes.Buffer
	for i, k := range schema.Key {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s=%q", schema.Columns[k].Name, rows.Cell(row, columns[i]))
	}
	return b.String()
}

// shipment is a sealed batch on its way.
type shipment struct {
	table *table // one of its target's
	batch Batch
	bytes int
	epoch uint64
	begun time.Time
	// The rows changed behind after, not behind upTo.
	after, upTo change.Position
	part        bool   // of a batch that was refused
	dropped     bool   // on its way when its table stopped: nobody waits for it
	label       string // "" before the first try and after an aborted one
	tries       int
	notUntil    time.Time
	joining     []*table // the shards in it that no checkpoint knew when it was begun
}
