package starrocks

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/expression"
	"starferry/internal/ferry"
)

// The key of a shaped target holds every column of the source's key: else rows that the
// source tells apart would be one. What more there is, plain or computed, is a function of
// the row, so that an UPDATE that changes it moves the row (ferry.Layout.KeyInputs).

// targetKey names the columns of the target's primary key in its order: what the user
// writes, in a clause or in the properties, else the source's.
func targetKey(spec TableSpec, s suffix) ([]string, error) {
	source, shape := spec.Source, &spec.Shape
	named := s.key
	switch {
	case named == nil:
		named = shape.Key
	case shape.Key != nil && !slices.EqualFunc(named, shape.Key, strings.EqualFold):
		return source.KeyNames(), shapeProblem(spec, fmt.Sprintf("PRIMARY KEY (%s) in the statement, and primary key(%s) in 'starrocks.create.table.properties'",
			strings.Join(shape.Key, ", "), strings.Join(named, ", ")), "write the same key in both.")
	}
	if named == nil || len(source.Key) == 0 {
		return source.KeyNames(), nil
	}
	for i, name := range named {
		at := source.Index(name)
		switch {
		case slices.ContainsFunc(named[:i], func(n string) bool { return strings.EqualFold(n, name) }):
			return source.KeyNames(), keyProblem(spec, named)
		case shape.Computes(name) != nil:
			if shape.Computes(name).Value.IsVolatile() {
				return source.KeyNames(), shapeProblem(spec, fmt.Sprintf("its key has `%s`, which is another one each time it is computed", name), "take it out of the key.")
			}
		case at < 0:
			return source.KeyNames(), keyProblem(spec, named)
		case !source.IsKey(at) && len(shape.Computed) == 0 && shape.Key == nil:
			return source.KeyNames(), keyProblem(spec, named)
		case !source.IsKey(at) && source.Columns[at].Nullable:
			return source.KeyNames(), shapeProblem(spec, fmt.Sprintf("its key has `%s`, which may be NULL at the source", name),
				fmt.Sprintf("declare it NOT NULL there, or compute a column of the key: ADD COLUMN (k AS COALESCE(%s, …)).", name))
		}
	}
	for _, name := range source.KeyNames() {
		if !slices.ContainsFunc(named, func(n string) bool { return strings.EqualFold(n, name) }) {
			return source.KeyNames(), keyProblem(spec, named)
		}
	}
	return named, nil
}

func shapeProblem(spec TableSpec, why, fix string) error {
	return &diag.Problem{Code: CodeShape, Message: fmt.Sprintf("table %s: %s", spec.Target, why), Fix: fix}
}

// keyed is the source with those of its columns as its key that the target's key has:
// what columns become is a matter of the target's key.
func keyed(source *change.Table, key []string) *change.Table {
	if slices.EqualFunc(key, source.KeyNames(), strings.EqualFold) {
		return source
	}
	other := *source
	other.Key = nil
	for _, name := range key {
		if i := source.Index(name); i >= 0 {
			other.Key = append(other.Key, i)
		}
	}
	return &other
}

// meant asks for the column of a table that a name is nearly.
func meant(source *change.Table, name string) string {
	var names []string
	for i := range source.Columns {
		names = append(names, source.Columns[i].Name)
	}
	if near := diag.Nearest(name, names); near != "" {
		return ": did you mean `" + near + "`?"
	}
	return ""
}

// scope tells the types of the source's columns at the target.
func (spec TableSpec) scope(source *change.Table, cluster has) expression.Scope {
	return func(name string) (expression.Type, string) {
		i := source.Index(name)
		if i < 0 {
			return expression.Type{}, fmt.Sprintf("%s has no column `%s`%s", source.Name, name, meant(source, name))
		}
		column, _, err := mapWide(source, i, cluster, spec.Broadened)
		if err != nil {
			return expression.Type{}, fmt.Sprintf("column `%s` cannot be carried", name)
		}
		if kindOf(source.Columns[i].Type) == octets {
			return expression.Type{}, fmt.Sprintf("column `%s` is bytes, with which nothing is computed", name)
		}
		t, ok := expression.TypeOf(column.Type)
		if !ok {
			return t, fmt.Sprintf("column `%s` is %s, with which nothing is computed", name, column.Type)
		}
		return t, ""
	}
}

// typed resolves a computed column against a version of the source.
func (spec TableSpec) typed(c *expression.Computed, source *change.Table, cluster has) (*expression.Typed, error) {
	typed, err := c.Value.Resolve(spec.scope(source, cluster))
	var wrong *expression.Error
	if errors.As(err, &wrong) {
		return nil, shapeProblem(spec, fmt.Sprintf("column `%s` AS %s: %s", c.Name, c.Value.Text, wrong.Message), wrong.Fix)
	}
	return typed, err
}

