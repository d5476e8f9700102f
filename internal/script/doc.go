// Package script reads the SQL dialect of deployments: Flink's, as far as catalogs,
// settings and the CREATE TABLE … AS TABLE family go.
//
// Parse never stops at the first mistake. It picks up again at the next option, at
// the next clause or at the next semicolon, and reports one finding for each cause:
// what follows from a mistake already reported is left unsaid. Every node knows the
// bytes it came from.
//
// Statements that parse are not yet statements that run: package plan decides that,
// so that a script can be printed, formatted and checked as a whole.
package script
