package emulator

import (
	"crypto/sha1"
	"fmt"
	"slices"
	"strings"
)

// user is an account 'name'@'%'. Privileges are held by object id, so a table that is
// dropped and created again has lost its grants.
type user struct {
	name   string
	hash   []byte // SHA1(SHA1(password)), nil for an empty password
	admin  bool
	grants []grant
}

// grant is one privilege on one object. db 0 means every database, table 0 every table.
type grant struct {
	privilege string
	object    string // SYSTEM, CATALOG, DATABASE, TABLE
	db, table int64
}

func passwordHash(password string) []byte {
	if password == "" {
		return nil
	}
	once := sha1.Sum([]byte(password))
	twice := sha1.Sum(once[:])
	return twice[:]
}

// matchesPassword checks a clear-text password, as HTTP Basic sends it.
func (u *user) matchesPassword(password string) bool {
	return slices.Equal(u.hash, passwordHash(password))
}

// matchesScramble checks a mysql_native_password answer.
func (u *user) matchesScramble(salt, answer []byte) bool {
	if u.hash == nil || len(answer) == 0 {
		return u.hash == nil && len(answer) == 0
	}
	if len(answer) != sha1.Size {
		return false
	}
	h := sha1.New()
	h.Write(salt)
	h.Write(u.hash)
	once := h.Sum(nil)
	for i := range once {
		once[i] ^= answer[i]
	}
	twice := sha1.Sum(once)
	return slices.Equal(twice[:], u.hash)
}

func identity(name string) string { return "'" + name + "'@'%'" }

// privileges that exist on each kind of object.
var privilegesOf = map[string][]string{
	"TABLE":    {"SELECT", "INSERT", "UPDATE", "DELETE", "ALTER", "DROP", "EXPORT", "REFRESH"},
	"DATABASE": {"CREATE TABLE", "CREATE VIEW", "CREATE FUNCTION", "CREATE MATERIALIZED VIEW", "ALTER", "DROP"},
	"CATALOG":  {"USAGE", "CREATE DATABASE", "DROP", "ALTER"},
	"SYSTEM":   {"GRANT", "NODE", "OPERATE", "CREATE RESOURCE", "PLUGIN", "FILE", "BLACKLIST", "REPOSITORY", "CREATE EXTERNAL CATALOG"},
}

func (u *user) has(privilege, object string, db, table int64) bool {
	if u == nil {
		return false
	}
	return u.admin || slices.ContainsFunc(u.grants, func(g grant) bool {
		return g.object == object && g.privilege == privilege && (g.db == 0 || g.db == db) && (g.table == 0 || g.table == table)
	})
}

func (u *user) hasOnTable(privilege string, t *table) bool {
	return u.has(privilege, "TABLE", t.db.id, t.id)
}

// anyOnTable is what SHOW and DESC ask for.
func (u *user) anyOnTable(t *table) bool {
	return u.admin || slices.ContainsFunc(u.grants, func(g grant) bool {
		return g.object == "TABLE" && (g.db == 0 || g.db == t.db.id) && (g.table == 0 || g.table == t.id)
	})
}

// anyInDatabase is what USE asks for: a privilege on the database or on a table of it.
func (u *user) anyInDatabase(db *database) bool {
	return u.admin || slices.ContainsFunc(u.grants, func(g grant) bool {
		return (g.object == "TABLE" || g.object == "DATABASE") && (g.db == 0 || g.db == db.id)
	})
}

// grantStmt is GRANT or REVOKE.
type grantStmt struct {
	revoke     bool
	privileges []string
	object     string
	all        bool // ON ALL …
	names      []tableName
	user       string
}

func (p *parser) grantStatement() statement {
	st := grantStmt{revoke: p.next().upper == "REVOKE"}
	for {
		var words []string
		for p.peek().kind == tokWord && !p.isWord("ON") && !p.isWord("TO") && !p.isWord("FROM") {
			words = append(words, p.next().upper)
		}
		if len(words) == 0 {
			p.fail()
			return st
		}
		st.privileges = append(st.privileges, strings.Join(words, " "))
		if !p.acceptOp(",") {
			break
		}
	}
	if !p.isWord("ON") {
		p.refuse("roles")
		return st
	}
	p.expect("ON")
	p.grantObject(&st)
	if st.revoke {
		p.expect("FROM")
	} else {
		p.expect("TO")
	}
	if p.isWord("ROLE") {
		p.refuse("roles")
	}
	p.accept("USER")
	st.user = p.userIdentity()
	if p.accept("WITH", "GRANT", "OPTION") {
		p.refuse("WITH GRANT OPTION")
	}
	return st
}

var plurals = map[string]string{"TABLES": "TABLE", "DATABASES": "DATABASE", "CATALOGS": "CATALOG"}

func (p *parser) grantObject(st *grantStmt) {
	st.all = p.accept("ALL")
	word := p.peek().upper
	if st.all {
		p.next()
		st.object = plurals[word]
		switch {
		case st.object == "":
			p.fail()
		case st.object == "TABLE" && p.accept("IN", "ALL", "DATABASES"):
			st.names = []tableName{{}}
		case st.object == "TABLE":
			p.expect("IN", "DATABASE")
			st.names = []tableName{{db: p.databaseName()}}
		default:
			st.names = []tableName{{}}
		}
		return
	}
	switch word {
	case "SYSTEM":
		p.next()
		st.object, st.names = "SYSTEM", []tableName{{}}
		return
	case "CATALOG", "DATABASE", "TABLE":
		p.next()
		st.object = word
	default:
		st.object = "TABLE" // the short form ON db.*
	}
	for {
		st.names = append(st.names, p.grantName(st))
		if !p.acceptOp(",") {
			return
		}
	}
}

