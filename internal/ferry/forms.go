package ferry

import (
	"fmt"
	"slices"

	"starferry/internal/change"
)

// All loads of a transaction have one form, so the form of a table is chosen per epoch:
// the narrowest if that carries its first row, else the widest. When a row needs a wider one, what has not
// been loaded yet is written anew, and what has is loaded again, from the checkpoint
// before; the table then keeps the widest form for a while.

const (
	widestForm Form = 2
	// formKept is for how many checkpoints a table keeps a wider form.
	formKept = 100
)

// newBatch begins a batch for a row.
func (l *loop) newBatch(t *table, rows *change.Rows, row int) Batch {
	switch {
	case !l.isExact():
		return t.loads.NewBatch(t.layout, rows, row)
	case t.formFixed:
		return t.loads.NewBatchIn(t.layout, t.form)
	case l.counts.Checkpoints < t.formUntil:
		t.form, t.formFixed = widestForm, true
		return t.loads.NewBatchIn(t.layout, t.form)
	}
	t.formFixed = true
	if batch := t.loads.NewBatch(t.layout, rows, row); batch.Form() == 0 {
		t.form = 0
		return batch
	}
	t.form = widestForm
	return t.loads.NewBatchIn(t.layout, t.form)
}

// widenForm has the rows of the epoch written in the widest form. False: nothing more of
// it is to be added.
func (l *loop) widenForm(t *table) bool {
	t.form, t.formUntil = widestForm, l.counts.Checkpoints+formKept
	// While an epoch ends, nothing of the next one is loaded.
	if l.exact.closing == nil && (t.within() || t.inFlight != nil) {
		l.goBack(again("a row of %s needs another form of load than the rows before it in the same transaction", t.route.Source))
		return false
	}
	l.seal(t)
	for _, s := range t.queue {
		if c := l.exact.closing; (c == nil || s.epoch > c.mark.epoch) && !l.rewrite(s) {
			return false
		}
	}
	return true
}

// rewrite writes a batch anew in the table's form.
func (l *loop) rewrite(s *shipment) bool {
	t, old := s.table, s.batch
	layout := *old.Layout()
	layout.Columns = slices.Clone(layout.Columns)
	for i := range layout.Columns {
		layout.Columns[i].From, layout.Columns[i].Constant = i, nil
	}
	batch := t.loads.NewBatchIn(&layout, t.form)
	for i := range old.Rows() {
		op, row, err := old.Read(i)
		added := false
		if err == nil {
			added, err = batch.Add(op, row, 0)
		}
		if err == nil && !added {
			err = errNoForm
		}
		if err != nil {
			l.fail(fmt.Errorf("writing a batch of %s anew: %w", t.route.Target, err))
			return false
		}
	}
	l.bytes += batch.Bytes() - s.bytes
	s.batch, s.bytes = batch, batch.Bytes()
	return true
}
