package cli

import (
	"strconv"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

func TestSQLOnMySQLAndMariaDB(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB, ...string) *testbed.Server{"MySQL": testbed.MySQL, "MariaDB": testbed.MariaDB} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			database := s.Database(t)
			s.Exec(t, "CREATE USER IF NOT EXISTS 'reader'@'%' IDENTIFIED BY 'hunter2'", "GRANT ALL ON *.* TO 'reader'@'%'")
			sql := func(password, statements string) result {
				return starferry(t, "", "STARFERRY_SQL_PASSWORD="+password, "sql", "--host", s.Host, "--port", strconv.Itoa(s.Port),
					"--user", "reader", "--database", database, "-e", statements)
			}
			got := sql("hunter2", `CREATE TABLE t (a INT UNSIGNED PRIMARY KEY, b TEXT);
				INSERT INTO t VALUES (7, 'x;y');
				SELECT * FROM t; SHOW CREATE TABLE t`)
			want := "+---+-----+\n| a | b   |\n+---+-----+\n| 7 | x;y |\n+---+-----+\n"
			if got.code != exitDone || !strings.HasPrefix(got.out, want) || !strings.Contains(got.out, "\n|       |   `b` text") {
				t.Errorf("code %d, said %s\n%s", got.code, got.err, got.out)
			}
			if got := sql("hunter2", "SELECT * FROM nothing"); got.code != exitNo || !strings.Contains(got.err, "ERROR 1146 (42S02): ") {
				t.Errorf("%+v", got)
			}
			if got := sql("hunter2", "CREATE USER u IDENTIFIED BY 'hunter3' 'hunter3'"); got.code != exitNo || !strings.Contains(got.err, "near ''***''") {
				t.Errorf("%+v", got)
			}
			if got := sql("hunter3", "SELECT 1"); got.code != exitNotTried || strings.Contains(got.err, "hunter") {
				t.Errorf("%+v", got)
			}
		})
	}
}
