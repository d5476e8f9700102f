package testbed

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

func TestServersAnswerAndSurviveACrash(t *testing.T) {
	t.Parallel()
	for _, flavor := range []Flavor{MySQLFlavor, MariaDBFlavor} {
		t.Run(flavor.String(), func(t *testing.T) {
			t.Parallel()
			s := forTest(t, flavor, []string{"--binlog-row-metadata=FULL"})
			s.Exec(t, "CREATE DATABASE d", "CREATE TABLE d.t (a INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1), (2)")
			for _, again := range []func() error{s.Kill, s.Shutdown, func() error { return nil }} {
				if err := again(); err != nil {
					t.Fatal(err)
				}
				if err := s.Restart(); err != nil {
					t.Fatal(err)
				}
				var rows int
				var metadata, logging string
				err := s.DB().QueryRow("SELECT COUNT(*), @@global.binlog_row_metadata, @@global.log_bin FROM d.t").Scan(&rows, &metadata, &logging)
				if err != nil || rows != 2 || metadata != "FULL" || logging != "1" {
					t.Fatal(rows, metadata, logging, err)
				}
			}
		})
	}
}

func TestServersDifferInIdentity(t *testing.T) {
	t.Parallel()
	uuid := func(s *Server) (id string) {
		if err := s.DB().QueryRow("SELECT @@server_uuid").Scan(&id); err != nil {
			t.Fatal(err)
		}
		return id
	}
	if a, b := uuid(MySQL(t)), uuid(MySQL(t, "--server-id=2")); a == b || a == "" {
		t.Errorf("both are %s", a)
	}
}

func TestStopRemovesEverything(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), Options{Flavor: MariaDBFlavor})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.Dir()); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", s.Dir(), err)
	}
}

func TestDatabaseIsGoneWithTheTest(t *testing.T) {
	t.Parallel()
	s := MySQL(t)
	var name string
	t.Run("one", func(t *testing.T) {
		name = s.Database(t)
		s.Exec(t, "USE "+name, "CREATE TABLE t (a INT)")
	})
	var left int
	if err := s.DB().QueryRow("SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = ?", name).Scan(&left); err != nil || left != 0 {
		t.Error(name, left, err)
	}
}
