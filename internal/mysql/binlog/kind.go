package binlog

import "fmt"

// Kind is what an event says, by its code in the log.
type Kind byte

// The kinds that somebody looks at. Codes from 160 on are MariaDB's.
const (
	KindQuery           Kind = 2
	KindStop            Kind = 3
	KindRotate          Kind = 4
	KindFormat          Kind = 15
	KindXID             Kind = 16
	KindLoadQuery       Kind = 18
	KindTableMap        Kind = 19
	KindWriteRowsV1     Kind = 23
	KindUpdateRowsV1    Kind = 24
	KindDeleteRowsV1    Kind = 25
	KindIncident        Kind = 26
	KindHeartbeat       Kind = 27
	KindWriteRows       Kind = 30
	KindUpdateRows      Kind = 31
	KindDeleteRows      Kind = 32
	KindGTID            Kind = 33
	KindAnonymousGTID   Kind = 34
	KindPreviousGTIDs   Kind = 35
	KindXAPrepare       Kind = 38
	KindPartialUpdate   Kind = 39
	KindPayload         Kind = 40
	KindHeartbeatV2     Kind = 41
	KindTaggedGTID      Kind = 42
	KindMariaCheckpoint Kind = 161
	KindMariaGTID       Kind = 162
	KindMariaGTIDList   Kind = 163
	KindMariaQuery      Kind = 165 // compressed, like those below
	KindMariaWriteRows  Kind = 166
	KindMariaUpdateRows Kind = 167
	KindMariaDeleteRows Kind = 168
)

// HasRows tells an event of rows.
func (k Kind) HasRows() bool {
	switch k {
	case KindWriteRows, KindUpdateRows, KindDeleteRows, KindWriteRowsV1, KindUpdateRowsV1, KindDeleteRowsV1, KindPartialUpdate,
		KindMariaWriteRows, KindMariaUpdateRows, KindMariaDeleteRows:
		return true
	}
	return false
}

func (k Kind) String() string { return fmt.Sprintf("number %d", byte(k)) }
