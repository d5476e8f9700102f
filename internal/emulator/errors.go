package emulator

import (
	"errors"
	"fmt"
	"strings"
)

// sqlError is what a client of the query port sees: MySQL error number, SQLSTATE and text.
type sqlError struct {
	code  uint16
	state string
	text  string
}

func (e *sqlError) Error() string { return fmt.Sprintf("%d (%s): %s", e.code, e.state, e.text) }

func newSQLError(code uint16, state, format string, args ...any) error {
	return &sqlError{code: code, state: state, text: fmt.Sprintf(format, args...)}
}

const analyzing = "Getting analyzing error. Detail message: "

// analysisError is a statement that parses but means nothing here.
func analysisError(format string, args ...any) error {
	return codedAnalysisError(1064, "HY000", format, args...)
}

func codedAnalysisError(code uint16, state, format string, args ...any) error {
	text := strings.TrimSuffix(fmt.Sprintf(format, args...), ".")
	return &sqlError{code: code, state: state, text: analyzing + text + "."}
}

// ddlError is a refusal of the executing side, without the analyzer's prefix.
func ddlError(format string, args ...any) error {
	return newSQLError(1064, "HY000", format, args...)
}

// notEmulated refuses what StarRocks can do and this server cannot, so that nobody
// mistakes silence for success.
func notEmulated(what string) error {
	return newSQLError(1064, "HY000", "not implemented by the embedded server: %s", what)
}

func errUnknownDatabase(name string) error {
	return newSQLError(5501, "3F000", "Unknown database '%s'", name)
}

func errUnknownTable(db, name string) error {
	return codedAnalysisError(5502, "42602", "Unknown table '%s.%s'", db, name)
}

func errNoDatabase() error { return newSQLError(1046, "3D000", "No database selected") }

func errUnresolved(name string) error {
	return analysisError("Column '%s' cannot be resolved", name)
}

// errDenied is the text of a missing privilege; object is for example "TABLE orders".
func errDenied(privilege, object string) error {
	return newSQLError(5203, "42000", "Access denied; you need (at least one of) the %s privilege(s) on %s for this operation. "+
		"Please ask the admin to grant permission(s) or try activating existing roles using <set [default] role>. "+
		"Current role(s): NONE. Inactivated role(s): NONE.", privilege, object)
}

// messageOf is the text of an error without our own decoration.
func messageOf(err error) string {
	if e, ok := errors.AsType[*sqlError](err); ok {
		return e.text
	}
	return err.Error()
}
