// Package endtoend holds the tests of the whole: the real binary between a real MySQL
// or MariaDB and the embedded StarRocks, whose tables are compared row by row with
// the source's. When STARFERRY_STARROCKS names a real cluster, it takes the place of
// the embedded one, and only what needs faults is skipped. It has no code of its own.
//
// What is random is drawn from a seed that a failing test prints; STARFERRY_SEED
// repeats it as far as the operating system's scheduling allows.
package endtoend
