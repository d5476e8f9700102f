package emulator

import (
	"crypto/sha1"
	"encoding/hex"
	"strings"
)

type (
	createDatabaseStmt struct {
		name        string
		ifNotExists bool
	}
	dropDatabaseStmt struct {
		name            string
		ifExists, force bool
	}
	columnDef struct {
		name       string
		typ        dataType
		key        bool
		null       nullability
		def        columnDefault
		badDefault string // an expression that no DEFAULT may be
		comment    string

		autoIncrement bool
		generated     string // the expression of a generated column
	}
	createTableStmt struct {
		name        tableName
		ifNotExists bool
		like        tableName
		columns     []columnDef
		engine      string
		model       tableModel
		keys        []string
		keysGiven   bool
		comment     string
		partition   string
		partitionBy []string
		distribution
		orderBy    []string
		properties map[string]string
	}
	distribution struct {
		columns []string
		random  bool
		given   bool
		buckets int
	}
	dropTableStmt struct {
		name            tableName
		ifExists, force bool
	}
	truncateStmt   struct{ name tableName }
	createUserStmt struct {
		name        string
		hash        []byte // nil: no password
		ifNotExists bool
		alter       bool
	}
	dropUserStmt struct {
		name     string
		ifExists bool
	}
)

type nullability uint8

const (
	nullUnsaid nullability = iota
	nullAllowed
	nullForbidden
)

func (p *parser) ddlStatement() statement {
	switch {
	case p.accept("CREATE", "DATABASE"), p.accept("CREATE", "SCHEMA"):
		st := createDatabaseStmt{ifNotExists: p.accept("IF", "NOT", "EXISTS")}
		st.name = p.databaseName()
		if p.accept("PROPERTIES") {
			p.properties()
		}
		return st
	case p.accept("DROP", "DATABASE"), p.accept("DROP", "SCHEMA"):
		st := dropDatabaseStmt{ifExists: p.accept("IF", "EXISTS")}
		st.name = p.databaseName()
		st.force = p.accept("FORCE")
		return st
	case p.accept("CREATE", "TABLE"):
		return p.createTable()
	case p.accept("DROP", "TABLE"):
		st := dropTableStmt{ifExists: p.accept("IF", "EXISTS")}
		st.name = p.tableName()
		st.force = p.accept("FORCE")
		return st
	case p.accept("TRUNCATE", "TABLE"):
		st := truncateStmt{name: p.tableName()}
		if p.isWord("PARTITION") {
			p.refuse("TRUNCATE of a partition")
		}
		return st
	case p.accept("ALTER", "TABLE"):
		return p.alterTable()
	case p.accept("CREATE", "USER"), p.accept("ALTER", "USER"):
		return p.createUser(p.toks[p.i-2].upper == "ALTER")
	case p.accept("DROP", "USER"):
		st := dropUserStmt{ifExists: p.accept("IF", "EXISTS")}
		st.name = p.userIdentity()
		return st
	}
	verb := p.next()
	what := p.peek()
	switch what.upper {
	case "EXTERNAL", "TEMPORARY", "VIEW", "MATERIALIZED", "ROLE", "CATALOG", "FUNCTION", "INDEX", "RESOURCE", "DATABASE", "WAREHOUSE", "PIPE", "ROUTINE", "STORAGE":
		p.refuse(verb.upper + " " + what.upper)
	default:
		p.failAt(what)
	}
	return nil
}

func (p *parser) createUser(alter bool) statement {
	st := createUserStmt{alter: alter}
	if !alter {
		st.ifNotExists = p.accept("IF", "NOT", "EXISTS")
	} else {
		p.accept("IF", "EXISTS")
	}
	st.name = p.userIdentity()
	if p.accept("IDENTIFIED") {
		if p.accept("WITH") {
			if plugin := p.identOrString(); p.err == nil && !strings.EqualFold(plugin, "mysql_native_password") {
				p.setErr(analysisError("Cannot find %s from", plugin))
			}
		}
		p.expect("BY")
		if p.accept("PASSWORD") {
			st.hash = p.passwordHex()
		} else {
			st.hash = passwordHash(p.expectString())
		}
	}
	if p.isWord("DEFAULT") {
		p.refuse("roles")
	}
	return st
}

// passwordHex takes the printed form of a hash: a star and 40 hex digits.
func (p *parser) passwordHex() []byte {
	text := p.expectString()
	if text == "" {
		return nil
	}
	hash, err := hex.DecodeString(strings.TrimPrefix(text, "*"))
	if err != nil || len(hash) != sha1.Size {
		p.setErr(codedAnalysisError(1372, "HY000", "Password hash should be a %d-digit hexadecimal number", 2*sha1.Size+1))
	}
	return hash
}

// text is the statement with the hash in place of the password, for the journal.
func (st createUserStmt) text() string {
	verb := "CREATE USER IF NOT EXISTS "
	if st.alter {
		verb = "ALTER USER "
	}
	hash := ""
	if st.hash != nil {
		hash = "*" + hex.EncodeToString(st.hash)
	}
	return verb + quoteText(st.name) + " IDENTIFIED BY PASSWORD " + quoteText(hash)
}

