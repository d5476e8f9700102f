package emulator

import (
	"math/big"
	"slices"
	"strconv"
)

// join reads two relations as one. Invariant: cells of a joined row are those of the
// left side, then those of the right side, so a column keeps its place whatever is
// joined to the right of it. The right side is held in memory, hashed by the equalities
// of the condition; rejected: sorting both sides, which orders what nobody asked to be
// ordered.
type join struct {
	q           *query
	kind        string
	left, right *relation
	rel         *relation
	keys        []joinKey
	on          []expr // the whole condition, by its AND parts
}

// joinKey is one equality between the sides, comparable by bytes in the given class.
type joinKey struct {
	left, right expr
	class       keyClass
}

func (q *query) openJoin(f *fromJoin) (*relation, error) {
	left, err := q.open(f.left)
	if err != nil {
		return nil, err
	}
	right, err := q.open(f.right)
	if err != nil {
		return nil, err
	}
	for _, c := range right.columns {
		if slices.ContainsFunc(left.columns, func(l resultColumn) bool { return l.qualifier == c.qualifier && l.qualifierDB == c.qualifierDB }) {
			return nil, codedAnalysisError(1066, "42000", "Not unique table/alias: '%s'", c.qualifier)
		}
	}
	j := &join{q: q, kind: f.kind, left: left, right: right}
	j.rel = &relation{size: -1, join: j, parts: []*relation{left, right}, columns: append(slices.Clone(left.columns), right.columns...)}
	j.rel.needed = make([]bool, len(j.rel.columns))
	j.rel.scan = j.scan
	condition := f.on
	for _, name := range f.using {
		equal, err := j.merge(name)
		if err != nil {
			return nil, err
		}
		if condition == nil {
			condition = equal
		} else {
			condition = &binaryExpr{op: "AND", x: condition, y: equal}
		}
	}
	if condition != nil {
		outside := q.rel
		q.rel = j.rel
		err := q.bind(condition, false)
		q.rel = outside
		if err != nil {
			return nil, err
		}
		j.on = conjuncts(condition, nil)
		for _, c := range j.on {
			j.addKey(c)
		}
	}
	if j.kind == "SEMI" || j.kind == "ANTI" {
		j.rel.columns = j.rel.columns[:len(left.columns)]
	}
	return j.rel, nil
}

// merge makes one column of the two that USING names: only the side that is never
// missing stays visible.
func (j *join) merge(name string) (expr, error) {
	if j.kind == "FULL" {
		return nil, notEmulated("FULL JOIN … USING")
	}
	l, r := -1, -1
	for i, c := range j.rel.columns {
		switch {
		case c.hidden || !equalName(c.name, name):
		case i < len(j.left.columns):
			l = i
		default:
			r = i
		}
	}
	if l < 0 || r < 0 {
		return nil, errUnresolved(name)
	}
	keep, hide := l, r
	if j.kind == "RIGHT" {
		keep, hide = r, l
	}
	j.rel.columns[keep].merged, j.rel.columns[hide].hidden = true, true
	return &binaryExpr{op: "=", x: j.rel.columnAt(l), y: j.rel.columnAt(r)}, nil
}

// columnAt is a reference that needs no name to be found.
func (r *relation) columnAt(i int) *columnRef {
	return &columnRef{name: r.columns[i].name, index: i, typ: r.columns[i].typ, bound: true}
}

// conjuncts takes an expression apart at its ANDs.
func conjuncts(e expr, list []expr) []expr {
	if b, ok := e.(*binaryExpr); ok && b.op == "AND" {
		return conjuncts(b.y, conjuncts(b.x, list))
	}
	return append(list, e)
}

// addKey uses an equality between the sides as a key of the hash.
func (j *join) addKey(c expr) {
	b, ok := c.(*binaryExpr)
	if !ok || b.op != "=" {
		return
	}
	width := len(j.left.columns)
	x, y := sideOf(b.x, width), sideOf(b.y, width)
	class, ok := classOf(b.x, b.y)
	switch {
	case !ok:
	case x == onLeft && y == onRight:
		j.keys = append(j.keys, joinKey{b.x, b.y, class})
	case x == onRight && y == onLeft:
		j.keys = append(j.keys, joinKey{b.y, b.x, class})
	}
}

