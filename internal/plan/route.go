package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/script"
)

// createTable makes a route of CREATE TABLE … AS TABLE.
func (c *compiler) createTable(st *script.CreateTableAs) {
	with := c.bind(st.With, InWith, "WITH")
	hint := c.bind(st.Hint, InOptions, "OPTIONS")
	if !st.IfNotExists && !st.IsBroken() {
		c.info(CodeNoIfNotExists, st.Name.At, "IF NOT EXISTS is left out, but the statement means it: a table that exists is checked and kept",
			"write CREATE TABLE IF NOT EXISTS.")
	}
	c.inForce, c.late = &layer{origin: "SET", list: slices.Clone(c.settings.list)}, nil

	sinkCatalog, target := c.resolve(st.Name, with, targetSide)
	sourceCatalog, source := c.resolve(st.Source, hint, sourceSide)
	if sinkCatalog == nil || sourceCatalog == nil {
		return
	}
	selected, ok := c.selectionOf(st, source)
	if !ok {
		return
	}
	c.refuseMerged(st, selected)
	c.fill(target, st)
	c.take(st, selected, layers{with, sinkCatalog.options}, layers{hint, sourceCatalog.options}, source, target)
}

// fill notes what a target table is filled by, and says that it was already.
func (c *compiler) fill(target change.Name, st *script.CreateTableAs) {
	if first, twice := c.targets[target]; twice {
		line, _ := c.file.Position(first.Start)
		c.error(CodeTargetTwice, st.Name.At, fmt.Sprintf("target table %s is filled already by the statement on line %d", target, line),
			"give it another name, or remove one of the two statements.")
	}
	c.targets[target] = st.At
}

// take makes the route of a statement, which is the template of what it selects.
func (c *compiler) take(st *script.CreateTableAs, selected *Selection, sink, from layers, source, target change.Name) {
	c.takeSource(st, from, source)
	c.takeTarget(st, sink)
	c.takeDelivery(st, sink)
	c.plan.Routes = append(c.plan.Routes, c.route(st, sink, source, target))
	c.selections = append(c.selections, selected)
	c.routeOptions = append(c.routeOptions, sink)
	c.hints = append(c.hints, layers{from[0]})
	c.inForceOptions(sink, InWith, target, target.String())
	c.schemaInForce(from[0], target)
}

func (c *compiler) route(st *script.CreateTableAs, options layers, source, target change.Name) Route {
	r := Route{
		Source: source, Target: target, File: c.file, Span: st.At,
		Flush: Flush{
			Interval: time.Duration(options.number("sink.buffer-flush.interval-ms", InWith)) * time.Millisecond,
			MaxBytes: int(options.number("sink.buffer-flush.max-bytes", InWith)),
			MaxRows:  int(options.number("sink.buffer-flush.max-rows", InWith)),
		},
		Load: Load{
			ColumnSeparator: options.text(load+"column_separator", InWith),
			RowDelimiter:    options.text(load+"row_delimiter", InWith),
			Timeout:         time.Duration(options.number(load+"timeout", InWith)) * time.Second,
			PreparedTimeout: time.Duration(options.number(load+"prepared_timeout", InWith)) * time.Second,
			Headers:         headers(options),
		},
	}
	if options.text("starrocks.create.table.mode", InWith) == Simple.String() {
		r.Mode = Simple
	}
	fix := "add it to WITH: what stands behind the column list when the table is created. Or leave that to starferry: 'starrocks.create.table.mode' = 'simple', 'starrocks.create.table.properties' = 'buckets 8'."
	if r.Mode == Simple {
		fix = "add 'starrocks.create.table.properties' = 'buckets 8' to WITH."
	}
	if c.require(st, "starrocks.create.table.properties", options, InWith, st.Name.At, fix) {
		b, _ := options.get("starrocks.create.table.properties")
		r.Properties = b.value
		if mode, _ := options.get("starrocks.create.table.mode"); mode != nil || !writes(st.With, "starrocks.create.table.mode") {
			c.checkProperties(b, r.Mode)
		}
	}
	r.OnBadRow = options.text("on-bad-row", InWith)
	r.Load.LabelPrefix = options.text("sink.label-prefix", InWith)
	c.checkSeparators(options)
	r.Shape = c.shapeOf(st)
	c.shapeOverProperties(st, &r)
	return r
}

// writes tells that an option stands in a list, whether it could be used or not.
func writes(list *script.Options, key string) bool {
	return list != nil && slices.ContainsFunc(list.List, func(o script.Option) bool { return strings.TrimSpace(o.Key.Value) == key })
}

// headers collects the load options that StarRocks gets as they are.
func headers(options layers) map[string]string {
	own := []string{"column_separator", "row_delimiter", "timeout", "prepared_timeout", "max_filter_ratio", "strict_mode"}
	all := map[string]string{}
	for _, l := range slices.Backward(options) {
		for _, b := range l.list {
			name, ok := strings.CutPrefix(b.key, load)
			if ok && !slices.Contains(own, name) && (name != "format" || b.value != "csv") {
				all[name] = b.value
			}
		}
	}
	return all
}

// inForceOptions notes every option in force of one end, for EXPLAIN.
func (c *compiler) inForceOptions(options layers, where Scope, name change.Name, route string) {
	seen := map[string]bool{}
	for _, l := range options {
		for _, b := range l.list {
			if seen[b.key] || isOverruled(b, options, name) {
				continue
			}
			seen[b.key] = true
			c.plan.Options = append(c.plan.Options, OptionInForce{Key: b.key, Value: shown(b), Origin: l.origin, Route: route})
		}
	}
	for i := range table {
		if o := &table[i]; o.Where&where != 0 && o.Default != "" && !seen[o.Key] {
			c.plan.Options = append(c.plan.Options, OptionInForce{Key: o.Key, Value: o.Default, Origin: "default", Route: route})
		}
	}
}

// isOverruled tells an option that is written but decides nothing: another one, or
// the statement's own name, goes before it.
func isOverruled(b *bound, options layers, name change.Name) bool {
	switch b.key {
	case "type", "connector":
		return true
	case "endpoint":
		other, _ := options.get("jdbc-url")
		return other != nil
	case "jdbc.properties.useSSL":
		other, _ := options.get("ssl-mode")
		return other != nil
	case "table-name":
		return b.value != name.Table
	case "database-name", "default-database", "dbname":
		return b.value != name.Database
	}
	return false
}

func shown(b *bound) string {
	if (b.option.Secret || b.text.Value.Secret) && b.value != "" {
		return diag.NewSecret(b.value).String()
	}
	return b.value
}

// sortOptions puts options of all before those of one route, by name.
func sortOptions(options []OptionInForce) {
	slices.SortStableFunc(options, func(a, b OptionInForce) int {
		return cmp.Or(cmp.Compare(a.Route, b.Route), cmp.Compare(a.Key, b.Key))
	})
}
