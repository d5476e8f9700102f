package emulator

import "strings"

// filter is the where header: a predicate on the columns a row will have in the table.
type rowFilter struct {
	x     expr
	scope *rowScope
	used  []bool // by column; the last one is __op
}

// parseWhere binds the where header to the columns that the load fills.
func (p *loadPlan) parseWhere(given []bool) error {
	if strings.TrimSpace(p.opts.where) == "" {
		return nil
	}
	toks, err := lex(p.opts.where)
	if err != nil {
		return err
	}
	ps := &parser{src: p.opts.where, toks: toks}
	x := ps.expr()
	if ps.err == nil && ps.peek().kind != tokEnd {
		ps.fail()
	}
	if ps.err != nil {
		return ps.err
	}
	f := &rowFilter{x: x, used: make([]bool, len(p.columns)+1)}
	f.scope = &rowScope{session: p.scope.session, cells: make([]value, len(p.columns)+1)}
	err = walk(x, func(e expr) error {
		switch n := e.(type) {
		case *columnRef:
			return f.bind(p, n, given)
		case *callExpr:
			return n.check()
		case *paramRef:
			return ddlError("unknown column reference in where statement, reference=?")
		}
		return nil
	})
	if err != nil {
		return err
	}
	if t := typeOf(x); t.kind != tBoolean && t.kind != tNull {
		return ddlError("where statement is not a valid statement return bool")
	}
	p.where = f
	return nil
}

func (f *rowFilter) bind(p *loadPlan, n *columnRef, given []bool) error {
	i := columnIndex(p.columns, n.name)
	switch {
	case i >= 0 && (given == nil || given[i]):
		n.typ = p.columns[i].typ
	case p.table.model == primaryKeys && strings.EqualFold(n.name, opColumn):
		i, n.typ = len(p.columns), dataType{kind: tTinyint}
	default:
		return ddlError("unknown column reference in where statement, reference=%s", n.name)
	}
	n.index, f.used[i] = i, true
	return nil
}

// selects evaluates the predicate on the row in the builder. NULL selects nothing.
func (f *rowFilter) selects(b *rowBuilder, op int) (bool, error) {
	for i, used := range f.used {
		switch {
		case !used:
		case i == len(b.columns):
			f.scope.cells[i] = intValue(int64(op))
		default:
			f.scope.cells[i] = cellValue(b.columns[i].typ, string(b.cell(i)), b.nulls[i])
		}
	}
	v, err := f.x.eval(f.scope)
	if err != nil {
		return false, err
	}
	is, known := v.truth()
	return is && known, nil
}
