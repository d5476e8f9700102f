package emulator

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

var transactionColumns = strings.Fields("TransactionId Label Coordinator TransactionStatus LoadJobSourceType PrepareTime PreparedTime CommitTime PublishTime FinishTime Reason ErrorReplicasCount ListenerId TimeoutMs PreparedTimeoutMs ErrMsg")

var streamLoadColumns = strings.Fields("Label Id LoadId TxnId DbName TableName State ErrorMsg TrackingURL ChannelNum PreparedChannelNum NumRowsNormal NumRowsAbNormal NumRowsUnselected NumLoadBytes TimeoutSecond CreateTimeMs BeforeLoadTimeMs StartLoadingTimeMs StartPreparingTimeMs FinishPreparingTimeMs EndTimeMs ChannelState Type TrackingSQL")

// showTransaction parses SHOW TRANSACTION [FROM db] WHERE id = n or label = 'l'.
func (p *parser) showTransaction(st *showStmt) {
	st.what, st.db = "transaction", p.showFrom()
	if !p.accept("WHERE") {
		if p.err == nil {
			p.setErr(analysisError("should supply condition like: ID = $transaction_id"))
		}
		return
	}
	name := strings.ToLower(p.ident())
	p.expectOp("=")
	switch name {
	case "id":
		st.id = int64(p.expectInt())
	case "label":
		st.label = p.expectString()
	default:
		if p.err == nil {
			p.setErr(analysisError("Where clause should looks like: ID = $transaction_id"))
		}
	}
}

// showStreamLoad parses SHOW [ALL] STREAM LOAD [FOR label] [FROM db].
func (p *parser) showStreamLoad(st *showStmt, all bool) {
	if all {
		p.expect("STREAM")
	}
	p.expect("LOAD")
	st.what = "stream load"
	if p.accept("FOR") {
		name := p.tableName()
		st.label, st.db = name.table, name.db
	}
	if db := p.showFrom(); db != "" {
		st.db = db
	}
}

func moment(t time.Time) value {
	if t.IsZero() {
		return null
	}
	return textValue(t.Format(time.DateTime))
}

// sourceType is the name of a kind of transaction in SHOW TRANSACTION.
func (tx *transaction) sourceType() string {
	switch tx.kind {
	case "INSERT":
		return "INSERT_STREAMING"
	case multiKind:
		return "MULTI_STATEMENT_STREAMING"
	case mergeKind:
		return "FRONTEND_STREAMING"
	}
	return "BACKEND_STREAMING"
}

func (ss *session) transactionRow(tx transaction) []value {
	timeout, prepared := tx.timeout, tx.preparedTimeout
	if timeout == 0 {
		timeout = ss.server.cfg.LoadTimeout
	}
	if prepared == 0 {
		prepared = ss.server.cfg.PreparedTimeout
	}
	coordinator := "BE: 127.0.0.1"
	if tx.kind != "STREAM_LOAD" {
		coordinator = "FE: 127.0.0.1"
	}
	published := tx.committed
	return []value{intValue(tx.id), textValue(tx.label), textValue(coordinator), textValue(tx.state.String()), textValue(tx.sourceType()), moment(tx.begun), moment(tx.prepared),
		moment(tx.committed), moment(published), moment(tx.ended), textValue(tx.reason), textValue("0"), textValue("-1"),
		textValue(strconv.FormatInt(timeout.Milliseconds(), 10)), textValue(strconv.FormatInt(prepared.Milliseconds(), 10)), textValue("")}
}

// visibleDatabase finds a database in which the user may do anything.
func (ss *session) visibleDatabase(name string) (*database, error) {
	if name == "" {
		name = ss.db
	}
	db, err := ss.server.catalog.database(name)
	if err != nil {
		return nil, err
	}
	if !ss.account().anyInDatabase(db) {
		return nil, errDenied("ANY", "DATABASE "+name)
	}
	return db, nil
}

func (ss *session) showTransactionRow(st showStmt) (*relation, error) {
	db, err := ss.visibleDatabase(st.db)
	if err != nil {
		return nil, err
	}
	var row []value
	for _, tx := range db.labels.list() {
		if st.label != "" && tx.label == st.label || st.label == "" && tx.id == st.id {
			row = ss.transactionRow(tx) // of a label the latest
		}
	}
	switch {
	case row == nil && st.label != "":
		return nil, analysisError("transaction with label %s does not exist", st.label)
	case row == nil:
		return nil, analysisError("transaction with id %d does not exist", st.id)
	}
	return virtual("", transactionColumns, [][]value{row}), nil
}

