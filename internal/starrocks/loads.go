package starrocks

import (
	"starferry/internal/change"
	"starferry/internal/ferry"
)

// loads makes and sends the batches of one target table (ferry.Loads). NewBatch is
// called by one goroutine; Send may run in another.
type loads struct {
	client  *Client
	target  change.Name
	options compiled
	csv     *csvRules
	plan    *layoutPlan
	// last is the batch begun last; what it could not carry widens the next one.
	last *batch
}

// Loads returns what makes and sends the batches of one route, as Configure has set
// them for its target.
func (c *Client) Loads(route ferry.Route) ferry.Loads {
	configured := route.Target
	c.mu.Lock()
	if route.ShadowOf != (change.Name{}) {
		configured = route.ShadowOf
		c.shadows[route.Target] = route.ShadowOf
	}
	o := c.options[configured]
	c.mu.Unlock()
	// Configure has let only options through that compile.
	options, _ := o.compile()
	return &loads{client: c, target: route.Target, options: options, csv: newCSVRules(options.separator, options.delimiter)}
}

// NewBatch begins a batch in the narrowest form that carries the given row; behind a
// quoted batch that could not carry it in the widest: of rows with separators and rows
// with quotes in turn, each would end the other's batch.
func (l *loads) NewBatch(layout *ferry.Layout, rows *change.Rows, row int) ferry.Batch {
	l.ready(layout)
	f := jsonLines
	if !l.options.json && (l.last == nil || l.last.form != quoted || !l.last.full) {
		f = narrowest(l.plan, l.csv, rows, row)
	}
	return l.begin(f)
}

// NewBatchIn begins a batch in the given form. It is for transactions, which know no
// quoted form: JSON takes its place.
func (l *loads) NewBatchIn(layout *ferry.Layout, f ferry.Form) ferry.Batch {
	l.ready(layout)
	if l.options.json || l.csv.impossible || f != plain {
		f = jsonLines
	}
	return l.begin(f)
}

// Continue has a batch of another shard go on with rows of this layout.
func (l *loads) Continue(one ferry.Batch, layout *ferry.Layout) bool {
	l.ready(layout)
	b, ok := one.(*batch)
	if !ok || b.plan.header != l.plan.header {
		return false
	}
	b.plan, l.last = l.plan, b
	return true
}

// ready has the plan for rows of this layout.
func (l *loads) ready(layout *ferry.Layout) {
	if l.plan == nil || l.plan.layout != layout {
		l.plan = newLayoutPlan(layout, l.client.computedOf(l.target, layout))
	}
}

func (l *loads) begin(f ferry.Form) ferry.Batch {
	l.last = newBatch(l.plan, l.csv, f)
	return l.last
}

// headers are those of a load of this batch, without its label.
func (l *loads) headers(b *batch) map[string]string {
	h := map[string]string{}
	for name, value := range l.options.headers {
		h[name] = value
	}
	if b.plan.volatile && h["timezone"] == "" {
		h["timezone"] = "UTC"
	}
	h["columns"] = b.plan.header
	h["strict_mode"] = "true"
	h["max_filter_ratio"] = "0"
	h["timeout"] = seconds(l.options.timeout)
	if b.form == jsonLines {
		h["format"] = "json"
		h["ignore_json_size"] = "true"
		return h
	}
	h["format"] = "csv"
	// ParseSeparator has let only separators through that a header can hold.
	h["column_separator"], _ = separatorHeader(l.csv.separator)
	h["row_delimiter"], _ = separatorHeader(l.csv.delimiter)
	if b.form == quoted {
		h["enclose"] = string(enclose)
	}
	return h
}
