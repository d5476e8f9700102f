// Package change says what happened to a row: tables and their columns, rows as
// text cells, events in the order of the source, positions in its log.
//
// It is a leaf: it imports nothing but the standard library, and every other
// room speaks in its words.
package change