// adopt takes an equality of two columns from the WHERE clause as a key, here or in a
// join below; WHERE is checked all the same, so this only saves work.
func (j *join) adopt(x, y *columnRef) {
	if j.kind != "INNER" && j.kind != "CROSS" {
		return
	}
	width := len(j.left.columns)
	switch {
	case x.index < width && y.index < width:
		if j.left.join != nil {
			j.left.join.adopt(x, y)
		}
	case x.index >= width && y.index >= width:
		if j.right.join != nil {
			j.right.join.adopt(j.right.columnAt(x.index-width), j.right.columnAt(y.index-width))
		}
	default:
		j.rel.use(x.index)
		j.rel.use(y.index)
		j.addKey(&binaryExpr{op: "=", x: x, y: y})
	}
}

type side uint8

const (
	noSide side = iota // constant
	onLeft
	onRight
	mixed
)

// sideOf tells which part of a joined row an expression reads; what reaches outside the
// row, or into another query, counts as mixed.
func sideOf(e expr, width int) side {
	at := noSide
	err := walk(e, func(x expr) error {
		var s side
		switch n := x.(type) {
		case *subqueryExpr, *variableRef, *paramRef:
			s = mixed
		case *columnRef:
			s = onLeft
			if n.index >= width {
				s = onRight
			}
			if n.depth > 0 {
				s = mixed
			}
		default:
			return nil
		}
		if at != noSide && at != s {
			s = mixed
		}
		at = s
		return nil
	})
	if err != nil {
		return mixed
	}
	return at
}

// keyClass is how two compared values are spelt so that equal ones have equal bytes.
type keyClass uint8

const (
	classExact keyClass = iota
	classFloat
	classText
	classTime
)

// classOf is the class of an equality; ok is false when bytes cannot decide it.
func classOf(x, y expr) (keyClass, bool) {
	if !isPlain(x) || !isPlain(y) {
		return 0, false
	}
	a, b := typeOf(x), typeOf(y)
	switch {
	case a.isExact() && b.isExact():
		return classExact, true
	case a.isNumeric() && b.isNumeric():
		return classFloat, true
	case a.isTime() && b.isTime(), a.isTime() && b.isText(), a.isText() && b.isTime():
		return classTime, true
	case (a.isText() || a.kind == tVarbinary) && (b.isText() || b.kind == tVarbinary):
		return classText, true
	}
	return 0, false
}

// isPlain leaves out what may give values of another kind than its type says.
func isPlain(e expr) bool {
	switch n := e.(type) {
	case *columnRef, *castExpr:
		return true
	case *literal:
		return n.v.kind != vNull
	case *binaryExpr:
		return typeOf(n).isNumeric()
	}
	return false
}

// appendClass spells a value; ok is false when it equals nothing.
func (c keyClass) append(key []byte, v value) (_ []byte, ok bool) {
	if v.kind == vNull {
		return key, false
	}
	switch c {
	case classExact:
		if v.kind == vInt || v.kind == vBool {
			return appendCell(key, strconv.AppendInt(nil, v.i, 10), false), true
		}
		n, scale := v.decimal()
		for ten, rest := big.NewInt(10), new(big.Int); scale > 0; scale-- {
			quotient, _ := new(big.Int).QuoRem(n, ten, rest)
			if rest.Sign() != 0 {
				break
			}
			n = quotient
		}
		return appendCell(key, []byte(formatDecimal(n, scale)), false), true
	case classFloat:
		f, ok := v.float()
		if f == 0 {
			f = 0 // the two zeros are equal
		}
		return appendCell(key, strconv.AppendFloat(nil, f, 'g', -1, 64), false), ok
	case classTime:
		t, ok := convertText(dataType{kind: tDatetime}, []byte(v.text()), nil)
		return appendCell(key, t, false), ok
	}
	return appendCell(key, []byte(v.text()), false), true
}

// heldRows are rows kept in memory, with only the cells that somebody reads.
type heldRows struct {
	used  []int
	cells []value
	count int
}

