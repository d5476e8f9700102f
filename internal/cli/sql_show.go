package cli

import (
	"context"
	"fmt"
	"strings"

	"starferry/internal/diag"
	"starferry/internal/plan"
	"starferry/internal/script"
)

// show answers SHOW.
func (s *session) show(ctx context.Context, file *diag.File, st *script.Show) error {
	here := s.here
	if here == nil {
		here = &plan.Session{}
	}
	t := &table{names: []string{strings.ToLower(strings.TrimSuffix(st.What, "S"))}, numeric: make([]bool, 1)}
	switch st.What {
	case "CATALOGS":
		for i := range here.Catalogs {
			t.rows = append(t.rows, []string{here.Catalogs[i].Name})
		}
		return s.answer(liked(t, st))
	case "CURRENT CATALOG", "CURRENT DATABASE":
		current := map[string]string{"CURRENT CATALOG": here.Current, "CURRENT DATABASE": here.Database}[st.What]
		t.rows = [][]string{{current}}
		if current == "" {
			t.rows[0][0] = "NULL"
		}
		return s.answer(t)
	case "CREATE CATALOG":
		catalog, err := s.named(file, &st.Of.Parts[0])
		if err != nil {
			return err
		}
		t.rows = [][]string{{createCatalog(catalog)}}
		return s.answer(t)
	case "DATABASES":
		var name *script.Ident
		if st.Of != nil {
			name = &st.Of.Parts[0]
		}
		catalog, err := s.named(file, name)
		if err != nil {
			return err
		}
		return s.list(ctx, catalog, "SHOW DATABASES", st)
	}
	return s.showIn(ctx, file, st)
}

// showIn answers SHOW TABLES, SHOW COLUMNS and SHOW CREATE TABLE.
func (s *session) showIn(ctx context.Context, file *diag.File, st *script.Show) error {
	if st.What == "TABLES" && st.Of == nil {
		st.Of = &script.Path{Parts: []script.Ident{{Name: s.here.Database, At: st.At}}, At: st.At}
		if s.here.Database == "" {
			return s.noDatabase(file, st.At)
		}
	}
	parts := 2
	if st.What == "TABLES" {
		parts = 1
	}
	catalog, name, err := s.place(file, *st.Of, parts)
	if err != nil {
		return err
	}
	return s.list(ctx, catalog, map[string]string{"TABLES": "SHOW TABLES FROM ", "COLUMNS": "SHOW COLUMNS FROM ", "CREATE TABLE": "SHOW CREATE TABLE "}[st.What]+name, st)
}

// describe answers DESCRIBE.
func (s *session) describe(ctx context.Context, file *diag.File, st *script.Describe) error {
	if st.Catalog {
		catalog, err := s.named(file, &st.Of.Parts[0])
		if err != nil {
			return err
		}
		t := &table{names: []string{"info name", "info value"}, numeric: make([]bool, 2)}
		t.rows = [][]string{{"name", catalog.Name}, {"type", catalog.Kind}}
		for _, o := range catalog.Options {
			if o.Key != "type" {
				t.rows = append(t.rows, []string{"option:" + o.Key, o.Value})
			}
		}
		return s.answer(t)
	}
	catalog, name, err := s.place(file, st.Of, 2)
	if err != nil {
		return err
	}
	return s.list(ctx, catalog, "DESCRIBE "+name, nil)
}

// createCatalog is the statement that makes a catalog, without its secrets.
func createCatalog(c *plan.Catalog) string {
	lines := make([]string, len(c.Options))
	for i, o := range c.Options {
		lines[i] = fmt.Sprintf("  '%s' = '%s'", o.Key, strings.ReplaceAll(o.Value, "'", "''"))
	}
	return fmt.Sprintf("CREATE CATALOG %s WITH (\n%s\n)", backQuoted(c.Name), strings.Join(lines, ",\n"))
}

