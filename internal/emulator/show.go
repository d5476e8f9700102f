package emulator

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

type showStmt struct {
	what    string
	full    bool
	db      string
	table   tableName
	like    string
	hasLike bool
	where   expr
	orderBy []orderItem
	limit   int
	user    string
	id      int64  // of SHOW TRANSACTION
	label   string // also the path of SHOW PROC
}

func (p *parser) showStatement() statement {
	p.expect("SHOW")
	st := showStmt{limit: -1, full: p.accept("FULL")}
	if !p.accept("GLOBAL") && !p.accept("SESSION") {
		p.accept("LOCAL")
	}
	t := p.next()
	switch t.upper {
	case "DATABASES", "SCHEMAS":
		st.what = "databases"
	case "TABLES":
		st.what = "tables"
		st.db = p.showFrom()
	case "TABLE":
		p.expect("STATUS")
		st.what = "table status"
		st.db = p.showFrom()
	case "COLUMNS", "FIELDS":
		st.what = "columns"
		if !p.accept("FROM") {
			p.expect("IN")
		}
		st.table = p.tableName()
		if db := p.showFrom(); db != "" {
			st.table.db = db
		}
	case "CREATE":
		switch {
		case p.accept("TABLE"):
			st.what, st.table = "create table", p.tableName()
		case p.accept("DATABASE"), p.accept("SCHEMA"):
			st.what, st.db = "create database", p.databaseName()
		default:
			p.fail()
		}
	case "ALTER":
		p.expect("TABLE", "COLUMN")
		st.what, st.db = "alter", p.showFrom()
	case "GRANTS":
		st.what = "grants"
		if p.accept("FOR") {
			p.accept("USER")
			st.user = p.userIdentity()
		}
	case "VARIABLES", "BACKENDS", "FRONTENDS", "WARNINGS", "CATALOGS", "ENGINES", "PROCESSLIST", "PLUGINS", "COLLATION", "CHARSET", "STATUS", "USERS":
		st.what = strings.ToLower(t.upper)
	case "CHARACTER":
		p.expect("SET")
		st.what = "charset"
	case "INDEX", "INDEXES", "KEYS":
		st.what = "index"
		p.expect("FROM")
		st.table = p.tableName()
		if db := p.showFrom(); db != "" {
			st.table.db = db
		}
	case "TRANSACTION":
		p.showTransaction(&st)
	case "ALL", "STREAM":
		p.showStreamLoad(&st, t.upper == "ALL")
	case "PROC":
		st.what, st.label = "proc", p.expectString()
	case "LOAD", "PARTITIONS", "TABLET", "ROUTINE", "DATA", "ROLES", "COMPUTE", "PROPERTY", "EVENTS", "TRIGGERS", "PROCEDURE", "FUNCTION", "FUNCTIONS", "AUTHENTICATION", "PRIVILEGES":
		p.refuse("SHOW " + t.upper)
	default:
		p.failAt(t)
	}
	p.showTail(&st)
	return st
}

func (p *parser) showFrom() string {
	if p.accept("FROM") || p.accept("IN") {
		return p.databaseName()
	}
	return ""
}

func (p *parser) showTail(st *showStmt) {
	if p.accept("LIKE") {
		st.like, st.hasLike = p.expectString(), true
	}
	if p.accept("WHERE") {
		st.where = p.expr()
	}
	if p.accept("ORDER", "BY") {
		st.orderBy = p.orderItems()
	}
	if p.accept("LIMIT") {
		st.limit = p.expectInt()
	}
}

// texts makes a row of texts.
func texts(list ...string) []value {
	row := make([]value, len(list))
	for i, s := range list {
		row[i] = textValue(s)
	}
	return row
}

// virtual is a relation made of rows, whose columns are text unless typed otherwise.
func virtual(name string, columns []string, rows [][]value) *relation {
	rel := &relation{db: "information_schema", name: name, size: -1}
	for _, c := range columns {
		rc := resultColumn{name: c, table: name, typ: dataType{kind: tVarchar, length: 1024}}
		if slices.Contains(integerColumns, c) {
			rc.typ = typeBigint
		}
		rel.columns = append(rel.columns, rc)
	}
	rel.scan = func(yield func([]value) error) error {
		for _, r := range rows {
			if err := yield(r); err != nil {
				return err
			}
		}
		return nil
	}
	return rel
}

// integerColumns are the columns of virtual tables that hold numbers.
var integerColumns = strings.Fields("ORDINAL_POSITION CHARACTER_MAXIMUM_LENGTH CHARACTER_OCTET_LENGTH NUMERIC_PRECISION NUMERIC_SCALE COLUMN_SIZE DECIMAL_DIGITS TABLE_ROWS AVG_ROW_LENGTH DATA_LENGTH ID SCAN_ROWS SCAN_BYTES FILTERED_ROWS UNSELECTED_ROWS SINK_ROWS TABLE_ID JobId TransactionId IndexId OriginIndexId")

