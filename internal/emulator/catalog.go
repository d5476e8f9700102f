package emulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// catalog holds every database, table and user. mu guards the maps and the schemas;
// the rows of a table have a lock of their own, taken after mu, never before it.
type catalog struct {
	mu        sync.RWMutex
	nextID    int64
	databases map[string]*database
	users     map[string]*user
}

type database struct {
	id     int64
	name   string
	tables map[string]*table
	labels *labelBook
	alters []*alterJob // schema changes, oldest first
}

type tableModel uint8

const (
	primaryKeys tableModel = iota
	duplicateKeys
)

// column is a column of the schema in force. id is never used again after a drop, so a
// row written under an older schema can still be read.
type column struct {
	id       int
	name     string
	typ      dataType
	key      bool
	nullable bool
	def      columnDefault
	comment  string
	auto     bool // AUTO_INCREMENT

	identity string  // the name the column was made with; RENAME COLUMN leaves it
	fill     *string // what rows older than the column read, when that is not its default
}

// columnDefault is the DEFAULT clause.
type columnDefault struct {
	set      bool
	text     string // the literal
	function string // defaultNow, "uuid()" or "uuid_numeric()"
}

const defaultNow = "CURRENT_TIMESTAMP"

type table struct {
	id           int64
	db           *database
	name         string
	model        tableModel
	columns      []*column
	nextColumnID int
	comment      string
	partition    string // text of the PARTITION BY clause
	distribution []string
	random       bool
	buckets      int // 0 when automatic
	orderBy      []string
	properties   map[string]string
	created      time.Time
	store        *tableStore
	alter        *alterJob // under way; the table is in state SCHEMA_CHANGE
}

func newCatalog() *catalog {
	return &catalog{nextID: 10001, databases: map[string]*database{}, users: map[string]*user{}}
}

func (c *catalog) newID() int64 {
	c.nextID++
	return c.nextID
}

// database finds a database; the caller holds mu.
func (c *catalog) database(name string) (*database, error) {
	if name == "" {
		return nil, errNoDatabase()
	}
	if db := c.databases[name]; db != nil {
		return db, nil
	}
	return nil, errUnknownDatabase(name)
}

func (c *catalog) table(n tableName) (*table, error) {
	db, err := c.database(n.db)
	if err != nil {
		return nil, err
	}
	if t := db.tables[n.table]; t != nil {
		return t, nil
	}
	return nil, errUnknownTable(n.db, n.table)
}

func (t *table) column(name string) *column {
	for _, c := range t.columns {
		if strings.EqualFold(c.name, name) {
			return c
		}
	}
	return nil
}

func (t *table) keyColumns() []*column {
	n := 0
	for n < len(t.columns) && t.columns[n].key {
		n++
	}
	return t.columns[:n]
}

func sortedNames[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

func quoteName(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }

func quoteNames(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quoteName(n)
	}
	return strings.Join(quoted, ", ")
}

func quoteText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// definition is the column as SHOW CREATE TABLE and messages print it.
func (c *column) definition() string {
	text := quoteName(c.name) + " " + c.typ.shown()
	if c.nullable {
		text += " NULL"
	} else {
		text += " NOT NULL"
	}
	switch {
	case c.auto:
		text += " AUTO_INCREMENT"
	case c.def.function == defaultNow:
		text += " DEFAULT " + c.def.function
	case c.def.function != "":
		text += " DEFAULT (" + c.def.function + ")"
	case c.def.set:
		text += " DEFAULT " + quoteText(c.def.text)
	}
	return text + " COMMENT " + quoteText(c.comment)
}

// createStatement is the text of SHOW CREATE TABLE, blanks included.
func (t *table) createStatement() string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE %s (\n", quoteName(t.name))
	for i, c := range t.columns {
		b.WriteString("  " + c.definition())
		if i < len(t.columns)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString(") ENGINE=OLAP \n")
	var keys []string
	for _, c := range t.keyColumns() {
		keys = append(keys, c.name)
	}
	model := "PRIMARY"
	if t.model == duplicateKeys {
		model = "DUPLICATE"
	}
	fmt.Fprintf(&b, "%s KEY(%s)\n", model, quoteNames(keys))
	if t.comment != "" {
		fmt.Fprintf(&b, "COMMENT %s\n", quoteText(t.comment))
	}
	if t.partition != "" {
		b.WriteString(t.partition + "\n")
	}
	b.WriteString("DISTRIBUTED BY ")
	if t.random {
		b.WriteString("RANDOM")
	} else {
		fmt.Fprintf(&b, "HASH(%s)", quoteNames(t.distribution))
	}
	if t.buckets > 0 {
		fmt.Fprintf(&b, " BUCKETS %d", t.buckets)
	}
	b.WriteString(" \n")
	if len(t.orderBy) > 0 {
		fmt.Fprintf(&b, "ORDER BY(%s)\n", quoteNames(t.orderBy))
	}
	b.WriteString("PROPERTIES (\n")
	names := sortedNames(t.properties)
	for i, k := range names {
		fmt.Fprintf(&b, "%s = %s", quoteText(k), quoteText(t.properties[k]))
		if i < len(names)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString(");")
	return b.String()
}
