package ddl

// Session is what the event of a statement says of its session, and what is known
// of its server: the same text means different things without it.
type Session struct {
	// Database is the default database of the session, for names without one.
	Database string
	// ANSIQuotes and NoBackslashEscapes are the sql_modes that change what a quote
	// or a backslash is; RealAsFloat makes REAL a FLOAT.
	ANSIQuotes, NoBackslashEscapes, RealAsFloat bool
	// OracleMode is MariaDB's sql_mode=ORACLE, in which type names have other
	// meanings: columns defined under it are refused.
	OracleMode bool
	MariaDB    bool
	// ExplicitDefaultsForTimestamp is the variable of that name: without it the
	// first TIMESTAMP gets a default and all of them are NOT NULL.
	ExplicitDefaultsForTimestamp bool
	// DatabaseCharset and DatabaseCollation are the defaults of the statement's
	// database, for CREATE TABLE without charset.
	DatabaseCharset, DatabaseCollation string
	// DefaultCollation gives the server's default collation of a charset; where it
	// is nil or answers "", the compiled-in default of current servers is taken.
	DefaultCollation func(charset string) string
	// GenerateInvisiblePrimaryKey is sql_generate_invisible_primary_key.
	GenerateInvisiblePrimaryKey bool
}

// Bits of the sql_mode in Q_SQL_MODE_CODE, the same on both servers.
const (
	modeRealAsFloat        = 1 << 0
	modeANSIQuotes         = 1 << 2
	modeOracle             = 1 << 9
	modeNoBackslashEscapes = 1 << 20
)

// SessionModes reads the two sql_modes that change how a text is split into words.
func SessionModes(sqlMode uint64) (ansiQuotes, noBackslashEscapes bool) {
	return sqlMode&modeANSIQuotes != 0, sqlMode&modeNoBackslashEscapes != 0
}

// SetModes sets everything in s that follows from the event's sql_mode. MariaDB
// must be set before: MySQL 5.7 has the bit of ORACLE, but not its types.
func (s *Session) SetModes(sqlMode uint64) {
	s.ANSIQuotes, s.NoBackslashEscapes = SessionModes(sqlMode)
	s.RealAsFloat = sqlMode&modeRealAsFloat != 0
	s.OracleMode = s.MariaDB && sqlMode&modeOracle != 0
}
