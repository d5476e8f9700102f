// Package starrocks is the target: it logs in to a StarRocks cluster, creates and
// compares tables, appends columns, and loads batches of rows.
//
// With exactly-once the loads go into transactions, which hold them back until they are
// committed: of one table, prepared first, or of a whole database, together with the row of
// the ledger that says how far the database has come.
//
// Two channels lead to a cluster: SQL over the MySQL protocol of the frontends'
// query port (catalog, DDL, privileges) and HTTP (stream load). A load is one PUT
// to a frontend, which answers with the address of the backend that takes the
// bytes. What became of a load is never concluded from an error alone: the label
// is asked (get_load_state).
//
// Every load is strict: strict_mode is true, no row may be filtered, and the
// number of rows loaded must be the number of rows sent. One value has no
// faithful form: the JSON document null arrives as SQL NULL.
package starrocks
