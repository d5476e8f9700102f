package emulator

import (
	"slices"
	"strings"
	"time"
)

type alterKind uint8

const (
	alterAdd alterKind = iota
	alterDrop
	alterRenameColumn
	alterRename
	alterComment
)

var alterNames = map[alterKind]string{
	alterAdd: "SCHEMA_CHANGE", alterDrop: "SCHEMA_CHANGE", alterRenameColumn: "RENAME_COLUMN", alterRename: "RENAME", alterComment: "ALTER_COMMENT",
}

type alterClause struct {
	kind       alterKind
	columns    []columnDef
	first      bool
	after      string
	name, to   string
	properties bool
}

type alterTableStmt struct {
	name    tableName
	clauses []alterClause
}

func (p *parser) alterTable() statement {
	st := alterTableStmt{name: p.tableName()}
	for {
		st.clauses = append(st.clauses, p.alterClause())
		if !p.acceptOp(",") {
			return st
		}
	}
}

func (p *parser) alterClause() alterClause {
	var c alterClause
	switch {
	case p.accept("ADD", "COLUMN"):
		if p.acceptOp("(") {
			for {
				c.columns = append(c.columns, p.columnDef())
				if !p.acceptOp(",") {
					break
				}
			}
			p.expectOp(")")
		} else {
			c.columns = []columnDef{p.columnDef()}
			c.first = p.accept("FIRST")
			if !c.first && p.accept("AFTER") {
				c.after = p.ident()
			}
		}
	case p.accept("DROP", "COLUMN"):
		c.kind, c.name = alterDrop, p.ident()
	case p.accept("RENAME", "COLUMN"):
		c.kind, c.name = alterRenameColumn, p.ident()
		p.expect("TO")
		c.to = p.ident()
		return c
	case p.accept("RENAME"):
		c.kind, c.to = alterRename, p.ident()
		return c
	case p.accept("COMMENT"):
		c.kind = alterComment
		p.expectOp("=")
		c.to = p.expectString()
		return c
	case p.accept("MODIFY", "COLUMN"):
		p.refuse("ALTER TABLE … MODIFY COLUMN")
	case p.isWord("SET"), p.isWord("ORDER"), p.isWord("SWAP"), p.accept("ADD", "PARTITION"), p.accept("DROP", "PARTITION"), p.accept("ADD", "INDEX"):
		p.refuse("this form of ALTER TABLE")
	default:
		p.fail()
	}
	if p.accept("PROPERTIES") {
		p.properties()
		c.properties = true
	}
	return c
}

// runAlterTable works on a copy of the columns and installs it at the end: a statement
// with one bad clause changes nothing.
func (s *session) runAlterTable(st alterTableStmt) error {
	c := s.server.catalog
	t, err := c.table(s.qualify(st.name))
	if err != nil {
		return err
	}
	if !s.canTable("ALTER", t) {
		return errDenied("ALTER", "TABLE "+t.name)
	}
	family := alterNames[st.clauses[0].kind]
	for i, clause := range st.clauses {
		if other := alterNames[clause.kind]; other != family || i > 0 && family != "SCHEMA_CHANGE" {
			return ddlError("Alter operation %s conflicts with operation %s", other, family)
		}
		if clause.properties && i < len(st.clauses)-1 {
			return ddlError("reduplicated PROPERTIES")
		}
	}
	switch clause := st.clauses[0]; clause.kind {
	case alterRename:
		return s.renameTable(t, clause.to)
	case alterRenameColumn:
		return t.renameColumn(clause.name, clause.to)
	case alterComment:
		t.comment = clause.to
		return nil
	}
	return s.changeSchema(t, st.clauses)
}

