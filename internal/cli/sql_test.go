package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const createOrders = `-- a table; with a comment
CREATE DATABASE shop;
CREATE TABLE shop.orders (id INT NOT NULL, title VARCHAR(40), price DECIMAL(10,2)) PRIMARY KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES("replication_num" = "1");
INSERT INTO shop.orders VALUES (1, 'it''s; 日本', 3.50), (20, NULL, -1);
`

const ordersBox = `+----+------------+-------+
| id | title      | price |
+----+------------+-------+
|  1 | it's; 日本 |  3.50 |
| 20 | NULL       | -1.00 |
+----+------------+-------+
`

func TestSQL(t *testing.T) {
	t.Parallel()
	port := startEmulator(t).port(t)
	file := filepath.Join(t.TempDir(), "setup.sql")
	if err := os.WriteFile(file, []byte(createOrders), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := starferry(t, "", "sql", "--port", port, "-f", file); got.code != exitDone || got.out != "" || got.err != strings.Repeat("Query OK\n", 3) {
		t.Fatalf("%+v", got)
	}
	const ask = "SELECT * FROM shop.orders ORDER BY id"
	const answer = ordersBox
	for name, got := range map[string]result{
		"-e":           starferry(t, "", "sql", "--port", port, "-e", ask),
		"-e, variable": starferry(t, "", "STARFERRY_SQL_PORT="+port, "sql", "-e", ask+";"),
		"stdin":        starferry(t, ask+" ;\n", "sql", "--port", port),
		"stdin, lines": starferry(t, strings.ReplaceAll(ask, " ", "\n"), "sql", "--port", port),
		"database":     starferry(t, "", "sql", "--port", port, "--database", "shop", "-e", "SELECT * FROM orders ORDER BY id"),
		"USE":          starferry(t, "USE shop; SELECT * FROM orders ORDER BY id;", "sql", "--port", port),
		"quit":         starferry(t, ask+";\nquit\nSELECT 1;", "sql", "--port", port),
	} {
		if got.code != exitDone || got.out != answer {
			t.Errorf("%s: code %d, said %q\n%s", name, got.code, got.err, got.out)
		}
	}
	if got := starferry(t, "", "sql", "--port", port, "-e", "SELECT * FROM shop.orders WHERE id = 7"); got.code != exitDone || got.out != "" || got.err != "Empty set\n" {
		t.Errorf("%+v", got)
	}
	got := starferry(t, "", "sql", "--port", port, "-e", "SELECT * FROM shop.nothing; SELECT 1")
	if got.code != exitNo || got.out != "" || !strings.Contains(got.err, "error[SF7011]: ERROR ") || !strings.Contains(got.err, "nothing") {
		t.Errorf("%+v", got)
	}
	if got := starferry(t, "", "sql", "--port", port, "-f", filepath.Join(filepath.Dir(file), "none")); got.code != exitNotTried || !strings.Contains(got.err, "cannot read") {
		t.Errorf("%+v", got)
	}
}

func TestSQLPasswords(t *testing.T) {
	t.Parallel()
	port := startEmulator(t, "--user", "admin", "--password", "hunter2").port(t)
	sql := func(args ...string) result {
		got := starferry(t, "", append(args, "sql", "--port", port, "--user", "admin", "-e", "CREATE USER 'u' IDENTIFIED BY 'hunter3' IDENTIFIED")...)
		if strings.Contains(got.out+got.err, "hunter") {
			t.Errorf("a password is shown: %+v", got)
		}
		return got
	}
	if got := sql("STARFERRY_SQL_PASSWORD=hunter2"); got.code != exitNo || !strings.Contains(got.err, "SF7011") {
		t.Errorf("%+v", got)
	}
	for _, env := range []string{"STARFERRY_SQL_PASSWORD=hunter2x", "STARFERRY_SQL_PASSWORD=", "X=y"} {
		if got := sql(env); got.code != exitNotTried || !strings.Contains(got.err, "'admin'") || !strings.Contains(got.err, "give the password in STARFERRY_SQL_PASSWORD") {
			t.Errorf("%s: %+v", env, got)
		}
	}
}
