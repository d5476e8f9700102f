package emulator

// Errors are made with the codes of today; a session of an older version sees the ones
// that version had.

type olderCode struct {
	since feature // the version since which the code of today is in use
	code  uint16
	state string
}

var olderCodes = map[uint16]olderCode{
	5203: {featureNewErrorCodes, 1252, "42000"},
	5501: {featureNewErrorCodes, 1049, "42000"},
	5502: {featureNewErrorCodes, 1051, "42S02"},
	5509: {featureColumnErrorCode, 1054, "42S22"},
}

// ofVersion is the error as the imitated version codes it.
func (s *Server) ofVersion(e *sqlError) *sqlError {
	old, ok := olderCodes[e.code]
	if !ok || s.has(old.since) {
		return e
	}
	return &sqlError{code: old.code, state: old.state, text: e.text}
}
