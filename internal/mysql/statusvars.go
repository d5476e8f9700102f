package mysql

import (
	"bytes"
	"encoding/binary"
)

// facts is what a QUERY event says of the session its statement ran in.
type facts struct {
	sqlMode          uint64
	clientCollation  uint64 // of character_set_client; 0 when not said
	serverCollation  uint64 // collation_server
	databaseDefault  uint64 // collation of the default database, when the session had set it
	utf8mb4Collation uint64 // default_collation_for_utf8mb4
	explicitDefaults *bool  // explicit_defaults_for_timestamp
	mariaExplicit    bool   // the same, as MariaDB says it
}

// Codes of the status variables in a QUERY event, with the length of what follows;
// those with a length of their own are read in readFacts.
const (
	varFlags             = 0
	varSQLMode           = 1
	varCatalog           = 2
	varAutoIncrement     = 3
	varCharset           = 4
	varTimeZone          = 5
	varCatalogNZ         = 6
	varLCTimeNames       = 7
	varCharsetDatabase   = 8
	varTableMapForUpdate = 9
	varDataWritten       = 10
	varInvoker           = 11
	varUpdatedDatabases  = 12
	varMicroseconds      = 13
	varExplicitDefaults  = 16
	varDDLWithXID        = 17
	varUTF8MB4Collation  = 18
	varRequirePrimaryKey = 19
	varTableEncryption   = 20
	varMariaHRNow        = 128
	varMariaXID          = 129
)

// mariaExplicitDefaults is the bit of the flags that MariaDB sets for
// explicit_defaults_for_timestamp since it belongs to the session (10.10).
const mariaExplicitDefaults = 1 << 24

var varLengths = map[byte]int{
	varFlags: 4, varSQLMode: 8, varAutoIncrement: 4, varCharset: 6, varLCTimeNames: 2, varCharsetDatabase: 2,
	varTableMapForUpdate: 8, varDataWritten: 4, varMicroseconds: 3, varExplicitDefaults: 1, varDDLWithXID: 8,
	varUTF8MB4Collation: 2, varRequirePrimaryKey: 1, varTableEncryption: 1, varMariaHRNow: 3, varMariaXID: 8,
}

// readFacts reads the status variables of a QUERY event. Servers write them in the
// order of their codes and add new ones at the end: what stands behind a code that
// is not known is left out. ok is false when they are cut short.
func readFacts(vars []byte) (f facts, ok bool) {
	for len(vars) > 0 {
		code := vars[0]
		vars = vars[1:]
		n, fixed := varLengths[code]
		if !fixed {
			n = ownLength(code, vars)
			if n < 0 {
				return f, true
			}
		}
		if n > len(vars) {
			return f, false
		}
		f.set(code, vars[:n])
		vars = vars[n:]
	}
	return f, true
}

func (f *facts) set(code byte, value []byte) {
	number := func(at int) uint64 { return uint64(binary.LittleEndian.Uint16(value[at:])) }
	switch code {
	case varFlags:
		f.mariaExplicit = binary.LittleEndian.Uint32(value)&mariaExplicitDefaults != 0
	case varSQLMode:
		f.sqlMode = binary.LittleEndian.Uint64(value)
	case varCharset:
		f.clientCollation, f.serverCollation = number(0), number(4)
	case varCharsetDatabase:
		f.databaseDefault = number(0)
	case varUTF8MB4Collation:
		f.utf8mb4Collation = number(0)
	case varExplicitDefaults:
		on := value[0] != 0
		f.explicitDefaults = &on
	}
}

// ownLength is the length of a variable that carries it itself; -1 for an unknown
// code, more than there is when it is cut short.
func ownLength(code byte, rest []byte) int {
	short := len(rest) + 1
	switch code {
	case varCatalog, varTimeZone, varCatalogNZ:
		if len(rest) == 0 {
			return short
		}
		n := 1 + int(rest[0])
		if code == varCatalog {
			n++ // a NUL
		}
		return n
	case varInvoker:
		n := 0
		for range 2 { // user, host
			if n >= len(rest) {
				return short
			}
			n += 1 + int(rest[n])
		}
		return n
	case varUpdatedDatabases:
		if len(rest) == 0 {
			return short
		}
		if rest[0] == 254 { // too many to list
			return 1
		}
		n := 1
		for range rest[0] {
			end := bytes.IndexByte(rest[min(n, len(rest)):], 0)
			if end < 0 {
				return short
			}
			n += end + 1
		}
		return n
	}
	return -1
}
