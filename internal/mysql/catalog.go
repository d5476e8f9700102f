package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/mysql/cells"
	"starferry/internal/mysql/ddl"
)

// Describe reads the schemas of tables as they are now. What keeps a table from
// being followed (missing, a view, no primary key, a type that is not carried) is a
// Problem naming the table and the fix; all of them come in one error.
func (s *Source) Describe(ctx context.Context, names []change.Name) ([]*change.Table, error) {
	tables, problems, err := s.DescribeEach(ctx, names)
	if err == nil {
		err = diag.Join(problems...)
	}
	if err != nil {
		return nil, err
	}
	return tables, nil
}

// DescribeEach reads the schemas of tables: of each it, or what keeps it from being
// followed.
func (s *Source) DescribeEach(ctx context.Context, names []change.Name) ([]*change.Table, []error, error) {
	described, err := s.describeAll(ctx, names)
	if err != nil {
		return nil, nil, err
	}
	tables, problems := make([]*change.Table, len(names)), make([]error, len(names))
	for i, d := range described {
		if problems[i] = d.problem; d.problem == nil {
			problems[i] = s.usable(d.table)
		}
		if problems[i] == nil {
			tables[i] = d.table
		}
	}
	return tables, problems, nil
}

// usable says everything that keeps a table from being followed.
func (s *Source) usable(t *change.Table) error {
	var problems []error
	if len(t.Key) == 0 {
		problems = append(problems, &diag.Problem{Code: codeNoKey, Class: diag.Refused,
			Message: fmt.Sprintf("table %s has no primary key, so its rows cannot be told apart at the target", t.Name),
			Fix:     fmt.Sprintf("ALTER TABLE %s ADD PRIMARY KEY (…);", quotedTable(t.Name))})
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		err := cells.Supported(c, t.IsKey(i))
		if err == nil {
			err = s.uncarried(t.Name, c.Name, c.Type.String(), c.Type)
		}
		if err != nil {
			problems = append(problems, atTable(t.Name, err))
		}
	}
	return diag.Join(problems...)
}

// atTable puts a table's name before a Problem that names only a column.
func atTable(name change.Name, err error) error {
	p := diag.Find(err)
	if p == nil || strings.Contains(p.Message, name.String()) {
		return err
	}
	copied := *p
	copied.Message = fmt.Sprintf("table %s: %s", name, p.Message)
	return &copied
}

func quotedTable(n change.Name) string { return quoted(n.Database) + "." + quoted(n.Table) }

// description is what is known of one table.
type description struct {
	table   *change.Table
	kind    string // as information_schema says; "" when there is none
	problem error
}

// describe reads one table; its version is 1.
func (s *Source) describe(ctx context.Context, name change.Name) (*change.Table, error) {
	described, err := s.describeAll(ctx, []change.Name{name})
	if err != nil {
		return nil, err
	}
	return described[0].table, described[0].problem
}

// describeAll reads tables with a few questions for each database, however many they are.
func (s *Source) describeAll(ctx context.Context, names []change.Name) ([]*description, error) {
	known := map[change.Name]*description{}
	described := make([]*description, len(names))
	for i, name := range names {
		key := s.foldName(name)
		if known[key] == nil {
			known[key] = &description{table: &change.Table{Name: name, Version: 1}}
		}
		described[i] = known[key]
	}
	// information_schema may compare without case where the server does not.
	find := func(database, table string) *description {
		return known[s.foldName(change.Name{Database: database, Table: table})]
	}
	for _, where := range s.whereAll(names, listedMost) {
		for _, read := range []func(context.Context, string, func(database, table string) *description) error{s.readTables, s.readColumns, s.readKeys} {
			if err := read(ctx, where, find); err != nil {
				return nil, err
			}
		}
	}
	for _, d := range known {
		if err := s.conclude(ctx, d); err != nil {
			return nil, err
		}
	}
	return described, nil
}

// conclude judges what was read of a table.
func (s *Source) conclude(ctx context.Context, d *description) error {
	switch d.kind {
	case "BASE TABLE":
		if d.problem == nil {
			d.table = s.config.Treatment.of(d.table, nil)
		}
		return nil
	case "":
		d.problem = s.noTable(ctx, d.table.Name)
		if diag.Find(d.problem) == nil || diag.IsTransient(d.problem) {
			return d.problem
		}
		return nil
	}
	d.problem = &diag.Problem{Code: codeNotBase, Class: diag.Refused,
		Message: fmt.Sprintf("%s is a %s; only tables have changes to follow", d.table.Name, strings.ToLower(d.kind)),
		Fix:     "name the table the rows are stored in."}
	return nil
}

