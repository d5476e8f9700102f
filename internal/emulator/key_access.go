package emulator

import (
	"hash/maphash"
	"slices"
)

// A query that names the keys it wants, or walks along them from one on, need not read
// the whole table. Invariant: what is left out fails WHERE, so that WHERE is asked of the
// rest as ever, and the answer is the same.

// keyAccess is how a scan reads a part of a table.
type keyAccess struct {
	keys []string // the only ones that can match, when walk is false
	walk bool     // in the order of the keys, from the first that is not before from
	from string
}

const (
	// maxKeys are looked up one by one; more are rather found by reading everything.
	maxKeys = 100_000
	// maxBindings is for lists of alternatives that are multiplied with one another.
	maxBindings = 10_000
)

// accessByKey finds how the rows can be reached by the primary key; nil: only by
// reading all. wanted is how many rows are enough, negative for all.
func (q *query) accessByKey(wanted int) *keyAccess {
	t := q.rel.table
	if t == nil || t.model != primaryKeys || len(q.outerRefs) > 0 || q.st.where == nil && wanted < 0 {
		return nil
	}
	types := make([]dataType, 0, 4)
	for _, c := range t.keyColumns() {
		if !c.typ.isInteger() && !c.typ.isText() && c.typ.kind != tDate && c.typ.kind != tDatetime {
			return nil
		}
		types = append(types, c.typ)
	}
	if q.st.where != nil {
		if alternatives, ok := bindKeys(q.st.where, types, q.scope); ok {
			if keys, ok := spellKeys(alternatives, types); ok {
				return &keyAccess{keys: keys}
			}
		}
	}
	if wanted < 0 || q.st.distinct || !q.inKeyOrder(len(types)) || !isSimple(q.st.where) {
		return nil
	}
	return &keyAccess{walk: true, from: q.firstKey(types)}
}

// inKeyOrder tells that ORDER BY is the key, upwards.
func (q *query) inKeyOrder(width int) bool {
	if len(q.orderBy) != width {
		return false
	}
	for i, o := range q.orderBy {
		ref, ok := o.x.(*columnRef)
		if !ok || ref.depth > 0 || ref.index != i || o.desc {
			return false
		}
	}
	return true
}

// firstKey is what no key that matches is before: by the conditions on its first column.
func (q *query) firstKey(types []dataType) string {
	if q.st.where == nil {
		return ""
	}
	for _, c := range conjuncts(q.st.where, nil) {
		b, ok := c.(*binaryExpr)
		if !ok || b.op != ">" && b.op != ">=" {
			continue
		}
		if ref, ok := b.x.(*columnRef); ok && ref.depth == 0 && ref.index == 0 {
			if cell, ok := keyCell(b.y, types[0], q.scope); ok {
				return string(appendKey(nil, types[0], cell, len(types) == 1))
			}
		}
	}
	return ""
}

// isSimple tells an expression that reads nothing but its row.
func isSimple(e expr) bool {
	simple := true
	_ = walk(e, func(x expr) error {
		switch x.(type) {
		case *binaryExpr, *unaryExpr, *inExpr, *betweenExpr, *isNullExpr, *columnRef, *literal, *castExpr:
		default:
			simple = false
		}
		return nil
	})
	return simple
}

// binding is one alternative: for each key column the cells it may have, nil for any.
type binding [][][]byte

// bindKeys lists the alternatives that a condition leaves; false when it leaves all.
func bindKeys(e expr, types []dataType, scope *rowScope) ([]binding, bool) {
	switch e := e.(type) {
	case *inExpr:
		if e.not {
			return nil, false
		}
		return bindColumn(e.x, e.list, types, scope)
	case *binaryExpr:
		switch e.op {
		case "=":
			return bindColumn(e.x, []expr{e.y}, types, scope)
		case "AND":
			return bindBoth(e, types, scope)
		case "OR":
			x, ok := bindKeys(e.x, types, scope)
			if !ok {
				return nil, false
			}
			y, ok := bindKeys(e.y, types, scope)
			return append(x, y...), ok && len(x)+len(y) <= maxBindings
		}
	}
	return nil, false
}

func bindBoth(e *binaryExpr, types []dataType, scope *rowScope) ([]binding, bool) {
	x, okX := bindKeys(e.x, types, scope)
	y, okY := bindKeys(e.y, types, scope)
	switch {
	case !okX:
		return y, okY
	case !okY:
		return x, true
	case len(x)*len(y) > maxBindings:
		return nil, false
	}
	both := make([]binding, 0, len(x)*len(y))
	for _, a := range x {
		for _, b := range y {
			merged := slices.Clone(a)
			for n := range merged {
				// Either list holds all that match: the shorter one will do.
				if merged[n] == nil || b[n] != nil && len(b[n]) < len(merged[n]) {
					merged[n] = b[n]
				}
			}
			both = append(both, merged)
		}
	}
	return both, true
}

