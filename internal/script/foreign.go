package script

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"starferry/internal/diag"
)

const (
	useCTAS     = "a table is kept in step by CREATE TABLE … WITH (…) AS TABLE catalog.database.table /*+ OPTIONS (…) */"
	useExplain  = "'starferry explain SCRIPT' shows the tables, columns and options of a script, EXPLAIN CREATE TABLE … AS TABLE those of a statement"
	useShow     = "what is shown are CATALOGS, DATABASES, TABLES, COLUMNS, CREATE TABLE, CREATE CATALOG, CURRENT CATALOG and CURRENT DATABASE"
	noFunctions = "scripts use no functions or modules: remove it"
	useServers  = "run it in the client of MySQL or StarRocks"
	useCommand  = "a deployment is started by 'starferry run SCRIPT' and stopped by Ctrl-C or SIGTERM"
)

// foreignHeads are the first words of statements that Flink's clients or the
// servers know and a script here does not, and what to do instead.
var foreignHeads = map[string]string{
	"SELECT": useCTAS, "WITH": useCTAS, "VALUES": useCTAS, "INSERT": useCTAS, "UPDATE": useServers,
	"DELETE": useServers, "TRUNCATE": useServers, "REPLACE": useServers, "CALL": useServers, "GRANT": useServers,
	"REVOKE": useServers, "ANALYZE": useServers,
	"ALTER": "write the new options into CREATE CATALOG or the WITH clause; tables are altered in the client of their server",
	"LOAD":  noFunctions, "UNLOAD": noFunctions, "ADD": noFunctions, "REMOVE": noFunctions,
	"STOP": useCommand, "COMPILE": useExplain, "HELP": "'starferry help' lists the commands",
	"QUIT": "a script ends where its text ends: remove it", "EXIT": "a script ends where its text ends: remove it",
	"CLEAR": "remove it", "SOURCE": "run the other file's statements in this script",
}

// secondWords belong to the name of a statement when they follow its first word.
var secondWords = []string{
	"INTO", "OVERWRITE", "FROM", "TABLE", "TABLES", "DATABASE", "DATABASES", "CATALOG", "CATALOGS", "VIEW", "VIEWS",
	"FUNCTION", "FUNCTIONS", "COLUMNS", "CREATE", "CURRENT", "MODULE", "MODULES", "FULL", "JAR", "JARS", "JOB", "JOBS",
	"PLAN", "IMMEDIATE", "INSERT", "SELECT", "USER", "ROLE",
}

// dispatch reads the statement at hand, without its semicolon.
func (p *parser) dispatch() (Statement, bool) {
	t := p.peek()
	if t.kind != word {
		return nil, p.unexpected("a statement", "")
	}
	head := strings.ToUpper(t.text)
	if instead, ok := foreignHeads[head]; ok {
		p.take()
		return p.foreignNamed(t, instead)
	}
	if !slices.Contains(heads, head) {
		if head = diag.Nearest(t.text, heads); head == "" {
			return p.unknownStatement(t)
		}
		p.report(CodeMisspelledKeyword, t.at, fmt.Sprintf("'%s' begins no statement", t.text), "did you mean "+head+"?", "write "+head+".")
	}
	p.take()
	switch head {
	case "SHOW":
		return p.show(t)
	case "DESCRIBE", "DESC":
		return p.describe(t)
	case "EXPLAIN":
		return p.explain(t)
	case "CREATE":
		return p.create()
	case "DROP":
		if p.accept("CATALOG") || p.misspelled("CATALOG") != "" {
			return p.dropCatalog()
		}
		return p.foreignNamed(t, "only catalogs are dropped by a script (DROP CATALOG name); "+useServers)
	case "USE":
		return p.use()
	case "SET":
		return p.setOption()
	case "RESET":
		return p.reset()
	case "BEGIN":
		return p.beginSet(false)
	case "EXECUTE":
		if next := p.peek(); next.is("PLAN") || next.is("IMMEDIATE") || next.is("INSERT") || next.is("SELECT") {
			return p.foreignNamed(t, useCTAS)
		}
		return p.beginSet(true)
	default:
		return p.endSet()
	}
}

// foreignNamed refuses a statement by its first word, or two when both are names of
// the statement.
func (p *parser) foreignNamed(head token, instead string) (Statement, bool) {
	name := strings.ToUpper(head.text)
	if second := p.peek(); second.kind == word && slices.Contains(secondWords, strings.ToUpper(second.text)) {
		name += " " + strings.ToUpper(second.text)
	}
	return p.foreign(name, instead)
}

// foreign reports a statement that is not run and skips it.
func (p *parser) foreign(name, instead string) (Statement, bool) {
	p.report(CodeForeignStatement, p.tokens[p.start].at, name+" is a statement starferry does not run", "", instead+".")
	p.skipToSemicolon()
	return nil, true
}

func (p *parser) foreignCreate() (Statement, bool) {
	name := "CREATE"
	for i := 0; i < 3 && p.peek().kind == word; i++ {
		t := p.take()
		name += " " + strings.ToUpper(t.text)
		if t.is("TABLE") || t.is("VIEW") || t.is("FUNCTION") || t.is("USER") || t.is("ROLE") || t.is("INDEX") {
			break
		}
	}
	instead := useServers
	if strings.HasSuffix(name, "TABLE") || strings.HasSuffix(name, "VIEW") {
		instead = useCTAS
	}
	return p.foreign(name, instead)
}

func (p *parser) otherCreateTable(how, instead string) (Statement, bool) {
	p.report(CodeOtherCreateTable, p.peekOrBehind(), "CREATE TABLE "+how+" is a Flink statement starferry does not run", "", instead+".")
	p.skipToSemicolon()
	return nil, true
}

func (p *parser) otherCreateDatabase() (Statement, bool) {
	p.report(CodeOtherCreateDB, p.peekOrBehind(), "CREATE DATABASE without AS DATABASE is a Flink statement starferry does not run", "",
		"create the database in StarRocks' client, or say where its tables come from: AS DATABASE catalog.database.")
	return nil, true
}

func (p *parser) peekOrBehind() diag.Span {
	if t := p.peek(); t.kind != endOfFile && !t.is(";") {
		return t.at
	}
	return p.behind()
}

func (p *parser) unknownStatement(t token) (Statement, bool) {
	if head := diag.Nearest(t.text, slices.Sorted(maps.Keys(foreignHeads))); head != "" {
		p.take()
		return p.foreign(head, foreignHeads[head])
	}
	p.report(CodeUnknownStatement, t.at, fmt.Sprintf("no statement begins with %s", t.describe()), "",
		"docs/sql.md lists the statements of a script.")
	p.skipToSemicolon()
	return nil, true
}
