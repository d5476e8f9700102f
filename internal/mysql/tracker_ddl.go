package mysql

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/mysql/binlog"
	"starferry/internal/mysql/ddl"
)

// statement advances the schemas by a statement of the log, which is no transaction
// control.
func (r *reader) statement(ctx context.Context, q *binlog.Query) error {
	if r.group.old {
		return nil
	}
	if r.group.alter == alterStarts || r.group.alter == alterRollsBack {
		return nil // the same text comes again when it is done, or never was
	}
	// What it needs of the server may take a while.
	if err := r.queue.flush(ctx); err != nil {
		return err
	}
	text, session, err := r.session(q)
	var parsed ddl.Statement
	if err == nil {
		parsed, err = ddl.Parse(text, session)
	}
	if err != nil {
		return r.unreadable(ctx, string(q.Database), text, err)
	}
	if q.Error != 0 && !appliesInSpite(parsed) {
		return nil
	}
	d := &statementReader{reader: r, text: text, session: session}
	switch s := parsed.(type) {
	case *ddl.CreateTable:
		return d.create(ctx, s)
	case *ddl.DropTable:
		return d.drop(ctx, s)
	case *ddl.RenameTable:
		return d.rename(ctx, s.Renames)
	case *ddl.TruncateTable:
		return d.truncate(ctx, s)
	case *ddl.AlterTable:
		return d.alter(ctx, s)
	case *ddl.CreateDatabase:
		d.setDatabase(s.Name, s.Charset, s.Collation)
	case *ddl.AlterDatabase:
		d.setDatabase(s.Name, s.Charset, s.Collation)
	case *ddl.DropDatabase:
		return d.dropDatabase(ctx, s)
	case *ddl.RowsByStatement:
		return d.rowsByStatement(s)
	}
	return nil
}

// appliesInSpite tells statements that were logged with an error and did something:
// DROP TABLE of several names drops those that exist, DML stops half-way.
func appliesInSpite(s ddl.Statement) bool {
	switch s.(type) {
	case *ddl.DropTable, *ddl.RowsByStatement, *ddl.DropDatabase:
		return true
	}
	return false
}

// session is what ddl must know of the session a statement ran in, and its text in
// UTF-8.
func (r *reader) session(q *binlog.Query) (string, ddl.Session, error) {
	f, ok := readFacts(q.StatusVars)
	if !ok {
		return string(q.Text), ddl.Session{}, fmt.Errorf("the variables of the statement's session are cut short")
	}
	s := r.source
	session := ddl.Session{
		Database: string(q.Database), MariaDB: s.server.Flavor == MariaDB,
		ExplicitDefaultsForTimestamp: s.variables["explicit_defaults_for_timestamp"] != "OFF",
		GenerateInvisiblePrimaryKey:  false, // the server writes the generated key into the logged statement
		DefaultCollation:             r.defaultCollation(f),
	}
	session.SetModes(f.sqlMode)
	switch {
	case f.explicitDefaults != nil:
		session.ExplicitDefaultsForTimestamp = *f.explicitDefaults
	case session.MariaDB && s.server.atLeast(10, 10, 0):
		session.ExplicitDefaultsForTimestamp = f.mariaExplicit
	}
	charset := s.collations[f.clientCollation].charset
	text, err := utf8Text(q.Text, charset)
	if err != nil {
		return text, session, err
	}
	return text, session, nil
}

// defaultCollation is the server's default collation of a charset, with the
// session's own for utf8mb4.
func (r *reader) defaultCollation(f facts) func(string) string {
	return func(charset string) string {
		if charset == "utf8mb4" && f.utf8mb4Collation != 0 {
			return r.source.collations[f.utf8mb4Collation].name
		}
		return r.source.defaults[charset]
	}
}

// utf8Text converts a statement. Statements in charsets whose second bytes may look
// like quotes are only read when they are plain ASCII.
func utf8Text(query []byte, charset string) (string, error) {
	ascii := true
	for _, b := range query {
		ascii = ascii && b < utf8.RuneSelf
	}
	switch {
	case ascii, charset == "", strings.HasPrefix(charset, "utf8"), charset == "ascii", charset == "binary":
		return string(query), nil
	case charset == "latin1":
		var b strings.Builder
		for _, c := range query {
			b.WriteRune(latin1(c))
		}
		return b.String(), nil
	}
	return string(query), fmt.Errorf("the statement is written in %s", charset)
}

