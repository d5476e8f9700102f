// Package binlog takes the events of a binary log apart, as a dump connection delivers
// them. Events are views into what was read and nothing is copied: what is kept beyond
// the next event has to be copied by who keeps it. An event is only framed and its
// checksum checked; what it says is read when somebody asks.
//
// Every reader of an event refuses what is cut short, and ignores what stands behind the
// fields it knows: servers add fields at the end.
package binlog