func (p *parser) createTable() statement {
	st := createTableStmt{ifNotExists: p.accept("IF", "NOT", "EXISTS")}
	st.name = p.tableName()
	if p.accept("LIKE") {
		st.like = p.tableName()
		return st
	}
	if p.isWord("AS") {
		p.refuse("CREATE TABLE AS")
	}
	p.expectOp("(")
	for {
		if p.isWord("INDEX") {
			p.refuse("indexes")
		}
		st.columns = append(st.columns, p.columnDef())
		if !p.acceptOp(",") {
			break
		}
	}
	p.expectOp(")")
	// The clauses come in this order and no other.
	if p.accept("ENGINE") {
		p.acceptOp("=")
		st.engine = p.identOrString()
	}
	if p.accept("DEFAULT", "CHARSET") || p.accept("CHARSET") {
		p.acceptOp("=")
		p.identOrString()
	}
	switch {
	case p.accept("PRIMARY", "KEY"):
		st.model, st.keysGiven, st.keys = primaryKeys, true, p.identList()
	case p.accept("DUPLICATE", "KEY"):
		st.model, st.keysGiven, st.keys = duplicateKeys, true, p.identList()
	case p.isWord("UNIQUE"), p.isWord("AGGREGATE"):
		p.refuse(p.peek().upper + " KEY tables")
	default:
		st.model = duplicateKeys
	}
	if p.accept("COMMENT") {
		st.comment = p.expectString()
	}
	if p.isWord("PARTITION") {
		p.partitionBy(&st)
	}
	if p.accept("DISTRIBUTED", "BY") {
		st.distribution = p.distribution()
	}
	if p.accept("ORDER", "BY") {
		st.orderBy = p.identList()
	}
	if p.isWord("ROLLUP") {
		p.refuse("ROLLUP")
	}
	if p.accept("PROPERTIES") {
		st.properties = p.properties()
	}
	return st
}

func (p *parser) distribution() distribution {
	d := distribution{given: true}
	if p.accept("RANDOM") {
		d.random = true
	} else {
		p.expect("HASH")
		d.columns = p.identList()
	}
	if p.accept("BUCKETS") {
		d.buckets = p.expectInt()
		if d.buckets <= 0 && p.err == nil {
			p.setErr(analysisError("Number of hash distribution is zero"))
		}
	}
	return d
}

// partitionBy keeps the text of the clause: it changes nothing about what a load or a
// query sees here.
func (p *parser) partitionBy(st *createTableStmt) {
	from := p.peek().start
	p.expect("PARTITION", "BY")
	p.accept("RANGE")
	p.accept("LIST")
	depth, end, first := 0, from, p.i
	for p.err == nil && p.peek().kind != tokEnd {
		if depth == 0 && (p.isWord("DISTRIBUTED") || p.isWord("ORDER") || p.isWord("PROPERTIES")) {
			break
		}
		t := p.next()
		switch {
		case t.kind == tokOp && t.text == "(":
			depth++
		case t.kind == tokOp && t.text == ")":
			if depth--; depth < 0 {
				p.failAt(t)
			}
		case depth == 1 && (t.kind == tokQuoted || t.kind == tokWord):
			st.partitionBy = append(st.partitionBy, t.text)
		}
		end = t.end
	}
	if p.err == nil && (depth > 0 || p.i == first) {
		p.fail()
	}
	st.partition = p.src[from:end]
}

func (p *parser) columnDef() columnDef {
	d := columnDef{name: p.ident()}
	d.typ = p.parseType()
	if p.accept("CHARSET") {
		p.identOrString()
	}
	d.key = p.accept("KEY")
	switch p.peek().upper {
	case "SUM", "MAX", "MIN", "REPLACE", "HLL_UNION", "BITMAP_UNION":
		p.refuse("aggregate columns")
	}
	switch {
	case p.accept("NOT", "NULL"):
		d.null = nullForbidden
	case p.accept("NULL"):
		d.null = nullAllowed
	}
	switch {
	case p.accept("DEFAULT"):
		p.defaultClause(&d)
	case p.accept("AUTO_INCREMENT"):
		d.autoIncrement = true
	case p.accept("AS"):
		from := p.i
		p.expr()
		if p.err == nil {
			d.generated = p.src[p.toks[from].start:p.toks[p.i-1].end]
		}
	}
	if p.accept("COMMENT") {
		d.comment = p.expectString()
	}
	return d
}

func (p *parser) defaultClause(d *columnDef) {
	t := p.peek()
	switch {
	case t.kind == tokString:
		p.next()
		d.def = columnDefault{set: true, text: t.text}
	case p.accept("NULL"):
		if d.null == nullForbidden {
			d.badDefault = "NULL"
		}
	case p.accept("CURRENT_TIMESTAMP"):
		if p.acceptOp("(") {
			p.expectInt()
			p.expectOp(")")
		}
		d.def = columnDefault{function: defaultNow}
	case p.isOp("("):
		p.next()
		name := p.ident()
		p.expectOp("(")
		p.expectOp(")")
		p.expectOp(")")
		switch strings.ToLower(name) + "()" {
		case "now()":
			d.def = columnDefault{function: defaultNow}
		case defaultUUID, defaultUUIDNumber:
			d.def = columnDefault{function: strings.ToLower(name) + "()"}
		default:
			d.badDefault = name + "()"
		}
	default:
		from := p.i
		p.sum()
		if p.err == nil {
			d.badDefault = p.src[p.toks[from].start:p.toks[p.i-1].end]
		}
	}
}
