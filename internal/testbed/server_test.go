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
				if got := ask(t, s, "SELECT COUNT(*) FROM d.t") + ask(t, s, "SELECT @@log_bin") +
					ask(t, s, "SELECT @@binlog_row_metadata"); got != "21FULL" {
					t.Fatal(got)
				}
			}
		})
	}
}

func TestServersDifferInIdentity(t *testing.T) {
	t.Parallel()
	if a, b := ask(t, MySQL(t), "SELECT @@server_uuid"), ask(t, MySQL(t, "--server-id=2"), "SELECT @@server_uuid"); a == b || a == "" {
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
	if left := ask(t, s, "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = '"+name+"'"); left != "0" {
		t.Error(name, left)
	}
}

func ask(t *testing.T, s *Server, query string) (answer string) {
	t.Helper()
	if err := s.DB().QueryRow(query).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}