// list has a catalog's server answer, and leaves out what LIKE does not want.
func (s *session) list(ctx context.Context, catalog *plan.Catalog, query string, st *script.Show) error {
	server, err := s.server(ctx, catalog)
	if err != nil {
		return err
	}
	rows, err := server.conn.QueryContext(ctx, query)
	if err != nil {
		return statementProblem(query, err)
	}
	defer rows.Close()
	t, err := readTable(rows)
	if err != nil {
		return statementProblem(query, err)
	}
	if st != nil {
		t = liked(t, st)
	}
	return s.answer(t)
}

func (s *session) answer(t *table) error {
	if len(t.rows) == 0 {
		fmt.Fprintln(s.Err, "Empty set")
		return nil
	}
	if err := t.print(s.Out); err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	return nil
}

// liked leaves the rows whose first cell a statement's LIKE wants.
func liked(t *table, st *script.Show) *table {
	if st.Like == nil {
		return t
	}
	kept := t.rows[:0]
	for _, row := range t.rows {
		pattern, text := st.Like.Value, row[0]
		if st.AnyCase {
			pattern, text = strings.ToLower(pattern), strings.ToLower(text)
		}
		if like([]rune(pattern), []rune(text)) != st.Not {
			kept = append(kept, row)
		}
	}
	t.rows = kept
	return t
}

// like compares a text with a pattern of LIKE: % is any text, _ any character, and a
// backslash takes the meaning from what follows it.
func like(pattern, text []rune) bool {
	star, from := -1, 0
	p, i := 0, 0
	for i < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '%':
			star, from = p, i
			p++
		case p < len(pattern) && pattern[p] == '_':
			p, i = p+1, i+1
		case p+1 < len(pattern) && pattern[p] == '\\' && pattern[p+1] == text[i]:
			p, i = p+2, i+1
		case p < len(pattern) && pattern[p] == text[i] && pattern[p] != '\\':
			p, i = p+1, i+1
		case star >= 0:
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '%' {
		p++
	}
	return p == len(pattern)
}

// named finds a catalog, the current one for nil.
func (s *session) named(file *diag.File, name *script.Ident) (*plan.Catalog, error) {
	here := s.here
	if here == nil {
		here = &plan.Session{}
	}
	if name == nil {
		if catalog := here.Find(here.Current); catalog != nil {
			return catalog, nil
		}
		return nil, &diag.Problem{Code: CodeNotHere, Class: diag.Refused, Message: "there is no current catalog", Fix: "write USE CATALOG name; SHOW CATALOGS lists what there is"}
	}
	if catalog := here.Find(name.Name); catalog != nil {
		return catalog, nil
	}
	var known []string
	for i := range here.Catalogs {
		known = append(known, here.Catalogs[i].Name)
	}
	f := diag.Finding{Code: plan.CodeNoCatalog, Severity: diag.Error, File: file, Span: name.At, Message: fmt.Sprintf("there is no catalog '%s'", name.Name),
		Fix: "SHOW CATALOGS lists what there is; CREATE CATALOG makes another one."}
	if near := diag.Nearest(name.Name, known); near != "" {
		f.Label = fmt.Sprintf("did you mean '%s'?", near)
	}
	s.say(f)
	return nil, failed{}
}

func (s *session) noDatabase(file *diag.File, at diag.Span) error {
	s.say(diag.Finding{Code: plan.CodeNoDatabase, Severity: diag.Error, File: file, Span: at, Message: "nothing says in which database",
		Fix: "write USE database before it, or the name as catalog.database.table."})
	return failed{}
}

// place finds the catalog of a name, and how the name is written for its server, in that
// many parts.
func (s *session) place(file *diag.File, path script.Path, parts int) (*plan.Catalog, string, error) {
	var of *script.Ident
	names := path.Parts
	if len(names) > parts {
		of, names = &names[0], names[1:]
	}
	catalog, err := s.named(file, of)
	if err != nil {
		return nil, "", err
	}
	quoted := make([]string, 0, parts)
	if len(names) < parts {
		database := catalog.Database
		if of == nil {
			database = s.here.Database
		}
		if database == "" {
			return nil, "", s.noDatabase(file, path.At)
		}
		quoted = append(quoted, backQuoted(database))
	}
	for _, name := range names {
		quoted = append(quoted, backQuoted(name.Name))
	}
	return catalog, strings.Join(quoted, "."), nil
}
