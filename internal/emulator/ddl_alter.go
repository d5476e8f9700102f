package emulator

import (
	"slices"
	"strconv"
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
	alterModify
	alterColumnComment
	alterOrderBy
	alterSwap
	alterProperties
)

var alterNames = map[alterKind]string{
	alterAdd: "SCHEMA_CHANGE", alterDrop: "SCHEMA_CHANGE", alterModify: "SCHEMA_CHANGE", alterOrderBy: "SCHEMA_CHANGE",
	alterRenameColumn: "RENAME_COLUMN", alterRename: "RENAME", alterComment: "ALTER_COMMENT", alterColumnComment: "MODIFY_COLUMN_COMMENT",
	alterSwap: "SWAP", alterProperties: "MODIFY_TABLE_PROPERTY",
}

type alterClause struct {
	kind       alterKind
	columns    []columnDef
	first      bool
	after      string
	name, to   string
	names      []string
	properties map[string]string
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
		if p.commentOnly() {
			c.kind, c.name = alterColumnComment, p.ident()
			p.expect("COMMENT")
			c.to = p.expectString()
			return c
		}
		c.kind, c.columns = alterModify, []columnDef{p.columnDef()}
		c.first = p.accept("FIRST")
		if !c.first && p.accept("AFTER") {
			c.after = p.ident()
		}
	case p.accept("SET"):
		c.kind, c.properties = alterProperties, p.properties()
		return c
	case p.accept("ORDER", "BY"):
		c.kind, c.names = alterOrderBy, p.identList()
	case p.accept("SWAP", "WITH"):
		c.kind, c.to = alterSwap, p.ident()
		return c
	case p.accept("ADD", "PARTITION"), p.accept("DROP", "PARTITION"), p.accept("ADD", "INDEX"), p.accept("ADD", "ROLLUP"), p.accept("DISTRIBUTED", "BY"):
		p.refuse("this form of ALTER TABLE")
	default:
		p.fail()
	}
	if p.accept("PROPERTIES") {
		c.properties = p.properties()
	}
	return c
}

// commentOnly tells MODIFY COLUMN c COMMENT 'x' from a MODIFY with a definition.
func (p *parser) commentOnly() bool {
	ahead := *p
	ahead.ident()
	return ahead.isWord("COMMENT")
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
		if len(clause.properties) > 0 && i < len(st.clauses)-1 {
			return ddlError("reduplicated PROPERTIES")
		}
	}
	if t.alter != nil {
		return errTableBusy(t.name)
	}
	switch clause := st.clauses[0]; clause.kind {
	case alterRename:
		return s.renameTable(t, clause.to)
	case alterRenameColumn:
		return t.renameColumn(clause.name, clause.to)
	case alterComment:
		t.comment = clause.to
		return nil
	case alterColumnComment:
		return t.commentColumn(clause.name, clause.to)
	case alterSwap:
		return s.swapTables(t, clause.to)
	case alterProperties:
		return s.setProperties(t, clause.properties)
	}
	return s.changeSchema(t, st.clauses)
}

func (s *session) changeSchema(t *table, clauses []alterClause) error {
	changed := *t
	changed.columns = slices.Clone(t.columns)
	fast := s.server.has(featureFastSchemaEvolution) && t.properties["fast_schema_evolution"] == "true"
	any, timeout := false, defaultAlterTimeout
	added := map[string]bool{}
	for _, clause := range clauses {
		var err error
		did := true
		switch clause.kind {
		case alterDrop:
			err = changed.dropColumn(clause.name)
		case alterModify:
			fast = false
			did, err = s.modifyColumn(&changed, clause)
		case alterOrderBy:
			fast = false
			err = changed.sortBy(clause.names)
		default:
			for _, d := range clause.columns {
				if added[strings.ToLower(d.name)] {
					return analysisError("Repeatedly add same column with different definition: %s", d.name)
				}
				added[strings.ToLower(d.name)] = true
				fast = fast && d.def.function == "" && !d.key
				if err = s.addColumn(&changed, d, clause); err != nil {
					return err
				}
			}
		}
		if err != nil {
			return err
		}
		any = any || did
		if text, given := clause.properties["timeout"]; given {
			seconds, err := strconv.ParseUint(text, 10, 31)
			if err != nil {
				return analysisError("Invalid timeout format: %s", text)
			}
			timeout = time.Duration(seconds) * time.Second
		}
	}
	if any {
		s.newAlter(t, &changed, fast, timeout)
	}
	return nil
}

func (s *session) addColumn(t *table, d columnDef, clause alterClause) error {
	switch {
	case t.column(d.name) != nil:
		return analysisError("Can not add column which already exists in base table: %s", d.name)
	case t.occupant(d.name) != nil:
		return ddlError("Can not add column which already exists in column id: %s, you can remove %s and try again.", d.name, t.occupant(d.name).definition())
	case d.typ.kind == tTime:
		return analysisError("Unsupported data type: TIME")
	case d.key && t.model == primaryKeys:
		return analysisError("Can not add key column: %s for primary key table", d.name)
	case d.autoIncrement:
		return analysisError("ADD COLUMN does not support AUTO_INCREMENT attribute")
	case d.generated != "":
		return notEmulated("generated columns")
	}
	col, err := s.analyzeColumn(d, t.model, d.key)
	if err != nil {
		return err
	}
	switch {
	case d.def.function == defaultNow:
		filled := s.started.In(s.location()).Format(time.DateTime)
		col.fill = &filled
	case d.def.function != "":
		return ddlError("unsupported default expr:%s", d.def.function)
	case !col.nullable && !d.def.set:
		return analysisError("Field '%s' is not null but doesn't have a default value", d.name)
	}
	at := len(t.columns)
	switch {
	case clause.first && !d.key:
		return ddlError("Invalid column order. value should be after key. index[%s]", t.name)
	case clause.first:
		at = 0
	case clause.after != "":
		at = t.position(clause.after) + 1
		if at == 0 {
			return ddlError("Column[%s] does not found", clause.after)
		}
		if at < len(t.keyColumns()) && !d.key {
			return ddlError("Invalid column order. value should be after key. index[%s]", t.name)
		}
		if at > len(t.keyColumns()) && d.key {
			return ddlError("Invalid column order. value should be after key. index[%s]", t.name)
		}
	case d.key:
		at = len(t.keyColumns())
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
