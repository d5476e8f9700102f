package emulator

import (
	"strconv"
	"strings"
	"time"
)

func appendUint(n uint64) string { return strconv.FormatUint(n, 10) }

// execute runs the statements of a text one after another; the answer is the last one's.
func (ss *session) execute(src string) (outcome, error) {
	all, err := splitStatements(src)
	if err != nil {
		return outcome{}, err
	}
	if len(all) == 0 {
		return outcome{}, syntaxErrorAt(src, len(src), "<EOF>")
	}
	var out outcome
	for _, toks := range all {
		st, params, err := parseStatement(src, toks)
		if err != nil {
			return outcome{}, err
		}
		if params > 0 {
			return outcome{}, syntaxErrorAt(src, toks[0].start, "?")
		}
		if out, err = ss.run(st, src[toks[0].start:toks[len(toks)-1].start]); err != nil {
			return outcome{}, err
		}
	}
	return out, nil
}

// run executes one statement; src is its text, which the journal keeps.
func (ss *session) run(st statement, src string) (outcome, error) {
	switch st := st.(type) {
	case *selectStmt:
		rows, err := ss.runSelect(st, nil)
		return outcome{rows: rows}, err
	case insertStmt:
		return ss.runInsert(st)
	case deleteStmt:
		return ss.runDelete(st)
	case showStmt:
		rows, err := ss.runShow(st)
		return outcome{rows: rows}, err
	case useStmt:
		return outcome{}, ss.use(st.db)
	case setStmt:
		return outcome{}, ss.runSet(st)
	case setPasswordStmt:
		if st.user == "" {
			st.user = ss.user
		}
		return outcome{}, ss.change(createUserStmt{name: st.user, hash: passwordHash(st.password), alter: true}, src)
	case emptyStmt:
		return outcome{}, nil
	}
	return outcome{}, ss.change(st, src)
}

// change runs a statement that changes the catalog, alone, and writes it to the journal.
func (ss *session) change(st statement, src string) error {
	if !ss.replaying {
		ss.started = ss.server.cfg.Now()
	}
	c := ss.server.catalog
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	switch st := st.(type) {
	case createDatabaseStmt:
		err = ss.runCreateDatabase(st)
	case dropDatabaseStmt:
		err = ss.runDropDatabase(st)
	case createTableStmt:
		err = ss.runCreateTable(st)
	case dropTableStmt:
		err = ss.runDropTable(st)
	case truncateStmt:
		err = ss.runTruncate(st)
	case alterTableStmt:
		err = ss.runAlterTable(st)
	case cancelAlterStmt:
		err = ss.runCancelAlter(st)
	case createUserStmt:
		err = ss.runCreateUser(st)
		src = st.text()
	case dropUserStmt:
		err = ss.runDropUser(st)
	case grantStmt:
		err = ss.runGrant(st)
	default:
		err = notEmulated("this statement")
	}
	if err != nil || ss.replaying {
		return err
	}
	return ss.server.journal.statement(ss, src)
}

func (ss *session) qualify(n tableName) tableName {
	if n.db == "" {
		n.db = ss.db
	}
	return n
}

// can asks for a privilege; the caller holds the catalog's lock.
func (ss *session) can(privilege, object string, db, table int64) bool {
	return ss.replaying || ss.account().has(privilege, object, db, table)
}

func (ss *session) canTable(privilege string, t *table) bool {
	return ss.can(privilege, "TABLE", t.db.id, t.id)
}

// account is the session's user; one that was dropped meanwhile has no privileges.
func (ss *session) account() *user {
	if u := ss.server.catalog.users[ss.user]; u != nil {
		return u
	}
	return &user{name: ss.user}
}

func (ss *session) use(name string) error {
	name = strings.TrimPrefix(name, "default_catalog.")
	c := ss.server.catalog
	c.mu.RLock()
	defer c.mu.RUnlock()
	if !strings.EqualFold(name, "information_schema") {
		db, err := c.database(name)
		if err != nil {
			return err
		}
		if !ss.replaying && !ss.account().anyInDatabase(db) {
			return errDenied("ANY", "DATABASE "+name)
		}
	}
	ss.db = name
	return nil
}

func (ss *session) location() *time.Location {
	if loc, err := time.LoadLocation(ss.variableText("time_zone")); err == nil {
		return loc
	}
	return time.UTC
}

// relation opens a table for reading; rows are those visible now.
func (ss *session) relation(n tableName) (*relation, error) {
	n = ss.qualify(n)
	if strings.EqualFold(n.db, "information_schema") {
		return ss.informationSchema(n.table)
	}
	c := ss.server.catalog
	c.mu.RLock()
	defer c.mu.RUnlock()
	t, err := c.table(n)
	if err != nil {
		return nil, err
	}
	if !ss.canTable("SELECT", t) {
		return nil, errDenied("SELECT", "TABLE "+t.name)
	}
	rel := &relation{table: t, db: n.db, name: t.name, size: t.store.count()}
	for _, col := range t.columns {
		rel.columns = append(rel.columns, resultColumn{name: col.name, table: t.name, db: n.db, typ: col.typ, notNull: !col.nullable})
	}
	cols := t.columns
	rel.scan = func(yield func([]value) error) error {
		if rel.access != nil {
			cells := make([]value, len(cols))
			return t.store.readKeys(cols, rel.access, func(r storedRow, reader *rowReader) error {
				reader.needed = rel.needed
				rel.place = r.hash
				reader.cells(r.row, cells)
				return yield(cells)
			})
		}
		rows, reader := t.store.snapshot(cols, rel.order)
		cells := make([]value, len(cols))
		reader.needed = rel.needed
		for _, r := range rows {
			rel.place = r.hash
			reader.cells(r.row, cells)
			if err := yield(cells); err != nil {
				return err
			}
		}
		return nil
	}
	return rel, nil
}
