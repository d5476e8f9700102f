package mysql

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// Flavor is the family of a server.
type Flavor string

const (
	MySQL   Flavor = "MySQL"
	MariaDB Flavor = "MariaDB"
)

// ServerInfo says what kind of server this is, for explain and for people.
type ServerInfo struct {
	Version string // as the server says it, for example "9.7.4" or "10.11.19-MariaDB-log"
	Flavor  Flavor
	// ID tells one server from another: server_uuid, on MariaDB a hash of server_id,
	// host name and data directory.
	ID       string
	GTIDMode string // gtid_mode of MySQL; "" on MariaDB
	// Barrier is the low barrier that pages will use: "consistent snapshot", "gtid",
	// "lock" or "window".
	Barrier    string
	Encrypted  bool
	Major      int
	Minor      int
	Patch      int
	FoldsNames bool // lower_case_table_names is not 0
}

// Server says what Connect learnt about the server.
func (s *Source) Server() ServerInfo { return s.server }

func (s *Source) serverInfo(encrypted bool) ServerInfo {
	v := s.variables
	info := ServerInfo{Version: v["version"], Flavor: MySQL, GTIDMode: v["gtid_mode"], Encrypted: encrypted}
	if strings.Contains(strings.ToLower(v["version"]+" "+v["version_comment"]), "mariadb") {
		info.Flavor, info.GTIDMode = MariaDB, ""
	}
	info.Major, info.Minor, info.Patch = versionNumbers(info.Version)
	info.FoldsNames = v["lower_case_table_names"] != "0" && v["lower_case_table_names"] != ""
	info.ID = identity(info.Flavor, v["server_uuid"], v["server_id"], v["hostname"], v["datadir"])
	info.Barrier = s.barrierName(info)
	return info
}

// identity names a server. MariaDB has no server_uuid (11.x has server_uid, younger
// than most servers).
func identity(flavor Flavor, uuid, id, host, datadir string) string {
	if flavor == MySQL {
		return uuid
	}
	sum := sha256.Sum256([]byte(id + "\x00" + host + "\x00" + datadir))
	return "mariadb-" + hex.EncodeToString(sum[:8])
}

// identityQuery asks for the parts of identity.
func (s *Source) identityQuery() string {
	if s.server.Flavor == MySQL {
		return "SELECT @@server_uuid, '', '', ''"
	}
	return "SELECT '', @@global.server_id, @@hostname, @@datadir"
}

// versionNumbers reads the three numbers a version begins with. MariaDB behind
// some proxies says 5.5.5-10.11.6-MariaDB.
func versionNumbers(version string) (major, minor, patch int) {
	version = strings.TrimPrefix(version, "5.5.5-")
	end := strings.IndexFunc(version, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end >= 0 {
		version = version[:end]
	}
	numbers := [3]int{}
	for i, part := range strings.SplitN(version, ".", 3) {
		numbers[i], _ = strconv.Atoi(part) // an empty part is 0
	}
	return numbers[0], numbers[1], numbers[2]
}

func (i ServerInfo) atLeast(major, minor, patch int) bool {
	if i.Major != major {
		return i.Major > major
	}
	if i.Minor != minor {
		return i.Minor > minor
	}
	return i.Patch >= patch
}

// followsGTID tells whether streams are opened by GTID set.
func (i ServerInfo) followsGTID() bool { return i.Flavor == MySQL && i.GTIDMode == "ON" }

// fold is a table's or database's name as this server compares it.
func (s *Source) fold(name string) string {
	if s.server.FoldsNames {
		return strings.ToLower(name)
	}
	return name
}