// latin1 is MySQL's: Windows code page 1252, with the five free places as they are.
func latin1(c byte) rune {
	const upper = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"
	if c < 0x80 || c > 0x9f {
		return rune(c)
	}
	return []rune(upper)[c-0x80]
}

// setDatabase notes the defaults that a statement gave a database.
func (d *statementReader) setDatabase(database, charset, collation string) {
	if collation == "" && charset != "" {
		collation = d.session.DefaultCollation(charset)
	}
	if collation != "" {
		d.reader.tracker.databases[d.reader.source.fold(database)] = collation
	}
}

// databaseDefaults fills in the defaults of the database a table is created in.
func (d *statementReader) databaseDefaults(ctx context.Context, database string) error {
	t := d.reader.tracker
	key := t.source.fold(database)
	collation := t.databases[key]
	if collation == "" {
		var err error
		if collation, err = t.source.databaseCollation(ctx, database); err != nil {
			return err
		}
		t.databases[key] = collation
	}
	d.session.DatabaseCollation, d.session.DatabaseCharset = collation, t.source.charsetOf(collation)
	return nil
}

// databaseCollation is a database's default collation now, the server's when the
// database is gone.
func (s *Source) databaseCollation(ctx context.Context, database string) (string, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT SCHEMA_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = "+literal(database))
	if err != nil {
		return "", s.queryProblem("reading information_schema.SCHEMATA", err)
	}
	defer rows.Close()
	found := s.variables["collation_server"]
	for rows.Next() {
		var name, collation string
		if err := rows.Scan(&name, &collation); err != nil {
			return "", s.queryProblem("reading information_schema.SCHEMATA", err)
		}
		if s.fold(name) == s.fold(database) {
			found = collation
		}
	}
	return found, s.queryProblem("reading information_schema.SCHEMATA", rows.Err())
}

// unreadable: a statement that cannot be read matters to the tables it may name: those
// in the database it ran in, or in one that it names. What the server says of them now
// is what they are behind it, unless the log has more to say; which rows they have is
// not in the log.
func (r *reader) unreadable(ctx context.Context, database, text string, cause error) error {
	mayBe := func(n change.Name) bool { return r.mayConcern(database, text, n) }
	r.tracker.forgetOthers(mayBe)
	for _, one := range r.tracker.tables {
		if !mayBe(one.name) {
			continue
		}
		if one.state == joining {
			r.touch(one)
			continue
		}
		table, why, err := r.columnsSince(ctx, one.name)
		switch {
		case err != nil:
			return err
		case table != nil:
			err = r.replaced(ctx, one, table, text, cause)
		default:
			err = r.giveUp(ctx, one, &diag.Problem{Code: codeDDL, Class: diag.Refused, Cause: cause,
				Message: fmt.Sprintf("table %s may be changed by a statement at %s that cannot be read (%s), %s", one.name, r.at, excerpt(text), why)})
		}
		if err != nil {
			return err
		}
	}
	return r.lookForWanted(ctx, mayBe)
}

// mayConcern tells whether a statement that ran in a database may name a table.
func (r *reader) mayConcern(database, text string, n change.Name) bool {
	here := r.source.fold(n.Database) == r.source.fold(database)
	return mayName(text, n.Table) && (here || mayName(text, n.Database))
}

// mayName tells whether a statement may hold a name: it stands in the text as a word, in
// any case, or would be written in other bytes there.
func mayName(text, name string) bool {
	if !isASCII(name) && !utf8.ValidString(text) {
		return true
	}
	text = strings.NewReplacer("``", "`", `""`, `"`).Replace(text)
	text, name = strings.ToLower(text), strings.ToLower(name)
	for at := 0; ; at++ {
		next := strings.Index(text[at:], name)
		if next < 0 {
			return false
		}
		at += next
		if !partOfName(text[:at], utf8.DecodeLastRuneInString) && !partOfName(text[at+len(name):], utf8.DecodeRuneInString) {
			return true
		}
	}
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// partOfName tells whether the character at one end of a text may belong to a name.
func partOfName(text string, at func(string) (rune, int)) bool {
	r, size := at(text)
	return size > 0 && (r == '_' || r == '$' || unicode.IsLetter(r) || unicode.IsDigit(r))
}

// touch notes a DDL on a table that joins: between the marks it makes the schema
// that was read uncertain.
func (r *reader) touch(one *tracked) {
	if !one.p1.Reached(r.at) {
		one.again = true
	}
}