func (s *session) changeSchema(t *table, clauses []alterClause) error {
	start := time.Now()
	changed := &table{name: t.name, model: t.model, columns: slices.Clone(t.columns), nextColumnID: t.nextColumnID,
		renamed: t.renamed, distribution: t.distribution, orderBy: t.orderBy}
	added := map[string]bool{}
	for _, clause := range clauses {
		if clause.kind == alterDrop {
			if err := changed.dropColumn(clause.name); err != nil {
				return err
			}
			continue
		}
		for _, d := range clause.columns {
			if added[strings.ToLower(d.name)] {
				return analysisError("Repeatedly add same column with different definition: %s", d.name)
			}
			added[strings.ToLower(d.name)] = true
			if err := s.addColumn(changed, d, clause); err != nil {
				return err
			}
		}
	}
	t.columns, t.nextColumnID = changed.columns, changed.nextColumnID
	t.store.addSchema(t.columns)
	job := alterJob{id: s.server.catalog.newID(), table: t.name, start: start, end: time.Now(), version: t.store.schemaNumber()}
	t.db.alters = append(t.db.alters, job)
	return nil
}

func (s *session) addColumn(t *table, d columnDef, clause alterClause) error {
	switch {
	case t.column(d.name) != nil:
		return analysisError("Can not add column which already exists in base table: %s", d.name)
	case t.renamed[strings.ToLower(d.name)]:
		return ddlError("Can not add column which already exists in column id: %s, you can remove %s and try again.", d.name, d.name)
	case d.typ.kind == tTime:
		return analysisError("Unsupported data type: TIME")
	case d.key && t.model == primaryKeys:
		return analysisError("Can not add key column: %s for primary key table", d.name)
	}
	col, err := s.analyzeColumn(d, t.model, d.key)
	if err != nil {
		return err
	}
	if d.def.function != "" {
		return ddlError("unsupported default expr:%s", strings.ToLower(d.def.function))
	}
	if !col.nullable && !d.def.set {
		return analysisError("Field '%s' is not null but doesn't have a default value", d.name)
	}
	at := len(t.columns)
	switch {
	case clause.first:
		return ddlError("Invalid column order. value should be after key. index[%s]", t.name)
	case clause.after != "":
		at = slices.IndexFunc(t.columns, func(c *column) bool { return strings.EqualFold(c.name, clause.after) }) + 1
		if at == 0 {
			return ddlError("Column[%s] does not found", clause.after)
		}
		if at < len(t.keyColumns()) && !d.key {
			return ddlError("Invalid column order. value should be after key. index[%s]", t.name)
		}
	}
	t.nextColumnID++
	col.id = t.nextColumnID
	t.columns = slices.Insert(t.columns, at, col)
	return nil
}

func (t *table) dropColumn(name string) error {
	c := t.column(name)
	isIt := func(n string) bool { return strings.EqualFold(n, name) }
	switch {
	case c == nil:
		return analysisError("Column does not exists: %s", name)
	case c.key && t.model == primaryKeys:
		return analysisError("Can not drop key column in primary data model table")
	case slices.ContainsFunc(t.orderBy, isIt):
		return analysisError("Can not drop sort column in primary data model table")
	case slices.ContainsFunc(t.distribution, isIt):
		return ddlError("Distribution column[%s] cannot be dropped. index[%s]", c.name, t.name)
	case c.key:
		return notEmulated("dropping a key column")
	}
	t.columns = slices.DeleteFunc(t.columns, func(x *column) bool { return x == c })
	return nil
}

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
	t.renamed[strings.ToLower(c.name)] = true
	renamed := *c
	renamed.name = to
	t.columns = slices.Clone(t.columns)
	t.columns[slices.Index(t.columns, c)] = &renamed
	for i, n := range t.distribution {
		if strings.EqualFold(n, from) {
			t.distribution[i] = to
		}
	}
	return nil
}

func (s *session) renameTable(t *table, to string) error {
	if !s.can("CREATE TABLE", "DATABASE", t.db.id, 0) {
		return errDenied("CREATE TABLE", "DATABASE "+t.db.name)
	}
	if t.db.tables[to] != nil {
		return codedAnalysisError(1050, "42S01", "Table '%s' already exists", to)
	}
	delete(t.db.tables, t.name)
	t.name = to
	t.db.tables[to] = t
	return nil
}
