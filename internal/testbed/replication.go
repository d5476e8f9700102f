package testbed

import (
	"fmt"
	"testing"
)

// Pair starts two servers of one kind, the second a replica of the first that logs
// what it applies. They stop with the test.
func Pair(t testing.TB, flavor Flavor, args ...string) (primary, replica *Server) {
	t.Helper()
	args = append([]string{"--loose-log-slave-updates=ON", "--loose-relay-log=relay"}, args...)
	primary = forTest(t, flavor, append(args, "--server-id=11", "--report-host=first"))
	replica = forTest(t, flavor, append(args, "--server-id=12", "--report-host=second"))
	replica.ReplicateFrom(t, primary)
	return primary, replica
}

// ReplicateFrom makes the server a replica of another, by GTID.
func (s *Server) ReplicateFrom(t testing.TB, source *Server) {
	t.Helper()
	if s.Flavor == MariaDBFlavor {
		s.Exec(t, fmt.Sprintf("CHANGE MASTER TO MASTER_HOST = '%s', MASTER_PORT = %d, MASTER_USER = '%s', MASTER_PASSWORD = '%s', MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1",
			source.Host, source.Port, source.User, source.Password), "START SLAVE")
		return
	}
	s.Exec(t, fmt.Sprintf("CHANGE REPLICATION SOURCE TO SOURCE_HOST = '%s', SOURCE_PORT = %d, SOURCE_USER = '%s', SOURCE_PASSWORD = '%s', SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1, SOURCE_CONNECT_RETRY = 1",
		source.Host, source.Port, source.User, source.Password), "START REPLICA")
}

// StopReplication leaves the server as it is.
func (s *Server) StopReplication(t testing.TB) {
	t.Helper()
	if s.Flavor == MariaDBFlavor {
		s.Exec(t, "STOP SLAVE")
		return
	}
	s.Exec(t, "STOP REPLICA")
}

// AwaitReplica waits until the server has applied what the other has logged by now.
func (s *Server) AwaitReplica(t testing.TB, source *Server) {
	t.Helper()
	have, wait := "SELECT @@global.gtid_executed", "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 60)"
	if s.Flavor == MariaDBFlavor {
		have, wait = "SELECT @@global.gtid_binlog_pos", "SELECT MASTER_GTID_WAIT(?, 60)"
	}
	var set string
	var failed int
	if err := source.DB().QueryRowContext(t.Context(), have).Scan(&set); err != nil {
		t.Fatal(err)
	}
	if err := s.DB().QueryRowContext(t.Context(), wait, set).Scan(&failed); err != nil || failed != 0 {
		t.Fatalf("the replica does not reach %s within a minute: %d, %v", set, failed, err)
	}
}