const (
	// listedAlone is how many tables of a database are asked for one by one, which servers
	// answer from those tables alone; for a list some look at every table of the database.
	listedAlone = 8
	// listedMost is how many are asked for at a time: a question has only so much time.
	listedMost = 500
)

// whereAll are the conditions by which tables are found in information_schema, each by
// one of them, and at most so many by one.
func (s *Source) whereAll(names []change.Name, most int) (conditions []string) {
	var databases []string
	of := map[string][]change.Name{}
	seen := map[change.Name]bool{}
	for _, name := range names {
		if seen[s.foldName(name)] {
			continue
		}
		seen[s.foldName(name)] = true
		if of[name.Database] == nil {
			databases = append(databases, name.Database)
		}
		of[name.Database] = append(of[name.Database], name)
	}
	for _, database := range databases {
		if len(of[database]) <= listedAlone {
			for _, name := range of[database] {
				conditions = append(conditions, s.where(name))
			}
			continue
		}
		for part := range slices.Chunk(of[database], most) {
			texts := make([]string, len(part))
			for i, name := range part {
				texts[i] = literal(name.Table)
			}
			conditions = append(conditions, " WHERE TABLE_SCHEMA = "+literal(database)+" AND TABLE_NAME IN ("+strings.Join(texts, ", ")+")")
		}
	}
	return conditions
}

func (s *Source) where(name change.Name) string {
	return " WHERE TABLE_SCHEMA = " + literal(name.Database) + " AND TABLE_NAME = " + literal(name.Table)
}

func (s *Source) readTables(ctx context.Context, where string, find func(database, table string) *description) error {
	const what = "reading information_schema.TABLES"
	rows, err := s.db.QueryContext(ctx, "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, TABLE_COLLATION, TABLE_COMMENT FROM information_schema.TABLES"+where)
	if err != nil {
		return s.queryProblem(what, err)
	}
	defer rows.Close()
	for rows.Next() {
		var database, name, kind string
		var collation, comment sql.NullString
		if err := rows.Scan(&database, &name, &kind, &collation, &comment); err != nil {
			return s.queryProblem(what, err)
		}
		if d := find(database, name); d != nil {
			d.kind, d.table.Collation, d.table.Comment = kind, collation.String, comment.String
			d.table.Charset = s.charsetOf(d.table.Collation)
		}
	}
	return s.queryProblem(what, rows.Err())
}

func (s *Source) charsetOf(collation string) string {
	for _, c := range s.collations {
		if c.name == collation {
			return c.charset
		}
	}
	charset, _, _ := strings.Cut(collation, "_")
	return charset
}

