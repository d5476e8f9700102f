package emulator

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

var (
	databaseNameForm = regexp.MustCompile(`^[a-zA-Z][\w + -~!@#$%^&<>=+]{0,255}$|^_[a-zA-Z0-9_]{0,255}$`)
)

// maxNameLength limits tables and columns, in characters.
const maxNameLength = 1024

func isTableName(s string) bool  { return isNameWithout(s, "\x00") }
func isColumnName(s string) bool { return isNameWithout(s, "\x00=<>!*") }

func isNameWithout(s, forbidden string) bool {
	return s != "" && utf8.RuneCountInString(s) <= maxNameLength && !strings.ContainsAny(s, forbidden)
}

func (s *session) runCreateDatabase(st createDatabaseStmt) error {
	if !s.can("CREATE DATABASE", "CATALOG", 0, 0) {
		return errDenied("CREATE DATABASE", "CATALOG default_catalog")
	}
	if !databaseNameForm.MatchString(st.name) {
		return codedAnalysisError(1102, "42000", "Incorrect database name '%s'", st.name)
	}
	c := s.server.catalog
	if c.databases[st.name] != nil || strings.EqualFold(st.name, "information_schema") {
		if st.ifNotExists {
			return nil
		}
		return newSQLError(1007, "HY000", "Can't create database '%s'; database exists", st.name)
	}
	id := c.newID()
	c.databases[st.name] = &database{id: id, name: st.name, tables: map[string]*table{}, labels: newLabelBook(id)}
	return nil
}

func (s *session) runDropDatabase(st dropDatabaseStmt) error {
	c := s.server.catalog
	db := c.databases[st.name]
	if db == nil {
		if st.ifExists {
			return nil
		}
		return newSQLError(1008, "HY000", "Can't drop database '%s'; database doesn't exist", st.name)
	}
	if !s.can("DROP", "DATABASE", db.id, 0) {
		return errDenied("DROP", "DATABASE "+st.name)
	}
	if !st.force && !s.replaying && db.labels.committed("") {
		return errCommittedLeft("database", st.name)
	}
	delete(c.databases, st.name)
	if s.db == st.name {
		s.db = ""
	}
	return nil
}

func (s *session) runCreateTable(st createTableStmt) error {
	c := s.server.catalog
	st.name = s.qualify(st.name)
	db, err := c.database(st.name.db)
	if err != nil {
		return err
	}
	if !s.can("CREATE TABLE", "DATABASE", db.id, 0) {
		return errDenied("CREATE TABLE", "DATABASE "+db.name)
	}
	if db.tables[st.name.table] != nil {
		if st.ifNotExists {
			return nil
		}
		return codedAnalysisError(1050, "42S01", "Table '%s' already exists", st.name.table)
	}
	if st.like.table != "" {
		if st, err = s.likeTable(st); err != nil {
			return err
		}
	}
	t, err := s.analyzeCreate(st)
	if err != nil {
		return err
	}
	t.db = db
	t.id = c.newID()
	t.store = newClockedStore(s.server.cfg.Now)
	t.store.addSchema(t.columns)
	db.tables[t.name] = t
	return nil
}

// likeTable is the statement that CREATE TABLE … LIKE stands for: what SHOW CREATE TABLE
// says of the other table, under the new name.
func (s *session) likeTable(st createTableStmt) (createTableStmt, error) {
	other, err := s.server.catalog.table(s.qualify(st.like))
	if err != nil {
		return st, err
	}
	if !s.canTable("SELECT", other) {
		return st, errDenied("SELECT", "TABLE "+other.name)
	}
	text := other.createStatement()
	tokens, err := splitStatements(text)
	if err != nil {
		return st, err
	}
	parsed, _, err := parseStatement(text, tokens[0])
	if err != nil {
		return st, err
	}
	create, ok := parsed.(createTableStmt)
	if !ok {
		return st, notEmulated("CREATE TABLE LIKE of " + other.name)
	}
	create.name = st.name
	return create, nil
}