// mapComputed is the target column that is computed.
func (spec TableSpec) mapComputed(c *expression.Computed, source *change.Table, key bool, cluster has) (MappedColumn, int, error) {
	column := MappedColumn{Name: c.Name, Source: -1, SourceType: "computed", Nullable: !key, Key: key, Comment: c.Comment, Note: "AS " + c.Value.Text}
	if source.Index(c.Name) >= 0 {
		return column, 0, shapeProblem(spec, fmt.Sprintf("column `%s` is added, and %s has one of that name", c.Name, source.Name), "give the new one another name.")
	}
	typed, err := spec.typed(c, source, cluster)
	if err != nil {
		return column, 0, err
	}
	t := typed.Type()
	column.Type = t.SQL
	if key && (t.Family == expression.Double || t.Family == expression.Decimal) {
		return column, 0, shapeProblem(spec, fmt.Sprintf("column `%s` is %s, which no key can be", c.Name, t.SQL), "CAST it to BIGINT or STRING.")
	}
	width := t.Bytes
	if t.Family != expression.Text {
		width = 16
	}
	return column, width, nameProblem(spec.Target, c.Name)
}

// columnsOf lists the target's columns in its order: those of the key, then the others as
// they stand at the source, with the computed ones where their clauses place them.
func (spec TableSpec) columnsOf(source *change.Table, key []string) (names []string, err error) {
	isKey := func(name string) bool {
		return slices.ContainsFunc(key, func(k string) bool { return strings.EqualFold(k, name) })
	}
	var problems []error
	for _, name := range spec.Shape.LeftOut {
		switch i := source.Index(name); {
		case i < 0:
			problems = append(problems, shapeProblem(spec, fmt.Sprintf("DROP COLUMN names `%s`, which %s does not have%s", name, source.Name, meant(source, name)), "take it out of the list."))
		case source.IsKey(i) || isKey(name):
			problems = append(problems, shapeProblem(spec, fmt.Sprintf("DROP COLUMN names `%s`, which is part of the key", name), "take it out of the list."))
		}
	}
	for _, c := range source.Columns {
		if !isKey(c.Name) && !spec.Shape.Leaves(c.Name) {
			names = append(names, c.Name)
		}
	}
	for i := range spec.Shape.Computed {
		c := &spec.Shape.Computed[i]
		if isKey(c.Name) || source.Index(c.Name) >= 0 { // which is refused
			continue
		}
		at := len(names)
		switch {
		case c.First:
			at = 0
		case c.After != "" && isKey(c.After):
			at = 0
		case c.After != "":
			before := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, c.After) })
			if before < 0 {
				problems = append(problems, shapeProblem(spec, fmt.Sprintf("column `%s` stands AFTER `%s`, which the target does not have%s", c.Name, c.After, meant(source, c.After)), "name another column."))
				continue
			}
			at = before + 1
		}
		names = slices.Insert(names, at, c.Name)
	}
	return slices.Concat(key, names), diag.Join(problems...)
}

// checkPartition tells what keeps the target from being partitioned as asked.
func (spec TableSpec) checkPartition(m *Mapping, version string) error {
	if len(spec.Shape.Partition) == 0 {
		return nil
	}
	if r, known := releaseOf(version); known && !r.since(3, 1, 0) {
		return shapeProblem(spec, "PARTITIONED BY needs StarRocks 3.1, which creates partitions as they come",
			"write the partitions into 'starrocks.create.table.properties', in normal mode.")
	}
	for _, name := range spec.Shape.Partition {
		if !slices.ContainsFunc(m.Key, func(k string) bool { return strings.EqualFold(k, name) }) {
			return shapeProblem(spec, fmt.Sprintf("it is PARTITIONED BY `%s`, which is not part of its key (%s)", name, strings.Join(m.Key, ", ")),
				fmt.Sprintf("write (PRIMARY KEY (%s) NOT ENFORCED).", strings.Join(append([]string{name}, m.Key...), ", ")))
		}
	}
	return nil
}

// specOf is how a table, or the one whose shadow it is, is declared.
func (c *Client) specOf(target change.Name) TableSpec {
	c.mu.Lock()
	defer c.mu.Unlock()
	if of, ok := c.shadows[target]; ok {
		target = of
	}
	return c.declared[target]
}

// keyOf is the source as the target's key has it.
func (spec TableSpec) keyOf(source *change.Table) (*change.Table, error) {
	if len(spec.Shape.Computed) == 0 && spec.Shape.Key == nil {
		return source, nil
	}
	spec.Source = source
	s, err := parseSuffix(spec)
	if err != nil {
		return nil, err
	}
	key, err := targetKey(spec, s)
	return keyed(source, key), err
}

// computedColumn is a computed column as a load or a query has it.
type computedColumn struct {
	name, sql string
	volatile  bool
}

// computedOf are the computed columns of a layout, in the order of Layout.Computed. That
// they can be computed was seen when the table was described.
func (c *Client) computedOf(target change.Name, layout *ferry.Layout) (computed []computedColumn) {
	if len(layout.Computed) == 0 {
		return nil
	}
	spec := c.specOf(target)
	keyed, err := spec.keyOf(layout.Source)
	if err != nil {
		keyed = layout.Source
	}
	for _, name := range layout.Computed {
		one := spec.Shape.Computes(name)
		if one == nil {
			continue
		}
		if typed, err := spec.typed(one, keyed, typesOf(c.version)); err == nil {
			computed = append(computed, computedColumn{name, typed.SQL(), one.Value.IsVolatile()})
		}
	}
	return computed
}