// runShow answers from a virtual relation, filtered as a SELECT would.
func (ss *session) runShow(st showStmt) (*resultSet, error) {
	c := ss.server.catalog
	c.mu.RLock()
	rel, err := ss.showRelation(st)
	c.mu.RUnlock()
	if err != nil {
		return nil, err
	}
	sel := &selectStmt{items: []selectItem{{star: true}}, from: &tableName{}, where: st.where, orderBy: st.orderBy, limit: st.limit}
	if st.hasLike {
		var like expr = &binaryExpr{"LIKE", &callExpr{name: "LOWER", args: []expr{&columnRef{name: rel.columns[0].name}}, agg: -1}, &literal{textValue(strings.ToLower(st.like))}}
		if st.where != nil {
			like = &binaryExpr{"AND", like, st.where}
		}
		sel.where = like
	}
	return ss.selectFrom(sel, rel)
}

func (ss *session) showRelation(st showStmt) (*relation, error) {
	switch st.what {
	case "databases":
		var rows [][]value
		for _, name := range ss.visibleDatabases() {
			rows = append(rows, texts(name))
		}
		return virtual("", []string{"Database"}, rows), nil
	case "tables", "table status":
		return ss.showTables(st)
	case "columns", "desc":
		return ss.showColumns(st)
	case "create table":
		t, err := ss.describable(st.table)
		if err != nil {
			return nil, err
		}
		return virtual("", []string{"Table", "Create Table"}, [][]value{texts(t.name, t.createStatement())}), nil
	case "create database":
		if _, err := ss.server.catalog.database(st.db); err != nil {
			return nil, err
		}
		return virtual("", []string{"Database", "Create Database"}, [][]value{texts(st.db, "CREATE DATABASE "+quoteName(st.db))}), nil
	case "alter":
		return ss.showAlter(st)
	case "transaction":
		return ss.showTransactionRow(st)
	case "stream load":
		return ss.showStreamLoads(st)
	case "proc":
		return ss.showProc(st)
	case "grants":
		return ss.showGrants(st)
	case "variables":
		var rows [][]value
		for _, name := range sortedNames(defaultVariables) {
			rows = append(rows, texts(name, ss.variableText(name)))
		}
		return virtual("", []string{"Variable_name", "Value"}, rows), nil
	case "backends", "frontends":
		return ss.showNodes(st.what)
	case "catalogs":
		return virtual("", []string{"Catalog", "Type", "Comment"}, [][]value{texts("default_catalog", "Internal", "An internal catalog contains this cluster's self-managed tables.")}), nil
	case "engines":
		return virtual("", []string{"Engine", "Support", "Comment", "Transactions", "XA", "Savepoints"}, [][]value{texts("OLAP", "YES", "Default storage engine of StarRocks", "NO", "NO", "NO")}), nil
	case "collation":
		return virtual("", []string{"Collation", "Charset", "Id", "Default", "Compiled", "Sortlen"}, [][]value{texts("utf8_general_ci", "utf8", "33", "Yes", "Yes", "1")}), nil
	case "charset":
		return virtual("", []string{"Charset", "Description", "Default collation", "Maxlen"}, [][]value{texts("utf8", "UTF-8 Unicode", "utf8_general_ci", "3")}), nil
	case "users":
		return ss.showUsers()
	case "frontend config":
		return ss.showFrontendConfig()
	}
	return virtual("", map[string][]string{
		"warnings": {"Level", "Code", "Message"}, "plugins": {"Name", "Type", "Description"}, "status": {"Variable_name", "Value"},
		"processlist": {"Id", "User", "Host", "Db", "Command", "Time", "State", "Info"},
		"index":       {"Table", "Non_unique", "Key_name", "Seq_in_index", "Column_name", "Collation", "Cardinality", "Sub_part", "Packed", "Null", "Index_type", "Comment"},
	}[st.what], nil), nil
}

func (ss *session) showUsers() (*relation, error) {
	if !ss.can("GRANT", "SYSTEM", 0, 0) {
		return nil, errDenied("GRANT", "SYSTEM")
	}
	var rows [][]value
	for _, name := range sortedNames(ss.server.catalog.users) {
		rows = append(rows, texts(identity(name)))
	}
	return virtual("", []string{"User"}, rows), nil
}

