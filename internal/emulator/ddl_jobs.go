package emulator

import (
	"fmt"
	"slices"
	"time"
)

// Schema changes. A fast one is done when its statement returns and leaves a FINISHED
// job behind. Any other is a job that the scheduler moves on at every tick: PENDING, then
// WAITING_TXN until every transaction that began before it has ended, then RUNNING, and
// at the tick after FINISHED. Invariant: the columns of a table change only under the
// catalog's lock, at the end of its job; until then loads and queries see the old ones.

type alterState string

const (
	alterPending   alterState = "PENDING"
	alterWaiting   alterState = "WAITING_TXN"
	alterRunning   alterState = "RUNNING"
	alterFinished  alterState = "FINISHED"
	alterCancelled alterState = "CANCELLED"
)

// defaultAlterTimeout is alter_table_timeout_second.
const defaultAlterTimeout = 24 * time.Hour

// alterJob is one row of SHOW ALTER TABLE COLUMN; the catalog's lock guards it.
type alterJob struct {
	id, index  int64
	name       string // of the table when the job was made
	start, end time.Time
	version    int
	state      alterState
	message    string
	watershed  int64 // transactions with a smaller id are waited for
	timeout    time.Duration

	table     *table
	columns   []*column // of the table at the end
	orderBy   []string
	slowUntil time.Time // a fault: not finished before
	doom      string    // a fault: cancelled with this message
}

func (j *alterJob) done() bool { return j.state == alterFinished || j.state == alterCancelled }

// newAlter makes the job of a change to the given columns; a fast change is done with it.
func (s *session) newAlter(t, changed *table, fast bool, timeout time.Duration) {
	c := s.server.catalog
	j := &alterJob{id: c.newID(), index: c.newID(), name: t.name, start: s.started, timeout: timeout, table: t, columns: changed.columns, orderBy: changed.orderBy}
	t.nextColumnID = changed.nextColumnID
	t.db.alters = append(t.db.alters, j)
	if fast {
		j.apply()
		j.state, j.end = alterFinished, j.start
		return
	}
	j.state, t.alter = alterPending, j
	if f := s.server.faults.match(Fault{Op: "alter", Table: t.name}); f != nil && !s.replaying {
		j.slowUntil, j.doom = s.server.cfg.Now().Add(f.Delay), f.Message
	}
}

func (j *alterJob) apply() {
	t := j.table
	t.columns, t.orderBy = j.columns, j.orderBy
	t.store.addSchema(t.columns)
	j.version = t.store.schemaNumber()
}

// finish ends a running job, with "" as FINISHED.
func (j *alterJob) finish(failure string, at time.Time) {
	j.table.alter, j.end = nil, at
	if failure != "" {
		j.state, j.message = alterCancelled, failure
		return
	}
	j.apply()
	j.state = alterFinished
}

// RunAlterJobs moves every schema change on by one tick of the scheduler, at once.
func (s *Server) RunAlterJobs() {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	for _, name := range sortedNames(s.catalog.databases) {
		for _, j := range s.catalog.databases[name].alters {
			if !j.done() {
				s.runAlter(j)
			}
		}
	}
}

// runAlter moves a job as far as it goes within one tick.
func (s *Server) runAlter(j *alterJob) {
	now := s.cfg.Now()
	t := j.table
	switch {
	case t.db.tables[t.name] != t || s.catalog.databases[t.db.name] != t.db:
		s.endAlter(j, "table does not exist")
		return
	case now.Sub(j.start) > j.timeout:
		s.endAlter(j, "timeout")
		return
	}
	if j.state == alterRunning {
		switch {
		case now.Before(j.slowUntil):
		case j.doom != "":
			s.endAlter(j, j.doom)
		default:
			s.endAlter(j, j.unconvertible())
		}
		return
	}
	if j.state == alterPending {
		j.watershed, j.state = s.txnID.Add(1), alterWaiting
	}
	if !t.db.labels.runningBefore(j.watershed, t.name) {
		j.state = alterRunning
	}
}

// endAlter ends a job and writes that down. When it cannot be written, the table keeps
// its columns, as it will after a restart.
func (s *Server) endAlter(j *alterJob, failure string) {
	if err := s.journal.alter(j, failure); err != nil {
		failure = err.Error()
	}
	j.finish(failure, s.cfg.Now())
}

