package cli

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"starferry/internal/deploy"
	"starferry/internal/diag"
	"starferry/internal/plan"
	"starferry/internal/script"
)

// session is a conversation of 'starferry sql': statements of ours, which know catalogs,
// and those that a server answers.
type session struct {
	*app
	flags  sqlFlags
	values *values
	// name is that of the text for findings. text is all that was said: statements of ours as
	// they stand, all else as blanks, so that findings point into what was written.
	name string
	text strings.Builder
	// prelude is how much of text is of --script.
	prelude int
	// set is a statement set that is not ended yet.
	set string
	// here is what names mean; nil while there is no catalog.
	here    *plan.Session
	servers map[string]*server
}

// server is a connection to a catalog's server, or to the one of --host.
type server struct {
	conn     *sql.Conn
	done     func()
	database string // the one of the last USE
}

func (s *session) close() {
	for _, server := range s.servers {
		server.done()
	}
}

// begin takes the catalogs of a script.
func (s *session) begin(path string) error {
	text, err := s.readFile(path)
	if err != nil {
		return err
	}
	file := scriptFile(path, text)
	parsed, findings := script.ParseWith(file, s.values)
	s.mask(parsed.Secrets)
	here, more := plan.Look(parsed)
	if findings = append(findings, more...); s.print(findings, 0) {
		return failed{}
	}
	kept := []byte(blanked(text))
	for _, st := range parsed.Statements {
		switch st.(type) {
		case *script.CreateCatalog, *script.DropCatalog, *script.UseCatalog, *script.Use, *script.Set, *script.Reset:
			at := st.Span()
			copy(kept[at.Start:], text[at.Start:at.End]+";")
		}
	}
	s.text.Write(kept)
	s.text.WriteString("\n")
	s.here, s.prelude = here, s.text.Len()
	return nil
}

// blanked is a text of blanks with the same lines and bytes.
func blanked(text string) string {
	blanks := []byte(text)
	for i := range blanks {
		if blanks[i] != '\n' {
			blanks[i] = ' '
		}
	}
	return string(blanks)
}

// print prints the findings from a place on, and tells whether there is an error.
func (s *session) print(findings []diag.Finding, from int) bool {
	findings = slices.DeleteFunc(findings, func(f diag.Finding) bool { return f.Span.Start < from || f.Severity == diag.Info })
	diag.Sort(findings)
	for _, f := range findings {
		s.say(f)
	}
	return diag.HasErrors(findings)
}

// say prints a finding, with its place in what was said behind the script.
func (s *session) say(f diag.Finding) {
	if f.Span.Start >= s.prelude {
		file := &diag.File{Name: f.File.Name, Text: f.File.Text[s.prelude:]}
		for _, h := range f.File.Hidden {
			if h.Start >= s.prelude {
				file.Hidden = append(file.Hidden, diag.Span{Start: h.Start - s.prelude, End: h.End - s.prelude})
			}
		}
		f.File, f.Span = file, diag.Span{Start: f.Span.Start - s.prelude, End: f.Span.End - s.prelude}
	}
	f.Print(s.Err)
}

// statement runs one statement, without its semicolon.
func (s *session) statement(ctx context.Context, text string) error {
	if s.set != "" || beginsSet.MatchString(withoutComments(text)) {
		s.set += text + ";"
		if !endsSet.MatchString(withoutComments(text)) {
			return nil
		}
		text, s.set = strings.TrimSuffix(s.set, ";"), ""
	}
	if isEmptyStatement(text) {
		s.text.WriteString(blanked(text) + " ")
		return nil
	}
	if !s.isOurs(text) {
		s.text.WriteString(blanked(text) + " ")
		return s.pass(ctx, text)
	}
	from, before := s.text.Len(), s.text.String()
	s.text.WriteString(text + ";")
	err := s.ours(ctx, from)
	if err != nil { // nothing that follows is to suffer from it
		s.text.Reset()
		s.text.WriteString(before + blanked(text) + " ")
	}
	return err
}

// end runs what was not ended.
func (s *session) end(ctx context.Context) error {
	if s.set == "" {
		return nil
	}
	text := s.set
	s.set = ""
	s.text.WriteString(text)
	return s.ours(ctx, s.text.Len()-len(text))
}

var (
	beginsSet   = regexp.MustCompile(`(?i)^((EXPLAIN(\s+PLAN\s+FOR)?\s+)?(EXECUTE\s+)?|BEGIN\s+)STATEMENT\s+SET\b`)
	endsSet     = regexp.MustCompile(`(?i)^(BEGIN\s+)?END\s*$`)
	alwaysOurs  = regexp.MustCompile(`(?i)^(CREATE\s+CATALOG|EXPLAIN\s+(CREATE|PLAN\s+FOR|STATEMENT|EXECUTE|ESTIMATED_COST|CHANGELOG_MODE|PLAN_ADVICE|JSON_EXECUTION_PLAN)|(BEGIN|EXECUTE)\s+STATEMENT)\b`)
	catalogOurs = regexp.MustCompile(`(?i)^(DROP\s+CATALOG|USE|SHOW\s+(CATALOGS|DATABASES|SCHEMAS|TABLES|COLUMNS|FIELDS|CREATE\s+(TABLE|CATALOG)|CURRENT\s+(CATALOG|DATABASE))|DESC|DESCRIBE|RESET)\b|^SET\s+'`)
	movesRows   = regexp.MustCompile(`(?is)^CREATE\s+(TABLE|DATABASE|SCHEMA)\b.*\bAS\s+(TABLE|DATABASE|SCHEMA)\b`)
)

