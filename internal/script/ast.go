package script

import (
	"strings"

	"starferry/internal/diag"
)

// Script is a parsed file.
type Script struct {
	File       *diag.File
	Statements []Statement
	// Broken tells that Parse reported an error somewhere: what seems to be missing
	// may only have been unreadable.
	Broken bool
	// Secrets are the values of the secrets that the script uses.
	Secrets []diag.Secret
}

// Statement is one of the pointer types below.
type Statement interface {
	// Span covers the statement without its semicolon.
	Span() diag.Span
	// IsBroken tells that a part of the statement could not be read.
	IsBroken() bool
}

// Node is what all statements have.
type Node struct {
	At     diag.Span
	Broken bool
}

func (n *Node) Span() diag.Span { return n.At }
func (n *Node) IsBroken() bool  { return n.Broken }

// Ident is a name. Name is without back-quotes.
type Ident struct {
	Name   string
	Quoted bool
	// Unset: it has a variable without a value.
	Unset bool
	At    diag.Span
}

// Path is a name of one to three parts: [catalog.][database.]object.
type Path struct {
	Parts []Ident
	At    diag.Span
}

// Last is the object's own name; the zero Ident when the path could not be read.
func (p Path) Last() Ident {
	if len(p.Parts) == 0 {
		return Ident{At: p.At}
	}
	return p.Parts[len(p.Parts)-1]
}

func (p Path) String() string {
	parts := make([]string, len(p.Parts))
	for i, part := range p.Parts {
		parts[i] = part.Name
		if part.Quoted {
			parts[i] = "`" + strings.ReplaceAll(part.Name, "`", "``") + "`"
		}
	}
	return strings.Join(parts, ".")
}

// Text is a string literal, or the bare text of SET k=v. Value is without quotes;
// backslashes stand as written. At includes the quotes.
type Text struct {
	Value string
	// Secret: it has the value of a secret, and is not shown; Unset: it has a variable
	// without a value.
	Secret, Unset bool
	At            diag.Span
}

// Option is 'key' = 'value'.
type Option struct {
	Key   Text
	Value Text
	At    diag.Span
}

// Options is a parenthesised list: WITH (…), OPTIONS (…). At covers the keyword too.
type Options struct {
	List []Option
	At   diag.Span
}

// CreateCatalog is CREATE CATALOG [IF NOT EXISTS] name WITH (…).
type CreateCatalog struct {
	Node
	Name        Ident
	IfNotExists bool
	With        *Options
}

// DropCatalog is DROP CATALOG [IF EXISTS] name.
type DropCatalog struct {
	Node
	Name     Ident
	IfExists bool
}

// UseCatalog is USE CATALOG name.
type UseCatalog struct {
	Node
	Name Ident
}

// Use is USE [catalog.]database.
type Use struct {
	Node
	Path Path
}

// Set is SET 'key' = 'value'.
type Set struct {
	Node
	Key   Text
	Value Text
}

// Reset is RESET 'key'; Key is nil for RESET alone, which takes back every SET.
type Reset struct {
	Node
	Key *Text
}

// CreateTableAs is CREATE TABLE … AS TABLE ….
type CreateTableAs struct {
	Node
	Name        Path
	IfNotExists bool
	PrimaryKey  *PrimaryKey
	Comment     *Text
	PartitionBy *Columns
	With        *Options
	Source      Path
	Hint        *Options
	AddColumns  *AddColumns
	DropColumns *Columns
	Where       *Text
}

// PrimaryKey is ( [CONSTRAINT name] PRIMARY KEY (a, b) NOT ENFORCED ).
type PrimaryKey struct {
	Columns []Ident
	At      diag.Span
}

// Columns is PARTITIONED BY (a, b), or DROP COLUMN (a, b).
type Columns struct {
	Names []Ident
	At    diag.Span
}

// AddColumns is ADD COLUMN (name AS expression …, …).
type AddColumns struct {
	Columns []AddColumn
	At      diag.Span
}

// AddColumn is name AS expression [COMMENT 'text'] [FIRST | AFTER column].
type AddColumn struct {
	Name       Ident
	Expression Text // as written
	Comment    *Text
	First      bool
	After      *Ident
	At         diag.Span
}

// CreateDatabaseAs is CREATE DATABASE … AS DATABASE ….
type CreateDatabaseAs struct {
	Node
	Name        Path
	IfNotExists bool
	Comment     *Text
	With        *Options
	Source      Path
	Including   []Text // empty: all
	Excluding   []Text
	Renames     []Rename
	Hint        *Options
}

// Rename is 'pattern' TO 'name' of RENAME TABLE.
type Rename struct{ From, To Text }

// BeginStatementSet is BEGIN STATEMENT SET, or EXECUTE STATEMENT SET BEGIN.
type BeginStatementSet struct{ Node }

// EndStatementSet is END.
type EndStatementSet struct{ Node }

// Show is SHOW CATALOGS, DATABASES, TABLES, COLUMNS, CREATE TABLE, CREATE CATALOG, CURRENT
// CATALOG or CURRENT DATABASE.
type Show struct {
	Node
	What    string
	Of      *Path
	Like    *Text
	AnyCase bool // ILIKE
	Not     bool
}

// Describe is DESCRIBE table, or DESCRIBE CATALOG name.
type Describe struct {
	Node
	Catalog bool
	Of      Path
}

// Explain is EXPLAIN [PLAN FOR] CREATE TABLE …, or EXPLAIN STATEMENT SET BEGIN … END.
type Explain struct {
	Node
	Statements []Statement
}

// Unread is a statement that could not be read, or that is not run here; a finding
// says why.
type Unread struct{ Node }
