package emulator

import (
	"strings"
)

// loadPlan says how the source fields of a load become the columns of its table.
type loadPlan struct {
	table   *table
	columns []*column
	schema  int
	sources []string // names of the fields of a row, in order
	targets []loadTarget
	op      loadTarget // __op; without a source and an expression every row is an upsert
	scope   *rowScope
	opts    *loadOptions
	where   *rowFilter  // nil: every row
	update  *updateRule // nil: rows replace rows
	// sortKey is the refusal that the first upsert meets, or nil.
	sortKey  error
	computed bool // some column comes from an expression
	// hexBinary: a CSV field of a VARBINARY column is hex, as before base64.
	hexBinary bool
}

// loadTarget is where one column comes from.
type loadTarget struct {
	source int // index of the field, -1 for an expression or a default
	x      expr
	fixed  value // without source and expression
	auto   bool  // the next number, for every row
	fill   bool  // fixed is a default, in text
}

const opColumn = "__op"

// planLoad resolves the columns header against the table as it is now.
func (s *Server) planLoad(t *table, o *loadOptions) (*loadPlan, error) {
	s.catalog.mu.RLock()
	p := &loadPlan{table: t, columns: t.columns, schema: t.store.schemaNumber(), opts: o, op: loadTarget{source: -1}}
	s.catalog.mu.RUnlock()
	ss := s.newSession("")
	ss.vars["time_zone"] = o.location.String()
	p.scope = &rowScope{session: ss}
	p.hexBinary = !s.has(featureBase64Binary)
	if o.rejectedRecords != 0 && s.cfg.DataDir == "" {
		return nil, ddlError("not implemented by the embedded server: header log_rejected_record_num without a data directory")
	}
	if err := o.checkTarget(t); err != nil {
		return nil, err
	}
	mapped := map[string]expr{}
	if o.columns == "" {
		for _, c := range p.columns {
			if !c.auto {
				p.sources = append(p.sources, c.name)
			}
		}
		if o.json && o.jsonPaths == "" && t.model == primaryKeys {
			p.sources = append(p.sources, opColumn)
		}
	} else if err := p.parseColumns(mapped); err != nil {
		return nil, err
	}
	return p, p.resolve(mapped)
}

// parseColumns reads name and name=expression items.
func (p *loadPlan) parseColumns(mapped map[string]expr) error {
	toks, err := lex(p.opts.columns)
	if err != nil {
		return err
	}
	ps := &parser{src: p.opts.columns, toks: toks}
	seen := map[string]bool{}
	for {
		name := columnItem(ps)
		if ps.err != nil {
			return ps.err
		}
		lower := strings.ToLower(name)
		if ps.acceptOp("=") {
			if mapped[lower] != nil {
				return ddlError("Duplicate column mapping: %s", name)
			}
			mapped[lower] = ps.expr()
			if ps.err == nil && lower != opColumn && columnIndex(p.columns, name) < 0 {
				return ddlError("Mapping column is not in table. column: %s", name)
			}
		} else {
			if seen[lower] {
				return ddlError("Duplicate column: %s", name)
			}
			seen[lower] = true
			p.sources = append(p.sources, name)
		}
		if !ps.acceptOp(",") {
			break
		}
	}
	if ps.err == nil && ps.peek().kind != tokEnd {
		ps.fail()
	}
	if p.opts.json && p.opts.jsonPaths == "" && p.table.model == primaryKeys && !seen[opColumn] && mapped[opColumn] == nil {
		p.sources = append(p.sources, opColumn)
	}
	return ps.err
}

// columnItem takes a name, reserved words included: they are no keywords in a header.
func columnItem(ps *parser) string {
	if t := ps.peek(); t.kind == tokWord {
		ps.next()
		return t.text
	}
	return ps.ident()
}

func (p *loadPlan) sourceIndex(name string) int {
	for i, s := range p.sources {
		if strings.EqualFold(s, name) {
			return i
		}
	}
	return -1
}

func (p *loadPlan) resolve(mapped map[string]expr) error {
	p.computed = len(mapped) > 0
	var given []bool
	if p.opts.update.partial {
		var err error
		if given, err = p.givenColumns(mapped); err != nil {
			return err
		}
		p.sortKey = p.sortKeyConflict(given)
	}
	for name, x := range mapped {
		err := walk(x, func(e expr) error {
			switch n := e.(type) {
			case *columnRef:
				n.index = p.sourceIndex(n.name)
				if n.index < 0 {
					return ddlError("column has no source field, column=%s", n.name)
				}
			case *callExpr:
				return n.check()
			case *paramRef:
				return ddlError("column has no source field, column=%s", name)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, c := range p.columns {
		t := loadTarget{source: p.sourceIndex(c.name), x: mapped[strings.ToLower(c.name)]}
		if t.x != nil {
			t.source = -1
		}
		switch {
		case t.source >= 0 || t.x != nil:
		case c.auto:
			t.auto = true
		case given != nil:
			t.fixed, t.fill = absentValue(c, p.scope), true
		default:
			v, err := missingValue(c, p.scope)
			if err != nil {
				return ddlError("Column has no default value. column: %s", c.name)
			}
			t.fixed, t.fill = v, true
		}
		p.targets = append(p.targets, t)
	}
	var err error
	if p.update, err = p.rule(given); err != nil {
		return err
	}
	if err := p.parseWhere(given); err != nil {
		return err
	}
	if p.table.model != primaryKeys {
		if mapped[opColumn] != nil {
			return ddlError("Mapping column is not in table. column: %s", opColumn)
		}
		return nil
	}
	p.op.source = p.sourceIndex(opColumn)
	if p.op.x, err = constantOperation(mapped[opColumn]); err != nil || p.op.x == nil {
		return err
	}
	p.op.source = -1
	return nil
}

// sourceValue is one field of a row as the loaders hand it over. A missing JSON key is NULL.
type sourceValue struct {
	null bool
	text []byte
	json bool
	// whole: the value is the row itself, whose text a VARCHAR takes blanks and all.
	whole bool
	tok   jsonToken
}

func (v sourceValue) value() value {
	switch {
	case v.null:
		return null
	case !v.json || v.tok.kind == jsonString:
		if v.json {
			return textValue(string(v.tok.value))
		}
		return textValue(string(v.text))
	case v.tok.kind == jsonBool:
		return boolValue(v.tok.text[0] == 't')
	case v.tok.kind == jsonNumber:
		if n := numberLiteral(string(v.tok.text)); n.kind != vNull {
			return n
		}
	}
	return textValue(string(v.tok.text))
}

func (v sourceValue) convert(t dataType, dst []byte) (out []byte, ok bool) {
	if v.whole && t.isText() {
		return append(dst, v.tok.text...), len(v.tok.text) <= t.length
	}
	if v.json {
		return convertJSON(t, v.tok, dst)
	}
	return convertCSV(t, v.text, dst)
}

// original is the text of a bad value in messages.
func (v sourceValue) original() string {
	if v.json {
		return string(v.tok.text)
	}
	return string(v.text)
}
