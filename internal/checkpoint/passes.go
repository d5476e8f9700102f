package checkpoint

import (
	"fmt"

	"starferry/internal/change"
)

// How far copies and checks had come: spans of keys.

func (d *copyDocument) spans() []spanDocument {
	if d.After != nil && len(d.Spans) == 0 {
		return []spanDocument{{After: d.After}}
	}
	return d.Spans
}

func spansOut(spans []Span) []spanDocument {
	docs := make([]spanDocument, len(spans))
	for i, s := range spans {
		docs[i] = spanDocument{encodeRows(s.After), encodeRows(s.Until)}
	}
	return docs
}

func spansIn(docs []spanDocument) (spans []Span, err error) {
	for _, d := range docs {
		var s Span
		if s.After, err = d.After.decode(); err != nil {
			return nil, err
		}
		if s.Until, err = d.Until.decode(); err != nil {
			return nil, err
		}
		spans = append(spans, s)
	}
	return spans, nil
}

func checkOut(c *CheckState) *checkDocument {
	if c == nil {
		return nil
	}
	doc := &checkDocument{
		Repair: c.Repair, Reason: text(c.Reason), Again: c.Again, Forwards: c.Forwards, Spans: spansOut(c.Spans),
		After: encodeRows(c.After), Doubts: encodeRows(c.Doubts), Compared: c.Compared,
		Missing: c.Missing, Different: c.Different, Superfluous: c.Superfluous, Undecided: c.Undecided, Keys: c.Keys,
	}
	for _, e := range c.Examples {
		doc.Examples = append(doc.Examples, differenceDocument{text(e.Kind), text(e.Key), text(e.Column)})
	}
	return doc
}

func (d *checkDocument) in() (*CheckState, error) {
	if d == nil {
		return nil, nil
	}
	c := &CheckState{
		Repair: d.Repair, Reason: string(d.Reason), Again: d.Again, Forwards: d.Forwards, Compared: d.Compared,
		Missing: d.Missing, Different: d.Different, Superfluous: d.Superfluous, Undecided: d.Undecided, Keys: d.Keys,
	}
	for _, e := range d.Examples {
		c.Examples = append(c.Examples, Difference{DifferenceKind(e.Kind), string(e.Key), string(e.Column)})
	}
	var err error
	if c.Spans, err = spansIn(d.Spans); err != nil {
		return nil, err
	}
	if c.After, err = d.After.decode(); err != nil {
		return nil, err
	}
	c.Doubts, err = d.Doubts.decode()
	return c, err
}

func encodeRows(rows *change.Rows) *rowsDocument {
	if rows == nil {
		return nil
	}
	doc := &rowsDocument{Width: rows.Width(), Cells: make([]*text, 0, rows.Len()*rows.Width())}
	for r := range rows.Len() {
		for c := range rows.Width() {
			if rows.Null(r, c) {
				doc.Cells = append(doc.Cells, nil)
				continue
			}
			cell := text(rows.Cell(r, c))
			doc.Cells = append(doc.Cells, &cell)
		}
	}
	return doc
}

func (doc *rowsDocument) decode() (*change.Rows, error) {
	if doc == nil {
		return nil, nil
	}
	if doc.Width < 0 || doc.Width == 0 && len(doc.Cells) > 0 || doc.Width > 0 && len(doc.Cells)%doc.Width != 0 {
		return nil, damage(fmt.Sprintf("%d cells are no rows of %d", len(doc.Cells), doc.Width))
	}
	rows := change.NewRows(doc.Width)
	for _, cell := range doc.Cells {
		if cell == nil {
			rows.AddNull()
			continue
		}
		rows.AddString(string(*cell))
	}
	return rows, nil
}