// analyzeCreate is the analyzer: every check on a CREATE TABLE that is not about the
// state of the catalog.
func (s *session) analyzeCreate(st createTableStmt) (*table, error) {
	if !isTableName(st.name.table) {
		return nil, codedAnalysisError(1104, "42000", "Incorrect table name '%s'", st.name.table)
	}
	if st.engine != "" && !strings.EqualFold(st.engine, "olap") {
		return nil, newSQLError(1286, "42000", "Unknown storage engine '%s'", strings.ToLower(st.engine))
	}
	if err := s.checkGenerated(st.columns); err != nil {
		return nil, err
	}
	if !st.keysGiven {
		st.keys = defaultKeys(st.columns)
	}
	t := &table{name: st.name.table, model: st.model, comment: st.comment, partition: st.partition, created: time.Now(),
		orderBy: st.orderBy}
	for _, d := range st.columns {
		if t.column(d.name) != nil {
			return nil, codedAnalysisError(1060, "42S21", "Duplicate column name '%s'", d.name)
		}
		isKey := slices.ContainsFunc(st.keys, func(k string) bool { return strings.EqualFold(k, d.name) })
		col, err := s.analyzeColumn(d, st.model, isKey)
		if err != nil {
			return nil, err
		}
		t.nextColumnID++
		col.id = t.nextColumnID
		t.columns = append(t.columns, col)
	}
	if err := checkKeys(t, st.keys); err != nil {
		return nil, err
	}
	if err := analyzeDistribution(t, st); err != nil {
		return nil, err
	}
	var err error
	t.properties, err = s.analyzeProperties(t, st.properties)
	return t, err
}

// defaultKeys are the sort columns of a table without a key clause: the leading ones
// that can be keys, three at most.
func defaultKeys(columns []columnDef) []string {
	var keys []string
	for _, d := range columns {
		if len(keys) == 3 || d.typ.kind == tFloat || d.typ.kind == tDouble || d.typ.kind == tJSON || d.typ.kind == tVarbinary {
			break
		}
		keys = append(keys, d.name)
		if d.typ.isText() {
			break
		}
	}
	return keys
}

func (s *session) analyzeColumn(d columnDef, model tableModel, key bool) (*column, error) {
	if !isColumnName(d.name) {
		return nil, codedAnalysisError(1166, "42000", "Incorrect column name '%s'", d.name)
	}
	if model == primaryKeys && slices.Contains([]string{"__op", "__row", "___count___"}, d.name) {
		return nil, analysisError("Column name '%s' is reserved for primary key table", d.name)
	}
	if d.typ.kind == tTime {
		return nil, analysisError("Type:TIME of column:%s does not support", d.name)
	}
	if err := d.typ.check(d.name, s.server.has(featureWideDecimal)); err != nil {
		return nil, err
	}
	if d.typ.kind == tVarbinary && !s.server.has(featureVarbinary) {
		return nil, newSQLError(1064, "HY000", "You have an error in your SQL syntax: unknown type %s", d.typ)
	}
	c := &column{name: d.name, identity: d.name, typ: d.typ, key: key, nullable: d.null != nullForbidden && !d.autoIncrement, def: d.def, comment: d.comment, auto: d.autoIncrement}
	if key && model == primaryKeys {
		if !canBePrimaryKey(d.typ) {
			return nil, analysisError("primary key column[%s] type not supported: %s", d.name, d.typ)
		}
		if d.null == nullAllowed {
			return nil, analysisError("primary key column[%s] cannot be nullable", d.name)
		}
		c.nullable = false
	}
	return c, checkDefault(d)
}

func canBePrimaryKey(t dataType) bool {
	switch t.kind {
	case tBoolean, tTinyint, tSmallint, tInt, tBigint, tLargeint, tVarchar, tDate, tDatetime:
		return true
	}
	return false
}

func checkDefault(d columnDef) error {
	switch {
	case d.badDefault == "NULL":
		return analysisError("Invalid default value for '%s'", d.name)
	case d.badDefault != "":
		return analysisError("Invalid default value for '%s': Unsupported expr %s for default value", d.name, d.badDefault)
	case d.def.function == defaultNow && d.typ.kind != tDatetime:
		return analysisError("Invalid default value for '%s': Default function now() for type %s is not supported", d.name, d.typ)
	case d.def.function == defaultUUID && (d.typ.kind != tVarchar || d.typ.length < len(uuidForm)):
		return analysisError("Invalid default value for '%s': Varchar type length must be greater than 36 for uuid()", d.name)
	case d.def.function == defaultUUIDNumber && d.typ.kind != tLargeint:
		return analysisError("Invalid default value for '%s': Default function uuid_numeric() for type %s is not supported", d.name, d.typ)
	case !d.def.set:
		return nil
	case d.typ.isText():
		if chars := len(utf16.Encode([]rune(d.def.text))); chars > d.typ.length {
			return analysisError("Invalid default value for '%s': Default value is too long: %s", d.name, d.def.text)
		}
		return nil
	case d.typ.kind == tVarbinary:
		if d.def.text != "" {
			return analysisError("Invalid default value for '%s': Type '%s' only supports empty string \"\" as default value", d.name, d.typ)
		}
		return nil
	}
	if _, ok := convertText(d.typ, []byte(d.def.text), nil); !ok {
		return analysisError("Invalid default value for '%s': %s", d.name, badLiteral(d))
	}
	return nil
}

