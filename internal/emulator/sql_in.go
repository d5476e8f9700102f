package emulator

// constantList is the list of an IN that is the same for every row: its values are read
// once, and those that are all of one kind are looked up.
type constantList struct {
	values []value // nil: the list is not constant
	kind   valueKind
	ints   map[int64]struct{}
	texts  map[string]struct{}
}

func (e *inExpr) eval(r *rowScope) (value, error) {
	x, err := e.x.eval(r)
	if err != nil {
		return null, err
	}
	if e.constant == nil {
		if e.constant, err = readConstants(e.list, r); err != nil {
			return null, err
		}
	}
	if found, known := e.constant.lookUp(x); known {
		return boolValue(found != e.not), nil
	}
	unknown := x.kind == vNull
	for i, item := range e.list {
		var y value
		if e.constant.values != nil {
			y = e.constant.values[i]
		} else if y, err = item.eval(r); err != nil {
			return null, err
		}
		order, known := compareValues(x, y)
		if known && order == 0 {
			return boolValue(!e.not), nil
		}
		unknown = unknown || !known
	}
	if unknown {
		return null, nil
	}
	return boolValue(e.not), nil
}

func isConstant(e expr) bool {
	if cast, ok := e.(*castExpr); ok {
		e = cast.x
	}
	_, ok := e.(*literal)
	return ok
}

func readConstants(list []expr, r *rowScope) (*constantList, error) {
	for _, item := range list {
		if !isConstant(item) {
			return &constantList{}, nil
		}
	}
	c := &constantList{ints: map[int64]struct{}{}, texts: map[string]struct{}{}}
	for i, item := range list {
		v, err := item.eval(r)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			c.kind = v.kind
		}
		if v.kind != c.kind {
			c.kind = vNull
		}
		switch v.kind {
		case vInt:
			c.ints[v.i] = struct{}{}
		case vText, vDate, vDatetime:
			c.texts[v.s] = struct{}{}
		}
		c.values = append(c.values, v)
	}
	return c, nil
}

// lookUp finds a value of the list's own kind; known is false where only comparing
// tells.
func (c *constantList) lookUp(x value) (found, known bool) {
	if x.kind != c.kind {
		return false, false
	}
	switch x.kind {
	case vInt:
		_, found = c.ints[x.i]
	case vText, vDate, vDatetime:
		_, found = c.texts[x.s]
	default:
		return false, false
	}
	return found, true
}