// noTable is the Problem of a missing table, with the nearest name there is.
func (s *Source) noTable(ctx context.Context, name change.Name) error {
	databases, err := s.names(ctx, "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA")
	if err != nil {
		return err
	}
	hasDatabase := false
	for _, d := range databases {
		hasDatabase = hasDatabase || s.fold(d) == s.fold(name.Database)
	}
	p := &diag.Problem{Class: diag.Refused}
	if !hasDatabase {
		p.Code = codeNoDatabase
		p.Message = fmt.Sprintf("MySQL %s has no database '%s' that user '%s' may see", s.address(), name.Database, s.config.User)
		p.Fix = fmt.Sprintf("check the name, or GRANT SELECT ON %s.* TO '%s'@'%%';", quoted(name.Database), s.config.User)
		if near := diag.Nearest(name.Database, databases); near != "" {
			p.Fix = fmt.Sprintf("did you mean '%s'? Otherwise: %s", near, p.Fix)
		}
		return p
	}
	tables, err := s.names(ctx, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = "+literal(name.Database))
	if err != nil {
		return err
	}
	p.Code = codeNoTable
	p.Message = fmt.Sprintf("MySQL %s has no table %s that user '%s' may see", s.address(), name, s.config.User)
	p.Fix = fmt.Sprintf("check the name, or GRANT SELECT ON %s TO '%s'@'%%';", quotedTable(name), s.config.User)
	if near := diag.Nearest(name.Table, tables); near != "" {
		p.Fix = fmt.Sprintf("did you mean '%s'? Otherwise: %s", near, p.Fix)
	}
	return p
}

func (s *Source) names(ctx context.Context, query string) ([]string, error) {
	rows, err := s.db.QueryContext(ctx, query)
	if err != nil {
		return nil, s.queryProblem("reading information_schema", err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			return nil, s.queryProblem("reading information_schema", err)
		}
		all = append(all, one)
	}
	return all, s.queryProblem("reading information_schema", rows.Err())
}

func (s *Source) readColumns(ctx context.Context, where string, find func(database, table string) *description) error {
	const what = "reading information_schema.COLUMNS"
	rows, err := s.db.QueryContext(ctx, "SELECT COLUMN_NAME, COLUMN_DEFAULT, IS_NULLABLE, COLUMN_TYPE, CHARACTER_SET_NAME,"+
		" COLLATION_NAME, EXTRA, COLUMN_COMMENT, TABLE_SCHEMA, TABLE_NAME FROM information_schema.COLUMNS"+where+
		" ORDER BY TABLE_NAME, ORDINAL_POSITION")
	if err != nil {
		return s.queryProblem(what, err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, nullable, columnType, extra, comment, database, table string
		var value, charset, collation sql.NullString
		if err := rows.Scan(&name, &value, &nullable, &columnType, &charset, &collation, &extra, &comment, &database, &table); err != nil {
			return s.queryProblem(what, err)
		}
		d := find(database, table)
		if d == nil || d.problem != nil {
			continue
		}
		typ, err := ddl.ParseType(columnType, charset.String, collation.String)
		if err != nil {
			// Left Unknown: cells.Supported refuses it, naming the column.
			typ = change.Type{Base: change.Unknown}
		}
		if d.problem = s.uncarried(d.table.Name, name, columnType, typ); d.problem != nil {
			continue
		}
		flags := strings.ToUpper(extra)
		c := change.Column{
			Name: name, Type: typ, Nullable: nullable == "YES", Comment: comment,
			AutoIncrement: strings.Contains(flags, "AUTO_INCREMENT"),
			Generated:     strings.Contains(flags, "VIRTUAL GENERATED") || strings.Contains(flags, "STORED GENERATED") || strings.Contains(flags, "PERSISTENT"),
			Invisible:     strings.Contains(flags, "INVISIBLE"),
		}
		if value.Valid && !c.Generated {
			c.Default, c.DefaultExpression = ddl.ParseDefault(&value.String, extra, typ, s.server.Flavor == MariaDB)
		}
		d.table.Columns = append(d.table.Columns, c)
	}
	return s.queryProblem(what, rows.Err())
}

// readKeys reads the primary keys. A key over the beginning of a column (a
// prefix) does not tell rows apart by whole cells and does not count.
func (s *Source) readKeys(ctx context.Context, where string, find func(database, table string) *description) error {
	const what = "reading information_schema.STATISTICS"
	rows, err := s.db.QueryContext(ctx, "SELECT COLUMN_NAME, SUB_PART, TABLE_SCHEMA, TABLE_NAME FROM information_schema.STATISTICS"+
		where+" AND INDEX_NAME = 'PRIMARY' ORDER BY TABLE_NAME, SEQ_IN_INDEX")
	if err != nil {
		return s.queryProblem(what, err)
	}
	defer rows.Close()
	for rows.Next() {
		var column, database, table string
		var prefix sql.NullInt64
		if err := rows.Scan(&column, &prefix, &database, &table); err != nil {
			return s.queryProblem(what, err)
		}
		d := find(database, table)
		if d == nil || d.problem != nil {
			continue
		}
		i := d.table.Index(column)
		if i < 0 {
			continue // columns and key were read in two statements: the join sees the DDL between
		}
		if prefix.Valid {
			d.problem = &diag.Problem{Code: codeNoKey, Class: diag.Refused,
				Message: fmt.Sprintf("the primary key of table %s has only the first %d characters of column `%s`", d.table.Name, prefix.Int64, column),
				Fix:     "make a primary key of whole columns."}
			continue
		}
		d.table.Key = append(d.table.Key, i)
	}
	return s.queryProblem(what, rows.Err())
}
