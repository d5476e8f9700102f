package mysql

import (
	"fmt"
	"strings"

	"starferry/internal/change"
	"starferry/internal/diag"
	"starferry/internal/mysql/cells"
)

// uncarried refuses a column whose type has a name that is carried, and another form in
// the log than that name tells.
func (s *Source) uncarried(table change.Name, column, shown string, t change.Type) error {
	why, fix := "", ""
	modify := fmt.Sprintf("ALTER TABLE %s MODIFY %s …;", quotedTable(table), quoted(column))
	switch {
	case s.server.Flavor == MariaDB && strings.Contains(shown, "COMPRESSED"):
		why, fix = "is COMPRESSED, and the log holds its values compressed", modify+" without COMPRESSED, or ROW_FORMAT=COMPRESSED for the table in its place."
	case t.Base == change.UUID && (strings.Contains(shown, "/* old */") || s.swapsUUIDs()):
		why, fix = "holds UUIDs in the order of bytes that MariaDB used before 10.11.5", "upgrade MariaDB, then ALTER TABLE "+quotedTable(table)+" FORCE;"
	default:
		return nil
	}
	return &diag.Problem{Code: cells.CodeUnsupportedType, Class: diag.Refused,
		Message: fmt.Sprintf("table %s: column `%s` (%s) %s", table, column, shown, why), Fix: fix}
}

// swapsUUIDs tells the versions of MariaDB that store, and log, the parts of a UUID in
// another order; nothing in the log tells.
func (s *Source) swapsUUIDs() bool {
	since := s.server.atLeast
	return !since(10, 11, 5) || since(11, 0, 0) && !since(11, 0, 3) || since(11, 1, 0) && !since(11, 1, 2)
}
