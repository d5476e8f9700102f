package testbed

import (
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
)

// ClusterVariable names a real StarRocks cluster to test against, instead of the
// embedded server: user:password@host:9030,http=8030, or with the address for loads
// written out, user:password@host:9030,loadhost:8030.
const ClusterVariable = "STARFERRY_STARROCKS"

// Cluster is a running StarRocks: where it is, and who its administrator is. Query
// and Load are host:port.
type Cluster struct {
	Query, Load    string
	User, Password string
}

// NamedCluster reads ClusterVariable; nil when it is not set. Its errors do not
// repeat the value, which has a password in it.
func NamedCluster() (*Cluster, error) {
	value := os.Getenv(ClusterVariable)
	if value == "" {
		return nil, nil
	}
	return parseCluster(value)
}

var errClusterForm = errors.New(ClusterVariable + " must be user:password@host:9030,http=8030 or user:password@host:9030,loadhost:8030")

func parseCluster(value string) (*Cluster, error) {
	// A password may hold any of the separators; an address holds no @.
	at := strings.LastIndexByte(value, '@')
	if at < 0 {
		return nil, errClusterForm
	}
	user, password, hasPassword := strings.Cut(value[:at], ":")
	query, load, hasLoad := strings.Cut(value[at+1:], ",")
	if port, same := strings.CutPrefix(load, "http="); same {
		host, _, err := net.SplitHostPort(query)
		if err != nil {
			return nil, errClusterForm
		}
		load = net.JoinHostPort(host, port)
	}
	if user == "" || !hasPassword || !hasLoad || !isAddress(query) || !isAddress(load) {
		return nil, errClusterForm
	}
	return &Cluster{Query: query, Load: load, User: user, Password: password}, nil
}

func isAddress(text string) bool {
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" || strings.ContainsAny(text, ",=/ ") {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}