// isOurs tells a statement that no server is sent.
func (s *session) isOurs(text string) bool {
	text = withoutComments(text)
	if alwaysOurs.MatchString(text) {
		return true
	}
	return s.here != nil && (catalogOurs.MatchString(text) || movesRows.MatchString(text))
}

// withoutComments is a statement without what stands before it.
func withoutComments(text string) string {
	for text != "" {
		switch rest := strings.TrimSpace(text); {
		case rest == "":
			return ""
		case isLineComment(rest), strings.HasPrefix(rest, "/*") && !strings.HasPrefix(rest, "/*!"):
			text = rest[skipElement(rest, 0):]
		default:
			return rest
		}
	}
	return ""
}

// ours runs the statement that begins at from.
func (s *session) ours(ctx context.Context, from int) error {
	file := scriptFile(s.name, s.text.String())
	parsed, findings := script.ParseWith(file, s.values)
	s.mask(parsed.Secrets)
	if s.print(findings, from) {
		return failed{}
	}
	at := slices.IndexFunc(parsed.Statements, func(st script.Statement) bool { return st.Span().Start >= from })
	if at < 0 {
		return nil
	}
	here, more := plan.Look(parsed)
	if s.print(more, from) {
		return failed{}
	}
	if len(here.Catalogs) > 0 || s.here != nil {
		s.here = here
	}
	switch st := parsed.Statements[at].(type) {
	case *script.Show:
		return s.show(ctx, file, st)
	case *script.Describe:
		return s.describe(ctx, file, st)
	case *script.Explain:
		return s.explainStatement(ctx, parsed, at, from)
	case *script.CreateTableAs, *script.CreateDatabaseAs, *script.BeginStatementSet:
		return &diag.Problem{Code: CodeNotHere, Class: diag.Refused, Message: "tables are kept in step by 'starferry run', not by 'starferry sql'",
			Fix: "write the statement into a script and run it: starferry run SCRIPT. EXPLAIN before it shows what it would do"}
	}
	fmt.Fprintln(s.Err, "OK")
	return nil
}

// explainStatement shows what a run of a statement would do.
func (s *session) explainStatement(ctx context.Context, parsed *script.Script, at, from int) error {
	asked := *parsed
	asked.Statements = slices.DeleteFunc(slices.Clone(parsed.Statements[:at+1]), func(st script.Statement) bool {
		_, isExplain := st.(*script.Explain)
		return isExplain && st != parsed.Statements[at] // it has had its answer
	})
	p, findings := plan.Compile(plan.Explained(&asked), "explained")
	if s.print(findings, from) {
		return failed{}
	}
	return deploy.Explain(ctx, p, false, s.Out)
}

// pass has a server answer a statement.
func (s *session) pass(ctx context.Context, text string) error {
	var catalog *plan.Catalog
	if s.here != nil {
		catalog = s.here.Find(s.here.Current)
	}
	server, err := s.server(ctx, catalog)
	if err != nil {
		return err
	}
	if catalog != nil && s.here.Database != "" && server.database != s.here.Database {
		use := "USE " + backQuoted(s.here.Database)
		if _, err := server.conn.ExecContext(ctx, use); err != nil {
			return statementProblem(use, err)
		}
		server.database = s.here.Database
	}
	err = s.runStatement(ctx, server.conn, text)
	if p := diag.Find(err); p != nil && p.Fix == "" && s.here != nil {
		p.Fix = s.elsewhere(text)
	}
	return err
}

// elsewhere is the remedy of a statement that names a catalog, which no server knows; "" for
// any other.
func (s *session) elsewhere(text string) string {
	for i := range s.here.Catalogs {
		name := s.here.Catalogs[i].Name
		if !regexp.MustCompile("(?i)(^|[^\\w.])`?" + regexp.QuoteMeta(name) + "`?\\.").MatchString(text) {
			continue
		}
		if name == s.here.Current {
			return "the server of the current catalog answers this: write names without the catalog."
		}
		return fmt.Sprintf("the server of the current catalog answers this: USE CATALOG %s; before it, and names without the catalog.", name)
	}
	return ""
}

func backQuoted(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// server connects to a catalog's server; to that of --host without one.
func (s *session) server(ctx context.Context, catalog *plan.Catalog) (*server, error) {
	if catalog == nil {
		if known := s.servers[""]; known != nil {
			return known, nil
		}
		conn, done, err := s.connect(ctx, s.flags)
		if err != nil {
			return nil, err
		}
		s.servers[""] = &server{conn: conn, done: done}
		return s.servers[""], nil
	}
	// A catalog that was created anew may be another server.
	key := fmt.Sprintf("%s %v %s %s", catalog.Name, catalog.Hosts, catalog.User, catalog.Password.Reveal())
	if known := s.servers[key]; known != nil {
		return known, nil
	}
	var last error
	for _, host := range catalog.Hosts {
		conn, done, err := login(ctx, host, catalog.User, catalog.Password, "", catalog.TLS)
		if err == nil {
			s.servers[key] = &server{conn: conn, done: done}
			return s.servers[key], nil
		}
		last = err
	}
	p := &diag.Problem{
		Code: CodeConnect, Class: diag.Unusable,
		Message: fmt.Sprintf("cannot use the server of catalog '%s' at %s as user '%s'", catalog.Name, strings.Join(catalog.Hosts, ", "), catalog.User),
		Fix:     "check the address, the user and the password in CREATE CATALOG " + catalog.Name,
	}
	if last != nil {
		p.Cause = plainError(last)
	}
	if h, _, err := net.SplitHostPort(strings.Join(catalog.Hosts, "")); len(catalog.Hosts) == 0 || err == nil && h == "" {
		p.Fix = "say in CREATE CATALOG " + catalog.Name + " where the server is"
	}
	return nil, p
}