// bindColumn is the alternative of a key column that is one of some constants.
func bindColumn(x expr, list []expr, types []dataType, scope *rowScope) ([]binding, bool) {
	ref, ok := x.(*columnRef)
	if !ok || ref.depth > 0 || ref.index >= len(types) {
		return nil, false
	}
	cells := make([][]byte, len(list))
	for i, item := range list {
		if cells[i], ok = keyCell(item, types[ref.index], scope); !ok {
			return nil, false
		}
	}
	b := make(binding, len(types))
	b[ref.index] = cells
	return []binding{b}, true
}

// keyCell is a constant as the cell of the key column that is equal to it; false when
// another kind of comparison decides what is equal.
func keyCell(e expr, t dataType, scope *rowScope) ([]byte, bool) {
	if u, ok := e.(*unaryExpr); !isConstant(e) && (!ok || u.op != "-" || !isConstant(u.x)) {
		return nil, false
	}
	v, err := e.eval(scope)
	if err != nil {
		return nil, false
	}
	switch {
	case t.isInteger() && v.kind == vInt, t.isText() && v.kind == vText, t.kind == tDate && v.kind == vDate, t.kind == tDatetime && v.kind == vDatetime:
		return storeValue(t, v)
	}
	return nil, false
}

// spellKeys lists the keys of all alternatives, each once.
func spellKeys(alternatives []binding, types []dataType) ([]string, bool) {
	var keys []string
	seen := map[string]struct{}{}
	var spell func(b binding, n int, key []byte) bool
	spell = func(b binding, n int, key []byte) bool {
		if n == len(types) {
			if _, known := seen[string(key)]; !known {
				seen[string(key)] = struct{}{}
				keys = append(keys, string(key))
			}
			return len(keys) <= maxKeys
		}
		if b[n] == nil {
			return false
		}
		for _, cell := range b[n] {
			if !spell(b, n+1, appendKey(slices.Clip(key), types[n], cell, n == len(types)-1)) {
				return false
			}
		}
		return true
	}
	for _, b := range alternatives {
		if !spell(b, 0, nil) {
			return nil, false
		}
	}
	return keys, true
}

// readKeys lists the rows of a part of the table.
func (s *tableStore) readKeys(columns []*column, a *keyAccess, yield func(storedRow, *rowReader) error) error {
	if a.walk {
		return s.walkKeys(columns, a, yield)
	}
	s.mu.RLock()
	rows := make([]storedRow, 0, len(a.keys))
	for _, key := range a.keys {
		if row, ok := s.rows[key]; ok {
			rows = append(rows, storedRow{key: key, row: row, hash: maphash.String(storageSeed, key)})
		}
	}
	reader := s.reader(columns)
	s.mu.RUnlock()
	for _, r := range rows {
		if err := yield(r, reader); err != nil {
			return err
		}
	}
	return nil
}

// walkKeys reads along the keys. All of it is under one lock, so that it is one moment.
func (s *tableStore) walkKeys(columns []*column, a *keyAccess, yield func(storedRow, *rowReader) error) error {
	keys := s.orderedKeys()
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.addedKeys != nil { // between the two locks
		keys = mergeKeys(keys, s.addedKeys)
	}
	reader := s.reader(columns)
	at, _ := slices.BinarySearch(keys, a.from)
	for _, key := range keys[at:] {
		row, there := s.rows[key]
		if !there {
			continue
		}
		if err := yield(storedRow{key: key, row: row}, reader); err != nil {
			return err
		}
	}
	return nil
}

// orderedKeys are the keys in their order, and some that are gone.
func (s *tableStore) orderedKeys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ordered == nil || len(s.ordered) > 2*len(s.rows)+1000:
		s.ordered = make([]string, 0, len(s.rows))
		for key := range s.rows {
			s.ordered = append(s.ordered, key)
		}
		slices.Sort(s.ordered)
	case len(s.addedKeys) > 0:
		s.ordered = mergeKeys(s.ordered, s.addedKeys)
	}
	s.addedKeys = nil
	return s.ordered
}

// mergeKeys puts added keys among those in order, each once.
func mergeKeys(ordered, added []string) []string {
	added = slices.Compact(slices.Sorted(slices.Values(added)))
	merged := make([]string, 0, len(ordered)+len(added))
	for _, key := range added {
		at, known := slices.BinarySearch(ordered, key)
		merged = append(merged, ordered[:at]...)
		if ordered = ordered[at:]; !known {
			merged = append(merged, key)
		}
	}
	return append(merged, ordered...)
}