// badLiteral says what is wrong with a literal.
func badLiteral(d columnDef) string {
	_, isNumber := new(big.Int).SetString(d.def.text, 10)
	switch {
	case d.typ.isInteger() && isNumber:
		return fmt.Sprintf("Number out of range[%s]. type: %s", d.def.text, d.typ)
	case d.typ.isInteger():
		return "Invalid number format: " + d.def.text
	}
	return "Invalid value: " + d.def.text
}

// checkKeys wants the key columns first, in the order of the key clause.
func checkKeys(t *table, keys []string) error {
	for i, k := range keys {
		if t.column(k) == nil {
			return analysisError("Key column(%s) doesn't exist.", k)
		}
		if i >= len(t.columns) || !strings.EqualFold(t.columns[i].name, k) {
			return analysisError("Key columns must be the first few columns of the schema and the order  of the key columns must be consistent with the order of the schema")
		}
	}
	if len(keys) == len(t.columns) || t.model == duplicateKeys || len(keys) > 0 {
		return nil
	}
	return analysisError("The number of key columns should be at least 1")
}

func analyzeDistribution(t *table, st createTableStmt) error {
	for _, name := range st.partitionBy {
		if c := t.column(name); t.model == primaryKeys && c != nil && !c.key {
			return analysisError("Partition column[%s] is not key column", c.name)
		}
	}
	d := st.distribution
	switch {
	case d.random && t.model == primaryKeys:
		return analysisError("PRIMARY KEY cannot use random distribution")
	case !d.given && t.model == primaryKeys:
		d.columns = st.keys
	case !d.given:
		d.random = true
	}
	if d.buckets > 1024 {
		return analysisError("Maximum number of buckets per partition is 1024, got %d", d.buckets)
	}
	for i, name := range d.columns {
		c := t.column(name)
		if c == nil {
			return analysisError("Distribution column(%s) doesn't exist.", name)
		}
		if t.model == primaryKeys && !c.key {
			return analysisError("Distribution column[%s] is not key column", name)
		}
		d.columns[i] = c.name
	}
	for _, name := range st.orderBy {
		if t.column(name) == nil {
			return analysisError("Unknown column '%s' does not exist", name)
		}
	}
	t.distribution, t.random, t.buckets = d.columns, d.random, d.buckets
	return nil
}

// knownProperties maps the properties a table may have to the values they may take;
// nil means any.
var knownProperties = map[string][]string{
	"replication_num": nil, "enable_persistent_index": {"true", "false"}, "fast_schema_evolution": {"true", "false"},
	"compression": nil, "replicated_storage": {"true", "false"}, "write_quorum": {"MAJORITY", "ALL", "ONE"},
	"storage_type": {"column", "column_with_row"}, "persistent_index_type": {"LOCAL", "CLOUD_NATIVE"}, "bucket_size": nil,
	"storage_medium": {"HDD", "SSD"}, "light_schema_change": {"true", "false"}, "in_memory": {"true", "false"},
	"colocate_with": nil, "bloom_filter_columns": nil, "storage_cooldown_time": nil, "storage_cooldown_ttl": nil, "mutable_bucket_num": nil,
}

func (s *session) analyzeProperties(t *table, given map[string]string) (map[string]string, error) {
	cfg := s.server.cfg
	p := map[string]string{"compression": "LZ4", "replicated_storage": "true", "replication_num": strconv.Itoa(cfg.DefaultReplication)}
	fastKnown := s.server.has(featureFastSchemaEvolution)
	if fastKnown {
		p["fast_schema_evolution"] = "true"
	}
	if t.model == primaryKeys {
		p["enable_persistent_index"] = "true"
	}
	for k, v := range given {
		allowed, known := knownProperties[k]
		if !known || k == "fast_schema_evolution" && !fastKnown {
			return nil, ddlError("Unexpected exception: Unknown properties: {%s=%s}", k, v)
		}
		if allowed != nil && !slices.ContainsFunc(allowed, func(a string) bool { return strings.EqualFold(a, v) }) {
			return nil, ddlError("Unexpected exception: Invalid value for property %s: %s", k, v)
		}
		p[k] = v
	}
	if v, given := p["fast_schema_evolution"]; given {
		p["fast_schema_evolution"] = strings.ToLower(v)
	}
	return p, s.checkReplication(t.name, p["replication_num"])
}

