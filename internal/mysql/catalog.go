package mysql

import (
	"context"
	"database/sql"
	"fmt"
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
	var tables []*change.Table
	var problems []error
	for _, name := range names {
		table, err := s.describe(ctx, name)
		if err == nil {
			err = usable(table)
		}
		if err != nil {
			if diag.IsTransient(err) || diag.Find(err) == nil && !isSeveral(err) {
				return nil, err
			}
			problems = append(problems, err)
			continue
		}
		tables = append(tables, table)
	}
	if err := diag.Join(problems...); err != nil {
		return nil, err
	}
	return tables, nil
}

func isSeveral(err error) bool { _, ok := err.(diag.Problems); return ok }

// usable says everything that keeps a table from being followed.
func usable(t *change.Table) error {
	var problems []error
	if len(t.Key) == 0 {
		problems = append(problems, &diag.Problem{Code: codeNoKey, Class: diag.Refused,
			Message: fmt.Sprintf("table %s has no primary key, so its rows cannot be told apart at the target", t.Name),
			Fix:     fmt.Sprintf("ALTER TABLE %s ADD PRIMARY KEY (…);", quotedTable(t.Name))})
	}
	for i := range t.Columns {
		if err := cells.Supported(&t.Columns[i], t.IsKey(i)); err != nil {
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

// describe reads one table; its version is 1.
func (s *Source) describe(ctx context.Context, name change.Name) (*change.Table, error) {
	table := &change.Table{Name: name, Version: 1}
	if err := s.describeTable(ctx, table); err != nil {
		return nil, err
	}
	if err := s.describeColumns(ctx, table); err != nil {
		return nil, err
	}
	if err := s.describeKey(ctx, table); err != nil {
		return nil, err
	}
	return s.config.Treatment.of(table, nil), nil
}

func (s *Source) where(name change.Name) string {
	return " WHERE TABLE_SCHEMA = " + literal(name.Database) + " AND TABLE_NAME = " + literal(name.Table)
}

func (s *Source) describeTable(ctx context.Context, t *change.Table) error {
	const what = "reading information_schema.TABLES"
	rows, err := s.db.QueryContext(ctx, "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, TABLE_COLLATION, TABLE_COMMENT"+
		" FROM information_schema.TABLES"+s.where(t.Name))
	if err != nil {
		return s.queryProblem(what, err)
	}
	defer rows.Close()
	found := ""
	for rows.Next() {
		var database, name, kind string
		var collation, comment sql.NullString
		if err := rows.Scan(&database, &name, &kind, &collation, &comment); err != nil {
			return s.queryProblem(what, err)
		}
		// information_schema may compare without case where the server does not.
		if s.fold(database) != s.fold(t.Database) || s.fold(name) != s.fold(t.Name.Table) {
			continue
		}
		found, t.Collation, t.Comment = kind, collation.String, comment.String
		t.Charset = s.charsetOf(t.Collation)
	}
	if err := rows.Err(); err != nil {
		return s.queryProblem(what, err)
	}
	switch found {
	case "BASE TABLE":
		return nil
	case "":
		return s.noTable(ctx, t.Name)
	}
	return &diag.Problem{Code: codeNotBase, Class: diag.Refused,
		Message: fmt.Sprintf("%s is a %s; only tables have changes to follow", t.Name, strings.ToLower(found)),
		Fix:     "name the table the rows are stored in."}
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

func (s *Source) describeColumns(ctx context.Context, t *change.Table) error {
	const what = "reading information_schema.COLUMNS"
	rows, err := s.db.QueryContext(ctx, "SELECT COLUMN_NAME, COLUMN_DEFAULT, IS_NULLABLE, COLUMN_TYPE, CHARACTER_SET_NAME,"+
		" COLLATION_NAME, EXTRA, COLUMN_COMMENT, TABLE_SCHEMA, TABLE_NAME FROM information_schema.COLUMNS"+s.where(t.Name)+
		" ORDER BY ORDINAL_POSITION")
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
		if s.fold(database) != s.fold(t.Database) || s.fold(table) != s.fold(t.Name.Table) {
			continue
		}
		typ, err := ddl.ParseType(columnType, charset.String, collation.String)
		if err != nil {
			// Left Unknown: cells.Supported refuses it, naming the column.
			typ = change.Type{Base: change.Unknown}
		}
		if err := s.uncarried(t.Name, name, columnType, typ); err != nil {
			return err
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
		t.Columns = append(t.Columns, c)
	}
	return s.queryProblem(what, rows.Err())
}

// describeKey reads the primary key. A key over the beginning of a column (a
// prefix) does not tell rows apart by whole cells and does not count.
func (s *Source) describeKey(ctx context.Context, t *change.Table) error {
	const what = "reading information_schema.STATISTICS"
	rows, err := s.db.QueryContext(ctx, "SELECT COLUMN_NAME, SUB_PART, TABLE_SCHEMA, TABLE_NAME FROM information_schema.STATISTICS"+
		s.where(t.Name)+" AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX")
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
		if s.fold(database) != s.fold(t.Database) || s.fold(table) != s.fold(t.Name.Table) {
			continue
		}
		i := t.Index(column)
		if i < 0 {
			continue // columns and key were read in two statements: the join sees the DDL between
		}
		if prefix.Valid {
			return &diag.Problem{Code: codeNoKey, Class: diag.Refused,
				Message: fmt.Sprintf("the primary key of table %s has only the first %d characters of column `%s`", t.Name, prefix.Int64, column),
				Fix:     "make a primary key of whole columns."}
		}
		t.Key = append(t.Key, i)
	}
	return s.queryProblem(what, rows.Err())
}
