package ferry

import (
	"context"
	"slices"

	"starferry/internal/change"
	"starferry/internal/checkpoint"
	"starferry/internal/crashpoint"
)

// comparison is what became of a check's page since the stream has passed it.
type comparison struct {
	epoch uint64 // what was begun in it or before must be visible
	asked bool   // the target's rows are asked for
	keys  []int  // of the page, those asked for
}

// beginComparison has everything the loop took so far made visible.
func (l *loop) beginComparison(p *page) {
	c := p.pass.check
	if (p != c.inquiry && len(c.doubts) > doubtsMax) || !l.checkLayout(c, p.request.Table) {
		return
	}
	l.seal(c.table)
	p.comparison = &comparison{epoch: l.epoch}
	l.epoch++ // what comes now is not waited for
}

// visible tells that no row that was begun in that epoch or before is on its way.
func (o *outlet) visible(epoch uint64) bool {
	if o.batch != nil && o.epoch <= epoch || o.inFlight != nil && o.inFlight.epoch <= epoch {
		return false
	}
	for _, s := range o.queue {
		if s.epoch <= epoch {
			return false
		}
	}
	return !slices.ContainsFunc(o.loaded, func(loaded uint64) bool { return loaded <= epoch })
}

// compareVisible asks the target for the rows of the pages that it shows by now.
func (l *loop) compareVisible(c *check) {
	for _, p := range slices.Clone(c.table.pages) {
		if p.comparison == nil || p.comparison.asked || l.now.Before(c.askAfter) {
			continue
		}
		if c.table.visible(p.comparison.epoch) || l.sabotage.compareBeforeVisible {
			l.askTarget(c, p)
		} else {
			l.exact.wantEnd = true
		}
	}
}

func (l *loop) askTarget(c *check, p *page) {
	t, cmp, layout := c.table, p.comparison, c.layout
	cmp.asked, cmp.keys = true, cmp.keys[:0]
	all, columns := p.keys()
	keys := change.NewRows(len(columns))
	present := p.present()
	for i := range p.gone {
		// Backwards, the keys that the source has were compared forwards.
		if (!p.gone[i] || l.sabotage.judgeTouched) && (p != c.backwards || present[i] < 0 || t.copy.Partial) {
			cmp.keys = append(cmp.keys, i)
			appendKeyOf(keys, all, i, columns)
		}
	}
	if keys.Len() == 0 {
		l.compared(c, p, layout, nil, nil)
		return
	}
	l.begin(func(ctx context.Context) func() {
		rows, at, err := l.cfg.Mirror.ReadRows(ctx, t.route.Target, layout, keys)
		return func() {
			switch {
			case p.dropped:
			case err != nil:
				cmp.asked = false
				l.checkFailed(c, err)
			default:
				c.tries = 0
				l.compared(c, p, layout, rows, at)
			}
		}
	})
}

// present says for each key of the page which of its rows has it, -1 for none.
func (p *page) present() []int {
	present := make([]int, len(p.gone))
	if p.request.Keys == nil {
		for i := range present {
			present[i] = i
		}
		return present
	}
	rows := make(map[string]int, p.rows.Len())
	var key []byte
	for i := range p.rows.Len() {
		key = p.rows.AppendKey(key[:0], i, p.request.Table.Key)
		rows[string(key)] = i
	}
	columns := identityColumns(p.request.Keys.Width())
	for i := range present {
		key = p.request.Keys.AppendKey(key[:0], i, columns)
		present[i] = -1
		if row, ok := rows[string(key)]; ok {
			present[i] = row
		}
	}
	return present
}

// compared judges the rows of a page and ends it.
func (l *loop) compared(c *check, p *page, layout *Layout, target *change.Rows, at []int) {
	asked := make(map[int]int, len(p.comparison.keys))
	for n, i := range p.comparison.keys {
		asked[i] = at[n]
	}
	present := p.present()
	for i := range p.gone {
		row, wasAsked := asked[i]
		switch {
		case p.gone[i] && !l.sabotage.judgeTouched:
			c.doubtful(p.doubtOf(i), l.now, true)
		case wasAsked:
			l.judge(c, p, i, layout, present[i], target, row)
		}
		if p.dropped {
			return // with its table: the target cannot take the row that would mend it
		}
	}
	if p != c.inquiry && p != c.backwards {
		c.state.Compared += p.chosen(layout)
		p.span.after = keyOf(p.rows, p.rows.Len()-1, p.request.Table.Key)
	}
	if p == c.backwards {
		c.state.Keys += uint64(c.targetKeys.Len())
		if c.table.copy.Partial {
			c.state.Compared += p.chosen(layout)
		}
		c.state.After, c.targetKeys, c.backwards = keyOf(c.targetKeys, c.targetKeys.Len()-1, identityColumns(c.targetKeys.Width())), nil, nil
	}
	if p == c.inquiry {
		c.inquiry = nil
	}
	l.removePage(p)
	l.passMoved(c.forwards)
	crashpoint.Here("verify-page-compared")
}

// chosen is how many of the page's rows the target is to have.
func (p *page) chosen(layout *Layout) (n uint64) {
	for i := range p.rows.Len() {
		if layout.keeps(p.rows, i) {
			n++
		}
	}
	return n
}

// doubtOf is what is known of key i.
func (p *page) doubtOf(i int) doubt {
	if p.doubts != nil {
		return p.doubts[i]
	}
	keys, columns := p.keys()
	return doubt{key: string(keys.AppendKey(nil, i, columns))}
}

// judge compares one row: source and target are its places in the page's rows and in
// the target's, -1 where it is not.
func (l *loop) judge(c *check, p *page, i int, layout *Layout, source int, target *change.Rows, at int) {
	if source >= 0 && !layout.keeps(p.rows, source) {
		source = -1 // the target is not to have it
	}
	found := checkpoint.Difference{}
	switch {
	case source < 0 && at < 0, at < 0 && c.table.copy.Partial:
		return
	case source < 0:
		found.Kind = checkpoint.Superfluous
	case at < 0:
		found.Kind = checkpoint.Missing
	default:
		column := l.cfg.Mirror.Differs(layout, p.rows, source, target, at)
		if column < 0 {
			return
		}
		found.Kind, found.Column = checkpoint.Different, layout.columnName(column)
	}
	d := p.doubtOf(i)
	if d.looks++; d.looks < looksToDecide && !l.sabotage.believeFirstLook {
		c.doubtful(d, l.now, false)
		return
	}
	keys, columns := p.keys()
	found.Key = describeKey(layout.Source, keys, i, columns)
	c.found(found)
	switch {
	case !c.state.Repair:
	case found.Kind == checkpoint.Superfluous:
		l.add(c.table, Delete, target, at)
	default:
		l.add(c.table, Upsert, p.rows, source)
	}
}

// found counts a difference and keeps the first ones as examples.
func (c *check) found(d checkpoint.Difference) {
	switch d.Kind {
	case checkpoint.Missing:
		c.state.Missing++
	case checkpoint.Different:
		c.state.Different++
	case checkpoint.Superfluous:
		c.state.Superfluous++
	}
	if len(c.state.Examples) < examplesMax {
		c.state.Examples = append(c.state.Examples, d)
	}
}
