package emulator

import (
	"fmt"
	"strings"
)

type (
	insertStmt struct {
		name    tableName
		label   string
		columns []string
		rows    [][]expr
	}
	deleteStmt struct {
		name  tableName
		where expr
	}
)

func (p *parser) insertStatement() statement {
	p.expect("INSERT")
	if p.isWord("OVERWRITE") {
		p.refuse("INSERT OVERWRITE")
	}
	p.expect("INTO")
	p.accept("TABLE")
	st := insertStmt{name: p.tableName()}
	if p.accept("WITH", "LABEL") {
		st.label = p.ident()
	}
	if p.isOp("(") {
		st.columns = p.identList()
	}
	if p.isWord("SELECT") || p.isWord("WITH") {
		p.refuse("INSERT … SELECT")
	}
	p.expect("VALUES")
	for {
		p.expectOp("(")
		var row []expr
		for {
			if p.accept("DEFAULT") {
				row = append(row, nil)
			} else {
				row = append(row, p.expr())
			}
			if !p.acceptOp(",") {
				break
			}
		}
		st.rows = append(st.rows, row)
		p.expectOp(")")
		if !p.acceptOp(",") {
			return st
		}
	}
}

func (p *parser) deleteStatement() statement {
	p.expect("DELETE", "FROM")
	st := deleteStmt{name: p.tableName()}
	if p.isWord("USING") {
		p.refuse("DELETE … USING")
	}
	if p.accept("WHERE") {
		st.where = p.expr()
	} else if p.err == nil {
		p.setErr(analysisError("Delete must specify where clause"))
	}
	return st
}

// target resolves the table of a DML statement and asks for the privilege.
func (ss *session) target(n tableName, privilege string) (*table, []*column, int, error) {
	c := ss.server.catalog
	c.mu.RLock()
	defer c.mu.RUnlock()
	t, err := c.table(ss.qualify(n))
	if err != nil {
		return nil, nil, 0, err
	}
	if !ss.canTable(privilege, t) {
		return nil, nil, 0, errDenied(privilege, "TABLE "+t.name)
	}
	return t, t.columns, t.store.schemaNumber(), nil
}

func (ss *session) runInsert(st insertStmt) (outcome, error) {
	t, cols, schema, err := ss.target(st.name, "INSERT")
	if err != nil {
		return outcome{}, err
	}
	into := make([]int, len(cols)) // column → place in VALUES, -1 when not listed
	for i := range into {
		into[i] = i
	}
	width := len(cols)
	if st.columns != nil {
		width = len(st.columns)
		for i := range into {
			into[i] = -1
		}
		for at, name := range st.columns {
			i := columnIndex(cols, name)
			if i < 0 {
				return outcome{}, analysisError("Unknown column '%s' in '%s'", name, t.name)
			}
			into[i] = at
		}
	}
	builder := newRowBuilder(t, cols, schema, ss.server.cfg.MaxKeyBytes)
	d := &delta{}
	scope := &rowScope{session: ss}
	for _, row := range st.rows {
		if len(row) != width {
			return outcome{}, codedAnalysisError(5604, "22000", "Inserted target column count: %d doesn't match select/value column count: %d", width, len(row))
		}
		if err := ss.insertRow(builder, d, into, row, scope); err != nil {
			return outcome{}, err
		}
	}
	return ss.commitStatement(t, d, st.label, int64(len(st.rows)), int64(len(st.rows)))
}

func columnIndex(cols []*column, name string) int {
	for i, c := range cols {
		if strings.EqualFold(c.name, name) {
			return i
		}
	}
	return -1
}

func (ss *session) insertRow(b *rowBuilder, d *delta, into []int, row []expr, scope *rowScope) error {
	b.reset()
	for i, c := range b.columns {
		var v value
		if at := into[i]; at >= 0 && row[at] != nil {
			if err := walk(row[at], constantOnly); err != nil {
				return err
			}
			var err error
			if v, err = row[at].eval(scope); err != nil {
				return err
			}
		} else if c.auto {
			v = intValue(b.table.store.nextAuto())
		} else {
			var err error
			if v, err = missingValue(c, scope); err != nil {
				return err
			}
		}
		if v.kind == vNull {
			if !c.nullable {
				return ddlError("Insert has filtered data. NULL value in non-nullable column '%s'", c.name)
			}
			b.addNull()
			continue
		}
		cell, ok := storeValue(c.typ, v)
		if !ok {
			return ddlError("Insert has filtered data. Value '%s' is out of range. The type of '%s' is %s", v.text(), c.name, c.typ)
		}
		b.add(cell)
	}
	return b.put(d)
}

// missingValue is what a column gets that a statement or a load does not mention.
func missingValue(c *column, scope *rowScope) (value, error) {
	switch {
	case c.def.function != "":
		return c.def.generate(scope)
	case c.def.set:
		return textValue(c.def.text), nil
	case !c.nullable:
		return null, analysisError("Column has no default value. column: %s", c.name)
	}
	return null, nil
}

func constantOnly(e expr) error {
	switch n := e.(type) {
	case *columnRef:
		return errUnresolved(n.name)
	case *callExpr:
		return n.check()
	}
	return nil
}

func (ss *session) runDelete(st deleteStmt) (outcome, error) {
	t, cols, _, err := ss.target(st.name, "DELETE")
	if err != nil {
		return outcome{}, err
	}
	q := &query{st: &selectStmt{where: st.where}, rel: &relation{db: t.db.name, name: t.name}, scope: &rowScope{session: ss}}
	for _, c := range cols {
		q.rel.columns = append(q.rel.columns, resultColumn{name: c.name, typ: c.typ})
	}
	if err := q.bind(st.where, false); err != nil {
		return outcome{}, err
	}
	t.store.waitPublished()
	rows, reader := t.store.snapshot(cols, anyOrder)
	d := &delta{}
	q.scope.cells = make([]value, len(cols))
	for _, r := range rows {
		reader.cells(r.row, q.scope.cells)
		v, err := st.where.eval(q.scope)
		if err != nil {
			return outcome{}, err
		}
		if is, known := v.truth(); is && known {
			d.remove([]byte(r.key))
		}
	}
	return ss.commitStatement(t, d, "", int64(len(d.ops)), int64(len(d.ops)))
}

// commitStatement commits what a DML statement does and waits until it is visible.
func (ss *session) commitStatement(t *table, d *delta, label string, total, loaded int64) (outcome, error) {
	s := ss.server
	tx := &transaction{id: s.txnID.Add(1), label: label, table: t.name, user: ss.user, kind: "INSERT"}
	if label == "" {
		tx.label = fmt.Sprintf("insert_%s", newUUID())
	}
	if err := t.db.labels.begin(tx, s.cfg.MaxRunningTxns); err != nil {
		return outcome{}, ddlError("%s", messageOf(err))
	}
	err := s.checkVersions(t)
	if err == nil {
		err = s.commit(tx, t, d, loadCounts{total: total, loaded: loaded})
	}
	if err != nil {
		tx.abort(messageOf(err))
		return outcome{}, err
	}
	<-tx.visible
	return outcome{affected: uint64(loaded), info: fmt.Sprintf("{'label':'%s', 'status':'VISIBLE', 'txnId':'%d'}", tx.label, tx.id)}, nil
}