func (r *relation) hold() *heldRows {
	h := &heldRows{}
	for i := range r.columns {
		if r.needed == nil || r.needed[i] {
			h.used = append(h.used, i)
		}
	}
	return h
}

func (h *heldRows) add(cells []value) {
	for _, i := range h.used {
		h.cells = append(h.cells, cells[i])
	}
	h.count++
}

func (h *heldRows) copyTo(dst []value, row int) {
	from := h.cells[row*len(h.used):]
	for at, i := range h.used {
		dst[i] = from[at]
	}
}

// joinRun is one reading of a join.
type joinRun struct {
	*join
	scope   *rowScope
	right   *heldRows
	buckets map[string][]int32
	every   []int32 // when there is no key: each row of the right side
	matched []bool
	key     []byte
}

func (j *join) scan(yield func([]value) error) error {
	width := len(j.left.columns)
	for i, n := range j.rel.needed {
		switch {
		case !n:
		case i < width:
			j.left.use(i)
		default:
			j.right.use(i - width)
		}
	}
	row := make([]value, width+len(j.right.columns))
	run := &joinRun{join: j, right: j.right.hold(), scope: &rowScope{session: j.q.scope.session, params: j.q.scope.params, outer: j.q.scope.outer, cells: row}}
	if err := run.build(row[width:]); err != nil {
		return err
	}
	err := j.left.scan(func(cells []value) error {
		copy(row, cells)
		return run.probe(row, yield)
	})
	if err != nil || j.kind != "RIGHT" && j.kind != "FULL" {
		return err
	}
	clear(row)
	for i, found := range run.matched {
		if found {
			continue
		}
		run.right.copyTo(row[width:], i)
		if err := yield(row); err != nil {
			return err
		}
	}
	return nil
}

func (run *joinRun) build(cells []value) error {
	run.buckets = map[string][]int32{}
	err := run.join.right.scan(func(r []value) error {
		at := int32(run.right.count)
		run.right.add(r)
		if len(run.keys) == 0 {
			run.every = append(run.every, at)
			return nil
		}
		copy(cells, r)
		key, ok, err := run.keyOf(func(k joinKey) expr { return k.right })
		if ok {
			run.buckets[string(key)] = append(run.buckets[string(key)], at)
		}
		return err
	})
	clear(cells)
	run.matched = make([]bool, run.right.count)
	return err
}

func (run *joinRun) keyOf(of func(joinKey) expr) (key []byte, ok bool, err error) {
	run.key = run.key[:0]
	for _, k := range run.keys {
		v, err := of(k).eval(run.scope)
		if err != nil {
			return nil, false, err
		}
		if run.key, ok = k.class.append(run.key, v); !ok {
			return nil, false, nil
		}
	}
	return run.key, true, nil
}

func (run *joinRun) probe(row []value, yield func([]value) error) error {
	width := len(run.left.columns)
	candidates := run.every
	if len(run.keys) > 0 {
		candidates = nil
		key, ok, err := run.keyOf(func(k joinKey) expr { return k.left })
		if err != nil {
			return err
		}
		if ok {
			candidates = run.buckets[string(key)]
		}
	}
	found := false
	for _, at := range candidates {
		run.right.copyTo(row[width:], int(at))
		holds, err := allTrue(run.on, run.scope)
		if err != nil {
			return err
		}
		if !holds {
			continue
		}
		found, run.matched[at] = true, true
		if run.kind == "SEMI" || run.kind == "ANTI" {
			break
		}
		if err := yield(row); err != nil {
			return err
		}
	}
	clear(row[width:])
	if run.kind == "SEMI" && found || (run.kind == "ANTI" || run.kind == "LEFT" || run.kind == "FULL") && !found {
		return yield(row[:len(run.rel.columns)])
	}
	return nil
}

func allTrue(list []expr, r *rowScope) (bool, error) {
	for _, e := range list {
		v, err := e.eval(r)
		if err != nil {
			return false, err
		}
		if is, known := v.truth(); !is || !known {
			return false, nil
		}
	}
	return true, nil
}