// visibleDatabases are those in which the user may do anything.
func (ss *session) visibleDatabases() []string {
	c := ss.server.catalog
	names := []string{"information_schema"}
	for _, name := range sortedNames(c.databases) {
		if ss.account().anyInDatabase(c.databases[name]) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (ss *session) visibleTables(db *database) []*table {
	var out []*table
	for _, name := range sortedNames(db.tables) {
		if t := db.tables[name]; ss.account().anyOnTable(t) {
			out = append(out, t)
		}
	}
	return out
}

func (ss *session) showTables(st showStmt) (*relation, error) {
	if st.db == "" {
		st.db = ss.db
	}
	var rows [][]value
	columns := []string{"Tables_in_" + st.db}
	if st.full {
		columns = append(columns, "Table_type")
	}
	if strings.EqualFold(st.db, "information_schema") {
		for _, name := range informationTables {
			rows = append(rows, texts(name, "SYSTEM VIEW")[:len(columns)])
		}
		return virtual("", columns, rows), nil
	}
	db, err := ss.server.catalog.database(st.db)
	if err != nil {
		return nil, err
	}
	if st.what == "table status" {
		columns = strings.Fields("Name Engine Version Row_format Rows Avg_row_length Data_length Max_data_length Index_length Data_free Auto_increment Create_time Update_time Check_time Collation Checksum Create_options Comment")
	}
	for _, t := range ss.visibleTables(db) {
		if st.what != "table status" {
			rows = append(rows, texts(t.name, "BASE TABLE")[:len(columns)])
			continue
		}
		row := make([]value, len(columns))
		row[0], row[1], row[4] = textValue(t.name), textValue("StarRocks"), textValue(strconv.Itoa(t.store.count()))
		row[11], row[14], row[17] = textValue(t.created.Format(time.DateTime)), textValue("utf8_general_ci"), textValue(t.comment)
		rows = append(rows, row)
	}
	return virtual("", columns, rows), nil
}

// describable finds a table on which the user has any privilege.
func (ss *session) describable(n tableName) (*table, error) {
	t, err := ss.server.catalog.table(ss.qualify(n))
	if err != nil {
		return nil, err
	}
	if !ss.account().anyOnTable(t) {
		return nil, errDenied("ANY", "TABLE "+t.name)
	}
	return t, nil
}

func (ss *session) showColumns(st showStmt) (*relation, error) {
	t, err := ss.describable(st.table)
	if err != nil {
		return nil, err
	}
	yes, no := "YES", "NO"
	if st.what == "desc" {
		yes, no = "true", "false"
	}
	pick := func(b bool, yes, no string) value {
		if b {
			return textValue(yes)
		}
		return textValue(no)
	}
	columns := []string{"Field", "Type", "Null", "Key", "Default", "Extra"}
	if st.full {
		columns = []string{"Field", "Type", "Collation", "Null", "Key", "Default", "Extra", "Privileges", "Comment"}
	}
	var rows [][]value
	for _, c := range t.columns {
		def, extra := null, ""
		switch {
		case c.def.function != "":
			def, extra = textValue(c.def.function), "DEFAULT_GENERATED"
		case c.def.set:
			def = textValue(c.def.text)
		}
		if st.full {
			rows = append(rows, []value{textValue(c.name), textValue(c.typ.shown()), textValue(""), pick(c.nullable, "YES", "NO"), pick(c.key, yes, no), def, textValue(""), textValue(""), textValue(c.comment)})
			continue
		}
		rows = append(rows, []value{textValue(c.name), textValue(c.typ.shown()), pick(c.nullable, "YES", "NO"), pick(c.key, yes, no), def, textValue(extra)})
	}
	return virtual("", columns, rows), nil
}

func (ss *session) showGrants(st showStmt) (*relation, error) {
	name := st.user
	if name == "" {
		name = ss.user
	}
	if name != ss.user && !ss.can("GRANT", "SYSTEM", 0, 0) {
		return nil, errDenied("GRANT", "SYSTEM")
	}
	u := ss.server.catalog.users[name]
	if u == nil {
		return nil, analysisError("cannot find user %s!", identity(name))
	}
	return virtual("", []string{"UserIdentity", "Catalog", "Grants"}, ss.server.catalog.grantRows(u)), nil
}

func (ss *session) showNodes(what string) (*relation, error) {
	if !ss.can("OPERATE", "SYSTEM", 0, 0) && !ss.can("NODE", "SYSTEM", 0, 0) {
		return nil, errDenied("OPERATE/NODE", "SYSTEM")
	}
	s := ss.server
	if what == "frontends" {
		_, http := splitAddr(s.HTTPAddr())
		_, query := splitAddr(s.QueryAddr())
		return virtual("", strings.Fields("Id Name IP EditLogPort HttpPort QueryPort RpcPort Role ClusterId Join Alive ReplayedJournalId LastHeartbeat IsHelper ErrMsg StartTime Version"),
			[][]value{texts("1", "127.0.0.1_9010", "127.0.0.1", "9010", http, query, "9020", "LEADER", "1", "true", "true", "1", "", "true", "", "", s.fullVersion())}), nil
	}
	_, port := splitAddr(s.BEHTTPAddr())
	var rows [][]value
	for i := range s.cfg.Backends {
		rows = append(rows, texts(strconv.Itoa(backendID(i)), "127.0.0.1", "9050", "9060", port, "8060", "", "", "true", "false", "false", "1", "0.000 ", "1.000 GB", "1.000 GB", "0.00 %", "0.00 %", "", s.fullVersion()))
	}
	return virtual("", strings.Fields("BackendId IP HeartbeatPort BePort HttpPort BrpcPort LastStartTime LastHeartbeat Alive SystemDecommissioned ClusterDecommissioned TabletNum DataUsedCapacity AvailCapacity TotalCapacity UsedPct MaxDiskUsedPct ErrMsg Version"), rows), nil
}