// unconvertible looks for a value that the new columns cannot hold: such a job fails.
func (j *alterJob) unconvertible() string {
	for _, was := range j.table.columns {
		i := slices.IndexFunc(j.columns, func(c *column) bool { return c.id == was.id })
		if i < 0 || j.columns[i].typ == was.typ {
			continue
		}
		is := j.columns[i].typ
		rows, reader := j.table.store.snapshot([]*column{was}, anyOrder)
		cells := make([]value, 1)
		for _, r := range rows {
			reader.cells(r.row, cells)
			if cells[0].kind != vNull && changeType(cells[0], was.typ, is).kind == vNull {
				return fmt.Sprintf("schema change failed: fail to convert column %s from %s to %s, value: %s", was.name, was.typ, is, cells[0].printed(was.typ))
			}
		}
	}
	return ""
}

// runningBefore tells whether a transaction with a smaller id still writes to a table.
func (b *labelBook) runningBefore(id int64, table string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, tx := range b.order {
		if tx.id < id && slices.Contains(tx.tableNames(), table) && !tx.state.finished() {
			return true
		}
	}
	return false
}

// committed tells whether a transaction on a table ("" for any) is not visible yet.
func (b *labelBook) committed(table string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, tx := range b.order {
		if tx.state == txnCommitted && (table == "" || slices.Contains(tx.tableNames(), table)) {
			return true
		}
	}
	return false
}

func (s *Server) runAltersRegularly() {
	tick := time.NewTicker(s.cfg.AlterInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.closing:
			return
		case <-tick.C:
			s.RunAlterJobs()
		}
	}
}

// errTableBusy refuses what cannot be done during a schema change.
func errTableBusy(table string) error {
	return ddlError("A schema change operation is in progress on the table %s. Please wait until the current operation completes.\n"+
		"To check the status of the operation, see https://docs.starrocks.io/en-us/latest/sql-reference/sql-statements/data-manipulation/SHOW%%20ALTER", table)
}

type cancelAlterStmt struct{ name tableName }

// cancelStatement takes CANCEL ALTER TABLE COLUMN FROM t.
func (p *parser) cancelStatement() statement {
	p.expect("CANCEL")
	if !p.accept("ALTER", "TABLE", "COLUMN", "FROM") {
		p.refuse("CANCEL of anything but ALTER TABLE COLUMN")
		return nil
	}
	return cancelAlterStmt{name: p.tableName()}
}

func (s *session) runCancelAlter(st cancelAlterStmt) error {
	t, err := s.server.catalog.table(s.qualify(st.name))
	if err != nil {
		return err
	}
	if !s.canTable("ALTER", t) {
		return errDenied("ALTER", "TABLE "+t.name)
	}
	if t.alter == nil {
		return ddlError("Table[%s] is not under SCHEMA_CHANGE/WAITING_STABLE.", t.name)
	}
	t.alter.finish("user cancelled", s.started)
	return nil
}

func (s *session) showAlter(st showStmt) (*relation, error) {
	if st.db == "" {
		st.db = s.db
	}
	db, err := s.server.catalog.database(st.db)
	if err != nil {
		return nil, err
	}
	moment := func(t time.Time) value {
		if t.IsZero() {
			return null
		}
		return textValue(t.Format(time.DateTime))
	}
	var rows [][]value
	for _, j := range db.alters {
		progress := null
		if j.state == alterRunning {
			progress = textValue("0/1")
		}
		rows = append(rows, []value{
			intValue(j.id), textValue(j.name), moment(j.start), moment(j.end), textValue(j.name), intValue(j.index), intValue(j.table.id),
			textValue(fmt.Sprintf("%d:0", j.version)), intValue(j.watershed), textValue(string(j.state)), textValue(j.message), progress,
			textValue(fmt.Sprint(int64(j.timeout / time.Second))),
		})
	}
	return virtual("", alterColumns, rows), nil
}

var alterColumns = []string{"JobId", "TableName", "CreateTime", "FinishTime", "IndexName", "IndexId", "OriginIndexId", "SchemaVersion", "TransactionId", "State", "Msg", "Progress", "Timeout"}
