package binlog

// Query is a statement that was logged as text.
type Query struct {
	Error      uint16 // the statement ended with it
	StatusVars []byte // of its session
	Database   []byte // it ran in
	Text       []byte
}

// IsQuery tells a statement that was logged as text, LOAD DATA left out.
func (e *Event) IsQuery() bool { return e.Kind == KindQuery || e.Kind == KindMariaQuery }

// Query reads a QUERY event, MariaDB's compressed one, or one of LOAD DATA as a
// statement.
func (e *Event) Query() (q Query, err error) {
	c := cut{p: e.Body}
	c.bytes(4 + 4) // thread, seconds it took
	database := int(c.uint(1))
	q.Error = uint16(c.uint(2))
	vars := int(c.uint(2))
	if e.Kind == KindLoadQuery {
		c.bytes(4 + 4 + 4 + 1) // file, where the name stands in the text, what becomes of duplicates
	}
	q.StatusVars = c.bytes(vars)
	q.Database = c.bytes(database)
	c.bytes(1) // a NUL
	q.Text = c.p
	if c.bad {
		return q, errCut
	}
	if e.Kind == KindMariaQuery {
		q.Text, err = (&Inflater{}).Inflate(q.Text)
	}
	return q, err
}

// XAPrepare ends a transaction that is prepared, or one that is committed in one phase.
type XAPrepare struct {
	OnePhase       bool
	Format         int32
	Global, Branch []byte // parts of its name
}

// XAPrepare reads the event.
func (e *Event) XAPrepare() (x XAPrepare, err error) {
	c := cut{p: e.Body}
	x.OnePhase, x.Format = c.uint(1) != 0, int32(c.uint(4))
	global, branch := c.uint(4), c.uint(4)
	x.Global = c.bytes(c.length(global))
	x.Branch = c.bytes(c.length(branch))
	return x, c.err()
}