func (p *parser) grantName(st *grantStmt) tableName {
	switch st.object {
	case "CATALOG":
		if name := p.ident(); p.err == nil && name != "default_catalog" {
			p.setErr(analysisError("cannot find catalog: %s", name))
		}
		return tableName{}
	case "DATABASE":
		return tableName{db: p.databaseName()}
	}
	if p.acceptOp("*") {
		if p.acceptOp(".") {
			p.expectOp("*")
		}
		st.all = true
		return tableName{}
	}
	first := p.ident()
	if !p.acceptOp(".") {
		return tableName{table: first}
	}
	if p.acceptOp("*") {
		st.all = true
		return tableName{db: first}
	}
	return tableName{db: first, table: p.ident()}
}

// userIdentity takes 'u', u, 'u'@'%' or u@'host'; only the host % exists here.
func (p *parser) userIdentity() string {
	name := p.identOrString()
	if p.acceptOp("@") {
		if host := p.identOrString(); p.err == nil && host != "%" {
			p.refuse("accounts limited to a host")
		}
	}
	return name
}

// runGrant changes the grants of a user.
func (s *session) runGrant(st grantStmt) error {
	if !s.can("GRANT", "SYSTEM", 0, 0) {
		return errDenied("GRANT", "SYSTEM")
	}
	c := s.server.catalog
	u := c.users[st.user]
	if u == nil {
		return analysisError("cannot find user %s!", identity(st.user))
	}
	var expanded []string
	for _, name := range st.privileges {
		switch {
		case name == "ALL" || name == "ALL PRIVILEGES":
			expanded = append(expanded, privilegesOf[st.object]...)
		case slices.Contains(privilegesOf[st.object], name):
			expanded = append(expanded, name)
		default:
			return analysisError("cannot find privilege %s on %s", name, st.object)
		}
	}
	for _, name := range st.names {
		db, table, err := s.grantTarget(st, name)
		if err != nil {
			return err
		}
		for _, privilege := range expanded {
			u.change(grant{privilege: privilege, object: st.object, db: db, table: table}, st.revoke)
		}
	}
	return nil
}

func (s *session) grantTarget(st grantStmt, name tableName) (dbID, tableID int64, err error) {
	if st.object != "TABLE" && st.object != "DATABASE" || name == (tableName{}) && st.all {
		return 0, 0, nil
	}
	if name.db == "" {
		name.db = s.db
	}
	db, err := s.server.catalog.database(name.db)
	if err != nil {
		return 0, 0, analysisError("cannot find db: %s", name.db)
	}
	if st.object == "DATABASE" || st.all {
		return db.id, 0, nil
	}
	t := db.tables[name.table]
	if t == nil {
		return 0, 0, analysisError("cannot find table %s in db %s", name.table, name.db)
	}
	return db.id, t.id, nil
}

func (u *user) change(g grant, revoke bool) {
	at := slices.Index(u.grants, g)
	switch {
	case revoke && at >= 0:
		u.grants = slices.Delete(u.grants, at, at+1)
	case !revoke && at < 0:
		u.grants = append(u.grants, g)
	}
}

// grantRows is SHOW GRANTS: the privileges of one object on one line.
func (c *catalog) grantRows(u *user) [][]value {
	var rows [][]value
	if u.admin {
		return [][]value{{textValue(identity(u.name)), null, textValue(fmt.Sprintf("GRANT 'root' TO %s", identity(u.name)))}}
	}
	var order []string
	lines := map[string][]string{}
	for _, g := range u.grants {
		object, ok := c.grantObjectName(g)
		if !ok {
			continue
		}
		if lines[object] == nil {
			order = append(order, object)
		}
		lines[object] = append(lines[object], g.privilege)
	}
	for _, object := range order {
		catalogName := textValue("default_catalog")
		if object == "SYSTEM" {
			catalogName = null
		}
		text := fmt.Sprintf("GRANT %s ON %s TO USER %s", strings.Join(lines[object], ", "), object, identity(u.name))
		rows = append(rows, []value{textValue(identity(u.name)), catalogName, textValue(text)})
	}
	return rows
}

// grantObjectName names the object of a grant; ok is false when it was dropped.
func (c *catalog) grantObjectName(g grant) (name string, ok bool) {
	switch {
	case g.object == "SYSTEM":
		return "SYSTEM", true
	case g.object == "CATALOG":
		return "CATALOG default_catalog", true
	case g.db == 0:
		if g.object == "DATABASE" {
			return "ALL DATABASES", true
		}
		return "ALL TABLES IN ALL DATABASES", true
	}
	for _, db := range c.databases {
		if db.id != g.db {
			continue
		}
		switch {
		case g.object == "DATABASE":
			return "DATABASE " + db.name, true
		case g.table == 0:
			return "ALL TABLES IN DATABASE " + db.name, true
		}
		for _, t := range db.tables {
			if t.id == g.table {
				return "TABLE " + db.name + "." + t.name, true
			}
		}
	}
	return "", false
}
