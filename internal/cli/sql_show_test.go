package cli

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"starferry/internal/testbed"
)

// TestCatalogsInSQL asks both sides through one session.
func TestCatalogsInSQL(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB, ...string) *testbed.Server{"MySQL": testbed.MySQL, "MariaDB": testbed.MariaDB} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testCatalogs(t, start(t))
		})
	}
}

func testCatalogs(t *testing.T, s *testbed.Server) {
	port := startEmulator(t).port(t)
	shop := s.Database(t)
	s.Exec(t, "CREATE USER IF NOT EXISTS 'reader'@'%' IDENTIFIED BY 'hunter2'", "GRANT ALL ON *.* TO 'reader'@'%'",
		"CREATE TABLE "+shop+".orders (id INT UNSIGNED PRIMARY KEY, title VARCHAR(20))", "CREATE TABLE "+shop+".items (id INT PRIMARY KEY)",
		"INSERT INTO "+shop+".orders VALUES (7, 'seven')")
	if got := starferry(t, "", "sql", "--port", port, "-e", createOrders); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	catalogs := fmt.Sprintf("CREATE CATALOG mysql WITH ('type'='mysql', 'hostname'='%s', 'port'='%d', 'username'='reader', 'password'='${secret_values.pw}', 'default-database'='%s');\n", s.Host, s.Port, shop) +
		fmt.Sprintf("CREATE CATALOG sr WITH ('type'='starrocks', 'endpoint'='127.0.0.1:%s', 'http-url'='127.0.0.1:1', 'username'='root', 'password'='', 'dbname'='shop');\n", port)
	table := fmt.Sprintf("CREATE TABLE IF NOT EXISTS sr.shop.copied WITH ('starrocks.create.table.properties'='buckets 1', 'starrocks.create.table.mode'='simple') AS TABLE mysql.%s.orders;\n", shop)
	script := filepath.Join(writeFiles(t, map[string]string{"orders.sql": catalogs + "USE CATALOG sr;\n" + table}), "orders.sql")
	ask := func(statements string) result {
		return starferry(t, "", "STARFERRY_SECRET_PW=hunter2", "sql", "--port", "1", "--script", script, "-e", statements)
	}
	for statements, want := range map[string]string{
		"SHOW CATALOGS":                                         "| mysql   |\n| sr      |\n",
		"SHOW CATALOGS LIKE 'm%'":                               "| catalog |\n+---------+\n| mysql   |\n+---------+\n",
		"SHOW CURRENT CATALOG; SHOW CURRENT DATABASE":           "| sr              |\n",
		"SHOW DATABASES LIKE 'sh_p'":                            "| shop     |\n",
		"SHOW DATABASES FROM mysql LIKE '" + shop + "'":         "| " + shop,
		"SHOW TABLES":                                           "| orders",
		"USE CATALOG mysql; SHOW TABLES NOT LIKE 'or%'":         "| items",
		"SHOW TABLES FROM mysql." + shop + " LIKE 'ord%'":       "| orders",
		"SHOW CREATE TABLE mysql." + shop + ".orders":           "`title` varchar(20)",
		"SHOW CREATE TABLE orders":                              "PRIMARY KEY",
		"DESC mysql." + shop + ".orders":                        "| title | varchar(20)",
		"DESCRIBE orders":                                       "| title",
		"SHOW COLUMNS FROM mysql." + shop + ".orders LIKE 'i%'": "| id ",
		"SHOW CREATE CATALOG mysql":                             "'password' = '***'",
		"DESCRIBE CATALOG sr":                                   "| type            | starrocks",
		"SELECT * FROM orders ORDER BY id":                      "| 20 | NULL",
		"USE CATALOG mysql; SELECT * FROM orders":               "| 7  | seven",
		"USE mysql." + shop + "; SELECT * FROM orders":          "| 7  | seven",
	} {
		got := ask(statements)
		if got.code != exitDone || !strings.Contains(strings.ReplaceAll(got.out, "|  7 |", "| 7  |"), want) || strings.Contains(got.out+got.err, "hunter2") {
			t.Errorf("%s: code %d, no %q in\n%s%s", statements, got.code, want, got.out, got.err)
		}
	}
	for statements, want := range map[string]string{
		"SHOW TABLES FROM mysq.x":            "there is no catalog 'mysq'\n  --> -e:1:18\n   |\n 1 | SHOW TABLES FROM mysq.x;\n   |                  ^^^^ did you mean 'mysql'?",
		"SELECT 1;\nSHOW TABLES FROM a.b.c":  "--> -e:2:18\n",
		table:                                "SF7013",
		"DESCRIBE mysql.nothing.nothing":     "ERROR 1",
		"SELECT * FROM mysql." + shop + ".t": "To fix: the server of the current catalog answers this: USE CATALOG mysql; before it",
		"SELECT * FROM sr.shop.orders":       "To fix: the server of the current catalog answers this: write names without the catalog.",
	} {
		if got := ask(statements); got.code != exitNo || !strings.Contains(got.err, want) {
			t.Errorf("%s: code %d, no %q in\n%s%s", statements, got.code, want, got.out, got.err)
		}
	}
	for _, explained := range []string{"EXPLAIN " + table, "EXPLAIN PLAN FOR " + table, "EXPLAIN STATEMENT SET BEGIN\n" + table + "END;"} {
		got := ask(explained)
		if got.code != exitDone || !strings.Contains(got.out, shop+".orders -> shop.copied") || !strings.Contains(got.out, "PRIMARY KEY(`id`)") {
			t.Errorf("%s: code %d\n%s%s", explained, got.code, got.out, got.err)
		}
		file := filepath.Join(writeFiles(t, map[string]string{"x.sql": catalogs + explained}), "x.sql")
		alone := starferry(t, "", "STARFERRY_SECRET_PW=hunter2", "sql", "-f", file)
		if alone.code != exitDone || alone.out != got.out {
			t.Errorf("%s in a file: code %d\n%s%s", explained, alone.code, alone.out, alone.err)
		}
		if whole := starferry(t, "", "STARFERRY_SECRET_PW=hunter2", "explain", file); whole.code != exitDone || !strings.Contains(whole.out, shop+".orders -> shop.copied") {
			t.Errorf("%s explained: code %d\n%s%s", explained, whole.code, whole.out, whole.err)
		}
		if ran := starferry(t, "", "STARFERRY_SECRET_PW=hunter2", "run", "--data-dir", t.TempDir(), file); ran.code != exitNo || !strings.Contains(ran.err, "the statement behind EXPLAIN is not run") {
			t.Errorf("%s run: code %d\n%s%s", explained, ran.code, ran.out, ran.err)
		}
	}
	// Without catalogs everything is the server's.
	if got := starferry(t, "", "STARFERRY_SQL_PASSWORD=hunter2", "sql", "--host", s.Host, "--port", strconv.Itoa(s.Port), "--user", "reader", "-e", "SHOW TABLES FROM "+shop+" LIKE 'ord%'; SHOW FULL TABLES FROM "+shop); got.code != exitDone || !strings.Contains(got.out, "BASE TABLE") {
		t.Errorf("%+v", got)
	}
}

func TestLike(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"a%", "abc", true}, {"%c", "abc", true}, {"%b%", "abc", true}, {"a_c", "abc", true}, {"a_", "abc", false}, {"", "", true}, {"%", "", true},
		{"_", "", false}, {`a\_c`, "abc", false}, {`a\_c`, "a_c", true}, {`\%`, "%", true}, {`\%`, "x", false}, {"%%x", "aax", true}, {"a%b%c", "axxbyyc", true},
		{"a%b%c", "axxbyy", false}, {`\`, "x", false}, {"日_", "日本", true},
	} {
		if like([]rune(c.pattern), []rune(c.text)) != c.want {
			t.Errorf("%q like %q", c.text, c.pattern)
		}
	}
}
