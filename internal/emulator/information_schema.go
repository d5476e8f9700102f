package emulator

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

var informationTables = []string{"columns", "engines", "load_tracking_logs", "loads", "schemata", "tables", "tables_config", "views"}

var informationColumns = map[string]string{
	"schemata":           "CATALOG_NAME SCHEMA_NAME DEFAULT_CHARACTER_SET_NAME DEFAULT_COLLATION_NAME SQL_PATH",
	"tables":             "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_TYPE ENGINE VERSION ROW_FORMAT TABLE_ROWS AVG_ROW_LENGTH DATA_LENGTH MAX_DATA_LENGTH INDEX_LENGTH DATA_FREE AUTO_INCREMENT CREATE_TIME UPDATE_TIME CHECK_TIME TABLE_COLLATION CHECKSUM CREATE_OPTIONS TABLE_COMMENT",
	"columns":            "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION COLUMN_DEFAULT IS_NULLABLE DATA_TYPE CHARACTER_MAXIMUM_LENGTH CHARACTER_OCTET_LENGTH NUMERIC_PRECISION NUMERIC_SCALE DATETIME_PRECISION CHARACTER_SET_NAME COLLATION_NAME COLUMN_TYPE COLUMN_KEY EXTRA PRIVILEGES COLUMN_COMMENT COLUMN_SIZE DECIMAL_DIGITS GENERATION_EXPRESSION SRS_ID",
	"tables_config":      "TABLE_SCHEMA TABLE_NAME TABLE_ENGINE TABLE_MODEL PRIMARY_KEY PARTITION_KEY DISTRIBUTE_KEY DISTRIBUTE_TYPE DISTRIBUTE_BUCKET SORT_KEY PROPERTIES TABLE_ID",
	"loads":              "ID LABEL PROFILE_ID DB_NAME TABLE_NAME USER WAREHOUSE STATE PROGRESS TYPE PRIORITY SCAN_ROWS SCAN_BYTES FILTERED_ROWS UNSELECTED_ROWS SINK_ROWS RUNTIME_DETAILS CREATE_TIME LOAD_START_TIME LOAD_COMMIT_TIME LOAD_FINISH_TIME PROPERTIES ERROR_MSG TRACKING_SQL REJECTED_RECORD_PATH JOB_ID",
	"load_tracking_logs": "JOB_ID LABEL DATABASE_NAME TRACKING_LOG TYPE",
	"engines":            "ENGINE SUPPORT COMMENT TRANSACTIONS XA SAVEPOINTS",
	"views":              "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME VIEW_DEFINITION CHECK_OPTION IS_UPDATABLE DEFINER SECURITY_TYPE CHARACTER_SET_CLIENT COLLATION_CONNECTION",
}

// informationSchema opens a virtual table; it shows only what the user has a privilege on.
func (ss *session) informationSchema(name string) (*relation, error) {
	name = strings.ToLower(name)
	spec, ok := informationColumns[name]
	if !ok {
		return nil, errUnknownTable("information_schema", name)
	}
	c := ss.server.catalog
	c.mu.RLock()
	defer c.mu.RUnlock()
	var rows [][]value
	switch name {
	case "schemata":
		for _, db := range ss.visibleDatabases() {
			rows = append(rows, []value{textValue("def"), textValue(db), textValue("utf8"), textValue("utf8_general_ci"), null})
		}
	case "engines":
		rows = [][]value{texts("OLAP", "YES", "Default storage engine of StarRocks", "NO", "NO", "NO")}
	case "views":
	default:
		for _, dbName := range sortedNames(c.databases) {
			db := c.databases[dbName]
			if name == "loads" {
				rows = append(rows, ss.loadRows(db)...)
				continue
			}
			if name == "load_tracking_logs" {
				rows = append(rows, ss.trackingRows(db)...)
				continue
			}
			for _, t := range ss.visibleTables(db) {
				rows = append(rows, informationRows(name, t)...)
			}
		}
	}
	return virtual(name, strings.Fields(spec), rows), nil
}

func informationRows(name string, t *table) [][]value {
	switch name {
	case "tables":
		return [][]value{informationTable(t)}
	case "tables_config":
		return [][]value{informationConfig(t)}
	}
	var rows [][]value
	for i, c := range t.columns {
		rows = append(rows, informationColumn(t, c, i+1))
	}
	return rows
}

