package emulator

import (
	"slices"
	"strings"
)

func (s *session) renameTable(t *table, to string) error {
	if !s.can("CREATE TABLE", "DATABASE", t.db.id, 0) {
		return errDenied("CREATE TABLE", "DATABASE "+t.db.name)
	}
	if !isTableName(to) {
		return codedAnalysisError(1104, "42000", "Incorrect table name '%s'", to)
	}
	if t.name == to {
		return analysisError("Same table name %s", to)
	}
	if t.db.tables[to] != nil {
		return codedAnalysisError(1050, "42S01", "Table '%s' already exists", to)
	}
	t.move(to)
	return nil
}

// move gives a table another name in its database; its transactions follow.
func (t *table) move(to string) {
	if t.db.tables[t.name] == t {
		delete(t.db.tables, t.name)
	}
	t.db.labels.renameTable(t.name, to)
	t.name = to
	t.db.tables[to] = t
}

// swapTables exchanges two tables of one database: the names, nothing else.
func (s *session) swapTables(t *table, name string) error {
	other := t.db.tables[name]
	switch {
	case other == nil:
		return errUnknownTable(t.db.name, name)
	case other == t:
		return nil
	case other.alter != nil:
		return errTableBusy(other.name)
	}
	for _, x := range []*table{t, other} {
		if !s.canTable("ALTER", x) {
			return errDenied("ALTER", "TABLE "+x.name)
		}
		if !s.canTable("DROP", x) {
			return errDenied("DROP", "TABLE "+x.name)
		}
	}
	first := t.name
	const between = "\x00swap" // no table can have this name
	t.move(between)
	other.move(first)
	t.move(name)
	return nil
}

// renameTable makes the transactions of a table those of its new name.
func (b *labelBook) renameTable(from, to string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, tx := range b.order {
		if tx.table == from {
			tx.table = to
		}
		if i := slices.Index(tx.tables, from); i >= 0 {
			tx.tables = slices.Clone(tx.tables)
			tx.tables[i] = to
		}
	}
}

// renameColumn is done at once. The column keeps its identity, the name it was made
// with, and no new column may take that.
func (t *table) renameColumn(from, to string) error {
	c := t.column(from)
	switch {
	case c == nil:
		return codedAnalysisError(5509, "42S22", "Unknown column '%s' in '%s'", from, t.name)
	case t.column(to) != nil:
		return codedAnalysisError(1060, "42S21", "Duplicate column name '%s'", to)
	case !isColumnName(to):
		return codedAnalysisError(1166, "42000", "Incorrect column name '%s'", to)
	}
	renamed := *c
	renamed.name = to
	t.columns = slices.Clone(t.columns)
	t.columns[slices.Index(t.columns, c)] = &renamed
	for _, list := range []*[]string{&t.distribution, &t.orderBy} {
		*list = slices.Clone(*list)
		for i, n := range *list {
			if strings.EqualFold(n, from) {
				(*list)[i] = to
			}
		}
	}
	return nil
}

// occupant is the column whose identity is the given name.
func (t *table) occupant(name string) *column {
	for _, c := range t.columns {
		if strings.EqualFold(c.identity, name) {
			return c
		}
	}
	return nil
}

func (t *table) commentColumn(name, comment string) error {
	c := t.column(name)
	if c == nil {
		return codedAnalysisError(5509, "42S22", "Unknown column '%s' in '%s'", name, t.name)
	}
	commented := *c
	commented.comment = comment
	t.columns = slices.Clone(t.columns)
	t.columns[slices.Index(t.columns, c)] = &commented
	return nil
}

// sortBy is ALTER TABLE … ORDER BY: a job that gives the table another sort key.
func (t *table) sortBy(names []string) error {
	var order []string
	for _, n := range names {
		c := t.column(n)
		switch {
		case c == nil:
			return ddlError("Column[%s] not exists", n)
		case slices.Contains(order, c.name):
			return ddlError("Duplicated column[%s]", n)
		case c.typ.kind == tJSON || c.typ.kind == tFloat || c.typ.kind == tDouble || c.typ.kind == tVarbinary:
			return ddlError("Sort key column[%s] type not supported: %s", c.name, c.typ)
		}
		order = append(order, c.name)
	}
	if t.model != primaryKeys {
		return notEmulated("ORDER BY on a duplicate key table")
	}
	t.orderBy = order
	return nil
}

// settableProperties are those that ALTER TABLE … SET can change, with the values they
// may take; nil means any.
var settableProperties = map[string][]string{
	"replication_num": nil, "default.replication_num": nil, "enable_persistent_index": {"true", "false"}, "write_quorum": {"MAJORITY", "ALL", "ONE"},
	"replicated_storage": {"true", "false"}, "bucket_size": nil, "mutable_bucket_num": nil, "storage_cooldown_ttl": nil, "bloom_filter_columns": nil,
	"in_memory": {"true", "false"},
}

func (s *session) setProperties(t *table, p map[string]string) error {
	if len(p) != 1 {
		return analysisError("Can only set one table property at a time")
	}
	for k, v := range p {
		allowed, known := settableProperties[k]
		if !known {
			return analysisError("Unknown properties: {%s=%s}", k, v)
		}
		if allowed != nil && !slices.ContainsFunc(allowed, func(a string) bool { return strings.EqualFold(a, v) }) {
			return ddlError("Invalid value for property %s: %s", k, v)
		}
		name := strings.TrimPrefix(k, "default.")
		if name == "replication_num" {
			if err := s.checkReplication(t.name, v); err != nil {
				return err
			}
		}
		properties := map[string]string{name: v}
		for other, text := range t.properties {
			if other != name {
				properties[other] = text
			}
		}
		t.properties = properties
	}
	return nil
}
