// Package ddl reads the statements that servers write into their binlogs as text
// (MySQL 5.7 to 9.x, MariaDB 10.5 to 11) and applies their effect to a
// change.Table.
//
// The invariant: a table that Apply or Parse hands out is exactly what the server
// made of it, or there is an error that names the clause. Nothing is guessed. So
// the reader is tolerant where a clause cannot touch columns (it skips it by
// balanced parentheses) and strict where it can (a column attribute or an ALTER
// clause it does not know is an error, but only for the table concerned: the
// names of a statement are read first, and a statement on tables nobody follows
// may be as strange as it likes).
//
// Rejected: the parsers at hand, which refuse between a fifth (MySQL) and most
// (MariaDB) of what the servers accept; and reading information_schema again
// when a DDL passes, which describes the table of now and not of then.
//
// Texts are expected in UTF-8: the caller converts from the character_set_client
// of the event. Names are kept as written: the caller folds them where the server
// does (lower_case_table_names).
package ddl