func (s *session) checkReplication(table, number string) error {
	cfg := s.server.cfg
	n, err := strconv.Atoi(number)
	if err != nil || n <= 0 {
		return ddlError("Unexpected exception: Replication num should larger than 0. (suggested 3)")
	}
	if n > cfg.Backends && !s.replaying {
		return ddlError("Unexpected exception: Table replication num should be less than of equal to the number of available BE nodes. "+
			"You can change this default by setting the replication_num table properties. Current alive backend is [%s]. , table=%s, properties.replication_num=%d",
			backendIDs(cfg.Backends), table, n)
	}
	return nil
}

func backendIDs(n int) string {
	var ids []string
	for i := range n {
		ids = append(ids, strconv.Itoa(backendID(i)))
	}
	return strings.Join(ids, ",")
}

func backendID(i int) int { return 10001 + i }

func (s *session) runDropTable(st dropTableStmt) error {
	st.name = s.qualify(st.name)
	t, err := s.server.catalog.table(st.name)
	if err != nil {
		if st.ifExists && st.name.db != "" && s.server.catalog.databases[st.name.db] != nil {
			return nil
		}
		return err
	}
	if !s.canTable("DROP", t) {
		return errDenied("DROP", "TABLE "+t.name)
	}
	if !st.force && !s.replaying && t.db.labels.committed(t.name) {
		return errCommittedLeft("table", t.name)
	}
	delete(t.db.tables, t.name)
	return nil
}

// errCommittedLeft refuses to drop what committed loads have not reached yet.
func errCommittedLeft(kind, name string) error {
	return ddlError("There are still some transactions in the COMMITTED state waiting to be completed. The %s [%s] cannot be dropped. "+
		"If you want to forcibly drop(cannot be recovered), please use \"DROP %s <%s> FORCE\".", kind, name, strings.ToUpper(kind), kind)
}

func (s *session) runTruncate(st truncateStmt) error {
	t, err := s.server.catalog.table(s.qualify(st.name))
	if err != nil {
		return err
	}
	if !s.canTable("DELETE", t) {
		return errDenied("DELETE", "TABLE "+t.name)
	}
	if t.alter != nil {
		return errTableBusy(t.name)
	}
	t.store.truncate()
	return nil
}

func (s *session) runCreateUser(st createUserStmt) error {
	if !s.can("GRANT", "SYSTEM", 0, 0) && !(st.alter && st.name == s.user) {
		return errDenied("GRANT", "SYSTEM")
	}
	c := s.server.catalog
	old := c.users[st.name]
	switch {
	case st.alter && old == nil:
		return analysisError("Operation ALTER USER failed for %s : user not exists", identity(st.name))
	case st.alter:
		old.hash = st.hash
		return nil
	case old != nil && st.ifNotExists:
		return nil
	case old != nil:
		return analysisError("Operation CREATE USER failed for %s : user already exists", identity(st.name))
	case st.name == "" || len(st.name) > 64:
		return analysisError("invalid user name: %s", st.name)
	}
	c.users[st.name] = &user{name: st.name, hash: st.hash}
	return nil
}

func (s *session) runDropUser(st dropUserStmt) error {
	if !s.can("GRANT", "SYSTEM", 0, 0) {
		return errDenied("GRANT", "SYSTEM")
	}
	c := s.server.catalog
	switch u := c.users[st.name]; {
	case u == nil && st.ifExists:
		return nil
	case u == nil:
		return analysisError("Operation DROP USER failed for %s : user not exists", identity(st.name))
	case u.admin:
		return analysisError("Operation DROP USER failed for %s : cannot drop user", identity(st.name))
	}
	delete(c.users, st.name)
	return nil
}

// waitPublished waits until every committed load is visible, as DDL that throws rows
// away does.
func (s *tableStore) waitPublished() {
	s.mu.RLock()
	done := s.published
	s.mu.RUnlock()
	<-done
}
