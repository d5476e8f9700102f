package testbed

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
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
	if err := s.follow(t.Context(), source); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) follow(ctx context.Context, source *Server) error {
	if s.Flavor == MariaDBFlavor {
		return s.run(ctx, fmt.Sprintf("CHANGE MASTER TO MASTER_HOST = '%s', MASTER_PORT = %d, MASTER_USER = '%s', MASTER_PASSWORD = '%s', MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1",
			source.Host, source.Port, source.User, source.Password), "START SLAVE")
	}
	return s.run(ctx, fmt.Sprintf("CHANGE REPLICATION SOURCE TO SOURCE_HOST = '%s', SOURCE_PORT = %d, SOURCE_USER = '%s', SOURCE_PASSWORD = '%s', SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1, SOURCE_CONNECT_RETRY = 1",
		source.Host, source.Port, source.User, source.Password), "START REPLICA")
}

// StopReplication leaves the server as it is.
func (s *Server) StopReplication(t testing.TB) {
	t.Helper()
	if err := s.stopReplication(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) stopReplication(ctx context.Context) error {
	if s.Flavor == MariaDBFlavor {
		return s.run(ctx, "STOP SLAVE")
	}
	return s.run(ctx, "STOP REPLICA")
}

// AwaitReplica waits until the server has applied what the other has logged by now.
func (s *Server) AwaitReplica(t testing.TB, source *Server) {
	t.Helper()
	if err := s.await(t.Context(), source); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) await(ctx context.Context, source *Server) error {
	have, wait := "SELECT @@global.gtid_executed", "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 60)"
	if s.Flavor == MariaDBFlavor {
		have, wait = "SELECT @@global.gtid_binlog_pos", "SELECT MASTER_GTID_WAIT(?, 60)"
	}
	var set string
	var failed int
	if err := source.DB().QueryRowContext(ctx, have).Scan(&set); err != nil {
		return err
	}
	if err := s.DB().QueryRowContext(ctx, wait, set).Scan(&failed); err != nil {
		return fmt.Errorf("waiting for the replica to reach %s: %w", set, err)
	}
	if failed != 0 {
		return fmt.Errorf("the replica does not reach %s within a minute: %s", set, s.replicaErrors(ctx))
	}
	return nil
}

// replicaErrors is what the replica says of itself, each column of its status that holds an
// error or a state.
func (s *Server) replicaErrors(ctx context.Context) string {
	show := "SHOW REPLICA STATUS"
	if s.Flavor == MariaDBFlavor {
		show = "SHOW SLAVE STATUS"
	}
	rows, err := s.DB().QueryContext(ctx, show)
	if err != nil {
		return err.Error()
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil || !rows.Next() {
		return fmt.Sprintf("%s tells nothing (%v)", show, err)
	}
	values := make([]sql.NullString, len(columns))
	into := make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	if err := rows.Scan(into...); err != nil {
		return err.Error()
	}
	var said []string
	for i, column := range columns {
		if values[i].String != "" && (strings.HasSuffix(column, "_Error") || strings.Contains(column, "_Running") || strings.HasSuffix(column, "_Gtid_Set")) {
			said = append(said, column+"="+values[i].String)
		}
	}
	return strings.Join(said, ", ")
}

// TakeOver makes a replica the primary, as soon as it has everything that the other has
// logged: nobody may write before it is done.
func (s *Server) TakeOver(ctx context.Context, old *Server) error {
	if err := s.await(ctx, old); err != nil {
		return err
	}
	if err := s.stopReplication(ctx); err != nil {
		return err
	}
	if s.Flavor == MariaDBFlavor {
		return s.run(ctx, "RESET SLAVE ALL")
	}
	return s.run(ctx, "RESET REPLICA ALL")
}

// StepDown makes a primary the replica of the one that took over.
func (s *Server) StepDown(ctx context.Context, primary *Server) error {
	if s.Flavor == MariaDBFlavor {
		if err := s.run(ctx, "SET GLOBAL gtid_slave_pos = @@global.gtid_binlog_pos"); err != nil {
			return err
		}
	}
	return s.follow(ctx, primary)
}

// run runs statements as root that need no session.
func (s *Server) run(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if _, err := s.db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %s: %w", s.Flavor, statement, err)
		}
	}
	return nil
}
