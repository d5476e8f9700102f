package emulator

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// release is a StarRocks version, for example 3.5.4. A version that was given without
// its last part is the newest of its line.
type release [3]int

// ErrVersion is a version that cannot be imitated.
var ErrVersion = errors.New("want 2.5 or later, for example 3.5 or 3.5.4")

const newestPatch = math.MaxInt32

// oldestRelease is the oldest version that can be imitated.
var oldestRelease = release{2, 5, 0}

func parseRelease(text string) (release, error) {
	bad := func() (release, error) {
		return release{}, fmt.Errorf("version %q: %w", text, ErrVersion)
	}
	parts := strings.Split(text, ".")
	if len(parts) != 2 && len(parts) != 3 {
		return bad()
	}
	r := release{0, 0, newestPatch}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return bad()
		}
		r[i] = int(n)
	}
	if !r.atLeast(oldestRelease) {
		return bad()
	}
	return r, nil
}

func (r release) atLeast(other release) bool {
	for i := range r {
		if r[i] != other[i] {
			return r[i] > other[i]
		}
	}
	return true
}

// feature is something that StarRocks can do since some version.
type feature uint8

const (
	featureCSVQuoting          feature = iota // headers enclose, escape, trim_space, skip_header
	featureAutoIncrement                      // AUTO_INCREMENT columns
	featureVarbinary                          // BINARY and VARBINARY columns
	featureRejectedRecords                    // header log_rejected_record_num
	featureDelimiterEscapes                   // \t and \n written out in delimiter headers
	featureManyTransactions                   // 1000 running transactions per database, before it 100
	featureFastSchemaEvolution                // ADD and DROP COLUMN without a job
	featureJSONCompression                    // headers compression and Content-Encoding
	featureNewErrorCodes                      // 5203, 5501, 5502
	featureColumnErrorCode                    // 5509
	featureMergeCommit
	featureHandshake8      // the handshake says 8.0.33, before it 5.1.0
	featurePreparedTimeout // header prepared_timeout
	featureMultiTable      // transactions over several tables
	featureWideDecimal     // DECIMAL of up to 76 digits
	featureLoadNames       // Db and Table in the answer to a load
	featureBase64Binary    // a CSV field of a VARBINARY column is base64, before it hex
)

// introduced is the first version with a feature.
var introduced = map[feature]release{
	featureCSVQuoting: {3, 0, 0}, featureAutoIncrement: {3, 0, 0}, featureVarbinary: {3, 0, 0}, featureRejectedRecords: {3, 1, 0}, featureDelimiterEscapes: {3, 1, 0},
	featureManyTransactions: {3, 2, 0}, featureFastSchemaEvolution: {3, 2, 0}, featureJSONCompression: {3, 2, 7}, featureBase64Binary: {3, 2, 0},
	featureNewErrorCodes: {3, 3, 0}, featureColumnErrorCode: {3, 4, 0}, featureMergeCommit: {3, 4, 0}, featureHandshake8: {3, 5, 0},
	featurePreparedTimeout: {3, 5, 4}, featureMultiTable: {4, 0, 0}, featureWideDecimal: {4, 0, 0}, featureLoadNames: {4, 1, 0},
}

// backported are the first versions of older lines with a feature. Db and Table came into
// three lines on one day, 10 November 2025; that their next releases have them is inferred.
var backported = map[feature][]release{featureLoadNames: {{3, 5, 9}, {4, 0, 2}}}

// has tells whether the version that the server imitates has a feature.
func (s *Server) has(f feature) bool { return s.cfg.has(f) }

func (c *Config) has(f feature) bool {
	for _, first := range backported[f] {
		if c.release[0] == first[0] && c.release[1] == first[1] {
			return c.release.atLeast(first)
		}
	}
	return c.release.atLeast(introduced[f])
}

// handshakeVersion is the MySQL version that the server says it is.
func (s *Server) handshakeVersion() string {
	if s.has(featureHandshake8) {
		return "8.0.33"
	}
	return "5.1.0"
}

// fullVersion is current_version(): the release and the commit it was built from.
func (s *Server) fullVersion() string {
	v := s.cfg.Version
	if strings.Count(v, ".") < 2 {
		v += ".0"
	}
	return v + "-embedded"
}
