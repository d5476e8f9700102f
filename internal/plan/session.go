package plan

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"starferry/internal/diag"
	"starferry/internal/script"
)

// Session is what names mean behind the last statement of a script.
type Session struct {
	Catalogs []Catalog
	// Current is the current catalog's name, Database the current database; "" for none.
	Current, Database string
}

// Catalog is a catalog as it was created.
type Catalog struct {
	Name, Kind string   // mysql, starrocks
	Hosts      []string // host:port where SQL is spoken
	User       string
	Password   diag.Secret
	TLS        string
	Database   string // its own
	// Options are those that were written; what is secret is masked.
	Options []OptionInForce
}

// Look reads the catalogs and the USE statements of a script, and nothing else.
func Look(s *script.Script) (*Session, []diag.Finding) {
	c := newCompiler(s, "")
	for _, st := range s.Statements {
		switch st.(type) {
		case *script.CreateCatalog, *script.DropCatalog, *script.UseCatalog, *script.Use, *script.Set, *script.Reset:
			c.statement(st)
		}
	}
	session := &Session{Database: c.database}
	if c.current != nil && !c.current.absent {
		session.Current = c.current.name
		if session.Database == "" {
			session.Database = c.current.database
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.catalogs)) {
		if cat := c.catalogs[name]; cat.kind != kindUnknown && !cat.absent {
			session.Catalogs = append(session.Catalogs, cat.public())
		}
	}
	diag.Sort(c.findings)
	return session, c.findings
}

// Find finds a catalog, nil when there is none of that name.
func (s *Session) Find(name string) *Catalog {
	for i := range s.Catalogs {
		if s.Catalogs[i].Name == name {
			return &s.Catalogs[i]
		}
	}
	return nil
}

// public is the catalog for who asks its server.
func (cat *catalog) public() Catalog {
	options, where := layers{cat.options}, InMySQLCatalog
	if cat.kind == kindStarRocks {
		where = InStarRocksCatalog
	}
	say := func(key string) string {
		if find(key, where) == nil {
			return ""
		}
		return options.text(key, where)
	}
	public := Catalog{
		Name: cat.name, Kind: string(cat.kind), User: say("username"), Password: diag.NewSecret(say("password")),
		Database: cat.database, TLS: "preferred",
	}
	if cat.kind == kindMySQL {
		public.TLS = tlsOf(options)
		public.Hosts = []string{net.JoinHostPort(say("hostname"), strconv.FormatInt(options.number("port", where), 10))}
	} else {
		public.Hosts, _ = options.queryHosts()
	}
	for _, b := range cat.options.list {
		public.Options = append(public.Options, OptionInForce{Key: b.key, Value: shown(b), Origin: cat.options.origin})
	}
	return public
}

// Explained is a script whose statements are those that it has explained, if it has any:
// what EXPLAIN speaks of is not run.
func Explained(s *script.Script) *script.Script {
	var explained []script.Statement
	found := false
	for _, st := range s.Statements {
		switch st := st.(type) {
		case *script.Explain:
			found = true
			explained = append(explained, st.Statements...)
		case *script.CreateTableAs, *script.CreateDatabaseAs:
		default:
			explained = append(explained, st)
		}
	}
	if !found {
		return s
	}
	copied := *s
	copied.Statements = explained
	return &copied
}

// notRun says that a statement answers a question and does nothing.
func (c *compiler) notRun(st script.Statement) {
	at := st.Span()
	at.End = at.Start + strings.IndexAny(c.file.Text[at.Start:at.End]+" ", " \t\r\n;")
	word := strings.ToUpper(c.file.Text[at.Start:at.End])
	if _, ok := st.(*script.Explain); ok {
		c.warn(CodeNotRun, at, "the statement behind EXPLAIN is not run", "remove EXPLAIN to have it run; 'starferry explain SCRIPT' explains it.")
		return
	}
	c.info(CodeNotRun, at, fmt.Sprintf("%s has no answer in a script: 'starferry sql --script SCRIPT -e STATEMENT' gives one", word), "")
}
