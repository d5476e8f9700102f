package plan

import (
	"cmp"
	"path/filepath"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/script"
)

// compiler walks the statements of a script in their order.
type compiler struct {
	script   *script.Script
	file     *diag.File
	findings []diag.Finding

	catalogs map[string]*catalog
	current  *catalog // USE CATALOG
	database string   // USE; "" is the current catalog's own
	// lost tells that a USE or CREATE CATALOG could not be read or was refused: what
	// a later name means is then unknown, and not worth a second finding.
	lost bool

	settings *layer // the SETs so far
	inForce  *layer // the SETs at the last table
	late     []*bound

	plan     Plan
	source   *sourceEnd
	target   *targetEnd
	delivery *deliveryEnd
	// routeOptions are those that each route was made of.
	routeOptions []layers
	// hints are their OPTIONS.
	hints []layers
	// someWays are options that are written and mean something with some ways of
	// delivery only.
	someWays []*bound
	// selections are those that the routes are templates of, nil for routes of one table.
	selections []*Selection
	targets    map[change.Name]diag.Span
	missing    map[[2]string]bool // catalog and option
	passwords  []diag.Span
}

// Compile makes a plan of a script that was parsed, even of one with mistakes, so
// that all findings come at once. The plan is nil when s is broken or a finding is
// an error. A script without tables gives a plan without routes: see Runnable.
func Compile(s *script.Script, name string) (*Plan, []diag.Finding) {
	c := newCompiler(s, name)
	for _, st := range s.Statements {
		c.statement(st)
	}
	c.finish()
	diag.Sort(c.findings)
	if s.Broken || diag.HasErrors(c.findings) {
		return nil, c.findings
	}
	if c.plan.Name == "" {
		base := filepath.Base(s.File.Name)
		c.plan.Name = cmp.Or(strings.TrimSuffix(base, filepath.Ext(base)), base)
	}
	return &c.plan, c.findings
}

func newCompiler(s *script.Script, name string) *compiler {
	return &compiler{
		script: s, file: s.File, catalogs: map[string]*catalog{}, targets: map[change.Name]diag.Span{}, missing: map[[2]string]bool{},
		settings: &layer{origin: "SET"}, plan: Plan{Name: name},
	}
}

// Runnable returns a finding when a plan has nothing to run. A script of catalogs
// only is a fine script, but not one to start.
func Runnable(p *Plan, file *diag.File) []diag.Finding {
	if len(p.Routes)+len(p.Selections) > 0 {
		return nil
	}
	script.Hide(file)
	return []diag.Finding{{
		Code: CodeNothingToRun, Severity: diag.Error, File: file, Span: diag.Span{Start: len(file.Text), End: len(file.Text)},
		Message: "the script has nothing to run",
		Fix:     "add a statement: CREATE TABLE IF NOT EXISTS … WITH (…) AS TABLE catalog.database.table /*+ OPTIONS (…) */;",
	}}
}

func (c *compiler) statement(st script.Statement) {
	switch st := st.(type) {
	case *script.CreateCatalog:
		c.createCatalog(st)
	case *script.DropCatalog:
		c.dropCatalog(st)
	case *script.UseCatalog:
		c.useCatalog(st)
	case *script.Use:
		c.use(st)
	case *script.Set:
		c.set(st)
	case *script.Reset:
		c.reset(st)
	case *script.CreateTableAs:
		c.createTable(st)
	case *script.CreateDatabaseAs:
		c.createDatabase(st)
	case *script.BeginStatementSet, *script.EndStatementSet: // a script is one deployment anyway
	case *script.Show, *script.Describe, *script.Explain:
		c.notRun(st)
	case *script.Unread:
		c.lost = true
	}
}

func (c *compiler) report(severity diag.Severity, code diag.Code, at diag.Span, message, fix string) {
	c.findings = append(c.findings, diag.Finding{
		Code: code, Severity: severity, Message: message, Fix: fix, File: c.file, Span: at,
	})
}

func (c *compiler) error(code diag.Code, at diag.Span, message, fix string) {
	c.report(diag.Error, code, at, message, fix)
}

func (c *compiler) warn(code diag.Code, at diag.Span, message, fix string) {
	c.report(diag.Warning, code, at, message, fix)
}

func (c *compiler) info(code diag.Code, at diag.Span, message, fix string) {
	c.report(diag.Info, code, at, message, fix)
}
