package binlog

import (
	"encoding/binary"
	"fmt"
)

// TableID is the number that a rows event or a table map has for its table.
func (e *Event) TableID() (uint64, error) {
	if len(e.Body) < 8 {
		return 0, errCut
	}
	return binary.LittleEndian.Uint64(e.Body) & (1<<48 - 1), nil
}

// noTable is the number in the event by which older servers end a statement without
// rows.
const noTable = 0x00ffffff

// EndsWithoutRows tells a rows event of no table.
func (e *Event) EndsWithoutRows() bool {
	id, err := e.TableID()
	return err == nil && id == noTable && len(e.Body) <= 12
}

// MapsTable is the name of the table that a table map is about.
func MapsTable(body []byte) (database, table []byte, err error) {
	c := cut{p: body}
	database, table = c.tableName()
	return database, table, c.err()
}

func (c *cut) tableName() (database, table []byte) {
	c.bytes(6 + 2) // number, flags
	database = c.bytes(int(c.uint(1)))
	c.bytes(1) // a NUL
	table = c.bytes(int(c.uint(1)))
	c.bytes(1)
	return database, table
}

// TableMap is what the log tells of a table before its rows. What it does not tell is
// nil.
type TableMap struct {
	ID uint64
	// MariaDB wrote it, which counts other types as text.
	MariaDB bool
	Types   []byte   // the code of every column's type
	Metas   []uint16 // what more there is to a type
	// Signs has a bit per numeric column, the first the highest; 1 is unsigned.
	Signs []byte
	// Collations of the character columns: either DefaultCollation, then the number (of a
	// character column) and collation of those that have another; or one for each.
	DefaultCollation []uint64
	Collations       []uint64
	Names            [][]byte
	Enums, Sets      [][][]byte // the members, of every column of the kind
}

// Fields behind the columns of a table map.
const (
	mapSigns            = 1
	mapDefaultCollation = 2
	mapCollations       = 3
	mapNames            = 4
	mapSets             = 5
	mapEnums            = 6
)

// ReadTableMap reads the body of a table map; what it returns are views into it.
func ReadTableMap(body []byte, mariaDB bool) (*TableMap, error) {
	c := cut{p: body}
	c.tableName()
	if c.bad {
		return nil, errCut
	}
	m := &TableMap{MariaDB: mariaDB, ID: binary.LittleEndian.Uint64(body) & (1<<48 - 1)}
	columns := c.length(c.packed())
	m.Types = c.bytes(columns)
	metas := cut{p: c.packedBytes()}
	c.bytes((columns + 7) / 8) // which may be NULL
	if c.bad {
		return nil, errCut
	}
	m.Metas = make([]uint16, columns)
	for i, code := range m.Types {
		size, known := metaSize(code)
		if !known {
			return nil, fmt.Errorf("column %d has a type (%d) that is not known", i+1, code)
		}
		raw := metas.bytes(size)
		switch {
		case size == 1 && raw != nil:
			m.Metas[i] = uint16(raw[0])
		case size == 2 && raw != nil && highFirst(code):
			m.Metas[i] = binary.BigEndian.Uint16(raw)
		case size == 2 && raw != nil:
			m.Metas[i] = binary.LittleEndian.Uint16(raw)
		}
	}
	if metas.bad {
		return nil, errCut
	}
	for len(c.p) > 0 {
		field := c.uint(1)
		value := cut{p: c.packedBytes()}
		if c.bad || !m.tell(field, &value) {
			return nil, errCut
		}
	}
	return m, nil
}

// tell takes one of the fields behind the columns; false when it is cut short.
func (m *TableMap) tell(field uint64, value *cut) bool {
	switch field {
	case mapSigns:
		m.Signs = value.p
	case mapDefaultCollation:
		m.DefaultCollation = value.numbers()
		return !value.bad && len(m.DefaultCollation)%2 == 1
	case mapCollations:
		m.Collations = value.numbers()
	case mapNames:
		for len(value.p) > 0 {
			m.Names = append(m.Names, value.bytes(int(value.uint(1))))
		}
		return !value.bad && len(m.Names) == len(m.Types)
	case mapSets:
		m.Sets = value.members()
	case mapEnums:
		m.Enums = value.members()
	}
	return !value.bad
}

func (c *cut) numbers() (list []uint64) {
	for len(c.p) > 0 {
		list = append(list, c.packed())
	}
	return list
}

func (c *cut) members() (list [][][]byte) {
	for len(c.p) > 0 {
		one := [][]byte{}
		for range c.length(c.packed()) { // each takes a byte at least
			one = append(one, c.packedBytes())
		}
		list = append(list, one)
	}
	return list
}

// Codes of column types that stand in a table map.
const (
	typeDecimal           = 0
	typeTiny              = 1
	typeShort             = 2
	typeLong              = 3
	typeFloat             = 4
	typeDouble            = 5
	typeNull              = 6
	typeTimestamp         = 7
	typeLongLong          = 8
	typeInt24             = 9
	typeDate              = 10
	typeTime              = 11
	typeDateTime          = 12
	typeYear              = 13
	typeNewDate           = 14
	typeVarChar           = 15
	typeBit               = 16
	typeTimestamp2        = 17
	typeDateTime2         = 18
	typeTime2             = 19
	typeCompressedBlob    = 140 // MariaDB's
	typeCompressedVarChar = 141
	typeVector            = 242
	typeJSON              = 245
	typeNewDecimal        = 246
	typeBlob              = 252
	typeVarString         = 253
	typeString            = 254
	typeGeometry          = 255
)

// metaSize is how many bytes say more of a type.
func metaSize(code byte) (size int, known bool) {
	switch code {
	case typeDecimal, typeTiny, typeShort, typeLong, typeNull, typeTimestamp, typeLongLong, typeInt24, typeDate, typeTime, typeDateTime, typeYear, typeNewDate:
		return 0, true
	case typeFloat, typeDouble, typeTimestamp2, typeDateTime2, typeTime2, typeCompressedBlob, typeVector, typeJSON, typeBlob, typeGeometry:
		return 1, true
	case typeVarChar, typeBit, typeCompressedVarChar, typeNewDecimal, typeVarString, typeString:
		return 2, true
	}
	return 0, false
}

// highFirst tells types with two numbers in what is said more of them.
func highFirst(code byte) bool { return code == typeNewDecimal || code == typeString }
