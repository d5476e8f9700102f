// Package testbed gives tests, benchmarks and the demo real database servers: a
// private MySQL or MariaDB on 127.0.0.1 with its own data directory, ready in about
// a second, gone with the test, whatever ends the test.
//
// The programs come from the machine when they are installed, otherwise from
// Debian's packages, unpacked into the user's cache without root (debian.go) and run
// through the loader and the libraries that were unpacked with them, so that the
// machine's own C library does not matter (software.go). An initialised data
// directory is kept in the cache and copied for each server (template.go).
//
// Several test binaries may do all this at the same time: the cache is changed only
// under a file lock and only by renaming finished directories into place. A server
// dies with the process that started it (process.go) and the directory it leaves is
// removed by the next one to come along (directory.go).
package testbed
