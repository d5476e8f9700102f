package ddl

import "starferry/internal/change"

// Statement is one of the types below.
type Statement interface{ isStatement() }

// CreateTable is CREATE TABLE in all its forms.
type CreateTable struct {
	Name                              change.Name
	IfNotExists, OrReplace, Temporary bool
	// Table is the table made, version 1; nil when the statement does not say it:
	// Like, Select, or Problem.
	Table *change.Table
	// Like is the table whose columns are taken.
	Like *change.Name
	// Select tells that (further) columns come from a query.
	Select bool
	// Problem says why Table is nil though the statement defines columns.
	Problem error
}

// DropTable is DROP TABLE.
type DropTable struct {
	Names               []change.Name
	IfExists, Temporary bool
}

// RenameTable is RENAME TABLE; its renames happen in order.
type RenameTable struct{ Renames []Rename }

// Rename is one of a RenameTable. IfExists tells that From may not have been there
// (then nothing happened).
type Rename struct {
	From, To change.Name
	IfExists bool
}

// TruncateTable is TRUNCATE TABLE.
type TruncateTable struct{ Name change.Name }

// AlterTable is ALTER TABLE (and DROP INDEX `PRIMARY`). Clauses that change
// neither columns nor the primary key nor rows are not in it.
type AlterTable struct {
	Name     change.Name
	IfExists bool
	// RenameTo is the new name of the table.
	RenameTo *change.Name
	Changes  []Change
	// RowsGone names a clause that removes, exchanges or brings rows without row
	// events, such as "DROP PARTITION" or "IMPORT TABLESPACE"; empty when there is none.
	RowsGone string
	// Exchanged is the other table whose rows change with RowsGone (EXCHANGE
	// PARTITION … WITH TABLE, CONVERT PARTITION … TO TABLE).
	Exchanged *change.Name
}

// CreateDatabase is CREATE DATABASE. Charset and Collation are empty when it does
// not say any: then the server's defaults hold.
type CreateDatabase struct {
	Name, Charset, Collation string
	IfNotExists, OrReplace   bool
}

// AlterDatabase is ALTER DATABASE; Charset and Collation are empty when unchanged.
type AlterDatabase struct{ Name, Charset, Collation string }

// DropDatabase is DROP DATABASE.
type DropDatabase struct {
	Name     string
	IfExists bool
}

// RowsByStatement is a statement that may change rows and was logged as text: what
// it did is not in row events. Names are the tables it can have changed, as far as
// the text shows them (more than it did change, when it joins tables); none for
// CALL, DO and SELECT, whose routines may change any.
type RowsByStatement struct {
	Verb  string
	Names []change.Name
}

// Other is a statement without effect on any table's columns or rows.
type Other struct{ Verb string }

func (*CreateTable) isStatement()     {}
func (*DropTable) isStatement()       {}
func (*RenameTable) isStatement()     {}
func (*TruncateTable) isStatement()   {}
func (*AlterTable) isStatement()      {}
func (*CreateDatabase) isStatement()  {}
func (*AlterDatabase) isStatement()   {}
func (*DropDatabase) isStatement()    {}
func (*RowsByStatement) isStatement() {}
func (*Other) isStatement()           {}

// Change is one clause of an AlterTable.
type Change interface{ isChange() }

// AddColumn is ADD COLUMN. At most one of First and After is set.
type AddColumn struct {
	column      definition
	First       bool
	After       string
	IfNotExists bool
}

// ChangeColumn is CHANGE COLUMN, and MODIFY COLUMN where the name stays.
type ChangeColumn struct {
	From     string
	column   definition
	First    bool
	After    string
	IfExists bool
}

// DropColumn is DROP COLUMN.
type DropColumn struct {
	Column   string
	IfExists bool
}

// RenameColumn is RENAME COLUMN.
type RenameColumn struct {
	From, To string
	IfExists bool
}

// SetDefault is ALTER COLUMN … SET DEFAULT and DROP DEFAULT.
type SetDefault struct {
	Column   string
	value    defaultValue
	IfExists bool
}

// SetVisibility is ALTER COLUMN … SET VISIBLE | INVISIBLE.
type SetVisibility struct {
	Column    string
	Invisible bool
}

// AddPrimaryKey is ADD PRIMARY KEY, the columns in key order.
type AddPrimaryKey struct {
	Columns     []string
	IfNotExists bool
}

// DropPrimaryKey is DROP PRIMARY KEY.
type DropPrimaryKey struct{ IfExists bool }

// NotNull says that a clause makes columns NOT NULL besides (a PERIOD does).
type NotNull struct{ Columns []string }

// TableCharset is DEFAULT CHARSET and COLLATE, and with Convert set CONVERT TO
// CHARACTER SET. An empty Charset of a Convert is the database's default.
type TableCharset struct {
	Charset, Collation string
	Convert            bool
}

// TableComment is COMMENT.
type TableComment struct{ Comment string }

// Unhandled is a clause that touches columns in a way not handled, or that is not
// known: Apply refuses it.
type Unhandled struct{ Clause, Reason string }

func (*AddColumn) isChange()      {}
func (*ChangeColumn) isChange()   {}
func (*DropColumn) isChange()     {}
func (*RenameColumn) isChange()   {}
func (*SetDefault) isChange()     {}
func (*SetVisibility) isChange()  {}
func (*AddPrimaryKey) isChange()  {}
func (*DropPrimaryKey) isChange() {}
func (*NotNull) isChange()        {}
func (*TableCharset) isChange()   {}
func (*TableComment) isChange()   {}
func (*Unhandled) isChange()      {}