// showProc answers the part of SHOW PROC that is about transactions.
func (ss *session) showProc(st showStmt) (*relation, error) {
	if !ss.can("OPERATE", "SYSTEM", 0, 0) {
		return nil, errDenied("OPERATE", "SYSTEM")
	}
	c := ss.server.catalog
	path := strings.Split(strings.Trim(st.label, "/"), "/")
	if path[0] != "transactions" || len(path) > 3 {
		return nil, notEmulated("SHOW PROC '" + st.label + "'")
	}
	var rows [][]value
	if len(path) == 1 {
		for _, name := range sortedNames(c.databases) {
			rows = append(rows, texts(strconv.FormatInt(c.databases[name].id, 10), name))
		}
		return virtual("", []string{"DbId", "DbName"}, rows), nil
	}
	db := c.databases[path[1]]
	for _, d := range c.databases {
		if strconv.FormatInt(d.id, 10) == path[1] {
			db = d
		}
	}
	if db == nil {
		return nil, errUnknownDatabase(path[1])
	}
	count := map[bool]int{}
	for _, tx := range db.labels.list() {
		over := tx.state.finished()
		count[over]++
		if len(path) == 3 && (path[2] == "finished") == over {
			rows = append(rows, ss.transactionRow(tx))
		}
	}
	switch {
	case len(path) == 2:
		return virtual("", []string{"State", "Number"}, [][]value{texts("running", strconv.Itoa(count[false])), texts("finished", strconv.Itoa(count[true]))}), nil
	case path[2] != "running" && path[2] != "finished":
		return nil, analysisError("State path %s does not exist", path[2])
	}
	return virtual("", transactionColumns, rows), nil
}

var streamLoadStates = map[txnState]string{txnPrepare: "LOADING", txnPrepared: "PREPARED", txnCommitted: "COMMITED", txnVisible: "FINISHED", txnAborted: "CANCELLED"}

func (ss *session) showStreamLoads(st showStmt) (*relation, error) {
	db, err := ss.visibleDatabase(st.db)
	if err != nil {
		return nil, err
	}
	var rows [][]value
	for _, tx := range db.labels.list() {
		if tx.kind != "STREAM_LOAD" && tx.kind != multiKind || st.label != "" && st.label != tx.label {
			continue
		}
		timeout := tx.timeout
		if timeout == 0 {
			timeout = ss.server.cfg.LoadTimeout
		}
		for _, name := range tx.tableNames() {
			if t := db.tables[name]; t == nil || !ss.account().anyOnTable(t) {
				continue
			}
			n, state := tx.counts, streamLoadStates[tx.state]
			rows = append(rows, []value{textValue(tx.label), intValue(tx.id), textValue(fmt.Sprintf("%016x", tx.id)), intValue(tx.id), textValue(db.name), textValue(name),
				textValue(state), textValue(tx.reason), null, intValue(1), intValue(0), intValue(n.loaded), intValue(n.filtered), intValue(n.unselected), intValue(n.bytes),
				intValue(int64(timeout / time.Second)), moment(tx.begun), moment(tx.begun), moment(tx.begun), moment(tx.prepared), moment(tx.prepared), moment(tx.ended),
				textValue("[" + state + "]"), textValue(tx.kind), null})
		}
	}
	return virtual("", streamLoadColumns, append(rows, ss.openMultiRows(db, st.label)...)), nil
}

// openMultiRows are the transactions of several tables that the transaction manager does
// not know yet, or never will: the tasks are listed, table by table, from their first load on.
func (ss *session) openMultiRows(db *database, label string) (rows [][]value) {
	for _, m := range ss.server.multi.all() {
		tables, state, reason := m.listing.now()
		if m.db != db.name || state == multiCommitted || label != "" && label != m.label {
			continue
		}
		shown, ended := "LOADING", m.begun
		if state == multiCancelled {
			shown = "CANCELLED"
		} else {
			ended = time.Time{}
		}
		for _, t := range tables {
			if db.tables[t.name] != t || !ss.account().anyOnTable(t) {
				continue
			}
			rows = append(rows, []value{textValue(m.label), intValue(m.txnID), textValue(fmt.Sprintf("%016x", m.txnID)), intValue(m.txnID), textValue(db.name), textValue(t.name),
				textValue(shown), textValue(reason), null, intValue(1), intValue(0), intValue(0), intValue(0), intValue(0), intValue(0),
				intValue(int64(m.timeout / time.Second)), moment(m.begun), moment(m.begun), moment(m.begun), null, null, moment(ended),
				textValue("[" + shown + "]"), textValue(multiKind), null})
		}
	}
	return rows
}

// tableNames are the tables of a transaction.
func (tx *transaction) tableNames() []string {
	if tx.tables != nil {
		return tx.tables
	}
	return []string{tx.table}
}