func informationTable(t *table) []value {
	n := t.store.count()
	created := textValue(t.created.Format(time.DateTime))
	return []value{textValue("def"), textValue(t.db.name), textValue(t.name), textValue("BASE TABLE"), textValue("StarRocks"), null, textValue("NULL"),
		intValue(int64(n)), null, null, null, null, null, null, created, created, null, textValue("utf8_general_ci"), null, textValue(""), textValue(t.comment)}
}

func informationConfig(t *table) []value {
	var keys []string
	for _, c := range t.keyColumns() {
		keys = append(keys, c.name)
	}
	primary, model, distribution := quoteNames(keys), "PRIMARY_KEYS", "HASH"
	if t.model == duplicateKeys {
		primary, model = "", "DUP_KEYS"
	}
	if t.random {
		distribution = "RANDOM"
	}
	sort := quoteNames(keys)
	if len(t.orderBy) > 0 {
		sort = quoteNames(t.orderBy)
	}
	properties, err := json.Marshal(t.properties)
	if err != nil {
		properties = nil
	}
	return []value{textValue(t.db.name), textValue(t.name), textValue("OLAP"), textValue(model), textValue(primary), textValue(""), textValue(quoteNames(t.distribution)),
		textValue(distribution), textValue(strconv.Itoa(t.buckets)), textValue(sort), textValue(string(properties)), intValue(t.id)}
}

func informationColumn(t *table, c *column, position int) []value {
	data, full := c.typ.informationType()
	isKey, nullable := "", "NO"
	switch {
	case c.key && t.model == primaryKeys:
		isKey = "PRI"
	case c.key:
		isKey = "DUP"
	}
	if c.nullable {
		nullable = "YES"
	}
	def, extra := null, ""
	switch {
	case c.def.function != "":
		def, extra = textValue(c.def.function), "DEFAULT_GENERATED"
	case c.def.set:
		def = textValue(c.def.text)
	}
	length, octets, precision, scale, size, digits := null, null, null, null, null, null
	if c.typ.length > 0 {
		length, octets = intValue(int64(c.typ.length)), intValue(int64(c.typ.length)*3)
	}
	if s, ok := c.typ.columnSize(); ok {
		n, _ := strconv.ParseInt(s, 10, 64)
		size = intValue(n)
		if c.typ.length == 0 {
			precision = size
		}
	}
	if c.typ.kind == tDecimal || c.typ.isInteger() {
		scale = intValue(int64(c.typ.scale))
		digits = scale
	}
	return []value{null, textValue(t.db.name), textValue(t.name), textValue(c.name), intValue(int64(position)), def, textValue(nullable), textValue(data), length, octets,
		precision, scale, null, null, null, textValue(full), textValue(isKey), textValue(extra), textValue(""), textValue(c.comment), size, digits, textValue(""), null}
}

var loadStates = map[txnState]string{txnPrepare: "LOADING", txnPrepared: "PREPARED", txnCommitted: "COMMITTED", txnVisible: "FINISHED", txnAborted: "CANCELLED"}

func (ss *session) loadRows(db *database) [][]value {
	var rows [][]value
	for _, tx := range db.labels.list() {
		for _, name := range tx.tableNames() {
			if t := db.tables[name]; t != nil && ss.account().anyOnTable(t) {
				rows = append(rows, loadRow(db, tx, name))
			}
		}
	}
	return rows
}

func loadRow(db *database, tx transaction, table string) []value {
	properties, tracking := "{}", null
	if tx.properties != "" {
		properties = tx.properties
	}
	if tx.log != "" {
		tracking = textValue(trackingSQL(tx.id))
	}
	return []value{intValue(tx.id), textValue(tx.label), null, textValue(db.name), textValue(table), textValue(tx.user), textValue("default_warehouse"),
		textValue(loadStates[tx.state]), textValue(tx.progress()), textValue(tx.kind), textValue("NORMAL"), intValue(tx.counts.total), intValue(tx.counts.bytes),
		intValue(tx.counts.filtered), intValue(tx.counts.unselected), intValue(tx.counts.loaded), textValue("{}"), moment(tx.begun), moment(tx.begun), moment(tx.committed),
		moment(tx.ended), textValue(properties), textValue(tx.reason), tracking, null, intValue(tx.id)}
}
