package mysql

import (
	"errors"
	"testing"

	"starferry/internal/diag"
	"starferry/internal/ferry"
	"starferry/internal/testbed"
)

// Without GTIDs an exact page takes a lock for a moment. Whoever may not, or finds a
// writer that does not let go, is told that there is no barrier, and waits instead.
func TestExactPageWithoutGTIDs(t *testing.T) {
	t.Parallel()
	server := testbed.MySQL(t, "--gtid-mode=OFF", "--enforce-gtid-consistency=OFF")
	server.Exec(t, "CREATE DATABASE e", "CREATE TABLE e.t (id INT PRIMARY KEY, v INT)", "INSERT INTO e.t VALUES (1, 1)",
		"CREATE USER reader IDENTIFIED BY 'reader'", "GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO reader")
	s := connect(t, server)
	if b := s.Server().Barrier; b != barrierWindow {
		t.Fatalf("barrier %s", b)
	}
	request := pageRequest(describe(t, s, "e", "t"), start(t, s))
	request.Exact = true
	if page, err := s.ReadPage(t.Context(), request); err != nil || page.Rows.Len() != 1 {
		t.Fatalf("exact page: %v", err)
	}

	reader := connect(t, server, func(c *Config) { c.User, c.Password = "reader", diag.NewSecret("reader") })
	if _, err := reader.ReadPage(t.Context(), request); !errors.Is(err, ferry.ErrNoBarrier) {
		t.Errorf("without the privilege: %v", err)
	}

	writer, err := server.DB().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Rollback()
	if _, err := writer.ExecContext(t.Context(), "UPDATE e.t SET v = 2"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ReadPage(t.Context(), request); !errors.Is(err, ferry.ErrNoBarrier) {
		t.Errorf("behind a writer: %v", err)
	}
	request.Exact = false
	if page, err := s.ReadPage(t.Context(), request); err != nil || page.Rows.Len() != 1 {
		t.Errorf("page without a lock: %v", err)
	}
}
